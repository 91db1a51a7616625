"""Keep checked use cases between runs: files in, the same out until one changes."""

import threading
from collections.abc import Iterator
from pathlib import Path

from engine.problems import Origin
from engine.runtime.library import UseCase, get_use_case
from engine.spec import Folders

_State = tuple[tuple[str, int, int], ...]


class Specs:
    """The use cases of a process; each is read again when one of its files changed."""

    def __init__(self) -> None:
        self._found: dict[tuple[Path, str, str], tuple[_State, UseCase]] = {}
        self._reading = threading.Lock()

    def find(
        self, folders: Folders, partner: str, use_case: str, origin: Origin
    ) -> UseCase:
        """Return a use case as `get_use_case` does; raises SpecError as it does."""
        key = (folders.root, partner, use_case)
        with self._reading:
            state = tuple(_state(folders, partner, use_case))
            known = self._found.get(key)
            if known is None or known[0] != state:
                known = state, get_use_case(folders, partner, use_case, origin)
                self._found[key] = known
        return known[1]


def _state(
    folders: Folders, partner: str, use_case: str
) -> Iterator[tuple[str, int, int]]:
    """Yield each file of a use case with what changes when it is written."""
    mappings = folders.mappings(partner)
    groups = (
        [folders.connector(partner), mappings / "partner.yaml"],
        (mappings / use_case).rglob("*"),
        folders.schemas(partner).rglob("*"),
    )
    for path in sorted(path for group in groups for path in group if path.is_file()):
        found = path.stat()
        yield str(path), found.st_mtime_ns, found.st_size
