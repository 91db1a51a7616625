"""What happens is logged, counted and told; nothing that goes wrong there raises."""

import json
import logging
import threading
import time
from datetime import UTC, datetime
from io import StringIO
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from engine.problems import Origin, Problem
from engine.runtime.links import Link, Reject
from engine.runtime.state import State
from engine.service.alerts import Alerts
from engine.service.channels import NotSentError
from engine.service.logs import open_log
from engine.service.metrics import Metrics
from engine.service.tables import job_table, worker_table
from engine.service.watching import Watching

NAME = "muster/etg24/stammdaten/test"
DOWN = Problem(Origin("x"), "D102", "Xaverine Quastenhuber is not there")


class Channel:
    name = "ops"
    levels = ("warning", "critical", "recovered")

    def __init__(self):
        self.got = []
        self.wait = threading.Event()
        self.wait.set()
        self.refuses = False

    def send(self, notice, now):
        self.wait.wait(10)
        if self.refuses:
            raise NotSentError("down")
        self.got.append((notice.subject, notice.level, notice.code))


class Desk:
    def __init__(self, state):
        self.state, self.own = state, state.activation(NAME)
        self.log, self.channel = StringIO(), Channel()
        self.now = 1.8e9
        self.purges = []
        self.metrics = Metrics(state.engine)
        alerts = Alerts(state.engine, [self.channel], lambda: self.now, lambda *_: None)
        self.signals = Watching(
            state.engine,
            open_log(self.log, as_json=True),
            self.metrics,
            alerts,
            self.purge,
            lambda: self.now,
        )

    def purge(self):
        self.purges.append(self.now)
        return {"runs": 1}

    def lines(self, event):
        lines = map(json.loads, self.log.getvalue().splitlines())
        return [line for line in lines if line["event"] == event]

    def figures(self):
        text = self.metrics.text().decode()
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def sync(self, state="done", rejects=()):
        with self.own.exclusive():
            run = self.own.start_run("1.0.0")
            run.plan("mieter", [("1", "create"), ("2", "update")])
            states = {"1": "done", "2": "rejected"}
            run.settle("mieter", [Link("1", "M1", None, "d")], states)
            run.finish(state, {"create": 1}, rejects)
        return run.number

    def settle(self):
        """Wait until all alerts were sent."""
        self.signals.__exit__(None, None, None)


@pytest.fixture
def desk(state):
    desk = Desk(state)
    yield desk
    desk.channel.wait.set()
    desk.settle()


def test_a_run_is_logged_with_its_number_and_its_keys(desk):
    desk.signals.run_started(NAME)
    rejects = [Reject("mieter", "2", "D201", "Quastenhuber is no name", "a.csv:7")]
    number = desk.sync(rejects=rejects)
    totals = {"create": 1, "update": 0, "rejected": 1}
    desk.signals.run_finished(NAME, "done", totals, 12.34)
    (line,) = desk.lines("run_finished")
    assert {name: line[name] for name in ("activation", "run", "state", "counts")} == {
        "activation": NAME,
        "run": number,
        "state": "done",
        "counts": {"create": 1, "rejected": 1},
    }
    (line,) = desk.lines("record_rejected")
    assert line["run"] == number
    assert (line["entity"], line["key"], line["code"]) == ("mieter", "2", "D201")
    assert "Quastenhuber" not in desk.log.getvalue()


def test_a_reject_that_stays_is_logged_once(desk):
    for _ in range(2):
        desk.signals.run_started(NAME)
        desk.sync(rejects=[Reject("mieter", "2", "D201", "x")])
        desk.signals.run_finished(NAME, "done", {"rejected": 1}, 1.0)
    assert len(desk.lines("record_rejected")) == 1


def test_a_stop_before_a_run_counts_no_changes_again(desk):
    desk.signals.run_started(NAME)
    desk.sync()
    desk.signals.run_finished(NAME, "done", {}, 1.0)
    before = desk.figures()
    desk.signals.run_started(NAME)
    desk.signals.run_stopped(NAME, DOWN, again=True)
    after = desk.figures()
    key = ("feldwerk_changes_total", "create", "done", "etg24", "mieter", NAME)
    assert before[key] == after[key] == 1
    assert desk.lines("run_stopped")[0].get("run") is None


