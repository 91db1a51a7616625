"""What the module of a partner can do."""

import httpx
import pytest

from tools.simulator import simulation
from tools.simulator.answers import Answer, Refusal
from tools.simulator.special import Special

ENTITIES = {
    "units": {
        "upsert": {"method": "PUT", "path": "/units/{{ id }}"},
        "remove": {"method": "DELETE", "path": "/units/{{ id }}"},
    },
    "people": {"upsert": {"method": "PUT", "path": "/people/{{ id }}"}},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "extId": {"type": "string", "x-in": "path"},
        "rooms": {"type": "integer"},
    },
}
LOGIN = {
    "type": "login",
    "login": {"method": "POST", "path": "/login"},
    "token": "token",
    "expires": {"in_seconds": "seconds"},
    "send": {"header": "X-Key", "value": "{{ token }}"},
}


def count(store, call):
    return Answer(200, {"units": len(store.tables["units"].records), **call.params})


def empty(store, wish):
    store.tables[wish["entity"]].remove(wish["id"])
    return {"done": True}


class Newcomer(Special):
    changed = "touched"
    validation_status = 400
    pages = {"GET /count/{{ of }}": count, "PUT /people/{{ id }}": count}  # noqa: RUF012
    operations = {"empty": empty}  # noqa: RUF012

    def __init__(self):
        self.events = []

    def logged_in(self, answer):
        return {**answer, "account": 7}

    def check(self, store, entity, record, known):
        if known is not None and record.get("rooms", 0) < known.get("rooms", 0):
            raise Refusal(409, "LESS", "There are fewer rooms.")

    def saved(self, store, entity, record, *, is_new):
        self.events.append(("saved", record["extId"], is_new))

    def removed(self, store, entity, record):
        self.events.append(("removed", record["extId"]))

    def show(self, entity, record):
        return {**record, "title": record["extId"].upper()}

    def answer(self, entity, request, body):
        return {"ok": True, "request": request, "data": body}

    def error(self, body, refusal):
        return {"ok": False, **body}

    def reset(self):
        self.events.clear()


@pytest.fixture
def running(serve, monkeypatch):
    specials = {**simulation.SPECIALS, "newcomer": Newcomer}
    monkeypatch.setattr(simulation, "SPECIALS", specials)
    running = serve(ENTITIES, dict.fromkeys(ENTITIES, SCHEMA), authenticator=LOGIN)
    running.login = running.http.post("/login", json={}).json()
    running.http.headers["X-Key"] = running.login["token"]
    return running


def test_login_says_more(running):
    assert running.login["account"] == 7


def test_success_has_its_envelope(running):
    answer = running.http.put("/units/a", json={}).json()
    assert (answer["ok"], answer["request"]) == (True, "upsert")
    assert answer["data"].keys() == {"extId", "id", "touched"}


def test_error_has_its_envelope_and_status(running):
    answer = running.http.put("/units/a", json={"rooms": "x"})
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


def test_rule_knows_the_record_before(running):
    rooms = (3, 4, 2)
    puts = [running.http.put("/units/a", json={"rooms": n}) for n in rooms]
    assert [answer.status_code for answer in puts] == [201, 200, 409]


def test_module_hears_of_writes_and_removals(running):
    running.http.put("/units/a", json={})
    running.http.put("/units/a", json={})
    running.http.delete("/units/a")
    events = running.simulator._simulation.special.events
    assert events == [("saved", "a", True), ("saved", "a", False), ("removed", "a")]
    running.simulator.reset()
    assert events == []


def test_record_is_shown_in_its_way(running):
    running.http.put("/units/a", json={})
    (record,) = running.simulator.records("units")
    assert record["title"] == "A"


def test_page_answers_beside_the_connector_file_and_instead_of_it(running):
    assert running.http.get("/count/x").json() == {"units": 0, "of": "x"}
    assert running.http.put("/people/1", json={}).json() == {"units": 0, "id": "1"}


def test_operation_is_for_tests(running):
    running.http.put("/units/a", json={})
    url = f"{running.simulator.control_url}/newcomer/empty"
    answer = httpx.post(url, json={"entity": "units", "id": "a"})
    assert answer.json() == {"done": True}
    assert running.simulator.records("units") == []
