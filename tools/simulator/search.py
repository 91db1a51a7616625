"""Searches: the filters of a call in, the records that meet all of them out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tools.simulator.store import Record, Table


@dataclass(frozen=True)
class Filters:
    """
    What a search asks for; None asks for nothing.

    `ours` are ids of ours, `own` those of the partner, `exact` values by their field.
    `texts` are values of an address, where everything is a text.
    """

    ours: list[Any] | None = None
    own: list[Any] | None = None
    exact: Mapping[str, Any] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)


def rows(table: Table, filters: Filters) -> list[Record]:
    """Return the records that meet all filters."""
    if filters.ours is not None:
        found = _by_our_ids(table, filters.ours)
        if filters.own is not None:
            chosen = _by_keys(table, filters.own)
            found = [row for row in found if row in chosen]
    elif filters.own is not None:
        found = _by_keys(table, filters.own)
    else:
        found = list(table.records.values())
    for name, value in filters.exact.items():
        found = [row for row in found if row.get(name) == value]
    for name, text in filters.texts.items():
        found = [row for row in found if _as_text(row.get(name)) == text]
    return found


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _by_our_ids(table: Table, ours: list[Any]) -> list[Record]:
    known = (one for one in ours if isinstance(one, int | str))
    keys = dict.fromkeys(key for our_id in known for key in table.keys_of(our_id))
    return [table.records[key] for key in keys]


def _by_keys(table: Table, own: list[Any]) -> list[Record]:
    keys = dict.fromkeys(key for key in own if isinstance(key, int | str))
    return [table.records[key] for key in keys if key in table.records]
