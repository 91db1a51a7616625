"""Registered activations, their approvals and jobs; workers; the pace of accounts."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def _activation(*, is_key: bool) -> sa.Column[int]:
    return sa.Column(
        "activation_id",
        sa.Integer,
        sa.ForeignKey("activation.id"),
        primary_key=is_key,
        nullable=False,
    )


def upgrade() -> None:
    op.create_table(
        "registration",
        _activation(is_key=True),
        sa.Column("customer", sa.Text, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("days", sa.Text, nullable=False),
        sa.Column("at", sa.Text, nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "approval",
        sa.Column("id", sa.Integer, primary_key=True),
        _activation(is_key=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("spec_version", sa.Text, nullable=False),
        sa.Column("terms", sa.JSON, nullable=False),
    )
    op.create_index("approval_of_activation", "approval", ["activation_id", "id"])
    op.create_table(
        "job",
        _activation(is_key=True),
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
    )
    op.create_index("job_due", "job", ["state", "due_at"])
    op.create_table(
        "worker",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("slots", sa.Integer, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("beat_at", sa.Float, nullable=False),
    )
    op.create_table(
        "pace",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("next_turn", sa.Float, nullable=False),
        sa.Column("closed_until", sa.Float, nullable=False),
    )
