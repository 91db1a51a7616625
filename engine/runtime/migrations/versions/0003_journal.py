"""The journal of changes, held plans, who may write, what a run cost."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "installation",
        sa.Column("salt", sa.LargeBinary, primary_key=True),
    )
    salt = sa.table("installation", sa.column("salt", sa.LargeBinary))
    op.get_bind().execute(sa.insert(salt).values(salt=secrets.token_bytes(16)))
    op.add_column(
        "activation", sa.Column("epoch", sa.Integer, nullable=False, server_default="0")
    )
    op.add_column("link", sa.Column("fields", sa.LargeBinary))
    op.add_column(
        "link",
        sa.Column("missing_runs", sa.Integer, nullable=False, server_default="0"),
    )
    op.create_index(
        "link_missing",
        "link",
        ["activation_id", "entity"],
        sqlite_where=sa.text("missing_runs > 0"),
        postgresql_where=sa.text("missing_runs > 0"),
    )
    for column in (
        sa.Column("kind", sa.Text, nullable=False, server_default="sync"),
        sa.Column("plan_id", sa.Text, nullable=False, server_default=""),
        sa.Column("person", sa.Text, nullable=False, server_default=""),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
    ):
        op.add_column("run", column)
    op.create_index("run_of_activation", "run", ["activation_id", "id"])
    op.create_table(
        "journal",
        sa.Column("run_id", sa.Integer, sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("entity", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("activation_id", sa.Integer, nullable=False),
        sa.Column("operation", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("changed_at", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "journal_unknown",
        "journal",
        ["activation_id", "entity", "key"],
        sqlite_where=sa.text("state = 'unknown'"),
        postgresql_where=sa.text("state = 'unknown'"),
    )
    # What was being sent is unknown now; it belongs to the activation's last run.
    op.execute(
        "INSERT INTO journal"
        " (run_id, entity, key, activation_id, operation, state, changed_at)"
        " SELECT (SELECT MAX(id) FROM run WHERE run.activation_id = s.activation_id),"
        " entity, key, activation_id, 'update', 'unknown', 0 FROM sending s"
        " WHERE EXISTS (SELECT 1 FROM run WHERE run.activation_id = s.activation_id)"
    )
    op.drop_table("sending")
    op.create_table(
        "held_plan",
        sa.Column(
            "activation_id",
            sa.Integer,
            sa.ForeignKey("activation.id"),
            primary_key=True,
        ),
        sa.Column("plan_id", sa.Text, primary_key=True),
        sa.Column("made_at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("verdicts", sa.JSON, nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True)),
        sa.Column("released_by", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("decision", sa.Text),
    )
