"""Say that there is no room for temporary files: a full disk in, D305 out."""

import errno
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import UnreachableError
from engine.problems import Origin, Problem

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def room_for_files() -> Iterator[None]:
    """Raise UnreachableError if the disk of the temporary files becomes full."""
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise _no_room(error.strerror or "full") from None
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_FULL:
            raise
        raise _no_room(str(error)) from None


def _no_room(cause: str) -> UnreachableError:
    message = f"there is no room for temporary files: {cause}."
    return UnreachableError([Problem(Origin(tempfile.gettempdir()), "D305", message)])
