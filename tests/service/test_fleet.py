"""Several workers on PostgreSQL: killed and frozen ones lose their runs, once."""

import os
import signal
import threading
from collections import Counter

import fleet
import pytest
import sqlalchemy as sa

from engine.runtime.database import journal_table
from engine.runtime.state import State
from engine.service.dispatcher import now_utc
from engine.service.registry import Registry
from engine.service.tables import job_table, worker_table
from engine.spec import Folders

TTL, LEASE = 3.0, 1.0
LONGEST = 60.0
MID_CHUNK = 6
NEVER = threading.Event()


def until(condition, what, longest=LONGEST):
    """Wait for a condition that other processes bring about."""
    for _ in range(int(longest / 0.01)):
        found = condition()
        if found:
            return found
        NEVER.wait(0.01)
    return pytest.fail(f"waited too long for: {what()}")


class Fleet:
    """An activation that is registered, and the workers that run it."""

    def __init__(self, desk, url):
        self.desk = desk
        self.url = url
        self.output = desk.folder / "workers.txt"
        self.processes = []
        self.state = State(url)
        self.registry = Registry(self.state, Folders(desk.root))
        self.registry.add([desk.path], now_utc())

    def start(self, count=1, slots=1):
        for _ in range(count):
            arguments = (self.url, self.desk.root, self.output, TTL, LEASE, slots)
            self.processes.append(fleet.start(*arguments))
        self.until(lambda: self.said("ready") >= len(self.processes))

    def said(self, word):
        text = self.output.read_text() if self.output.exists() else ""
        return sum(line.split()[1] == word for line in text.splitlines())

    def until(self, condition):
        return until(condition, self.told)

    def told(self):
        """Return all that helps to see why something did not come about."""
        texts = [p.read_text() for p in self.desk.folder.glob("workers.*")]
        return (*texts, self.job(), self.desk.simulator.calls)

    def run_now(self):
        self.registry.run_now(self.desk.name, now_utc())

    def job(self):
        with self.state.engine.connect() as db:
            return db.execute(sa.select(job_table)).one()

    def runner(self):
        """Return the process that runs the activation."""

        def find():
            parts = self.job().worker.split("-")
            return next((p for p in self.processes if str(p.pid) in parts), None)

        return self.until(find)

    def calls(self, count):
        """Wait until the partner has had so many calls."""
        self.until(lambda: self.desk.simulator.calls.total() >= count)

    def finished(self):
        """Wait until the run is done, and nobody works any more."""

        def is_done():
            run = self.state.activation(self.desk.name).last_run()
            return run and run["state"] == "done" and self.job().state == "idle"

        self.until(is_done)

    def in_flight(self):
        simulator = self.desk.simulator
        return simulator.calls.total() - simulator.statuses.total()

    def close(self):
        for process in self.processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGCONT)
                process.terminate()
        for process in self.processes:
            process.join(20)
            if process.is_alive():
                process.kill()
                process.join()
        self.state.engine.dispose()


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request, open_desk):
    """An activation with ids of ours, and one with ids of the partner."""
    desk = open_desk(request.param, units=24)
    desk.in_a_hurry()
    return desk


@pytest.fixture
def wanted(desk):
    """What the partner holds after a run that nobody disturbed."""
    desk.change(state="undisturbed.db")
    desk.sync()
    picture = desk.picture()
    creates = Counter({name: len(rows) for name, rows in picture.items()})
    desk.simulator.reset()
    return picture, creates


@pytest.fixture
def workers(desk, wanted, new_database):
    fleet_ = Fleet(desk, new_database())
    desk.simulator.faults(latency_seconds=0.2)
    yield fleet_
    desk.simulator.faults(latency_seconds=0)
    fleet_.close()


def in_step(desk, wanted):
    """Say whether the partner holds what it is to hold, each record once."""
    picture, creates = wanted
    held = Counter({name: len(desk.simulator.records(name)) for name in picture})
    return desk.picture() == picture and held == creates


def test_the_run_of_a_killed_worker_is_finished_by_another(desk, wanted, workers):
    workers.start(2)
    workers.run_now()
    workers.calls(6)
    killed = workers.runner()
    killed.kill()
    desk.simulator.faults(latency_seconds=0)
    workers.finished()
    workers.until(lambda: workers.said("done") == 1)
    assert workers.job().kills == 0
    assert in_step(desk, wanted)
    with workers.state.engine.connect() as db:
        rows = db.scalars(sa.select(worker_table.c.id)).all()
    assert len(rows) == 1
    assert str(killed.pid) not in rows[0].split("-")


def test_a_frozen_worker_that_wakes_up_sends_nothing(desk, wanted, workers):
    workers.start(2)
    workers.run_now()
    # In the middle of a chunk: there is more that it could send when it wakes up.
    calls = desk.simulator.calls
    workers.until(lambda: max(calls.values(), default=0) >= MID_CHUNK)
    frozen = workers.runner()
    # Not between the look at the lease and the call that follows it.
    workers.until(lambda: workers.in_flight() > 0)
    os.kill(frozen.pid, signal.SIGSTOP)
    workers.until(lambda: workers.runner() != frozen)
    desk.simulator.faults(latency_seconds=0)
    workers.finished()
    assert in_step(desk, wanted)
    before = desk.simulator.calls.copy()
    os.kill(frozen.pid, signal.SIGCONT)
    workers.until(lambda: workers.said("fenced") + workers.said("stopped"))
    assert desk.simulator.calls == before
    assert in_step(desk, wanted)
    # It takes part again, and the next run finds everything as it was left.
    workers.until(lambda: workers_alive(workers) == 2)
    desk.simulator.calls.clear()
    workers.run_now()
    workers.until(lambda: workers.said("done") == 2)
    assert desk.writes == sum(desk.simulator.calls.values()) == 0 or in_step(
        desk, wanted
    )


def workers_alive(workers):
    with workers.state.engine.connect() as db:
        return len(db.scalars(sa.select(worker_table.c.id)).all())


def test_a_worker_that_is_asked_to_end_leaves_its_run_to_another(desk, wanted, workers):
    workers.start(1)
    workers.run_now()
    workers.calls(4)
    workers.runner().terminate()
    workers.until(lambda: workers.said("ended"))
    assert workers.said("interrupted") == 1
    job = workers.job()
    assert (job.state, job.kills) == ("idle", 0)
    desk.simulator.faults(latency_seconds=0)
    workers.start(1)
    workers.finished()
    assert in_step(desk, wanted)


def test_what_was_sent_by_the_killed_one_is_in_the_journal_once(desk, wanted, workers):
    workers.start(2)
    workers.run_now()
    workers.calls(10)
    workers.runner().kill()
    desk.simulator.faults(latency_seconds=0)
    workers.finished()
    with workers.state.engine.connect() as db:
        states = db.scalars(sa.select(journal_table.c.state).distinct()).all()
    assert "sending" not in states
    assert in_step(desk, wanted)
