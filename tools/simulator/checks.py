"""
Fast checks of payloads: a JSON Schema in, a function from value to bool out.

Only the keywords that payload schemas use; for a schema with others there is no fast
check, and the library decides alone.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

Check = Callable[[Any], bool]

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?\d*([Zz]|[+-]\d\d:\d\d)"
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_ANNOTATIONS = {
    "$schema", "$id", "$comment", "title", "description", "default", "examples",
    "readOnly", "writeOnly", "deprecated",
}  # fmt: skip


class UnsupportedError(Exception):
    """A schema has a keyword that has no fast check."""


def is_date(value: Any) -> bool:
    return not isinstance(value, str) or bool(
        _DATE.fullmatch(value) and _parses(date.fromisoformat, value)
    )


def is_moment(value: Any) -> bool:
    """Return whether a text is a moment as RFC 3339 has it, with its offset."""
    return not isinstance(value, str) or bool(
        _MOMENT.fullmatch(value) and _parses(datetime.fromisoformat, value[:19].upper())
    )


def is_email(value: Any) -> bool:
    return not isinstance(value, str) or bool(_EMAIL.fullmatch(value))


FORMATS: Mapping[str, Check] = {
    "date": is_date,
    "date-time": is_moment,
    "email": is_email,
}


def compile_check(schema: Mapping[str, Any]) -> Check:
    """Return the check of a schema; raises UnsupportedError."""
    checks: list[Check] = []
    if {"properties", "required", "additionalProperties"} & set(schema):
        checks.append(_object(schema))
    for keyword, wanted in schema.items():
        if keyword in _MAKERS:
            checks.append(_MAKERS[keyword](wanted))
        elif not (keyword in _ANNOTATIONS | _OF_OBJECTS or keyword.startswith("x-")):
            raise UnsupportedError(keyword)
    if len(checks) == 1:
        return checks[0]
    return lambda value: all(check(value) for check in checks)


def _parses(parse: Callable[[str], object], text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_TYPES: Mapping[str, Check] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": _is_number,
    "integer": lambda value: _is_number(value) and value == value // 1,
}
_OF_OBJECTS = {"properties", "required", "additionalProperties"}


def _object(schema: Mapping[str, Any]) -> Check:
    known = {
        name: compile_check(part) for name, part in schema.get("properties", {}).items()
    }
    required = tuple(schema.get("required", ()))
    more = schema.get("additionalProperties", True)
    if not isinstance(more, bool):
        raise UnsupportedError("additionalProperties")

    def check(value: Any) -> bool:
        if not isinstance(value, dict):
            return True
        for name in required:
            if name not in value:
                return False
        for name, item in value.items():
            part = known.get(name)
            if part is None:
                if not more:
                    return False
            elif not part(item):
                return False
        return True

    return check


def _type(wanted: Any) -> Check:
    if isinstance(wanted, str):
        return _TYPES[wanted]
    checks = [_TYPES[name] for name in wanted]
    return lambda value: any(check(value) for check in checks)


def _one_of_values(wanted: list[Any]) -> Check:
    if not all(isinstance(one, str) or _is_number(one) for one in wanted):
        raise UnsupportedError("enum")
    return lambda value: not isinstance(value, bool) and value in wanted


def _pattern(wanted: str) -> Check:
    search = re.compile(wanted).search
    return lambda value: not isinstance(value, str) or bool(search(value))


def _format(wanted: str) -> Check:
    return FORMATS.get(wanted, lambda _: True)


def _items(wanted: Any) -> Check:
    check = compile_check(wanted)
    return lambda value: not isinstance(value, list) or all(map(check, value))


def _any_of(wanted: list[Any]) -> Check:
    checks = [compile_check(one) for one in wanted]
    return lambda value: any(check(value) for check in checks)


def _all_of(wanted: list[Any]) -> Check:
    checks = [compile_check(one) for one in wanted]
    return lambda value: all(check(value) for check in checks)


_MAKERS: Mapping[str, Callable[[Any], Check]] = {
    "type": _type,
    "enum": _one_of_values,
    "const": lambda wanted: _one_of_values([wanted]),
    "pattern": _pattern,
    "format": _format,
    "minLength": lambda n: lambda v: not isinstance(v, str) or len(v) >= n,
    "maxLength": lambda n: lambda v: not isinstance(v, str) or len(v) <= n,
    "minimum": lambda n: lambda v: not _is_number(v) or v >= n,
    "maximum": lambda n: lambda v: not _is_number(v) or v <= n,
    "minItems": lambda n: lambda v: not isinstance(v, list) or len(v) >= n,
    "maxItems": lambda n: lambda v: not isinstance(v, list) or len(v) <= n,
    "items": _items,
    "anyOf": _any_of,
    "allOf": _all_of,
}
