"""The tables of the state, and the way to them: a database URL in, an engine out."""

import threading
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from engine.errors import SpecError, UnreachableError
from engine.problems import Origin, Problem

LOCK_SPACE = 0x_F_E_1D
"""The first number of our advisory locks on PostgreSQL."""

_MIGRATIONS = Path(__file__).with_name("migrations")
_migrating = threading.Lock()

metadata = sa.MetaData()

activation_table = sa.Table(
    "activation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)
link_table = sa.Table(
    "link",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("our_id", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("fixed", sa.Text, nullable=False, server_default=""),
    sa.Column("run_id", sa.Integer, nullable=False),
    sa.Index("link_by_our_id", "activation_id", "entity", "our_id"),
)
sending_table = sa.Table(
    "sending",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
)
run_table = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("activation_id", sa.ForeignKey("activation.id"), nullable=False),
    sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("finished_at", sa.DateTime(timezone=True)),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("spec_version", sa.Text, nullable=False),
    sa.Column("totals", sa.JSON, nullable=False),
)
reject_table = sa.Table(
    "reject",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("since_run", sa.Integer, nullable=False),
    sa.Column("last_run", sa.Integer, nullable=False),
)

token_table = sa.Table(
    "token",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),
)
calls_table = sa.Table(
    "calls",
    metadata,
    sa.Column("account", sa.Text, primary_key=True),
    sa.Column("day", sa.Text, primary_key=True),
    sa.Column("calls", sa.Integer, nullable=False),
)


def open_database(url: str) -> sa.Engine:
    """Return the engine of a database; raises SpecError if the URL names none."""
    try:
        address = sa.engine.make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(address, hide_parameters=True)
    except (sa.exc.NoSuchModuleError, ImportError) as error:
        raise SpecError([Problem(Origin("state"), "T307", f"{error}.")]) from None
    except (sa.exc.ArgumentError, ValueError):
        # What they say may quote the URL, and with it the password.
        message = "it is not a database URL."
        raise SpecError([Problem(Origin("state"), "T307", message)]) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _tune_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # The driver would begin too late: CREATE TABLE would stand outside of it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "journal_mode=WAL", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    connection.exec_driver_sql(
        connection.get_execution_options().get("sqlite_begin", "BEGIN")
    )


def migrate(engine: sa.Engine, url: str) -> None:
    """Bring the tables to the newest revision, all of them or none."""
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    newest = ScriptDirectory.from_config(config).get_current_head()
    try:
        with engine.connect() as db:
            if MigrationContext.configure(db).get_current_revision() == newest:
                return
        alone = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        with _migrating, alone.begin() as db:
            if engine.dialect.name == "postgresql":
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_SPACE, 0)))
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    except (sa.exc.SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise unreachable(url, error) from None


def insert_into(engine: sa.Engine, table: sa.Table) -> Any:
    """Return an insert that can say what happens on a conflict."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Return the error of a database that does not answer."""
    place = sa.engine.make_url(url).render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", error)).splitlines()[0]
    return UnreachableError([Problem(Origin(place), "D302", f"{cause}.")])
