"""What people see of registered activations: the tables of the service in, rows out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.runtime.database import activation_table
from engine.service.schedule import GERMANY
from engine.service.tables import IDLE, approval_table, job_table, registration_table


def overview(engine: sa.Engine) -> list[dict[str, Any]]:
    """Return what people see of each registered activation, by name."""
    every = approval_table.alias().c
    newest = (
        sa.select(sa.func.max(every.id))
        .where(every.activation_id == activation_table.c.id)
        .correlate(activation_table)
        .scalar_subquery()
    )
    jobs, approvals = job_table.c, approval_table.c
    query = (
        sa.select(
            activation_table.c.name, registration_table, job_table, approval_table
        )
        .join_from(registration_table, activation_table)
        .join(job_table, jobs.activation_id == activation_table.c.id)
        .outerjoin(approval_table, approvals.id == newest)
        .order_by(activation_table.c.name)
    )
    with engine.connect() as db:
        rows = db.execute(query).mappings().all()
    return [_shown(row) for row in rows]


def _shown(row: Mapping[Any, Any]) -> dict[str, Any]:
    registered, jobs, approvals = (
        registration_table.c,
        job_table.c,
        approval_table.c,
    )
    paused, due, approved = (
        row[registered.paused_at],
        row[jobs.due_at],
        row[approvals.approved_at],
    )
    return {
        "activation": row[activation_table.c.name],
        "file": row[registered.file],
        "days": row[registered.days].split(),
        "at": row[registered.at],
        "state": "paused" if paused and row[jobs.state] == IDLE else row[jobs.state],
        "next_run": None if paused or due is None else moment_text(due),
        "attempts": row[jobs.attempts],
        "problem": row[jobs.problem] or None,
        "worker": row[jobs.worker] or None,
        "paused_at": paused and utc(paused).isoformat(timespec="seconds"),
        "approved_at": approved and utc(approved).isoformat(timespec="seconds"),
        "approved_by": row[approvals.approved_by],
        "approved_version": row[approvals.spec_version],
    }


def utc(moment: datetime) -> datetime:
    """Give a moment from the database its zone: SQLite keeps none."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


def moment_text(seconds: float) -> str:
    """Return seconds of the epoch as people in Germany read them."""
    return datetime.fromtimestamp(seconds, GERMANY).isoformat(timespec="seconds")
