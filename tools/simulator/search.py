"""Searches: the filters of a call in, the records that meet all of them out."""

from collections.abc import Mapping
from typing import Any

from tools.simulator.store import Record, Table
from tools.simulator.templates import at, place_of


def rows(
    table: Table,
    filters: Mapping[str, Any],
    lookup: Mapping[str, Any],
    properties: Mapping[str, Any],
) -> list[Record]:
    """
    Return the records that meet the filters; filters that are unknown are ignored.

    Known are the connector's filter by ids of ours, `ids` with the partner's own, and
    the properties of the schema, which are compared exactly.
    """
    place = place_of("ids", lookup.get("json"))
    ours = at(filters, place) if place else None
    own = filters.get("ids") if place != ("ids",) else None
    if isinstance(ours, list):
        found = _by_our_ids(table, ours)
        if isinstance(own, list):
            chosen = _by_keys(table, own)
            found = [row for row in found if row in chosen]
    elif isinstance(own, list):
        found = _by_keys(table, own)
    else:
        found = list(table.records.values())
    used = {"ids", place[0]} if place else {"ids"}
    exact = [(k, v) for k, v in filters.items() if k in properties and k not in used]
    if not exact:
        return found
    return [row for row in found if all(row.get(n) == value for n, value in exact)]


def _by_our_ids(table: Table, ours: list[Any]) -> list[Record]:
    known = (one for one in ours if isinstance(one, int | str))
    keys = dict.fromkeys(key for our_id in known for key in table.keys_of(our_id))
    return [table.records[key] for key in keys]


def _by_keys(table: Table, own: list[Any]) -> list[Record]:
    keys = dict.fromkeys(key for key in own if isinstance(key, int | str))
    return [table.records[key] for key in keys if key in table.records]
