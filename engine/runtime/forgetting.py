"""Forget a person: a key in; what was kept of them removed, and who still has it out.

A person is known by the key of a Standard entity whose key is personal. Records that
carry that key in their own, as a tenant's part of a lease, go with it. What partners
hold is listed: only they can remove it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from engine.errors import SpecError
from engine.ids import key_parts
from engine.problems import Origin, Problem
from engine.runtime.database import (
    CHUNK,
    journal_table,
    link_table,
    reject_table,
    run_table,
    writing,
)
from engine.runtime.library import get_use_case, standard_of
from engine.runtime.signal_tables import erasure_table
from engine.runtime.state import ActivationState, State
from engine.spec import Folders
from engine.standard import Standard

_NAME_PARTS = 4
_KEPT = {"links": link_table, "changes": journal_table, "rejects": reject_table}


@dataclass(frozen=True)
class Held:
    """A record of the person that a partner has."""

    activation: str
    partner: str
    entity: str
    key: str
    our_id: str
    partner_id: Any
    last_sent: str | None
    """The end of the run that last sent it; None if that run is forgotten."""


@dataclass(frozen=True)
class Forgotten:
    """What was found of a person; nothing was removed if it was only `shown`."""

    keys: tuple[str, ...]
    held: tuple[Held, ...]
    counts: dict[str, int] = field(default_factory=dict)
    activations: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    """Activations whose spec is not there: of them equal keys alone were looked for."""
    shown: bool = False


@dataclass(frozen=True)
class _Place:
    """Where keys of a person stand in the keys of an entity; None is all of the key."""

    entity: str | None
    parts: tuple[int, ...] | None


@dataclass(frozen=True)
class _Found:
    """The records of an activation that are the person's."""

    state: ActivationState
    records: frozenset[tuple[str, str]]
    """Pairs of entity and key."""


def forget(
    state: State,
    folders: Folders,
    key: str,
    *,
    activation: str | None = None,
    customer: str | None = None,
    by: str = "",
    only_show: bool = False,
) -> Forgotten:
    """
    Remove what is kept of the person with this key, or with this ID of ours.

    Raises SpecError if nobody is known by it, if several customers know somebody, or
    if one of the activations is running.
    """
    names = _chosen(state, activation, customer)
    standard = standard_of(folders)
    places = {name: _places(folders, standard, name, key) for name in names}
    unread = tuple(name for name in names if places[name] is None)
    states = {name: state.activation(name) for name in names}
    keys = {key, *_keys_by_our_id(states, places, key)}
    found = [
        _Found(states[name], records)
        for name in names
        if (records := frozenset(_records(states[name], places[name], keys)))
    ]
    if not found:
        message = f"{key}: nothing is kept of a person with this key or ID."
        raise SpecError([Problem(Origin("forget"), "D341", message)])
    _need_one_customer(found, key)
    held = tuple(item for one in found for item in _held(one))
    hidden = {*keys, *(item.our_id for item in held)}
    with ExitStack() as stack:
        if not only_show:
            for one in found:
                stack.enter_context(one.state.exclusive())
        counts = _erase(state.engine, found, hidden, by, only_show=only_show)
    if not only_show:
        _overwrite(state.engine)
    return Forgotten(
        keys=tuple(sorted(keys)),
        held=held,
        counts=counts,
        activations=tuple(one.state.name for one in found),
        unread=unread,
        shown=only_show,
    )


def _chosen(state: State, activation: str | None, customer: str | None) -> list[str]:
    names = [
        name
        for name in state.activations()
        if activation in (None, name) and customer in (None, _customer(name))
    ]
    if not names:
        place = activation or customer or "the database"
        message = f"no activation of {place} is known."
        raise SpecError([Problem(Origin("forget"), "D341", message)])
    return names


def _customer(name: str) -> str:
    return name.split("/", maxsplit=1)[0]


def _need_one_customer(found: Sequence[_Found], key: str) -> None:
    """Two customers may well give two persons one number."""
    customers = sorted({_customer(one.state.name) for one in found})
    if len(customers) > 1:
        named = ", ".join(customers)
        message = f"{key}: several customers know somebody by it: {named}."
        raise SpecError([Problem(Origin("forget"), "D346", message)])


# -- whose records


def _places(
    folders: Folders, standard: Standard, name: str, key: str
) -> tuple[_Place, ...] | None:
    """Return where the person's key stands in an activation; None without its spec."""
    parts = name.split("/")
    if len(parts) != _NAME_PARTS:
        return None
    try:
        use_case = get_use_case(folders, parts[1], parts[2], Origin(name))
    except SpecError:
        return None
    size = len(key_parts(key))
    places = []
    for entity in use_case.work.entities:
        base = use_case.standard.base(entity.base)
        if _is_person(standard, base):
            places.append(_Place(entity.name, None))
            continue
        own = use_case.standard.entities[base]
        for reference in own.references.values():
            target = standard.base(reference.entity)
            fields = standard.entities[target].key
            if _is_person(standard, target) and len(fields) == size:
                at = (own.key.index(reference.fields[n]) for n in fields)
                if all(reference.fields[n] in own.key for n in fields):
                    places.append(_Place(entity.name, tuple(at)))
    return tuple(places)


def _is_person(standard: Standard, base: str) -> bool:
    entity = standard.entities.get(base)
    return entity is not None and all(
        entity.fields[name].personal != "none" for name in entity.key
    )


