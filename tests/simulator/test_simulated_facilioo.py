"""What facilioo does in its own way."""

import httpx
import pytest


@pytest.fixture
def http(facilioo):
    return facilioo.http


@pytest.fixture
def building(http, bodies):
    http.post("/api/tenants", json=bodies.tenant)
    return http.post("/api/properties", json=bodies.property).json()


def test_create_answers_with_the_record_and_its_id(http, bodies):
    answer = http.post("/api/tenants", json=bodies.tenant)
    record = answer.json()
    assert (answer.status_code, record["id"]) == (201, 1)
    assert record.keys() == {*bodies.tenant, "id", "created", "lastModified", "deleted"}


def test_patch_changes_only_what_it_names(http, bodies):
    http.post("/api/tenants", json=bodies.tenant)
    record = http.patch("/api/tenants/1", json={"number": "7"}).json()
    assert (record["name"], record["number"]) == ("Nordstadt", "7")


def test_patch_is_checked_against_the_whole_record(http, bodies):
    http.post("/api/parties", json=bodies.party)
    answer = http.patch("/api/parties/1", json={"email": "nobody"})
    assert answer.status_code == 400
    assert "email" in answer.json()["errors"]


@pytest.mark.parametrize("id_", ["99", "abc"])
def test_unknown_id_is_not_found(http, id_):
    answer = http.patch(f"/api/tenants/{id_}", json={"name": "x"})
    assert answer.status_code == 404


def test_errors_are_problem_json(http):
    answer = http.post("/api/tenants", json={"externalId": "1"})
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["errors"] == {"name": ["is required"]}
    assert problem.keys() == {
        "type", "title", "status", "detail", "traceId", "errors"
    }  # fmt: skip


def test_id_is_not_ours_to_give(http, bodies):
    answer = http.post("/api/tenants", json={**bodies.tenant, "id": 5})
    assert answer.json()["errors"] == {"id": ["is unknown"]}


def test_property_brings_an_entrance_with_the_same_id(http, building):
    (entrance,) = http.get("/api/entrances").json()["items"]
    assert entrance["id"] == entrance["propertyId"] == building["id"]
    assert (entrance["name"], entrance["street"]) == ("Haus 1", "Allee")


def test_change_of_a_property_shows_on_its_entrance(http, building):
    http.patch(f"/api/properties/{building['id']}", json={"street": "Ring"})
    assert http.get(f"/api/entrances/{building['id']}").json()["street"] == "Ring"


def test_implicit_entrance_can_be_changed_before_it_has_our_id(http, building):
    path = f"/api/entrances/{building['id']}"
    assert http.patch(path, json={"city": "Kiel"}).status_code == 200
    assert http.get(f"/api/properties/{building['id']}").json()["city"] == "Kiel"


def test_entrances_and_properties_share_their_ids(http, bodies, building):
    body = {"propertyId": building["id"], "externalId": "e2"}
    entrance = http.post("/api/entrances", json=body).json()
    number_two = http.post("/api/properties", json=bodies.property).json()
    assert [building["id"], entrance["id"], number_two["id"]] == [1, 2, 3]


def test_number_of_a_property_is_unique_within_its_tenant(http, bodies):
    for name in "ab":
        http.post("/api/tenants", json={"name": name, "externalId": name})
    numbered = {**bodies.property, "number": "7"}
    statuses = [
        http.post("/api/properties", json={**numbered, "tenantId": tenant}).status_code
        for tenant in (1, 2, 1)
    ]
    assert statuses == [201, 201, 409]


def test_number_that_was_given_up_is_free_again(http, bodies, building):
    http.patch(f"/api/properties/{building['id']}", json={"number": "7"})
    http.patch(f"/api/properties/{building['id']}", json={"number": "8"})
    answer = http.post("/api/properties", json={**bodies.property, "number": "7"})
    assert answer.status_code == 201


