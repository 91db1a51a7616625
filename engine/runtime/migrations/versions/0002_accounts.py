"""What a partner cannot change of a record; sealed tokens and calls of an account."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column(
        "link", sa.Column("fixed", sa.Text, nullable=False, server_default="")
    )
    op.create_table(
        "token",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "calls",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
    )
