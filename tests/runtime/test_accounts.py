"""What outlives a run: the token of an account, and how many calls it made today."""

import re
import sqlite3
from contextlib import suppress

import pytest

from connectors.clock import Clock
from connectors.errors import RefusedError
from connectors.request import Request
from connectors.transport import Session
from engine.runtime.run import planned
from engine.runtime.state import State

KEEPERS = {
    "casavi": "POST /authenticate",
    "everreal": "POST /accounts/oauth/token login",
    "pricehubble": "POST /auth/login/credentials",
}


@pytest.fixture(params=sorted(KEEPERS))
def desk(request, open_desk, town):
    """An activation of each partner whose token is kept."""
    desk = open_desk(request.param, source=town.folder)
    desk.in_a_hurry()
    return desk


def logins(desk):
    return desk.simulator.calls[KEEPERS[desk.partner]]


def refreshes(desk):
    return desk.simulator.calls["POST /accounts/oauth/token refresh"]


def change_something(desk, area="70,50"):
    changes = {"bezeichnung": "Wohnung neu", "wohnflaeche": area}
    desk.set("verwaltungseinheit", {"we_nr": "9001"}, **changes)


def everything_kept(desk):
    return b"".join(path.read_bytes() for path in desk.folder.glob("*.db*"))


def tokens(desk):
    """Return the tokens that hold at the partner, without the words before them."""
    carried = desk.simulator._simulation.gate._ends
    return [text.removeprefix("Bearer ").encode() for text in carried]


class TestKeptToken:
    def test_two_syncs_need_one_login(self, desk):
        desk.sync()
        change_something(desk)
        assert desk.sync()["totals"]["update"] > 0
        assert logins(desk) == 1

    def test_a_sync_that_sends_nothing_needs_none(self, desk):
        desk.sync()
        desk.simulator.calls.clear()
        desk.sync()
        desk.plan()
        assert logins(desk) == 0

    def test_no_token_stands_in_the_state(self, desk):
        desk.sync()
        assert tokens(desk)
        kept = everything_kept(desk)
        for token in tokens(desk):
            assert token not in kept
        for secret in desk.simulator.credentials.values():
            assert secret.encode() not in kept

    def test_a_changed_password_logs_in_again(self, desk, monkeypatch):
        desk.sync()
        change_something(desk)
        name = next(
            n for n in ("password", "secret") if n in desk.simulator.credentials
        )
        variable = desk.activation().file.credentials[name].removeprefix("env:")
        monkeypatch.setenv(variable, "geheim-4711")
        found = desk.invoke("sync", "activation", "--json")
        # The kept token would have held, but not for who knows another password.
        assert found.code == 4
        assert {p["code"] for p in found.json()["problems"]} == {"D101"}
        assert logins(desk) == 2
        monkeypatch.setenv(variable, f"simulated-{name}")
        assert desk.sync()["totals"]["rejected"] == 0

    def test_a_kept_token_that_does_not_hold_any_more_is_replaced(self, desk):
        desk.sync()
        change_something(desk)
        desk.simulator.expire_tokens()
        assert desk.sync()["totals"]["rejected"] == 0
        assert logins(desk) + refreshes(desk) == 2

    def test_another_customer_has_another_token(self, desk):
        desk.sync()
        desk.change(customer="beispiel")
        desk.sync()
        assert logins(desk) == 2

    def test_another_address_never_gets_the_token(self, desk):
        desk.sync()
        change_something(desk)
        desk.change(base_url=desk.simulator.base_url.replace("127.0.0.1", "localhost"))
        desk.sync()
        assert logins(desk) == 2

    def test_a_token_is_kept_though_the_run_is_stopped(self, desk):
        desk.simulator.faults(next=["500"] * 400)
        found = desk.invoke("sync", "activation", "--json")
        assert found.code in (1, 4)
        desk.simulator.faults(replace=True, next=[])
        desk.sync()
        assert logins(desk) == 1


