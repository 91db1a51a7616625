from pathlib import Path

import pytest
import yaml
from jinja2 import UndefinedError
from pydantic import ValidationError

from connectors.errors import AddressError
from connectors.login import Expiry
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
            "one of json, form and xml",
        ),
    ],
)
def test_what_is_wrong_in_a_file_is_said(kit, changes, said):
    with pytest.raises(ValidationError) as caught:
        kit.read("named_by_us", **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "expiry", [{}, {"jwt": "exp", "at": "end"}, {"jwt": "exp", "in_seconds": "s"}]
)
def test_the_end_of_a_token_stands_in_one_place(expiry):
    with pytest.raises(ValidationError, match="only after_seconds may stand beside"):
        Expiry(**expiry)


def test_a_list_of_ids_needs_a_lookup(kit):
    people = kit.read("named_by_partner").entities["people"]
    data = people.model_dump(by_alias=True, exclude={"lookup"})
    with pytest.raises(ValidationError, match="external_ids need a lookup"):
        kit.read("named_by_partner", entities={"people": data})


def unit(**parts):
    return {"entities": {"u": {"upsert": {"method": "PUT", "path": "/u", **parts}}}}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (unit(path="/u/{{ settings.zone }}"), "no value for settings.zone"),
        (unit(path="/u/{{ settings['zone'] }}"), "no value for settings.zone"),
        (unit(json={"a": "{{ settings }}"}), "no value for settings"),
        (unit(path="/u/{{ path }}"), "no value for path"),
        (unit(path="/u/{{ partner_id }}"), "no value for partner_id"),
        (unit(headers={"x": "{{ nobody }}"}), "no value for nobody"),
        (unit(query={"x": "{{ nobody }}"}), "no value for nobody"),
        (unit(xml={"x": {"@y": "{{ nobody }}"}}), "no value for nobody"),
        (
            unit(basic={"username": "{{ nobody }}", "password": "x"}),
            "no value for nobody",
        ),
        (unit(host="portal"), "entities.u.upsert: hosts has no 'portal'"),
        (unit(xml={"a": 1, "b": 2}), "one root"),
        (unit(xml={"a": 1}, json={}), "one of json, form and xml"),
        ({"headers": {"x": "{{ path.a }}"}}, "headers: no value for path.a"),
        (
            {"base_url": {"production": "https://{{ settings.a }}.example.org"}},
            "base_url.production: no value for settings.a",
        ),
        (
            {"base_url": {"production": "https://{{ credentials.api_token }}.org"}},
            "no value for credentials.api_token",
        ),
        ({"base_url": {"production": "https://{{ a"}}, "base_url"),
        ({"hosts": {"p": "http://example.org"}}, "hosts.p"),
        ({"hosts": {"p": "https://{{ settings.a }}.org"}}, "hosts.p: no value for"),
        ({"settings": ["a b"]}, "settings"),
        (
            {"api_budget": {"concurrency": 1, "per_day": "{{ settings.a }}"}},
            "api_budget.per_day: no value for settings.a",
        ),
        ({"api_budget": {"concurrency": 1, "per_minute": 0}}, "per_minute"),
        ({"paginator": {"type": "magic"}}, "magic"),
        ({"paginator": {"type": "cursor", "parameter": "p", "items": "i"}}, "cursor"),
        ({"error_handler": {"fields": {"pattern": "("}}}, "not a regular expression"),
        (
            {"error_handler": {"fields": {"pattern": "(?P<field>x)"}}},
            "the groups `field` and `message`",
        ),
        ({"ids": {"assigned_by": "us"}}, "assigned_by"),
        (
            {"entities": {"u": {**unit()["entities"]["u"], "batch": {"size": 5}}}},
            "needs {{ bodies }}",
        ),
        (
            {
                "entities": {
                    "u": {
                        **unit(path="/u/{{ id }}", json="{{ bodies }}")["entities"][
                            "u"
                        ],
                        "batch": {"size": 5},
                    }
                }
            },
            "no value for id",
        ),
    ],
)
def test_what_is_wrong_in_a_template_or_a_part_is_said(kit, changes, said):
    with pytest.raises(ValidationError) as caught:
        kit.read("named_by_us", **changes)
    assert said in str(caught.value)


def test_one_partner_may_name_some_records_and_leave_us_others(kit):
    remove = {"method": "DELETE", "path": "/{{ path.zone }}/{{ id }}"}
    entities = {
        "ours": {"upsert": {"method": "PUT", "path": "/{{ id }}"}, "remove": remove},
        "theirs": {
            "create": {"method": "POST", "path": "/s/{{ path.siteId }}"},
            "update": {"method": "PATCH", "path": "/{{ path['b'] }}/{{ partner_id }}"},
        },
    }
    connector = kit.read("named_by_us", entities=entities)
    assert [connector.named_by_us(name) for name in entities] == [True, False]
    assert [connector.can_remove(name) for name in entities] == [True, False]
    assert connector.path_fields("ours") == {"zone"}
    assert connector.path_fields("theirs") == {"siteId", "b"}


def test_a_setting_may_stand_wherever_templates_do(kit):
    value = "{{ settings.zone }}"
    connector = kit.read(
        "named_by_us",
        settings=["zone"],
        base_url={"production": f"https://{value}.example.org/{value}"},
        hosts={"portal": f"https://{value}.example.org"},
        headers={"x": value},
        authenticator={"type": "static", "send": {"header": "x", "value": value}},
        api_budget={"concurrency": 1, "per_day": value},
        **unit(path=f"/{value}", query={"now": "{{ now }}"}, host="portal"),
    )
    assert connector.settings == ("zone",)


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


@pytest.mark.parametrize("key", ["items", "values", "get", "a b"])
def test_a_key_is_never_taken_for_a_method(key):
    assert render(f"{{{{ body['{key}'] }}}}", {"body": {key: 7}}) == 7
    if key.isidentifier():
        assert render(f"{{{{ body.{key} }}}}", {"body": {key: 7}}) == 7
        with pytest.raises(UndefinedError):
            render(f"{{{{ body.{key} }}}}", {"body": {}})


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
