"""The cells of a tab that hold something: of a workbook, or of a CSV that was shown."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from openpyxl.utils import get_column_letter

from engine.app.workbench.tables.tablefile import clean
from engine.problems import Origin

Kind = Literal["text", "shown", "number", "date", "boolean", "error", "formula"]


@dataclass(frozen=True)
class Cell:
    """
    What stands in a cell, as text.

    `shown` is text of which nobody knows the type, as an export to CSV gives it. A
    formula has the value that was saved with it.
    """

    text: str
    kind: Kind = "text"
    format: str = ""
    formula: str = ""


@dataclass(frozen=True)
class Grid:
    """The cells of a tab that hold something: row -> column -> cell, both from 1."""

    source: str
    """The workbook or the link, as problems show it."""
    tab: str
    rows: Mapping[int, Mapping[int, Cell]]
    merged: tuple[tuple[int, int, int, int], ...] = ()
    """First column, first row, last column, last row of each merged range."""
    hidden_rows: frozenset[int] = frozenset()
    hidden_columns: tuple[tuple[int, int], ...] = ()
    """First and last of each stretch."""
    is_hidden: bool = False

    def at(self, line: int, column: int) -> Origin:
        return Origin(self.source, 0, f"{self.tab}!{get_column_letter(column)}{line}")

    def whole(self) -> Origin:
        return Origin(self.source, 0, self.tab)


def shown_grid(source: str, tab: str, rows: Iterable[Sequence[str]]) -> Grid:
    """Return the grid of a tab of which only the shown texts are known, as of a CSV."""
    found = {
        line: {
            number: Cell(text, "shown")
            for number, cell in enumerate(row, 1)
            if (text := clean(cell))
        }
        for line, row in enumerate(rows, 1)
    }
    return Grid(source, tab, {line: cells for line, cells in found.items() if cells})
