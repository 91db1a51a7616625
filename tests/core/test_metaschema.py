"""The rules for JSON Schemas in one piece say what they say in eight."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from engine.metaschema import _validator, check_schema
from engine.runtime.library import INSTALLED

SCHEMAS = sorted((INSTALLED / "schemas").rglob("*.json"))
KEYWORDS = sorted(_validator().schema["properties"])
VALUES = st.recursive(
    st.sampled_from(
        [None, True, 0, -1, 1.5, "", "a", "string", "#", "[", "https://x.y"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*KEYWORDS, "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def of_the_library(schema):
    """Return what the library finds wrong; None if nothing."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return error.message, list(error.absolute_path)
    return None


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_our_schemas_are_schemas(path):
    check_schema(json.loads(path.read_text("utf-8")))


@given(VALUES)
def test_any_value_is_judged_as_by_the_library(value):
    said = of_the_library(value)
    assert _validator().is_valid(value) == (said is None)
    if said is not None:
        with pytest.raises(SchemaError) as found:
            check_schema(value)
        assert (found.value.message, list(found.value.absolute_path)) == said


def test_it_knows_every_keyword():
    assert len(KEYWORDS) > 50
    for keyword in ("$ref", "prefixItems", "minLength", "unevaluatedItems", "title"):
        assert keyword in KEYWORDS
