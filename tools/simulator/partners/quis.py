"""What QUIS does in its own way: it searches in several fields and lists the top."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tools.simulator.answers import Answer, Call
from tools.simulator.paging import page
from tools.simulator.special import Page, Special
from tools.simulator.store import Record, Store

_PAGINATOR = {
    "type": "offset",
    "offset": {"parameter": "offset"},
    "limit": {"parameter": "limit"},
    "items": "items",
    "total": "totalItems",
}
_MOST_AT_ONCE = 100


def _search(entity: str) -> Callable[[Store, Call], Answer]:
    def answer(store: Store, call: Call) -> Answer:
        """Find a text in the ids and the address; without one, what has no parent."""
        wanted = call.query.get("query", "").casefold()
        parent = call.query.get("parentId")
        found = [
            record
            for record in store.tables[entity].records.values()
            if (wanted and any(wanted in text for text in _texts(record)))
            or (not wanted and record.get("parentId") == (parent or None))
        ]
        body = page(_PAGINATOR, call, found, _MOST_AT_ONCE)
        return Answer(200, body | {"meta": {"version": "v2"}})

    return answer


def _texts(record: Record) -> Iterator[str]:
    address = (record.get("location") or {}).get("address") or {}
    for value in (record.get("customId"), record.get("externalId"), *address.values()):
        if value is not None:
            yield str(value).casefold()


class Quis(Special):
    """`query` finds more than one asks for; every success is billed."""

    validation_status = 400
    pages: Mapping[str, Page] = {
        "GET /property_groups": _search("property_groups"),
        "GET /properties": _search("properties"),
    }

    def answer(self, entity: str, request: str, body: Any) -> Any:  # noqa: ARG002 - hook
        """Return a record with what the partner says of the call."""
        return {**body, "meta": {"version": "v2"}}
