"""Conditions: check the text of a `when` or a rule, and decide it for a record.

Nothing equals nothing: a comparison with an empty value is false, `!=` is true.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from engine.language import (
    TODAY,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Empty,
    FieldPath,
    LanguageError,
    Literal,
    Member,
    Not,
    Predicate,
    parse_condition,
    paths_of,
    predicates_of,
)
from engine.paths import resolve
from engine.problems import Origin, Problem, did_you_mean
from engine.records import Record, value_at
from engine.standard import Standard
from engine.transforms import PREDICATES

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def check_condition(
    text: str,
    origin: Origin,
    standard: Standard,
    start: str,
    settings: Mapping[str, Any],
    problems: list[Problem],
) -> Condition | None:
    """Parse a condition and resolve its names; None if anything is wrong with it."""
    try:
        condition = parse_condition(text)
    except LanguageError as error:
        problems.append(Problem(origin, "M103", f"{error}."))
        return None
    before = len(problems)
    ways: dict[FieldPath, FieldPath] = {}
    for path in paths_of(condition):
        if path.names == ("today",):
            ways[path] = TODAY
            continue
        if path.setting is not None:
            if path.setting not in settings:
                hint = did_you_mean(path.setting, settings)
                message = f"no setting is named '{path.setting}'."
                problems.append(Problem(origin, "M113", message, hint))
            continue
        try:
            ways[path] = resolve(standard, start, str(path)).path
        except LanguageError as error:
            problems.append(Problem(origin, "M101", f"{error}"))
            continue
        if not ways[path].segments:
            message = f"'{path}' is the record itself, not a field."
            problems.append(Problem(origin, "M101", message))
    for predicate in predicates_of(condition):
        count = len(predicate.arguments)
        if predicate.name not in PREDICATES:
            hint = did_you_mean(predicate.name, PREDICATES)
            message = f"no condition is named '{predicate.name}'."
            problems.append(Problem(origin, "M121", message, hint))
        elif count != len(PREDICATES[predicate.name].parameters):
            wanted = ", ".join(PREDICATES[predicate.name].parameters)
            message = f"'{predicate.name}' takes {wanted}, not {count} values."
            problems.append(Problem(origin, "M121", message))
    if len(problems) > before:
        return None
    resolved: Condition = replace_paths(condition, ways)
    return resolved


def replace_paths(node: Any, ways: Mapping[FieldPath, FieldPath]) -> Any:
    """Return a condition that reads other paths in the place of some."""
    if isinstance(node, FieldPath):
        return ways.get(node, node)
    if isinstance(node, tuple):
        return tuple(replace_paths(item, ways) for item in node)
    if is_dataclass(node) and not isinstance(node, type):
        changed = {
            f.name: replace_paths(getattr(node, f.name), ways) for f in fields(node)
        }
        return replace(node, **changed)
    return node


def holds(condition: Condition, record: Record, settings: Mapping[str, Any]) -> bool:
    """Decide a checked condition for a record."""
    match condition:
        case AllOf(operands):
            return all(holds(item, record, settings) for item in operands)
        case AnyOf(operands):
            return any(holds(item, record, settings) for item in operands)
        case Not(operand):
            return not holds(operand, record, settings)
        case Compare(sign, left, right):
            return compare(
                sign, _value(left, record, settings), _value(right, record, settings)
            )
        case Member(left, items):
            known = (
                members(_value(items, record, settings))
                if isinstance(items, FieldPath)
                else tuple(_value(item, record, settings) for item in items)
            )
            return _value(left, record, settings) in known
        case Empty(operand):
            return is_empty(_value(operand, record, settings))
        case _:
            return bool(_value(condition, record, settings))


def compare(sign: str, left: Any, right: Any) -> bool:
    """
    Compare two values; what cannot be ordered does not hold.

    >>> compare("<", None, 3), compare("!=", None, 3), compare("<=", "2024", "2025")
    (False, True, True)
    """
    if sign in ("=", "!="):
        return OPERATORS[sign](left, right)
    if left is None or right is None or isinstance(left, str) != isinstance(right, str):
        return False
    try:
        return OPERATORS[sign](left, right)
    except TypeError:
        return False


def read(record: Record, path: FieldPath, settings: Mapping[str, Any]) -> Any:
    """Return what a path of a table reads: a field's value or a setting's."""
    if path.setting is not None:
        return settings.get(path.setting)
    return value_at(record, path)


def members(value: Any) -> Sequence[Any]:
    """Return the values of a list; what is no list has none."""
    return value if isinstance(value, list | tuple) else ()


def is_empty(value: Any) -> bool:
    return value is None or value in ("", [], ())


def _value(node: Any, record: Record, settings: Mapping[str, Any]) -> Any:
    match node:
        case Literal(value):
            return value
        case FieldPath():
            return read(record, node, settings)
        case Predicate(name, arguments):
            values = [_value(argument, record, settings) for argument in arguments]
            return PREDICATES[name].function(*values)
        case _:
            return holds(node, record, settings)
