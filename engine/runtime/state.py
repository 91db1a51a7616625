"""What Feldwerk remembers: links, accepted hashes, runs, rejects. A database URL in.

SQLite by default, PostgreSQL by URL, through SQLAlchemy Core. No payload is kept: of an
accepted record there is its key, its ID, the partner's id and a hash.
"""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.pool import ConnectionPoolEntry

from engine.errors import SpecError, UnreachableError
from engine.problems import Origin, Problem

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


@dataclass(frozen=True)
class Link:
    """Our key of a record, our ID, the partner's id, and the hash last accepted."""

    key: str
    our_id: str
    partner_id: Any
    digest: str


@dataclass(frozen=True)
class Reject:
    """A record that was not sent or not taken, and why."""

    entity: str
    key: str
    code: str
    message: str
    origin: str = ""


class State:
    """The state database of an installation."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        _migrate(self.engine, url)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the database; one that was lost meanwhile ends the run."""
        self.engine.dispose()
        if isinstance(error, sa.exc.DBAPIError):
            raise _unreachable(self.url, error) from None

    def activation(self, name: str) -> "ActivationState":
        """Return the state of an activation; it is entered when it is new."""
        query = sa.select(activation_table.c.id).where(activation_table.c.name == name)
        with self.engine.connect() as db:
            number = db.scalar(query)
        if number is None:
            insert = _insert(self.engine, activation_table).values(name=name)
            with self.engine.begin() as db:
                db.execute(insert.on_conflict_do_nothing())
                number = db.execute(query).scalar_one()
        return ActivationState(self.engine, name, number)

    def activations(self) -> list[str]:
        """Return the names of all activations, in order."""
        with self.engine.connect() as db:
            query = sa.select(activation_table.c.name)
            return list(db.scalars(query.order_by(activation_table.c.name)))


