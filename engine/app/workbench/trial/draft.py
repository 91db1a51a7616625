"""A draft of a partner's spec: folders in, a copy out in which a table is changed.

What is tried is written into a temporary folder only, until somebody writes it back.
"""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import (
    TableFile,
    read_table_file,
    table_of_text,
)
from engine.app.workbench.tables.writing import locked, write_tables
from engine.app.workbench.trial.rows import RowChange, changed
from engine.app.workbench.versions import special_files
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.spec import Folders


class Draft:
    """A copy of the files of one partner; one of its field tables may be changed."""

    def __init__(self, folders: Folders, table: TableId) -> None:
        self.real = folders
        self.table = table
        self.changes: list[RowChange] = []
        self._written: list[tuple[TableFile, bytes]] = []
        """What was there before each `write`, and what it has written."""
        self._folder = TemporaryDirectory(prefix="feldwerk-")
        self.folders = Folders(Path(self._folder.name).resolve())
        if folders.standard.is_dir():
            shutil.copytree(folders.standard, self.folders.standard)
        self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    @property
    def path(self) -> Path:
        """The changed table in the copy."""
        return self.folders.root / self.table.path

    @property
    def is_changed(self) -> bool:
        return self.content.text() != self._base.text()

    def read(self) -> None:
        """Read the table anew; what was changed in it goes on top."""
        path = self.real.root / self.table.path
        self._base = self.content = read_table_file(path, self.table)
        for change in self.changes:
            self.content = changed(self.content, change)

    def change(self, change: RowChange) -> None:
        """Change a row; raises SpecError if it is not told which one."""
        self.content = changed(self.content, change)
        self.changes.append(change)

    def take(self, text: str) -> None:
        """Take the whole table as somebody has edited it."""
        content = table_of_text(text, self.table)
        self.content = replace(content, stored=self._base.stored)
        self.changes.clear()

    def drop(self) -> None:
        """Forget every change."""
        self.changes.clear()
        self.read()

    def copy(self) -> None:
        """Bring the copy up to date with the files and with what is tried."""
        partner = self.table.partner
        for place in (Folders.connector, Folders.mappings, Folders.schemas):
            _copy(place(self.real, partner), place(self.folders, partner))
        if self.is_changed:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_bytes(self.content.text().encode())

    def write(self) -> Path:
        """
        Write the table back; rows that were not changed keep their text.

        Raises SpecError if somebody else has changed the file since it was read, or if
        it cannot be written.
        """
        before, after = self._base, self.content
        with locked(self.real):
            if self._now() != before.stored:
                message = "was changed by somebody else since it was read."
                raise SpecError([Problem(Origin(self.table.path), "S072", message)])
            write_tables(self.real, [after])
        self._written.append((before, after.text().encode()))
        self.drop()
        return self.real.root / self.table.path

    def take_back(self) -> Path | None:
        """
        Write what was there before the last `write`; None if nothing is left of it.

        Raises SpecError if somebody else has changed the file since then.
        """
        if not self._written:
            return None
        before, after = self._written[-1]
        with locked(self.real):
            if self._now() != after:
                message = "was changed by somebody else since it was written; it stays."
                hint = "Change it back by hand."
                place = Origin(self.table.path)
                raise SpecError([Problem(place, "S072", message, hint)])
            write_tables(self.real, [replace(before, stored=after)])
        self._written.pop()
        self.drop()
        return self.real.root / self.table.path

    def _now(self) -> bytes | None:
        path = self.real.root / self.table.path
        return path.read_bytes() if path.is_file() else None


def _left_out(folder: str, names: list[str]) -> set[str]:
    kept_beside = shutil.ignore_patterns(".*", "*~", "#*")
    return {*kept_beside(folder, names), *special_files(folder, names)}


def _copy(source: Path, target: Path) -> None:
    """Make a file or a folder of the copy the same as the real one."""
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        # Files that an editor keeps beside may vanish while they are copied.
        copy = partial(shutil.copyfile, follow_symlinks=True)
        shutil.copytree(source, target, copy_function=copy, ignore=_left_out)
    elif source.is_file():
        shutil.copyfile(source, target)
