"""Read the parts of a workbook as a stream: XML in, tabs with the cells they hold out.

openpyxl gives either the formula of a cell or its value, and knows what is hidden or
merged only after it has built every formatted empty cell. Here a cell that is empty
costs no memory, and one that is not tells all of it.
"""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from openpyxl.styles.numbers import BUILTIN_FORMATS
from openpyxl.utils import column_index_from_string

from engine.app.workbench.sheets.room import MOST_CELLS, MOST_TEXT, Room
from engine.app.workbench.sheets.xml_stream import (
    LONGEST_TEXT,
    BrokenError,
    Ends,
    Starts,
    TooLargeError,
    local,
    read_xml,
)
from engine.app.workbench.tables.layout import LAST_COLUMN

_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
GENERAL = "General"
LAST_ROW = 1_048_576
_LONGEST_NUMBER = 9


@dataclass(frozen=True)
class Tab:
    """A tab as the workbook lists it; `part` is where its cells stand."""

    name: str
    part: str
    is_hidden: bool


@dataclass(frozen=True)
class RawCell:
    """A cell that holds something; its type and format are as the file has them."""

    type: str
    value: str
    format: str = GENERAL
    formula: str = ""


@dataclass
class RawTab:
    """The cells of a tab by row and column, both from 1; what is merged or hidden."""

    cells: dict[tuple[int, int], RawCell] = field(default_factory=dict)
    merged: list[str] = field(default_factory=list)
    hidden_rows: set[int] = field(default_factory=set)
    """Those with a cell."""
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    """First and last of each stretch."""


def read_tabs(archive: zipfile.ZipFile) -> tuple[list[Tab], bool]:
    """Return the tabs with cells, in order, and whether dates count from 1904."""
    targets: dict[str, str] = {}
    listed: list[tuple[str, str, bool]] = []
    from_1904: list[bool] = []

    def relation(attributes: Mapping[str, str]) -> None:
        if attributes.get("Type", "").endswith("/worksheet"):
            target = attributes.get("Target", "")
            full = target.lstrip("/") if target[:1] == "/" else f"xl/{target}"
            targets[attributes.get("Id", "")] = full

    def settings(attributes: Mapping[str, str]) -> None:
        from_1904.append(attributes.get("date1904") in ("1", "true"))

    def entry(attributes: Mapping[str, str]) -> None:
        ids = [value for key, value in attributes.items() if local(key) == "id"]
        is_hidden = attributes.get("state", "visible") != "visible"
        listed.append((attributes.get("name", ""), (ids or [""])[0], is_hidden))

    read_xml(archive, "xl/_rels/workbook.xml.rels", {"Relationship": relation}, {})
    starts: Starts = {"workbookPr": settings, "sheet": entry}
    read_xml(archive, "xl/workbook.xml", starts, {})
    tabs = [Tab(name, targets[i], hid) for name, i, hid in listed if i in targets]
    if len({tab.part for tab in tabs}) < len(tabs):
        raise BrokenError("two of its tabs name the same cells")
    return tabs, any(from_1904)