def test_everreal_refreshes_its_token_and_does_not_log_in(open_desk, town):
    desk = open_desk("everreal", source=town.folder)
    desk.in_a_hurry()
    desk.sync()
    change_something(desk)
    desk.simulator.expire_tokens()
    assert desk.sync()["totals"]["update"] > 0
    assert (logins(desk), refreshes(desk)) == (1, 1)
    # The refreshed token is kept in turn.
    change_something(desk, "71,50")
    assert desk.sync()["totals"]["update"] > 0
    assert (logins(desk), refreshes(desk)) == (1, 1)


@pytest.mark.parametrize("partner", ["idwell", "kiwi", "plentific", "dormakaba"])
def test_partners_that_keep_no_token_log_in_in_each_run(open_desk, town, partner):
    desk = open_desk(partner, source=town.folder)
    desk.in_a_hurry()
    desk.sync()
    change_something(desk)
    desk.simulator.calls.clear()
    desk.sync()
    (login,) = [n for n in desk.simulator.calls if re.search("token|session", n)]
    assert desk.simulator.calls[login] == 1
    for token in tokens(desk):
        assert token not in everything_kept(desk)


class TestCallsOfADay:
    @pytest.fixture
    def quis(self, open_desk, town):
        desk = open_desk("quis", source=town.folder)
        desk.in_a_hurry()
        return desk

    @pytest.fixture
    def whole(self, quis):
        """How many calls a run that nothing stops needs."""
        quis.sync()
        calls = quis.simulator.calls.total()
        quis.lose_the_state()
        quis.simulator.reset()
        return calls

    def stopped(self, desk):
        found = desk.invoke("sync", "activation", "--json")
        assert found.code == 4, found.out
        (problem,) = found.json()["problems"]
        assert problem["code"] == "D103"
        return problem

    def spent(self, desk):
        with sqlite3.connect(desk.database) as db:
            (calls,) = db.execute(f"SELECT SUM(calls) FROM {self.table(db)}").fetchone()
        db.close()
        return calls

    def table(self, db):
        names = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'")
        return next(name for name, sql in names if "day" in sql and "calls" in sql)

    def a_day_passes(self, desk):
        with sqlite3.connect(desk.database) as db:
            db.execute(f"UPDATE {self.table(db)} SET day = 'past ' || rowid")
        db.close()

    def test_the_run_stops_when_the_calls_are_used_up(self, quis, whole):
        quis.choose(tageskontingent="7")
        problem = self.stopped(quis)
        assert problem["message"].startswith(f"{quis.name}: ")
        assert quis.simulator.calls.total() == 7
        assert "simulated-" not in str(problem)

    def test_calls_are_counted_across_runs(self, quis, whole):
        quis.choose(tageskontingent="7")
        self.stopped(quis)
        self.stopped(quis)
        assert quis.simulator.calls.total() == 7
        quis.choose(tageskontingent="12")
        self.stopped(quis)
        assert quis.simulator.calls.total() == 12

    def test_what_was_accepted_before_the_stop_is_kept(self, quis, whole):
        quis.choose(tageskontingent=str(whole - 3))
        self.stopped(quis)
        with quis.own_state() as state:
            assert state.last_run()["state"] == "stopped"
            assert state.last_run()["totals"]["create"] > 0

    @pytest.mark.parametrize("calls", [5, 9])
    def test_it_goes_on_the_next_day_and_doubles_nothing(self, quis, whole, calls):
        quis.change(state="undisturbed.db")
        quis.sync()
        wanted = quis.picture()
        quis.simulator.reset()
        quis.change(state=None)
        quis.choose(tageskontingent=str(calls))
        for _ in range(2 * whole // calls + 2):
            found = quis.invoke("sync", "activation", "--json")
            if found.code == 0:
                break
            assert found.json()["problems"][0]["code"] == "D103"
            self.a_day_passes(quis)
        assert found.code == 0
        assert quis.picture() == wanted

    def test_a_day_that_passes_frees_the_calls(self, quis, whole):
        quis.choose(tageskontingent="7")
        self.stopped(quis)
        self.a_day_passes(quis)
        self.stopped(quis)
        assert quis.simulator.calls.total() == 14

    def test_plans_and_runs_without_changes_spend_nothing(self, quis):
        quis.sync()
        spent = self.spent(quis)
        assert spent == quis.simulator.calls.total()
        quis.sync()
        quis.plan()
        assert self.spent(quis) == spent

    def test_repeated_attempts_are_counted_too(self, quis):
        quis.simulator.faults(next=["500", "ok", "429", "drop_before"])
        quis.sync()
        assert self.spent(quis) == quis.simulator.calls.total()

    def test_the_partners_own_count_stops_the_run(self, quis):
        quis.simulator.faults(day_budget=6)
        problem = self.stopped(quis)
        assert "allows no more" in problem["message"]
        assert quis.simulator.statuses[429] <= 2
        quis.simulator.faults(day_budget=1000)
        assert quis.sync()["totals"]["rejected"] == 0

    @pytest.mark.parametrize("number", ["0", "-1", "viele", "1.5", ""])
    def test_a_setting_that_is_no_number_of_calls_is_refused(self, quis, number):
        quis.choose(tageskontingent=number)
        found = quis.invoke("sync", "activation", "--json")
        assert found.code == 2, found.out
        assert not quis.simulator.calls


class Time:
    """Time that passes only when somebody sleeps."""

    def __init__(self):
        self.now = 1_000_000.0
        self.clock = Clock(lambda: self.now, lambda: self.now, self.sleep)

    def sleep(self, seconds):
        self.now += seconds


def test_everreal_is_called_300_times_a_minute_at_most(open_desk, town):
    desk = open_desk("everreal", source=town.folder)
    desk.simulator.faults(minute_seconds=0.001)
    activation = desk.activation()
    time = Time()
    with (
        State(activation.state_url) as state,
        Session(
            activation.use_case.connector,
            activation.addresses,
            activation.secrets(),
            settings=activation.settings,
            vault=state.account(activation.account),
            spent=state.account(activation.account),
            clock=time.clock,
        ) as session,
    ):
        query = {"query": "query { units { id } }"}
        request = Request(method="POST", path="/api/reporting/graphql", json=query)
        for _ in range(61):
            with suppress(RefusedError):  # it knows no queries
                session.send(request, {})
    assert time.now - 1_000_000.0 >= 60 * 0.2 - 0.001
    with planned(activation) as plan:
        assert plan.totals["create"] > 0


class TestEachDatabase:
    """The same in SQLite and in PostgreSQL."""

    def test_a_token_is_kept(self, open_desk, town, state_url):
        desk = open_desk("casavi", source=town.folder, state=state_url)
        desk.in_a_hurry()
        desk.sync()
        change_something(desk)
        assert desk.sync()["totals"]["update"] > 0
        assert logins(desk) == 1

    def test_calls_of_a_day_are_counted(self, open_desk, town, state_url):
        desk = open_desk("quis", source=town.folder, state=state_url)
        desk.in_a_hurry()
        desk.choose(tageskontingent="7")
        for _ in range(2):
            found = desk.invoke("sync", "activation", "--json")
            assert found.json()["problems"][0]["code"] == "D103"
        assert desk.simulator.calls.total() == 7

    def test_what_is_removed_is_remembered(self, open_desk, town, state_url):
        desk = open_desk("aktivbo", source=town.folder, state=state_url)
        desk.sync()
        desk.set("geschaeftspartner", {"gp_nr": town.ada}, einwilligungen="")
        assert desk.sync()["totals"]["remove"] == 1
        calls = desk.simulator.calls.copy()
        assert desk.sync()["totals"]["remove"] == 0
        assert desk.simulator.calls == calls

    def test_what_is_made_anew_is_remembered(self, open_desk, town, state_url):
        desk = open_desk("pricehubble", source=town.folder, state=state_url)
        desk.sync()
        door = {"we_nr": "9001", "geb_nr": "02"}
        desk.set("gebaeude", door, strasse="Neue Gasse")
        assert desk.sync()["totals"]["replace"] == 1
        calls = desk.simulator.calls.copy()
        assert desk.sync()["totals"]["replace"] == 0
        assert desk.simulator.calls == calls
