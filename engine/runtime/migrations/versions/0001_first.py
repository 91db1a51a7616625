"""Activations, links, deliveries under way, runs, rejects."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _activation() -> sa.Column[int]:
    return sa.Column(
        "activation_id", sa.Integer, sa.ForeignKey("activation.id"), primary_key=True
    )


def upgrade() -> None:
    op.create_table(
        "activation",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
    )
    op.create_table(
        "link",
        _activation(),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("our_id", sa.Text, nullable=False),
        sa.Column("partner_id", sa.Text, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("run_id", sa.Integer, nullable=False),
    )
    op.create_index("link_by_our_id", "link", ["activation_id", "entity", "our_id"])
    op.create_table(
        "sending",
        _activation(),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "activation_id", sa.Integer, sa.ForeignKey("activation.id"), nullable=False
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("spec_version", sa.Text, nullable=False),
        sa.Column("totals", sa.JSON, nullable=False),
    )
    op.create_table(
        "reject",
        _activation(),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("since_run", sa.Integer, nullable=False),
        sa.Column("last_run", sa.Integer, nullable=False),
    )
