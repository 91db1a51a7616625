"""The tables of what is told to people: alerts, notices, calls of hooks, erasures.

Moments are seconds of the epoch.
"""

import sqlalchemy as sa

from engine.runtime.database import metadata

alert_table = sa.Table(
    "alert",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("activation_id", sa.Integer),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("since", sa.Float, nullable=False),
)
"""How each subject is now: `ok`, `warning` or `critical`, and since when."""

notice_table = sa.Table(
    "notice",
    metadata,
    sa.Column("subject", sa.Text, primary_key=True),
    sa.Column("target", sa.Text, primary_key=True),
    sa.Column("activation_id", sa.Integer),
    sa.Column("told", sa.Text, nullable=False),
    sa.Column("claimed_until", sa.Float, nullable=False),
)
"""What each target was told last of a subject; who tells it claims the row first."""

hook_table = sa.Table(
    "hook_call",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("called_at", sa.Float, nullable=False),
)
"""Hashes of signatures and of ids that were seen, so that none counts twice."""

erasure_table = sa.Table(
    "erasure",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("erased_at", sa.Float, nullable=False),
    sa.Column("erased_by", sa.Text, nullable=False),
    sa.Column("counts", sa.JSON, nullable=False),
)
"""That somebody had a person forgotten; not whom."""
