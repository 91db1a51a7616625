"""Find the related records that an entity's fields read: fields in, ways out."""

from collections.abc import Iterable
from typing import Any

from engine.language import FieldPath, Segment, paths_of
from engine.standard import Standard
from engine.work import FieldWork, FromFields, IdParts, ListWork, ReferenceTo


def _paths(work: FieldWork) -> Iterable[FieldPath]:
    match work.source:
        case FromFields(paths):
            yield from paths
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
    found: set[FieldPath] = set()
    paths = [path for condition in conditions for path in paths_of(condition)]
    for work in fields:
        if isinstance(work, ListWork):
            prefix = work.collection.segments
            paths.append(work.collection)
            paths += [
                FieldPath((*prefix, *p.segments))
                for f in work.fields
                for p in _paths(f)
            ]
        else:
            paths += _paths(work)
    for path in paths:
        way = _relations(standard, start, path)
        if way.segments:
            found.add(way)
    return frozenset(found)


def _relations(standard: Standard, start: str, path: FieldPath) -> FieldPath:
    """Cut a path to the part that leads over records, not into a field."""
    entity = start
    segments: list[Segment] = []
    for segment in path.segments:
        children = standard.children(entity)
        references = standard.entities[entity].references
        if segment.many and segment.name in children:
            entity = children[segment.name][0]
        elif not segment.many and segment.name in references:
            entity = references[segment.name].entity
        else:
            break
        segments.append(segment)
    return FieldPath(tuple(segments))


def entities_on(standard: Standard, start: str, way: FieldPath) -> set[str]:
    """Return the Standard entities that a way leads over."""
    found = set()
    entity = start
    for segment in way.segments:
        if segment.many:
            entity = standard.children(entity)[segment.name][0]
        else:
            entity = standard.entities[entity].references[segment.name].entity
        found.add(entity)
    return found
