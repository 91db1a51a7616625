"""A worker: due activations in, runs out, for as long as the process lives.

Three kinds of threads: the queue's, which run activations; the keeper, which shows a
sign of life, takes over from those that show none, and dispatches; and one for chores.
"""

import os
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from time import monotonic
from typing import Any, Self

import sqlalchemy as sa
from filelock import FileLock, Timeout

from engine.errors import (
    BudgetError,
    FencedError,
    SpecError,
    StopError,
    UnreachableError,
)
from engine.problems import CATALOGUE, Origin, Problem
from engine.runtime.database import unreachable
from engine.runtime.run import synced
from engine.runtime.state import State
from engine.service import dispatcher
from engine.service.beats import Beats
from engine.service.dispatcher import Ended, Job, now_utc
from engine.service.durable import Queue
from engine.service.golive import require_approval
from engine.service.registry import Registry
from engine.service.signals import Signals, Silent
from engine.service.tables import QUEUED, RUNNING
from engine.spec import Folders

_KEPT = timedelta(days=1)
"""So long the queue knows a workflow that has ended; the runs are in the state."""

_AGAIN = ("D301",)
"""Codes of stops that pass by themselves, beside partners that cannot be reached."""


class StoppingError(StopError):
    """The service is being stopped; its next start goes on with the run."""

    exit_code = 4


@dataclass(frozen=True)
class Options:
    """
    How a worker works, in seconds.

    A worker without a sign of life for `ttl` is taken over. That must be longer than
    the lease of a run, after which a frozen process asks whether it still may send.
    """

    slots: int = 4
    ttl: float = 30.0
    tick: float = 1.0
    poll: float = 0.2
    chores: float = 60.0


@dataclass
class _Watch:
    """Ends a run where it may be ended: before its next call."""

    stopping: threading.Event
    name: str

    def stage(self, name: str, total: int | None = None) -> None:
        self._check(name, total)

    def advance(self, count: int) -> None:
        self._check(count)

    def go_on(self) -> None:
        self._check()

    def _check(self, *_: Any) -> None:
        if self.stopping.is_set():
            raise StoppingError(
                [_problem(self.name, "D326", "the run is interrupted.")]
            )


@dataclass
class _Active:
    """The workflows that this process runs."""

    ids: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)

    @contextmanager
    def holding(self, workflow: str) -> Iterator[None]:
        with self.changed:
            self.ids.add(workflow)
        try:
            yield
        finally:
            with self.changed:
                self.ids.discard(workflow)
                self.changed.notify_all()

    def wait(self) -> None:
        """Wait until nothing runs any more."""
        with self.changed:
            self.changed.wait_for(lambda: not self.ids)


