import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from connectors.budget import Budget
from connectors.clock import Clock
from connectors.errors import RefusedError
from connectors.request import Request
from engine.errors import BudgetError, CredentialsError, SpecError

UNIT = Request(method="GET", path="/units")
LEFT = {"remaining": "X-Left", "reset": "X-Reset", "reset_in": "seconds"}


class Time:
    """Time that passes only when somebody sleeps."""

    def __init__(self, start=1_000_000.0):
        self.now = start
        self.slept = []
        self.lock = threading.Lock()
        self.clock = Clock(lambda: self.now, lambda: self.now, self.sleep)

    def sleep(self, seconds):
        with self.lock:
            self.slept.append(round(seconds, 6))
            self.now += seconds


class Days:
    """The calls of a day, as the state counts them over all runs."""

    def __init__(self, total=0):
        self.total = total
        self.inside = 0

    def spend(self, calls):
        self.inside += 1
        assert self.inside == 1, "two threads at a time"
        time.sleep(0.001)
        self.total += calls
        self.inside -= 1
        return self.total


def budget(kit, time_, settings=None, spent=None, **rules):
    changes = {"api_budget": {"concurrency": 2, **rules}, "settings": ["calls"]}
    connector = kit.read("named_by_us", **changes)
    return Budget(connector, settings or {}, spent, time_.clock)


def test_calls_are_spread_evenly_over_the_minute(kit):
    time_ = Time()
    paced = budget(kit, time_, per_minute=300)
    for _ in range(4):
        paced.take(as_us=True)
    assert time_.slept == [0.2, 0.2, 0.2]


def test_a_pause_does_not_allow_a_burst(kit):
    time_ = Time()
    paced = budget(kit, time_, per_minute=60)
    paced.take(as_us=True)
    time_.now += 30
    for _ in range(3):
        paced.take(as_us=True)
    assert time_.slept == [1.0, 1.0]


def test_threads_share_the_pace(kit):
    starts = []
    clock = Clock()
    connector = kit.read(
        "named_by_us", api_budget={"concurrency": 8, "per_minute": 3000}
    )
    paced = Budget(connector, {}, None, clock)

    def call(_):
        paced.take(as_us=True)
        starts.append(time.monotonic())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(call, range(16)))
    assert max(starts) - min(starts) >= 15 * 0.02 - 0.02  # a turn each 20 ms


def test_without_limits_nobody_waits(kit):
    time_ = Time()
    free = budget(kit, time_)
    for _ in range(100):
        free.take(as_us=True)
    assert time_.slept == []


def test_a_near_reset_is_waited_for(kit):
    time_ = Time()
    told = budget(kit, time_, headers=LEFT)
    told.observe(200, {"X-Left": "0", "X-Reset": "20"}, None)
    told.take(as_us=True)
    told.take(as_us=True)
    assert time_.slept == [20.0]


def test_after_a_reset_calls_are_spread_again(kit):
    time_ = Time()
    told = budget(kit, time_, headers=LEFT, per_minute=60)
    told.observe(200, {"X-Left": "0", "X-Reset": "20"}, None)
    for _ in range(3):
        told.take(as_us=True)
    assert time_.slept == [20.0, 1.0, 1.0]


def test_an_answer_that_closes_the_budget_reaches_who_waits_for_a_turn(kit):
    time_ = Time()

    def sleep(seconds):
        time_.sleep(seconds)
        if len(time_.slept) == 1:
            told.observe(200, {"X-Left": "0", "X-Reset": "30"}, None)

    time_.clock = replace(time_.clock, sleep=sleep)
    told = budget(kit, time_, headers=LEFT, per_minute=60)
    told.take(as_us=True)
    told.take(as_us=True)
    assert time_.slept == [1.0, 30.0]


@pytest.mark.parametrize(
    ("reset_in", "reset"), [("seconds", "3600"), ("epoch", "1003600")]
)
def test_a_reset_far_away_ends_the_run_and_says_when_it_goes_on(kit, reset_in, reset):
    time_ = Time()
    told = budget(kit, time_, headers={**LEFT, "reset_in": reset_in})
    told.observe(200, {"X-Left": "0", "X-Reset": reset}, None)
    with pytest.raises(BudgetError, match="1970-01-12 14:46 UTC") as caught:
        told.take(as_us=True)
    assert caught.value.exit_code == 4
    assert caught.value.problems[0].code == "D103"
    assert time_.slept == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Left": "1", "X-Reset": "3600"},
        {"X-Left": "soon", "X-Reset": "3600"},
        {"X-Left": "0"},
        {"X-Left": "0", "X-Reset": "later"},
        {"X-Left": "0", "X-Reset": "nan"},
        {"X-Left": "0", "X-Reset": "-5"},
    ],
)
def test_headers_that_say_nothing_are_ignored(kit, headers):
    time_ = Time()
    told = budget(kit, time_, headers=LEFT)
    told.observe(200, headers, None)
    told.take(as_us=True)
    assert time_.slept == []


