"""The rows of a table that look a value up: a row and its work in, its Lookup out."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.language import parse_pipe
from engine.spec import FieldRule, Spec
from engine.transforms import TRANSFORMS, text
from engine.work import EntityWork, FieldWork

OTHERS = "*"
"""The entry of a list that stands for all values without one."""


@dataclass(frozen=True)
class Lookup:
    """The value list that a row reads, and the row as far as to the value it asks."""

    list: str
    entries: Mapping[str, Any]
    asked: FieldWork


def lookups_of(spec: Spec, work: EntityWork) -> dict[int, Lookup]:
    """Return the lookup of each row that has one, by the line of the row."""
    rules = {rule.origin.line: rule for rule in spec.tables[work.name]}
    found = {}
    for field in work.rows:
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
            asked = replace(
                field,
                steps=field.steps[:position],
                default=None,
                if_empty="omit",
                tolerant=False,
            )
            return Lookup(str(call.arguments[0]), step.arguments[0], asked)
    return None


def folded(value: Any) -> str:
    """Return a value as a list compares it; raises ValueError if it is not one."""
    return text(value).strip().casefold()
