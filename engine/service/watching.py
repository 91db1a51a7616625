"""Tell everybody what happens: the service's signals in; log, figures, alerts out.

No method raises, and none waits for a target: alerts are sent by a thread of their own.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from engine.problems import Problem
from engine.runtime.database import (
    activation_table,
    journal_table,
    reject_table,
    run_table,
)
from engine.runtime.journal import SUCCESSES
from engine.service.alerts import Alerts, Level
from engine.service.logs import Log
from engine.service.metrics import Metrics

_DAY = 24 * 3600.0


class Watching:
    """
    The signals of `feldwerk serve` and `feldwerk worker`; use it in a `with`.

    `purge` is called once a day. `service` is how this process is called in alerts
    about itself.
    """

    def __init__(
        self,
        engine: sa.Engine,
        log: Log,
        metrics: Metrics,
        alerts: Alerts,
        purge: Callable[[], Mapping[str, int]],
        now: Callable[[], float],
        service: str = "service",
    ) -> None:
        self._engine = engine
        self._log = log
        self._metrics = metrics
        self._alerts = alerts
        self._purge = purge
        self._now = now
        self._purged_at = 0.0
        self._service = service
        self._self: tuple[Level, str, float] = ("ok", "", 0.0)
        self._before: dict[str, int | None] = {}
        self._lock = threading.Lock()
        self._is_waiting = False
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="alerts")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Send what is being sent, and end."""
        self._sender.shutdown(wait=True)

    # -- signals

    def run_started(self, name: str) -> None:
        """Log that a run begins."""
        with self._quietly():
            self._before[name] = self._newest_run(name)
        self._log.info("run_started", activation=name)

    def run_finished(
        self, name: str, state: str, totals: Mapping[str, int], seconds: float
    ) -> None:
        """Log and count a run that ended by itself, and its changes and new rejects."""
        number = self._ended_run(name)
        counts = {word: count for word, count in totals.items() if count}
        self._log.info(
            "run_finished",
            activation=name,
            run=number,
            state=state,
            counts=counts,
            seconds=round(seconds, 1),
        )
        self._metrics.count_run(name, state, seconds)
        with self._quietly():
            self._tell_records(name, number)
        level, code = _judged(state, totals)
        self._set_level(name, level, code)

    def run_stopped(self, name: str, problem: Problem, *, again: bool) -> None:
        """Log and count a run that was stopped; a person is needed unless `again`."""
        number = self._ended_run(name)
        self._log.warning(
            "run_stopped", activation=name, run=number, code=problem.code, again=again
        )
        self._metrics.count_run(name, "stopped", None)
        with self._quietly():
            self._tell_records(name, number)
        self._set_level(name, "warning" if again else "critical", problem.code)

    def worker_lost(self, worker: str) -> None:
        """Log and count a worker that died, and say so once."""
        self._log.error("worker_lost", worker=worker)
        self._metrics.count_lost_worker()
        self._set_level(f"worker {worker}", "warning", "D344")

    def trouble(self, problem: Problem) -> None:
        """Log that the service cannot work; /health and the figures show it too."""
        self._log.error("trouble", code=problem.code)
        if self._self[0] == "ok":
            self._self = ("critical", problem.code, self._now())
        self._deliver_soon()

    def tick(self) -> None:
        """Tell targets what they have not heard yet; once a day forget what is old."""
        if self._self[0] != "ok" and self._answers():
            self._self = ("ok", self._self[1], self._now())
        self._deliver_soon()
        if self._now() - self._purged_at >= _DAY:
            self._purged_at = self._now()
            with self._quietly():
                self._log.info("purged", counts=self._purge())

    # -- what stands behind them

    def _set_level(self, subject: str, level: Level, code: str) -> None:
        with self._quietly():
            if self._alerts.set_level(subject, level, code):
                self._log.info("alert", activation=subject, alert=level, code=code)
        self._deliver_soon()

    def _deliver_soon(self) -> None:
        """Let the thread for alerts go through the targets once more."""
        with self._lock:
            if self._is_waiting:
                return
            self._is_waiting = True
        with self._quietly():
            self._sender.submit(self._deliver)

    def _deliver(self) -> None:
        with self._lock:
            self._is_waiting = False
        with self._quietly():
            self._alerts.tell_aside(self._service, *self._self)
            self._alerts.deliver()

    def _answers(self) -> bool:
        try:
            with self._engine.connect() as db:
                db.execute(sa.select(activation_table.c.id).limit(1))
        except sa.exc.SQLAlchemyError:
            return False
        return True

    def _ended_run(self, name: str) -> int | None:
        """Return the number of a run that ended; None if it never got one."""
        if name not in self._before:
            return None  # another process began it
        number, before = None, self._before[name]
        with self._quietly():
            number = self._before[name] = self._newest_run(name)
        return None if number == before else number

    def _newest_run(self, name: str) -> int | None:
        query = (
            sa.select(sa.func.max(run_table.c.id))
            .join_from(run_table, activation_table)
            .where(activation_table.c.name == name)
        )
        with self._engine.connect() as db:
            number: int | None = db.scalar(query)
            return number

    def _tell_records(self, name: str, number: int | None) -> None:
        """Count the changes of a run, and log what it was the first to reject."""
        if number is None:
            return
        journal, rejects = journal_table.c, reject_table.c
        kinds = (journal.entity, journal.operation, journal.state)
        changes = sa.select(*kinds, sa.func.count()).where(journal.run_id == number)
        new = sa.select(rejects.entity, rejects.key, rejects.code).where(
            rejects.since_run == number
        )
        with self._engine.connect() as db:
            counted = {
                (entity, operation, state): count
                for entity, operation, state, count in db.execute(
                    changes.group_by(*kinds)
                )
            }
            found = db.execute(new.order_by(rejects.entity, rejects.key)).all()
        self._metrics.count_changes(name, counted)
        for entity, key, code in found:
            self._log.warning(
                "record_rejected",
                activation=name,
                run=number,
                entity=entity,
                key=key,
                code=code,
            )

    @contextmanager
    def _quietly(self) -> Iterator[None]:
        """Log what goes wrong instead of raising it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a signal must not end a run
            self._log.error("signal_failed", error=type(error).__name__)


def _judged(state: str, totals: Mapping[str, int]) -> tuple[Level, str]:
    """Return how an activation is after a run that ended by itself, and why."""
    if state == "braked":
        return "critical", "D342"
    if state not in SUCCESSES:
        return "critical", ""
    return ("warning", "D343") if totals.get("rejected") else ("ok", "")
