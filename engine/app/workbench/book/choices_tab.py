"""Keep what drop-downs offer in a hidden tab: options in, the place of a range out.

A drop-down itself holds 255 characters at most, a range of cells as many as are needed.
"""

from typing import Any

from openpyxl.utils import get_column_letter

from engine.app.workbench.book.choices import Choices
from engine.app.workbench.tables.layout import CHOICES
from engine.runtime.text_cell import set_text


class Offers:
    """The hidden tab: a column for each set of options, and each set once."""

    def __init__(self, sheet: Any) -> None:
        self._sheet = sheet
        self._ranges: dict[tuple[str, ...], str] = {}
        sheet.sheet_state = "hidden"

    def ranges(self, choices: Choices) -> dict[str, str]:
        """Return the range of the options of each column."""
        return {column: self._range(options) for column, options in choices.items()}

    def _range(self, options: tuple[str, ...]) -> str:
        if options not in self._ranges:
            number = len(self._ranges) + 1
            for line, option in enumerate(options, 1):
                set_text(self._sheet.cell(line, number), option)
            letter = get_column_letter(number)
            place = f"${letter}$1:${letter}${len(options)}"
            self._ranges[options] = f"'{CHOICES}'!{place}"
        return self._ranges[options]
