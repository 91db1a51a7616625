"""The schemas of the Standard: valid, complete, and pointing at each other."""

import json
from datetime import date
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

FOLDER = Path(__file__).parent.parent / "schemas" / "standard"
SCHEMAS = {
    path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")
}
ENTITIES = {name: s for name, s in SCHEMAS.items() if "x-view" not in s}
VIEWS = {name: s for name, s in SCHEMAS.items() if "x-view" in s}


def fields():
    for name, schema in ENTITIES.items():
        for field, written in schema["properties"].items():
            yield pytest.param(name, written, field, id=f"{name}.{field}")


def key_of(name):
    schema = SCHEMAS[name]
    return (
        SCHEMAS[schema["x-view"]["of"]]["x-key"]
        if "x-view" in schema
        else schema["x-key"]
    )


def is_nullable(written):
    return isinstance(written["type"], list) and "null" in written["type"]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_is_valid_and_says_what_it_is(name):
    schema = SCHEMAS[name]
    Draft202012Validator.check_schema(schema)
    assert schema["title"]
    assert schema["x-plural"]
    assert schema["description"].endswith(".")


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_an_entity_takes_no_other_fields_and_needs_its_key(name):
    schema = ENTITIES[name]
    assert schema["additionalProperties"] is False
    needed = [k for k in schema["x-key"] if not is_nullable(schema["properties"][k])]
    assert schema["required"] == needed


@pytest.mark.parametrize(("entity", "written", "field"), list(fields()))
def test_a_field_says_what_it_is_and_how_personal(entity, written, field):
    assert written["title"]
    assert written["description"].endswith(".")
    assert written["x-personal"] in {"none", "personal", "sensitive"}
    assert is_nullable(written) is (field not in ENTITIES[entity]["required"])
    if "enum" in written:
        assert (None in written["enum"]) is is_nullable(written)


@pytest.mark.parametrize(("entity", "written", "field"), list(fields()))
def test_the_examples_fit_their_field(entity, written, field):
    assert written["examples"]
    for example in written["examples"]:
        Draft202012Validator(written).validate(example)
        if written.get("format") == "date":
            date.fromisoformat(example)


@pytest.mark.parametrize(("entity", "written", "field"), list(fields()))
def test_a_list_says_what_a_plain_entry_stands_for(entity, written, field):
    if "x-item-value" in written:
        assert written["x-item-value"] in written["items"]["properties"]
    if written.get("items", {}).get("type") == "object":
        assert written["items"]["additionalProperties"] is False


@pytest.mark.parametrize("name", sorted(ENTITIES))
def test_references_lead_from_own_fields_to_the_key_of_an_entity(name):
    for way in ENTITIES[name]["x-references"].values():
        assert sorted(way["fields"]) == sorted(key_of(way["entity"]))
        assert set(way["fields"].values()) <= set(ENTITIES[name]["properties"])


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_view_is_linked_by_an_entity_that_points_to_it(name):
    view = VIEWS[name]["x-view"]
    assert view["of"] in ENTITIES
    assert name in ENTITIES[view["linked_by"]]["x-references"]
