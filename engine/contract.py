"""Read a payload schema: where a field stands in it, and what a cell must be to fit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def property_schema(schema: Mapping[str, Any], target: Iterable[str]) -> Any:
    """Return the schema of a field of a payload, or None if the payload has no such."""
    here: Any = schema
    for name in target:
        if "array" in kinds(here):
            here = here.get("items", {})
        here = _opened(here).get("properties", {}).get(name)
        if here is None:
            return None
    return _opened(here)


def path_of(name: str) -> tuple[str, ...]:
    """
    Return the names on the way to a field, without the marks of lists.

    >>> path_of("tenants[].externalId")
    ('tenants', 'externalId')
    """
    return tuple(name.replace("[]", "").split("."))


def kinds(schema: Mapping[str, Any]) -> Sequence[str]:
    """Return the JSON types that a schema allows; none if it does not say."""
    named = schema.get("type", ())
    return (named,) if isinstance(named, str) else tuple(named)


def _opened(schema: Any) -> Any:
    """Return a schema that is `true` as one that says nothing."""
    return schema if isinstance(schema, dict) else {}


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """
    Read a cell as the partner's field wants it; raises ValueError.

    >>> typed("7", {"type": "integer"}), typed("7", {"type": "string"})
    (7, '7')
    """
    wanted = kinds(schema) or tuple({_kind(v) for v in schema.get("enum", ("",))})
    value: Any = text
    if "string" not in wanted:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            raise ValueError(f"'{text}' is no {' or '.join(wanted)}") from None
        kind = _kind(value)
        if kind not in wanted and not (kind == "integer" and "number" in wanted):
            raise ValueError(f"'{text}' is no {' or '.join(wanted)}")
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(map(str, schema["enum"]))
        raise ValueError(f"the partner does not take '{text}', only {known}")
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"the partner takes only '{schema['const']}', not '{text}'")
    return value


def _kind(value: Any) -> str:
    names = {
        str: "string",
        bool: "boolean",
        int: "integer",
        float: "number",
        list: "array",
        type(None): "null",
    }
    return names.get(type(value), "object")


def field_names(schema: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the names of all fields of a payload, as a table writes them."""
    names = []
    for name, inner in _opened(schema).get("properties", {}).items():
        names.append(before + name)
        names += field_names(inner, f"{before}{name}.")
        names += field_names(_opened(inner).get("items", {}), f"{before}{name}[].")
    return names