_Places = tuple[_Place, ...] | None


def _persons(places: _Places) -> list[str]:
    return [str(place.entity) for place in places or () if place.parts is None]


def _keys_by_our_id(
    states: dict[str, ActivationState], places: dict[str, _Places], our_id: str
) -> Iterator[str]:
    """Yield the keys of persons that a partner knows by an ID of ours."""
    for name, own in states.items():
        for entity in _persons(places[name]):
            for link in own.links_by_our_id(entity, [our_id]).values():
                yield link.key


def _records(
    own: ActivationState, places: _Places, keys: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield entity and key of every record of a person, whatever is kept of it."""
    for key in keys:
        if places is None:
            yield from _with_key(own, None, key)
            continue
        wanted = key_parts(key)
        for place in places:
            if place.parts is None:
                yield from _with_key(own, place.entity, key)
                continue
            for entity, other in _with_key(own, place.entity, key, inside=True):
                parts = key_parts(other)
                if [parts[at] for at in place.parts if at < len(parts)] == wanted:
                    yield entity, other


def _with_key(
    own: ActivationState, entity: str | None, key: str, *, inside: bool = False
) -> Iterator[tuple[str, str]]:
    for table in _KEPT.values():
        columns = table.c
        first = key.split("/", maxsplit=1)[0]
        fits = (
            columns.key.contains(first, autoescape=True)
            if inside
            else (columns.key == key)
        )
        query = sa.select(columns.entity, columns.key).where(
            columns.activation_id == own.number, fits
        )
        if entity is not None:
            query = query.where(columns.entity == entity)
        with own.engine.connect() as db:
            for row in db.execute(query.distinct()):
                yield row.entity, row.key


# -- what is known of them


def _held(found: _Found) -> Iterator[Held]:
    links, runs = link_table.c, run_table.c
    own = found.state
    for entity, key in sorted(found.records):
        query = (
            sa.select(links.our_id, links.partner_id, runs.finished_at)
            .join_from(link_table, run_table, runs.id == links.run_id, isouter=True)
            .where(
                links.activation_id == own.number,
                links.entity == entity,
                links.key == key,
            )
        )
        with own.engine.connect() as db:
            row = db.execute(query).first()
        if row is not None:
            sent = row.finished_at
            yield Held(
                activation=own.name,
                partner=own.name.split("/")[1],
                entity=entity,
                key=key,
                our_id=row.our_id,
                partner_id=orjson.loads(row.partner_id),
                last_sent=sent
                and sent.replace(tzinfo=sent.tzinfo or UTC).isoformat(
                    timespec="seconds"
                ),
            )


# -- removing it


def _erase(
    engine: sa.Engine,
    found: Sequence[_Found],
    hidden: Iterable[str],
    by: str,
    *,
    only_show: bool,
) -> dict[str, int]:
    """Remove everything in one transaction; return how many rows of each kind."""
    counts = dict.fromkeys((*_KEPT, "messages"), 0)
    with writing(engine) as db:
        if engine.dialect.name == "sqlite":
            db.exec_driver_sql("PRAGMA secure_delete=ON")
        for one in found:
            for kind, table in _KEPT.items():
                counts[kind] += _remove(db, table, one)
            counts["messages"] += _hide(db, one.state.number, hidden)
        if only_show:
            db.rollback()
            return counts
        row = {
            "erased_at": datetime.now(UTC).timestamp(),
            "erased_by": by,
            "counts": counts,
        }
        db.execute(sa.insert(erasure_table).values(row))
    return counts


def _remove(db: sa.Connection, table: sa.Table, found: _Found) -> int:
    count = 0
    for entity in {entity for entity, _ in found.records}:
        keys = sorted(key for name, key in found.records if name == entity)
        for start in range(0, len(keys), CHUNK):
            statement = sa.delete(table).where(
                table.c.activation_id == found.state.number,
                table.c.entity == entity,
                table.c.key.in_(keys[start : start + CHUNK]),
            )
            count += db.execute(statement).rowcount
    return count


def _hide(db: sa.Connection, activation: int, hidden: Iterable[str]) -> int:
    """Take the person's keys and IDs out of what is said of other records."""
    rejects = reject_table.c
    words = sorted(filter(None, hidden), key=len, reverse=True)
    pattern = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in words))
    mentions = sa.or_(*(rejects.message.contains(w, autoescape=True) for w in words))
    query = sa.select(rejects.entity, rejects.key, rejects.message)
    rows = db.execute(query.where(rejects.activation_id == activation, mentions)).all()
    count = 0
    for entity, key, message in rows:
        text = pattern.sub("***", message)
        if text != message:
            count += 1
            db.execute(
                sa.update(reject_table)
                .where(
                    rejects.activation_id == activation,
                    rejects.entity == entity,
                    rejects.key == key,
                )
                .values(message=text)
            )
    return count


def _overwrite(engine: sa.Engine) -> None:
    """Let the database give up the old contents of what was removed."""
    alone = engine.execution_options(isolation_level="AUTOCOMMIT", sqlite_begin=None)
    if engine.dialect.name == "sqlite":
        engine.dispose()
        with engine.execution_options(sqlite_begin=None).connect() as db:
            db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return
    with alone.connect() as db:
        for table in _KEPT.values():
            db.exec_driver_sql(f'VACUUM "{table.name}"')
