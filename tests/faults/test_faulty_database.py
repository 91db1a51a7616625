"""
A disk that is full and a database that is locked: the run says so and ends, and the
next one brings partner and source into step.
"""

import resource
import sqlite3
from contextlib import closing, contextmanager

import psycopg
import pytest
import sqlalchemy as sa

import engine.runtime.run as runs
from engine.runtime.staging import Staging

FIRST = 30
"""The calls from this one on are the disk's bad time."""


@pytest.fixture
def pragmas():
    """Return the pragmas of each connection to a state on SQLite, to be changed."""
    chosen = {"busy_timeout": lambda _db: 50}

    def checked_out(connection, _record, _proxy):
        if isinstance(connection, sqlite3.Connection):
            for name, value in chosen.items():
                connection.execute(f"PRAGMA {name}={value(connection)}")

    sa.event.listen(sa.pool.Pool, "checkout", checked_out)
    yield chosen
    sa.event.remove(sa.pool.Pool, "checkout", checked_out)


@pytest.fixture(params=["etg24", "facilioo"])
def troubled(request, open_desk, wire_kit):
    """An activation whose calls take a middleman."""
    desk = open_desk(request.param)
    desk.in_a_hurry()
    with wire_kit.between(desk.simulator.base_url) as middleman:
        desk.change(base_url=middleman.base_url)
        yield desk, middleman


def assert_ended(found, *words):
    """The command says what happened, and what to do."""
    assert found.code == 4, found.out + found.err
    for word in words:
        assert word in found.err
    assert "Traceback" not in found.err


def assert_in_step(desk, middleman):
    """Run once more, undisturbed: now the partner holds everything, once."""
    middleman.script_of = lambda _: None
    found = desk.invoke("sync", "activation")
    assert found.code in (0, 1), found.err
    held = desk.picture()
    totals = desk.plan()["totals"]
    sent = ("create", "update", "replace", "remove")
    assert [totals[name] for name in sent] == [0] * 4
    desk.simulator.reset()
    desk.lose_the_state()
    desk.sync()
    assert desk.picture() == held


def full(path):
    """Return the most pages of a database: those that it has."""
    with closing(sqlite3.connect(path)) as db:
        (pages,) = db.execute("PRAGMA page_count").fetchone()
    return lambda _db: max(pages, 1)


def test_a_disk_without_room_for_a_new_state_ends_the_run(troubled, pragmas):
    desk, middleman = troubled
    pragmas["max_page_count"] = full(desk.database)
    found = desk.invoke("sync", "activation")
    assert_ended(found, "D302", "disk is full")
    assert not desk.simulator.calls
    del pragmas["max_page_count"]
    assert_in_step(desk, middleman)


def test_a_disk_that_is_full_in_mid_run_ends_it(troubled, pragmas):
    desk, middleman = troubled

    def fill(n):
        if n == FIRST:
            pragmas["max_page_count"] = full(desk.database)

    middleman.script_of = fill
    found = desk.invoke("sync", "activation")
    assert_ended(found, "D302", "disk is full")
    assert desk.simulator.writes > 0
    del pragmas["max_page_count"]
    assert_in_step(desk, middleman)


@contextmanager
def locked(desk):
    """Keep the state's writers out, as a backup or another tool may."""
    with closing(sqlite3.connect(desk.database, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other


def test_a_state_that_is_locked_for_long_ends_the_run(troubled, pragmas):
    desk, middleman = troubled
    with desk.own_state():
        pass  # now there is one
    with locked(desk):
        found = desk.invoke("sync", "activation")
    assert_ended(found, "D302", "database is locked")
    assert desk.simulator.writes == 0
    assert_in_step(desk, middleman)


def test_a_state_that_is_locked_in_mid_run_ends_it(troubled, pragmas):
    desk, middleman = troubled
    held = []

    def lock(n):
        if n == FIRST:
            held.append(locked(desk))
            held[0].__enter__()

    middleman.script_of = lock
    found = desk.invoke("sync", "activation")
    held[0].__exit__(None, None, None)
    assert_ended(found, "D302", "database is locked")
    assert_in_step(desk, middleman)


def test_a_short_lock_is_waited_for(troubled, pragmas):
    desk, middleman = troubled
    pragmas["busy_timeout"] = lambda _db: 30_000
    held = []

    def lock(n):
        if n == FIRST:
            held.append(locked(desk))
            held[0].__enter__()
        elif n == FIRST + 1:
            held[0].__exit__(None, None, None)

    middleman.script_of = lock
    assert desk.invoke("sync", "activation").code in (0, 1)
    assert held
    assert_in_step(desk, middleman)


class SmallStaging(Staging):
    """Where a source is staged, on a disk that is nearly full."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.db.execute("PRAGMA max_page_count=8")


def test_a_disk_without_room_for_the_source_ends_the_run(troubled, monkeypatch):
    desk, middleman = troubled
    with monkeypatch.context() as patch:
        patch.setattr(runs, "Staging", SmallStaging)
        found = desk.invoke("sync", "activation")
    assert_ended(found, "temporary", "full")
    assert not desk.simulator.calls
    assert_in_step(desk, middleman)


@contextmanager
def small_files(size):
    """Let no file of this process become larger, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_without_room_for_the_plan_ends_the_run(open_desk):
    desk = open_desk("etg24", units=80)
    with desk.own_state():
        pass
    with small_files(40_000):  # the state fits in there, the changes do not
        found = desk.invoke("sync", "activation")
    assert_ended(found, "temporary")
    assert desk.simulator.writes == 0
    assert desk.invoke("sync", "activation").code == 0


def test_a_server_that_drops_us_in_mid_run_ends_it(troubled, new_database):
    desk, middleman = troubled
    url = new_database()
    desk.change(state=url)

    def drop(n):
        if n == FIRST:
            with psycopg.connect(url, autocommit=True) as server:
                server.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

    middleman.script_of = drop
    assert_ended(desk.invoke("sync", "activation"), "D30")
    desk.change(base_url=desk.simulator.base_url)
    assert desk.invoke("sync", "activation").code in (0, 1)
    totals = desk.plan()["totals"]
    assert [totals[name] for name in ("create", "update", "remove")] == [0] * 3
    for entity in desk.resources.values():
        desk.records(entity)  # each ID occurs once
