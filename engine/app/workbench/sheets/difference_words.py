"""Say how a sheet and a file differ: differences in, pieces of lines and JSON out."""

from typing import Any, Literal

from engine.app.visible import plain
from engine.app.workbench.tables.layout import TITLES
from engine.app.workbench.tables.merging import Difference
from engine.app.workbench.tables.tablefile import Cells

_LONGEST = 100


def quoted(text: str) -> str:
    """Return the text of a cell on one line, whatever stands in it."""
    if not text:
        return "nothing"
    line = plain(text)
    return f"'{line}'" if len(line) <= _LONGEST else f"'{line[:_LONGEST]}...'"


def place(found: Difference) -> str:
    """Return the name of a row, and the title of the column if a cell differs."""
    column = f" [{TITLES[found.column]}]" if found.column else ""
    return f"{plain(found.row)}{column}"


def change(found: Difference, new: str) -> str:
    """Return what a cell was and what it has become."""
    return f"{quoted(found.base)} -> {quoted(new)}"


def new_cells(found: Difference, cells: Cells) -> str:
    """Return what a new row says beside its name."""
    named = (found.table.key[0], "when")
    shown = [
        f"{TITLES[column]} {quoted(text)}"
        for column, text in cells.items()
        if column not in named and column in TITLES
    ]
    return f": {', '.join(shown)}" if shown else ""


def values(found: Difference, files: Literal["file", "git"]) -> dict[str, Any]:
    """Return a difference as JSON shows it; `files` is how their version is called."""
    return {
        "row": found.row,
        "column": found.column,
        "kind": found.kind,
        "base": found.base,
        "sheet": found.theirs,
        files: found.ours,
    }
