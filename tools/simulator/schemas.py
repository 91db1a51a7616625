"""
What a payload schema demands of a record: a body in, the problems of its fields out.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError

from tools.simulator.annotations import types_of
from tools.simulator.checks import FORMATS, Check, UnsupportedError, compile_check

_LONGEST_MESSAGE = 200
_INTEGER = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

_FORMAT_CHECKER = FormatChecker(formats=())
for _name, _check in FORMATS.items():
    _FORMAT_CHECKER.checks(_name)(_check)


class FieldProblem(NamedTuple):
    field: str
    message: str


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
    """
    Return the schema of the body: without the path's and the partner's fields.

    >>> writable({"properties": {"a": {}, "id": {"readOnly": True}}})
    {'properties': {'a': {}}, 'required': []}
    """
    properties = schema.get("properties", {})
    kept = {
        name: _writable_part(part)
        for name, part in properties.items()
        if part.get("x-in") != "path" and not part.get("readOnly")
    }
    required = [name for name in schema.get("required", ()) if name in kept]
    return {**schema, "properties": kept, "required": required}


def converted(text: str, schema: Mapping[str, Any]) -> Any:
    """
    Return a text of an address or a document as the type that a schema wants.

    >>> converted("7", {"type": "integer"}), converted("x", {"type": "integer"})
    (7, 'x')
    """
    types = types_of(schema)
    if "string" in types:
        return text
    if "boolean" in types and text in _BOOLEANS:
        return _BOOLEANS[text]
    if "integer" in types and _INTEGER.fullmatch(text):
        return int(text)
    if "number" in types and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _writable_part(part: Mapping[str, Any]) -> Mapping[str, Any]:
    if "properties" in part:
        return writable(part)
    if isinstance(part.get("items"), dict):
        return {**part, "items": _writable_part(part["items"])}
    return part


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
