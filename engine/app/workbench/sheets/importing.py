"""Take what people have changed in a workbook into the files of the specs.

A workbook and folders in; the tables that change out, or every reason why none does.
One doubtful cell is enough: a person decides, then all is taken at once.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.app.workbench.sheets.difference_words import quoted
from engine.app.workbench.sheets.reading import Book, read_book
from engine.app.workbench.sheets.tab_reading import Bases
from engine.app.workbench.tables.known_tables import misplaced, tables_there
from engine.app.workbench.tables.layout import TITLES
from engine.app.workbench.tables.merging import Difference, Merged, merged
from engine.app.workbench.tables.sheettable import SheetTable
from engine.app.workbench.tables.tablefile import TableFile, read_table_file
from engine.errors import SpecError
from engine.problems import Origin, Problem, errors, sort
from engine.runtime.library import check_partner
from engine.spec import Folders


@dataclass(frozen=True)
class TableChange:
    """A table: its sheet, how its file is, and what comes of both."""

    sheet: SheetTable
    before: TableFile
    merged: Merged

    @property
    def is_changed(self) -> bool:
        return bool(self.merged.taken)


@dataclass(frozen=True)
class Import:
    """What a workbook changes; `notices` are worth knowing and stop nothing."""

    source: str
    tables: tuple[TableChange, ...]
    notices: tuple[Problem, ...]
    is_marked: bool = False
    """Whether a check has painted its problems into the workbook."""
    base: Bases = field(default_factory=dict)
    """What the workbook says that its tables were before."""

    @property
    def changed(self) -> tuple[TableChange, ...]:
        return tuple(table for table in self.tables if table.is_changed)

    @property
    def is_behind(self) -> bool:
        """Whether the files have, or will have, what the workbook has changed."""
        return any(table.merged.of("both") or table.is_changed for table in self.tables)

    @property
    def partners(self) -> tuple[str, ...]:
        """Return the partners of which a table changes."""
        names = (table.before.table.partner for table in self.changed)
        return tuple(dict.fromkeys(names))


def prepared(path: Path, folders: Folders) -> Import:
    """
    Say what the import of a workbook changes; nothing is written.

    Raises SpecError with all that speaks against it: cells that a spreadsheet spoilt,
    tables that nobody has, changes that sheet and file made differently.
    """
    book = read_beside_files(path, folders)
    problems = [*book.problems, *misplaced(folders, book.tables)]
    with_tab = {sheet.table for sheet in book.tables}
    for table in book.base:
        if table not in with_tab:
            message = f"{table} has no tab here; it stays as it is."
            problems.append(Problem(Origin(book.source), "S037", message))
    tables = []
    for sheet in book.tables:
        before = read_table_file(folders.root / sheet.table.path, sheet.table)
        if before.rows and sheet.table not in book.base:
            message = "is compared with the file: nothing says what it was before."
            problems.append(Problem(Origin(book.source, 0, sheet.tab), "S038", message))
        result = merge_sheet(sheet, before)
        problems += conflicts(sheet, result)
        tables.append(TableChange(sheet, before, result))
    if errors(problems):
        raise SpecError(sort(problems))
    return Import(book.source, tuple(tables), sort(problems), book.is_marked, book.base)


def read_beside_files(path: Path, folders: Folders) -> Book:
    """
    Read a workbook as `read_book` does; a table of which it does not say what it was
    before was what its file is.
    """
    known = list(tables_there(folders))
    book = read_book(path, known)
    unsaid = [sheet.table for sheet in book.tables if sheet.base is None]
    if not unsaid:
        return book
    files = {t: read_table_file(folders.root / t.path, t).cells for t in unsaid}
    return read_book(path, known, files)


def merge_sheet(sheet: SheetTable, file: TableFile) -> Merged:
    """Take what a sheet has changed since its base, or else since the file, into it."""
    base = file.cells if sheet.base is None else sheet.base
    return merged(base, sheet.cells, file, columns=sheet.columns, numbers=sheet.numbers)


def conflicts(sheet: SheetTable, result: Merged) -> Iterator[Problem]:
    """Yield a problem for each cell that sheet and file have changed differently."""
    for found in result.conflicts:
        yield Problem(_place(sheet, found), "S036", _disagreement(found))


def _place(sheet: SheetTable, found: Difference) -> Origin:
    if found.sheet is None:
        return Origin(sheet.source, 0, sheet.tab)
    return sheet.at(sheet.rows[found.sheet].line, found.column)


def _disagreement(found: Difference) -> str:
    """Say how sheet and file differ, beside what both were made from."""
    if found.kind == "dropped" and found.sheet is None:
        return f"'{found.row}' is dropped here, and changed in the file."
    if found.kind == "dropped":
        return f"'{found.row}' is changed here, and dropped from the file."
    title = TITLES[found.column]
    was = f"; it was {quoted(found.base)}" if found.base else ""
    here, there = quoted(found.theirs), quoted(found.ours)
    return f"{title} of '{found.row}' is {here} here and {there} in the file{was}."


def checked(folders: Folders, partners: Iterable[str]) -> tuple[Problem, ...]:
    """Check the partners whose tables were written."""
    return sort(p for partner in partners for p in check_partner(folders, partner))
