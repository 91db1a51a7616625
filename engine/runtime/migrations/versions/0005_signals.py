"""Alerts and who was told of them, calls of hooks, erasures."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("activation_id", sa.Integer),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("since", sa.Float, nullable=False),
    )
    op.create_table(
        "notice",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, primary_key=True),
        sa.Column("activation_id", sa.Integer),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("claimed_until", sa.Float, nullable=False),
    )
    op.create_table(
        "hook_call",
        sa.Column("digest", sa.Text, primary_key=True),
        sa.Column("called_at", sa.Float, nullable=False),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("erased_at", sa.Float, nullable=False),
        sa.Column("erased_by", sa.Text, nullable=False),
        sa.Column("counts", sa.JSON, nullable=False),
    )
