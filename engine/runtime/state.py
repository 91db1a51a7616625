"""What Feldwerk remembers: links, accepted hashes, runs, rejects. A database URL in.

SQLite by default, PostgreSQL by URL, through SQLAlchemy Core. No payload is kept: of an
accepted record there is its key, its ID, the partner's id and a hash.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import orjson
import sqlalchemy as sa
from filelock import FileLock, Timeout

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.account import AccountState
from engine.runtime.database import (
    LOCK_SPACE,
    activation_table,
    insert_into,
    link_table,
    migrate,
    open_database,
    reject_table,
    run_table,
    sending_table,
    unreachable,
)

REMOVED = "removed"
"""The hash of a record that was ended or blocked at the partner and still is there."""


@dataclass(frozen=True)
class Link:
    """
    Our key of a record, our ID, the partner's id, and the hash last accepted.

    `fixed` is the hash of the fields that the partner cannot change.
    """

    key: str
    our_id: str
    partner_id: Any
    digest: str
    fixed: str = ""


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
        self.engine = open_database(url)
        migrate(self.engine, url)

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
            raise unreachable(self.url, error) from None

    def activation(self, name: str) -> "ActivationState":
        """Return the state of an activation; it is entered when it is new."""
        query = sa.select(activation_table.c.id).where(activation_table.c.name == name)
        with self.engine.connect() as db:
            number = db.scalar(query)
        if number is None:
            insert = insert_into(self.engine, activation_table).values(name=name)
            with self.engine.begin() as db:
                db.execute(insert.on_conflict_do_nothing())
                number = db.execute(query).scalar_one()
        return ActivationState(self.engine, name, number)

    def account(self, name: str) -> "AccountState":
        """Return what is kept of a customer's account at a partner."""
        return AccountState(self.engine, name)

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
            lock = (LOCK_SPACE, self.number)
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
        names = ("key", "our_id", "partner_id", "digest", "fixed")
        selected = [columns[name] for name in names]
        with self.engine.connect() as db:
            for start in range(0, len(values), _CHUNK):
                query = sa.select(*selected).where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    column.in_(values[start : start + _CHUNK]),
                )
                found += [
                    Link(key, our_id, orjson.loads(partner_id), digest, fixed)
                    for key, our_id, partner_id, digest, fixed in db.execute(query)
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
            insert = insert_into(self.engine, sending_table).on_conflict_do_nothing()
            db.execute(insert, rows)

    def settle(
        self,
        entity: str,
        accepted: Iterable[Link],
        done: Sequence[str],
        run: int,
        removed: Sequence[str] = (),
    ) -> None:
        """
        Keep what was accepted and forget that it was being sent, both at once.

        `done` are the keys that are not in doubt any more, `removed` those of which
        the partner has no record now.
        """
        rows = [
            {
                "activation_id": self.number,
                "entity": entity,
                "key": link.key,
                "our_id": link.our_id,
                "partner_id": orjson.dumps(link.partner_id).decode(),
                "digest": link.digest,
                "fixed": link.fixed,
                "run_id": run,
            }
            for link in accepted
        ]
        with self.engine.begin() as db:
            if rows:
                insert = insert_into(self.engine, link_table)
                changed = ("our_id", "partner_id", "digest", "fixed", "run_id")
                db.execute(
                    insert.on_conflict_do_update(
                        index_elements=["activation_id", "entity", "key"],
                        set_={name: insert.excluded[name] for name in changed},
                    ),
                    rows,
                )
            for table, keys in ((link_table, removed), (sending_table, done)):
                for start in range(0, len(keys), _CHUNK):
                    db.execute(
                        sa.delete(table).where(
                            table.c.activation_id == self.number,
                            table.c.entity == entity,
                            table.c.key.in_(keys[start : start + _CHUNK]),
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
            insert = insert_into(self.engine, reject_table)
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


def _running(name: str) -> Problem:
    return Problem(Origin(name), "D301", "another process runs this activation.")
