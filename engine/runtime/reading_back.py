"""Read a partner back: its lists in, all its records staged and counted out.

They stand in a private temporary SQLite file without a name, like the source, so memory
does not grow with their number and nothing stays behind.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import Any, Self

import orjson

from connectors.errors import RefusedError
from connectors.lister import Item, Lister
from connectors.transport import Session
from engine.errors import RecordError, UnreachableError
from engine.payload import values_at
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation
from engine.runtime.run import Progress
from engine.runtime.state import State
from engine.work import EntityWork, UseCaseWork

_PORTION = 500
_DIGEST = 16
_UNREADABLE = (403, 404, 405, 501)
"""What a partner answers where it does not let its records be read."""

NO_LIST = "the connector file names no list of these records"


@dataclass(frozen=True)
class Theirs:
    """
    A record of the partner: its place among all, its id, and an id of ours it shows.

    One of the two ids may be None.
    """

    number: int
    partner_id: Any
    our_id: str | None
    body: Mapping[str, Any] = field(repr=False)


@contextmanager
def connected(activation: Activation, state: State) -> Iterator[Session]:
    """Open a connection to the partner of an activation."""
    account = state.account(activation.account)
    with Session(
        activation.use_case.connector,
        activation.addresses,
        activation.secrets(),
        settings=activation.settings,
        vault=account,
        spent=account,
        pace=account,
    ) as session:
        yield session


class ReadBack:
    """The records of one partner, as far as it lets them be read."""

    def __init__(
        self, work: UseCaseWork, session: Session, progress: Progress, name: str
    ) -> None:
        self.work = work
        self.unreadable: dict[str, str] = {}
        """Resource -> why its records cannot be read."""
        self._progress = progress
        self._activation = name
        self._listers: dict[str, Lister] = {}
        entities = session.connector.entities
        for entity in work.entities:
            resource = entity.resource
            if entities[resource].lists() is None:
                self.unreadable[resource] = NO_LIST
            elif resource not in self._listers:
                self._listers[resource] = Lister(session, resource)
        self._sum = 0
        # An empty name is a database of its own on disk, already unlinked.
        self.db = sqlite3.connect("", isolation_level=None)
        for statement in _TABLES:
            self.db.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    @property
    def digest(self) -> str:
        """The hash of all that was read and that matching looks at."""
        return f"{self._sum:0{2 * _DIGEST}x}"

    def places(self, resource: str) -> tuple[str, ...]:
        """Return the values of an address that the records are read with."""
        lister = self._listers.get(resource)
        return () if lister is None else lister.places

    def shows_one_of_many(self, resource: str) -> bool:
        """Say whether a record may carry more of our ids than a list shows."""
        lister = self._listers.get(resource)
        return lister is not None and lister.shows_one_of_many

    def read(self, resource: str, paths: Iterable[Mapping[str, Any]] = ()) -> None:
        """
        Stage the records of an entity; each place is read once.

        `paths` are the places of one whose records stand below others. Raises
        UnreachableError if the partner cannot be read to the end.
        """
        lister = self._listers.get(resource)
        if lister is None or resource in self.unreadable:
            return
        for path in paths if lister.places else ({},):
            place = place_of(lister.places, path)
            insert = "INSERT OR IGNORE INTO place VALUES (?, ?)"
            if self.db.execute(insert, (resource, place)).rowcount:
                self._read(lister, resource, place, path)
            if resource in self.unreadable:
                return

    def _read(
        self, lister: Lister, resource: str, place: str, path: Mapping[str, Any]
    ) -> None:
        compared = sorted(
            {
                name
                for entity in self.work.entities
                if entity.resource == resource
                for alternative in entity.match
                for name in alternative
            }
        )
        found = lister.read(path)
        try:
            while portion := list(islice(found, _PORTION)):
                self._stage(resource, place, portion, compared)
                self._progress.advance(len(portion))
        except RefusedError as error:
            if error.status not in _UNREADABLE:
                raise self._broken_off(resource, f"it answers {error.status}") from None
            self._forget(resource)
            self.unreadable[resource] = f"the partner answers {error.status}"
        except RecordError as error:
            raise self._broken_off(resource, error.message) from None

    def _stage(
        self,
        resource: str,
        place: str,
        items: Sequence[Item],
        compared: Sequence[tuple[str, ...]],
    ) -> None:
        self.db.execute("BEGIN")
        for item in items:
            partner_id = None if item.partner_id is None else _json(item.partner_id)
            entered = self.db.execute(
                "INSERT OR IGNORE INTO theirs (resource, place, partner_id, body)"
                " VALUES (?, ?, ?, ?)",
                (resource, place, partner_id, orjson.dumps(item.body)),
            )
            if not entered.rowcount:
                continue  # records that come while pages are read shift the others
            number = entered.lastrowid
            self.db.executemany(
                "INSERT INTO their_id VALUES (?, ?, ?)",
                [(resource, our_id, number) for our_id in dict.fromkeys(item.our_ids)],
            )
            values = [list(values_at(item.body, name)) for name in compared]
            content = [resource, place, partner_id, sorted(item.our_ids), values]
            hashed = blake2b(orjson.dumps(content), digest_size=_DIGEST).digest()
            # A sum does not depend on the order in which the partner lists them.
            self._sum = (self._sum + int.from_bytes(hashed, "big")) % (1 << 8 * _DIGEST)
        self.db.execute("COMMIT")

    def _forget(self, resource: str) -> None:
        self.db.execute("DELETE FROM theirs WHERE resource = ?", (resource,))
        self.db.execute("DELETE FROM their_id WHERE resource = ?", (resource,))

    def _broken_off(self, resource: str, why: str) -> UnreachableError:
        message = f"{self._activation}: reading {resource} back broke off: {why}"
        place = Origin(self.work.partner, 0, resource)
        return UnreachableError([Problem(place, "D314", message)])

    def find_hidden(
        self, resource: str, path: Mapping[str, Any], our_ids: Sequence[str]
    ) -> None:
        """Ask for records that carry an id of ours which the list does not show."""
        lister = self._listers[resource]
        try:
            found = lister.find(our_ids, path)
        except RecordError as error:
            raise self._broken_off(resource, error.message) from None
        for our_id, partner_id in found.items():
            self.db.execute(
                "INSERT INTO their_id SELECT resource, ?, number FROM theirs"
                " WHERE resource = ? AND partner_id = ?",
                (our_id, resource, _json(partner_id)),
            )

    # -- what was read

    def count(self, resource: str) -> int:
        """Return how many records were read."""
        query = "SELECT COUNT(*) FROM theirs WHERE resource = ?"
        return int(self.db.execute(query, (resource,)).fetchone()[0])

    def records(self, resource: str) -> Iterator[Theirs]:
        """Yield all records of an entity, in the order of the partner's list."""
        last = 0
        while True:
            query = f"{_SELECT} WHERE resource = ? AND number > ? ORDER BY number"
            rows = self.db.execute(f"{query} LIMIT {_PORTION}", (resource, last))
            found = [_theirs(row) for row in rows]
            if not found:
                return
            yield from found
            last = found[-1].number

    def by_number(self, number: int) -> Theirs:
        """Return the record with a number of ours."""
        row = self.db.execute(f"{_SELECT} WHERE number = ?", (number,)).fetchone()
        return _theirs(row)

    def by_partner_id(self, resource: str, partner_id: Any) -> Theirs | None:
        """Return the record with an id of the partner."""
        query = f"{_SELECT} WHERE resource = ? AND partner_id = ?"
        row = self.db.execute(query, (resource, _json(partner_id))).fetchone()
        return None if row is None else _theirs(row)

    def by_our_id(self, resource: str, our_id: str) -> Theirs | None:
        """Return the first record that shows an id of ours."""
        query = (
            f"{_SELECT} WHERE number = (SELECT MIN(theirs) FROM their_id"
            " WHERE resource = ? AND our_id = ?)"
        )
        row = self.db.execute(query, (resource, our_id)).fetchone()
        return None if row is None else _theirs(row)


