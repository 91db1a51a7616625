"""
The neutral ERP model: JSON Schemas of a folder in, frozen entities and fields out.

The engine asks this model, never a schema, what an entity is: its key, its fields, what
it points to, and what points to it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from engine.language import Condition, FieldPath, Segment

FieldType = Literal[
    "text", "integer", "number", "boolean", "date", "datetime", "list", "object"
]
Personal = Literal["none", "personal", "sensitive"]

_TYPES: Mapping[tuple[str, str], FieldType] = {
    ("string", ""): "text",
    ("string", "date"): "date",
    ("string", "date-time"): "datetime",
    ("integer", ""): "integer",
    ("number", ""): "number",
    ("boolean", ""): "boolean",
    ("array", ""): "list",
    ("object", ""): "object",
}
_PERSONAL: tuple[Personal, ...] = ("none", "personal", "sensitive")


@dataclass(frozen=True)
class Field:
    """
    One field of an entity, or of the entries of a list.

    `item_fields` are the fields of a list's entries, or of the object itself;
    `item_value` names the one that a bare scalar stands for. An entry's field is at
    least as personal as the list that holds it.
    """

    name: str
    title: str = ""
    type: FieldType = "text"
    required: bool = False
    enum: tuple[Any, ...] | None = None
    unit: str = ""
    personal: Personal = "none"
    open_end: bool = False
    item_value: str | None = None
    item_fields: Mapping[str, "Field"] | None = None
    description: str = ""


@dataclass(frozen=True)
class Reference:
    """A way from one entity to another; `fields` maps its key fields to our own."""

    name: str
    entity: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class Selection:
    """
    A relation of a use case: some of the records of `child` that point to one.

    `where` decides which, `order` sorts them (a path, and whether downwards), `take`
    says how many of them count. `joins` are the ways that both of them read.
    """

    name: str
    child: str
    reference: Reference
    where: Condition | None
    order: tuple[tuple[FieldPath, bool], ...]
    take: Literal["first", "rest", "all"]
    joins: frozenset[FieldPath]

    @property
    def many(self) -> bool:
        return self.take != "first"


@dataclass(frozen=True)
class Entity:
    """A kind of record; a view shares key, fields and references of its base."""

    name: str
    title: str
    plural: str
    key: tuple[str, ...]
    fields: Mapping[str, Field]
    references: Mapping[str, Reference] = field(default_factory=dict)
    selections: Mapping[str, Selection] = field(default_factory=dict)
    view_of: str | None = None
    linked_by: str | None = None


@dataclass(frozen=True)
class Standard:
    """All entities of the model, by name."""

    entities: Mapping[str, Entity]

    def entity_by_name(self, name: str) -> Entity:
        """Return an entity or a view; raises KeyError if the model has none."""
        return self.entities[name]

    def base(self, entity_name: str) -> str:
        """Return the name of the entity that a view is of, else the name itself."""
        return self.entities[entity_name].view_of or entity_name

    def leads_to(self, entity_name: str, segment: Segment) -> str | None:
        """Return the entity that a step of a path leads to; None for a field."""
        entity = self.entities[entity_name]
        selection = entity.selections.get(segment.name)
        if selection is not None and selection.many == segment.many:
            return selection.child
        if segment.many:
            child = self.children(entity_name).get(segment.name)
            return child[0] if child else None
        reference = entity.references.get(segment.name)
        return reference.entity if reference else None

    def with_selection(self, entity_name: str, selection: Selection) -> "Standard":
        """Return the same model with a further relation of an entity and its views."""
        base = self.base(entity_name)
        entities = dict(self.entities)
        for name, entity in self.entities.items():
            if base in (name, entity.view_of):
                selections = {**entity.selections, selection.name: selection}
                entities[name] = replace(
                    entity, selections=MappingProxyType(selections)
                )
        return Standard(MappingProxyType(entities))

    def children(self, entity_name: str) -> Mapping[str, tuple[str, Reference]]:
        """
        Return the references that point to an entity, by the name of the child.

        Whoever points to a view points to its base, and the other way round. A child
        that points here in several ways has its further ways as
        `<child>_<reference>`. A view is never a child, its base is.
        """
        views = [e.name for e in self.entities.values() if e.view_of == entity_name]
        targets = {entity_name, self.base(entity_name), *views}
        found: dict[str, tuple[str, Reference]] = {}
        for child in self.entities.values():
            if child.view_of:
                continue
            ways = [r for r in child.references.values() if r.entity in targets]
            # The way that is named after its target is the ordinary one.
            ways.sort(key=lambda way: way.name != way.entity)
            for number, way in enumerate(ways):
                name = f"{child.name}_{way.name}" if number else child.name
                found[name] = (child.name, way)
        return MappingProxyType(found)


def read_standard(folder: Path) -> Standard:
    """
    Read one schema per entity, `<entity>.json`.

    Raises ValueError, with the file's name, if a schema says what the model cannot
    hold, and FileNotFoundError if there is none at all.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise FileNotFoundError(f"no schema in {folder}")
    schemas = {path.stem: json.loads(path.read_text("utf-8")) for path in paths}
    entities = {
        name: _entity(name, schema)
        for name, schema in schemas.items()
        if "x-view" not in schema
    }
    views = {
        name: _view(name, schema, entities)
        for name, schema in schemas.items()
        if "x-view" in schema
    }
    standard = Standard(MappingProxyType(dict(sorted({**entities, **views}.items()))))
    if misfits := list(_misfits(standard)):
        raise ValueError("\n".join(misfits))
    return standard


