"""Read all records of an entity back: a connector file in, the partner's records out.

What lists them is the entity's `list`, or its `lookup` without the filter. An entity
whose records stand below others is read at one place after the other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.answers import at
from connectors.entities import CreateUpdate, Listing
from connectors.errors import AnswerError, RefusedError
from connectors.finder import (
    Finder,
    PartnerId,
    Path,
    our_ids_in,
    read_partner_id,
)
from connectors.paging import items
from connectors.templates import variables_of
from connectors.transport import Session

_GONE = (404, 410)
_ABSENT = object()


@dataclass(frozen=True)
class Item:
    """
    A record as the partner lists it, with the ids of ours that it carries.

    `partner_id` is None where the partner keeps records under our ids only. `body` has
    the values of the address, too.
    """

    partner_id: PartnerId | None
    our_ids: tuple[str, ...]
    body: Mapping[str, Any] = field(repr=False)


class Lister:
    """Reads the records of one entity; raises ValueError if the file cannot say how."""

    def __init__(self, session: Session, entity: str) -> None:
        described = session.connector.entities[entity]
        listing = described.lists()
        if listing is None:
            raise ValueError(f"the connector file names no list of {entity}")
        self._session = session
        self._listing: Listing = listing
        self._ids = described.ids or session.connector.ids
        if listing.id is not None:
            self._ids = self._ids.model_copy(update={"path": listing.id})
        self._finder: Finder | None = None
        self._keeps_lists = self._named_by_partner = False
        if isinstance(described, CreateUpdate):
            self._named_by_partner = True
            self._keeps_lists = described.external_ids is not None
            if described.lookup is not None:
                self._finder = Finder(session, described, described.lookup)

    @property
    def places(self) -> tuple[str, ...]:
        """The values of an address that one list is read with: `siteId`, in order."""
        names = variables_of(self._listing.templates)
        inside = (n.removeprefix("path.") for n in names if n.startswith("path."))
        return tuple(sorted(inside))

    @property
    def shows_one_of_many(self) -> bool:
        """Whether a record may have more of our ids than a list shows."""
        return self._keeps_lists

    def read(self, path: Path) -> Iterator[Item]:
        """
        Yield all records at a place, page by page; deleted ones are left out.

        Raises RefusedError, AnswerError or AddressError if the place cannot be read; a
        place that the partner does not have is empty.
        """
        variables = {"path": path}
        paginator = self._listing.paginator
        listing = items(self._session, self._listing, variables, paginator)
        try:
            for item in listing:
                found = self._item(item, path)
                if found is not None:
                    yield found
        except RefusedError as error:
            if not self.places or error.status not in _GONE:
                raise

    def find(self, our_ids: Sequence[str], path: Path) -> Mapping[str, PartnerId]:
        """Return the partner's ids of records by our ids, also by those not shown."""
        if self._finder is None:
            return {}
        return self._finder.find(dict.fromkeys(our_ids, path))

    def _item(self, item: Any, path: Path) -> Item | None:
        if not isinstance(item, Mapping):
            what = f"{self._listing.method} {self._listing.path}"
            raise AnswerError(f"{what}: an item is no object.")
        deleted = at(item, self._ids.deleted) if self._ids.deleted else None
        if deleted is not None and deleted is not False:
            return None
        partner_id = read_partner_id(self._ids, item)
        shown = at(item, self._listing.match, _ABSENT)
        our_ids = () if shown is _ABSENT else our_ids_in(shown)
        if partner_id is None and (self._named_by_partner or not our_ids):
            what = f"{self._listing.method} {self._listing.path}"
            raise AnswerError(f"{what}: an item has no '{self._ids.path}'.")
        if shown is _ABSENT and self._finder is not None and partner_id is not None:
            our_ids = self._finder.external_ids(partner_id, path)
        return Item(partner_id, our_ids, {**item, **path})
