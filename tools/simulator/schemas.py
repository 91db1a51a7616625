"""
What a payload schema demands of a record: a body in, the problems of its fields out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from tools.simulator.checks import FORMATS, Check, UnsupportedError, compile_check

_LONGEST_MESSAGE = 200

_FORMAT_CHECKER = FormatChecker(formats=())
for _name, _check in FORMATS.items():
    _FORMAT_CHECKER.checks(_name)(_check)


class FieldProblem(NamedTuple):
    field: str
    message: str


class Reference(NamedTuple):
    """A place that holds the id of another record; `*` is each item of a list."""

    path: tuple[str, ...]
    entity: str


class Validator:
    """Checks values against one schema, fast while they are valid."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._library = Draft202012Validator(schema, format_checker=_FORMAT_CHECKER)
        self._is_valid = _fast(schema)

    def problems(self, value: Any) -> list[FieldProblem]:
        """Return what is wrong, in the order of the schema; empty if nothing is."""
        if self._is_valid is not None and self._is_valid(value):
            return []
        errors = self._library.iter_errors(value)
        return list(dict.fromkeys(one for error in errors for one in _told(error)))


def writable(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of the body: without the path's and the partner's fields."""
    properties = schema.get("properties", {})
    names = [
        name
        for name, part in properties.items()
        if part.get("x-in") != "path" and not part.get("readOnly")
    ]
    required = [name for name in schema.get("required", ()) if name in names]
    return {
        **schema,
        "properties": {name: properties[name] for name in names},
        "required": required,
    }


def field_in_path(schema: Mapping[str, Any]) -> str | None:
    """Return the field that stands in the path and not in the body."""
    for name, part in schema.get("properties", {}).items():
        if part.get("x-in") == "path":
            return str(name)
    return None


def references(
    schema: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[Reference]:
    """Yield the places of a schema that refer to records."""
    if "x-reference" in schema:
        place = (*path, "*") if schema.get("type") == "array" else path
        yield Reference(place, schema["x-reference"])
    for name, part in schema.get("properties", {}).items():
        yield from references(part, (*path, name))
    if isinstance(schema.get("items"), Mapping):
        yield from references(schema["items"], (*path, "*"))


def unique_fields(schema: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that are unique, each with the field that bounds it."""
    return {
        name: part["x-unique-within"]
        for name, part in schema.get("properties", {}).items()
        if "x-unique-within" in part
    }


def values_at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
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


def type_at(schema: Mapping[str, Any], path: str) -> Any:
    """Return the type that a schema gives to a dotted path, or None."""
    part: Mapping[str, Any] = schema
    for name in path.split("."):
        part = part.get("properties", {}).get(name, {})
    return part.get("type")


def _fast(schema: Mapping[str, Any]) -> Check | None:
    try:
        return compile_check(schema)
    except UnsupportedError:
        return None


def _told(error: ValidationError) -> Iterator[FieldProblem]:
    place = [str(part) for part in error.absolute_path]
    wanted: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "required":
        for name in wanted:
            if name not in instance:
                yield FieldProblem(".".join([*place, name]), "is required")
    elif error.validator == "additionalProperties" and wanted is False:
        known = schema.get("properties", {})
        for name in instance:
            if name not in known:
                yield FieldProblem(".".join([*place, name]), "is unknown")
    elif error.validator == "anyOf" and all("required" in one for one in wanted):
        names = [name for one in wanted for name in one["required"]]
        message = f"one of {', '.join(names)} is required"
        yield FieldProblem(".".join([*place, names[0]]), message)
    else:
        yield FieldProblem(".".join(place), error.message[:_LONGEST_MESSAGE])
