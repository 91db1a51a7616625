"""Read a workbook: a path in, its tables as the sheets have them and problems out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.app.workbench.book.marks import is_report
from engine.app.workbench.book.memory import memory_of
from engine.app.workbench.sheets.book_grid import grids_of
from engine.app.workbench.sheets.grid import Grid
from engine.app.workbench.sheets.tab_reading import Bases, read_grid
from engine.app.workbench.tables.layout import (
    CHOICES,
    COVER,
    MEMORY,
    OVERVIEW,
    PROBLEMS,
    TableId,
)
from engine.app.workbench.tables.sheettable import SheetTable
from engine.errors import SpecError
from engine.problems import Origin, Problem, errors, sort

WRITTEN = frozenset((COVER, OVERVIEW, PROBLEMS, MEMORY, CHOICES))
"""Tabs that Feldwerk writes and does not read."""
_NONE: Bases = {}


@dataclass(frozen=True)
class Book:
    """
    What a workbook says: its tables, and what is wrong with them.

    `base` is what the tables were when they were exported, also those without a tab.
    """

    source: str
    tables: tuple[SheetTable, ...]
    base: Bases
    problems: tuple[Problem, ...]
    is_marked: bool = False
    """Whether a check has painted its problems into it."""


def read_book(path: Path, known: Iterable[TableId] = (), bases: Bases = _NONE) -> Book:
    """
    Read all tables of a workbook, as far as they can be read.

    `known` are tables that a tab may mean by its name alone, `bases` what tables were
    of which the workbook does not say it. Raises SpecError if the file is no workbook,
    or none with tables.
    """
    return book_of(str(path), grids_of(path), known, bases)


def book_of(
    source: str, grids: Sequence[Grid], known: Iterable[TableId], bases: Bases = _NONE
) -> Book:
    """
    Read the tables of all tabs, as far as they can be read.

    `bases` are what tables were, where no tab of them keeps it. Raises SpecError if
    no tab is a table.
    """
    memory = next((grid for grid in grids if grid.tab == MEMORY), None)
    exported = memory_of(_rows(memory)) if memory else {}
    before = {**bases, **exported}
    reports = {grid.tab for grid in grids if is_report(grid.tab, _titles(grid))}
    passed_over = WRITTEN | reports
    readings = [
        read_grid(grid, before, known) for grid in grids if grid.tab not in passed_over
    ]
    tables = [one.table for one in readings if one.table is not None]
    problems = [problem for one in readings for problem in one.problems]
    problems += _twice(tables)
    if not tables and not errors(problems):
        message = "no tab of it is a table of Feldwerk."
        raise SpecError([*problems, Problem(Origin(source), "S025", message)])
    return Book(source, tuple(tables), exported, sort(problems), bool(reports))


def _titles(grid: Grid) -> list[str]:
    return [cell.text for _, cell in sorted(grid.rows.get(1, {}).items())]


def _twice(tables: Iterable[SheetTable]) -> list[Problem]:
    first: dict[TableId, SheetTable] = {}
    problems = []
    for sheet in tables:
        other = first.setdefault(sheet.table, sheet)
        if other is not sheet:
            message = f"{sheet.table} stands here and in the tab '{other.tab}'."
            problems.append(Problem(sheet.at(1), "S027", message))
    return problems


def _rows(grid: Grid) -> list[list[str]]:
    """Return the texts of a tab row by row, without gaps between the rows."""
    return [
        [row[number].text if number in row else "" for number in range(1, max(row) + 1)]
        for _, row in sorted(grid.rows.items())
    ]