def test_contract_needs_its_unit_and_its_party(http, bodies):
    answer = http.post("/api/unit-contracts", json=bodies.contract)
    assert answer.status_code == 409
    assert answer.json()["errors"].keys() == {"unitId", "partyId"}


def test_contract_hangs_on_the_implicit_entrance(http, bodies, building):
    http.post("/api/units", json=bodies.unit)
    http.post("/api/parties", json=bodies.party)
    contract = {**bodies.contract, "start": "2024-01-01T00:00:00Z", "end": None}
    assert http.post("/api/unit-contracts", json=contract).status_code == 201


def test_push_cannot_be_the_only_preference(http, bodies):
    body = {
        **bodies.party,
        "contactViaEmail": False,
        "contactViaPush": True,
        "contactViaMail": False,
    }
    answer = http.post("/api/parties", json=body)
    assert answer.status_code == 400
    assert "contactViaPush" in answer.json()["errors"]


def test_party_needs_one_of_its_names(http, bodies):
    body = {k: v for k, v in bodies.party.items() if not k.endswith("Name")}
    answer = http.post("/api/parties", json=body)
    message = "one of primaryName, secondaryName is required"
    assert answer.json()["errors"] == {"primaryName": [message]}


def test_party_shows_its_full_name(http, bodies):
    assert http.post("/api/parties", json=bodies.party).json()["fullName"] == "Ada Berg"


def test_two_records_may_have_the_same_external_id(http, bodies):
    for _ in range(2):
        http.post("/api/parties", json=bodies.party)
    found = http.post("/api/parties/search", json={"externalIds": ["p1"]}).json()
    assert [item["id"] for item in found["items"]] == [1, 2]


def test_external_id_of_a_new_party_starts_its_list(http, bodies):
    http.post("/api/parties", json=bodies.party)
    page = http.get("/api/parties/1/external-ids").json()
    assert (page["items"], page["totalCount"]) == (["p1"], 1)


def test_put_of_external_ids_replaces_those_of_others(http, bodies):
    http.post("/api/parties", json=bodies.party)
    http.put("/api/parties/1/external-ids", json=["x", "y"])
    assert http.get("/api/parties/1/external-ids").json()["items"] == ["x", "y"]
    assert http.get("/api/parties/1").json()["externalId"] == "x"


def test_search_finds_a_party_by_any_id_of_its_list(http, bodies):
    http.post("/api/parties", json=bodies.party)
    http.put("/api/parties/1/external-ids", json=["x", "y"])
    found = http.post("/api/parties/search", json={"externalIds": ["y", "p1"]}).json()
    assert found["totalCount"] == 1


def test_merge_moves_ids_and_soft_deletes(facilioo, http, bodies):
    for id_ in ("p1", "p2"):
        http.post("/api/parties", json={**bodies.party, "externalId": id_})
    url = f"{facilioo.simulator.control_url}/facilioo/merge"
    httpx.post(url, json={"keep": 2, "drop": 1}).raise_for_status()
    dropped, kept = http.get("/api/parties").json()["items"]
    assert dropped["deleted"]
    assert kept["deleted"] is None
    assert http.get("/api/parties/2/external-ids").json()["items"] == ["p2", "p1"]


def test_merged_party_takes_no_changes(facilioo, http, bodies):
    for id_ in ("p1", "p2"):
        http.post("/api/parties", json={**bodies.party, "externalId": id_})
    url = f"{facilioo.simulator.control_url}/facilioo/merge"
    httpx.post(url, json={"keep": 2, "drop": 1})
    assert http.patch("/api/parties/1", json={"city": "Kiel"}).status_code == 404


def test_own_account_is_there(http):
    assert http.get("/api/accounts/myself").json()["id"] == 1


def test_delete_is_not_offered(http, bodies):
    http.post("/api/tenants", json=bodies.tenant)
    assert http.delete("/api/tenants/1").status_code == 405
