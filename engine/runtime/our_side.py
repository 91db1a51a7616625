"""Stage our records to be matched: a plan in, records with the partner's ids out.

What they point to is known by the partner's ids as far as those are linked or matched
already, so parents are staged and matched first.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from hashlib import blake2b
from itertools import islice
from typing import Any

import orjson

from engine.payload import references, replace_ids, values_at
from engine.runtime.alike import folded
from engine.runtime.changes import Change
from engine.runtime.links import REMOVED
from engine.runtime.plan import Plan
from engine.runtime.reading_back import ReadBack, place_of
from engine.runtime.state import ActivationState
from engine.work import EntityWork, ReferenceSpot, UseCaseWork

_PORTION = 500
PAIRED = "state IN ('exact', 'probable')"


class OurSide:
    """Our records in the database of what was read back."""

    def __init__(
        self, work: UseCaseWork, plan: Plan, state: ActivationState, back: ReadBack
    ) -> None:
        self.work = work
        self.plan = plan
        self.state = state
        self.back = back
        self.db = back.db
        for statement in _TABLES:
            self.db.execute(statement)

    def stage(self, entity: EntityWork) -> None:
        """Stage what is not linked, and the places of all."""
        changes = self.plan.entities[entity.name].changes()
        while portion := list(islice(changes, _PORTION)):
            known = self._known(entity, portion)
            parents = self._linked_parents(entity, portion)
            self.db.execute("BEGIN")
            for change in portion:
                self._stage_one(entity, change, known, parents)
            self.db.execute("COMMIT")

    def _stage_one(
        self,
        entity: EntityWork,
        change: Change,
        known: Mapping[ReferenceSpot, Mapping[str, Any]],
        parents: Mapping[str, str],
    ) -> None:
        body = deepcopy(change.body)
        for spot, ids in known.items():
            replace_ids(body, spot.target, ids.get)
        names = self.back.places(entity.resource)
        path = {name: body[name] for name in names if name in body}
        place = None
        if len(path) == len(names):
            place = place_of(names, path)
            self.db.execute(
                "INSERT OR IGNORE INTO our_place VALUES (?, ?, ?)",
                (entity.name, place, orjson.dumps(path)),
            )
        if change.linked:
            return
        needs = [
            (spot.entities, our_id)
            for spot, our_id in references(entity.references, change.body)
            if spot.target[0] in names
        ]
        number = self.db.execute(
            "INSERT INTO ours (entity, key, our_id, place, adopts, parent, needs)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                entity.name,
                change.key,
                change.id,
                place,
                change.adopts,
                parents.get(change.key),
                orjson.dumps(needs),
            ),
        ).lastrowid
        if place is not None:
            keep_keys(self.db, "our_key", entity, number, place, body)

    def _known(
        self, entity: EntityWork, changes: Sequence[Change]
    ) -> dict[ReferenceSpot, dict[str, Any]]:
        """Return the ids by which the partner knows the records that are pointed to."""
        wanted: dict[ReferenceSpot, set[str]] = {s: set() for s in entity.references}
        for change in changes:
            for spot, our_id in references(entity.references, change.body):
                wanted[spot].add(our_id)
        known: dict[ReferenceSpot, dict[str, Any]] = {}
        for spot, ids in wanted.items():
            known[spot] = {}
            for name in reversed(spot.entities):
                known[spot] |= self._ids_of(self.work.entity(name), sorted(ids))
        return known

    def _ids_of(self, parent: EntityWork, our_ids: Sequence[str]) -> dict[str, Any]:
        links = self.state.links_by_our_id(parent.name, our_ids)
        alive = {i: link for i, link in links.items() if link.digest != REMOVED}
        found = {
            our_id: our_id if parent.named_by_us else link.partner_id
            for our_id, link in alive.items()
        }
        for start in range(0, len(our_ids), _PORTION):
            some = our_ids[start : start + _PORTION]
            holders = ", ".join("?" * len(some))
            rows = self.db.execute(
                "SELECT o.our_id, t.partner_id, (SELECT MIN(our_id) FROM their_id"
                " WHERE theirs = t.number) FROM ours o JOIN theirs t"
                f" ON t.number = o.theirs WHERE o.entity = ? AND o.{PAIRED}"
                f" AND o.our_id IN ({holders})",
                (parent.name, *some),
            )
            for our_id, partner_id, shown in rows:
                theirs = shown if parent.named_by_us else orjson.loads(partner_id)
                found[our_id] = theirs
        return found

    def _linked_parents(
        self, entity: EntityWork, changes: Sequence[Change]
    ) -> dict[str, str]:
        """Return the partner's ids of linked records that bring others into being."""
        if entity.adopts is None:
            return {}
        keys = [change.key for change in changes if change.adopts]
        links = self.state.links(entity.adopts.entity, keys)
        return {k: orjson.dumps(link.partner_id).decode() for k, link in links.items()}

    def paths(self, entity: EntityWork) -> Iterator[Mapping[str, Any]]:
        """Yield the values of the addresses below which an entity has records."""
        query = "SELECT path FROM our_place WHERE entity = ? ORDER BY rowid"
        for (path,) in self.db.execute(query, (entity.name,)):
            yield orjson.loads(path)

    def without_parents(self, entity: EntityWork, keys: Sequence[str]) -> set[str]:
        """Return which records stand below a record that is not linked."""
        if not self.back.places(entity.resource):
            return set()
        waiting: set[str] = set()
        query = "SELECT key, needs FROM ours WHERE entity = ? AND key = ?"
        rows = [self.db.execute(query, (entity.name, key)).fetchone() for key in keys]
        needs = [(key, names, i) for key, n in rows for names, i in orjson.loads(n)]
        for names in {tuple(names) for _, names, _ in needs}:
            ids = {i for _, others, i in needs if tuple(others) == names}
            linked: set[str] = set()
            for name in names:
                linked |= set(self.state.links_by_our_id(name, sorted(ids)))
            waiting |= {
                key
                for key, others, i in needs
                if tuple(others) == names and i not in linked
            }
        return waiting


def keep_keys(
    db: sqlite3.Connection,
    table: str,
    entity: EntityWork,
    number: Any,
    place: str,
    body: Mapping[str, Any],
) -> None:
    """Keep the hash of each alternative of `match` of which a record has all fields."""
    for alternative, names in enumerate(entity.match):
        values = [folded(next(values_at(body, name), None)) for name in names]
        if None in values:
            continue
        content = orjson.dumps([place, *values])
        hashed = blake2b(content, digest_size=16).digest()
        db.execute(
            f"INSERT INTO {table} VALUES (?, ?, ?)", (number, alternative, hashed)
        )


_TABLES = (
    "CREATE TABLE ours (number INTEGER PRIMARY KEY, entity TEXT, key TEXT,"
    " our_id TEXT, place TEXT, adopts INTEGER, parent TEXT,"
    " needs BLOB, state TEXT, theirs INTEGER, alternative INTEGER)",
    "CREATE INDEX ours_by_id ON ours (entity, our_id)",
    "CREATE INDEX ours_by_key ON ours (entity, key)",
    "CREATE TABLE our_place (entity TEXT, place TEXT, path BLOB,"
    " PRIMARY KEY (entity, place))",
    "CREATE TABLE our_key (number INTEGER, alternative INTEGER, hash BLOB)",
)
