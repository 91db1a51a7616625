"""A partner that keeps records under our ids, with a key."""

import httpx


def test_first_put_creates_and_second_updates(etg24, bodies):
    first = etg24.http.put("/objektgruppen/1", json=bodies.group)
    second = etg24.http.put("/objektgruppen/1", json=bodies.group)
    assert (first.status_code, second.status_code) == (201, 200)


def test_answer_has_our_id_and_one_of_the_partner_that_stays(etg24, bodies):
    first = etg24.http.put("/objektgruppen/1", json=bodies.group).json()
    second = etg24.http.put("/objektgruppen/1", json=bodies.group).json()
    assert set(first) == {"id", "extId", "updatedAt"}
    assert (first["extId"], first["id"]) == ("1", second["id"])


def test_put_replaces_the_whole_record(etg24):
    etg24.http.put("/objektgruppen/1", json={"title": "a", "userAccess": True})
    etg24.http.put("/objektgruppen/1", json={"title": "b"})
    (record,) = etg24.simulator.records("objektgruppen")
    assert "userAccess" not in record
    assert record["title"] == "b"


def test_encoded_slash_is_part_of_the_id(etg24, bodies):
    answer = etg24.http.put("/objektgruppen/1%2F01%7C%C3%A4", json=bodies.group)
    assert answer.json()["extId"] == "1/01|ä"


def test_plain_slash_is_another_address(etg24, bodies):
    answer = etg24.http.put("/objektgruppen/1/01", json=bodies.group)
    assert answer.status_code == 404


def test_wrong_key_is_refused_in_the_partners_shape(etg24, bodies):
    headers = {"Authorization": "Bearer wrong"}
    answer = etg24.http.put("/objektgruppen/1", json=bodies.group, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["message"]


def test_unknown_field_is_refused_by_name(etg24):
    answer = etg24.http.put("/objektgruppen/1", json={"title": "a", "colour": "red"})
    assert answer.status_code == 422
    assert answer.json()["error"] == {
        "message": "colour: is unknown",
        "code": "VALIDATION_FAILED",
        "fields": [{"field": "colour", "message": "is unknown"}],
    }


def test_missing_field_is_refused_by_name(etg24):
    answer = etg24.http.put("/objektgruppen/1", json={})
    fields = answer.json()["error"]["fields"]
    assert fields == [{"field": "title", "message": "is required"}]


def test_field_of_the_path_is_unknown_in_the_body(etg24):
    answer = etg24.http.put("/objektgruppen/1", json={"title": "a", "extId": "1"})
    assert answer.status_code == 422


def test_nested_field_is_named_with_its_path(etg24, bodies):
    etg24.http.put("/objektgruppen/1", json=bodies.group)
    body = {**bodies.building, "address": {"street": 5, "zip": "1", "city": "Kiel"}}
    answer = etg24.http.put("/objekte/1", json=body)
    assert answer.json()["error"]["fields"][0]["field"] == "address.street"


def test_formats_are_checked(etg24, bodies):
    etg24.http.put("/objektgruppen/1", json=bodies.group)
    body = {**bodies.building, "coreRenovatedOn": "31.12.2020"}
    assert etg24.http.put("/objekte/1", json=body).status_code == 422


def test_body_that_is_not_json_is_refused(etg24):
    answer = etg24.http.put("/objektgruppen/1", content=b"{")
    assert answer.status_code == 400


def test_missing_parent_is_a_conflict(etg24, bodies):
    answer = etg24.http.put("/objekte/1", json=bodies.building)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (409, "PARENT_MISSING")
    assert error["fields"][0]["field"] == "objektgruppeExtId"


def test_every_parent_of_a_list_must_be_there(etg24, bodies):
    etg24.http.put("/objektgruppen/1", json=bodies.group)
    etg24.http.put("/objekte/1", json=bodies.building)
    etg24.http.put("/einheiten/1", json={"number": "1", "objektExtId": "1"})
    answer = etg24.http.put("/eigentuemer/1", json=bodies.owner)
    messages = [one["message"] for one in answer.json()["error"]["fields"]]
    assert messages == ["there is no '2' in einheiten"]


def test_calls_are_counted_by_their_template(etg24, bodies):
    etg24.http.put("/objektgruppen/1", json=bodies.group)
    etg24.http.put("/objektgruppen/2", json=bodies.group)
    assert etg24.simulator.calls == {"PUT /objektgruppen/{{ id }}": 2}


def test_delete_is_not_offered(etg24):
    assert etg24.http.delete("/objektgruppen/1").status_code == 405


def test_address_outside_the_base_url_is_unknown(etg24, bodies):
    outside = etg24.simulator.base_url.removesuffix("/v1")
    answer = httpx.put(f"{outside}/objektgruppen/1", json=bodies.group)
    assert answer.status_code == 404
