"""Jobs: what is due goes to the queue, in our order; what was run is due again later.

Each activation has one job, and a job is `idle`, `queued` or `running`. So there is at
most one run of an activation, and no schedule or thread for each.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime

import sqlalchemy as sa

from engine.runtime.database import LOCK_SPACE, activation_table, writing
from engine.service.beats import GHOST
from engine.service.schedule import Timetable, retry_at, timetable
from engine.service.tables import (
    IDLE,
    QUEUED,
    RUNNING,
    job_table,
    registration_table,
    worker_table,
)

SUSPECT_KILLS = 2
"""A run that was under way so often when its worker died runs beside no other such."""
MOST_KILLS = 3
"""A run that was under way so often when its worker died is stopped."""

_DISPATCHER = -1
"""The second number of the advisory lock that the one dispatcher holds."""

Enqueue = Callable[[str, str, str], None]
"""Puts a workflow into the queue, by its id, the activation's name and the slot."""

_jobs, _registered = job_table.c, registration_table.c
_active = _jobs.state.in_((QUEUED, RUNNING))


@dataclass(frozen=True)
class Job:
    """A run of an activation that a worker has taken."""

    number: int
    name: str
    slot: str
    workflow: str
    attempts: int
    kills: int
    timetable: Timetable


@dataclass(frozen=True)
class Ended:
    """How a run ended: `again` is one that is tried again before its next slot."""

    problem: str = ""
    again: bool = False
    interrupted: bool = False


def dispatch(
    engine: sa.Engine, now: datetime, slots: int, enqueue: Enqueue
) -> list[str]:
    """
    Hand due activations to the queue, at most as many as there are free slots.

    First the customer with the fewest runs under way, then the oldest slot. One process
    does it at a time; returns the names in order. Who dies before the transaction ends
    has enqueued a workflow whose id the next one uses again.
    """
    if slots <= 0 or not _anything_due(engine, now):
        return []
    with writing(engine) as db:
        if not _alone(db):
            return []
        taken = db.scalar(sa.select(sa.func.count()).where(_active)) or 0
        chosen = db.execute(_order(db, now).limit(max(0, slots - taken))).all()
        for row in chosen:
            times = timetable(row.days.split(), row.at)
            slot = max(times.newest_slot(now).isoformat(), row.slot)
            workflow = f"{row.name}@{slot}#{row.serial + 1}"
            enqueue(workflow, row.name, slot)
            db.execute(
                _of(row.activation_id).values(
                    state=QUEUED,
                    slot=slot,
                    attempts=row.attempts if slot == row.slot else 0,
                    serial=row.serial + 1,
                    workflow=workflow,
                    worker="",
                )
            )
    return [row.name for row in chosen]


def _anything_due(engine: sa.Engine, now: datetime) -> bool:
    query = sa.select(_jobs.activation_id).where(_due(now)).limit(1)
    with engine.connect() as db:
        return db.scalar(query) is not None


def _due(now: datetime) -> sa.ColumnElement[bool]:
    return sa.and_(_jobs.state == IDLE, _jobs.due_at <= now.timestamp())


def _alone(db: sa.Connection) -> bool:
    """Say whether no other process dispatches; on SQLite the transaction sees to it."""
    if db.dialect.name != "postgresql":
        return True
    lock = sa.func.pg_try_advisory_xact_lock(LOCK_SPACE, _DISPATCHER)
    return bool(db.scalar(sa.select(lock)))


def _order(db: sa.Connection, now: datetime) -> sa.Select[tuple[object, ...]]:
    """Return the query of what is due, in the order in which it is to run."""
    waiting = sa.and_(_due(now), _registered.paused_at.is_(None))
    under_way = (
        sa.select(_registered.customer, sa.func.count().label("runs"))
        .join_from(job_table, registration_table, _of_one)
        .where(_active)
        .group_by(_registered.customer)
        .subquery()
    )
    place = sa.func.row_number().over(
        partition_by=_registered.customer, order_by=(_jobs.due_at, _jobs.activation_id)
    )
    share = sa.func.coalesce(under_way.c.runs, 0) + place
    return (
        sa.select(activation_table.c.name, job_table, _registered.days, _registered.at)
        .join_from(job_table, registration_table, _of_one)
        .join(activation_table, activation_table.c.id == _jobs.activation_id)
        .outerjoin(under_way, under_way.c.customer == _registered.customer)
        .where(waiting)
        .where(sa.or_(_jobs.kills < SUSPECT_KILLS, _is_next_suspect(db, waiting)))
        .order_by(share, _jobs.due_at, _jobs.activation_id)
    )


_of_one = _registered.activation_id == _jobs.activation_id


def _is_next_suspect(
    db: sa.Connection, waiting: sa.ColumnElement[bool]
) -> sa.ColumnElement[bool]:
    """Say of one suspect that it may run, if no other one is under way."""
    suspect = _jobs.kills >= SUSPECT_KILLS
    if db.scalar(sa.select(_jobs.activation_id).where(_active, suspect).limit(1)):
        return sa.false()
    first = (
        sa.select(_jobs.activation_id)
        .join_from(job_table, registration_table, _of_one)
        .where(waiting, suspect)
        .order_by(_jobs.due_at, _jobs.activation_id)
        .limit(1)
    )
    return _jobs.activation_id == (db.scalar(first) or 0)


