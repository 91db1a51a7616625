"""Measure the service: many activations due at one minute in, rows of figures out.

Real activations of a small source against one simulated partner in another process, a
service on SQLite in this one.
"""

import os
import resource
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from engine.problems import Problem
from engine.runtime.library import INSTALLED
from engine.runtime.state import State
from engine.service.dispatcher import now_utc
from engine.service.registry import Registry
from engine.service.signals import Silent
from engine.service.tables import job_table
from engine.service.worker import Options, Worker
from engine.spec import Folders
from tools.bench_delivery import served_partner
from tools.portfolio import write

PARTNER = "etg24"
TOKEN = "BENCH_SERVICE_TOKEN"  # noqa: S105 - the name of a variable
ACTIVATIONS, SLOTS = 1_000, 4


class Watched(Silent):
    """Counts runs and threads, and how far from their order the runs began."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.started = 0
        self.apart = 0
        self.threads = 0
        self.changes = 0
        self.stopped: Counter[str] = Counter()
        self.done = threading.Event()
        self._ended = 0
        self._lock = threading.Lock()

    def run_started(self, name: str) -> None:
        """Note whose turn it is, and whose turn it should be."""
        place = int(name.partition("/")[0].removeprefix("kunde"))
        with self._lock:
            self.apart = max(self.apart, abs(self.started - place))
            self.started += 1
            self.threads = max(self.threads, threading.active_count())

    def run_finished(
        self, name: str, state: str, totals: Mapping[str, int], seconds: float
    ) -> None:
        """Count a run and what it has sent."""
        del name, state, seconds
        self._end(totals["create"] + totals["update"])

    def run_stopped(self, name: str, problem: Problem, *, again: bool) -> None:
        """Count a run that was stopped."""
        del name, again
        self.stopped[problem.code] += 1
        self._end(0)

    def _end(self, changes: int) -> None:
        with self._lock:
            self.changes += changes
            self._ended += 1
            if self._ended == self.count:
                self.done.set()


def bench_service(_: int) -> Iterator[tuple[str, str]]:
    """Drain a thousand activations that are due at one minute."""
    yield from drain(ACTIVATIONS)


def drain(count: int) -> Iterator[tuple[str, str]]:
    """Drain activations that are due at one minute, new and then unchanged."""
    with tempfile.TemporaryDirectory() as name, served_partner(PARTNER) as partner:
        folder = Path(name)
        write(folder / "erp", 1, 1, traps=False)
        os.environ[TOKEN] = partner["credentials"]["api_token"]
        url = f"sqlite:///{folder / 'feldwerk.db'}"
        began = time.perf_counter()
        _register(folder, url, partner, count)
        seconds = time.perf_counter() - began
        yield f"{count:,} activations registered", f"{seconds:.1f} s"
        for what in ("all new", "unchanged"):
            found, seconds = _drained(url, count)
            if found.stopped:
                raise SystemExit(f"bench: runs were stopped: {found.stopped}")
            rate = f"{seconds:.1f} s, {count / seconds:.1f} runs a second"
            yield f"{count:,} due at one minute, {what}", rate
            sent = f"{found.changes:,} changes, {found.threads} threads"
            yield f"  sent, most threads with {SLOTS} slots", sent
            yield "  from their order", f"{found.apart} places at most"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        yield "  peak memory of the service", f"{peak} MB"


def _drained(url: str, count: int) -> tuple[Watched, float]:
    watched = Watched(count)
    with Worker(
        url, Folders(INSTALLED), watched, Options(slots=SLOTS, poll=0.02)
    ) as worker:
        with worker.engine.begin() as db:
            db.execute(sa.update(job_table).values(due_at=now_utc().timestamp()))
        began = time.perf_counter()
        watched.done.wait()
        return watched, time.perf_counter() - began


def _register(folder: Path, url: str, partner: Mapping[str, Any], count: int) -> None:
    paths = []
    for number in range(count):
        content = {
            "customer": f"kunde{number:04}",
            "partner": PARTNER,
            "use_case": "stammdaten",
            "environment": "test",
            "base_url": partner["base_url"],
            "source": {"kind": "files", "path": "erp"},
            "settings": partner["settings"] or None,
            "credentials": {"api_token": f"env:{TOKEN}"},
        }
        path = folder / f"{number}.yaml"
        known = {key: value for key, value in content.items() if value is not None}
        path.write_text(yaml.safe_dump(known), "utf-8")
        paths.append(path)
    with State(url) as state:
        Registry(state, Folders(INSTALLED)).add(paths, now_utc())


if __name__ == "__main__":
    for row in drain(int(sys.argv[1]) if len(sys.argv) > 1 else ACTIVATIONS):
        print(*row, sep="\t", flush=True)
