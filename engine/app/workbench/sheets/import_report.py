"""Show what an import changes: an Import in, lines for people or values out."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from engine.app.workbench.sheets.importing import Import, TableChange
from engine.app.workbench.tables.layout import TITLES
from engine.app.workbench.tables.merging import Difference
from engine.app.workbench.tables.tablefile import Cells
from engine.problems import Problem, errors

_LONGEST = 70


def import_lines(found: Import) -> Iterator[str]:
    """Yield what changes, table by table; what stays as the file has it comes last."""
    for table in found.changed:
        taken = table.merged.taken
        counts = [
            f"{count} {kind}"
            for kind in ("added", "changed", "dropped")
            if (count := len({_row(one) for one in taken if one.kind == kind}))
        ]
        new = "" if table.before.rows else "new list, "
        yield f"{table.before.table}: {new}{', '.join(counts)}"
        for difference in taken:
            yield f"  {_taken(table, difference)}"
    yield from _newer(found.tables)


def import_summary(
    found: Import, written: Sequence[str], problems: Sequence[Problem], *, is_dry: bool
) -> str:
    """Say in a line what was done, and what the check says of it."""
    if not found.changed:
        return f"Nothing has changed in {found.source}."
    tables = _counted(len(found.changed), "table")
    if is_dry:
        return f"{tables} would be written."
    wrong = len(errors(problems))
    checked = f"{', '.join(found.partners)} checked: {_counted(wrong, 'error')}"
    if wrong:
        return f"{_counted(len(written), 'table')} written all the same. {checked}."
    return f"{tables} written. {checked}."


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _row(found: Difference) -> tuple[int | None, int | None]:
    return found.sheet, found.file


def _taken(table: TableChange, found: Difference) -> str:
    match found.kind:
        case "added":
            return f"+ {found.row}{_cells(_added(table, found))}"
        case "dropped":
            return f"- {found.row}"
    title = TITLES[found.column]
    return f"~ {found.row}: {title} {_short(found.base)} -> {_short(found.theirs)}"


def _added(table: TableChange, found: Difference) -> Cells:
    """Return the cells of a row that was added, as they come into the file."""
    place = table.merged.sheet_rows.index(found.sheet)
    return table.merged.file.rows[place].cells


def _cells(cells: Cells) -> str:
    shown = [
        f"{TITLES[column]} {_short(text)}"
        for column, text in cells.items()
        if column not in ("partner_field", "erp_value") and column in TITLES
    ]
    return f": {', '.join(shown)}" if shown else ""


def _newer(tables: Iterable[TableChange]) -> Iterator[str]:
    """Yield what the files alone have changed since the workbook was exported."""
    stays = [
        (table.before.table, found)
        for table in tables
        for found in table.merged.differences
        if found.side == "files"
    ]
    if stays:
        yield "Changed in the files since the export; the files stay as they are:"
    for name, found in stays:
        if found.kind == "changed":
            title = TITLES[found.column]
            was, now = _short(found.theirs), _short(found.ours)
            yield f"  {name} {found.row}: {title} {was} here, {now} in the file"
        else:
            yield f"  {name} {found.row}: {found.kind} in the file"


def _short(text: str) -> str:
    line = text.replace("\n", " ")
    return f"'{line}'" if len(line) <= _LONGEST else f"'{line[:_LONGEST]}...'"


def import_values(found: Import) -> dict[str, Any]:
    """Return an import as JSON shows it."""
    tables = [
        {"table": str(table.before.table), "differences": _values(table)}
        for table in found.tables
        if table.merged.differences
    ]
    return {"source": found.source, "tables": tables}


def _values(table: TableChange) -> list[dict[str, Any]]:
    return [
        {
            "row": found.row,
            "column": found.column,
            "kind": found.kind,
            "side": found.side,
            "base": found.base,
            "sheet": found.theirs,
            "file": found.ours,
        }
        for found in table.merged.differences
    ]
