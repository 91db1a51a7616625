"""How a workbook looks: named styles of cells, colours, and the widths of columns."""

from collections.abc import Iterable, Sequence
from textwrap import wrap
from typing import Any

from openpyxl import Workbook
from openpyxl.formatting.rule import Rule
from openpyxl.styles import (
    Alignment,
    Border,
    Font,
    NamedStyle,
    PatternFill,
    Protection,
    Side,
)
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.hyperlink import Hyperlink

from engine.app.workbench.tables.layout import LAST_COLUMN
from engine.runtime.text_cell import TEXT_FORMAT, set_text

CELL = "Feldwerk Zelle"
LIST_CELL = "Feldwerk Text"
KEY_CELL = "Feldwerk Schlüssel"
PROPOSED_CELL = "Feldwerk vorgeschlagen"
QUIET_CELL = "Feldwerk Regel"
INFORMING_CELL = "Feldwerk Angabe"
NUMBER_CELL = "Feldwerk Nummer"
HEADING = "Feldwerk Kopf"
HEADING_SMALL = "Feldwerk Kopf klein"
TITLE = "Feldwerk Spaltentitel"
BIG = "Feldwerk Überschrift"
SECTION = "Feldwerk Abschnitt"
PARAGRAPH = "Feldwerk Absatz"
LINE_OF_TEXT = "Feldwerk Zeile"
LINK = "Feldwerk Verweis"
BACK = "Feldwerk zurück"

DARK, PALE, LINE, GREY = "1F3A4D", "DDE5EC", "C9D3DC", "6B7780"
REQUIRED, MISSING, UNMAPPED, PROPOSED = "BDD7EE", "F4B183", "E7E6E6", "FFF2CC"
REQUIRED_TEXT, MISSING_TEXT, UNMAPPED_TEXT = "1F4E79", "C00000", "7F7F7F"
PROPOSED_TEXT = "7F6000"

TAB_COLOURS = {"cover": DARK, "overview": "2E75B6", "table": "70AD47", "list": "BF9000"}

_MARGIN = 0.4
"""Inches."""

LINE_HEIGHT = 13.5
"""Points of a line of text."""

_LETTERS_IN_UNIT = 1.1
"""Widths are counted in digits of a larger font."""

_FACE = "Calibri"
REQUIRED_SAMPLE = "Feldwerk Pflichtfeld"
MISSING_SAMPLE = "Feldwerk Pflichtfeld fehlt"
UNMAPPED_SAMPLE = "Feldwerk ohne Regel"

LEGEND = (
    ("Pflichtfeld *", REQUIRED_SAMPLE, "Der Partner verlangt das Feld."),
    (
        "Pflichtfeld *",
        MISSING_SAMPLE,
        "Der Partner verlangt das Feld, und es hat noch keine Quelle.",
    ),
    (
        "Feld ohne Regel",
        UNMAPPED_SAMPLE,
        "Der Partner kennt das Feld, keine Zeile füllt es.",
    ),
    (
        "vorgeschlagen",
        PROPOSED_CELL,
        "Von uns angenommen, beim Partner nicht geprüft.",
    ),
    (
        "Regel",
        QUIET_CELL,
        "In der Übersicht: das Feld wird nicht gesendet, eine Regel liest es.",
    ),
)
"""A sample of each colour: text, style, meaning."""

_EDGE = Side("thin", color=LINE)
_TOP = Alignment(vertical="top", wrap_text=True)
_MIDDLE = Alignment(vertical="center")
_OPEN, _LOCKED = Protection(locked=False), Protection(locked=True)


def add_styles(book: Workbook) -> None:
    """Give a book our styles; people find them in the gallery of their program."""
    for name, settings in _STYLES.items():
        style = NamedStyle(name, number_format=TEXT_FORMAT, **settings)
        book.add_named_style(style)


def _font(size: int = 10, **more: Any) -> Font:
    return Font(name=_FACE, size=size, **more)


def _filled(colour: str) -> PatternFill:
    return PatternFill("solid", fgColor=colour)


