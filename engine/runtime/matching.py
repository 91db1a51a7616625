"""Match our records with a partner's own: a plan and a reading back in, pairs out.

First by our ID, then by the fields that the use case declares, the surest first. All of
it are set operations on disk. Nothing is sent and nothing is written to the state here.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from hashlib import blake2b
from itertools import islice
from typing import Any, Literal

import orjson

from engine.payload import references, replace_ids, values_at
from engine.runtime.alike import folded
from engine.runtime.links import REMOVED
from engine.runtime.plan import Change, Plan
from engine.runtime.reading_back import ReadBack, last_of_resource, place_of
from engine.runtime.state import ActivationState
from engine.work import EntityWork, ReferenceSpot, UseCaseWork

MatchState = Literal[
    "exact", "probable", "ambiguous", "only_here", "only_there", "unknown"
]
COUNTS = (
    *("linked", "exact", "probable", "ambiguous"),
    *("only_here", "only_there", "unknown"),
)
CANDIDATES = 10
"""So many candidates of an ambiguous record are named."""

_BY_ID, _WITH_PARENT = -1, -2
_PORTION = 500
_PAIRED = "state IN ('exact', 'probable')"


@dataclass(frozen=True)
class MatchRow:
    """
    What became of one record: no value of it but its key and ids.

    `fields` are those that agree, `candidates` the partner's ids of an ambiguous one;
    `our_id` of one that is only there is what it shows where ours would stand.
    """

    entity: str
    state: MatchState
    key: str = ""
    our_id: str = ""
    partner_id: Any = None
    fields: tuple[str, ...] = ()
    candidates: tuple[Any, ...] = ()


class Matching:
    """The records of a plan that are not linked yet, and the partner's."""

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

    def match(self) -> None:
        """Read the partner back and match all entities, parents first."""
        for entity in self.work.entities:
            self._stage(entity)
            self.back.read(entity.resource, self._paths(entity))
            if entity.resource in self.back.unreadable:
                self._mark(entity, "unknown")
                continue
            self._take_linked(entity)
            self._by_our_id(entity)
            self._with_parents(entity)
            self._by_fields(entity)
            self._mark(entity, "only_here")

    # -- our side

    def _stage(self, entity: EntityWork) -> None:
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
            self._keep_keys("our_key", entity, number, place, body)

    def _keep_keys(
        self,
        table: str,
        entity: EntityWork,
        number: Any,
        place: str,
        body: Mapping[str, Any],
    ) -> None:
        """Keep the hash of each alternative of which the record has all fields."""
        for alternative, names in enumerate(entity.match):
            values = [folded(next(values_at(body, name), None)) for name in names]
            if None in values:
                continue
            content = orjson.dumps([place, *values])
            hashed = blake2b(content, digest_size=16).digest()
            insert = f"INSERT INTO {table} VALUES (?, ?, ?)"
            self.db.execute(insert, (number, alternative, hashed))

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
                f" ON t.number = o.theirs WHERE o.entity = ? AND o.{_PAIRED}"
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

    def _paths(self, entity: EntityWork) -> Iterator[Mapping[str, Any]]:
        query = "SELECT path FROM our_place WHERE entity = ? ORDER BY rowid"
        for (path,) in self.db.execute(query, (entity.name,)):
            yield orjson.loads(path)

    # -- pairs

    def _take_linked(self, entity: EntityWork) -> None:
        """What is linked already is no candidate for anything else."""
        for keys in self.state.link_keys(entity.name):
            links = self.state.links(entity.name, keys).values()
            if entity.named_by_us:
                ids = [link.our_id for link in links]
                query = "SELECT theirs FROM their_id WHERE resource = ? AND our_id = ?"
            else:
                ids = [orjson.dumps(link.partner_id).decode() for link in links]
                query = (
                    "SELECT number FROM theirs WHERE resource = ? AND partner_id = ?"
                )
            update = f"UPDATE theirs SET taken = 1 WHERE number IN ({query})"
            self.db.executemany(update, [(entity.resource, one) for one in ids])

    def _by_our_id(self, entity: EntityWork) -> None:
        self._find_hidden(entity)
        shown = (
            " FROM ours o JOIN their_id i ON i.resource = ? AND i.our_id = o.our_id"
            " JOIN theirs t ON t.number = i.theirs AND t.taken = 0"
            " AND t.place = o.place WHERE o.entity = ? AND o.state IS NULL"
        )
        of = (entity.resource, entity.name)
        once = f"SELECT o.number, MIN(t.number), {_BY_ID}{shown} GROUP BY o.number"
        self._pair("exact", f"{once} HAVING COUNT(*) = 1", of)
        self._suspect(f"SELECT o.number, t.number, {_BY_ID}{shown}", of)

    def _find_hidden(self, entity: EntityWork) -> None:
        """Ask for our IDs that a record may carry beside the one that a list shows."""
        if not self.back.shows_one_of_many(entity.resource):
            return
        query = (
            "SELECT number, path, our_id FROM ours o JOIN our_place p"
            " ON p.entity = o.entity AND p.place = o.place"
            " WHERE o.entity = ? AND number > ? AND NOT EXISTS (SELECT 1"
            f" FROM their_id i WHERE i.resource = '{entity.resource}'"
            f" AND i.our_id = o.our_id) ORDER BY number LIMIT {_PORTION}"
        )
        last = 0
        while rows := self.db.execute(query, (entity.name, last)).fetchall():
            by_path: dict[bytes, list[str]] = {}
            for _, path, our_id in rows:
                by_path.setdefault(path, []).append(our_id)
            for path, our_ids in by_path.items():
                self.back.find_hidden(entity.resource, orjson.loads(path), our_ids)
            last = rows[-1][0]

    def _with_parents(self, entity: EntityWork) -> None:
        """Pair what came into being with another record, and has its id."""
        if entity.adopts is None:
            return
        child = "WHERE o.entity = ? AND o.state IS NULL AND o.adopts"
        own = f"SELECT o.number, t.number, {_WITH_PARENT} FROM ours o"
        free = "t.taken = 0 AND t.resource = ? AND t.partner_id"
        linked = f"{own} JOIN theirs t ON {free} = o.parent {child}"
        self._pair("exact", linked, (entity.resource, entity.name))
        for state in ("exact", "probable"):
            paired = (
                f"{own} JOIN ours p ON p.key = o.key AND p.entity = ? AND p.state = ?"
                f" JOIN theirs pt ON pt.number = p.theirs"
                f" JOIN theirs t ON {free} = pt.partner_id {child}"
            )
            of = (entity.adopts.entity, state, entity.resource, entity.name)
            self._pair(state, paired, of)

    def _by_fields(self, entity: EntityWork) -> None:
        if not entity.match:
            return
        self.db.execute("DELETE FROM their_key")
        self.db.execute("BEGIN")
        places = dict.fromkeys(self.back.places(entity.resource))
        for record in self.back.records(entity.resource):
            place = place_of(tuple(places), record.body)
            self._keep_keys("their_key", entity, record.number, place, record.body)
        self.db.execute("COMMIT")
        for alternative in range(len(entity.match)):
            of = (entity.name, alternative, entity.resource, alternative)
            both = f"FROM ({_OURS}) o JOIN ({_THEIRS}) t ON t.hash = o.hash"
            self._pair(
                "probable",
                f"SELECT o.first, t.first, {alternative} {both}"
                " WHERE o.count = 1 AND t.count = 1",
                of,
            )
        for alternative in range(len(entity.match)):
            some = (
                f"SELECT o.number, t.number, {alternative} FROM ({_OUR_KEYS}) o JOIN"
                " (SELECT hash, number, ROW_NUMBER() OVER (PARTITION BY hash"
                f" ORDER BY number) AS place FROM ({_THEIR_KEYS})) t"
                f" ON t.hash = o.hash AND t.place <= {CANDIDATES}"
            )
            of = (entity.name, alternative, entity.resource, alternative)
            self._suspect(some, of)

    def _pair(self, state: str, select: str, parameters: Sequence[Any]) -> None:
        """Pair (ours, theirs, alternative); what has several of ours has none."""
        self.db.execute("DELETE FROM found")
        self.db.execute(f"INSERT INTO found {select}", parameters)
        self.db.execute(
            "DELETE FROM found WHERE theirs IN"
            " (SELECT theirs FROM found GROUP BY theirs HAVING COUNT(*) > 1)"
        )
        self.db.execute(
            "UPDATE ours SET state = ?, theirs = f.theirs, alternative = f.alternative"
            " FROM found f WHERE f.ours = ours.number",
            (state,),
        )
        self.db.execute(
            "UPDATE theirs SET taken = 1 WHERE number IN (SELECT theirs FROM found)"
        )

    def _suspect(self, select: str, parameters: Sequence[Any]) -> None:
        """Keep candidates (ours, theirs, alternative) of what is ambiguous."""
        self.db.execute("DELETE FROM found")
        self.db.execute(f"INSERT INTO found {select}", parameters)
        self.db.execute("INSERT INTO candidate SELECT * FROM found")
        self.db.execute(
            "UPDATE ours SET state = 'ambiguous', alternative = f.alternative"
            " FROM found f WHERE f.ours = ours.number"
        )
        self.db.execute(
            "UPDATE theirs SET taken = 1 WHERE number IN (SELECT theirs FROM found)"
        )

    def _mark(self, entity: EntityWork, state: MatchState) -> None:
        """Give the rest of an entity its state."""
        self.db.execute(
            "UPDATE ours SET state = ? WHERE entity = ? AND state IS NULL",
            (state, entity.name),
        )

    # -- what came of it

    def counts(self) -> dict[str, dict[str, int]]:
        """Return for each entity how many records are in which state."""
        found = {entity.name: dict.fromkeys(COUNTS, 0) for entity in self.work.entities}
        for entity in self.work.entities:
            found[entity.name]["linked"] = self.state.count_links(entity.name)
        query = "SELECT entity, state, COUNT(*) FROM ours GROUP BY entity, state"
        for name, state, count in self.db.execute(query):
            found[name][state] = count
        query = "SELECT COUNT(*) FROM theirs WHERE resource = ? AND taken = 0"
        for resource, entity in last_of_resource(self.work).items():
            count = self.db.execute(query, (resource,)).fetchone()[0]
            found[entity.name]["only_there"] = count
        return found

    def rows(self, *states: MatchState) -> Iterator[MatchRow]:
        """Yield what became of each record, of all or of some states, by entity."""
        for entity in self.work.entities:
            yield from self.rows_of(entity, states)
            if states and "only_there" not in states:
                continue
            if last_of_resource(self.work)[entity.resource] is not entity:
                continue
            query = (
                f"SELECT t.number, {_SHOWN}, (SELECT MIN(our_id) FROM their_id"
                " WHERE theirs = t.number) FROM theirs t WHERE t.resource = ?"
                " AND t.taken = 0 AND t.number > ? ORDER BY t.number"
            )
            for _, shown, our_id in self._portions(query, entity.resource):
                theirs = {"our_id": our_id or "", "partner_id": _id(shown)}
                yield MatchRow(entity.name, "only_there", **theirs)

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

    def partner_id_of(self, entity: EntityWork, key: str) -> Any:
        """Return the partner's own id of a paired record, if it has one."""
        query = (
            "SELECT t.partner_id FROM ours o JOIN theirs t ON t.number = o.theirs"
            " WHERE o.entity = ? AND o.key = ?"
        )
        row = self.db.execute(query, (entity.name, key)).fetchone()
        return None if row is None else _id(row[0])

    def rows_of(
        self, entity: EntityWork, states: Sequence[MatchState] = ()
    ) -> Iterator[MatchRow]:
        """Yield what became of our records of one entity."""
        query = (
            "SELECT o.number, o.state, o.key, o.our_id, o.alternative, (SELECT"
            f" {_SHOWN} FROM theirs t WHERE t.number = o.theirs) FROM ours o"
            " WHERE o.entity = ? AND o.number > ? ORDER BY o.number"
        )
        for number, state, key, our_id, alternative, shown in self._portions(
            query, entity.name
        ):
            if states and state not in states:
                continue
            yield MatchRow(
                entity.name,
                state,
                key,
                our_id,
                _id(shown),
                self._fields(entity, alternative),
                self._candidates(number) if state == "ambiguous" else (),
            )

    def _portions(self, query: str, of: str) -> Iterator[Sequence[Any]]:
        """Yield rows that begin with their number, a portion at a time."""
        last = 0
        limited = f"{query} LIMIT {_PORTION}"
        while rows := self.db.execute(limited, (of, last)).fetchall():
            yield from rows
            last = rows[-1][0]

    def _fields(self, entity: EntityWork, alternative: int | None) -> tuple[str, ...]:
        if alternative is None:
            return ()
        if alternative == _BY_ID:
            return (entity.id_field.name,)
        if alternative == _WITH_PARENT:
            return (f"{entity.adopts.entity if entity.adopts else ''}",)
        return tuple(".".join(name) for name in entity.match[alternative])

    def _candidates(self, number: int) -> tuple[Any, ...]:
        query = (
            f"SELECT DISTINCT {_SHOWN} FROM candidate c JOIN theirs t"
            f" ON t.number = c.theirs WHERE c.ours = ? LIMIT {CANDIDATES}"
        )
        return tuple(_id(shown) for (shown,) in self.db.execute(query, (number,)))


