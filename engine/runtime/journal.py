"""The journal of a run: what is planned, sent and accepted, change by change.

A change is planned; before it is sent it is `sending`; then it is `done` (with its
link, in one transaction), `rejected`, `unknown` because nobody saw the answer, or
`waiting` for a record that the partner does not have. No payload is kept.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from time import time
from typing import Literal

import orjson
import sqlalchemy as sa

from engine.runtime.database import (
    CHUNK,
    insert_into,
    journal_table,
    link_table,
    reject_table,
    run_table,
    writing,
)
from engine.runtime.links import Link, Reject

ChangeState = Literal["planned", "sending", "done", "rejected", "unknown", "waiting"]

SUCCESSES = ("done", "braked")
"""The states of a run that ended by itself."""

went_through = sa.and_(
    run_table.c.state.in_(SUCCESSES), run_table.c.kind.in_(("sync", "apply"))
)
"""Whether a run has sent its plan; an adoption or a repair sends nothing."""


@dataclass(frozen=True)
class EntityEnd:
    """What the end of a run knows of an entity: keys of records."""

    entity: str
    missing: Iterable[str] | None = None
    """What a complete reading did not meet; None if it was not complete."""
    superseded: Sequence[str] = ()
    """Links whose IDs other records have now."""
    untried: Iterable[str] = ()
    """What was held back."""


class Run:
    """
    One run of an activation.

    `need_epoch` raises FencedError in a transaction of who may not write any more.
    """

    def __init__(
        self,
        engine: sa.Engine,
        activation: int,
        number: int,
        need_epoch: Callable[[sa.Connection], None],
    ) -> None:
        self.engine = engine
        self.activation = activation
        self.number = number
        self._need_epoch = need_epoch

    # -- changes

    def plan(self, entity: str, changes: Iterable[tuple[str, str]]) -> None:
        """Enter what is to be sent: pairs of key and operation."""
        now = _now()
        rows = (
            {
                "run_id": self.number,
                "entity": entity,
                "key": key,
                "activation_id": self.activation,
                "operation": operation,
                "state": "planned",
                "changed_at": now,
            }
            for key, operation in changes
        )
        with writing(self.engine) as db:
            self._need_epoch(db)
            while some := list(islice(rows, CHUNK)):
                db.execute(sa.insert(journal_table), some)

    def begin(self, entity: str, keys: Sequence[str]) -> None:
        """Note that records are about to be sent."""
        with writing(self.engine) as db:
            self._need_epoch(db)
            self._enter(db, entity, dict.fromkeys(keys, "sending"))

    def settle(
        self,
        entity: str,
        accepted: Sequence[Link],
        states: Mapping[str, ChangeState],
        removed: Sequence[str] = (),
    ) -> None:
        """
        Keep what was accepted and what became of each change, all at once.

        `removed` are keys of which the partner has no record now.
        What an earlier run left unknown is settled with it, unless it still is.
        """
        with writing(self.engine) as db:
            self._need_epoch(db)
            if accepted:
                self._link(db, entity, accepted)
            self._unlink(db, entity, removed)
            self._enter(db, entity, states)
            self._settle_earlier(db, entity, states)

    def _link(self, db: sa.Connection, entity: str, accepted: Sequence[Link]) -> None:
        insert = insert_into(self.engine, link_table)
        changed = ("our_id", "partner_id", "digest", "fixed", "fields", "run_id")
        db.execute(
            insert.on_conflict_do_update(
                index_elements=["activation_id", "entity", "key"],
                set_={
                    **{name: insert.excluded[name] for name in changed},
                    "missing_runs": 0,
                },
            ),
            [
                {
                    "activation_id": self.activation,
                    "entity": entity,
                    "key": link.key,
                    "our_id": link.our_id,
                    "partner_id": orjson.dumps(link.partner_id).decode(),
                    "digest": link.digest,
                    "fixed": link.fixed,
                    "fields": link.fields,
                    "run_id": self.number,
                }
                for link in accepted
            ],
        )

    def _unlink(self, db: sa.Connection, entity: str, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), CHUNK):
            db.execute(
                sa.delete(link_table).where(
                    link_table.c.activation_id == self.activation,
                    link_table.c.entity == entity,
                    link_table.c.key.in_(keys[start : start + CHUNK]),
                )
            )

    def _enter(self, db: sa.Connection, entity: str, states: Mapping[str, str]) -> None:
        columns = journal_table.c
        for state, keys in _by_state(states).items():
            for start in range(0, len(keys), CHUNK):
                db.execute(
                    sa.update(journal_table)
                    .where(
                        columns.run_id == self.number,
                        columns.entity == entity,
                        columns.key.in_(keys[start : start + CHUNK]),
                    )
                    .values(state=state, changed_at=_now())
                )

    def _settle_earlier(
        self, db: sa.Connection, entity: str, states: Mapping[str, str]
    ) -> None:
        columns = journal_table.c
        by_state = _by_state(states)
        for certain in ("done", "rejected"):
            keys = by_state.get(certain, [])
            for start in range(0, len(keys), CHUNK):
                db.execute(
                    sa.update(journal_table)
                    .where(
                        columns.activation_id == self.activation,
                        columns.entity == entity,
                        columns.state == "unknown",
                        columns.key.in_(keys[start : start + CHUNK]),
                    )
                    .values(state=certain, changed_at=_now())
                )

    # -- the end

    def finish(
        self,
        state: str,
        totals: Mapping[str, int],
        rejects: Iterable[Reject] | None,
        *,
        calls: int = 0,
        seconds: float = 0.0,
        ends: Iterable[EntityEnd] = (),
    ) -> None:
        """
        End a run, all at once.

        With a full list of rejects, those that passed are closed; `ends` say what else
        is known of the records of an entity.
        """
        with writing(self.engine) as db:
            self._need_epoch(db)
            db.execute(
                sa.update(run_table)
                .where(run_table.c.id == self.number)
                .values(
                    finished_at=datetime.now(UTC),
                    state=state,
                    totals=dict(totals),
                    calls=calls,
                    seconds=seconds,
                )
            )
            for end in ends:
                if end.missing is not None:
                    self._count_missing(db, end.entity, end.missing)
                self._unlink(db, end.entity, end.superseded)
                self._keep_open(db, end.entity, end.untried)
            if rejects is not None:
                self._keep_rejects(db, rejects)

    def _count_missing(
        self, db: sa.Connection, entity: str, missing: Iterable[str]
    ) -> None:
        """Count a complete run that did not meet some records; others start anew."""
        columns = link_table.c
        of_entity = (
            columns.activation_id == self.activation,
            columns.entity == entity,
        )
        keys = set(missing)
        counted = sa.select(columns.key).where(*of_entity, columns.missing_runs > 0)
        met = sorted(set(db.scalars(counted)) - keys)
        gone = sorted(keys)
        for some, value in ((met, 0), (gone, columns.missing_runs + 1)):
            for start in range(0, len(some), CHUNK):
                db.execute(
                    sa.update(link_table)
                    .where(*of_entity, columns.key.in_(some[start : start + CHUNK]))
                    .values(missing_runs=value)
                )

    def _keep_open(self, db: sa.Connection, entity: str, keys: Iterable[str]) -> None:
        """Leave rejects open of records that this run did not try again."""
        held = list(keys)
        for start in range(0, len(held), CHUNK):
            db.execute(
                sa.update(reject_table)
                .where(
                    reject_table.c.activation_id == self.activation,
                    reject_table.c.entity == entity,
                    reject_table.c.key.in_(held[start : start + CHUNK]),
                )
                .values(last_run=self.number)
            )

    def _keep_rejects(self, db: sa.Connection, rejects: Iterable[Reject]) -> None:
        rows = (
            {
                "activation_id": self.activation,
                **vars(reject),
                "since_run": self.number,
                "last_run": self.number,
            }
            for reject in rejects
        )
        insert = insert_into(self.engine, reject_table)
        changed = ("code", "message", "origin", "last_run")
        while some := list(islice(rows, CHUNK)):
            db.execute(
                insert.on_conflict_do_update(
                    index_elements=["activation_id", "entity", "key"],
                    set_={name: insert.excluded[name] for name in changed},
                ),
                some,
            )
        db.execute(
            sa.delete(reject_table).where(
                reject_table.c.activation_id == self.activation,
                reject_table.c.last_run != self.number,
            )
        )


def _by_state(states: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, state in states.items():
        found.setdefault(state, []).append(key)
    return found


def _now() -> int:
    """Return the seconds since 1970."""
    return int(time())
