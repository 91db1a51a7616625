"""The tables of the state, and the way to them: a database URL in, an engine out."""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from filelock import FileLock
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from engine.errors import SpecError, UnreachableError
from engine.problems import Origin, Problem

CHUNK = 500
"""So many keys or rows stand in one statement."""

LOCK_SPACE = 0x_F_E_1D
"""The first number of our advisory locks on PostgreSQL."""

MIGRATIONS = Path(__file__).with_name("migrations")
_migrating = threading.Lock()

metadata = sa.MetaData()

installation_table = sa.Table(
    "installation",
    metadata,
    sa.Column("salt", sa.LargeBinary, primary_key=True),
)
activation_table = sa.Table(
    "activation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("epoch", sa.Integer, nullable=False, server_default="0"),
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
    sa.Column("fields", sa.LargeBinary),
    sa.Column("missing_runs", sa.Integer, nullable=False, server_default="0"),
    sa.Index("link_by_our_id", "activation_id", "entity", "our_id"),
)
sa.Index(
    "link_missing",
    link_table.c.activation_id,
    link_table.c.entity,
    sqlite_where=link_table.c.missing_runs > 0,
    postgresql_where=link_table.c.missing_runs > 0,
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
    sa.Column("kind", sa.Text, nullable=False, server_default="sync"),
    sa.Column("plan_id", sa.Text, nullable=False, server_default=""),
    sa.Column("person", sa.Text, nullable=False, server_default=""),
    sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
    sa.Column("spec", sa.Text),
    sa.Index("run_of_activation", "activation_id", "id"),
)
spec_table = sa.Table(
    "spec",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("partner", sa.Text, nullable=False),
    sa.Column("use_case", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
    sa.Column("files", sa.LargeBinary, nullable=False),
)
journal_table = sa.Table(
    "journal",
    metadata,
    sa.Column("run_id", sa.ForeignKey("run.id"), primary_key=True),
    sa.Column("entity", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("activation_id", sa.Integer, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("changed_at", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)
sa.Index(
    "journal_unknown",
    journal_table.c.activation_id,
    journal_table.c.entity,
    journal_table.c.key,
    sqlite_where=journal_table.c.state == "unknown",
    postgresql_where=journal_table.c.state == "unknown",
)
held_plan_table = sa.Table(
    "held_plan",
    metadata,
    sa.Column("activation_id", sa.ForeignKey("activation.id"), primary_key=True),
    sa.Column("plan_id", sa.Text, primary_key=True),
    sa.Column("made_at", sa.DateTime(timezone=True), primary_key=True),
    sa.Column("verdicts", sa.JSON, nullable=False),
    sa.Column("released_at", sa.DateTime(timezone=True)),
    sa.Column("released_by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Column("decision", sa.Text),
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


def open_database(url: str, *, read_only: bool = False) -> sa.Engine:
    """Return the engine of a database; raises SpecError if the URL names none."""
    try:
        address = sa.engine.make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        if read_only:
            address = _only_read(address)
        engine = sa.create_engine(address, hide_parameters=True)
    except (sa.exc.NoSuchModuleError, ImportError):
        message = "it is no URL of SQLite or PostgreSQL."
        raise SpecError([Problem(Origin("state"), "T307", message)]) from None
    except (sa.exc.ArgumentError, ValueError):
        # What they say may quote the URL, and with it the password.
        message = "it is not a database URL."
        raise SpecError([Problem(Origin("state"), "T307", message)]) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _only_read(address: sa.URL) -> sa.URL:
    """Return the URL with which a database can be read, and not written."""
    if address.get_backend_name() == "sqlite":
        path = quote(address.database or ":memory:")
        return address.set(database=f"file:{path}").update_query_dict(
            {"mode": "ro", "uri": "true"}
        )
    stated = address.normalized_query.get("options", ())
    options = " ".join([*stated, "-c default_transaction_read_only=on"])
    return address.update_query_dict({"options": options})


def _tune_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    # The driver would begin too late: CREATE TABLE would stand outside of it.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("busy_timeout=30000", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    begin = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    if begin:
        connection.exec_driver_sql(begin)


def need_newest(engine: sa.Engine, url: str) -> None:
    """Raise SpecError if a database is not ours, or of another version; only read."""
    newest = ScriptDirectory.from_config(_migrations()).get_current_head()
    message, hint = "is no database of Feldwerk.", ""
    try:
        with engine.connect() as db:
            found = MigrationContext.configure(db).get_current_heads()
        if found == (newest,):
            return
        if found:
            message = "is a database of another version, and is not changed by reading."
            hint = "The next run of the service brings an older one up to date."
    except (sa.exc.SQLAlchemyError, CommandError, OSError) as error:
        if _code(error) != "SQLITE_NOTADB":
            raise unreachable(url, error) from None
    finally:
        engine.dispose()
    raise SpecError([Problem(Origin(_shown(url)), "T307", message, hint)])


def _code(error: Exception) -> str:
    """Return SQLite's own name of an error."""
    return getattr(getattr(error, "orig", None), "sqlite_errorname", "")


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def migrate(engine: sa.Engine, url: str) -> None:
    """Bring the tables to the newest revision, all of them or none."""
    config = _migrations()
    newest = ScriptDirectory.from_config(config).get_current_head()
    try:
        with _migrating, _one_process(engine):
            with engine.connect() as db:
                if MigrationContext.configure(db).get_current_revision() == newest:
                    return
            with writing(engine) as db:
                if engine.dialect.name == "postgresql":
                    db.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK_SPACE, 0)))
                config.attributes["connection"] = db
                command.upgrade(config, "head")
    except (sa.exc.SQLAlchemyError, CommandError, OSError) as error:
        engine.dispose()
        raise unreachable(url, error) from None


@contextmanager
def _one_process(engine: sa.Engine) -> Iterator[None]:
    """Let one process at a time turn a SQLite file into a database with WAL."""
    file = Path(engine.url.database or ":memory:")
    in_memory = file.name == ":memory:"
    if engine.dialect.name != "sqlite" or in_memory or not file.parent.is_dir():
        yield
        return
    with FileLock(f"{file}.lock"):
        with engine.execution_options(sqlite_begin=None).connect() as db:
            db.exec_driver_sql("PRAGMA journal_mode=WAL")
        yield


def writing(engine: sa.Engine) -> AbstractContextManager[sa.Connection]:
    """Begin a transaction that waits for its turn to write at once."""
    return engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin()


def seconds_now(engine: sa.Engine) -> sa.ColumnElement[float]:
    """Return the database's own clock, in seconds of the epoch."""
    if engine.dialect.name == "postgresql":
        moment = sa.func.extract("epoch", sa.func.clock_timestamp())
        return sa.cast(moment, sa.Float)
    return (sa.func.julianday("now", type_=sa.Float) - 2440587.5) * 86400.0


def insert_into(engine: sa.Engine, table: sa.Table) -> Any:
    """Return an insert that can say what happens on a conflict."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def unreachable(url: str, error: Exception) -> UnreachableError:
    """Return the error of a database that does not answer."""
    cause = str(getattr(error, "orig", error)).splitlines()[0]
    return UnreachableError([Problem(Origin(_shown(url)), "D302", f"{cause}.")])


def _shown(url: str) -> str:
    return sa.engine.make_url(url).render_as_string(hide_password=True)