_UNDER = Border(bottom=_EDGE)
_STYLES: dict[str, dict[str, Any]] = {
    CELL: {"font": _font(), "alignment": _TOP, "protection": _OPEN},
    INFORMING_CELL: {
        "font": _font(9, color=GREY),
        "alignment": _TOP,
        "protection": _OPEN,
    },
    NUMBER_CELL: {
        "font": _font(9, color=GREY),
        "alignment": Alignment(horizontal="center", vertical="top"),
        "protection": _OPEN,
    },
    HEADING: {
        "font": _font(13, bold=True, color="FFFFFF"),
        "fill": _filled(DARK),
        "alignment": _MIDDLE,
        "protection": _LOCKED,
    },
    HEADING_SMALL: {
        "font": _font(8, color="9FB3C1"),
        "fill": _filled(DARK),
        "alignment": _MIDDLE,
        "protection": _LOCKED,
    },
    TITLE: {
        "font": _font(bold=True, color=DARK),
        "fill": _filled(PALE),
        "alignment": Alignment(vertical="center", wrap_text=True),
        "border": Border(bottom=Side("medium", color=DARK)),
        "protection": _LOCKED,
    },
    LIST_CELL: {"font": _font(), "alignment": _TOP, "border": _UNDER},
    KEY_CELL: {"font": _font(bold=True), "alignment": _TOP, "border": _UNDER},
    PROPOSED_CELL: {
        "font": _font(color=PROPOSED_TEXT),
        "fill": _filled(PROPOSED),
        "alignment": _TOP,
        "border": _UNDER,
    },
    REQUIRED_SAMPLE: {
        "font": _font(bold=True, color=REQUIRED_TEXT),
        "fill": _filled(REQUIRED),
    },
    MISSING_SAMPLE: {
        "font": _font(bold=True, color=MISSING_TEXT),
        "fill": _filled(MISSING),
    },
    UNMAPPED_SAMPLE: {
        "font": _font(italic=True, color=UNMAPPED_TEXT),
        "fill": _filled(UNMAPPED),
    },
    QUIET_CELL: {
        "font": _font(9, italic=True, color=GREY),
        "alignment": _TOP,
        "border": _UNDER,
    },
    BIG: {"font": _font(20, bold=True, color=DARK), "alignment": _MIDDLE},
    SECTION: {
        "font": _font(12, bold=True, color=DARK),
        "alignment": Alignment(vertical="bottom"),
    },
    PARAGRAPH: {"font": _font(), "alignment": _TOP},
    LINE_OF_TEXT: {"font": _font(), "alignment": Alignment(vertical="top")},
    BACK: {
        "font": _font(9, color="0563C1"),
        "fill": _filled(PALE),
        "alignment": Alignment(horizontal="center", vertical="center"),
    },
    LINK: {
        "font": _font(color="0563C1", underline="single"),
        "alignment": _TOP,
        "border": _UNDER,
    },
}


def put(cell: Any, text: object, style: str) -> None:
    """Write a text into a cell in one of our styles; nothing of it is a formula."""
    cell.style = style
    if str(text):
        set_text(cell, text)


def link(cell: Any, tab: str, place: str = "A1") -> None:
    """Let a cell lead to a place in another tab."""
    quoted = tab.replace("'", "''")
    cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{quoted}'!{place}")


def set_widths(sheet: Any, widths: Sequence[float]) -> None:
    for number, width in enumerate(widths, 1):
        sheet.column_dimensions[get_column_letter(number)].width = width


def width_of(
    texts: Iterable[str], *, least: float = 9, most: float = 44, spare: float = 3
) -> float:
    """
    Return how wide a column is whose cells have these texts; longer ones are wrapped.

    >>> width_of(["title", "address.street"])
    17
    """
    lines = (line for text in texts for line in text.split("\n"))
    longest = max(map(len, lines), default=0)
    return min(max(longest + spare, least), most)


def set_height(sheet: Any, line: int, texts: Iterable[tuple[str, float]]) -> None:
    """
    Make a row as high as its wrapped texts need, each with the width it has.

    Not every program does so by itself when it opens a file.
    """
    lines = max((_lines(text, width) for text, width in texts), default=1)
    if lines > 1:
        sheet.row_dimensions[line].height = lines * LINE_HEIGHT + 3


def _lines(text: str, width: float) -> int:
    """Count the lines of a text; a word is not broken."""
    letters = max(int(width * _LETTERS_IN_UNIT), 1)
    return sum(len(wrap(part, letters)) or 1 for part in text.split("\n"))


def open_columns(sheet: Any, styles: Sequence[str]) -> None:
    """
    Let the cells that do not exist yet be text, and let people write into them.

    All columns that a sheet has are open: no program deletes a row with a locked cell.
    """
    rest = len(styles) + 1
    letter = get_column_letter(rest)
    beyond = ColumnDimension(sheet, index=letter, min=rest, max=LAST_COLUMN)
    sheet.column_dimensions[letter] = beyond
    for number, name in enumerate([*styles, CELL], 1):
        column = sheet.column_dimensions[get_column_letter(number)]
        column.number_format = TEXT_FORMAT
        for part, value in _STYLES[name].items():
            setattr(column, part, value)


def colour_rule(
    formula: str, fill: str = "", text: str = "", *, stop: bool = False, **font: Any
) -> Any:
    """Return a rule that colours cells for which a formula holds."""
    shown = DifferentialStyle(
        font=Font(color=text, **font) if text else None,
        fill=PatternFill(bgColor=fill) if fill else None,
    )
    return Rule("expression", formula=[formula], stopIfTrue=stop, dxf=shown)


def protect(sheet: Any, *, editable: bool = False) -> None:
    """
    Protect the locked cells of a sheet, without a password.

    In an editable one rows are inserted, deleted, sorted and filtered all the same.
    """
    sheet.protection.enable()
    allowed = ["formatColumns", "formatRows", "sort", "autoFilter"]
    if editable:
        allowed += ["formatCells", "insertColumns", "insertRows", "insertHyperlinks"]
        allowed += ["deleteColumns", "deleteRows"]
    for action in allowed:
        setattr(sheet.protection, action, False)  # False: it is not forbidden


def print_across(sheet: Any, title_rows: str = "") -> None:
    """Let a sheet be printed on pages of its whole width."""
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = sheet.PAPERSIZE_A4
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    sheet.sheet_properties.pageSetUpPr.fitToPage = True
    margins = sheet.page_margins
    margins.left = margins.right = margins.top = margins.bottom = _MARGIN
    if title_rows:
        sheet.print_title_rows = title_rows
