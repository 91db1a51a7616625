"""Records that are removed."""

import pytest

UPSERT = {"method": "PUT", "path": "/units/{{ id }}"}
REMOVE = {"method": "DELETE", "path": "/units/{{ id }}"}
UNIT = {
    "type": "object",
    "properties": {
        "extId": {"type": "string", "x-in": "path"},
        "parent": {"type": "string", "x-reference": "units"},
        "door": {"type": "string", "x-unique-within": "parent"},
    },
}


def start(serve, remove=REMOVE, **parts):
    entities = {"units": {"upsert": UPSERT, "remove": remove}}
    return serve(entities, {"units": UNIT}, **parts)


def test_removed_record_is_gone(serve):
    running = start(serve)
    running.http.put("/units/1", json={})
    statuses = [running.http.delete("/units/1").status_code for _ in range(2)]
    assert statuses == [204, 404]
    assert running.simulator.records("units") == []


def test_record_is_known_by_the_partners_id_too(serve):
    remove = {"method": "POST", "path": "/gone", "json": {"id": "{{ partner_id }}"}}
    running = start(serve, remove)
    uid = running.http.put("/units/1", json={}).json()["id"]
    statuses = [
        running.http.post("/gone", json={"id": one}).status_code for one in (uid, uid)
    ]
    assert statuses == [204, 404]


@pytest.fixture
def soft(serve):
    running = start(serve, ids={"path": "id", "deleted": "gone"})
    running.http.put("/units/1", json={"door": "A"})
    running.http.delete("/units/1")
    return running


def test_partner_may_mark_what_is_removed(soft):
    (record,) = soft.simulator.records("units")
    assert record["gone"]
    assert soft.http.delete("/units/1").status_code == 404


def test_nothing_points_to_what_is_removed(soft):
    assert soft.http.put("/units/2", json={"parent": "1"}).status_code == 409


def test_removed_record_leaves_its_door_free(soft):
    assert soft.http.put("/units/2", json={"door": "A"}).status_code == 201


def test_removed_record_comes_back_when_it_is_sent(soft):
    assert soft.http.put("/units/1", json={}).status_code == 201
    (record,) = soft.simulator.records("units")
    assert record["gone"] is None


def test_removal_can_be_refused_on_purpose(serve):
    running = start(serve)
    running.http.put("/units/1", json={"door": "A"})
    rule = {"entity": "units", "field": "door", "value": "A", "operation": "remove"}
    running.simulator.faults(refuse=[rule])
    assert running.http.put("/units/1", json={"door": "A"}).status_code == 200
    assert running.http.delete("/units/1").status_code == 422
    assert running.simulator.records("units")
