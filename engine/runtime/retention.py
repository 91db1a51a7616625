"""Forget what is old: a moment in, counts of what was removed out.

Links, open rejects and unfinished runs stay, and so do the newest run of an activation,
its newest success, and runs that sent something whose outcome nobody knows yet.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from engine.runtime.database import (
    CHUNK,
    calls_table,
    held_plan_table,
    journal_table,
    run_table,
    writing,
)
from engine.runtime.deployed import unused_specs
from engine.runtime.journal import went_through
from engine.runtime.signal_tables import alert_table, hook_table, notice_table

DEFAULT_DAYS = 90
HOOK_DAYS = 7
"""So long the id of a hook's call is known, so that it counts once."""

_OPEN = ("sending", "unknown")


def purge(
    engine: sa.Engine, now: datetime, days: int = DEFAULT_DAYS
) -> Mapping[str, int]:
    """
    Remove what ended more than so many days ago; return how many rows of each kind.

    One run at a time, so that nobody who writes waits for long.
    """
    before = now - timedelta(days=days)
    counts = {"runs": 0, "changes": 0}
    for run in _old_runs(engine, before):
        with writing(engine) as db:
            gone = sa.delete(journal_table).where(journal_table.c.run_id == run)
            counts["changes"] += db.execute(gone).rowcount
            gone = sa.delete(run_table).where(run_table.c.id == run)
            counts["runs"] += db.execute(gone).rowcount
    with writing(engine) as db:
        for name, statement in _others(before, now):
            counts[name] = db.execute(statement).rowcount
    return counts


def _old_runs(engine: sa.Engine, before: datetime) -> list[int]:
    runs, journal = run_table.c, journal_table.c
    newest = sa.select(sa.func.max(runs.id)).group_by(runs.activation_id)
    successes = newest.where(went_through)
    # A run that was killed has no end.
    ended = sa.func.coalesce(runs.finished_at, runs.started_at)
    open_ones = (
        sa.select(journal.run_id)
        .where(journal.run_id == runs.id, journal.state.in_(_OPEN))
        .exists()
    )
    query = (
        sa.select(runs.id)
        .where(
            runs.state != "running",
            ended < _moment(engine, before),
            runs.id.not_in(newest),
            runs.id.not_in(successes),
            ~open_ones,
        )
        .order_by(runs.id)
        .limit(CHUNK)
    )
    found: list[int] = []
    with engine.connect() as db:
        while some := list(db.scalars(query.where(runs.id > (found or [0])[-1]))):
            found += some
    return found


def _moment(engine: sa.Engine, moment: datetime) -> datetime:
    """Return a moment as the database keeps it: SQLite in UTC, without the zone."""
    moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None) if engine.dialect.name == "sqlite" else moment


def _others(before: datetime, now: datetime) -> list[tuple[str, sa.Delete]]:
    alerts, seconds = alert_table.c, before.timestamp()
    # Nobody hears from a dead worker again, so its alert never ends.
    over = sa.or_(alerts.level == "ok", alerts.subject.startswith("worker "))
    subjects = sa.select(alerts.subject)
    hooks = (now - timedelta(days=HOOK_DAYS)).timestamp()
    return [
        (
            "plans",
            sa.delete(held_plan_table).where(
                held_plan_table.c.made_at < before,
                # Who released it is known as long as the run is.
                held_plan_table.c.plan_id.not_in(sa.select(run_table.c.plan_id)),
            ),
        ),
        ("alerts", sa.delete(alert_table).where(over, alerts.since < seconds)),
        (
            "notices",
            sa.delete(notice_table).where(notice_table.c.subject.not_in(subjects)),
        ),
        ("hook_calls", sa.delete(hook_table).where(hook_table.c.called_at < hooks)),
        (
            "days_of_calls",
            sa.delete(calls_table).where(calls_table.c.day < before.date().isoformat()),
        ),
        ("specs", unused_specs()),
    ]
