"""Fields that stand in the address: parents, and their children."""

import pytest

SITES = {"create": {"method": "POST", "path": "/sites"}}
SITES["update"] = {"method": "PATCH", "path": "/sites/{{ partner_id }}"}
HOUSES = {
    "create": {"method": "POST", "path": "/sites/{{ path.siteId }}/houses"},
    "update": {
        "method": "PATCH",
        "path": "/sites/{{ path.siteId }}/houses/{{ partner_id }}",
    },
    "lookup": {
        "method": "GET",
        "path": "/sites/{{ path.siteId }}/houses",
        "query": {"externalId": "{{ ids[0] }}"},
        "at_once": 1,
        "match": "externalId",
    },
    "remove": {
        "method": "DELETE",
        "path": "/sites/{{ path.siteId }}/houses/{{ partner_id }}",
    },
}
KEYS = {"upsert": {"method": "PUT", "path": "/houses/{{ path.houseId }}/keys/{{ id }}"}}
NUMBER = {"type": "integer", "readOnly": True}
TEXT = {"type": "string"}
SCHEMAS = {
    "sites": {"type": "object", "properties": {"id": NUMBER, "externalId": TEXT}},
    "houses": {
        "type": "object",
        "properties": {
            "id": NUMBER,
            "siteId": {"type": "integer", "x-in": "path", "x-reference": "sites"},
            "externalId": TEXT,
            "name": TEXT,
        },
        "required": ["siteId", "externalId"],
        "additionalProperties": False,
    },
    "keys": {
        "type": "object",
        "properties": {
            "houseId": {"type": "integer", "x-in": "path", "x-reference": "houses"},
            "number": {"type": "string", "x-in": "path"},
            "name": TEXT,
        },
    },
}


@pytest.fixture
def http(serve):
    http = serve({"sites": SITES, "houses": HOUSES, "keys": KEYS}, SCHEMAS).http
    for name in "ab":
        http.post("/sites", json={"externalId": name})
    http.post("/sites/1/houses", json={"externalId": "h1"})
    http.post("/sites/1/houses", json={"externalId": "h2"})
    http.post("/sites/2/houses", json={"externalId": "h1"})
    return http


def ids(answer):
    return [one["id"] for one in answer.json()]


def test_parent_is_shown_with_the_record(http):
    assert http.get("/sites/1/houses/1").json()["siteId"] == 1


def test_parent_is_not_a_field_of_the_body(http):
    answer = http.post("/sites/1/houses", json={"externalId": "x", "siteId": 1})
    assert answer.json()["errors"] == {"siteId": ["is unknown"]}


@pytest.mark.parametrize("site", ["9", "x"])
def test_parent_must_be_there(http, site):
    answer = http.post(f"/sites/{site}/houses", json={"externalId": "x"})
    assert answer.status_code == 404
    assert answer.json()["errors"].keys() == {"siteId"}


def test_record_is_found_under_its_parent_only(http):
    change = {"name": "new"}
    statuses = [
        http.patch(f"/sites/{site}/houses/1", json=change).status_code
        for site in (1, 2)
    ]
    assert statuses == [200, 404]
    assert http.get("/sites/2/houses/1").status_code == 404


def test_list_is_of_one_parent(http):
    assert ids(http.get("/sites/1/houses")) == [1, 2]


def test_search_is_of_one_parent(http):
    answer = http.get("/sites/2/houses", params={"externalId": "h1"})
    assert ids(answer) == [3]


def test_search_compares_any_field_and_ignores_the_unknown(http):
    http.patch("/sites/1/houses/2", json={"name": "new"})
    answer = http.get("/sites/1/houses", params={"name": "new", "colour": "red"})
    assert ids(answer) == [2]


def test_removal_is_of_one_parent(http):
    assert http.delete("/sites/2/houses/1").status_code == 404
    assert http.delete("/sites/1/houses/1").status_code == 204
    assert ids(http.get("/sites/1/houses")) == [2]


def test_our_id_is_the_variable_that_is_no_parent(http):
    answer = http.put("/houses/1/keys/k%2F1", json={"name": "front"})
    assert (answer.status_code, answer.json()["number"]) == (201, "k/1")
    assert http.put("/houses/2/keys/k%2F1", json={}).status_code == 404
    assert http.put("/houses/9/keys/k2", json={}).status_code == 404


def test_calls_are_counted_by_their_whole_template(serve):
    running = serve({"sites": SITES, "houses": HOUSES}, SCHEMAS)
    running.http.post("/sites/1/houses", json={})
    assert running.simulator.calls == {"POST /sites/{{ path.siteId }}/houses": 1}
