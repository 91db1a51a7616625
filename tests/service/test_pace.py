"""The calls of a minute, shared by all who use an account at a partner."""

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count, pairwise
from time import monotonic

import pytest
import sqlalchemy as sa

from connectors.budget import Budget
from connectors.clock import Clock
from connectors.model import Connector
from engine.errors import BudgetError
from engine.runtime.account import pace_table
from engine.runtime.library import INSTALLED, read_connector
from engine.runtime.state import State
from engine.spec import Folders

ACCOUNT = "muster/etg24/test"


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def account(state):
    return state.account(ACCOUNT)


def connector(per_minute):
    found, _ = read_connector(Folders(INSTALLED), "etg24")
    rules = {**found.api_budget.model_dump(), "per_minute": per_minute}
    content = found.model_dump(mode="json", by_alias=True) | {"api_budget": rules}
    return Connector.model_validate(content)


class Time:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 1_000_000.0
        self.clock = Clock(lambda: self.now, lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds


class Pace:
    """Turns as the state gives them, by a clock of the test."""

    def __init__(self, time):
        self.time = time
        self.next_turn = self.closed_until = 0.0
        self.reserved = []

    def reserve(self, calls, interval):
        turn = max(self.time.now, self.next_turn)
        self.next_turn = turn + calls * interval
        self.reserved.append(calls)
        return turn - self.time.now, max(0.0, self.closed_until - self.time.now)

    def close(self, seconds):
        self.next_turn = self.closed_until = self.time.now + seconds


class TestTurns:
    def test_who_comes_next_waits_for_all_who_came_before(self, account):
        waits = [account.reserve(3, 10.0)[0] for _ in range(4)]
        assert waits == pytest.approx([0, 30, 60, 90], abs=5)

    def test_many_at_the_same_time_get_turns_of_their_own(self, state):
        def reserve(_):
            return state.account(ACCOUNT).reserve(2, 10.0)[0]

        with ThreadPoolExecutor(8) as pool:
            waits = sorted(pool.map(reserve, range(16)))
        assert waits == pytest.approx([20 * n for n in range(16)], abs=8)

    def test_another_account_has_its_own(self, state, account):
        account.reserve(10, 10.0)
        assert state.account("other/etg24/test").reserve(1, 10.0)[0] == 0

    def test_a_pause_that_the_partner_asks_for_is_for_all(self, state, account):
        account.close(1000)
        wait, closed = state.account(ACCOUNT).reserve(1, 1.0)
        assert closed == pytest.approx(1000, abs=5)
        assert wait <= 601
        account.close(10)  # a shorter one does not end it
        assert account.reserve(1, 1.0)[1] == pytest.approx(1000, abs=5)

    def test_a_clock_that_was_put_right_leaves_no_wait_of_hours(self, account):
        account.reserve(1, 1.0)
        with account.engine.begin() as db:
            later = pace_table.c.next_turn + 100_000
            db.execute(sa.update(pace_table).values(next_turn=later))
        assert account.reserve(1, 1.0)[0] <= 601


class TestBudget:
    def take(self, time, pace, calls, per_minute=600, pause=None):
        budget = Budget(connector(per_minute), {}, None, time.clock, pace=pace)
        moments = []
        for number in range(calls):
            budget.take(as_us=True)
            moments.append(time.now)
            if pause and number == pause[0]:
                time.now += pause[1]
        return moments

    def test_a_few_turns_are_taken_at_a_time(self):
        time = Time()
        pace = Pace(time)
        moments = self.take(time, pace, 20)
        assert pace.reserved == [5] * 4
        gaps = [later - one for one, later in pairwise(moments)]
        assert gaps == pytest.approx([0.1] * 19)

    def test_rare_turns_are_taken_one_by_one(self):
        time = Time()
        pace = Pace(time)
        self.take(time, pace, 3, per_minute=20)
        assert pace.reserved == [1] * 3

    def test_turns_that_were_not_used_in_time_are_lost(self):
        time = Time()
        pace = Pace(time)
        moments = self.take(time, pace, 10, pause=(1, 30.0))
        late = [moment for moment in moments if moment > moments[1]]
        gaps = [later - one for one, later in pairwise(late)]
        assert min(gaps) == pytest.approx(0.1)

    def test_two_that_share_an_account_are_no_faster_than_one(self):
        time = Time()
        pace = Pace(time)
        two = [
            Budget(connector(600), {}, None, time.clock, pace=pace) for _ in range(2)
        ]
        for number in range(40):
            two[number % 2].take(as_us=True)
        assert time.now - 1_000_000.0 >= 39 * 0.1 - 0.5

    def test_a_429_of_one_stops_the_other(self):
        time = Time()
        pace = Pace(time)
        one, other = (
            Budget(connector(600), {}, None, time.clock, pace=pace) for _ in range(2)
        )
        with pytest.raises(BudgetError, match="D103"):
            one.observe(429, {}, 3600.0)
        with pytest.raises(BudgetError, match="D103"):
            other.take(as_us=True)

    def test_a_short_pause_of_one_is_waited_for_by_the_other(self):
        time = Time()
        pace = Pace(time)
        one, other = (
            Budget(connector(600), {}, None, time.clock, pace=pace) for _ in range(2)
        )
        one.take(as_us=True)
        one.observe(429, {}, 20.0)
        other.take(as_us=True)
        assert time.now >= 1_000_020.0

    def test_without_a_limit_a_minute_nobody_is_asked(self):
        time = Time()
        pace = Pace(time)
        self.take(time, pace, 5, per_minute=None)
        assert pace.reserved == []


def test_real_threads_with_connections_of_their_own_keep_to_the_limit(state_url):
    """Each has its own engine, as a process has; the bound is one of least time."""
    numbers, lock, ends = count(), threading.Lock(), []

    def work(_):
        with State(state_url) as state:
            pace = state.account(ACCOUNT)
            budget = Budget(connector(1200), {}, None, Clock(), pace=pace)
            while True:
                with lock:
                    if next(numbers) >= 40:
                        return
                budget.take(as_us=True)
                with lock:
                    ends.append(monotonic())

    began = monotonic()
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, range(3)))
    assert len(ends) == 40
    assert max(ends) - began >= 39 * 0.05


def test_a_sync_counts_its_turns_for_the_account(open_desk, village):
    desk = open_desk("everreal", source=village.folder)
    desk.in_a_hurry()
    path = desk.root / "connectors" / "partners" / "everreal.yaml"
    text = path.read_text("utf-8").replace(
        "api_budget:", "api_budget:\n  per_minute: 60000", 1
    )
    path.write_text(text, "utf-8")
    desk.sync()
    with State(desk.activation().state_url) as state, state.engine.connect() as db:
        [row] = db.execute(sa.select(pace_table)).all()
    assert row.account == "muster/everreal/test"
