"""Fast checks say what the library says."""

import pytest
from jsonschema import Draft202012Validator

from tools.simulator.checks import UnsupportedError, compile_check
from tools.simulator.partner import read
from tools.simulator.schemas import _FORMAT_CHECKER, Validator, writable

SCHEMAS = [
    {"type": "string", "minLength": 2, "maxLength": 3},
    {"type": ["integer", "null"]},
    {"type": "number", "minimum": 1, "maximum": 5},
    {"type": "boolean"},
    {"enum": [1, 2, "a"]},
    {"const": "MIETE"},
    {"type": "string", "format": "date"},
    {"type": ["string", "null"], "format": "date-time"},
    {"format": "email"},
    {"format": "unknown"},
    {"pattern": "^a"},
    {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 2},
    {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"type": "object", "required": ["a"], "anyOf": [{"required": ["b"]}, {}]},
    {"allOf": [{"type": "integer"}, {"minimum": 2}]},
    {},
]
VALUES = [
    None, True, 0, 1, 1.0, 1.5, 7, "", "a", "ab", "abcd", "MIETE", "a@b.de", "a b@c",
    "2024-02-29", "2023-02-29", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00",
    "2024-01-01T25:00:00Z", "2024-01-01T00:00:00.5+01:00", [], ["a"], [1], ["a"] * 3,
    {}, {"a": 1}, {"a": "x"}, {"b": 1}, {"a": 1, "b": 2},
]  # fmt: skip


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_fast_check_agrees_with_the_library(schema):
    fast = compile_check(schema)
    library = Draft202012Validator(schema, format_checker=_FORMAT_CHECKER)
    assert [fast(v) for v in VALUES] == [library.is_valid(v) for v in VALUES]


@pytest.mark.parametrize("name", ["date", "date-time", "email"])
def test_formats_are_checked_without_a_fast_check_too(name):
    validator = Validator({"format": name, "not": {"const": 1}})
    assert validator.problems("nobody")


@pytest.mark.parametrize("partner", ["etg24", "facilioo"])
def test_every_payload_schema_has_a_fast_check(partner):
    for entity in read(partner).entities.values():
        assert callable(compile_check(writable(entity.schema)))


def test_keyword_that_is_unknown_has_no_fast_check():
    with pytest.raises(UnsupportedError):
        compile_check({"not": {"type": "string"}})
