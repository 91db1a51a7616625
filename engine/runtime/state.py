"""What Feldwerk remembers: links, accepted hashes, runs, rejects. A database URL in.

SQLite by default, PostgreSQL by URL, through SQLAlchemy Core. No payload is kept: of an
accepted record there is its key, its ID, the partner's id and a hash.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Any, Self

import orjson
import sqlalchemy as sa

from engine.errors import FencedError
from engine.problems import Origin, Problem
from engine.runtime.account import AccountState
from engine.runtime.database import (
    CHUNK,
    activation_table,
    insert_into,
    installation_table,
    journal_table,
    link_table,
    migrate,
    need_newest,
    open_database,
    reject_table,
    run_table,
    unreachable,
    writing,
)
from engine.runtime.deployed import KeptSpec, keep
from engine.runtime.fingerprints import Fingerprints
from engine.runtime.journal import Run
from engine.runtime.links import REMOVED, Link
from engine.runtime.locking import activation_lock

MANY_CALLS = 20
"""A run with fewer calls does not tell how fast the partner answers."""

LEASE_SECONDS = 20
"""So long a process may send without asking whether the activation is still its own."""


class State:
    """The state database of an installation."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        """
        Open a database, and bring its tables up to date.

        With `read_only` nothing of it is changed; raises SpecError if it is not ours.
        """
        self.url = url
        self.engine = open_database(url, read_only=read_only)
        (need_newest if read_only else migrate)(self.engine, url)
        with self.engine.connect() as db:
            salt = db.scalar(sa.select(installation_table.c.salt))
        self.fingerprints = Fingerprints(salt or b"")

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
            with writing(self.engine) as db:
                db.execute(insert.on_conflict_do_nothing())
                number = db.execute(query).scalar_one()
        return ActivationState(self.engine, name, number, self.fingerprints)

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

    def __init__(
        self, engine: sa.Engine, name: str, number: int, fingerprints: Fingerprints
    ) -> None:
        self.engine = engine
        self.name = name
        self.number = number
        self.fingerprints = fingerprints
        self._epoch: int | None = None
        self._held_until = 0.0

    @contextmanager
    def exclusive(self, *, evict: bool = False) -> Iterator[None]:
        """
        Keep other processes out; raises SpecError if one runs this activation.

        With `evict` that one loses the activation instead, on PostgreSQL: should it be
        alive after all, its next write or call raises FencedError.
        """
        with activation_lock(self.engine, self.number, self.name, evict=evict):
            with writing(self.engine) as db:
                self._epoch = db.scalar(
                    sa.update(activation_table)
                    .where(activation_table.c.id == self.number)
                    .values(epoch=activation_table.c.epoch + 1)
                    .returning(activation_table.c.epoch)
                )
            try:
                yield
            finally:
                self._epoch = None

    def hold(self) -> None:
        """
        Raise FencedError if another process has taken this activation over.

        The database is asked at most every LEASE_SECONDS; a process that was frozen
        asks when it wakes up.
        """
        if monotonic() >= self._held_until:
            with self.engine.connect() as db:
                self._need_epoch(db)

    def _need_epoch(self, db: sa.Connection) -> None:
        """Raise FencedError in a transaction of who may not write any more."""
        if self._epoch is None:
            return
        asked = monotonic()
        query = sa.select(activation_table.c.epoch).where(
            activation_table.c.id == self.number
        )
        if db.scalar(query.with_for_update(read=True)) != self._epoch:
            message = "another process has taken this activation over."
            raise FencedError([Problem(Origin(self.name), "D304", message)])
        self._held_until = asked + LEASE_SECONDS

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
        names = ("key", "our_id", "partner_id", "digest", "fixed", "fields")
        selected = [columns[name] for name in names]
        with self.engine.connect() as db:
            for start in range(0, len(values), CHUNK):
                query = sa.select(*selected).where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    column.in_(values[start : start + CHUNK]),
                )
                found += [_as_link(*row) for row in db.execute(query)]
        return found

    def link_keys(self, entity: str, *, there: bool = False) -> Iterator[list[str]]:
        """Yield the keys of all links of an entity, or of what has not ended yet."""
        columns = link_table.c
        wanted = columns.digest != REMOVED if there else sa.true()
        last = ""
        while True:
            query = (
                sa.select(columns.key)
                .where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    columns.key > last,
                    wanted,
                )
                .order_by(columns.key)
                .limit(CHUNK)
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
        columns = journal_table.c
        running = sa.select(run_table.c.id).where(
            run_table.c.activation_id == self.number, run_table.c.state == "running"
        )
        unknown = sa.select(columns.key).where(
            columns.activation_id == self.number,
            columns.entity == entity,
            columns.state == "unknown",
        )
        sending = sa.select(columns.key).where(
            columns.run_id.in_(running),
            columns.entity == entity,
            columns.state == "sending",
        )
        with self.engine.connect() as db:
            return frozenset(db.scalars(unknown.union(sending)))

    def start_run(
        self,
        spec_version: str,
        kind: str = "sync",
        plan: str = "",
        person: str = "",
        spec: KeptSpec | None = None,
    ) -> Run:
        """
        Enter a run; those that never ended are marked as broken off.

        What they were sending is unknown from now on. `plan` names a plan that was
        released or a report that was accepted, `person` who accepted it. `spec` is
        kept with it: from now on it is what is deployed.
        """
        unfinished = sa.and_(
            run_table.c.activation_id == self.number, run_table.c.state == "running"
        )
        with writing(self.engine) as db:
            self._need_epoch(db)
            runs = sa.select(run_table.c.id).where(unfinished)
            db.execute(
                sa.update(journal_table)
                .where(
                    journal_table.c.run_id.in_(runs),
                    journal_table.c.state == "sending",
                )
                .values(state="unknown")
            )
            db.execute(
                sa.update(run_table).where(unfinished).values(state="broken_off")
            )
            if spec is not None:
                keep(db, spec)
            result = db.execute(
                sa.insert(run_table).values(
                    activation_id=self.number,
                    started_at=datetime.now(UTC),
                    state="running",
                    spec_version=spec_version,
                    totals={},
                    kind=kind,
                    plan_id=plan,
                    person=person,
                    spec=spec and spec.hash,
                )
            )
            number = int((result.inserted_primary_key or [0])[0])
        return Run(self.engine, self.number, number, self._need_epoch)

    # -- what is missing in the source

    def missing_runs(self, entity: str, keys: Sequence[str]) -> dict[str, int]:
        """Return how many complete runs in a row have not met these records."""
        columns = link_table.c
        found: dict[str, int] = {}
        with self.engine.connect() as db:
            for start in range(0, len(keys), CHUNK):
                query = sa.select(columns.key, columns.missing_runs).where(
                    columns.activation_id == self.number,
                    columns.entity == entity,
                    columns.key.in_(keys[start : start + CHUNK]),
                )
                found.update((key, runs) for key, runs in db.execute(query))
        return found

    # -- runs and rejects

    def calls_per_second(self) -> float | None:
        """Return how fast the partner answered the last runs; None without any."""
        columns = run_table.c
        last = (
            sa.select(columns.calls, columns.seconds)
            .where(columns.activation_id == self.number, columns.calls >= MANY_CALLS)
            .order_by(columns.id.desc())
            .limit(5)
            .subquery()
        )
        query = sa.select(sa.func.sum(last.c.calls), sa.func.sum(last.c.seconds))
        with self.engine.connect() as db:
            calls, seconds = db.execute(query).one()
        return calls / seconds if calls and seconds else None

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


def _as_link(
    key: str,
    our_id: str,
    partner_id: str,
    digest: str,
    fixed: str,
    fields: bytes | None,
) -> Link:
    return Link(key, our_id, orjson.loads(partner_id), digest, fixed, fields or b"")
