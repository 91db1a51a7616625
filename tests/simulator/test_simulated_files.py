"""A partner that is made of files alone, of shapes that the others do not have."""

import json

import httpx
import pytest

from tools.simulator import Simulator
from tools.simulator.faults import Settings
from tools.simulator.partner import REPOSITORY, read
from tools.simulator.simulation import Simulation

PARTNERS = sorted(
    path.stem for path in (REPOSITORY / "connectors" / "partners").glob("*.yaml")
)

CONNECTOR = """
partner: newcomer
base_url: {production: "https://api.example.org/rest/v3"}
credentials: {key: Key}
authenticator: {type: static, send: {query: api_key, value: "{{ credentials.key }}"}}
api_budget: {concurrency: 1}
error_handler: {}
ids: {path: meta.uid, deleted: meta.gone}
entities:
  houses:
    create: {method: POST, path: /houses, json: {data: "{{ body }}"}}
    update: {method: PUT, path: "/houses/{{ partner_id }}", json: {data: "{{ body }}"}}
    lookup:
      method: POST
      path: /houses/query
      json: {where: {refs: "{{ ids }}"}}
      match: link.ref
  flats:
    create: {method: POST, path: /flats}
    update: {method: PATCH, path: "/flats/{{ partner_id }}"}
"""
HOUSE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "note": {"type": "string", "not": {"const": "no"}},
        "link": {"type": "object", "properties": {"ref": {"type": "string"}}},
    },
    "required": ["name"],
    "additionalProperties": False,
}
FLAT = {
    "type": "object",
    "properties": {
        "house": {"type": "string", "x-reference": "houses"},
        "door": {"type": "integer", "x-unique-within": "house"},
    },
    "required": ["house", "door"],
}


def write_files(folder):
    connectors = folder / "connectors" / "partners"
    schemas = folder / "schemas" / "partners" / "newcomer"
    connectors.mkdir(parents=True)
    schemas.mkdir(parents=True)
    (connectors / "newcomer.yaml").write_text(CONNECTOR)
    (schemas / "houses.json").write_text(json.dumps(HOUSE))
    (schemas / "flats.json").write_text(json.dumps(FLAT))
    return folder


@pytest.fixture
def root(tmp_path):
    return write_files(tmp_path)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    key = {"api_key": "simulated-key"}
    with (
        Simulator("newcomer", write_files(tmp_path_factory.mktemp("root"))) as partner,
        httpx.Client(base_url=partner.base_url, params=key) as http,
    ):
        yield partner, http


@pytest.fixture
def http(running):
    partner, http = running
    partner.reset()
    return http


@pytest.fixture
def house(http):
    body = {"data": {"name": "a", "link": {"ref": "r1"}}}
    return http.post("/houses", json=body).json()


def test_base_url_has_the_path_of_production(http):
    assert str(http.base_url).endswith("/rest/v3/")


def test_key_of_the_query_is_checked(http):
    answer = http.get("/houses", params={"api_key": "wrong"})
    assert answer.status_code == 401
    assert answer.json()["message"]


def test_record_is_taken_out_of_what_is_around_it(house):
    assert house["name"] == "a"


def test_id_is_a_text_where_the_connector_says(http, house):
    uid = house["meta"]["uid"]
    assert http.get(f"/houses/{uid}").json() == house


def test_put_replaces_what_patch_would_keep(http, house):
    path = f"/houses/{house['meta']['uid']}"
    changed = http.put(path, json={"data": {"name": "b"}}).json()
    assert (changed["name"], changed.get("link")) == ("b", None)
    assert changed["meta"] == house["meta"]


def test_search_takes_the_filter_of_the_connector(http, house):
    http.post("/houses", json={"data": {"name": "b"}})
    found = http.post("/houses/query", json={"where": {"refs": ["r1"]}}).json()
    assert found == [house]


def test_keyword_without_a_fast_check_is_checked_all_the_same(http):
    answer = http.post("/houses", json={"data": {"name": "a", "note": "no"}})
    assert answer.status_code == 422


def test_uniqueness_is_bounded_by_the_field_that_is_named(http, house):
    body = {"house": house["meta"]["uid"], "door": 1}
    statuses = [http.post("/flats", json=body).status_code for _ in range(2)]
    assert statuses == [201, 409]


def test_reference_to_an_unknown_entity_is_an_error_of_the_files(root):
    path = root / "schemas" / "partners" / "newcomer" / "flats.json"
    path.write_text(path.read_text().replace('"houses"', '"castles"'))
    with pytest.raises(ValueError, match="castles"):
        Simulator("newcomer", root)


def test_missing_schema_is_an_error_of_the_files(root):
    (root / "schemas" / "partners" / "newcomer" / "flats.json").unlink()
    with pytest.raises(FileNotFoundError):
        read("newcomer", root)


@pytest.mark.parametrize("partner", PARTNERS)
def test_every_partner_can_be_simulated(partner):
    simulation = Simulation(read(partner), Settings(), seed=0)
    assert any(route.offer.is_write for route in simulation.router.routes)
