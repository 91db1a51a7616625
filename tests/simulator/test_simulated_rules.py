"""What the annotations of a schema demand, and records that are refused on purpose."""

import pytest

TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "extId": {"type": "string", "x-in": "path"},
        "ref": TEXT,
        "kind": {**TEXT, "x-immutable": True},
        "place": {
            "type": "object",
            "properties": {
                "site": TEXT,
                "door": {**TEXT, "x-unique-within": "place.site"},
                "floor": {"type": "integer", "x-immutable": True},
                "shown": {"type": "string", "readOnly": True},
            },
            "additionalProperties": False,
        },
        "addresses": {
            "type": "array",
            "x-merge-by": "street",
            "items": {
                "type": "object",
                "properties": {
                    "street": TEXT,
                    "flats": {"type": "array", "items": {"x-reference": "ours"}},
                },
            },
        },
    },
}
ENTITIES = {
    "ours": {"upsert": {"method": "PUT", "path": "/ours/{{ id }}"}},
    "theirs": {
        "create": {"method": "POST", "path": "/theirs"},
        "update": {"method": "PATCH", "path": "/theirs/{{ partner_id }}"},
    },
    "replaced": {
        "create": {"method": "POST", "path": "/replaced"},
        "update": {"method": "PUT", "path": "/replaced/{{ partner_id }}"},
    },
}


@pytest.fixture
def running(serve):
    return serve(ENTITIES, dict.fromkeys(ENTITIES, SCHEMA))


@pytest.fixture
def http(running):
    return running.http


PLACES = [
    ("PUT", "/ours/1", "PUT", "/ours/1"),
    ("POST", "/theirs", "PATCH", "/theirs/1"),
    ("POST", "/replaced", "PUT", "/replaced/1"),
]


@pytest.mark.parametrize(("method", "path", "again", "there"), PLACES)
def test_immutable_field_keeps_its_value(http, method, path, again, there):
    http.request(method, path, json={"kind": "a", "place": {"floor": 1}})
    assert http.request(again, there, json={"kind": "a"}).status_code == 200
    assert http.request(again, there, json={"ref": "r"}).status_code == 200
    answer = http.request(again, there, json={"kind": "b"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == {"kind": ["cannot be changed"]}
    answer = http.request(again, there, json={"place": {"floor": 2}})
    assert answer.json()["errors"].keys() == {"place.floor"}


def test_elements_that_should_be_one_are_refused(http):
    addresses = [{"street": "A"}, {"street": "B"}, {"street": "A"}]
    answer = http.put("/ours/1", json={"addresses": addresses})
    assert answer.json()["errors"].keys() == {"addresses.2.street"}
    assert http.put("/ours/1", json={"addresses": addresses[:2]}).is_success


def test_references_in_lists_of_objects_are_checked(http):
    body = {"addresses": [{"street": "A", "flats": ["1"]}]}
    assert http.put("/ours/2", json=body).status_code == 409
    http.put("/ours/1", json={})
    assert http.put("/ours/2", json=body).status_code == 201


def test_nested_field_is_unique_within_another_one(http):
    def post(site):
        body = {"place": {"site": site, "door": "1"}}
        return http.post("/theirs", json=body).status_code

    assert [post("a"), post("b"), post("a")] == [201, 201, 409]


def test_nested_field_of_the_partner_is_unknown_in_a_body(http):
    answer = http.put("/ours/1", json={"place": {"shown": "x"}})
    assert answer.json()["errors"] == {"place.shown": ["is unknown"]}


@pytest.mark.parametrize(("method", "path", "again", "there"), PLACES)
def test_nested_value_is_refused_on_purpose(running, http, method, path, again, there):
    entity = path.strip("/").partition("/")[0]
    rule = {"entity": entity, "field": "addresses.street", "value": "B"}
    running.simulator.faults(refuse=[{**rule, "message": "No!"}])
    body = {"addresses": [{"street": "A"}, {"street": "B"}]}
    answer = http.request(method, path, json=body)
    assert answer.json()["errors"] == {"addresses.street": ["No!"]}
    assert http.request(method, path, json={}).status_code == 201
    assert http.request(again, there, json=body).status_code == 422
