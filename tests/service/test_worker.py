"""The service in one process: what is due is run, in order, and stopped in order."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import yaml

from engine.errors import SpecError
from engine.runtime.state import LEASE_SECONDS, State
from engine.service import dispatcher
from engine.service.beats import Beats
from engine.service.registry import Registry
from engine.service.tables import job_table, registration_table, worker_table
from engine.service.worker import Options, Worker
from engine.spec import Folders

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)
TUESDAY = datetime(2026, 11, 3, 2, 30, tzinfo=UTC)
QUICK = Options(slots=2, ttl=60, tick=0.02, poll=0.01, chores=3600)


class Told:
    """Signals that a test can wait for."""

    def __init__(self):
        self.events = []
        self._changed = threading.Condition()

    def _tell(self, *event):
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def run_started(self, name):
        self._tell("started", name)

    def run_finished(self, name, state, totals, seconds):
        self._tell("finished", name, state, totals)

    def run_stopped(self, name, problem, *, again):
        self._tell("stopped", name, problem.code, again)

    def worker_lost(self, worker):
        self._tell("lost", worker)

    def trouble(self, problem):
        self._tell("trouble", str(problem))

    def tick(self):
        self._tell("tick")

    def of(self, kind):
        return [event for event in self.events if event[0] == kind]

    def wait(self, kind, count=1):
        """Wait until so many events of a kind have come."""
        with self._changed:
            enough = self._changed.wait_for(
                lambda: len(self.of(kind)) >= count, timeout=50
            )
        assert enough, self.events
        return self.of(kind)


class Clock:
    """The moment that the service takes for now."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def told():
    return Told()


@pytest.fixture
def clock():
    return Clock(MONDAY)


@pytest.fixture
def serve(etg24, state_url, told, clock):
    """Run a worker in this process."""

    @contextmanager
    def serve_(**changes):
        options = Options(**{**vars(QUICK), **changes})
        folders = Folders(etg24.root)
        with Worker(state_url, folders, told, options, clock) as worker:
            yield worker

    return serve_


@pytest.fixture
def registry(etg24, state_url):
    with State(state_url) as state:
        yield Registry(state, Folders(etg24.root))


def jobs(registry):
    with registry.state.engine.connect() as db:
        return db.execute(sa.select(job_table)).all()


def next_run(registry):
    [row] = registry.overview()
    return row["next_run"]


