"""What ended long ago is forgotten; what is open or needed stays."""

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.app.cli import app
from engine.runtime.database import (
    calls_table,
    held_plan_table,
    journal_table,
    link_table,
    reject_table,
    run_table,
)
from engine.runtime.links import Link, Reject
from engine.runtime.retention import purge
from engine.runtime.signal_tables import alert_table, hook_table, notice_table
from engine.runtime.state import State

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
OLD = NOW - timedelta(days=91)
NEW = NOW - timedelta(days=89)


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def own(state):
    return state.activation("muster/etg24/stammdaten/test")


@pytest.fixture
def enter(state, own):
    """Return what enters a run, with one change in its journal."""

    def enter_(at, run_state="done", change="done", ended=True, of=None):
        owner = of or own
        with state.engine.begin() as db:
            row = {
                "activation_id": owner.number,
                "started_at": at,
                "finished_at": at if ended else None,
                "state": run_state,
                "spec_version": "1.0.0",
                "totals": {},
            }
            number = db.execute(sa.insert(run_table).values(row))
            number = number.inserted_primary_key[0]
            row = {
                "run_id": number,
                "entity": "mieter",
                "key": f"k{number}",
                "activation_id": owner.number,
                "operation": "create",
                "state": change,
                "changed_at": int(at.timestamp()),
            }
            db.execute(sa.insert(journal_table).values(row))
        return number

    return enter_


def left(state):
    with state.engine.connect() as db:
        runs = set(db.scalars(sa.select(run_table.c.id)))
        changes = set(db.scalars(sa.select(journal_table.c.run_id)))
    return runs, changes


def test_old_runs_go_with_their_changes_and_new_ones_stay(state, enter):
    enter(OLD)
    enter(OLD, "stopped")
    kept = {enter(NEW, "stopped"), enter(NEW)}
    counts = purge(state.engine, NOW)
    assert (counts["runs"], counts["changes"]) == (2, 2)
    assert left(state) == (kept, kept)


def test_the_newest_run_and_the_newest_success_stay_however_old(state, enter):
    enter(OLD)
    kept = {enter(OLD), enter(OLD, "stopped")}
    purge(state.engine, NOW)
    assert left(state)[0] == kept


def test_each_activation_keeps_its_own(state, enter):
    other = state.activation("nord/etg24/stammdaten/test")
    kept = {enter(OLD, of=other)}
    enter(OLD)
    kept |= {enter(NEW)}
    purge(state.engine, NOW)
    assert left(state)[0] == kept


@pytest.mark.parametrize("change", ["unknown", "sending"])
def test_a_run_whose_outcome_is_open_stays(state, enter, change):
    kept = {enter(OLD, "broken_off", change, ended=False), enter(NEW)}
    purge(state.engine, NOW)
    assert left(state) == (kept, kept)


def test_a_run_that_never_ended_is_no_old_one(state, enter):
    kept = {enter(OLD, "running", "done", ended=False), enter(NEW)}
    purge(state.engine, NOW)
    assert left(state)[0] == kept


def test_a_killed_run_whose_changes_are_settled_goes(state, enter):
    enter(OLD, "broken_off", "done", ended=False)
    kept = {enter(NEW)}
    purge(state.engine, NOW)
    assert left(state)[0] == kept


def test_links_and_open_rejects_stay(state, own, enter):
    with own.exclusive():
        run = own.start_run("1.0.0")
        run.plan("mieter", [("1", "create")])
        run.settle("mieter", [Link("1", "M1", None, "d")], {"1": "done"})
        run.finish("done", {}, [Reject("mieter", "2", "R101", "x")])
    enter(NEW)
    later = NOW + timedelta(days=3650)
    purge(state.engine, later)
    with state.engine.connect() as db:
        assert db.scalar(sa.select(sa.func.count()).select_from(link_table)) == 1
        assert db.scalar(sa.select(sa.func.count()).select_from(reject_table)) == 1


def test_many_runs_go_at_once(state, enter):
    for _ in range(1100):
        enter(OLD)
    kept = {enter(NEW)}
    assert purge(state.engine, NOW)["runs"] == 1100
    assert left(state)[0] == kept


def test_a_second_time_nothing_is_left_to_go(state, enter):
    enter(OLD)
    enter(NEW)
    purge(state.engine, NOW)
    assert not any(purge(state.engine, NOW).values())


def test_old_plans_closed_alerts_hooks_and_days_go(state, own):
    old, new = OLD.timestamp(), NEW.timestamp()
    alerts = [
        ("a", "ok", old),
        ("b", "critical", old),
        ("c", "ok", new),
        ("worker dead", "warning", old),
    ]
    with state.engine.begin() as db:
        for subject, level, since in alerts:
            row = {"subject": subject, "level": level, "code": "", "since": since}
            db.execute(sa.insert(alert_table).values(row))
            row = {"subject": subject, "target": "t", "told": level}
            db.execute(sa.insert(notice_table).values({**row, "claimed_until": 0.0}))
        for plan, made in (("old", OLD), ("new", NEW)):
            row = {"activation_id": own.number, "plan_id": plan, "made_at": made}
            db.execute(sa.insert(held_plan_table).values({**row, "verdicts": {}}))
            row = {"account": "a", "day": made.date().isoformat(), "calls": 1}
            db.execute(sa.insert(calls_table).values(row))
        for age in (6, 8):
            at = (NOW - timedelta(days=age)).timestamp()
            row = {"digest": f"d{age}", "called_at": at}
            db.execute(sa.insert(hook_table).values(row))
    counts = purge(state.engine, NOW)
    assert counts == {
        "runs": 0,
        "changes": 0,
        "plans": 1,
        "alerts": 2,
        "notices": 2,
        "hook_calls": 1,
        "days_of_calls": 1,
        "specs": 0,
    }
    with state.engine.connect() as db:
        assert set(db.scalars(sa.select(alert_table.c.subject))) == {"b", "c"}
        assert set(db.scalars(sa.select(held_plan_table.c.plan_id))) == {"new"}
        assert set(db.scalars(sa.select(hook_table.c.digest))) == {"d6"}


def invoke(*words):
    found = CliRunner().invoke(app, [str(word) for word in words])
    return found.exit_code, found.stdout, found.stderr


def test_the_command_purges(etg24):
    etg24.sync()
    etg24.sync()
    etg24.sync()
    with etg24.own_state() as own, own.engine.begin() as db:
        db.execute(sa.update(run_table).values(finished_at=datetime(2020, 1, 1)))
    place = ("--database", etg24.database)
    code, out, _ = invoke("purge", *place)
    assert code == 0
    assert out.startswith("Removed what ended more than 90 days ago: 2 runs, ")
    code, out, _ = invoke("purge", *place, "--older-than", "7d", "--json")
    assert '"older_than_days": 7' in out
    assert etg24.sync()["totals"]["create"] == 0


@pytest.mark.parametrize("days", ["0", "-1", "0d", "90h", "", "x", "1.5d", "9" * 30])
def test_days_that_are_none_are_refused(etg24, days):
    etg24.sync()
    code, _, err = invoke("purge", "--database", etg24.database, "--older-than", days)
    assert code == 2
    assert "--older-than" in err


def test_a_missing_database_is_a_problem(tmp_path):
    code, _, err = invoke("purge", "--database", tmp_path / "no.db")
    assert code == 2
    assert "T307" in err
