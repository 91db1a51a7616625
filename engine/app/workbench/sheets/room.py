"""How much of a workbook is read: what its tabs hold in, a refusal out when it is full.

The limits hold for all tabs together, so many small tabs weigh what a large one does.
"""

from dataclasses import dataclass, field

from engine.app.workbench.sheets.xml_stream import TooLargeError

MOST_CELLS = 300_000
"""So many cells of a workbook may hold something; our largest has some thousands."""
MOST_TEXT = 50_000_000
"""Characters of all cells of a workbook, and of the texts that cells share."""
MOST_RANGES = 300_000
"""Merged cells, and stretches of hidden columns."""
MOST_ELEMENTS = 8_000_000
"""XML of all tabs: formatted cells that are empty are some."""


def _limits() -> dict[str, int]:
    return {
        "cells that hold something": MOST_CELLS,
        "characters": MOST_TEXT,
        "ranges": MOST_RANGES,
        "elements": MOST_ELEMENTS,
    }


@dataclass
class Room:
    """What is left of the limits."""

    left: dict[str, int] = field(default_factory=_limits)

    def cell(self, text: str) -> None:
        self._take("cells that hold something", 1)
        self._take("characters", len(text))

    def range(self) -> None:
        self._take("ranges", 1)

    def elements(self, count: int) -> None:
        self._take("elements", count)

    def _take(self, what: str, count: int) -> None:
        self.left[what] -= count
        if self.left[what] < 0:
            raise TooLargeError(f"it has too many {what}")
