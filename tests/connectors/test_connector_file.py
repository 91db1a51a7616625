from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError
from pydantic import ValidationError

from connectors.errors import AddressError
from connectors.model import Connector
from connectors.request import Lookup
from connectors.templates import render, render_path

PARTNERS = Path(__file__).parents[2] / "connectors" / "partners"


@pytest.mark.parametrize("file", sorted(PARTNERS.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_connector_file_fits(file):
    connector = Connector.model_validate(yaml.safe_load(file.read_text("utf-8")))
    assert connector.partner == file.stem


def test_every_property_of_the_format_is_described():
    schema = Connector.model_json_schema()
    parts = [schema, *schema["$defs"].values()]
    undescribed = [
        (part["title"], name)
        for part in parts
        for name, rule in part["properties"].items()
        if "description" not in rule
    ]
    assert undescribed == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"colour": "red"}, "colour"),
        ({"base_url": {"production": "http://api.example.org"}}, "base_url"),
        ({"entities": {"u": {"upsert": {"method": "PUT", "path": "u"}}}}, "path"),
        (
            {"entities": {"u": {"upsert": {"method": "PUT", "path": "/u/{{ uid }}"}}}},
            "entities.u.upsert: no value for uid",
        ),
        (
            {"entities": {"u": {"upsert": {"method": "PUT", "path": "/u/{{ id"}}}},
            "not a template",
        ),
        (
            {"headers": {"x": "{{ credentials.nobody }}"}},
            "headers: no value for credentials.nobody",
        ),
        ({"headers": {"x": "{% if 1 %}y{% endif %}"}}, "no statements"),
        ({"ids": {"assigned_by": "partner"}}, "units need create and update"),
        (
            {"authenticator": {"type": "static", "send": {"value": "x"}}},
            "exactly one of header, query",
        ),
        ({"authenticator": {"type": "magic"}}, "magic"),
        (
            {
                "entities": {
                    "u": {
                        "upsert": {
                            "method": "PUT",
                            "path": "/u",
                            "json": {},
                            "form": {},
                        }
                    }
                }
            },
            "json or form",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said(kit, changes, said):
    with pytest.raises(ValidationError) as caught:
        kit.read("named_by_us", **changes)
    assert said in str(caught.value)


def test_expiry_has_one_source(kit):
    data = yaml.safe_load((Path(__file__).parent / "named_by_partner.yaml").read_text())
    data["authenticator"]["expires"] = {"jwt": "exp", "after_seconds": 60}
    with pytest.raises(ValidationError, match="exactly one of jwt"):
        Connector.model_validate(data)


def test_a_list_of_ids_needs_a_lookup(kit):
    people = kit.read("named_by_partner").entities["people"]
    data = people.model_dump(by_alias=True, exclude={"lookup"})
    with pytest.raises(ValidationError, match="external_ids need a lookup"):
        kit.read("named_by_partner", entities={"people": data})


def test_a_template_of_one_expression_keeps_its_type():
    assert render("{{ ids }}", {"ids": [1, 2]}) == [1, 2]
    assert render("{{ n }}", {"n": 17}) == 17
    assert render("{{- n -}}", {"n": 17}) == 17
    assert render("{{ -n }}", {"n": 17}) == -17
    assert render("", {}) == ""
    assert render("{{ n }}{{ n }}", {"n": 17}) == "1717"
    assert render("{{ text }}", {"text": "17"}) == "17"


def test_a_payload_is_never_taken_for_a_template():
    assert render("{{ body }}", {"body": {"a": "{{ x }}"}}) == {"a": "{{ x }}"}


@pytest.mark.parametrize("template", ["{{ gone }}", "x {{ gone }}"])
def test_a_variable_without_a_value_is_refused(template):
    with pytest.raises(UndefinedError, match="gone"):
        render(template, {})


@pytest.mark.parametrize("identifier", ["", ".", "..", None])
def test_an_identifier_that_moves_the_address_is_refused(identifier):
    with pytest.raises(AddressError):
        render_path("/units/{{ id }}", {"id": identifier})


def test_a_lookup_of_one_id_at_a_time_says_so():
    query = {"method": "GET", "path": "/units", "match": "externalId"}
    query["query"] = {"externalId": "{{ ids[0] }}"}
    with pytest.raises(ValidationError, match="at_once: 1"):
        Lookup.model_validate(query)
    assert Lookup.model_validate({**query, "at_once": 1}).at_once == 1