def last_of_resource(work: UseCaseWork) -> dict[str, EntityWork]:
    """Return for each resource the last entity that has its records."""
    return {entity.resource: entity for entity in work.entities}


def place_of(names: Sequence[str], path: Mapping[str, Any]) -> str:
    """Return what is the same for records below the same parents."""
    return _json([path.get(name) for name in names]) if names else ""


def _theirs(row: Sequence[Any]) -> Theirs:
    number, partner_id, our_id, body = row
    known = None if partner_id is None else orjson.loads(partner_id)
    return Theirs(number, known, our_id, orjson.loads(body))


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


_SELECT = (
    "SELECT number, partner_id, (SELECT MIN(our_id) FROM their_id"
    " WHERE theirs = theirs.number), body FROM theirs"
)
_TABLES = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA cache_size=-32768",
    "CREATE TABLE place (resource TEXT, place TEXT, PRIMARY KEY (resource, place))",
    "CREATE TABLE theirs (number INTEGER PRIMARY KEY, resource TEXT, place TEXT,"
    " partner_id TEXT, body BLOB, taken INTEGER NOT NULL DEFAULT 0)",
    "CREATE UNIQUE INDEX theirs_by_id ON theirs (resource, partner_id)",
    "CREATE TABLE their_id (resource TEXT, our_id TEXT, theirs INTEGER)",
    "CREATE INDEX their_id_by_id ON their_id (resource, our_id)",
    "CREATE INDEX their_id_by_record ON their_id (theirs)",
)
