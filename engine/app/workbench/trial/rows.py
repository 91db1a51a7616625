"""Changes of rows that are only tried: a line of text in, a changed table out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import FileRow, TableFile
from engine.errors import SpecError
from engine.model import FieldRow
from engine.problems import Origin, Problem, did_you_mean
from engine.tables import GERMAN_TITLES, column_named

LINE = "line"
"""Stands where a column does, and names a row by its line in the file."""

_COLUMNS = tuple(FieldRow.model_fields)
_NAMES = sorted((*_COLUMNS, *GERMAN_TITLES, LINE), key=len, reverse=True)
_CELL = re.compile(
    rf"(?:^|,)\s*({'|'.join(map(re.escape, _NAMES))})\s*=", re.IGNORECASE
)
_LIKE_A_CELL = re.compile(r"(?:^|,)\s*([\w -]+?)\s*=")


@dataclass(frozen=True)
class RowChange:
    """Other cells of a row: of the one in a line, or of the one for a partner field."""

    text: str
    cells: Mapping[str, str]
    line: int | None = None


def row_change(text: str) -> RowChange:
    """
    Read a change of a row; raises SpecError if it is none.

    >>> row_change('partner_field=title, transform=trim | upper').cells
    {'partner_field': 'title', 'transform': 'trim | upper'}
    """
    marks = list(_CELL.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    cells: dict[str, str] = {}
    if not marks or text[: marks[0].start()].strip():
        raise _refused(text, "begins with no column", _hint(text))
    for mark, end in zip(marks, ends, strict=True):
        column, value = column_named(mark[1]), text[mark.end() : end].strip()
        if column in cells:
            raise _refused(text, f"names '{column}' twice")
        if hint := _hint(value):
            raise _refused(text, "names an unknown column", hint)
        cells[column] = value
    line = cells.pop(LINE, None)
    if line is not None and not line.isdecimal():
        raise _refused(text, f"'{line}' is no line of the file")
    return RowChange(text, cells, int(line) if line else None)


def changed(table: TableFile, change: RowChange) -> TableFile:
    """
    Return a table with the change; a partner field without a row gets one at the end.

    Raises SpecError if no row is meant, or several.
    """
    rows = list(table.rows)
    place = _place(table, change)
    before = rows[place].cells if place is not None else {}
    cells = {**before, **change.cells}
    row = FileRow({name: cell for name, cell in cells.items() if cell})
    if place is None:
        rows.append(row)
    else:
        rows[place] = row
    return table.with_rows([r if r.text else r.cells for r in rows])


def _place(table: TableFile, change: RowChange) -> int | None:
    lines = table.lines()
    if change.line is not None:
        if change.line not in lines:
            message = f"no row stands in line {change.line}"
            raise _refused(change.text, message, table=table.table)
        return lines.index(change.line)
    name = change.cells.get("partner_field")
    if not name:
        raise _refused(change.text, "gives neither partner_field nor line")
    found = [n for n, row in enumerate(table.rows) if _named(row, name)]
    if len(found) > 1:
        # `when` and `write` tell rows of one field apart; as a change they fit none.
        known = {c: change.cells[c] for c in ("when", "write") if c in change.cells}
        exact = [n for n in found if known and _has(table.rows[n], known)]
        found = exact if len(exact) == 1 else found
    if len(found) > 1:
        there = ", ".join(str(lines[n]) for n in found)
        message = f"several rows fill '{name}', in the lines {there}"
        hint = f"Add line={lines[found[0]]}, for example."
        raise _refused(change.text, message, hint, table.table)
    return found[0] if found else None


def _named(row: FileRow, name: str) -> bool:
    return row.cells.get("partner_field") == name


def _has(row: FileRow, cells: Mapping[str, str]) -> bool:
    return all(row.cells.get(column, "") == cell for column, cell in cells.items())


def _hint(text: str) -> str:
    """Return a suggestion if a text seems to name a column, and misspells it."""
    hints = (did_you_mean(m[1].casefold(), _NAMES) for m in _LIKE_A_CELL.finditer(text))
    return next((hint for hint in hints if hint), "")


def _refused(
    text: str, what: str, hint: str = "", table: TableId | None = None
) -> SpecError:
    place = Origin(table.path if table else "--row")
    return SpecError([Problem(place, "S071", f"'{text}': {what}.", hint)])