class TestRuns:
    def test_it_runs_at_its_slot_and_not_before(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY - timedelta(seconds=1)
        with serve() as worker:
            worker.tick()
            assert not jobs(registry)[0].workflow
            clock.now = TUESDAY
            [(_, name, state, totals)] = told.wait("finished")
        assert (name, state) == (etg24.name, "done")
        assert totals["create"] == etg24.writes > 0
        assert told.of("started") == [("started", etg24.name)]
        assert next_run(registry) == "2026-11-05T03:30:00+01:00"
        assert jobs(registry)[0].workflow == f"{etg24.name}@2026-11-03#1"

    def test_missed_slots_are_caught_up_by_one_run(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        clock.now = MONDAY + timedelta(days=30)
        with serve() as worker:
            told.wait("finished")
            for _ in range(3):
                worker.tick()
        assert len(told.of("finished")) == 1
        assert next_run(registry) == "2026-12-03T03:30:00+01:00"

    def test_a_paused_one_waits_until_it_is_resumed(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        registry.pause(etg24.name, MONDAY)
        clock.now = TUESDAY
        with serve() as worker:
            worker.tick()
            assert jobs(registry)[0].state == "idle"
            registry.resume(etg24.name)
            told.wait("finished")

    def test_who_asks_for_a_run_gets_one_beside_the_slots(
        self, etg24, registry, serve, told
    ):
        registry.add([etg24.path], MONDAY)
        with serve():
            registry.run_now(etg24.name, MONDAY)
            told.wait("finished")
        assert next_run(registry) == "2026-11-03T03:30:00+01:00"

    def test_who_asks_in_mid_run_gets_another_one_after_it(
        self, etg24, registry, serve, told
    ):
        registry.add([etg24.path], MONDAY)
        etg24.simulator.faults(latency_seconds=0.02)
        with serve():
            registry.run_now(etg24.name, MONDAY)
            told.wait("started")
            registry.run_now(etg24.name, MONDAY)
            registry.run_now(etg24.name, MONDAY)
            told.wait("finished", 2)
        etg24.simulator.faults(latency_seconds=0)
        assert len(told.of("finished")) == 2

    def test_changed_records_are_sent_at_the_next_slot(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        with serve():
            told.wait("finished")
            etg24.set("verwaltungseinheit", {"we_nr": "9001"}, wohnflaeche="70,50")
            clock.now = TUESDAY + timedelta(days=2)
            finished = told.wait("finished", 2)
        assert finished[1][3]["update"] > 0
        assert finished[1][3]["create"] == 0


class TestStops:
    def test_a_partner_that_is_down_is_tried_again_after_5_10_20_minutes(
        self, etg24, registry, serve, told, clock
    ):
        etg24.in_a_hurry()
        etg24.change(base_url="http://127.0.0.1:1/v1")  # where nobody listens
        registry.folders = Folders(etg24.root)
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        with serve() as worker:
            for number, minutes in enumerate((5, 10, 20, 40, 60, 60), 1):
                told.wait("stopped", number)
                worker._active.wait()
                [row] = jobs(registry)
                due = datetime.fromtimestamp(row.due_at, UTC)
                assert due - clock.now == timedelta(minutes=minutes)
                assert (row.attempts, row.problem) == (number, "D102")
                clock.now = due
            told.wait("stopped", 7)
            worker._active.wait()
            etg24.change(base_url=etg24.simulator.base_url)
            registry.add([etg24.path], clock.now)
            clock.now = datetime.fromtimestamp(jobs(registry)[0].due_at, UTC)
            told.wait("finished")
        assert all(event[3] for event in told.of("stopped"))
        [row] = jobs(registry)
        assert (row.attempts, row.problem, row.kills) == (0, "", 0)
        assert next_run(registry) == "2026-11-05T03:30:00+01:00"

    def test_a_wait_ends_at_the_next_slot(self, registry, etg24):
        registry.add([etg24.path], MONDAY)
        [known] = registry.all()
        job = dispatcher.Job(1, "x", "2026-11-03", "w", 20, 0, known.timetable)
        soon = datetime(2026, 11, 5, 2, 10, tzinfo=UTC)
        due, _ = dispatcher.due_again(job, dispatcher.Ended("D102", again=True), soon)
        assert due == datetime(2026, 11, 5, 2, 30, tzinfo=UTC)

    def test_refused_credentials_wait_for_a_person_until_the_next_slot(
        self, etg24, registry, serve, told, clock, monkeypatch
    ):
        monkeypatch.setenv("ETG24_TOKEN", "wrong")
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        with serve():
            assert told.wait("stopped") == [("stopped", etg24.name, "D101", False)]
        assert next_run(registry) == "2026-11-05T03:30:00+01:00"

    def test_a_spec_that_does_not_fit_any_more_stops_its_runs_only(
        self, etg24, registry, serve, told, clock
    ):
        registry.folders = Folders(etg24.own_root())
        registry.add([etg24.path], MONDAY)
        table = registry.folders.mappings("etg24") / "stammdaten" / "objekte.csv"
        table.write_text(table.read_text("utf-8").replace("partner_field", "feld"))
        clock.now = TUESDAY
        with serve():
            [(_, _, code, again)] = told.wait("stopped")
        assert code.startswith("T")
        assert again is False

    def test_a_run_by_hand_at_the_same_time_is_waited_for(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        own = registry.state.activation(etg24.name)
        with own.exclusive(), serve():
            assert told.wait("stopped") == [("stopped", etg24.name, "D301", True)]
        assert etg24.writes == 0

    def test_production_without_approval_is_refused(
        self, etg24, registry, serve, told, clock
    ):
        etg24.change(environment="production", base_url="https://127.0.0.1:9")
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        with serve():
            [(_, _, code, again)] = told.wait("stopped")
        assert (code, again) == ("D320", False)
        assert etg24.writes == 0

    def test_an_error_of_ours_ends_one_run_and_says_no_text_of_it(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        with serve():
            with registry.state.engine.begin() as db:
                db.execute(sa.update(registration_table).values(definition=["broken"]))
            clock.now = TUESDAY
            [(_, _, code, again)] = told.wait("stopped")
        assert (code, again) == ("D325", False)


class TestStoppingTheService:
    def test_the_run_under_way_stops_and_the_next_start_goes_on(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        etg24.simulator.faults(latency_seconds=0.05)
        clock.now = TUESDAY
        with serve():
            told.wait("started")
        etg24.simulator.faults(latency_seconds=0)
        assert not told.of("finished")
        [row] = jobs(registry)
        assert (row.state, row.kills, row.attempts) == ("idle", 0, 0)
        with serve():
            told.wait("finished")
        with registry.state.engine.connect() as db:
            assert db.execute(sa.select(worker_table)).all() == []

    @pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)
    def test_on_sqlite_there_is_one_service(self, serve):
        with serve(), pytest.raises(SpecError, match="D327"), serve():
            pass


class TestThreads:
    def test_a_thousand_waiting_activations_have_no_thread_each(
        self, etg24, registry, serve
    ):
        registry.add([etg24.path], MONDAY)
        copy_registration(registry, 1000)
        before = threading.active_count()
        with serve():
            assert threading.active_count() - before < 25


def copy_registration(registry, count, customer=lambda n: f"kunde{n % 10}"):
    """Register copies of the first activation, each with a name of its own."""
    engine = registry.state.engine
    [known] = registry.all()
    content = dict(known.definition)
    with engine.connect() as db:
        first = db.execute(sa.select(registration_table)).mappings().one()
        job = db.execute(sa.select(job_table)).mappings().one()
    for number in range(count):
        name = customer(number)
        own = registry.state.activation(f"{name}/etg24/stammdaten/test{number}")
        ids = {"activation_id": own.number}
        row = {**first, **ids, "customer": name}
        row["definition"] = {**content, "customer": name}
        with engine.begin() as db:
            db.execute(sa.insert(registration_table).values(row))
            db.execute(sa.insert(job_table).values({**job, **ids}))


class TestOrder:
    @pytest.fixture
    def due(self, etg24, registry):
        """Make activations of customers due; returns what dispatches them."""
        registry.add([etg24.path], MONDAY)
        engine = registry.state.engine

        def make(customers):
            copy_registration(registry, len(customers), customers.__getitem__)
            registry.remove(etg24.name, yes=True)
            with engine.begin() as db:
                ids = db.scalars(
                    sa.select(job_table.c.activation_id).order_by(
                        job_table.c.activation_id
                    )
                ).all()
                for place, number in enumerate(ids):
                    due = TUESDAY.timestamp() - 1000 + place
                    change = sa.update(job_table).values(due_at=due)
                    db.execute(change.where(job_table.c.activation_id == number))

        def dispatch(slots):
            done = dispatcher.dispatch(engine, TUESDAY, slots, lambda *_: None)
            return [name.partition("/")[0] for name in done]

        return make, dispatch

    def test_the_customer_with_the_fewest_runs_is_first_then_the_oldest(self, due):
        make, dispatch = due
        make(["a", "a", "a", "a", "b", "c", "b"])
        assert dispatch(1) == ["a"]
        assert dispatch(4) == ["b", "c", "a"]
        assert dispatch(4) == []
        assert dispatch(7) == ["b", "a", "a"]

    def test_no_more_are_handed_out_than_there_are_slots(self, due):
        make, dispatch = due
        make(["a"] * 10)
        assert len(dispatch(3)) == 3
        assert dispatch(3) == []

    def test_nothing_is_due_that_is_paused(self, due, registry):
        make, dispatch = due
        make(["a", "b"])
        registry.pause("a/etg24/stammdaten/test0", MONDAY)
        assert dispatch(9) == ["b"]

    def test_of_those_that_saw_two_workers_die_one_runs_at_a_time(self, due, registry):
        make, dispatch = due
        make(["a", "b", "c", "d"])
        with registry.state.engine.begin() as db:
            suspects = job_table.c.activation_id.in_(
                sa.select(registration_table.c.activation_id).where(
                    registration_table.c.customer.in_(["a", "b", "c"])
                )
            )
            db.execute(sa.update(job_table).where(suspects).values(kills=2))
        assert dispatch(9) == ["a", "d"]
        assert dispatch(9) == []

    def test_two_dispatchers_hand_nothing_out_twice(self, due, registry):
        make, dispatch = due
        make(["a"] * 40)
        found, lock = [], threading.Lock()

        def work():
            for _ in range(10):
                names = dispatch(40)
                with lock:
                    found.extend(names)

        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 40

    @pytest.mark.parametrize("state_url", ["sqlite"], indirect=True)
    def test_the_query_for_what_is_due_uses_the_index(self, due, registry):
        make, _ = due
        make(["a"] * 3)
        engine = registry.state.engine
        query = sa.select(job_table.c.activation_id).where(dispatcher._due(TUESDAY))
        text = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
        with engine.connect() as db:
            plan = db.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all()
        assert "job_due" in str(plan)


class TestLostWorkers:
    def test_only_a_number_that_stands_still_is_a_lost_worker(self, registry):
        engine = registry.state.engine
        mine, other = Beats(engine, "mine", 1), Beats(engine, "other", 3)
        mine.beat()
        other.beat()
        assert mine.silent(ttl=0) == [("other", 0)]
        other.beat()
        assert mine.silent(ttl=1000) == []
        assert mine.slots() == 4
        other.end()
        assert mine.silent(ttl=0) == []

    def test_a_worker_that_died_three_times_of_a_run_is_the_last(self, etg24, registry):
        registry.add([etg24.path], MONDAY)
        engine, resumed = registry.state.engine, []

        def resume(_, wanted):
            resumed.append(sorted(wanted))
            return wanted

        for number in range(3):
            worker = f"worker{number}"
            Beats(engine, worker, 1).beat()
            dispatcher.dispatch(engine, TUESDAY, 9, lambda *_: None)
            [row] = jobs(registry)
            job = dispatcher.claim(engine, etg24.name, row.workflow, worker)
            assert job.kills == number
            found = dispatcher.take_over(engine, worker, 0, resume, TUESDAY)
            assert found == [(etg24.name, number == 2)]
        assert [len(wanted) for wanted in resumed] == [1, 0, 0]
        [row] = jobs(registry)
        assert (row.state, row.problem) == ("idle", "D324")
        assert next_run(registry) == "2026-11-05T03:30:00+01:00"

    def test_a_worker_is_given_up_once(self, registry):
        engine = registry.state.engine
        Beats(engine, "gone", 1).beat()
        give_up = (engine, "gone", 0, lambda *_: (), TUESDAY)
        assert dispatcher.take_over(*give_up) == []
        assert dispatcher.take_over(*give_up) is None

    def test_a_worker_that_shows_life_again_is_not_given_up(self, registry):
        engine = registry.state.engine
        beats = Beats(engine, "slow", 1)
        beats.beat()
        beats.beat()
        found = dispatcher.take_over(engine, "slow", 0, lambda *_: (), TUESDAY)
        assert found is None

    def test_a_run_that_its_worker_lost_is_dispatched_anew(
        self, etg24, registry, serve, told, clock
    ):
        registry.add([etg24.path], MONDAY)
        clock.now = TUESDAY
        lost = {"state": "queued", "workflow": "lost#1"}
        with registry.state.engine.begin() as db:
            db.execute(sa.update(job_table).values(lost))
        with serve(chores=0.05):
            told.wait("finished")

    def test_the_time_of_a_frozen_worker_is_less_than_that_of_a_takeover(self):
        assert LEASE_SECONDS < Options().ttl <= 30


def test_the_definition_that_is_kept_is_that_of_the_file(etg24, registry):
    registry.add([etg24.path], MONDAY)
    [known] = registry.all()
    assert known.definition == yaml.safe_load(etg24.path.read_text("utf-8"))
