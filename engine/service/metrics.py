"""Count what happens for Prometheus: events in, the text of /metrics out.

Counters are those of this process; what concerns all processes is read from the
database when it is asked for. Labels are activation, partner and entity, and words of
ours.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from typing import Any

import sqlalchemy as sa
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from engine.runtime.account import pace_table
from engine.runtime.database import (
    activation_table,
    reject_table,
    run_table,
    seconds_now,
)
from engine.runtime.journal import went_through
from engine.runtime.signal_tables import alert_table
from engine.service.tables import job_table, worker_table

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 48 * 3600)
_LEVELS = {"ok": 0, "warning": 1, "critical": 2}


class Metrics:
    """The figures of one process, and those of the database that all share."""

    def __init__(self, engine: sa.Engine) -> None:
        self._registry = CollectorRegistry()
        self._runs = Counter(
            "feldwerk_runs",
            "Runs that ended in this process, by their state.",
            ["activation", "partner", "state"],
            registry=self._registry,
        )
        self._changes = Counter(
            "feldwerk_changes",
            "Changes of the runs of this process, by what became of them.",
            ["activation", "partner", "entity", "operation", "state"],
            registry=self._registry,
        )
        self._seconds = Histogram(
            "feldwerk_run_seconds",
            "How long runs of this process took.",
            ["partner"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._lost = Counter(
            "feldwerk_workers_lost",
            "Workers that this process found dead.",
            registry=self._registry,
        )
        self._notices = Counter(
            "feldwerk_notices",
            "Notices of this process to targets, by whether they were taken.",
            ["taken"],
            registry=self._registry,
        )
        self._registry.register(_Shared(engine))

    def count_run(self, activation: str, state: str, seconds: float | None) -> None:
        """Count a run that ended."""
        partner = partner_of(activation)
        self._runs.labels(activation, partner, state).inc()
        if seconds is not None:
            self._seconds.labels(partner).observe(seconds)

    def count_changes(
        self, activation: str, changes: Mapping[tuple[str, str, str], int]
    ) -> None:
        """Count changes by entity, operation and state."""
        for (entity, operation, state), count in changes.items():
            labels = (activation, partner_of(activation), entity, operation, state)
            self._changes.labels(*labels).inc(count)

    def count_lost_worker(self) -> None:
        """Count a worker that shows no sign of life."""
        self._lost.inc()

    def count_notice(self, *, taken: bool) -> None:
        """Count a notice to a target."""
        self._notices.labels("yes" if taken else "no").inc()

    def text(self) -> bytes:
        """Return all figures; without the database those of this process alone."""
        return generate_latest(self._registry)


def partner_of(activation: str) -> str:
    """
    Return the partner in the name of an activation.

    >>> partner_of("muster/acme/stammdaten/test")
    'acme'
    """
    parts = activation.split("/")
    return parts[1] if len(parts) > 1 else ""


class _Shared(Collector):
    """What is read from the database, whoever wrote it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Name nothing: the database is asked for figures only."""
        return ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the figures of the database, and whether it answers."""
        up = GaugeMetricFamily("feldwerk_database_up", "Whether the database answers.")
        try:
            with self._engine.connect() as db:
                now = float(db.scalar(sa.select(seconds_now(self._engine))) or 0)
                families = [query(db, now) for query in _QUERIES]
        except sa.exc.SQLAlchemyError:
            families = []
        up.add_metric([], 1 if families else 0)
        return [up, *families]


def _rejects(db: sa.Connection, _: float) -> GaugeMetricFamily:
    names, rejects = activation_table.c, reject_table.c
    query = (
        sa.select(names.name, rejects.entity, sa.func.count())
        .join_from(reject_table, activation_table)
        .group_by(names.name, rejects.entity)
    )
    return _family(
        "feldwerk_rejects_open",
        "Open rejects.",
        ["activation", "partner", "entity"],
        (
            ([name, partner_of(name), entity], n)
            for name, entity, n in db.execute(query)
        ),
    )


