"""Find the places of rows that a sheet has added: rows of a file in, all rows out."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Sequence

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.pairing import folded
from engine.app.workbench.tables.tablefile import Cells, FileRow

Placed = tuple[FileRow | Cells, int | None]
"""A row, and its number in the sheet if it stands there."""


def with_added(
    table: TableId, rows: Sequence[Placed], added: Sequence[tuple[Cells, int]]
) -> list[Placed]:
    """
    Put the rows that a sheet has added between those of a file.

    Each stands behind the row that it follows in the sheet. If the sheet is sorted in
    another way it stands with the other rows of its field, conditions before the row
    that has none, because the first one that holds counts.
    """
    places = [number for _, number in rows if number is not None]
    in_order = places == sorted(places)
    behind = (
        _behind_neighbours(rows, added) if in_order else _by_field(table, rows, added)
    )
    result = [*behind.get(-1, ())]
    for place, row in enumerate(rows):
        result += [row, *behind.get(place, ())]
    return result


def _behind_neighbours(
    rows: Sequence[Placed], added: Sequence[tuple[Cells, int]]
) -> dict[int, list[Placed]]:
    """Return the added rows by the place of the row that they follow; -1 is the top."""
    known = [
        (number, place) for place, (_, number) in enumerate(rows) if number is not None
    ]
    behind: dict[int, list[Placed]] = defaultdict(list)
    for row, number in added:
        before = bisect(known, (number,))
        behind[known[before - 1][1] if before else -1].append((row, number))
    return behind


def _by_field(
    table: TableId, rows: Sequence[Placed], added: Sequence[tuple[Cells, int]]
) -> dict[int, list[Placed]]:
    """Return the added rows by the place of the last row of their field."""
    column = table.key[0]
    first_default: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, (row, _) in enumerate(rows):
        cells = row.cells if isinstance(row, FileRow) else row
        last[folded(cells, column)] = place
        if not cells.get("when"):
            first_default.setdefault(folded(cells, column), place)
    fields = {folded(row, column): n for n, (row, _) in reversed([*enumerate(added)])}
    behind: dict[int, list[Placed]] = defaultdict(list)
    for row, number in sorted(
        added, key=lambda one: (fields[folded(one[0], column)], not one[0].get("when"))
    ):
        field = folded(row, column)
        place = last.get(field, len(rows) - 1)
        if row.get("when") and field in first_default:
            place = first_default[field] - 1
        behind[place].append((row, number))
    return behind