def read_formats(archive: zipfile.ZipFile) -> list[str]:
    """Return the number format of each cell style, by its place."""
    own: dict[str, str] = {}
    numbers: list[str] = []
    is_of_cells = False

    def own_format(attributes: Mapping[str, str]) -> None:
        own[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")

    def style(attributes: Mapping[str, str]) -> None:
        if is_of_cells:
            numbers.append(attributes.get("numFmtId", "0"))

    def begin(_: Mapping[str, str]) -> None:
        nonlocal is_of_cells
        is_of_cells = True

    def end(_: str) -> None:
        nonlocal is_of_cells
        is_of_cells = False

    starts: Starts = {"numFmt": own_format, "cellXfs": begin, "xf": style}
    ends: Ends = {"cellXfs": end}
    if "xl/styles.xml" in archive.namelist():
        read_xml(archive, "xl/styles.xml", starts, ends)
    known = {str(number): code for number, code in BUILTIN_FORMATS.items()} | own
    return [known.get(number, GENERAL) for number in numbers]


@dataclass
class _Texts:
    """The texts of a part; one may be written in several runs."""

    runs: list[str] = field(default_factory=list)
    length: int = 0
    is_phonetic: bool = False

    @property
    def starts(self) -> Starts:
        return {"rPh": lambda _: self._phonetic(is_inside=True)}

    @property
    def ends(self) -> Ends:
        return {"rPh": lambda _: self._phonetic(is_inside=False), "t": self._run}

    def _phonetic(self, *, is_inside: bool) -> None:
        self.is_phonetic = is_inside

    def _run(self, text: str) -> None:
        if self.is_phonetic:
            return
        self.runs.append(text)
        self.length += len(text)
        if self.length > LONGEST_TEXT:
            raise TooLargeError(f"a text has more than {LONGEST_TEXT:,} characters")

    def take(self) -> str:
        """Return the text that has ended."""
        text = unescaped("".join(self.runs))
        self.runs.clear()
        self.length = 0
        return text


def read_shared(archive: zipfile.ZipFile) -> list[str]:
    """Return the texts that cells share, by their place."""
    texts = _Texts()
    found: list[str] = []
    length = 0

    def item(_: str) -> None:
        nonlocal length
        found.append(texts.take())
        length += len(found[-1])
        if len(found) > MOST_CELLS or length > MOST_TEXT:
            raise TooLargeError("its cells have too many texts")

    if "xl/sharedStrings.xml" in archive.namelist():
        ends = {**texts.ends, "si": item}
        read_xml(archive, "xl/sharedStrings.xml", texts.starts, ends)
    return found


def read_tab(
    archive: zipfile.ZipFile,
    part: str,
    shared: list[str],
    formats: list[str],
    room: Room,
) -> RawTab:
    """Read the cells of a tab that hold something, as long as there is room."""
    reader = _TabReader(shared, formats, room)
    room.elements(read_xml(archive, part, reader.starts, reader.ends))
    return reader.tab


class _TabReader:
    """Collects a tab; of a cell that is empty it does not even look up the place."""

    def __init__(self, shared: list[str], formats: list[str], room: Room) -> None:
        self.tab = RawTab()
        self.shared, self.formats, self.room = shared, formats, room
        self.row, self.is_hidden = 0, False
        self.place, self.behind = "", 0
        """The last cell that says its place, and how many came after it."""
        self.cell: Mapping[str, str] = {}
        self.value = self.formula = ""
        self.texts = _Texts()
        self.starts: Starts = {
            **self.texts.starts,
            "c": self._start_cell,
            "row": self._start_row,
            "col": self._start_column,
            "mergeCell": self._start_merged,
        }
        self.ends: Ends = {
            **self.texts.ends,
            "v": self._end_value,
            "f": self._end_formula,
            "c": self._end_cell,
        }

    def _start_row(self, attributes: Mapping[str, str]) -> None:
        self.row = _number(attributes.get("r"), self.row + 1, LAST_ROW)
        self.place, self.behind = "", 0
        self.is_hidden = attributes.get("hidden") in ("1", "true")

    def _start_column(self, attributes: Mapping[str, str]) -> None:
        if attributes.get("hidden") in ("1", "true"):
            first = _number(attributes.get("min"), 1, LAST_COLUMN)
            last = _number(attributes.get("max"), first, LAST_COLUMN)
            self.tab.hidden_columns.append((first, last))
            self.room.range()

    def _start_merged(self, attributes: Mapping[str, str]) -> None:
        self.tab.merged.append(attributes.get("ref", ""))
        self.room.range()

    def _start_cell(self, attributes: Mapping[str, str]) -> None:
        self.cell = attributes
        if "r" in attributes:
            self.place, self.behind = attributes["r"], 0
        else:
            self.behind += 1

    def _end_value(self, text: str) -> None:
        self.value = text

    def _end_formula(self, text: str) -> None:
        self.formula = f"={text}"

    def _end_cell(self, _: str) -> None:
        """Keep the cell that has ended if it holds something."""
        if not (self.value or self.formula or self.texts.runs):
            return
        kind, value = self.cell.get("t", "n"), self.value
        inline = self.texts.take()
        if kind == "inlineStr":
            value = inline
        elif kind == "s" and value:
            value = self._shared(value.strip())
        elif kind == "str":
            value = unescaped(value)
        if value or self.formula:
            cell = RawCell(kind, value, self._format(), self.formula)
            self._keep(_column(self.place) + self.behind, cell)
        self.value = self.formula = ""

    def _keep(self, column: int, cell: RawCell) -> None:
        if not 1 <= column <= LAST_COLUMN:
            raise BrokenError(f"there is no column {column}")
        self.tab.cells[self.row, column] = cell
        self.room.cell(cell.value)
        if self.is_hidden:
            self.tab.hidden_rows.add(self.row)

    def _format(self) -> str:
        style = self.cell.get("s", "")
        place = int(style[:_LONGEST_NUMBER]) if style.isdecimal() else 0
        return self.formats[place] if place < len(self.formats) else GENERAL

    def _shared(self, place: str) -> str:
        number = int(place[:_LONGEST_NUMBER]) if place.isdecimal() else len(self.shared)
        if number >= len(self.shared):
            raise BrokenError("a cell names a text that is not there")
        return self.shared[number]


def unescaped(text: str) -> str:
    """
    Return a text without the escapes of OOXML: _x000D_ is a carriage return.

    Half of a pair of surrogates is no character: U+FFFD stands for it.
    """
    if "_x" not in text:
        return text
    found = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)
    return found.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@cache
def _letters(letters: str) -> int:
    try:
        return column_index_from_string(letters)
    except ValueError:
        raise BrokenError(f"there is no column {letters[:20]}") from None


def _column(place: str) -> int:
    """Return the column of a place such as AB12; 0 is before the first one."""
    return _letters(place.rstrip("0123456789").upper()) if place else 0


def _number(text: str | None, otherwise: int, most: int) -> int:
    if text is None:
        return otherwise
    number = int(text) if text.isdecimal() and len(text) < _LONGEST_NUMBER else 0
    if not 1 <= number <= most:
        raise BrokenError(f"there is no row or column {text[:20]}")
    return number
