"""The state, the same on SQLite and on PostgreSQL."""

import subprocess
import sys
from dataclasses import replace

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.errors import FencedError, SpecError, StopError, UnreachableError
from engine.runtime import signal_tables
from engine.runtime.database import metadata
from engine.runtime.journal import EntityEnd
from engine.runtime.library import INSTALLED
from engine.runtime.links import Link, Reject
from engine.runtime.state import State
from engine.service import tables

ADA = Link("1/1", "1-1", 17, "aa")
MAX = Link("1/2", "1-2", "x-9", "bb")


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def own(state):
    return state.activation("muster/etg24/stammdaten/test")


@pytest.fixture
def run(own):
    run = own.start_run("1.0.0")
    run.plan("units", [("1/1", "create"), ("1/2", "create")])
    return run


def keep(own, *links):
    run = own.start_run("1.0.0")
    run.settle("units", links, {})


def test_migrations_equal_the_metadata(state):
    assert tables.metadata is signal_tables.metadata is metadata
    with state.engine.connect() as db:
        assert compare_metadata(MigrationContext.configure(db), metadata) == []


def test_database_is_migrated_once(state, state_url):
    with State(state_url) as again:
        assert again.activations() == state.activations() == []


def test_activation_is_entered_once(state, own):
    assert state.activation(own.name).number == own.number
    assert state.activations() == [own.name]


def test_link_is_found_by_key_and_by_our_id(own):
    keep(own, ADA, MAX)
    assert own.links("units", ["1/1", "1/2", "1/3"]) == {"1/1": ADA, "1/2": MAX}
    assert own.links_by_our_id("units", ["1-2", "1-3"]) == {"1-2": MAX}


def test_partners_id_keeps_its_type(own):
    keep(own, ADA, MAX)
    found = own.links("units", ["1/1", "1/2"])
    assert [found[key].partner_id for key in ("1/1", "1/2")] == [17, "x-9"]


def test_link_is_replaced_by_a_newer_one(own):
    keep(own, ADA)
    newer = Link("1/1", "1-1", 17, "cc")
    keep(own, newer)
    assert own.links("units", ["1/1"]) == {"1/1": newer}
    assert own.count_links("units") == 1


def test_links_of_other_activations_and_entities_are_apart(state, own):
    keep(own, ADA)
    other = state.activation("muster/facilioo/stammdaten/test")
    assert other.links("units", ["1/1"]) == {}
    assert own.links("parties", ["1/1"]) == {}
    assert other.count_links("units") == 0


def test_more_links_are_asked_for_than_a_statement_takes(own):
    links = [Link(str(n), f"i{n}", n, "d") for n in range(1203)]
    keep(own, *links)
    assert len(own.links("units", [str(n) for n in range(1203)])) == 1203
    assert own.count_links("units") == 1203


def end(own, **known):
    own.start_run("1.0.0").finish("done", {}, [], ends=[EntityEnd("units", **known)])


def states(own):
    query = sa.text("SELECT run_id, key, state FROM journal ORDER BY run_id, key")
    with own.engine.connect() as db:
        return [tuple(row)[1:] for row in db.execute(query)]


def test_what_is_begun_is_in_doubt_until_it_is_settled(own, run):
    assert own.in_doubt("units") == frozenset()
    run.begin("units", ["1/1", "1/2"])
    assert own.in_doubt("units") == {"1/1", "1/2"}
    run.settle("units", [ADA], {"1/1": "done"})
    assert own.in_doubt("units") == {"1/2"}
    assert states(own) == [("1/1", "done"), ("1/2", "sending")]


def test_beginning_twice_is_one_doubt(own, run):
    run.begin("units", ["1/1"])
    run.begin("units", ["1/1"])
    assert own.in_doubt("units") == {"1/1"}


def test_refused_record_is_settled_without_a_link(own, run):
    run.begin("units", ["1/1"])
    run.settle("units", [], {"1/1": "rejected"})
    assert own.in_doubt("units") == frozenset()
    assert own.links("units", ["1/1"]) == {}


def test_doubt_outlives_the_process_and_the_next_run(own, run, state_url):
    run.begin("units", ["1/1"])
    with State(state_url) as later:
        assert later.activation(own.name).in_doubt("units") == {"1/1"}
        later.activation(own.name).start_run("1.0.0")
        assert later.activation(own.name).in_doubt("units") == {"1/1"}
    assert states(own) == [("1/1", "unknown"), ("1/2", "planned")]


