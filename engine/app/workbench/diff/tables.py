"""Compare field tables and value lists: rows of two versions in, what changed out.

Rows are known by what they say, never by their line. A cell that is written in another
way and means the same is no change of data.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.app.workbench.diff.spec_change import Effect, SpecChange
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.merging import row_name
from engine.app.workbench.tables.pairing import paired
from engine.app.workbench.tables.tablefile import Cells
from engine.language import LanguageError, parse_condition, parse_pipe

ASPECTS: Mapping[str, str] = {
    "erp_field": "source",
    "reference": "source",
    "id_parts": "ID",
    "transform": "transform",
    "when": "condition",
    "default": "default",
    "if_empty": "empty value",
    "if_wrong": "wrong value",
    "write": "operation",
    "example": "example",
    "expected": "expected value",
    "note": "note",
    "erp_value": "ERP value",
    "partner_value": "value",
}
"""Column -> what of a row it decides."""

FOR_PEOPLE = frozenset({"example", "expected", "note"})
"""Columns that no run reads."""

SAME = "means the same"

_SOURCES = ("erp_field", "id_parts", "reference")
_USUAL = {"if_empty": "omit", "if_wrong": "reject", "write": "always"}


def meaning(column: str, cell: str) -> str:
    """
    Return a cell so that two which mean the same are equal.

    >>> meaning("transform", "trim|upper") == meaning("transform", "trim | upper")
    True
    >>> meaning("if_empty", "") == meaning("if_empty", "omit")
    True
    """
    parse: Mapping[str, Callable[[str], object]] = {
        "transform": parse_pipe,
        "when": parse_condition,
    }
    if column in parse and cell:
        try:
            return repr(parse[column](cell))
        except LanguageError:
            return cell
    if column == "reference" or (column in _SOURCES and not cell.startswith("$")):
        return ";".join("".join(part.split()) for part in cell.split(";"))
    if column == "erp_value":
        return cell.strip().casefold()
    return cell or _USUAL.get(column, "")


def rule_key(row: Cells) -> frozenset[tuple[str, str]]:
    """Return what a row means to a run: equal for rows that mean the same."""
    said = {column: meaning(column, row[column]) for column in {*row} - FOR_PEOPLE}
    return frozenset(one for one in said.items() if one[1] != meaning(one[0], ""))


def rule_of(row: Cells) -> str:
    """
    Return what a row says in words, without its field.

    >>> rule_of({"partner_field": "a", "erp_field": "x", "transform": "trim"})
    'x | trim'
    """
    if "partner_value" in row:
        return row["partner_value"]
    source = next((row[column] for column in _SOURCES if row.get(column)), "")
    told = " | ".join(filter(None, (source, row.get("transform", ""))))
    default = row.get("default", "")
    if not told:
        return f"always {default}" if default else ""
    return f"{told}, else {default}" if default else told


@dataclass(frozen=True)
class Rows:
    """What became of the rows of a table: changes, and rows that only one side has."""

    changes: tuple[SpecChange, ...]
    added: tuple[Cells, ...]
    dropped: tuple[Cells, ...]


def table_changes(table: TableId, old: Sequence[Cells], new: Sequence[Cells]) -> Rows:
    """Compare two versions of a table; added and dropped rows are not told yet."""
    pairs = paired(table, old, new)
    found: list[SpecChange] = []
    for after, before in sorted(pairs.old_of.items()):
        found += _row_changes(table, old[before], new[after])
    if not table.is_list:
        order = [(before, after) for after, before in pairs.old_of.items()]
        found += _reordered(table, order, old, new)
    return Rows(
        tuple(found),
        tuple(new[number] for number in pairs.added),
        tuple(old[number] for number in pairs.dropped),
    )


def part_of(table: TableId) -> str:
    return f"list {table.name}" if table.is_list else table.name


def added_row(table: TableId, row: Cells) -> SpecChange:
    name, effect = row_name(table, row), _weight(row)
    return SpecChange(part_of(table), "added", name, effect, new=rule_of(row))


def dropped_row(table: TableId, row: Cells) -> SpecChange:
    name, effect = row_name(table, row), _weight(row)
    return SpecChange(part_of(table), "dropped", name, effect, old=rule_of(row))


def _weight(row: Cells) -> Effect:
    return "major" if row.get("id_parts") else "minor"


def _row_changes(table: TableId, old: Cells, new: Cells) -> Iterator[SpecChange]:
    """Yield a change for each cell in which two versions of a row differ."""
    part, key = part_of(table), table.key[0]
    name = row_name(table, old)
    is_id = bool(old.get("id_parts") or new.get("id_parts"))
    for column in table.columns:
        was, now = old.get(column, ""), new.get(column, "")
        if was == now:
            continue
        same = meaning(column, was) == meaning(column, now)
        effect: Effect = "patch" if same or column in FOR_PEOPLE else "minor"
        if column == key and not same:
            yield SpecChange(part, "moved", name, effect, old=was, new=now)
            continue
        if is_id and effect == "minor" and column in _SOURCES:
            effect = "major"
        aspect = ASPECTS.get(column, "field")
        if aspect == "default" and not any(old.get(c) for c in _SOURCES):
            aspect = "constant"
        why = SAME if same else ""
        yield SpecChange(part, "changed", name, effect, aspect, was, now, why)


def _reordered(
    table: TableId,
    pairs: Sequence[tuple[int, int]],
    old: Sequence[Cells],
    new: Sequence[Cells],
) -> Iterator[SpecChange]:
    """
    Yield fields whose rows stand in another order: the first that holds counts.

    The order of rows of different fields means nothing.
    """
    places: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for before, after in sorted(pairs):
        row = new[after]
        name = row.get("partner_field", "")
        if old[before].get("partner_field", "") == name:
            only_in = row.get("write", "")
            part = only_in if only_in in ("create", "update", "remove") else ""
            places[name, part].append((before, after))
    for (name, _), found in places.items():
        order = [after for _, after in found]
        if order != sorted(order):
            yield SpecChange(table.name, "order", name, "minor", "rows")
