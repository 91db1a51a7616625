"""Find what an entity's fields read: fields in, paths and ways to records out."""

from collections.abc import Iterable, Iterator
from typing import Any

from engine.language import FieldPath, Segment, paths_of
from engine.standard import Standard
from engine.work import (
    EntityWork,
    FieldWork,
    FromFields,
    IdParts,
    ListWork,
    ReferenceTo,
)


def _paths(work: FieldWork) -> Iterable[FieldPath]:
    match work.source:
        case FromFields(paths):
            yield from (path for path in paths if path.setting is None)
        case IdParts(parts):
            yield from (part for part in parts if isinstance(part, FieldPath))
        case ReferenceTo(_, collection, IdParts(parts)):
            prefix = collection.segments
            yield collection
            yield from (
                FieldPath((*prefix, *part.segments))
                for part in parts
                if isinstance(part, FieldPath)
            )
    if work.when is not None:
        yield from paths_of(work.when)


def joins_of(
    standard: Standard,
    start: str,
    fields: Iterable[FieldWork | ListWork],
    conditions: Iterable[Any],
) -> frozenset[FieldPath]:
    """Return the ways to related records that must be at hand to read the fields."""
    paths = [path for condition in conditions for path in paths_of(condition)]
    ways = {relations(standard, start, p) for p in (*paths, *paths_read(fields))}
    return frozenset(way for way in ways if way.segments)


def paths_read(fields: Iterable[FieldWork | ListWork]) -> Iterator[FieldPath]:
    """Yield the paths that rows read, all from the record that they start at."""
    for work in fields:
        if isinstance(work, ListWork):
            prefix = work.collection.segments
            yield work.collection
            for path in paths_read(work.fields):
                yield path if path.setting else FieldPath((*prefix, *path.segments))
        else:
            yield from _paths(work)


def relations(standard: Standard, start: str, path: FieldPath) -> FieldPath:
    """Cut a path to the part that leads over records, not into a field."""
    entity: str | None = start
    segments: list[Segment] = []
    for segment in path.segments:
        entity = standard.leads_to(entity, segment) if entity else None
        if entity is None:
            break
        segments.append(segment)
    return FieldPath(tuple(segments))


def entities_read(standard: Standard, entities: Iterable[EntityWork]) -> set[str]:
    """Return the Standard entities that partner entities are made of or read."""
    found: set[str] = set()
    for entity in entities:
        found.update(entity.erp)
        for way in entity.joins:
            found |= entities_on(standard, entity.erp[0], way)
    return found


def ways_read(
    standard: Standard, entities: Iterable[EntityWork]
) -> frozenset[tuple[str, str]]:
    """Return the references that tables read or point over, by entity and name."""
    found: set[tuple[str, str]] = set()
    for entity in entities:
        for way in (*entity.joins, *_ways(entity.fields)):
            here = entity.erp[0]
            for segment in way.segments:
                found.add((standard.base(here), segment.name))
                here = standard.leads_to(here, segment) or here
    return frozenset(found)


def _ways(fields: Iterable[FieldWork | ListWork]) -> Iterator[FieldPath]:
    """Yield the ways that references point over, even if the ID needs no join."""
    for work in fields:
        if isinstance(work, ListWork):
            yield from _ways(work.fields)
        elif isinstance(work.source, ReferenceTo):
            yield work.source.way


def entities_on(standard: Standard, start: str, way: FieldPath) -> set[str]:
    """Return the Standard entities that a way leads over, and what selects on it."""
    found: set[str] = set()
    entity = start
    for segment in way.segments:
        selection = standard.entities[entity].selections.get(segment.name)
        step = standard.leads_to(entity, segment)
        assert step is not None
        entity = step
        found.add(entity)
        for inner in selection.joins if selection else ():
            found |= entities_on(standard, entity, inner)
    return found
