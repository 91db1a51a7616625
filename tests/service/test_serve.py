"""`feldwerk serve` and `feldwerk worker` as people run them: processes and signals."""

import json
import os
import signal
import subprocess
import sys
import threading

import httpx
import pytest

from engine.runtime.library import INSTALLED
from engine.runtime.state import State

TOKEN = "a-token-of-this-test-only-0123456789"
NEVER = threading.Event()


class Served:
    """A `feldwerk serve` for the activation of a desk, on SQLite."""

    def __init__(self, desk, command):
        self.desk = desk
        self.command = command
        self.database = desk.folder / "service.db"
        self.processes = []

    def start(self, word="serve", *words):
        """Start it, and return what it says of itself."""
        code = "from engine.app.cli import main; main()"
        words = (*words, *["--port", "0"] * (word == "serve"))
        words = (word, *words, "--json", "--database", self.database)
        environment = {"FELDWERK_TOKEN": TOKEN, "PYTHONPATH": str(INSTALLED)}
        with (self.desk.folder / "log.txt").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *words, "--root", self.desk.root],
                cwd=self.desk.folder,
                env={**os.environ, **environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        lines = []
        while not lines or lines[-1] != "}\n":
            lines.append(process.stdout.readline())
            assert lines[-1], (self.desk.folder / "log.txt").read_text()
        return json.loads("".join(lines))

    def until(self, condition):
        for _ in range(6000):
            if condition():
                return
            NEVER.wait(0.01)
        pytest.fail((self.desk.folder / "log.txt").read_text())

    def last_run(self):
        url = str(self.database)
        with State(url if "://" in url else f"sqlite:///{url}") as state:
            return state.activation(self.desk.name).last_run()

    def is_done(self):
        run = self.last_run()
        return run is not None and run["state"] == "done"

    def add(self):
        done = self.command(
            "activation", "add", self.desk.path, "--database", self.database
        )
        assert done.code == 0

    def run_now(self):
        words = ("activation", "run", self.desk.name, "--database", self.database)
        assert self.command(*words).code == 0

    def end(self, number=signal.SIGTERM):
        """End the last one; returns its exit code."""
        process = self.processes[-1]
        process.send_signal(number)
        code = process.wait(30)
        process.stdout.close()
        return code


@pytest.fixture
def desk(facilioo):
    """An activation of a partner that gives its own ids."""
    facilioo.in_a_hurry()
    return facilioo


@pytest.fixture
def served(desk, command):
    found = Served(desk, command)
    yield found
    desk.simulator.faults(latency_seconds=0)
    for process in found.processes:
        if process.poll() is None:
            process.kill()
            process.wait()
        process.stdout.close()


def test_a_run_that_is_ordered_over_http_is_done_and_shown(desk, served):
    served.add()
    port = served.start()["port"]
    url = f"http://127.0.0.1:{port}"
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    assert httpx.get(f"{url}/health").json()["status"] == "ok"
    assert httpx.get(f"{url}/status").status_code == 401
    order = f"{url}/activations/{desk.name}/run"
    assert httpx.post(order, headers=bearer).status_code in (200, 202)
    served.until(served.is_done)
    words = ("status", "--database", served.database)
    served.until(
        lambda: (
            served.command(*words, "--json").json()["activations"][0]["service"][
                "state"
            ]
            == "idle"
        )
    )
    [found] = served.command(*words, "--json").json()["activations"]
    assert found["last_run"]["state"] == "done"
    assert found["service"]["next_run"][11:16] == "03:30"
    assert "next run" in served.command(*words).out
    assert served.end() == 0


def test_a_service_that_was_killed_goes_on_at_its_next_start(desk, served):
    desk.change(state="undisturbed.db")
    desk.sync()
    wanted = desk.picture()
    desk.simulator.reset()
    served.add()
    served.start()
    desk.simulator.faults(latency_seconds=0.1)
    served.run_now()
    served.until(lambda: desk.simulator.calls.total() >= 6)
    assert served.end(signal.SIGKILL) == -signal.SIGKILL
    desk.simulator.faults(latency_seconds=0)
    assert served.last_run()["state"] == "running"
    served.start()
    served.until(served.is_done)
    assert desk.picture() == wanted
    assert served.end() == 0


def test_a_service_that_is_asked_to_end_stops_its_run_and_goes_on_later(desk, served):
    served.add()
    served.start()
    desk.simulator.faults(latency_seconds=0.1)
    served.run_now()
    served.until(lambda: desk.simulator.calls.total() >= 4)
    assert served.end() == 0
    desk.simulator.faults(latency_seconds=0)
    assert served.last_run()["state"] == "stopped"
    served.start()
    served.until(served.is_done)
    assert served.end() == 0


def test_a_worker_on_postgresql_runs_what_is_due_and_ends_when_asked(
    desk, served, new_database
):
    served.database = new_database()
    served.add()
    served.run_now()
    told = served.start("worker", "--slots", "2")
    assert told["slots"] == 2
    served.until(served.is_done)
    assert served.end() == 0


class TestRefusals:
    def test_without_a_token_it_does_not_start(self, etg24, command, monkeypatch):
        monkeypatch.delenv("FELDWERK_TOKEN", raising=False)
        done = command("serve", "--database", etg24.folder / "s.db", "--json")
        assert done.code == 2
        assert {problem["code"] for problem in done.json()["problems"]} == {"D340"}

    def test_a_worker_on_sqlite_is_refused(self, etg24, command):
        path = etg24.folder / "s.db"
        path.touch()
        done = command("worker", "--database", path, "--json")
        assert done.code == 2
        assert done.json()["problems"][0]["code"] == "D327"

    def test_a_worker_for_no_database_is_refused(self, etg24, command):
        done = command("worker", "--database", etg24.folder / "none.db", "--json")
        assert done.json()["problems"][0]["code"] == "T307"

    def test_a_database_that_does_not_answer_is_exit_code_4(self, command):
        url = "postgresql://nobody@127.0.0.1:1/nowhere"
        done = command("worker", "--database", url, "--json")
        assert done.code == 4
        assert done.json()["problems"][0]["code"] == "D302"