def _last_success(db: sa.Connection, _: float) -> GaugeMetricFamily:
    names, runs = activation_table.c, run_table.c
    # The newest run has the highest number; the database need not compare moments.
    newest = (
        sa.select(sa.func.max(runs.id)).where(went_through).group_by(runs.activation_id)
    )
    query = (
        sa.select(names.name, runs.finished_at)
        .join_from(run_table, activation_table)
        .where(runs.id.in_(newest), runs.finished_at.is_not(None))
    )
    return _family(
        "feldwerk_last_success_timestamp_seconds",
        "When the last run ended that was not stopped.",
        ["activation", "partner"],
        (
            ([name, partner_of(name)], utc_seconds(moment))
            for name, moment in db.execute(query)
        ),
    )


def _queue(db: sa.Connection, now: float) -> GaugeMetricFamily:
    jobs = job_table.c
    due = sa.and_(jobs.state == "idle", jobs.due_at <= now)
    word = sa.case((due, "due"), else_=jobs.state)
    query = sa.select(word, sa.func.count()).group_by(word)
    found = {"due": 0, "queued": 0, "running": 0}
    found |= {state: n for state, n in db.execute(query) if state in found}
    text = "Activations that are due, queued or running."
    rows = (([state], n) for state, n in found.items())
    return _family("feldwerk_queue_length", text, ["state"], rows)


def _heartbeat(db: sa.Connection, now: float) -> GaugeMetricFamily:
    beats = list(db.scalars(sa.select(worker_table.c.beat_at)))
    return _family(
        "feldwerk_worker_heartbeat_age_seconds",
        "Time since the heartbeats of all workers: the newest and the oldest.",
        ["worker"],
        [([word], now - pick(beats)) for word, pick in _ENDS.items() if beats],
    )


_ENDS: Mapping[str, Callable[[Iterable[float]], float]] = {"newest": max, "oldest": min}


def _workers(db: sa.Connection, _: float) -> GaugeMetricFamily:
    count = db.scalar(sa.select(sa.func.count()).select_from(worker_table)) or 0
    text = "Workers that are registered, dead ones until they are found."
    return _family("feldwerk_workers", text, [], [([], count)])


def _waits(db: sa.Connection, now: float) -> GaugeMetricFamily:
    columns = pace_table.c
    waits: dict[str, float] = {}
    for account, turn, closed in db.execute(
        sa.select(columns.account, columns.next_turn, columns.closed_until)
    ):
        partner = partner_of(account)
        wait = max(0.0, turn - now, closed - now)
        waits[partner] = max(wait, waits.get(partner, 0.0))
    return _family(
        "feldwerk_budget_wait_seconds",
        "How long a call has to wait for the budget, of the partner's slowest account.",
        ["partner"],
        (([partner], wait) for partner, wait in waits.items()),
    )


def _alerts(db: sa.Connection, _: float) -> GaugeMetricFamily:
    names, alerts = activation_table.c, alert_table.c
    query = sa.select(names.name, alerts.level).join_from(
        alert_table, activation_table, alerts.activation_id == names.id
    )
    return _family(
        "feldwerk_alert_level",
        "0 ok, 1 warning, 2 critical.",
        ["activation", "partner"],
        (
            ([name, partner_of(name)], _LEVELS.get(level, 2))
            for name, level in db.execute(query)
        ),
    )


_QUERIES: tuple[Callable[[sa.Connection, float], GaugeMetricFamily], ...] = (
    _rejects,
    _last_success,
    _queue,
    _workers,
    _heartbeat,
    _waits,
    _alerts,
)


def _family(
    name: str,
    text: str,
    labels: list[str],
    rows: Iterable[tuple[list[str], float]],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, figure in rows:
        family.add_metric(values, figure)
    return family


def utc_seconds(moment: Any) -> float:
    """Return a moment of the database as seconds of the epoch; SQLite has no zone."""
    return float(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())