class Worker:
    """
    One process of the service. Use as a context manager: inside of it, it works.

    Raises UnreachableError without a database, SpecError if another service has the
    same SQLite file.
    """

    def __init__(
        self,
        url: str,
        folders: Folders,
        signals: Signals | None = None,
        options: Options | None = None,
        now: Callable[[], datetime] = now_utc,
    ) -> None:
        self.options = options or Options()
        self.signals = signals or Silent()
        self.now = now
        self.state = State(url)
        self.engine = self.state.engine
        self.registry = Registry(self.state, folders)
        self.id = f"{socket.gethostname()}-{os.getpid()}-{token_hex(3)}"
        self._queue = Queue(
            url, self.id, self.options.slots, self.options.poll, self.run
        )
        self._beats = Beats(self.engine, self.id, self.options.slots)
        self._active = _Active()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._wake = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, name="keeper"),
            threading.Thread(target=self._do_chores, name="chores"),
        ]
        self._alone = ExitStack()

    def __enter__(self) -> Self:
        with self._alone:
            self._alone.enter_context(_service_lock(self.state))
            self.registry.refresh(self.now())
            self._queue.start()
            self._beats.beat()
            self._alone = self._alone.pop_all()
        if self.engine.dialect.name == "sqlite":
            for gone, beat in self._beats.others():  # none of them holds the lock
                self._take_over(gone, beat)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Start no run any more, and wait until those under way have stopped."""
        self._stopping.set()
        self._active.wait()
        self._ended.set()
        self._wake.set()
        for thread in self._threads:
            thread.join()
        self._queue.stop()
        self._beats.end()
        self.engine.dispose()
        self._alone.close()

    # -- the keeper

    def _keep(self) -> None:
        while not self._ended.is_set():
            self._try(self.tick)
            self._wake.wait(self.options.tick)
            self._wake.clear()

    def tick(self) -> None:
        """Show a sign of life, look for those of others, hand out what is due."""
        self._beats.beat()
        for gone, beat in self._beats.silent(self.options.ttl):
            self._take_over(gone, beat)
        if not self._stopping.is_set():
            slots = self._beats.slots()
            dispatcher.dispatch(self.engine, self.now(), slots, self._queue.enqueue)

    def _take_over(self, gone: str, beat: int) -> None:
        resume, now = self._queue.take_over, self.now()
        found = dispatcher.take_over(self.engine, gone, beat, resume, now)
        if found is None:
            return
        self.signals.worker_lost(gone)
        for name, is_stopped in found:
            if is_stopped:
                message = f"{name}: {dispatcher.MOST_KILLS} workers died of its run."
                problem = _problem(name, "D324", message)
                self.signals.run_stopped(name, problem, again=False)

    def _do_chores(self) -> None:
        while not self._ended.wait(self.options.chores):
            self._try(self._mend)
            self._try(lambda: self._queue.purge(now_utc() - _KEPT))
            self._try(self.signals.tick)

    def _mend(self) -> None:
        """Put back jobs whose workflows were lost between two databases."""
        queued = dispatcher.workflows(self.engine, QUEUED)
        mine = dispatcher.workflows(self.engine, RUNNING, self.id)
        lost: Collection[str] = {
            *(set(queued) - self._queue.unfinished(queued)),
            *(set(mine) - self._active.ids),
        }
        if lost:
            dispatcher.put_back(self.engine, lost, self.now())

    def _try(self, action: Callable[[], object]) -> None:
        """Do what is tried again soon in any case: a database may be away."""
        try:
            action()
        except sa.exc.SQLAlchemyError as error:
            self.signals.trouble(unreachable(self.state.url, error).problems[0])
        except StopError as error:
            self.signals.trouble(error.problems[0])
        except Exception as error:  # noqa: BLE001 - the thread must go on
            self.signals.trouble(_bug(self.id, error))

    # -- the runs

    def run(self, name: str, workflow: str) -> str:
        """Run an activation for the queue; returns how it ended."""
        with self._active.holding(workflow):
            job = dispatcher.claim(self.engine, name, workflow, self.id)
            if job is None:
                return "void"
            try:
                return self._run(job)
            finally:
                self._wake.set()

    def _run(self, job: Job) -> str:
        began = monotonic()
        try:
            activation = self.registry.activation(job.name)
            require_approval(self.engine, activation)
            self.signals.run_started(job.name)
            watch = _Watch(self._stopping, job.name)
            watch.advance(0)
            with synced(activation, watch, evict=job.kills > 0) as plan:
                totals = plan.totals
            run = self.state.activation(job.name).last_run() or {}
        except FencedError:
            return "fenced"
        except StoppingError:
            self._settle(job, Ended(interrupted=True))
            return "interrupted"
        except StopError as error:
            passes = isinstance(error, UnreachableError | BudgetError)
            again = passes or all(p.code in _AGAIN for p in error.problems)
            return self._stop(job, error.problems[0], again=again)
        except Exception as error:  # noqa: BLE001 - one run must not end the worker
            return self._stop(job, _bug(job.name, error), again=False)
        if self._settle(job, Ended()):
            state = str(run.get("state", "done"))
            seconds = monotonic() - began
            self.signals.run_finished(job.name, state, totals, seconds)
        return "done"

    def _stop(self, job: Job, problem: Problem, *, again: bool) -> str:
        if self._settle(job, Ended(problem=problem.code, again=again)):
            self.signals.run_stopped(job.name, problem, again=again)
        return "stopped"

    def _settle(self, job: Job, ended: Ended) -> bool:
        return dispatcher.settle(self.engine, job, self.id, ended, self.now())


@contextmanager
def _service_lock(state: State) -> Iterator[None]:
    """Keep a second service from a SQLite file."""
    if state.engine.dialect.name != "sqlite":
        yield
        return
    lock = FileLock(f"{state.engine.url.database}.service.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        state.engine.dispose()
        message = "another service runs on this database."
        raise SpecError([_problem(state.url, "D327", message)]) from None
    try:
        yield
    finally:
        lock.release()


def _problem(place: str, code: str, message: str) -> Problem:
    return Problem(Origin(place), code, message, CATALOGUE[code].remedy)


def _bug(place: str, error: Exception) -> Problem:
    """Return a problem that names the error only: its text may hold anything."""
    return _problem(place, "D325", f"{type(error).__name__}.")