def _id(shown: str | None) -> Any:
    return None if shown is None else orjson.loads(shown)


_SHOWN = (
    "COALESCE(t.partner_id,"
    " (SELECT json_quote(MIN(our_id)) FROM their_id WHERE theirs = t.number))"
)
_OUR_KEYS = (
    "SELECT k.hash, o.number FROM our_key k JOIN ours o ON o.number = k.number"
    " WHERE o.entity = ? AND o.state IS NULL AND k.alternative = ?"
)
_THEIR_KEYS = (
    "SELECT k.hash, t.number FROM their_key k JOIN theirs t ON t.number = k.number"
    " WHERE t.resource = ? AND t.taken = 0 AND k.alternative = ?"
)
_OURS, _THEIRS = (
    f"SELECT hash, MIN(number) AS first, COUNT(*) AS count FROM ({keys}) GROUP BY hash"
    for keys in (_OUR_KEYS, _THEIR_KEYS)
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
    "CREATE TABLE their_key (number INTEGER, alternative INTEGER, hash BLOB)",
    "CREATE TABLE found (ours INTEGER, theirs INTEGER, alternative INTEGER)",
    "CREATE TABLE candidate (ours INTEGER, theirs INTEGER, alternative INTEGER)",
    "CREATE INDEX candidate_by_ours ON candidate (ours)",
)
