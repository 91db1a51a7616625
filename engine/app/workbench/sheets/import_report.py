"""Show what an import changes: an Import in, lines for people or values out."""

from collections.abc import Iterator, Sequence
from typing import Any

from engine.app.lines import counted
from engine.app.workbench.sheets.difference_words import (
    change,
    new_cells,
    place,
    values,
)
from engine.app.workbench.sheets.importing import Import, TableChange
from engine.app.workbench.tables.merging import Difference
from engine.app.workbench.tables.tablefile import Cells
from engine.problems import Problem, errors


def import_lines(found: Import) -> Iterator[str]:
    """Yield what changes, table by table; what stays as the file has it comes last."""
    for table in found.changed:
        taken = table.merged.taken
        counts = [
            f"{count} {kind}"
            for kind in ("added", "changed", "dropped")
            if (count := len({(d.sheet, d.file) for d in taken if d.kind == kind}))
        ]
        new = "" if table.before.rows else "new list, "
        yield f"{table.before.table}: {new}{', '.join(counts)}"
        for difference in taken:
            cells = _added(table, difference)
            yield f"  {_line(difference, difference.theirs, cells)}"
    stays = [(t, one) for t in found.tables for one in t.merged.of("files")]
    if stays:
        yield "Changed in the files since the export; the files stay as they are:"
    for table, one in stays:
        cells = table.before.cells[one.file or 0] if one.kind == "added" else {}
        yield f"  {table.before.table} {_line(one, one.ours, cells)}"


def import_summary(
    found: Import, written: Sequence[str], problems: Sequence[Problem], *, is_dry: bool
) -> str:
    """Say in a line what was done, and what the check says of it."""
    if not found.changed:
        return f"Nothing has changed in {found.source}."
    tables = counted(len(found.changed), "table")
    if is_dry:
        return f"{tables} would be written."
    wrong = len(errors(problems))
    checked = f"{', '.join(found.partners)} checked: {counted(wrong, 'error')}"
    if wrong:
        return f"{counted(len(written), 'table')} written all the same. {checked}."
    return f"{tables} written. {checked}."


def _line(found: Difference, new: str, cells: Cells) -> str:
    """Return a difference with its sign; `cells` are those of a row that is new."""
    match found.kind:
        case "added":
            return f"+ {place(found)}{new_cells(found, cells)}"
        case "dropped":
            return f"- {place(found)}"
    return f"~ {place(found)}: {change(found, new)}"


def _added(table: TableChange, found: Difference) -> Cells:
    """Return the cells of a row that is new, as they come into the file."""
    if found.kind != "added":
        return {}
    return table.merged.file.cells[table.merged.sheet_rows.index(found.sheet)]


def import_values(found: Import) -> dict[str, Any]:
    """Return an import as JSON shows it."""
    tables = [
        {
            "table": str(table.before.table),
            "differences": [
                {**values(one, "file"), "side": one.side}
                for one in table.merged.differences
            ],
        }
        for table in found.tables
        if table.merged.differences
    ]
    return {"source": found.source, "tables": tables}
