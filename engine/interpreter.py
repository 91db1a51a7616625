"""Run a plan of work row by row: a record in, the payload and each row's trace out.

Slow and plain on purpose: the oracle that the compiled transformer is compared with,
what `explain` shows, and what names the row when a value is refused. Never raises.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.conditions import holds
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
    IdParts,
    ListWork,
    ReferenceTo,
    Settings,
)

Fate = Literal[
    "set", "default", "omitted", "cleared", "kept", "condition", "earlier", "refused"
]


class Outcome(NamedTuple):
    """What a record becomes: its ID and payload, or the problems that reject it."""

    id: str | None
    body: dict[str, Any]
    create_only: dict[str, Any]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True)
class Trace:
    """What one row did with one record."""

    work: FieldWork
    fate: Fate
    source: Any = None
    steps: tuple[tuple[str, Any], ...] = ()
    value: Any = None
    problem: Problem | None = None


def interpret(work: EntityWork, record: Record, settings: Settings) -> Outcome:
    """Turn a record into the partner's payload."""
    body: dict[str, Any] = {}
    create_only: dict[str, Any] = {}
    problems: list[Problem] = []
    identity = run_field(work.id_field, record, settings)
    if identity.problem:
        problems.append(identity.problem)
    for item in work.fields:
        if isinstance(item, ListWork):
            _run_list(item, record, settings, body, problems)
            continue
        container = create_only if item.create_only else body
        if _has(container, item.target):
            continue
        trace = run_field(item, record, settings)
        if trace.problem and trace.problem not in problems:
            problems.append(trace.problem)
        if trace.fate in ("set", "default", "cleared"):
            _put(container, item.target, trace.value)
    if problems:
        return Outcome(None, {}, {}, tuple(problems))
    return Outcome(identity.value, body, create_only)


def trace(work: EntityWork, record: Record, settings: Settings) -> list[Trace]:
    """Return what each row did, in the order of the table."""
    items = [work.id_field, *(f for f in work.fields if f is not work.id_field)]
    traces: list[Trace] = []
    filled = set()
    for item in items:
        if isinstance(item, ListWork):
            for element in _elements(record, item.collection):
                traces += [run_field(f, element, settings) for f in item.fields]
        elif item.target in filled:
            traces.append(Trace(item, "earlier"))
        else:
            traces.append(run_field(item, record, settings))
            if traces[-1].fate in ("set", "default", "cleared"):
                filled.add(item.target)
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
        value = _pipe(work, source, steps)
    except RecordError as error:
        problem = Problem(work.origin, error.code, f"{work.name}: {error.message}.")
        return Trace(work, "refused", source, tuple(steps), problem=problem)
    except Exception as error:  # noqa: BLE001 - a transform may meet any JSON value
        what = str(error) if isinstance(error, ValueError) else "has a wrong shape"
        message = f"{work.name}: the value {what}."
        problem = Problem(work.origin, "R201", message)
        return Trace(work, "refused", source, tuple(steps), problem=problem)
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
                return value_at(record, paths[0])
            return tuple(value_at(record, path) for path in paths)
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


def _pipe(work: FieldWork, source: Any, steps: list[tuple[str, Any]]) -> Any:
    if work.many and isinstance(work.source, FromFields) and work.source.each:
        values = source if isinstance(source, list) else [source]
        found = [_pipe_one(work, value, steps) for value in values]
        return [value for value in found if not is_empty(value)]
    return _pipe_one(work, source, steps)


def _pipe_one(work: FieldWork, value: Any, steps: list[tuple[str, Any]]) -> Any:
    for position, step in enumerate(work.steps):
        if value is None:
            return None
        given = value
        if not position and not isinstance(value, tuple | list):
            given = (value,) if step.several else value
        value = step.function(given, *step.arguments)
        steps.append((step.name, value))
    return value


def _run_list(
    work: ListWork,
    record: Record,
    settings: Settings,
    body: dict[str, Any],
    problems: list[Problem],
) -> None:
    items = []
    for element in _elements(record, work.collection):
        item: dict[str, Any] = {}
        for inner in work.fields:
            if _has(item, inner.target):
                continue
            trace = run_field(inner, element, settings)
            if trace.problem and trace.problem not in problems:
                problems.append(trace.problem)
            if trace.fate in ("set", "default", "cleared"):
                _put(item, inner.target, trace.value)
        if item:
            items.append(item)
    if items:
        _put(body, work.target, items)


def _elements(record: Record, collection: FieldPath) -> Iterable[Record]:
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
