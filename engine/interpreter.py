"""Run a plan of work row by row: a record in, the payload and each row's trace out.

Slow and plain on purpose: the oracle that the compiled transformer is compared with,
what `explain` shows, and what names the row when a value is refused. Never raises.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

from engine.conditions import holds, read
from engine.errors import RecordError
from engine.ids import compose
from engine.language import FieldPath
from engine.problems import Origin, Problem
from engine.records import Record, value_at
from engine.work import (
    Constant,
    EntityWork,
    FieldWork,
    FromFields,
    FromJsonPath,
    FromSetting,
    IdParts,
    ListWork,
    ReferenceTo,
    Settings,
)

Fate = Literal[
    "set",
    "default",
    "omitted",
    "cleared",
    "kept",
    "condition",
    "earlier",
    "wrong",
    "refused",
]
_FILLED = ("set", "default", "cleared")

Only = Mapping[str, Mapping[str, Any]]
"""Operation -> the part of a payload that counts in it alone."""


class Outcome(NamedTuple):
    """
    What a record becomes: its ID and payload, or the problems that reject it.

    `only` are the parts of the payload for one operation; `warnings` say which fields
    were left out because their values are wrong.
    """

    id: str | None
    body: dict[str, Any]
    only: Only
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Trace:
    """What one row did with one record."""

    work: FieldWork
    fate: Fate
    source: Any = None
    steps: tuple[tuple[str, Any], ...] = ()
    value: Any = None
    problem: Problem | None = None
    within: str = ""
    """The list of objects that the row fills an element of."""

    @property
    def name(self) -> str:
        return f"{self.within}.{self.work.name}" if self.within else self.work.name


def interpret(work: EntityWork, record: Record, settings: Settings) -> Outcome:
    """Turn a record into the partner's payload."""
    body: dict[str, Any] = {}
    only: dict[str, dict[str, Any]] = {}
    found = _Found()
    identity = run_field(work.id_field, record, settings)
    found.add(identity)
    for item in work.fields:
        if isinstance(item, ListWork):
            _run_list(item, record, settings, body, found)
            continue
        container = only.setdefault(item.only_in, {}) if item.only_in else body
        _fill(container, item, record, settings, found)
    if found.problems:
        return Outcome(None, {}, {}, tuple(found.problems))
    only = {operation: part for operation, part in only.items() if part}
    return Outcome(identity.value, body, only, (), tuple(found.warnings))


@dataclass
class _Found:
    """What is wrong with the values of one record, each thing once."""

    problems: dict[Problem, None] = field(default_factory=dict)
    warnings: dict[Problem, None] = field(default_factory=dict)

    def add(self, trace: Trace) -> None:
        if trace.problem:
            into = self.warnings if trace.fate == "wrong" else self.problems
            into[trace.problem] = None


def _fill(
    container: dict[str, Any],
    work: FieldWork,
    record: Record,
    settings: Settings,
    found: _Found,
) -> None:
    """Run one row, unless an earlier one set its field."""
    if _has(container, work.target):
        return
    trace = run_field(work, record, settings)
    found.add(trace)
    if trace.fate in _FILLED:
        _put(container, work.target, trace.value)


def trace(work: EntityWork, record: Record, settings: Settings) -> list[Trace]:
    """Return what each row did, in the order of the table."""
    items = [work.id_field, *(f for f in work.fields if f is not work.id_field)]
    traces: list[Trace] = []
    filled = set()
    for item in items:
        if isinstance(item, ListWork):
            for element in _elements(record, item.collection):
                found = (run_field(f, element, settings) for f in item.fields)
                traces += [replace(one, within=item.name) for one in found]
        elif (item.only_in, item.target) in filled:
            traces.append(Trace(item, "earlier"))
        else:
            traces.append(run_field(item, record, settings))
            if traces[-1].fate in _FILLED:
                filled.add((item.only_in, item.target))
    return traces


def is_empty(value: Any) -> bool:
    """Nothing, an empty text, an empty list or object; 0 and false are values."""
    return not (value or value == 0)


def run_field(work: FieldWork, record: Record, settings: Settings) -> Trace:
    """Run one row for one record."""
    if work.when is not None and not holds(work.when, record, settings):
        return Trace(work, "condition")
    steps: list[tuple[str, Any]] = []
    source: Any = None
    try:
        source = _source(work, record, settings)
        value = _pipe(work, source, settings, steps)
    except RecordError as error:
        problem = Problem(work.origin, error.code, f"{work.name}: {error.message}.")
        return Trace(work, "refused", source, tuple(steps), problem=problem)
    except Exception as error:  # noqa: BLE001 - a transform may meet any JSON value
        what = str(error) if isinstance(error, ValueError) else "has a wrong shape"
        message = f"{work.name}: the value {what}."
        problem = Problem(work.origin, "R201", message)
        fate: Fate = "wrong" if work.tolerant else "refused"
        return Trace(work, fate, source, tuple(steps), problem=problem)
    if not is_empty(value):
        return Trace(work, "set", source, tuple(steps), value)
    if work.default is not None:
        return Trace(work, "default", source, tuple(steps), work.default)
    match work.if_empty:
        case "clear":
            return Trace(work, "cleared", source, tuple(steps))
        case "keep":
            return Trace(work, "kept", source, tuple(steps))
        case "reject":
            problem = Problem(work.origin, "R203", f"{work.name} has no value.")
            return Trace(work, "refused", source, tuple(steps), problem=problem)
    return Trace(work, "omitted", source, tuple(steps))


