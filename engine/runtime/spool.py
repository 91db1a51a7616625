"""A list on disk that nobody else can open: values in, the same values out, in order.

It holds what a run is about to send, personal data among it, so the file is unlinked
as soon as it is open: whatever ends the process, nothing stays behind.
"""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

import orjson


class Spool:
    """An append-only list of JSON values in an anonymous temporary file."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._count = 0

    def append(self, value: Any) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the spool
        self._file.write(orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE))
        self._count += 1

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Any]:
        """Yield the values from the beginning; appending meanwhile is not allowed."""
        if self._file is None:
            return
        self._file.seek(0)
        for line in self._file:
            yield orjson.loads(line)
        self._file.seek(0, 2)

    def close(self) -> None:
        """Forget the values, also those that a full disk has not taken."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
