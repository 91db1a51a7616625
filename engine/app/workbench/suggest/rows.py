"""Turn what another table says into rows for this one: a Lesson in, FieldRows out.

A path is read from another entity, a reference gets the name that this spec has, a list
must be there. What cannot be said here is None.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

from engine.app.workbench.suggest.lessons import (
    Lesson,
    Place,
    names_alike,
    words_of,
)
from engine.contract import kinds
from engine.language import LanguageError, parse_condition, parse_pipe
from engine.language import paths_of as paths_of_condition
from engine.model import FieldRow, as_tuple
from engine.paths import resolve
from engine.runtime.library import UseCase
from engine.standard import Field, Standard

_GIVES: Mapping[str, str] = {
    "boolean": "boolean",
    "count": "integer",
    "floor": "integer",
    "integer": "integer",
    "number": "number",
    "present": "boolean",
    "rent_items": "number",
    "round": "number",
}
"""Transforms that give no text, and what they give."""

_TYPES: Mapping[str, str] = {
    "boolean": "boolean",
    "integer": "integer",
    "list": "array",
    "number": "number",
    "object": "object",
}
"""Types of the Standard that are no text, as JSON Schema calls them."""

_FITTING: Mapping[tuple[str, str], str] = {
    ("integer", "string"): "text",
    ("number", "string"): "text",
}
"""Type given, type wanted -> the transform that loses nothing."""


def adapted(
    lesson: Lesson, place: Place, use_case: UseCase
) -> Iterator[tuple[FieldRow, ...]]:
    """Yield the rows of a lesson as this table would have them, the likeliest first."""
    if lesson.place.base == place.base:
        ways = [""]
    else:
        ways = ["", *_ways(use_case, place, lesson)]
    for way in ways:
        chains = [list(_row(row, way, lesson, place, use_case)) for row in lesson.rows]
        if all(chains):
            yield from product(*chains)


def _ways(use_case: UseCase, place: Place, lesson: Lesson) -> Iterator[str]:
    """Yield the ways to the lesson's entity: those of this table, then references."""
    standard = use_case.standard
    found: dict[str, None] = {}
    for rule in use_case.spec.tables[place.table]:
        for part in rule.row.erp_field.split(";"):
            way = part.strip().rpartition(".")[0]
            fits = ("[]" in way) == ("[]" in place.name)
            if way and fits and not _is_setting(part.strip()):
                found[way] = None
    found |= dict.fromkeys(standard.entities[place.start].references)
    for way in found:
        if _leads_to(standard, place.start, way) == lesson.place.base:
            yield f"{way}."


def _leads_to(standard: Standard, start: str, way: str) -> str:
    """Return the entity at the end of a way; none if it is no way to a record."""
    try:
        found = resolve(standard, start, way)
    except LanguageError:
        return ""
    return "" if found.field else standard.base(found.entity)


def _row(
    row: FieldRow, way: str, lesson: Lesson, place: Place, use_case: UseCase
) -> Iterator[FieldRow]:
    standard = use_case.standard
    changes: dict[str, Any] = {"partner_field": place.name, "note": ""}
    if row.id_parts and (way or lesson.place.start != place.start):
        return
    if row.when and (way or not _reads(standard, place.start, row.when)):
        return
    if row.erp_field:
        written = row.erp_field if way else _own_key(standard, lesson, place, row)
        cell = _erp_field(standard, place, written, way)
        if cell is None:
            return
        changes["erp_field"] = cell
    for reference in _reference(row, way, lesson, place, use_case):
        for transform in _transforms(row, place, use_case):
            new = {**changes, "reference": reference, "transform": transform}
            yield row.model_copy(update=new)


def _reads(standard: Standard, start: str, condition: str) -> bool:
    paths = paths_of_condition(parse_condition(condition))
    known = [p for p in paths if p.setting is None and p.names != ("today",)]
    return all(_field(standard, start, str(path)) is not None for path in known)


def _erp_field(standard: Standard, place: Place, cell: str, way: str) -> str | None:
    """Return a cell that says the same from here; None if nothing here says it."""
    if cell.startswith("$"):
        return None
    parts = [part.strip() for part in cell.split(";")]
    own = [part if _is_setting(part) or not way else f"{way}{part}" for part in parts]
    if any(_field(standard, place.start, p) is None for p in own if not _is_setting(p)):
        return None
    return "; ".join(own)