def claim(engine: sa.Engine, name: str, workflow: str, worker: str) -> Job | None:
    """Take a queued job; None if it is another's by now, or paused."""
    query = (
        sa.select(job_table, _registered.days, _registered.at, _registered.paused_at)
        .join_from(job_table, registration_table, _of_one)
        .join(activation_table, activation_table.c.id == _jobs.activation_id)
        .where(activation_table.c.name == name)
        .with_for_update(of=job_table)
    )
    with writing(engine) as db:
        row = db.execute(query).one_or_none()
        if row is None or row.workflow != workflow or row.state != QUEUED:
            return None
        change = _of(row.activation_id)
        if row.paused_at is not None:
            db.execute(change.values(state=IDLE))
            return None
        db.execute(change.values(state=RUNNING, worker=worker))
    return Job(
        number=row.activation_id,
        name=name,
        slot=row.slot,
        workflow=workflow,
        attempts=row.attempts,
        kills=row.kills,
        timetable=timetable(row.days.split(), row.at),
    )


def settle(
    engine: sa.Engine, job: Job, worker: str, ended: Ended, now: datetime
) -> bool:
    """Say when a job is due again; False if another worker has taken it over."""
    mine = sa.and_(_jobs.workflow == job.workflow, _jobs.worker == worker)
    due, attempts = due_again(job, ended, now)
    with writing(engine) as db:
        found = db.execute(
            sa.update(job_table)
            .where(_jobs.activation_id == job.number, mine, _jobs.state == RUNNING)
            .values(
                state=IDLE,
                worker="",
                due_at=sa.case((_jobs.wanted, now.timestamp()), else_=due.timestamp()),
                wanted=False,
                attempts=attempts,
                kills=job.kills if ended.interrupted else 0,
                problem=ended.problem,
            )
        )
    return bool(found.rowcount)


def due_again(job: Job, ended: Ended, now: datetime) -> tuple[datetime, int]:
    """Return when a job is due after a run, and how often it was tried in its slot."""
    if ended.interrupted:
        return now, job.attempts
    next_slot = job.timetable.next_moment(date.fromisoformat(job.slot), now)
    if not ended.again:
        return next_slot, 0
    return min(retry_at(job.attempts + 1, now), next_slot), job.attempts + 1


def take_over(
    engine: sa.Engine,
    worker: str,
    beat: int,
    resume: Callable[[str, Collection[str]], Collection[str]],
    now: datetime,
) -> list[tuple[str, bool]] | None:
    """
    Give up a worker that shows no sign of life since `beat`, and give its runs away.

    `resume` goes on with workflows of that worker and returns those that it found; the
    others wait for the dispatcher. A run that was under way for the third time when its
    worker died is stopped until its next slot, and after the second time it waits until
    it runs beside no other such. Returns the names, and which of them were stopped;
    None if the worker lives after all, or another one gives it up.
    """
    query = (
        sa.select(activation_table.c.name, job_table, _registered.days, _registered.at)
        .join_from(job_table, registration_table, _of_one)
        .join(activation_table, activation_table.c.id == _jobs.activation_id)
        .where(_jobs.worker == worker, _jobs.state == RUNNING)
        .with_for_update(of=job_table)
    )
    workers = worker_table.c
    given_up = sa.delete(worker_table).where(workers.id == worker, workers.beat == beat)
    with writing(engine) as db:
        if not db.execute(given_up).rowcount and beat != GHOST:
            return None
        rows = db.execute(query).all()
        harmless = {row.workflow for row in rows if row.kills + 1 < SUSPECT_KILLS}
        resumed = resume(worker, harmless)
        for row in rows:
            change = _of(row.activation_id).values(kills=row.kills + 1, worker="")
            if row.workflow in resumed:
                change = change.values(state=QUEUED)
            elif row.kills + 1 < MOST_KILLS:
                change = change.values(state=IDLE, due_at=now.timestamp())
            else:
                times = timetable(row.days.split(), row.at)
                due = times.next_moment(date.fromisoformat(row.slot), now).timestamp()
                change = change.values(state=IDLE, due_at=due, problem="D324")
            db.execute(change)
    return [(row.name, row.kills + 1 >= MOST_KILLS) for row in rows]


def put_back(engine: sa.Engine, workflows: Collection[str], now: datetime) -> None:
    """Let jobs be dispatched anew whose workflows are nowhere any more."""
    with writing(engine) as db:
        db.execute(
            sa.update(job_table)
            .where(_jobs.workflow.in_(workflows), _active)
            .values(state=IDLE, worker="", due_at=now.timestamp())
        )


def workflows(engine: sa.Engine, state: str, worker: str = "") -> list[str]:
    """Return the workflows of the jobs in a state, of a worker or of none."""
    query = sa.select(_jobs.workflow).where(
        _jobs.state == state, _jobs.worker == worker
    )
    with engine.connect() as db:
        return list(db.scalars(query))


def _of(number: int) -> sa.Update:
    return sa.update(job_table).where(_jobs.activation_id == number)


def now_utc() -> datetime:
    """Return the moment, by this machine's clock."""
    return datetime.now(UTC)