def test_a_strange_reset_is_a_date_all_the_same(kit):
    told = budget(kit, Time(), headers=LEFT)
    told.observe(200, {"X-Left": "0", "X-Reset": "9e99"}, None)
    with pytest.raises(BudgetError, match="1971-01-"):
        told.take(as_us=True)


def test_too_many_requests_for_an_hour_end_the_run(server, open_session, kit):
    server.app = lambda call: kit.Reply(429, headers={"Retry-After": "3600"})
    time_ = Time()
    with (
        open_session(given={"clock": time_.clock}) as session,
        pytest.raises(BudgetError, match="14:46 UTC"),
    ):
        session.send(UNIT, {})
    assert len(server.calls) == 1


def test_too_many_requests_are_read_where_the_file_says(server, open_session, kit):
    left = [{"X-Left": "0", "X-Reset": "30"}, {"X-Left": "9", "X-Reset": "30"}]

    def app(call):
        first = len(server.calls) == 1
        return kit.Reply(429 if first else 200, [], left[0 if first else 1])

    server.app = app
    time_ = Time()
    rules = {"concurrency": 2, "headers": LEFT}
    given = {"clock": time_.clock}
    with open_session(given=given, api_budget=rules) as session:
        assert session.send(UNIT, {}).status == 200
    assert time_.slept == [30.0]


def test_the_day_ends_before_the_call_that_is_too_many(server, open_session, kit):
    server.app = lambda call: kit.Reply(body=[])
    days = Days(total=7)
    rules = {"concurrency": 2, "per_day": 10}
    with open_session(given={"spent": days}, api_budget=rules) as session:
        for _ in range(3):
            session.send(UNIT, {})
        for _ in range(3):
            with pytest.raises(BudgetError, match="10 calls a day") as caught:
                session.send(UNIT, {})
    assert caught.value.problems[0].code == "D103"
    assert (len(server.calls), days.total) == (3, 10)


def test_calls_of_many_threads_are_counted_one_by_one(server, open_session, kit):
    server.app = lambda call: kit.Reply(body=[])
    days = Days()
    rules = {"concurrency": 4, "per_day": 10}

    def call(_):
        try:
            return session.send(UNIT, {}).status
        except BudgetError:
            return "no more"

    with (
        open_session(given={"spent": days}, api_budget=rules) as session,
        ThreadPoolExecutor(4) as pool,
    ):
        results = list(pool.map(call, range(20)))
    assert (results.count(200), results.count("no more")) == (10, 10)
    assert len(server.calls) == 10


def test_logins_are_no_calls_of_the_day_but_repeats_are(server, open_session, kit):
    failures = [kit.Reply(500), kit.Reply(500)]

    def app(call):
        if call.path == "/login":
            return server.let_in()
        return failures.pop() if failures else kit.Reply(body=[])

    server.app = app
    days = Days()
    rules = {"concurrency": 2, "per_day": 3}
    with open_session(
        "named_by_partner", given={"spent": days}, api_budget=rules
    ) as session:
        session.send(UNIT, {})
    assert (days.total, len(server.calls)) == (3, 4)


def test_without_a_count_of_the_day_the_session_counts(server, open_session, kit):
    server.app = lambda call: kit.Reply(404)
    rules = {"concurrency": 2, "per_day": 1}
    with open_session(api_budget=rules) as session:
        with pytest.raises(RefusedError):
            session.send(UNIT, {})
        with pytest.raises(BudgetError):
            session.send(UNIT, {})
    assert len(server.calls) == 1


@pytest.mark.parametrize("value", [2, "2"])
def test_the_calls_of_a_day_may_be_a_setting(kit, value):
    per_day = "{{ settings.calls }}"
    counted = budget(kit, Time(), {"calls": value}, per_day=per_day)
    counted.take(as_us=True)
    counted.take(as_us=False)
    counted.take(as_us=True)
    with pytest.raises(BudgetError, match="2 calls a day"):
        counted.take(as_us=True)


def test_without_the_setting_a_day_has_no_limit(kit):
    counted = budget(kit, Time(), {"calls": None}, per_day="{{ settings.calls }}")
    for _ in range(3):
        counted.take(as_us=True)


@pytest.mark.parametrize("value", ["many", 0, -1, [1], True, "²", 1.5])
def test_a_setting_that_is_no_number_of_calls_is_refused(kit, value):
    with pytest.raises(SpecError, match=r"api_budget.per_day\] T304"):
        budget(kit, Time(), {"calls": value}, per_day="{{ settings.calls }}")


def test_refused_credentials_are_told_before_a_used_up_day(server, open_session, kit):
    server.app = lambda call: kit.Reply(401)
    rules = {"concurrency": 2, "per_day": 1}
    with (
        open_session(given={"spent": Days()}, api_budget=rules) as session,
        pytest.raises(CredentialsError),
    ):
        session.send(UNIT, {})