@pytest.mark.parametrize("outcome", ["done", "rejected"])
def test_later_run_settles_what_an_earlier_one_left_unknown(own, run, outcome):
    run.begin("units", ["1/1", "1/2"])
    later = own.start_run("1.0.0")
    later.plan("units", [("1/1", "create")])
    later.settle("units", [], {"1/1": outcome})
    assert own.in_doubt("units") == {"1/2"}
    assert states(own) == [("1/1", outcome), ("1/2", "unknown"), ("1/1", outcome)]


def test_unknown_stays_in_doubt(own, run):
    run.begin("units", ["1/1"])
    run.settle("units", [], {"1/1": "unknown"})
    own.start_run("1.0.0")
    assert own.in_doubt("units") == {"1/1"}


def test_state_and_journal_change_together(own, run):
    run.begin("units", ["1/1"])
    broken = replace(ADA, digest=None)
    with pytest.raises(sa.exc.IntegrityError):
        run.settle("units", [broken], {"1/1": "done"})
    assert own.in_doubt("units") == {"1/1"}


def test_missing_records_are_counted_by_runs_in_a_row(own):
    keep(own, ADA, MAX)
    for _ in range(2):
        end(own, missing=["1/1"])
    assert own.missing_runs("units", ["1/1", "1/2"]) == {"1/1": 2, "1/2": 0}
    end(own, missing=["1/2"])
    assert own.missing_runs("units", ["1/1", "1/2"]) == {"1/1": 0, "1/2": 1}


class TestWhoMayWrite:
    """A process whose activation was taken over writes and sends nothing more."""

    @pytest.fixture
    def taker(self, state_url):
        with State(state_url) as other:
            yield other.activation("muster/etg24/stammdaten/test")

    @pytest.fixture
    def fenced(self, own, taker):
        """The state of a process that another one has taken an activation from."""
        with own.exclusive():
            run = own.start_run("1.0.0")
            run.plan("units", [("1/1", "create")])
            with taker.engine.begin() as db:
                db.execute(sa.text("UPDATE activation SET epoch = epoch + 1"))
            yield run

    def test_it_begins_settles_and_ends_nothing(self, own, fenced):
        for write in (
            lambda: fenced.begin("units", ["1/1"]),
            lambda: fenced.settle("units", [ADA], {"1/1": "done"}),
            lambda: fenced.finish("done", {}, []),
            lambda: own.start_run("1.0.0"),
        ):
            with pytest.raises(FencedError, match="D304"):
                write()
        assert states(own) == [("1/1", "planned")]
        assert own.links("units", ["1/1"]) == {}

    def test_it_notices_before_the_next_call_when_its_lease_is_over(self, own, fenced):
        own.hold()  # asked a moment ago
        own._held_until = 0
        with pytest.raises(FencedError, match="D304"):
            own.hold()

    @pytest.mark.parametrize("state_url", ["postgresql"], indirect=True)
    def test_eviction_takes_a_running_activation(self, own, taker):
        with own.exclusive():
            with taker.exclusive(evict=True), pytest.raises(FencedError):
                own.start_run("1.0.0")
            with pytest.raises(FencedError):
                own.start_run("1.0.0")


def test_run_ends_with_its_figures(own):
    run = own.start_run("1.0.0")
    assert own.last_run()["state"] == "running"
    run.finish("done", {"create": 3}, [])
    found = own.last_run()
    assert (found["state"], found["totals"]) == ("done", {"create": 3})
    assert found["finished_at"] >= found["started_at"]


def test_run_that_never_ended_is_broken_off(state, own):
    first = own.start_run("1.0.0")
    own.start_run("1.0.0")
    with state.engine.connect() as db:
        query = sa.text("SELECT state FROM run WHERE id = :id")
        assert db.scalar(query, {"id": first.number}) == "broken_off"


def test_reject_that_passed_is_closed(own):
    own.start_run("1.0.0").finish(
        "done",
        {},
        [Reject("units", "1/1", "D201", "x"), Reject("units", "1/2", "D201", "y")],
    )
    own.start_run("1.0.0").finish("done", {}, [Reject("units", "1/2", "D204", "z")])
    (found,) = own.rejects()
    assert (found["key"], found["code"], found["message"]) == ("1/2", "D204", "z")
    assert found["since_run"] < found["last_run"]


