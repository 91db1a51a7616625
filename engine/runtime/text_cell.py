"""Put texts into workbooks so that they stay texts: a cell and a text in, safe out.

Whatever a text begins with, the cell is no formula; the format `@` keeps it a text when
somebody edits it: 0081 does not lose its zeros, and 1E5 is no number.
"""

import re
from typing import Any

from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell
from openpyxl.styles import Font, PatternFill

LONGEST = 32_767
"""So many characters a cell can hold."""

BEGINNINGS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a text for a formula when it is edited or copied."""

TEXT_FORMAT = "@"
_LIKE_A_CODE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
_TITLE_FONT = Font(bold=True)
_TITLE_FILL = PatternFill("solid", fgColor="DDE5EC")


def set_text(cell: Any, text: object) -> None:
    """
    Let a cell hold a text, without the characters that no workbook can hold.

    What would be read as the code of a character, _x0041_, is escaped.
    """
    written = ILLEGAL_CHARACTERS_RE.sub("", str(text))[:LONGEST]
    if "_x" in written:
        written = _LIKE_A_CODE.sub("_x005F_", written)
    cell.value = written
    cell.data_type = "s"
    cell.number_format = TEXT_FORMAT
    if written.startswith(BEGINNINGS):
        cell.quotePrefix = True


def set_title(cell: Any, text: object) -> None:
    """Let a cell hold the title of a column."""
    set_text(cell, text)
    cell.font = _TITLE_FONT
    cell.fill = _TITLE_FILL


def text_cell(sheet: Any, text: object) -> Any:
    """Return a cell with a text, for a sheet that is only written."""
    cell = WriteOnlyCell(sheet)
    set_text(cell, text)
    return cell
