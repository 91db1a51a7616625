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
from typing import Any

import orjson
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
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

    def __enter__(self) -> "State":
        return self

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()

    def activation(self, name: str) -> "ActivationState":
        """Return the state of an activation; it is entered when it is new."""
        with self.engine.begin() as db:
            query = sa.select(activation_table.c.id).where(
                activation_table.c.name == name
            )
            known = db.scalar(query)
            if known is None:
                insert = sa.insert(activation_table).values(name=name)
                known = db.execute(insert).inserted_primary_key[0]
        return ActivationState(self.engine, name, int(known))

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
        """Keep other processes from running this activation; raises SpecError if one does."""
        if self.engine.dialect.name == "postgresql":
            with self.engine.connect() as db:
                lock = sa.func.pg_try_advisory_lock(_LOCK_SPACE, self.number)
                if not db.scalar(sa.select(lock)):
                    raise SpecError([_running(self.name)])
                yield
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
            insert = self._insert(sending_table).on_conflict_do_nothing()
            db.execute(insert, rows)

    def settle(
        self, entity: str, accepted: Iterable[Link], done: Sequence[str], run: int
    ) -> None:
        """Keep what was accepted and forget that it was being sent, in one transaction."""
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
                insert = self._insert(link_table)
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
            return int(result.inserted_primary_key[0])

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
            insert = self._insert(reject_table)
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

    def _insert(self, table: sa.Table) -> Any:
        dialect = postgresql if self.engine.dialect.name == "postgresql" else sqlite
        return dialect.insert(table)


_CHUNK = 500
_LOCK_SPACE = 0x_F_E_1D
_MIGRATIONS = Path(__file__).with_name("migrations")
_migrating = threading.Lock()


def _running(name: str) -> Problem:
    return Problem(Origin(name), "D301", "another process runs this activation.")


def _engine(url: str) -> sa.Engine:
    try:
        address = sa.engine.make_url(url)
        if address.drivername in ("postgresql", "postgres"):
            address = address.set(drivername="postgresql+psycopg")
        engine = sa.create_engine(address)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise SpecError([Problem(Origin("state"), "T307", f"{error}.")]) from None
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _tune_sqlite)
    return engine


def _tune_sqlite(connection: Any, _: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: sa.Engine, url: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    place = Origin(str(sa.engine.make_url(url).render_as_string(hide_password=True)))
    try:
        with _migrating, engine.begin() as db:
            config.attributes["connection"] = db
            command.upgrade(config, "head")
    except sa.exc.SQLAlchemyError as error:
        cause = str(getattr(error, "orig", error)).splitlines()[0]
        raise UnreachableError([Problem(place, "D302", f"{cause}.")]) from None
