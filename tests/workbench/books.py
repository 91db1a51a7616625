"""Workbooks that tests change: cells as people do, parts as nobody should."""

import shutil
import zipfile
from pathlib import Path

from changed_specs import call, copied
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter

from engine.app.workbench.book.workbook import make_book, write_book
from engine.app.workbench.tables.layout import FIRST_ROW, TITLE_ROW, TITLES
from engine.spec import Folders


def exported(root: Path, path: Path, *partners: str) -> Path:
    """Export partners of a root; all if none is named."""
    write_book(path, make_book(Folders(root), partners).book, force=True)
    return path


def repacked(path: Path, **changes) -> Path:
    """
    Write a workbook anew with other parts, by their path.

    A change is the new content, a function of the old one, or None to take it out.
    """
    parts = {}
    with zipfile.ZipFile(path) as old:
        for name in old.namelist():
            parts[name] = old.read(name)
    for name, change in changes.items():
        content = change(parts[name]) if callable(change) else change
        parts[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, content in parts.items():
            if content is not None:
                new.writestr(name, content)
    return path


class Tab:
    """A tab of a table, by its titles and the names of its rows."""

    def __init__(self, sheet) -> None:
        self.sheet = sheet

    @property
    def titles(self) -> dict[str, int]:
        row = self.sheet[TITLE_ROW]
        return {cell.value: cell.column for cell in row if cell.value}

    def letter(self, column: str) -> str:
        return get_column_letter(self.titles[TITLES[column]])

    def line(self, name: str, number: int = 1) -> int:
        """Return the row whose key is a name, marked as required or not."""
        column = next(
            self.titles[t] for t in ("Partnerfeld", "ERP-Wert") if t in self.titles
        )
        found = [
            row
            for row in range(FIRST_ROW, self.sheet.max_row + 1)
            if str(self.sheet.cell(row, column).value or "").removesuffix(" *") == name
        ]
        return found[number - 1]

    def place(self, name: str, column: str, number: int = 1) -> str:
        return f"{self.letter(column)}{self.line(name, number)}"

    def cell(self, name: str, column: str, number: int = 1):
        return self.sheet[self.place(name, column, number)]

    def put(self, name: str, column: str, value, number: int = 1) -> None:
        self.cell(name, column, number).value = value

    @property
    def last(self) -> int:
        """Return the last row that holds something."""
        return max(
            cell.row for row in self.sheet.iter_rows() for cell in row if cell.value
        )

    def add(self, line: int | None = None, **cells) -> int:
        line = line or self.last + 1
        for column, value in cells.items():
            self.sheet.cell(line, self.titles[TITLES[column]]).value = value
        return line

    def rows(self) -> list[list]:
        """Return the values of the rows below the titles."""
        width = max(self.titles.values())
        return [
            [self.sheet.cell(line, number).value for number in range(1, width + 1)]
            for line in range(FIRST_ROW, self.last + 1)
        ]

    def replace_rows(self, rows) -> None:
        """Put other rows below the titles, as sorting does."""
        self.sheet.delete_rows(FIRST_ROW, self.sheet.max_row)
        for line, row in enumerate(rows, FIRST_ROW):
            for number, value in enumerate(row, 1):
                self.sheet.cell(line, number).value = value


class Bench:
    """A copy of the specs and a workbook that was exported from it."""

    def __init__(self, folder: Path, book: Path) -> None:
        self.root = copied(folder / "root")
        self.book = folder / "book.xlsx"
        shutil.copyfile(book, self.book)

    def edit(self, change, tab: str = "objekte") -> None:
        """Change a tab of the workbook and save it; `change` gets the Tab."""
        book = load_workbook(self.book)
        change(Tab(book[tab]))
        book.save(self.book)

    def edit_book(self, change) -> None:
        book = load_workbook(self.book)
        change(book)
        book.save(self.book)

    def take(self, *words):
        """Import the workbook."""
        return call("sheet", "import", self.book, "--root", self.root, *words)

    def codes(self) -> dict[str, str]:
        """Import the workbook, which fails; return the code at each place."""
        found = self.take("--json")
        assert found.code == 2, found.out
        return {
            one["column"]: one["code"]
            for one in found.json()["problems"]
            if one["level"] == "error"
        }

    @property
    def folder(self) -> Path:
        return self.root / "mappings/partners/etg24/stammdaten"

    def table(self, name: str = "objekte") -> str:
        return (self.folder / f"{name}.csv").read_text("utf-8")

    def files(self) -> dict[str, bytes]:
        """Return every table of the root."""
        paths = sorted((self.root / "mappings").rglob("*.csv"))
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths
        }
