"""GraphQL: one address, requests told apart by their text, refusals in a success."""

import pytest


def mutation(name):
    return f"mutation ($it: {name}Input!)\n  {{ upsert{name}(it: $it) {{ id }} }}"


def entity(name):
    request = {"method": "POST", "path": "/graphql"}
    body = {"query": mutation(name), "variables": {"it": "{{ body }}"}}
    gone = {"query": f"mutation {{ remove{name} }}", "variables": {"id": "{{ id }}"}}
    return {
        "upsert": {**request, "json": body},
        "remove": {**request, "json": gone},
        "ids": {"path": f"data.upsert{name}.id"},
    }


PEOPLE = {
    "create": {
        "method": "POST",
        "path": "/graphql",
        "json": {"query": "create", "variables": {"it": "{{ body }}"}},
    },
    "update": {
        "method": "POST",
        "path": "/graphql",
        "json": {
            "query": "update",
            "variables": {"id": "{{ partner_id }}", "it": "{{ body }}"},
        },
    },
    "lookup": {
        "method": "POST",
        "path": "/graphql",
        "json": {
            "query": "find",
            "variables": {"in": "{{ ids }}", "first": 2, "after": None},
        },
        "everything": {"query": "all"},
        "match": "ref",
    },
    "ids": {"path": "data.person.id"},
}
TEXT = {"type": "string"}
SCHEMAS = {
    "houses": {
        "type": "object",
        "properties": {"externalId": TEXT, "name": TEXT},
        "required": ["name"],
        "additionalProperties": False,
    },
    "flats": {
        "type": "object",
        "properties": {
            "deep": {"type": "object", "properties": {"key": {"x-id": True, **TEXT}}},
            "house": {**TEXT, "x-reference": "houses"},
        },
    },
    "people": {
        "type": "object",
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "ref": {"x-id": True, **TEXT},
            "name": TEXT,
        },
    },
}


@pytest.fixture
def running(serve):
    entities = {"houses": entity("House"), "flats": entity("Flat"), "people": PEOPLE}
    return serve(
        entities,
        SCHEMAS,
        error_handler={
            "message": ["errors.0.message"],
            "fields": {
                "items": "errors",
                "field": "extensions.field",
                "message": "message",
            },
            "refused_by": "errors",
        },
        paginator={
            "type": "cursor",
            "parameter": "variables.after",
            "in": "body",
            "cursor": "data.next",
            "items": "data.items",
        },
    )


@pytest.fixture
def send(running):
    def send_(query, **variables):
        body = {"query": query, "variables": variables}
        return running.http.post("/graphql", json=body)

    return send_


def house(send, **fields):
    return send(mutation("House"), it=fields)


def test_answer_has_the_id_where_the_file_says(send):
    answer = house(send, externalId="h1", name="a")
    assert answer.status_code == 200
    again = house(send, externalId="h1", name="b").json()
    assert (
        answer.json()["data"]["upsertHouse"]["id"] == again["data"]["upsertHouse"]["id"]
    )


def test_record_is_kept_under_the_id_in_its_body(running, send):
    for name in "ab":
        house(send, externalId="h1", name=name)
    (record,) = running.simulator.records("houses")
    assert (record["externalId"], record["name"]) == ("h1", "b")


def test_id_may_be_marked_and_lie_deep(running, send):
    house(send, externalId="h1", name="a")
    send(mutation("Flat"), it={"deep": {"key": "f1"}, "house": "h1"})
    (record,) = running.simulator.records("flats")
    assert record["deep"] == {"key": "f1"}


def test_white_space_of_the_text_does_not_matter(send):
    text = " ".join(mutation("House").split())
    assert "data" in send(text, it={"externalId": "h1", "name": "a"}).json()


def test_unknown_text_is_refused(send):
    answer = send("mutation { dropEverything }")
    assert answer.status_code == 400
    assert answer.json()["errors"]


def test_more_than_the_envelope_is_refused(send):
    answer = send(mutation("House"), it={"externalId": "h1", "name": "a"}, more=1)
    assert answer.json()["errors"][0]["extensions"] == {"field": "variables.more"}


def test_refused_record_is_told_in_a_success(send):
    answer = house(send, externalId="h1")
    assert answer.status_code == 200
    (error,) = answer.json()["errors"]
    assert error["extensions"] == {"field": "name"}
    assert error["message"] == "is required"


def test_record_without_our_id_is_refused(send):
    (error,) = house(send, name="a").json()["errors"]
    assert error["extensions"]["field"] == "externalId"


def test_missing_parent_is_told_in_a_success(send):
    answer = send(mutation("Flat"), it={"deep": {"key": "f1"}, "house": "h9"})
    assert answer.status_code == 200
    assert answer.json()["errors"][0]["code"] == "PARENT_MISSING"


def test_wrong_key_is_a_plain_refusal(running):
    body = {"query": mutation("House"), "variables": {"it": {}}}
    answer = running.http.post("/graphql", json=body, headers={"X-Key": "x"})
    assert answer.status_code == 401


def test_removed_record_is_gone_and_unknown_one_is_told(running, send):
    house(send, externalId="h1", name="a")
    query = "mutation { removeHouse }"
    assert "errors" not in send(query, id="h1").json()
    assert send(query, id="h1").json()["errors"][0]["code"] == "NOT_FOUND"
    assert running.simulator.records("houses") == []


def test_partner_that_names_records_creates_finds_and_changes_them(send):
    for number in range(3):
        made = send("create", it={"ref": f"p{number}"}).json()["data"]["person"]
    assert made["id"] == 3
    send("update", id="3", it={"name": "Ada"})
    wanted = {"in": ["p2", "p9"], "first": 2, "after": None}
    (found,) = send("find", **wanted).json()["data"]["items"]
    assert (found["ref"], found["name"]) == ("p2", "Ada")
    assert found["data"]["person"]["id"] == 3


def test_lists_are_paged_in_the_body(running, send):
    for number in range(12):
        send("create", it={"ref": f"p{number}"})
    page = running.http.post("/graphql", json={"query": "all"}).json()["data"]
    rest = {"query": "all", "variables": {"after": page["next"]}}
    last = running.http.post("/graphql", json=rest).json()["data"]
    assert [len(page["items"]), len(last["items"]), last["next"]] == [10, 2, None]


def test_calls_are_counted_by_what_they_do(running, send):
    house(send, externalId="h1", name="a")
    assert running.simulator.calls == {"POST /graphql houses.upsert": 1}
    send("find", **{"in": ["p2"], "first": 2})
    assert running.simulator.writes == 1


def test_requests_that_cannot_be_told_apart_are_an_error(serve):
    entities = {"houses": entity("House"), "flats": entity("House")}
    with pytest.raises(ValueError, match="told apart"):
        serve(entities, SCHEMAS)
