"""Find our records at a partner that names them itself: our ids in, its ids out.

Partners ignore filters that they do not know and return everything, or more than was
asked for: every item is compared, and only exact ids count.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.answers import at
from connectors.errors import AnswerError
from connectors.model import ExternalIds, Ids
from connectors.paging import items
from connectors.request import Lookup
from connectors.transport import Session

PartnerId = int | str

_ABSENT = object()


class Finder:
    """Searches the records of one entity."""

    def __init__(
        self, session: Session, lookup: Lookup, lists: ExternalIds | None
    ) -> None:
        self._session = session
        self._lookup = lookup
        self._lists = lists
        self._ids = session.connector.ids
        # All records, by our ids: read when the partner is seen to ignore the filter.
        self._everything: dict[str, PartnerId] | None = None

    def find(self, ids: Sequence[str], *, anew: bool = False) -> dict[str, PartnerId]:
        """
        Return the partner's ids by ours, of those that it has.

        Of several records with the same id the one with the lowest id of the partner
        counts; deleted ones do not. `anew` asks again for what is remembered.
        """
        ignored = self._everything is not None
        everything = None if anew else self._everything
        found: dict[str, PartnerId] = {}
        known: dict[PartnerId, tuple[str, ...]] = {}
        size = self._lookup.at_once
        for start in range(0, len(ids), size):
            chunk = ids[start : start + size]
            if everything is None and not ignored:
                ignored = not self._search(chunk, found, known)
                missing = [id_ for id_ in chunk if id_ not in found]
                if self._lists is not None and len(missing) < len(chunk) and missing:
                    # A record may have been found by another id of its list.
                    self._search(missing, found, known)
            if everything is None and ignored:
                everything = self._everything = self._list_everything(known)
            if everything is not None:
                found |= {id_: everything[id_] for id_ in chunk if id_ in everything}
        return found

    def find_alike(self, natural: Mapping[str, Any]) -> PartnerId | None:
        """
        Return the one record with these fields and without any external id, or None.

        For partners that keep our ids in a list beside the record: it is added in a
        second step, so a record of ours can be there without it.
        """
        if not natural or self._lists is None:
            return None
        alike: list[PartnerId] = []
        for item in items(self._session, self._lookup.unfiltered(), {}):
            partner_id = self._alive(item)
            if (
                partner_id is not None
                and all(item.get(name) == value for name, value in natural.items())
                and not _texts(at(item, self._lookup.match))
                and not self.external_ids(partner_id)
            ):
                alike.append(partner_id)
        return alike[0] if len(alike) == 1 else None

    def external_ids(self, partner_id: PartnerId) -> tuple[str, ...]:
        """Return the list of ids beside a record."""
        if self._lists is None:
            return ()
        variables = {"partner_id": partner_id}
        return _texts(list(items(self._session, self._lists.read, variables)))

    def _list_everything(
        self, known: dict[PartnerId, tuple[str, ...]]
    ) -> dict[str, PartnerId]:
        everything: dict[str, PartnerId] = {}
        listing = items(self._session, self._lookup.unfiltered(), {})
        for partner_id, our_ids in self._read(listing, known):
            _keep_lowest(everything, our_ids, partner_id)
        return everything

    def _search(
        self,
        chunk: Sequence[str],
        found: dict[str, PartnerId],
        known: dict[PartnerId, tuple[str, ...]],
    ) -> bool:
        """Add what the filtered search finds; return whether the filter was obeyed."""
        wanted = frozenset(chunk)
        obeyed = True
        listing = items(self._session, self._lookup, {"ids": list(chunk)})
        for partner_id, our_ids in self._read(listing, known, wanted):
            _keep_lowest(found, wanted.intersection(our_ids), partner_id)
            obeyed = obeyed and not wanted.isdisjoint(our_ids)
        return obeyed

    def _read(
        self,
        listing: Iterable[Any],
        known: dict[PartnerId, tuple[str, ...]],
        wanted: frozenset[str] = frozenset(),
    ) -> Iterator[tuple[PartnerId, tuple[str, ...]]]:
        """
        Yield the partner's id and our ids of the items that are not deleted.

        An item may show one id of its list and be found by another: as long as the
        partner returns no more items than were asked for, the list is read then.
        """
        for number, item in enumerate(listing, 1):
            partner_id = self._alive(item)
            if partner_id is None:
                continue
            value = at(item, self._lookup.match, _ABSENT)
            texts = _texts(value)
            listed = self._lists is not None and number <= len(wanted)
            if value is not _ABSENT and not (listed and wanted.isdisjoint(texts)):
                yield partner_id, texts
                continue
            if partner_id not in known:  # a request each, so each is asked once
                known[partner_id] = self.external_ids(partner_id)
            yield partner_id, known[partner_id]

    def _alive(self, item: Any) -> PartnerId | None:
        partner_id = read_partner_id(self._ids, item)
        if partner_id is None:
            raise AnswerError(
                f"{self._lookup.path}: an item has no '{self._ids.path}'."
            )
        deleted = at(item, self._ids.deleted) if self._ids.deleted else None
        return partner_id if deleted is None or deleted is False else None


def read_partner_id(ids: Ids, document: Any) -> PartnerId | None:
    """Return the partner's id in an answer, as number or text as it is given."""
    value = at(document, ids.path)
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    return value


def _keep_lowest(
    found: dict[str, PartnerId], our_ids: Iterable[str], partner_id: PartnerId
) -> None:
    for our_id in our_ids:
        known = found.setdefault(our_id, partner_id)
        if (isinstance(partner_id, str), partner_id) < (isinstance(known, str), known):
            found[our_id] = partner_id


def _texts(value: Any) -> tuple[str, ...]:
    """Return an id, or a list of ids, as texts; what is not an id reads as nothing."""
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(one)
        for one in values
        if isinstance(one, int | str) and not isinstance(one, bool) and one != ""
    )