def test_runs_and_changes_are_counted(desk):
    desk.signals.run_started(NAME)
    desk.sync(rejects=[Reject("mieter", "2", "D201", "x")])
    desk.signals.run_finished(NAME, "done", {"rejected": 1}, 12.0)
    desk.signals.run_stopped(NAME, DOWN, again=True)
    desk.signals.worker_lost("host-1")
    found = desk.figures()
    assert found["feldwerk_runs_total", "done", "etg24", NAME] == 1
    assert found["feldwerk_runs_total", "etg24", NAME, "stopped"] == 1
    changes = "feldwerk_changes_total"
    assert found[changes, "create", "done", "etg24", "mieter", NAME] == 1
    assert found[changes, "etg24", "mieter", NAME, "rejected", "update"] == 1
    assert found["feldwerk_run_seconds_sum", "etg24"] == 12.0
    assert found["feldwerk_workers_lost_total",] == 1
    assert found["feldwerk_rejects_open", "etg24", "mieter", NAME] == 1
    age = time.time() - found["feldwerk_last_success_timestamp_seconds", "etg24", NAME]
    assert 0 <= age < 600
    desk.settle()
    assert desk.figures()["feldwerk_alert_level", "etg24", NAME] == 1


def test_figures_of_all_processes_come_from_the_database(desk):
    other = Desk(desk.state)
    desk.signals.run_started(NAME)
    desk.sync(rejects=[Reject("mieter", "2", "D201", "x")])
    with desk.state.engine.begin() as db:
        worker = {"id": "w", "host": "h", "slots": 1, "started_at": 0, "beat": 1}
        db.execute(sa.insert(worker_table).values({**worker, "beat_at": time.time()}))
        job = {
            "activation_id": desk.own.number,
            "state": "idle",
            "due_at": 1.0,
            "slot": "",
            "attempts": 0,
            "kills": 0,
            "wanted": False,
            "serial": 0,
            "workflow": "",
            "worker": "",
            "problem": "",
        }
        db.execute(sa.insert(job_table).values(job))
    desk.state.account("muster/etg24/test").close(90)
    found = other.figures()
    assert found["feldwerk_database_up",] == 1
    assert found["feldwerk_rejects_open", "etg24", "mieter", NAME] == 1
    assert found["feldwerk_queue_length", "due"] == 1
    assert found["feldwerk_queue_length", "running"] == 0
    assert found["feldwerk_workers",] == 1
    assert abs(found["feldwerk_worker_heartbeat_age_seconds", "oldest"]) < 600
    assert 80 < found["feldwerk_budget_wait_seconds", "etg24"] <= 90
    other.settle()


@pytest.mark.parametrize(
    ("ended", "totals", "told"),
    [
        ("done", {"create": 3}, None),
        ("done", {"rejected": 3}, (NAME, "warning", "D343")),
        ("braked", {}, (NAME, "critical", "D342")),
    ],
)
def test_how_a_run_ended_decides_the_level(desk, ended, totals, told):
    desk.signals.run_finished(NAME, ended, totals, 1.0)
    desk.settle()
    assert desk.channel.got == ([told] if told else [])


@pytest.mark.parametrize(("again", "level"), [(True, "warning"), (False, "critical")])
def test_a_stop_that_needs_a_person_is_critical(desk, again, level):
    desk.signals.run_stopped(NAME, DOWN, again=again)
    desk.signals.run_stopped(NAME, DOWN, again=again)
    desk.signals.run_finished(NAME, "done", {}, 1.0)
    desk.settle()
    assert desk.channel.got in (
        [(NAME, level, "D102"), (NAME, "recovered", "")],
        [],  # it was well again before anybody could be told
    )


