"""
What the annotations of a payload schema say beside JSON Schema: a schema in, the places
of ids, references and rules out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
Place = tuple[str, ...]
"""The names that lead to a value; `*` is each item of a list."""


class Reference(NamedTuple):
    """A place that holds the id of another record."""

    path: Place
    entity: str


class Unique(NamedTuple):
    """A dotted field that is unique among the records that agree in another one."""

    field: str
    within: str


class MergedBy(NamedTuple):
    """A list of objects in which each value of a field stands once."""

    path: Place
    field: str


def references(schema: Schema) -> Iterator[Reference]:
    """Yield the places of a schema that refer to records."""
    for place, part in _parts(schema):
        if "x-reference" in part:
            is_list = "array" in types_of(part)
            yield Reference((*place, "*") if is_list else place, part["x-reference"])


def unique_fields(schema: Schema) -> Iterator[Unique]:
    """Yield the fields outside of lists that are unique."""
    for place, part in _parts(schema):
        if "x-unique-within" in part and "*" not in place:
            yield Unique(".".join(place), part["x-unique-within"])


def immutable_fields(schema: Schema) -> Iterator[str]:
    """Yield the dotted paths of the fields that keep their first value."""
    for place, part in _parts(schema):
        if part.get("x-immutable") and "*" not in place:
            yield ".".join(place)


def merged_lists(schema: Schema) -> Iterator[MergedBy]:
    """Yield the lists whose elements are one where a field of theirs is the same."""
    for place, part in _parts(schema):
        if "x-merge-by" in part:
            yield MergedBy(place, part["x-merge-by"])


def fields_in_path(schema: Schema) -> tuple[str, ...]:
    """Return the fields that stand in the address and not in the body."""
    properties = schema.get("properties", {})
    return tuple(n for n, part in properties.items() if part.get("x-in") == "path")


def our_field(schema: Schema, parents: frozenset[str], *, in_path: bool) -> str:
    """
    Return the dotted path of the field with our id.

    It is marked with `x-id`; else, with `{{ id }}` in the address, the field of the
    path that is no parent; else externalId or extId; else whatever stands in the path.
    """
    marked = (".".join(place) for place, part in _parts(schema) if part.get("x-id"))
    own = [name for name in fields_in_path(schema) if name not in parents]
    usual = [n for n in ("externalId", "extId") if n in schema.get("properties", {})]
    candidates = [*own, *usual] if in_path else [*usual, *own]
    return next(marked, None) or next(iter(candidates), "externalId")


def types_of(schema: Schema) -> tuple[str, ...]:
    """Return the types that a schema allows; none if it does not say."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def type_at(schema: Schema, path: str) -> tuple[str, ...]:
    """Return the types that a schema gives to a dotted path."""
    part = schema
    for name in path.split("."):
        part = part.get("properties", {}).get(name, {})
    return types_of(part)


def values_at(value: Any, path: Place) -> Iterator[Any]:
    """
    Yield the values at a place of a record.

    >>> list(values_at({"ids": [7, 8]}, ("ids", "*")))
    [7, 8]
    """
    if not path:
        if value is not None:
            yield value
    elif path[0] == "*":
        for item in value if isinstance(value, list) else ():
            yield from values_at(item, path[1:])
    elif isinstance(value, dict):
        yield from values_at(value.get(path[0]), path[1:])


def _parts(schema: Schema, place: Place = ()) -> Iterator[tuple[Place, Schema]]:
    for name, part in schema.get("properties", {}).items():
        yield (*place, name), part
        yield from _parts(part, (*place, name))
        items = part.get("items")
        if isinstance(items, Mapping):
            if "x-reference" in items:
                yield (*place, name, "*"), items
            yield from _parts(items, (*place, name, "*"))
