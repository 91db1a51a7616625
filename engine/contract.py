"""Read a payload schema: where a field stands in it, and what a cell must be to fit."""

import json
from collections.abc import Iterable, Mapping
from typing import Any


def property_schema(schema: Mapping[str, Any], target: Iterable[str]) -> Any:
    """Return the schema of a field of a payload, or None if the payload has no such."""
    here: Any = schema
    for name in target:
        if here.get("type") == "array":
            here = here.get("items", {})
        here = here.get("properties", {}).get(name)
        if here is None:
            return None
    return here


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """
    Read a cell as the partner's field wants it; raises ValueError.

    >>> typed("7", {"type": "integer"}), typed("7", {"type": "string"})
    (7, '7')
    """
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    value: Any = text
    if "string" not in kinds:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            raise ValueError(f"'{text}' is no {' or '.join(kinds)}") from None
        names = {bool: "boolean", int: "integer", float: "number", list: "array"}
        kind = names.get(type(value), "object")
        if kind not in kinds and not (kind == "integer" and "number" in kinds):
            raise ValueError(f"'{text}' is no {' or '.join(kinds)}")
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(map(str, schema["enum"]))
        raise ValueError(f"the partner does not take '{text}', only {known}")
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"the partner takes only '{schema['const']}', not '{text}'")
    return value


def field_names(schema: Mapping[str, Any], before: str = "") -> list[str]:
    """Return the names of all fields of a payload, as a table writes them."""
    names = []
    for name, inner in schema.get("properties", {}).items():
        names.append(before + name)
        names += field_names(inner, f"{before}{name}.")
        names += field_names(inner.get("items", {}), f"{before}{name}[].")
    return names
