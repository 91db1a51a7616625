"""Read the cells of a workbook: a path in, a Grid for each of its tabs out."""

import zipfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path

from openpyxl.styles.numbers import is_date_format, is_timedelta_format
from openpyxl.utils import range_boundaries
from openpyxl.utils.datetime import MAC_EPOCH, WINDOWS_EPOCH, from_excel

from engine.app.workbench.sheets.book_xml import (
    LAST_ROW,
    RawCell,
    RawTab,
    Tab,
    read_formats,
    read_shared,
    read_tab,
    read_tabs,
)
from engine.app.workbench.sheets.grid import Cell, Grid
from engine.app.workbench.sheets.open_book import (
    BROKEN,
    DAMAGED,
    TOO_LARGE,
    open_book,
    refused,
)
from engine.app.workbench.sheets.room import Room
from engine.app.workbench.sheets.xml_stream import BrokenError, TooLargeError
from engine.app.workbench.tables.layout import LAST_COLUMN, MEMORY
from engine.app.workbench.tables.tablefile import clean

_MOST_TABS = 1_000
_MOST_DIGITS = 21
"""A number with more is not written out; its text says that it is a rounded one."""
_TRUTHS = {"1": "TRUE", "0": "FALSE"}


def grids_of(path: Path) -> list[Grid]:
    """Return the tabs of a workbook; raises SpecError if it is none to be read."""
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
    grids, room = [], Room()
    for tab in tabs:
        raw = read_tab(archive, tab.part, shared, formats, room)
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
    is_whole = value.is_integer() and abs(value) < 10**_MOST_DIGITS
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
