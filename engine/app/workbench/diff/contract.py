"""Compare what a partner accepts and how it is reached: files in, what changed out."""

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from engine.app.payload_fields import PayloadField, every_field
from engine.app.workbench.diff.spec_change import Effect, SpecChange
from engine.app.workbench.versions import Version
from engine.errors import SpecError
from engine.model import PartnerFile
from engine.problems import Problem, sort
from engine.spec import read_schemas

FOR_PEOPLE = frozenset(
    {
        *("title", "description", "$comment", "$schema", "$id", "examples"),
        *("x-evidence", "x-source", "x-values-evidence"),
    }
)
"""Keys of a payload schema that no run reads."""

UNREAD = frozenset({"documentation", "evidence"})
"""Parts of a connector file that no run reads."""

_INNER = frozenset({"properties", "required", "items"})
_WORDS = {"x-evidence": "evidence", "x-source": "source of the evidence"}


def standard_changes(old: Version, new: Version) -> Iterator[SpecChange]:
    """Yield what changed of the Standard; a version without one says nothing of it."""
    if not all(version.folders.standard.is_dir() for version in (old, new)):
        return
    before, after = _schemas(old), _schemas(new)
    for name in sorted({*before, *after}):
        if name not in after:
            yield SpecChange(name, "dropped", "entity", "major")
        elif name not in before:
            yield SpecChange(name, "added", "entity", "minor")
        else:
            yield from schema_changes(name, before[name], after[name])


def _schemas(version: Version) -> dict[str, Mapping[str, Any]]:
    problems: list[Problem] = []
    found = read_schemas(version.folders, version.folders.standard, problems)
    if problems:
        raise SpecError(sort(version.told(problems)))
    return found


def schema_changes(
    part: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[SpecChange]:
    """Yield what changed of a schema, field by field."""
    before = {field.name: field for field in every_field(old)}
    after = {field.name: field for field in every_field(new)}
    for name, field in before.items():
        if name not in after:
            yield SpecChange(part, "dropped", name, "minor", old=_kind_of(field))
    for name, field in after.items():
        if name not in before:
            yield SpecChange(part, "added", name, "minor", new=_kind_of(field))
            continue
        yield from _field_changes(part, before[name], field)
    yield from _key_changes(part, "payload", _own(old), _own(new))


def _kind_of(field: PayloadField) -> str:
    kind = field.schema.get("type", "")
    told = " or ".join(kind) if isinstance(kind, list) else str(kind)
    return f"{told}, required" if field.required else told


def _field_changes(
    part: str, old: PayloadField, new: PayloadField
) -> Iterator[SpecChange]:
    if old.required != new.required:
        was, now = ("required" if f.required else "optional" for f in (old, new))
        yield SpecChange(part, "changed", new.name, "minor", "", was, now)
    yield from _key_changes(part, new.name, _own(old.schema), _own(new.schema))


def _own(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a schema says of its field alone, with that of its elements."""
    found = {key: value for key, value in schema.items() if key not in _INNER}
    items = schema.get("items")
    if isinstance(items, Mapping):
        inner = {key: value for key, value in items.items() if key not in _INNER}
        found |= {f"items.{key}": value for key, value in inner.items()}
    return found


def _key_changes(
    part: str, row: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[SpecChange]:
    for key in dict.fromkeys([*old, *new]):
        if old.get(key) == new.get(key):
            continue
        word = key.removeprefix("items.")
        effect: Effect = "patch" if word in FOR_PEOPLE else "minor"
        was, now = (_json(side[key]) if key in side else "" for side in (old, new))
        aspect = _WORDS.get(key, key)
        yield SpecChange(part, "changed", row, effect, aspect, was, now)


def _json(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def connector_changes(
    old: Mapping[str, Any] | None, new: Mapping[str, Any] | None
) -> Iterator[SpecChange]:
    """Yield a line for each top-level part of a connector file that changed."""
    before, after = old or {}, new or {}
    for part in dict.fromkeys([*before, *after]):
        was, now = before.get(part), after.get(part)
        if was == now:
            continue
        effect: Effect = "patch" if part in UNREAD else "minor"
        if part not in after:
            yield SpecChange("connector", "dropped", part, effect)
        elif part not in before:
            yield SpecChange("connector", "added", part, effect)
        elif isinstance(was, dict) and isinstance(now, dict):
            parts = [n for n in dict.fromkeys([*was, *now]) if was.get(n) != now.get(n)]
            told = ", ".join(map(str, parts))
            yield SpecChange("connector", "changed", part, effect, told)
        elif isinstance(was, list) or isinstance(now, list):
            yield SpecChange("connector", "changed", part, effect)
        else:
            values = (_json(was), _json(now))
            yield SpecChange("connector", "changed", part, effect, "", *values)


def page_changes(old: PartnerFile, new: PartnerFile) -> Iterator[SpecChange]:
    """Yield which parts of a partner's page changed; no run reads it."""
    for key in PartnerFile.model_fields:
        if getattr(old, key) != getattr(new, key):
            yield SpecChange("page", "changed", key, "patch")