def _source(work: FieldWork, record: Record, settings: Settings) -> Any:
    match work.source:
        case Constant():
            return None
        case FromFields(paths):
            if len(paths) == 1:
                return read(record, paths[0], settings)
            return tuple(read(record, path, settings) for path in paths)
        case FromJsonPath(_, find):
            return find(record)
        case IdParts():
            return composed(work.source, record, settings.separator)
        case ReferenceTo(_, collection, parts):
            if not collection.segments:
                return referenced(parts, record, settings.separator)
            ids = [
                referenced(parts, element, settings.separator)
                for element in _elements(record, collection)
            ]
            return sorted({i for i in ids if i is not None})


def _pipe(
    work: FieldWork, source: Any, settings: Settings, steps: list[tuple[str, Any]]
) -> Any:
    if work.many and isinstance(work.source, FromFields) and work.source.each:
        values = source if isinstance(source, list) else [source]
        found = [_pipe_one(work, value, settings, steps) for value in values]
        return [value for value in found if not is_empty(value)]
    return _pipe_one(work, source, settings, steps)


def _pipe_one(
    work: FieldWork, value: Any, settings: Settings, steps: list[tuple[str, Any]]
) -> Any:
    for position, step in enumerate(work.steps):
        if value is None:
            return None
        given = value
        if not position and not isinstance(value, tuple | list):
            given = (value,) if step.several else value
        value = step.function(given, *bound(step.arguments, settings))
        steps.append((step.name, value))
    return value


def bound(arguments: tuple[Any, ...], settings: Settings) -> tuple[Any, ...]:
    """Return the arguments of a step with what the activation chose."""
    return tuple(
        settings.get(one.name) if isinstance(one, FromSetting) else one
        for one in arguments
    )


def _run_list(
    work: ListWork,
    record: Record,
    settings: Settings,
    body: dict[str, Any],
    found: _Found,
) -> None:
    items = []
    for element in _elements(record, work.collection):
        item: dict[str, Any] = {}
        for inner in work.fields:
            _fill(item, inner, element, settings, found)
        if item:
            items.append(item)
    if work.merge_by is not None:
        items = merged_by(work.merge_by, items)
    if items:
        _put(body, work.target, items)


def merged_by(name: str, items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """
    Make one element of those that are alike in a field; lists in them are united.

    >>> merged_by("a", [{"a": 1, "b": [1]}, {"a": 2}, {"a": 1, "b": [2]}])
    [{'a': 1, 'b': [1, 2]}, {'a': 2}]
    """
    kept: list[dict[str, Any]] = []
    for item in items:
        alike = (k for k in kept if name in item and k.get(name) == item[name])
        twin = next(alike, None)
        if twin is None:
            kept.append(item)
            continue
        for key, value in item.items():
            known = twin.setdefault(key, value)
            if isinstance(known, list) and isinstance(value, list):
                twin[key] = [*known, *(one for one in value if one not in known)]
    return kept


def _elements(record: Record, collection: FieldPath) -> Iterable[Record]:
    if not collection.segments:
        return [record]
    return [item for item in value_at(record, collection) if isinstance(item, dict)]


def composed(work: IdParts, record: Record, separator: str) -> str:
    """Compose an ID; raises RecordError if a part is missing or has the separator."""
    parts = []
    for part in work.parts:
        if isinstance(part, str):
            parts.append(part)
            continue
        value = value_at(record, part)
        if is_empty(value):
            if part.segments[-1].name in work.optional:
                continue
            raise RecordError("R204", f"'{part}' is empty, the ID needs it")
        if not isinstance(value, str | int):
            raise RecordError("R204", f"'{part}' is no text, the ID needs one")
        parts.append(str(value))
    return compose(parts, separator)


def referenced(work: IdParts, record: Record, separator: str) -> str | None:
    """Compose the ID of another record; None if this record points to none."""
    for part in work.parts:
        if isinstance(part, FieldPath) and is_empty(value_at(record, part)):
            if part.segments[-1].name in work.optional:
                continue
            return None
    return composed(work, record, separator)


def _has(body: dict[str, Any], target: tuple[str, ...]) -> bool:
    """Say whether an earlier row set a field: the later one does not count then."""
    here: Any = body
    for name in target:
        if not isinstance(here, dict) or name not in here:
            return False
        here = here[name]
    return True


def _put(body: dict[str, Any], target: tuple[str, ...], value: Any) -> None:
    """Set a nested field, unless an earlier row did."""
    for name in target[:-1]:
        inner = body.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        body = inner
    body.setdefault(target[-1], value)


def tolerant_fields(work: EntityWork) -> frozenset[str]:
    """Return the fields that are left out if they are wrong."""
    found = set()
    for item in work.fields:
        if isinstance(item, ListWork):
            found |= {f"{item.name}.{f.name}" for f in item.fields if f.tolerant}
        elif item.tolerant:
            found.add(item.name.removesuffix("[]"))
    return frozenset(found)


def origin_by_field(work: EntityWork) -> Mapping[str, Origin]:
    """Return the row of each partner field, for what the partner says of it."""
    origins = {work.id_field.name: work.id_field.origin}
    for item in work.fields:
        if isinstance(item, ListWork):
            for inner in item.fields:
                origins.setdefault(f"{item.name}.{inner.name}", inner.origin)
                origins.setdefault(item.name.removesuffix("[]"), inner.origin)
        else:
            origins.setdefault(item.name.removesuffix("[]"), item.origin)
    return origins