def _entity(name: str, schema: Mapping[str, Any]) -> Entity:
    try:
        return Entity(
            name=name,
            title=schema.get("title", name),
            plural=schema.get("x-plural", name),
            key=tuple(schema["x-key"]),
            fields=_fields(schema, schema),
            references=MappingProxyType(
                {
                    reference: Reference(
                        reference, way["entity"], MappingProxyType(way["fields"])
                    )
                    for reference, way in schema.get("x-references", {}).items()
                }
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}.json: {error}") from error


def _view(
    name: str, schema: Mapping[str, Any], entities: Mapping[str, Entity]
) -> Entity:
    view = schema["x-view"]
    if view["of"] not in entities:
        raise ValueError(f"{name}.json: a view of the unknown '{view['of']}'")
    return replace(
        entities[view["of"]],
        name=name,
        title=schema.get("title", name),
        plural=schema.get("x-plural", name),
        view_of=view["of"],
        linked_by=view.get("linked_by"),
    )


def _fields(
    owner: Mapping[str, Any], root: Mapping[str, Any], personal: Personal = "none"
) -> Mapping[str, Field]:
    required = set(owner.get("required", []))
    return MappingProxyType(
        {
            name: _field(name, schema, root, name in required, personal)
            for name, schema in owner.get("properties", {}).items()
        }
    )


def _field(
    name: str,
    written: Mapping[str, Any],
    root: Mapping[str, Any],
    required: bool,
    outer: Personal,
) -> Field:
    schema = _resolve(written, root)
    kind = _type(name, schema)
    personal = max(outer, schema.get("x-personal", "none"), key=_PERSONAL.index)
    holder = _resolve(schema.get("items", {}), root) if kind == "list" else schema
    enum = tuple(value for value in schema.get("enum", ()) if value is not None)
    return Field(
        name=name,
        title=schema.get("title", name),
        type=kind,
        required=required,
        enum=enum or None,
        unit=schema.get("x-unit", ""),
        personal=personal,
        open_end=bool(schema.get("x-open-end", False)),
        item_value=schema.get("x-item-value"),
        item_fields=(
            _fields(holder, root, personal) if "properties" in holder else None
        ),
        description=schema.get("description", ""),
    )


def _type(name: str, schema: Mapping[str, Any]) -> FieldType:
    written = schema.get("type")
    names = written if isinstance(written, list) else [written]
    kinds = [str(kind) for kind in names if kind != "null"]
    if len(kinds) == 1:
        form = str(schema.get("format", "")) if kinds[0] == "string" else ""
        found = _TYPES.get((kinds[0], form)) or _TYPES.get((kinds[0], ""))
        if found:
            return found
    raise ValueError(f"field '{name}' has the type {written}, one type is needed")


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow a `$ref` into the same file; what stands beside it wins."""
    if "$ref" not in schema:
        return schema
    pointer = str(schema["$ref"])
    target: Any = root
    if not pointer.startswith("#/"):
        raise ValueError(f"'{pointer}' does not point into the same file")
    for part in pointer.removeprefix("#/").split("/"):
        target = target[part]
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    return {**_resolve(target, root), **beside}


def _misfits(standard: Standard) -> Iterator[str]:
    for entity in standard.entities.values():
        for part in entity.key:
            if part not in entity.fields:
                yield f"{entity.name}.json: key field '{part}' is no field"
        if entity.linked_by and entity.linked_by not in standard.entities:
            yield f"{entity.name}.json: linked_by names no entity"
        for way in entity.references.values():
            yield from _reference_misfits(standard, entity, way)


def _reference_misfits(
    standard: Standard, entity: Entity, way: Reference
) -> Iterator[str]:
    place = f"{entity.name}.json: reference '{way.name}'"
    target = standard.entities.get(way.entity)
    if target is None:
        yield f"{place} leads to the unknown entity '{way.entity}'"
        return
    if set(way.fields) != set(target.key):
        yield f"{place} must name each key field of {way.entity} once"
    for own in way.fields.values():
        if own not in entity.fields:
            yield f"{place} starts at the unknown field '{own}'"
