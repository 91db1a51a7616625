"""Write tables into the files of the specs: TableFiles in, the paths written out.

Who writes holds the lock of the specs, so that of two commands each sees what the other
has written; what else changed a file since it was read, is noticed and stays.
"""

import glob
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir

from filelock import FileLock

from engine.app.workbench.tables.replacing import replace_file
from engine.app.workbench.tables.tablefile import TableFile
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.spec import Folders


class _ChangedError(Exception):
    """A file is not any more what it was when it was read."""


@contextmanager
def locked(folders: Folders) -> Iterator[None]:
    """Keep other commands from writing tables; within itself it may be entered anew."""
    # Beside the specs the lock would be one more file to commit by mistake.
    root = hashlib.sha256(os.fsencode(folders.root.resolve())).hexdigest()[:16]
    path = Path(gettempdir()) / f"feldwerk-{os.getuid()}-{root}.lock"
    with FileLock(path, is_singleton=True):
        yield


def write_tables(folders: Folders, files: Iterable[TableFile]) -> list[str]:
    """
    Write tables, each as a whole or not at all; return their paths below the root.

    Raises SpecError if one was changed since it was read, or cannot be written; those
    before it are. None is written if a change is seen before the first one.
    """
    wanted = list(files)
    changed = [file for file in wanted if _content(_path(folders, file)) != file.stored]
    if changed:
        raise SpecError([_changed_meanwhile(file) for file in changed])
    written: list[str] = []
    for file in wanted:
        try:
            _write_file(_path(folders, file), file)
        except _ChangedError:
            problem = _changed_meanwhile(file, _told(written))
            raise SpecError([problem]) from None
        except OSError as error:
            message = f"cannot be written: {error.strerror}.{_told(written)}"
            place = Origin(file.table.path)
            raise SpecError([Problem(place, "S039", message)]) from None
        written.append(file.table.path)
    return written


def _path(folders: Folders, file: TableFile) -> Path:
    return folders.root / file.table.path


def _told(written: list[str]) -> str:
    return f" These are written: {', '.join(written)}." if written else ""


def _changed_meanwhile(file: TableFile, more: str = "") -> Problem:
    message = f"was changed by somebody else since it was read; it stays.{more}"
    return Problem(Origin(file.table.path), "S085", message)


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _write_file(path: Path, file: TableFile) -> None:
    """Write a table unless its file was changed meanwhile."""
    path.parent.mkdir(exist_ok=True)
    target = path.resolve()
    for left in target.parent.glob(f".{glob.escape(target.name)}.*.new"):
        left.unlink(missing_ok=True)  # of a command that was killed

    def need_unchanged(now: Path) -> None:
        if _content(now) != file.stored:
            raise _ChangedError

    replace_file(target, file.text().encode(), need_unchanged)
