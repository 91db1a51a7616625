"""A table as a sheet has it: what stands in which cell, whatever the sheet came from.

A workbook and a shared sheet give the same; nothing of it knows files or spreadsheets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import Cells
from engine.problems import Origin


@dataclass(frozen=True)
class SheetRow:
    """A row: its cells that are not empty by column, its row in the tab, from 1."""

    cells: Cells
    line: int
    number: int | None = None
    """The row of the base that it was, from 0; None if it is new or does not say."""


@dataclass(frozen=True)
class SheetTable:
    """
    A table in a tab.

    `columns` are those that the tab has, with their letters. `base` is what the table
    was when it was exported; None if nobody wrote that down.
    """

    table: TableId
    source: str
    """The workbook or the link, as problems show it."""
    tab: str
    columns: Mapping[str, str]
    rows: tuple[SheetRow, ...]
    base: tuple[Cells, ...] | None = None
    unfilled: Mapping[int, str] = field(default_factory=dict)
    """Rows that name a partner field and nothing else, which is no rule yet."""

    @property
    def cells(self) -> tuple[Cells, ...]:
        return tuple(row.cells for row in self.rows)

    @property
    def numbers(self) -> dict[int, int]:
        """Return which row was which of the base, as far as the rows say."""
        return {
            place: row.number
            for place, row in enumerate(self.rows)
            if row.number is not None
        }

    def at(self, line: int, column: str = "") -> Origin:
        """Return a place as spreadsheets write it: objekte!C7."""
        letter = self.columns.get(column, "")
        return Origin(self.source, 0, f"{self.tab}!{letter}{line}")
