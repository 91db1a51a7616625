"""The rows of a table that look a value up: a row and its work in, its Lookup out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.language import Word, parse_pipe
from engine.spec import FieldRule, Spec
from engine.transforms import TRANSFORMS, text
from engine.work import EntityWork, FieldWork, ListWork

OTHERS = "*"
"""The entry of a list that stands for all values without one."""


@dataclass(frozen=True)
class Lookup:
    """The value list that a row reads, and the row as far as to the value it asks."""

    list: str
    entries: Mapping[str, Any]
    asked: FieldWork


def rows_of(work: EntityWork) -> Iterator[tuple[ListWork | None, FieldWork]]:
    """Yield each row of a table, and the list of objects that it fills a part of."""
    for item in work.fields:
        if isinstance(item, ListWork):
            yield from ((item, inner) for inner in item.fields)
        else:
            yield None, item


def lookups_of(spec: Spec, work: EntityWork) -> dict[int, Lookup]:
    """Return the lookup of each row that has one, by the line of the row."""
    rules = {rule.origin.line: rule for rule in spec.tables[work.name]}
    found = {}
    for _, field in rows_of(work):
        lookup = _lookup(rules[field.origin.line], field)
        if lookup is not None:
            found[field.origin.line] = lookup
    return found


def _lookup(rule: FieldRule, field: FieldWork) -> Lookup | None:
    if not field.steps:
        return None
    calls = parse_pipe(rule.row.transform)
    for position, (call, step) in enumerate(zip(calls, field.steps, strict=True)):
        if step.function is TRANSFORMS["lookup"].function:
            name = call.arguments[0]
            asked = replace(
                field,
                steps=field.steps[:position],
                default=None,
                if_empty="omit",
                tolerant=False,
            )
            listed = name.name if isinstance(name, Word) else str(name)
            return Lookup(listed, step.arguments[0], asked)
    return None


def folded(value: Any) -> str:
    """Return a value as a list compares it; raises ValueError if it is not one."""
    return text(value).strip().casefold()
