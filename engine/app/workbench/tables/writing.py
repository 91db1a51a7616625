"""Write tables into the files of the specs: TableFiles in, the paths written out."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from engine.app.workbench.tables.tablefile import TableFile
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.spec import Folders


def write_tables(folders: Folders, files: Iterable[TableFile]) -> list[str]:
    """
    Write tables, each as a whole or not at all; return their paths below the root.

    Raises SpecError if one cannot be written; those before it are.
    """
    written: list[str] = []
    for file in files:
        path = folders.root / file.table.path
        try:
            path.parent.mkdir(exist_ok=True)
            _replace_file(path, file.text().encode())
        except OSError as error:
            message = f"cannot be written: {error.strerror}."
            if written:
                message += f" These are written: {', '.join(written)}."
            place = Origin(file.table.path)
            raise SpecError([Problem(place, "S039", message)]) from None
        written.append(file.table.path)
    return written


def _replace_file(path: Path, content: bytes) -> None:
    """Replace a file in one step: who reads it, sees the old one or the new one."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, draft)
    os.replace(draft, target)  # noqa: PTH105 - the step that counts, by its own name
