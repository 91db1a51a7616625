"""Show open rejects as a worklist: a state in, groups by cause out, text or JSON.

A reject is open from the run that found it until a run in which its record passes.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from rich.console import Console

from engine.app.causes import Cause, causes
from engine.app.lines import counted, head, say
from engine.problems import CATALOGUE
from engine.runtime.database import activation_table, reject_table, run_table
from engine.runtime.links import Reject
from engine.runtime.state import State

SHOWN = 3
"""So many records of a cause are named; --json and --out have them all."""

RETRY = (
    "Nothing has to be started for them: each sync tries them again, and closes those"
    " that pass."
)

KEPT = ("entity", "key", "code", "message", "origin")
"""What the state has of a reject."""


@dataclass(frozen=True, kw_only=True)
class OpenReject(Reject):
    """A reject that no later run has closed."""

    activation: str
    first_seen: datetime | None
    """When the run that found it began, UTC; None if that run is forgotten."""
    last_seen: datetime | None
    days_open: int | None


@dataclass(frozen=True)
class Group:
    """Open rejects of one entity of one activation, with one cause."""

    activation: str
    entity: str
    cause: Cause[OpenReject]

    @property
    def count(self) -> int:
        return len(self.cause.rejects)

    @property
    def first_seen(self) -> datetime | None:
        """When the oldest of them was found."""
        return min(
            filter(None, (r.first_seen for r in self.cause.rejects)), default=None
        )

    @property
    def last_seen(self) -> datetime | None:
        return max(
            filter(None, (r.last_seen for r in self.cause.rejects)), default=None
        )

    @property
    def days_open(self) -> int | None:
        """So many days the oldest of them is open."""
        days = [r.days_open for r in self.cause.rejects if r.days_open is not None]
        return max(days, default=None)

    def as_json(self) -> dict[str, Any]:
        entry = CATALOGUE[self.cause.code]
        return {
            "activation": self.activation,
            "entity": self.entity,
            "code": self.cause.code,
            "title": entry.title,
            "what_to_do": entry.remedy,
            "message": self.cause.message,
            "row": self.cause.row,
            "count": self.count,
            "first_seen": _text(self.first_seen),
            "last_seen": _text(self.last_seen),
            "days_open": self.days_open,
            "keys": [reject.key for reject in self.cause.rejects],
        }


def open_rejects(
    state: State, now: datetime, names: Collection[str] | None = None
) -> list[OpenReject]:
    """Return the open rejects of some activations, or of all, by name and key."""
    first, last = run_table.alias(), run_table.alias()
    columns = reject_table.c
    name = activation_table.c.name
    query = (
        sa.select(
            name.label("activation"),
            *(columns[kept] for kept in KEPT),
            first.c.started_at.label("first_seen"),
            last.c.started_at.label("last_seen"),
        )
        .join_from(reject_table, activation_table)
        # A run may be forgotten by now, its rejects are not.
        .outerjoin(first, first.c.id == columns.since_run)
        .outerjoin(last, last.c.id == columns.last_run)
        .order_by(name, columns.entity, columns.key)
    )
    if names is not None:
        query = query.where(name.in_(names))
    with state.engine.connect() as db:
        return [_open(dict(row), now) for row in db.execute(query).mappings()]


def _open(row: Mapping[str, Any], now: datetime) -> OpenReject:
    found = {name: row[name] for name in ("activation", *KEPT)}
    since = _utc(row["first_seen"])
    return OpenReject(
        **found,
        first_seen=since,
        last_seen=_utc(row["last_seen"]),
        days_open=None if since is None else max(0, (now - since).days),
    )


def _utc(value: datetime | None) -> datetime | None:
    """Give a moment its zone: SQLite keeps none, what is kept is UTC."""
    if value is None or value.tzinfo is not None:
        return value and value.astimezone(UTC)
    return value.replace(tzinfo=UTC)


def _text(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat(timespec="seconds")


def groups(rejects: Iterable[OpenReject]) -> list[Group]:
    """Group rejects that come by activation; of each the largest groups first."""
    found: list[Group] = []
    for activation, its in groupby(rejects, lambda reject: reject.activation):
        entities: dict[str, list[OpenReject]] = {}
        for reject in its:
            entities.setdefault(reject.entity, []).append(reject)
        own = [
            Group(activation, entity, cause)
            for entity, some in entities.items()
            for cause in causes(some)
        ]
        found += sorted(own, key=lambda group: -group.count)
    return found


def as_json(found: Sequence[Group]) -> dict[str, Any]:
    """Return the worklist: its groups, and every record."""
    rejects = [reject for group in found for reject in group.cause.rejects]
    return {
        "open": len(rejects),
        "groups": [group.as_json() for group in found],
        "rejects": [_record(reject) for reject in rejects],
    }


def _record(reject: OpenReject) -> Mapping[str, Any]:
    return {
        **vars(reject),
        "first_seen": _text(reject.first_seen),
        "last_seen": _text(reject.last_seen),
    }


def show_rejects(console: Console, found: Sequence[Group]) -> None:
    """Print the worklist, a block for each cause."""
    total = sum(group.count for group in found)
    if not total:
        say(console, "No reject is open.")
        return
    is_are = "is" if total == 1 else "are"
    open_ = f"{counted(total, 'reject')} {is_are} open,"
    head(console, open_, f"of {counted(len(found), 'cause')}")
    for activation, its in groupby(found, lambda group: group.activation):
        head(console, activation)
        for group in its:
            for text, indent, hang, style in _block(group):
                say(console, text, indent, hang, style)
    console.print()
    say(console, RETRY)


def _block(group: Group) -> Iterator[tuple[str, int, int, str]]:
    """Yield the lines of a group, with indent, further indent and style."""
    cause = group.cause
    entry = CATALOGUE[cause.code]
    title = f"{group.entity}: {cause.code} {entry.title}"
    yield f"{group.count:>6,}  {title}{_age(group)}", 0, 8, ""
    row = f" ({cause.row})" if cause.row and cause.row not in cause.message else ""
    yield f"{cause.message}{row}", 8, 2, ""
    yield f"To do: {entry.remedy}", 8, 2, ""
    keys = ", ".join(reject.key for reject in cause.rejects[:SHOWN])
    more = f", and {group.count - SHOWN:,} more" if group.count > SHOWN else ""
    yield f"{keys}{more}", 8, 2, "dim"


def _age(group: Group) -> str:
    if group.first_seen is None or group.days_open is None:
        return ""
    days = f"{counted(group.days_open, 'day')}, " if group.days_open else ""
    return f"; open {days}since {group.first_seen.date()}"
