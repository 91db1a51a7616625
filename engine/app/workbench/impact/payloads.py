"""Keep what two versions of a spec make of a source: two plans in, what differs out.

A private temporary SQLite database, already unlinked, holds the payloads, so memory
does not grow with the portfolio.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

from engine.app.workbench.payload_diff import Payload
from engine.runtime.changes import LeftOut
from engine.runtime.plan import EntityPlan
from engine.runtime.planning import digest_of

Side = Literal["old", "new"]


@dataclass(frozen=True)
class Sent:
    """What a version sends of a record; `fixed` hashes what nobody can change there."""

    id: str
    fixed: str
    payload: Payload


@dataclass(frozen=True)
class NotSent:
    """Why a version does not send a record; all empty if it takes it for none."""

    code: str = ""
    rule: str = ""
    reason: str = ""
    rejected: bool = False


class Payloads:
    """The payloads of two versions. Use as a context manager."""

    def __init__(self) -> None:
        # An empty name is a database of its own on disk, already unlinked.
        self.db = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-32768"):
            self.db.execute(f"PRAGMA {pragma}")
        for side in ("old", "new"):
            self.db.execute(
                f"CREATE TABLE {side} (entity TEXT, key TEXT, id TEXT, fixed TEXT,"
                " digest TEXT, payload BLOB, UNIQUE (entity, key))"
            )
            self.db.execute(
                f"CREATE TABLE {side}_out (entity TEXT, key TEXT, code TEXT,"
                " rule TEXT, reason TEXT, rejected INTEGER,"
                " PRIMARY KEY (entity, key)) WITHOUT ROWID"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def add(self, side: Side, part: EntityPlan) -> None:
        """Take in what a plan would send of an entity, and what it would not."""
        self._insert(f"INSERT INTO {side} VALUES (?, ?, ?, ?, ?, ?)", _sent(part))
        # What is rejected counts, whatever else is said of the record.
        statement = f"INSERT OR REPLACE INTO {side}_out VALUES (?, ?, ?, ?, ?, ?)"
        self._insert(statement, _out(part.name, part.left_outs(), rejected=False))
        self._insert(statement, _out(part.name, part.rejects(), rejected=True))

    def _insert(self, statement: str, rows: Iterator[tuple[Any, ...]]) -> None:
        self.db.execute("BEGIN")
        self.db.executemany(statement, rows)
        self.db.execute("COMMIT")

    def index(self) -> None:
        """Make the IDs of both sides quick to find."""
        for side in ("old", "new"):
            self.db.execute(f"CREATE INDEX {side}_id ON {side} (entity, id)")

    def count(self, entity: str) -> int:
        """Return how many records of an entity either version sends."""
        query = (
            "SELECT COUNT(*) FROM (SELECT key FROM old WHERE entity = ?"
            " UNION SELECT key FROM new WHERE entity = ?)"
        )
        count: int = self.db.execute(query, (entity, entity)).fetchone()[0]
        return count

    def changed(self, entity: str) -> Iterator[tuple[str, Sent, Sent]]:
        """Yield the records that both versions send and that are not the same."""
        query = (
            "SELECT o.key, o.id, o.fixed, o.payload, n.id, n.fixed, n.payload"
            " FROM old o JOIN new n ON n.entity = o.entity AND n.key = o.key"
            " WHERE o.entity = ? AND (o.digest != n.digest OR o.id != n.id)"
            " ORDER BY o.rowid"
        )
        for key, *values in self.db.execute(query, (entity,)):
            yield key, _read(values[:3]), _read(values[3:])

    def lost(self, entity: str, before: Side) -> Iterator[tuple[str, str, NotSent]]:
        """
        Yield key, ID and reason of what one version sends and the other one does not.

        A record that the other one rejects is lost too if nobody sent it, unless both
        reject it; it has no ID.
        """
        after = "new" if before == "old" else "old"
        query = (
            f"SELECT b.key, b.id, x.code, x.rule, x.reason, x.rejected FROM {before} b"
            f" LEFT JOIN {after}_out x ON x.entity = b.entity AND x.key = b.key"
            f" WHERE b.entity = ? AND NOT EXISTS (SELECT 1 FROM {after} a"
            " WHERE a.entity = b.entity AND a.key = b.key) ORDER BY b.rowid"
        )
        for key, our_id, *why in self.db.execute(query, (entity,)):
            yield key, our_id, _reason(why)
        query = (
            f"SELECT x.key, x.code, x.rule, x.reason, x.rejected FROM {after}_out x"
            " WHERE x.entity = ? AND x.rejected"
            f" AND NOT EXISTS (SELECT 1 FROM {before} b"
            "  WHERE b.entity = x.entity AND b.key = x.key)"
            f" AND NOT EXISTS (SELECT 1 FROM {before}_out y WHERE y.entity = x.entity"
            "  AND y.key = x.key AND y.rejected)"
        )
        for key, *why in self.db.execute(query, (entity,)):
            yield key, "", _reason(why)

    def key_of(self, side: Side, entity: str, our_id: str) -> str | None:
        """Return the key of the record that has an ID in a version."""
        query = f"SELECT key FROM {side} WHERE entity = ? AND id = ?"
        row = self.db.execute(query, (entity, our_id)).fetchone()
        return row[0] if row else None


def _sent(part: EntityPlan) -> Iterator[tuple[Any, ...]]:
    for change in part.changes():
        digest = change.digest + (digest_of(change.only) if change.only else "")
        payload = orjson.dumps((change.body, change.only))
        yield part.name, change.key, change.id, change.fixed, digest, payload


def _out(
    entity: str, items: Iterator[LeftOut], *, rejected: bool
) -> Iterator[tuple[Any, ...]]:
    for item in items:
        yield entity, item.key, item.code, item.rule, item.reason, rejected


def _reason(values: list[Any]) -> NotSent:
    code, rule, reason, rejected = values
    return NotSent(code or "", rule or "", reason or "", bool(rejected))


def _read(values: list[Any]) -> Sent:
    our_id, fixed, payload = values
    return Sent(our_id, fixed, orjson.loads(payload))
