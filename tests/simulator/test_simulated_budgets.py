"""How many calls a partner allows."""

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tools.simulator.budget import Budget

UNITS = {"units": {"upsert": {"method": "PUT", "path": "/units/{{ id }}"}}}
SCHEMAS = {
    "units": {
        "type": "object",
        "properties": {"extId": {"type": "string", "x-in": "path"}},
    }
}
NAMES = {"remaining": "X-Left", "reset": "X-Reset"}


@pytest.fixture
def start(serve):
    def start_(**budget):
        return serve(UNITS, SCHEMAS, api_budget={"concurrency": 4, **budget})

    return start_


def put(running):
    return running.http.put("/units/1", json={})


def test_answers_say_what_is_left_of_the_minute(start):
    running = start(per_minute=3, headers={**NAMES, "reset_in": "seconds"})
    answers = [put(running) for _ in range(2)]
    assert [answer.headers["x-left"] for answer in answers] == ["2", "1"]
    assert 58 <= int(answers[0].headers["x-reset"]) <= 60


def test_call_beyond_the_minute_is_429_and_says_when_to_come_back(start):
    running = start(per_minute=2)
    answers = [put(running) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 200, 429]
    assert 58 <= int(answers[2].headers["retry-after"]) <= 60
    assert answers[2].json()["message"]


def test_minute_goes_by(start):
    running = start(per_minute=1)
    running.simulator.faults(minute_seconds=0.05)
    assert put(running).status_code == 201
    assert put(running).status_code == 429
    time.sleep(0.06)
    assert put(running).status_code == 200


def test_day_ends_at_midnight_as_a_moment(start):
    running = start(per_day=5, headers={**NAMES, "reset_in": "epoch"})
    headers = put(running).headers
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    assert headers["x-left"] == "4"
    assert int(headers["x-reset"]) == (midnight + timedelta(days=1)).timestamp()


def test_day_can_be_nearly_spent(start):
    running = start(per_day="{{ 10 * 100 }}")
    running.simulator.faults(day_budget=2)
    assert [put(running).status_code for _ in range(3)] == [201, 200, 429]
    running.simulator.reset()
    assert running.simulator.spent["day"]["remaining"] == 1000
    assert put(running).status_code == 201


def test_control_address_shows_what_was_spent(start):
    running = start(per_minute=9)
    put(running)
    overview = httpx.get(running.simulator.control_url).json()
    assert overview["budget"] == {"minute": {"limit": 9, "spent": 1, "remaining": 8}}


def test_day_budget_is_a_fault_of_every_partner(start):
    running = start()
    url = f"{running.simulator.control_url}/faults"
    httpx.post(url, json={"day_budget": 1}).raise_for_status()
    assert [put(running).status_code for _ in range(2)] == [201, 429]


def test_answers_say_nothing_where_there_is_no_budget(start):
    assert "x-ratelimit-remaining" not in put(start()).headers


def test_refused_calls_are_not_counted():
    clock = [86_400.0 * 100]
    budget = Budget({"api_budget": {"per_minute": 1}}, {}, lambda: clock[0])
    assert [budget.spend(), budget.spend(), budget.spend()] == [None, 60.0, 60.0]
    clock[0] += 60
    assert budget.spend() is None


def test_new_day_has_a_new_budget():
    clock = [86_400.0 * 100 + 86_390]
    budget = Budget({"api_budget": {"per_day": 1}}, {}, lambda: clock[0])
    assert [budget.spend(), budget.spend()] == [None, 10.0]
    clock[0] += 10
    assert budget.spend() is None
