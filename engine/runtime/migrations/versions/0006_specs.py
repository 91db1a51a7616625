"""The specs that runs have used."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "spec",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("partner", sa.Text, nullable=False),
        sa.Column("use_case", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("files", sa.LargeBinary, nullable=False),
    )
    # No foreign key: a run goes on whatever becomes of the row that it names.
    op.add_column("run", sa.Column("spec", sa.Text))
