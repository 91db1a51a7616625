"""Check specs as a workbook would make them: a book in, marks for its cells out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from engine.app.visible import plain
from engine.app.workbench.book.marks import Mark
from engine.app.workbench.sheets.importing import (
    conflicts,
    merge_sheet,
    read_beside_files,
)
from engine.app.workbench.sheets.refusals import Refusal
from engine.app.workbench.tables.known_tables import misplaced
from engine.app.workbench.tables.layout import TITLE_ROW
from engine.app.workbench.tables.merging import Merged
from engine.app.workbench.tables.pairing import paired
from engine.app.workbench.tables.sheettable import SheetTable
from engine.app.workbench.tables.tablefile import Cells, read_table_file
from engine.app.workbench.tables.writing import write_tables
from engine.app.workbench.versions import copied
from engine.problems import CATALOGUE, Origin, Problem, sort
from engine.runtime.library import check_partner
from engine.spec import Folders


@dataclass(frozen=True)
class CheckedSheet:
    """A table of a workbook, and which line of its file is which row of its tab."""

    sheet: SheetTable
    lines: Mapping[int, int]

    def cell(self, line: int, column: str, message: str) -> str:
        """Return the cell of a place in the file; at the titles if it has none."""
        row = self.lines.get(line) or self._unfilled(message) or TITLE_ROW
        return f"{self.letter(column)}{row}"

    def letter(self, column: str) -> str:
        """Return the letter of a column; of one that the tab lacks, of its key."""
        columns, key = self.sheet.columns, self.sheet.table.key[0]
        return columns.get(column) or columns.get(key) or "A"

    def line_of(self, row: Cells) -> int | None:
        """Return where a row stands in the tab that was part of another version."""
        pairs = paired(self.sheet.table, [row], self.sheet.cells)
        place = pairs.new_of.get(0)
        return None if place is None else self.sheet.rows[place].line

    def _unfilled(self, message: str) -> int | None:
        """Return the row of a field that only a message names: it has no rule yet."""
        for line, field in self.sheet.unfilled.items():
            if f"'{field}'" in message:
                return line
        return None


def check_book(
    path: Path, folders: Folders, refusals: Iterable[Refusal] = ()
) -> list[Mark]:
    """
    Return a mark for each problem of a workbook, and for each of the refusals in it.

    Raises SpecError if the file is no workbook with tables. Nothing is written.
    """
    book = read_beside_files(path, folders)
    wrong = misplaced(folders, book.tables)
    nowhere = {problem.origin for problem in wrong}
    usable = {sheet.table: sheet for sheet in book.tables if sheet.at(1) not in nowhere}
    marks = [mark_of(problem) for problem in (*book.problems, *wrong)]
    results = []
    for sheet in usable.values():
        before = read_table_file(folders.root / sheet.table.path, sheet.table)
        results.append(merge_sheet(sheet, before))
        marks += [mark_of(problem) for problem in conflicts(sheet, results[-1])]
    placed, found = _checked(folders, usable.values(), results)
    marks += [_of_file(problem, placed) for problem in found]
    marks += [_of_refusal(one, placed) for one in refusals if one.table in usable]
    return list(dict.fromkeys(marks))


def _checked(
    folders: Folders, sheets: Iterable[SheetTable], results: Sequence[Merged]
) -> tuple[dict[str, CheckedSheet], Sequence[Problem]]:
    """Check the specs as an import would leave them; nothing of it stays."""
    placed: dict[str, CheckedSheet] = {}
    for sheet, result in zip(sheets, results, strict=True):
        lines = {
            line: sheet.rows[row].line
            for line, row in zip(result.file.lines(), result.sheet_rows, strict=True)
            if row is not None
        }
        placed[sheet.table.path] = CheckedSheet(sheet, lines)
    partners = dict.fromkeys(result.file.table.partner for result in results)
    with copied(folders, partners) as there:
        write_tables(there, (result.file for result in results))
        return placed, sort(p for name in partners for p in check_partner(there, name))


def mark_of(problem: Problem) -> Mark:
    """Return the mark of a problem; of one that names its cell, for it: objekte!C7."""
    tab, _, cell = problem.origin.column.rpartition("!")
    if not tab:
        place = problem.origin.column or problem.origin.file
        return _mark(problem, place, "", "")
    return _mark(problem, tab, tab, f"A{cell}" if cell.isdigit() else cell)


def _of_file(problem: Problem, placed: Mapping[str, CheckedSheet]) -> Mark:
    """Return the mark of a problem that names a line of a file."""
    origin = problem.origin
    here = placed.get(origin.file)
    if here is None:
        return _mark(problem, str(origin), "", "")
    cell = here.cell(origin.line, origin.column, problem.message)
    return _mark(problem, str(here.sheet.table), here.sheet.tab, cell)


def _mark(problem: Problem, table: str, tab: str, cell: str) -> Mark:
    entry = CATALOGUE[problem.code]
    return Mark(
        plain(table),
        tab,
        cell,
        problem.level,
        problem.code,
        entry.title,
        plain(problem.message),
        plain(problem.suggestion or entry.remedy),
    )


def _of_refusal(refusal: Refusal, placed: Mapping[str, CheckedSheet]) -> Mark:
    """Return the mark of what a run could not send or a partner did not take."""
    here = placed[refusal.table.path]
    tab = cell = ""
    if line := here.line_of(refusal.row):
        tab, cell = here.sheet.tab, f"{here.letter(refusal.column)}{line}"
    problem = Problem(Origin(refusal.table.path), refusal.code, refusal.message)
    return replace(_mark(problem, str(refusal.table), tab, cell), level="info")
