"""Find our records at a partner that names them itself: our ids in, its ids out.

Partners ignore filters that they do not know and return everything, or more than was
asked for: every item is compared, and only exact ids count.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from connectors.answers import at
from connectors.entities import CreateUpdate, Ids
from connectors.errors import AnswerError
from connectors.paging import items
from connectors.request import Lookup
from connectors.templates import variables_of
from connectors.transport import Session

PartnerId = int | str
Path = Mapping[str, Any]
"""The values that stand in the address of a record: `path` in the templates."""

_ABSENT = object()
_LARGEST = 2**63
"""Larger numbers are none that JSON and databases agree on."""


class Finder:
    """Searches the records of one entity."""

    def __init__(self, session: Session, entity: CreateUpdate, lookup: Lookup) -> None:
        self._session = session
        self._lookup = lookup
        self._lists = entity.external_ids
        self._all = entity.lists()
        self._ids = entity.ids or session.connector.ids
        reads = [self._lists.read.templates] if self._lists else []
        self._in_path = sorted(
            name.removeprefix("path.")
            for name in variables_of([lookup.templates, lookup.everything, *reads])
            if name.startswith("path.")
        )
        # All records at a path, by our ids: read when the filter is seen to be ignored.
        self._everything: dict[str, dict[str, PartnerId]] = {}

    @property
    def at_once(self) -> int:
        """How many of our ids one search asks for."""
        return self._lookup.at_once

    def find(
        self, wanted: Mapping[str, Path], *, anew: bool = False
    ) -> dict[str, PartnerId]:
        """
        Return the partner's ids by ours, of those that it has.

        `wanted` are our ids and their paths; records at one path are searched
        together. Of several records with the same id the one with the lowest id of
        the partner counts; deleted ones do not. `anew` asks again for what is
        remembered.
        """
        ids_by_place: dict[str, list[str]] = {}
        for our_id, path in wanted.items():
            ids_by_place.setdefault(self._place(path), []).append(our_id)
        found: dict[str, PartnerId] = {}
        for ids in ids_by_place.values():
            found |= self._find(ids, wanted[ids[0]], anew=anew)
        return found

    def find_alike(
        self, natural: Mapping[str, Any], path: Path | None = None
    ) -> PartnerId | None:
        """
        Return the one record with these fields and without any external id, or None.

        For partners that keep our ids in a list beside the record: it is added in a
        second step, so a record of ours can be there without it.
        """
        if not natural or self._lists is None:
            return None
        path = path or {}
        alike: list[PartnerId] = []
        for item in self._list(path):
            partner_id = self._alive(item)
            if (
                partner_id is not None
                and all(item.get(name) == value for name, value in natural.items())
                and not our_ids_in(at(item, self._lookup.match))
                and not self.external_ids(partner_id, path)
            ):
                alike.append(partner_id)
        return alike[0] if len(alike) == 1 else None

    def external_ids(self, partner_id: PartnerId, path: Path) -> tuple[str, ...]:
        """Return the list of ids beside a record."""
        if self._lists is None:
            return ()
        variables = {"partner_id": partner_id, "path": path}
        return our_ids_in(list(items(self._session, self._lists.read, variables)))

    def _place(self, path: Path) -> str:
        """Return what is the same for records that can be searched together."""
        return json.dumps([path.get(name) for name in self._in_path], default=str)

    def _find(
        self, ids: Sequence[str], path: Path, *, anew: bool
    ) -> dict[str, PartnerId]:
        place = self._place(path)
        ignored = place in self._everything
        everything = None if anew else self._everything.get(place)
        found: dict[str, PartnerId] = {}
        known: dict[PartnerId, tuple[str, ...]] = {}
        size = self._lookup.at_once
        for start in range(0, len(ids), size):
            chunk = ids[start : start + size]
            if everything is None and not ignored:
                ignored = not self._search(chunk, path, found, known)
                missing = [id_ for id_ in chunk if id_ not in found]
                if self._lists is not None and len(missing) < len(chunk) and missing:
                    # A record may have been found by another id of its list.
                    self._search(missing, path, found, known)
            if everything is None and ignored:
                everything = self._list_everything(path, known)
                self._everything[place] = everything
            if everything is not None:
                found |= {id_: everything[id_] for id_ in chunk if id_ in everything}
        return found

    def _list_everything(
        self, path: Path, known: dict[PartnerId, tuple[str, ...]]
    ) -> dict[str, PartnerId]:
        everything: dict[str, PartnerId] = {}
        for partner_id, our_ids in self._read(self._list(path), path, known):
            _keep_lowest(everything, our_ids, partner_id)
        return everything

    def _list(self, path: Path) -> Iterator[Any]:
        """Yield all records at a path."""
        request = self._all or self._lookup.unfiltered()
        paginator = None if self._all is None else self._all.paginator
        return items(self._session, request, {"path": path}, paginator)

    def _search(
        self,
        chunk: Sequence[str],
        path: Path,
        found: dict[str, PartnerId],
        known: dict[PartnerId, tuple[str, ...]],
    ) -> bool:
        """Add what the filtered search finds; return whether the filter was obeyed."""
        wanted = frozenset(chunk)
        obeyed = True
        variables = {"ids": list(chunk), "path": path}
        listing = items(self._session, self._lookup, variables)
        for partner_id, our_ids in self._read(listing, path, known, wanted):
            _keep_lowest(found, wanted.intersection(our_ids), partner_id)
            obeyed = obeyed and not wanted.isdisjoint(our_ids)
        return obeyed or self._lookup.fuzzy

    def _read(
        self,
        listing: Iterable[Any],
        path: Path,
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
            texts = our_ids_in(value)
            listed = self._lists is not None and number <= len(wanted)
            if value is not _ABSENT and not (listed and wanted.isdisjoint(texts)):
                yield partner_id, texts
                continue
            if partner_id not in known:  # a request each, so each is asked once
                known[partner_id] = self.external_ids(partner_id, path)
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
    if isinstance(value, str):
        return value if value.isprintable() else None
    return value if -_LARGEST <= value < _LARGEST else None


def _keep_lowest(
    found: dict[str, PartnerId], our_ids: Iterable[str], partner_id: PartnerId
) -> None:
    for our_id in our_ids:
        known = found.setdefault(our_id, partner_id)
        if (isinstance(partner_id, str), partner_id) < (isinstance(known, str), known):
            found[our_id] = partner_id


def our_ids_in(value: Any) -> tuple[str, ...]:
    """Return an id, or a list of ids, as texts; what is not an id reads as nothing."""
    values = value if isinstance(value, list) else [value]
    return tuple(
        str(one)
        for one in values
        if isinstance(one, int | str) and not isinstance(one, bool) and one != ""
    )