def test_run_that_stopped_closes_no_reject(own):
    run = own.start_run("1.0.0")
    run.finish("done", {}, [Reject("units", "1/1", "D201", "x")])
    own.start_run("1.0.0").finish("stopped", {}, None)
    assert [reject["key"] for reject in own.rejects()] == ["1/1"]


def test_rejects_are_kept_in_order_of_entity_and_key(own):
    rejects = [Reject("b", "1", "D201", ""), Reject("a", "2", "D201", "")]
    own.start_run("1.0.0").finish("done", {}, rejects)
    assert [r["entity"] for r in own.rejects()] == ["a", "b"]


def test_one_run_at_a_time_of_an_activation(own, state_url):
    with own.exclusive(), State(state_url) as other:
        same = other.activation(own.name)
        with pytest.raises(SpecError) as caught, same.exclusive():
            pass
    assert caught.value.problems[0].code == "D301"
    assert own.name in str(caught.value)


def test_activation_is_free_when_its_run_has_ended(own, state_url):
    with own.exclusive():
        pass
    with State(state_url) as other, other.activation(own.name).exclusive():
        pass


def test_activation_is_free_when_its_run_has_failed(own, state_url):
    with pytest.raises(ZeroDivisionError), own.exclusive():
        raise ZeroDivisionError
    with State(state_url) as other, other.activation(own.name).exclusive():
        pass


def test_other_activations_run_at_the_same_time(state, own):
    other = state.activation("muster/facilioo/stammdaten/test")
    with own.exclusive(), other.exclusive():
        pass


def test_migration_that_was_broken_off_is_taken_up(state_url):
    """A process may die between two statements of the first migration."""
    code = f"""
import os, sqlalchemy as sa
from engine.runtime import state
def die(*_): os._exit(9)
sa.event.listen(sa.Engine, "before_cursor_execute", lambda c, cur, s, *_:
    die() if "CREATE TABLE run" in s else None)
state.State({state_url!r})
"""
    died = subprocess.run([sys.executable, "-c", code], cwd=INSTALLED, check=False)
    assert died.returncode == 9
    with State(state_url) as state:
        assert state.activations() == []


def test_several_processes_may_be_the_first(state_url):
    code = f"""
import sys
from engine.runtime.state import State
print(flush=True); sys.stdin.readline()
with State({state_url!r}) as state: state.activation("muster/etg24/stammdaten/test")
"""
    command = [sys.executable, "-c", code]
    pipe = subprocess.PIPE
    started = [
        subprocess.Popen(command, cwd=INSTALLED, stdin=pipe, stdout=pipe, stderr=pipe)
        for _ in range(3)
    ]
    for process in started:
        process.stdout.readline()
    for process in started:
        process.stdin.write(b"\n")
        process.stdin.flush()
    said = [process.communicate(timeout=30)[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * 3, said
    with State(state_url) as state:
        assert len(state.activations()) == 1


def test_database_in_memory_leaves_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with State("sqlite://") as state:
        assert state.activations() == []
    assert list(tmp_path.iterdir()) == []


def test_database_of_a_newer_version_is_left_alone(state, state_url):
    with state.engine.begin() as db:
        db.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnreachableError, match="D302"):
        State(state_url)


def test_database_that_is_lost_in_a_run_ends_it(state_url):
    with State(state_url) as state, state.engine.begin() as db:
        db.execute(sa.text("DROP TABLE link"))
    with pytest.raises(UnreachableError, match="D302"), State(state_url) as state:
        state.activation("muster/etg24/stammdaten/test").count_links("units")


@pytest.mark.parametrize(
    ("url", "code", "exit_code"),
    [
        ("sqlite:////nowhere/at/all/state.db", "D302", 4),
        ("postgresql://anna:geheim1@127.0.0.1:1/state", "D302", 4),
        ("postgresql://anna:geheim1@127.0.0.1:port/state", "T307", 2),
        ("nonsense://anna:geheim1@127.0.0.1/state", "T307", 2),
        ("://anna:geheim1@", "T307", 2),
    ],
)
def test_database_that_cannot_be_opened_says_so_without_its_password(
    url, code, exit_code
):
    with pytest.raises(StopError) as caught:
        State(url)
    (problem,) = caught.value.problems
    assert (problem.code, caught.value.exit_code) == (code, exit_code)
    assert "geheim1" not in str(caught.value)
