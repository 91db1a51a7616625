"""The tables of the service, beside those of the state in the same database.

Moments that are compared are seconds of the epoch; those that people read are dates.
"""

import sqlalchemy as sa

from engine.runtime.database import metadata

IDLE, QUEUED, RUNNING = "idle", "queued", "running"
"""The states of a job."""

registration_table = sa.Table(
    "registration",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("customer", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("definition", sa.JSON, nullable=False),
    sa.Column("days", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("paused_at", sa.DateTime(timezone=True)),
)
approval_table = sa.Table(
    "approval",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("activation_id", sa.ForeignKey("activation.id"), nullable=False),
    sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("spec_version", sa.Text, nullable=False),
    sa.Column("terms", sa.JSON, nullable=False),
    sa.Index("approval_of_activation", "activation_id", "id"),
)
job_table = sa.Table(
    "job",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", sa.Float),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("kills", sa.Integer, nullable=False),
    sa.Column("wanted", sa.Boolean, nullable=False),
    sa.Column("serial", sa.Integer, nullable=False),
    sa.Column("workflow", sa.Text, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Index("job_due", "state", "due_at"),
)
worker_table = sa.Table(
    "worker",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("beat", sa.Integer, nullable=False),
    sa.Column("beat_at", sa.Float, nullable=False),
)
