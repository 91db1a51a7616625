"""Several records in one request."""

import pytest

UNIT = {
    "type": "object",
    "properties": {
        "externalId": {"type": "string"},
        "rooms": {"type": "integer"},
    },
    "required": ["externalId"],
}
REJECTED = {
    "items": "report.rejected",
    "index": "row",
    "fields": {"items": "problems", "field": "name", "message": "text"},
    "message": "why",
}


def entity(rejected):
    batch = {"size": 3, **({"rejected": rejected} if rejected else {})}
    upsert = {"method": "PUT", "path": "/units", "json": {"units": "{{ bodies }}"}}
    return {"units": {"upsert": upsert, "batch": batch}}


@pytest.fixture
def running(serve):
    return serve(entity(REJECTED), {"units": UNIT})


def put(running, *units):
    return running.http.put("/units", json={"units": units})


def test_each_record_is_judged_by_itself(running):
    answer = put(running, {"externalId": "1"}, {"rooms": 1}, {"externalId": "3"})
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    (rejected,) = answer.json()["report"]["rejected"]
    assert rejected["row"] == 1
    assert rejected["why"]
    assert rejected["problems"] == [{"name": "externalId", "text": "is required"}]
    kept = [one["externalId"] for one in running.simulator.records("units")]
    assert kept == ["1", "3"]


def test_record_that_is_sent_again_is_replaced(running):
    put(running, {"externalId": "1", "rooms": 2})
    put(running, {"externalId": "1"})
    (record,) = running.simulator.records("units")
    assert "rooms" not in record


def test_fault_refuses_one_of_them(running):
    rule = {"entity": "units", "field": "rooms", "value": 7, "message": "No!"}
    running.simulator.faults(refuse=[rule])
    units = [{"externalId": "1", "rooms": 7}, {"externalId": "2", "rooms": 6}]
    (rejected,) = put(running, *units).json()["report"]["rejected"]
    assert (rejected["row"], rejected["why"]) == (0, "No!")


def test_batch_has_a_largest_size(running):
    units = [{"externalId": str(number)} for number in range(4)]
    assert put(running, *units).status_code == 413
    assert running.simulator.records("units") == []


def test_batch_that_is_no_list_is_refused(running):
    assert running.http.put("/units", json={"units": {}}).status_code == 400
    assert running.http.put("/units", json=[]).status_code == 400


def test_whole_answer_may_be_what_was_rejected(serve):
    running = serve(entity({**REJECTED, "items": ""}), {"units": UNIT})
    (rejected,) = put(running, {"externalId": "1"}, {}).json()
    assert rejected["row"] == 1


def test_partner_that_names_nothing_takes_all_or_none(serve):
    running = serve(entity(None), {"units": UNIT})
    assert put(running, {"externalId": "1"}, {}).status_code == 422
    assert running.simulator.records("units") == []
    assert put(running, {"externalId": "1"}).json() == {"accepted": 1}