class ActivationState:
    """The part of the state that belongs to one activation."""

    def __init__(self, engine: sa.Engine, name: str, number: int) -> None:
        self.engine = engine
        self.name = name
        self.number = number

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other processes out; raises SpecError if one runs this activation."""
        if self.engine.dialect.name == "postgresql":
            # No transaction: one that idles for hours may be ended by the server.
            engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
            lock = (_LOCK_SPACE, self.number)
            with engine.connect() as db:
                if not db.scalar(sa.select(sa.func.pg_try_advisory_lock(*lock))):
                    raise SpecError([_running(self.name)])
                try:
                    yield
                finally:
                    db.execute(sa.select(sa.func.pg_advisory_unlock(*lock)))
            return
        path = f"{self.engine.url.database}.{self.number}.lock"
        try:
            with FileLock(path, timeout=0):
                yield
        except Timeout:
            raise SpecError([_running(self.name)]) from None

    # -- links

    def links(self, entity: str, keys: Sequence[str]) -> dict[str, Link]:
        """Return the links of an entity by key; keys without one are missing."""
        columns = link_table.c
        return {link.key: link for link in self._links(entity, columns.key, keys)}

    def links_by_our_id(self, entity: str, ids: Sequence[str]) -> dict[str, Link]:
        """Return the links of an entity by our ID."""
        return {
            link.our_id: link for link in self._links(entity, link_table.c.our_id, ids)
        }

    def _links(
        self, entity: str, column: sa.ColumnElement[Any], values: Sequence[str]
    ) -> list[Link]:
        found = []
        columns = link_table.c
        selected = (columns.key, columns.our_id, columns.partner_id, columns.digest)
        with self.engine.connect() as db:
            for start in range(0, len(values), _CHUNK):
                query = sa.select(*selected).where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    column.in_(values[start : start + _CHUNK]),
                )
                found += [
                    Link(key, our_id, orjson.loads(partner_id), digest)
                    for key, our_id, partner_id, digest in db.execute(query)
                ]
        return found

    def link_keys(self, entity: str) -> Iterator[list[str]]:
        """Yield the keys of all links of an entity, in portions."""
        columns = link_table.c
        last = ""
        while True:
            query = (
                sa.select(columns.key)
                .where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    columns.key > last,
                )
                .order_by(columns.key)
                .limit(_CHUNK)
            )
            with self.engine.connect() as db:
                keys = list(db.scalars(query))
            if not keys:
                return
            yield keys
            last = keys[-1]

    def count_links(self, entity: str) -> int:
        query = sa.select(sa.func.count()).where(
            link_table.c.activation_id == self.number, link_table.c.entity == entity
        )
        with self.engine.connect() as db:
            return int(db.scalar(query) or 0)

    # -- delivery

    def in_doubt(self, entity: str) -> frozenset[str]:
        """Return the keys whose sending an earlier process did not see the end of."""
        query = sa.select(sending_table.c.key).where(
            sending_table.c.activation_id == self.number,
            sending_table.c.entity == entity,
        )
        with self.engine.connect() as db:
            return frozenset(db.scalars(query))

    def begin(self, entity: str, keys: Sequence[str]) -> None:
        """Note that records are about to be sent."""
        rows = [
            {"activation_id": self.number, "entity": entity, "key": key} for key in keys
        ]
        with self.engine.begin() as db:
            insert = _insert(self.engine, sending_table).on_conflict_do_nothing()
            db.execute(insert, rows)

    def settle(
        self, entity: str, accepted: Iterable[Link], done: Sequence[str], run: int
    ) -> None:
        """Keep what was accepted and forget that it was being sent, both at once."""
        rows = [
            {
                "activation_id": self.number,
                "entity": entity,
                "key": link.key,
                "our_id": link.our_id,
                "partner_id": orjson.dumps(link.partner_id).decode(),
                "digest": link.digest,
                "run_id": run,
            }
            for link in accepted
        ]
        with self.engine.begin() as db:
            if rows:
                insert = _insert(self.engine, link_table)
                changed = ("our_id", "partner_id", "digest", "run_id")
                db.execute(
                    insert.on_conflict_do_update(
                        index_elements=["activation_id", "entity", "key"],
                        set_={name: insert.excluded[name] for name in changed},
                    ),
                    rows,
                )
            for start in range(0, len(done), _CHUNK):
                db.execute(
                    sa.delete(sending_table).where(
                        sending_table.c.activation_id == self.number,
                        sending_table.c.entity == entity,
                        sending_table.c.key.in_(done[start : start + _CHUNK]),
                    )
                )

    # -- runs and rejects

    def start_run(self, spec_version: str) -> int:
        """Enter a run; runs that never ended are marked as broken off."""
        with self.engine.begin() as db:
            db.execute(
                sa.update(run_table)
                .where(
                    run_table.c.activation_id == self.number,
                    run_table.c.state == "running",
                )
                .values(state="broken_off")
            )
            result = db.execute(
                sa.insert(run_table).values(
                    activation_id=self.number,
                    started_at=datetime.now(UTC),
                    state="running",
                    spec_version=spec_version,
                    totals={},
                )
            )
            return int((result.inserted_primary_key or [0])[0])

    def finish_run(
        self,
        run: int,
        state: str,
        totals: Mapping[str, int],
        rejects: Iterable[Reject] | None,
    ) -> None:
        """End a run; with a full list of rejects, those that passed are closed."""
        with self.engine.begin() as db:
            db.execute(
                sa.update(run_table)
                .where(run_table.c.id == run)
                .values(finished_at=datetime.now(UTC), state=state, totals=dict(totals))
            )
            if rejects is None:
                return
            rows = [
                {
                    "activation_id": self.number,
                    **vars(reject),
                    "since_run": run,
                    "last_run": run,
                }
                for reject in rejects
            ]
            insert = _insert(self.engine, reject_table)
            changed = ("code", "message", "origin", "last_run")
            for start in range(0, len(rows), _CHUNK):
                db.execute(
                    insert.on_conflict_do_update(
                        index_elements=["activation_id", "entity", "key"],
                        set_={name: insert.excluded[name] for name in changed},
                    ),
                    rows[start : start + _CHUNK],
                )
            db.execute(
                sa.delete(reject_table).where(
                    reject_table.c.activation_id == self.number,
                    reject_table.c.last_run != run,
                )
            )

    def last_run(self) -> Mapping[str, Any] | None:
        query = (
            sa.select(run_table)
            .where(run_table.c.activation_id == self.number)
            .order_by(run_table.c.id.desc())
            .limit(1)
        )
        with self.engine.connect() as db:
            row = db.execute(query).mappings().first()
            return dict(row) if row else None

    def rejects(self) -> list[Mapping[str, Any]]:
        """Return the open rejects, by entity and key."""
        query = (
            sa.select(reject_table)
            .where(reject_table.c.activation_id == self.number)
            .order_by(reject_table.c.entity, reject_table.c.key)
        )
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]


_CHUNK = 500
_LOCK_SPACE = 0x_F_E_1D
_MIGRATIONS = Path(__file__).with_name("migrations")
_migrating = threading.Lock()


def _running(name: str) -> Problem:
    return Problem(Origin(name), "D301", "another process runs this activation.")


def _insert(engine: sa.Engine, table: sa.Table) -> Any:
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def _engine(url: str) -> sa.Engine:
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


def _migrate(engine: sa.Engine, url: str) -> None:
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
                db.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_SPACE, 0)))
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    except (sa.exc.SQLAlchemyError, CommandError) as error:
        engine.dispose()
        raise _unreachable(url, error) from None


def _unreachable(url: str, error: Exception) -> UnreachableError:
    place = sa.engine.make_url(url).render_as_string(hide_password=True)
    cause = str(getattr(error, "orig", error)).splitlines()[0]
    return UnreachableError([Problem(Origin(place), "D302", f"{cause}.")])