def test_a_target_that_hangs_holds_nobody_up(desk):
    desk.channel.wait.clear()
    began = time.monotonic()
    for number in range(50):
        desk.signals.run_stopped(f"a{number}/p/u/test", DOWN, again=False)
    assert time.monotonic() - began < 5
    desk.channel.wait.set()
    desk.settle()
    assert len(set(desk.channel.got)) == len(desk.channel.got) == 50


def test_a_dead_worker_is_told_of_once(desk):
    desk.signals.worker_lost("host-1")
    desk.signals.worker_lost("host-1")
    desk.settle()
    assert desk.channel.got == [("worker host-1", "warning", "D344")]


def test_old_things_are_removed_once_a_day(desk):
    for hours in (0, 1, 23, 1, 24):
        desk.now += hours * 3600
        desk.signals.tick()
    assert len(desk.purges) == 3
    assert desk.lines("purged")[0]["counts"] == {"runs": 1}


def test_without_the_database_everything_goes_on_and_is_told(tmp_path):
    with State(f"sqlite:///{tmp_path / 'a.db'}") as state:
        desk = Desk(state)
        state.engine.dispose()
        for path in tmp_path.glob("a.db*"):
            path.unlink()
        desk.signals.run_started(NAME)
        desk.signals.run_finished(NAME, "done", {}, 1.0)
        desk.signals.run_stopped(NAME, DOWN, again=False)
        desk.signals.trouble(Problem(Origin("state"), "D302", "s3cret"))
        desk.signals.trouble(Problem(Origin("state"), "D302", "s3cret"))
        desk.signals.worker_lost("w")
        desk.signals.tick()
        desk.settle()
        assert desk.channel.got == [("service", "critical", "D302")]
        assert desk.lines("signal_failed")
        assert desk.figures() == {
            **desk.figures(),
            ("feldwerk_database_up",): 0,
        }
        assert "s3cret" not in desk.log.getvalue()


def test_the_service_is_well_again_when_the_database_answers(desk):
    desk.signals.trouble(DOWN)
    deadline = time.monotonic() + 10
    while not desk.channel.got and time.monotonic() < deadline:
        threading.Event().wait(0.005)
    desk.signals.tick()
    desk.settle()
    assert [level for _, level, _ in desk.channel.got] == ["critical", "recovered"]


# -- the log


@pytest.fixture
def log():
    """What opens a log, and what is written to it."""
    stream = StringIO()
    return SimpleNamespace(stream=stream, open=lambda **how: open_log(stream, **how))


def test_a_line_has_known_fields_alone(log):
    opened = log.open(as_json=True)
    opened.info("x", run=1, message="Quastenhuber", key="1\n2", why="y" * 999)
    line = json.loads(log.stream.getvalue())
    assert list(line) == ["event", "level", "time", "run", "key", "why"]
    assert datetime.fromisoformat(line["time"]).tzinfo == UTC
    assert line["key"] == "1 2"
    assert len(line["why"]) == 300


@pytest.mark.parametrize("name", ["dbos", "uvicorn.error", "httpx", "sqlalchemy"])
def test_of_what_libraries_log_the_place_is_told_alone(log, name):
    log.open(as_json=True)
    logger = logging.getLogger(name)
    logger.info("Quastenhuber")
    logger.warning("Quastenhuber %s", "s3cret")
    try:
        raise ValueError("s3cret")  # noqa: TRY301
    except ValueError:
        logger.exception("s3cret")
    lines = [json.loads(line) for line in log.stream.getvalue().splitlines()]
    assert [(line["level"], line.get("error")) for line in lines] == [
        ("warning", None),
        ("error", "ValueError"),
    ]
    assert {line["logger"] for line in lines} == {name}
    assert lines[0]["place"].startswith("test_watching:")
    assert "s3cret" not in log.stream.getvalue()
    assert "Quastenhuber" not in log.stream.getvalue()


def test_a_person_gets_text(log):
    log.open(as_json=False).info("run_started", activation=NAME, secret="s3cret")
    text = log.stream.getvalue()
    assert "run_started" in text
    assert NAME in text
    assert "s3cret" not in text