def _own_key(standard: Standard, lesson: Lesson, place: Place, row: FieldRow) -> str:
    """Return a cell with this record's numbers for those of the other record."""
    theirs = standard.entities[lesson.place.base].key
    ours = standard.entities[place.base].key
    parts = [part.strip() for part in row.erp_field.split(";")]
    if tuple(parts) == theirs:
        return "; ".join(ours)
    last = {theirs[-1]: ours[-1]}
    return "; ".join(last.get(part, part) for part in parts)


def _is_setting(part: str) -> bool:
    return part == "today" or part.startswith("settings.")


def _field(standard: Standard, start: str, path: str) -> Field | None:
    try:
        return resolve(standard, start, path).field
    except LanguageError:
        return None


def _reference(
    row: FieldRow, way: str, lesson: Lesson, place: Place, use_case: UseCase
) -> Iterator[str]:
    if not row.reference:
        yield ""
        return
    if way:
        return
    standard = use_case.standard
    _, bracket, rest = row.reference.partition("(")
    fit = {
        entity.name: names_alike(place.words, words_of(entity.name))
        for entity in use_case.spec.use_case.entities
        if standard.base(as_tuple(entity.erp)[0]) in lesson.targets
    }
    for name, alike in fit.items():
        if alike == max(fit.values()):
            yield f"{name}{bracket}{rest}"


def _transforms(row: FieldRow, place: Place, use_case: UseCase) -> Iterator[str]:
    """Yield the transform with each list of this spec that has what the field takes."""
    if "lookup(" not in row.transform:
        yield row.transform
        return
    calls = parse_pipe(row.transform)
    name = next(str(call.arguments[0]) for call in calls if call.name == "lookup")
    lists = use_case.spec.lists
    allowed = place.schema.get("enum")
    if name in lists:
        yield row.transform
    for other, values in lists.items():
        given = {value for value in values.entries.values() if value}
        if other != name and allowed and given <= {str(one) for one in allowed}:
            yield row.transform.replace(f"lookup({name})", f"lookup({other})")
    if name not in lists and not allowed:
        pipe = (part.strip() for part in row.transform.split("|"))
        yield " | ".join(part for part in pipe if not part.startswith("lookup("))


def fitting(row: FieldRow, place: Place, standard: Standard) -> FieldRow | None:
    """Return the row with a type that the field takes; None if it takes no such."""
    wanted = set(kinds(place.schema)) - {"null"}
    if not row.erp_field or "lookup(" in row.transform:
        return row
    field = _field(standard, place.start, row.erp_field.partition(";")[0].strip())
    given = _given(row, field)
    if given and place.name.endswith("[]"):
        given = "array"
    if _enum_refuses(row, field, place.schema):
        return None
    if row.transform == "" and _wants_time(field, place.schema):
        return row.model_copy(update={"transform": "datetime"})
    if not given or not wanted or given in wanted:
        return row
    if given == "integer" and "number" in wanted:
        return row
    turned = next(iter(wanted)) if len(wanted) == 1 else ""
    added = _FITTING.get((given, turned))
    if added is None:
        return None
    transform = f"{row.transform} | {added}" if row.transform else added
    return row.model_copy(
        update={"transform": transform, "example": "", "expected": ""}
    )


def _given(row: FieldRow, field: Field | None) -> str:
    """Return the type that a row gives; empty if that is not known."""
    if row.transform:
        last = parse_pipe(row.transform)[-1].name
        if last != "first":
            return _GIVES.get(last, "string")
    return _TYPES.get(field.type, "string") if field else ""


def _wants_time(field: Field | None, schema: Mapping[str, Any]) -> bool:
    is_date = field is not None and field.type == "date"
    return is_date and schema.get("format") == "date-time"


def _enum_refuses(
    row: FieldRow, field: Field | None, schema: Mapping[str, Any]
) -> bool:
    """Say whether the partner takes certain values only, and the source has others."""
    allowed = schema.get("enum")
    if not allowed or row.transform:
        return False
    return not (field and field.enum and set(field.enum) <= set(allowed))
