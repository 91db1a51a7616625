"""Read a workbook: a path in, its tables as the sheets have them and problems out."""

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl.styles.numbers import is_date_format, is_timedelta_format
from openpyxl.utils import range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from engine.app.workbench.book.memory import memory_of
from engine.app.workbench.sheets.book_xml import (
    LAST_COLUMN,
    LAST_ROW,
    MOST_CELLS,
    RawCell,
    RawTab,
    Tab,
    read_formats,
    read_shared,
    read_tab,
    read_tabs,
)
from engine.app.workbench.sheets.grid import Grid, clean
from engine.app.workbench.sheets.open_book import (
    BROKEN,
    DAMAGED,
    TOO_LARGE,
    open_book,
    refused,
)
from engine.app.workbench.sheets.spoiled import Cell
from engine.app.workbench.sheets.tab_reading import Bases, read_grid
from engine.app.workbench.sheets.xml_stream import BrokenError, TooLargeError
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
_MOST_TABS = 1_000
_NONE: Bases = {}
_KINDS = {"b": "boolean", "e": "error", "d": "date"}
_TRUTHS = {"1": "TRUE", "0": "FALSE"}


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


def tables_of(path: Path) -> list[SheetTable]:
    """Return the tables of a workbook; raises SpecError with all that is wrong."""
    book = read_book(path)
    if found := errors(book.problems):
        raise SpecError(found)
    return list(book.tables)


def read_book(path: Path, known: Iterable[TableId] = (), bases: Bases = _NONE) -> Book:
    """
    Read all tables of a workbook, as far as they can be read.

    `known` are tables that a tab may mean by its name alone, `bases` what tables were
    of which the workbook does not say it. Raises SpecError if the file is no workbook,
    or none with tables.
    """
    return book_of(str(path), _grids(path), known, bases)


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
    readings = [
        read_grid(grid, before, known) for grid in grids if grid.tab not in WRITTEN
    ]
    tables = [one.table for one in readings if one.table is not None]
    problems = [problem for one in readings for problem in one.problems]
    problems += _twice(tables)
    if not tables and not errors(problems):
        message = "no tab of it is a table of Feldwerk."
        raise SpecError([*problems, Problem(Origin(source), "S025", message)])
    is_marked = any(grid.tab == PROBLEMS for grid in grids)
    return Book(source, tuple(tables), exported, sort(problems), is_marked)


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


# -- from the file to the grid


def _grids(path: Path) -> list[Grid]:
    with open_book(path) as archive:
        try:
            return _read_grids(str(path), archive)
        except TooLargeError as error:
            raise refused(path, TOO_LARGE, f"is too large: {error}.") from None
        except BrokenError as error:
            raise refused(path, DAMAGED, f"is damaged: {error}.") from None
        except BROKEN:
            message = "is damaged: a part of it cannot be unpacked."
            raise refused(path, DAMAGED, message) from None


def _read_grids(source: str, archive: zipfile.ZipFile) -> list[Grid]:
    tabs, from_1904 = read_tabs(archive)
    if len(tabs) > _MOST_TABS:
        raise TooLargeError(f"it has {len(tabs):,} tabs")
    shared, formats = read_shared(archive), read_formats(archive)
    epoch = MAC_EPOCH if from_1904 else WINDOWS_EPOCH
    grids, left = [], MOST_CELLS
    for tab in tabs:
        raw = read_tab(archive, tab.part, shared, formats, left)
        left -= len(raw.cells)
        grids.append(_grid(source, tab, raw, epoch))
    return grids


def _grid(source: str, tab: Tab, raw: RawTab, epoch: datetime) -> Grid:
    rows: dict[int, dict[int, Cell]] = {}
    is_memory = tab.name == MEMORY
    for (line, column), found in raw.cells.items():
        # The memory is taken to the letter: blanks at the ends of its parts count.
        cell = Cell(found.value) if is_memory else _cell(found, epoch)
        if cell.text or cell.kind == "formula":
            rows.setdefault(line, {})[column] = cell
    return Grid(
        source,
        tab.name,
        rows,
        tuple(_merged(raw.merged)),
        frozenset(raw.hidden_rows),
        tuple(raw.hidden_columns),
        tab.is_hidden,
    )


def _merged(ranges: Iterable[str]) -> Iterable[tuple[int, int, int, int]]:
    for text in ranges:
        try:
            left, top, right, bottom = range_boundaries(text)
        except (ValueError, TypeError):
            raise BrokenError(f"there is no range {text[:20]}") from None
        yield left or 1, top or 1, right or LAST_COLUMN, bottom or LAST_ROW


def _cell(raw: RawCell, epoch: datetime) -> Cell:
    """Return a cell as text, with what the spreadsheet takes it for."""
    if raw.formula:
        saved = _cell(replace(raw, formula=""), epoch).text if raw.value else ""
        return Cell(saved, "formula", raw.format, raw.formula)
    match raw.type:
        case "s" | "str" | "inlineStr":
            return Cell(clean(raw.value))
        case "b":
            return Cell(_TRUTHS.get(raw.value.strip(), raw.value), "boolean")
        case "e":
            return Cell(clean(raw.value), "error")
        case "d":
            return Cell(raw.value.removesuffix("T00:00:00"), "date", raw.format)
    return _number(raw, epoch)


def _number(raw: RawCell, epoch: datetime) -> Cell:
    try:
        value = float(raw.value)
    except ValueError:
        raise BrokenError(f"a cell has the number '{raw.value[:20]}'") from None
    if is_date_format(raw.format) or is_timedelta_format(raw.format):
        is_duration = is_timedelta_format(raw.format)
        if found := _moment(value, epoch, is_duration=is_duration):
            return Cell(found, "date", raw.format)
    is_whole = value.is_integer() and abs(value) < 1e21  # noqa: PLR2004 - 21 digits
    return Cell(str(int(value)) if is_whole else repr(value), "number", raw.format)


def _moment(value: float, epoch: datetime, *, is_duration: bool) -> str:
    """Return a date or a time in ISO's writing; nothing if the number is none."""
    try:
        found = from_excel(value, epoch, is_duration)
    except (OverflowError, ValueError):
        return ""
    if isinstance(found, datetime):
        is_day = found.time() == time()
        return found.date().isoformat() if is_day else found.isoformat(sep=" ")
    is_moment = isinstance(found, date | time | timedelta)
    return str(found) if is_moment else ""
