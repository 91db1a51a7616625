"""The state, the same on SQLite and on PostgreSQL."""

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from engine.errors import SpecError, StopError, UnreachableError
from engine.runtime.database import metadata
from engine.runtime.library import INSTALLED
from engine.runtime.state import Link, Reject, State

ADA = Link("1/1", "1-1", 17, "aa")
MAX = Link("1/2", "1-2", "x-9", "bb")


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def own(state):
    return state.activation("muster/etg24/stammdaten/test")


def keep(own, *links, run=1):
    own.settle("units", links, [link.key for link in links], run)


def test_migrations_equal_the_metadata(state):
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
    keep(own, newer, run=2)
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


def test_what_is_begun_is_in_doubt_until_it_is_settled(own):
    own.begin("units", ["1/1", "1/2"])
    assert own.in_doubt("units") == {"1/1", "1/2"}
    keep(own, ADA)
    assert own.in_doubt("units") == {"1/2"}


def test_beginning_twice_is_one_doubt(own):
    own.begin("units", ["1/1"])
    own.begin("units", ["1/1"])
    assert own.in_doubt("units") == {"1/1"}


def test_refused_record_is_settled_without_a_link(own):
    own.begin("units", ["1/1"])
    own.settle("units", [], ["1/1"], 1)
    assert own.in_doubt("units") == frozenset()
    assert own.links("units", ["1/1"]) == {}


def test_doubt_outlives_the_process(own, state_url):
    own.begin("units", ["1/1"])
    with State(state_url) as later:
        assert later.activation(own.name).in_doubt("units") == {"1/1"}


def test_run_ends_with_its_figures(own):
    run = own.start_run("1.0.0")
    assert own.last_run()["state"] == "running"
    own.finish_run(run, "done", {"create": 3}, [])
    found = own.last_run()
    assert (found["state"], found["totals"]) == ("done", {"create": 3})
    assert found["finished_at"] >= found["started_at"]


def test_run_that_never_ended_is_broken_off(state, own):
    first = own.start_run("1.0.0")
    own.start_run("1.0.0")
    with state.engine.connect() as db:
        query = sa.text("SELECT state FROM run WHERE id = :id")
        assert db.scalar(query, {"id": first}) == "broken_off"


def test_reject_that_passed_is_closed(own):
    own.finish_run(
        own.start_run("1.0.0"),
        "done",
        {},
        [Reject("units", "1/1", "D201", "x"), Reject("units", "1/2", "D201", "y")],
    )
    own.finish_run(
        own.start_run("1.0.0"), "done", {}, [Reject("units", "1/2", "D204", "z")]
    )
    (found,) = own.rejects()
    assert (found["key"], found["code"], found["message"]) == ("1/2", "D204", "z")
    assert found["since_run"] < found["last_run"]


def test_run_that_stopped_closes_no_reject(own):
    run = own.start_run("1.0.0")
    own.finish_run(run, "done", {}, [Reject("units", "1/1", "D201", "x")])
    own.finish_run(own.start_run("1.0.0"), "stopped", {}, None)
    assert [reject["key"] for reject in own.rejects()] == ["1/1"]


def test_rejects_are_kept_in_order_of_entity_and_key(own):
    rejects = [Reject("b", "1", "D201", ""), Reject("a", "2", "D201", "")]
    own.finish_run(own.start_run("1.0.0"), "done", {}, rejects)
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
