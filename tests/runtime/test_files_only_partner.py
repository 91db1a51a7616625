"""A partner of files alone, with the shapes that the first two do not have."""

import json

import pytest
import yaml

from engine.runtime.activation import read_activation
from engine.runtime.run import synced
from engine.spec import Folders
from tools.simulator import Simulator

CONNECTOR = """
partner: acme
documentation: https://example.com
evidence: proposed
base_url: {production: https://api.example.com/v1}
credentials: {key: Schlüssel}
authenticator: {type: static, send: {header: X-Key, value: "{{ credentials.key }}"}}
api_budget: {concurrency: 2}
error_handler: {message: [message], backoff: {initial_seconds: 0.001}}
paginator:
  type: page_number
  page: {parameter: page, start: 1}
  size: {parameter: size, value: 50}
  items: items
  has_next: more
entities:
  leases:
    create: {method: POST, path: /leases}
    update: {method: PATCH, path: "/leases/{{ partner_id }}"}
    lookup: {method: POST, path: /leases/search, json: {externalIds: "{{ ids }}"},
             match: externalId}
"""

SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "externalId": {"type": "string"},
        "begin": {"type": ["string", "null"]},
        "place": {
            "type": "object",
            "properties": {"unit": {"type": "string"}, "kind": {"type": "string"}},
            "required": ["unit"],
        },
        "people": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string"},
                    "mail": {"type": "string"},
                    "main": {"type": "boolean"},
                },
            },
        },
    },
    "required": ["externalId", "place"],
}

TABLE = """\
partner_field,erp_field,id_parts,transform,when,default,if_empty,write,example,expected
externalId,,mandant_nr; we_nr; geb_nr; ve_nr; folge_nr,,,,,,,
begin,beginn,,,,,clear,,,
place.unit,ve_nr,,,,,,,,
place.kind,,,,,flat,,create,,
people[].name,mietvertrag_mieter[].mieter.nachname,,,,,,,,
people[].mail,mietvertrag_mieter[].mieter.emails,,email,,,,,a@example.de,a@example.de
people[].main,mietvertrag_mieter[].ist_hauptmieter,,,"{when}",,,,,
"""

USE_CASE = """
version: 1.0.0
direction: erp_to_partner
schedule: [monday]
entities: [{name: leases, erp: mietvertrag}]
"""


@pytest.fixture
def acme(village, tmp_path, monkeypatch):
    """Write the files of the partner; return what syncs it, and its simulator."""
    root = tmp_path / "root"
    files = {
        "connectors/partners/acme.yaml": CONNECTOR,
        "schemas/partners/acme/leases.json": json.dumps(SCHEMA),
        "mappings/partners/acme/partner.yaml": "{name: acme, description: Probe}",
        "mappings/partners/acme/stammdaten/use_case.yaml": USE_CASE,
        "mappings/partners/acme/stammdaten/leases.csv": TABLE.replace(
            "{when}", "mietvertrag_mieter[].rolle = 'hauptmieter'"
        ),
    }
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setenv("ACME_KEY", "simulated-key")
    with Simulator("acme", root) as simulator:
        activation = tmp_path / "acme.yaml"
        content = {
            "customer": "muster",
            "partner": "acme",
            "use_case": "stammdaten",
            "environment": "test",
            "base_url": simulator.base_url,
            "source": {"kind": "files", "path": str(village.folder)},
            "credentials": {"key": "env:ACME_KEY"},
        }
        activation.write_text(yaml.safe_dump(content), "utf-8")

        def sync():
            with synced(read_activation(activation, Folders(root))) as plan:
                return plan.as_json()

        yield sync, simulator


def test_a_list_is_filled_from_the_records_that_point_here(acme):
    sync, simulator = acme
    result = sync()
    assert result["totals"]["rejected"] == 0
    leases = {lease["externalId"]: lease for lease in simulator.records("leases")}
    assert all(person["name"] for p in leases.values() for person in p["people"])
    assert any(len(lease["people"]) > 1 for lease in leases.values())


def test_a_condition_in_a_list_row_holds_for_one_element(acme):
    sync, simulator = acme
    sync()
    couples = [le for le in simulator.records("leases") if len(le["people"]) > 1]
    assert couples
    for lease in couples:
        assert sum("main" in person for person in lease["people"]) == 1


def test_what_is_set_once_completes_an_object_of_the_body(acme):
    sync, simulator = acme
    sync()
    places = [lease["place"] for lease in simulator.records("leases")]
    assert all(place["unit"] and place["kind"] == "flat" for place in places)


def test_an_empty_field_is_absent_when_new(acme):
    sync, simulator = acme
    sync()
    assert all(
        lease.get("begin", "") is not None for lease in simulator.records("leases")
    )


def test_personal_values_in_a_list_are_masked_in_what_the_partner_says(acme, tmp_path):
    sync, simulator = acme
    sync()
    couple = next(le for le in simulator.records("leases") if len(le["people"]) > 1)
    values = [value for person in couple["people"] for value in person.values()]
    told = [value for value in values if isinstance(value, str)]
    assert len(told) > 2
    simulator.reset()
    rule = {"entity": "leases", "field": "externalId", "value": couple["externalId"]}
    simulator.faults(refuse=[{**rule, "message": f"is known: {' / '.join(told)}"}])
    (tmp_path / "feldwerk.db").unlink()
    (entity,) = sync()["entities"].values()
    (item,) = entity["rejected_records"]
    assert "is known: ***" in item["reason"]
    assert [value for value in told if value in item["reason"]] == []


def test_a_lost_state_finds_every_record_again(acme, tmp_path):
    sync, simulator = acme
    sync()
    before = len(simulator.records("leases"))
    (tmp_path / "feldwerk.db").unlink()
    sync()
    assert len(simulator.records("leases")) == before
