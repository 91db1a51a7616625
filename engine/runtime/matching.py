"""Match our records with a partner's own: a plan and a reading back in, pairs out.

First by our ID, then by the fields that the use case declares, the surest first. All of
it are set operations on disk. Nothing is sent and nothing is written to the state here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import orjson

from engine.runtime.our_side import OurSide, keep_keys
from engine.runtime.plan import Plan
from engine.runtime.reading_back import ReadBack, last_of_resource, place_of
from engine.runtime.state import ActivationState
from engine.work import EntityWork, UseCaseWork

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
        self.state = state
        self.back = back
        self.db = back.db
        self.ours = OurSide(work, plan, state, back)
        for statement in _TABLES:
            self.db.execute(statement)

    def match(self) -> None:
        """Read the partner back and match all entities, parents first."""
        for entity in self.work.entities:
            self.ours.stage(entity)
            self.back.read(entity.resource, self.ours.paths(entity))
            if entity.resource in self.back.unreadable:
                self._mark(entity, "unknown")
                continue
            self._take_linked(entity)
            self._by_our_id(entity)
            self._with_parents(entity)
            self._by_fields(entity)
            self._mark(entity, "only_here")

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
            keep_keys(self.db, "their_key", entity, record.number, place, record.body)
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
    "CREATE TABLE their_key (number INTEGER, alternative INTEGER, hash BLOB)",
    "CREATE TABLE found (ours INTEGER, theirs INTEGER, alternative INTEGER)",
    "CREATE TABLE candidate (ours INTEGER, theirs INTEGER, alternative INTEGER)",
    "CREATE INDEX candidate_by_ours ON candidate (ours)",
)
