"""Put rows that fill one list of objects together: FieldWorks in, ListWorks out."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from engine.conditions import replace_paths
from engine.language import FieldPath, paths_of
from engine.problems import Problem
from engine.work import FieldWork, FromFields, ListWork, ReferenceTo


def gather_lists(
    works: Iterable[FieldWork], problems: list[Problem]
) -> tuple[FieldWork | ListWork, ...]:
    """Put the rows of one list of objects together; their sources start alike."""
    fields: list[FieldWork | ListWork] = []
    rows: dict[tuple[str, ...], list[FieldWork]] = {}
    for work in works:
        depth = next((i for i, p in enumerate(work.target) if p.endswith("[]")), None)
        if depth is None:
            fields.append(work)
            continue
        target = (*work.target[:depth], work.target[depth].removesuffix("[]"))
        inner = replace(work, target=work.target[depth + 1 :])
        rows.setdefault(target, []).append(inner)
    for target, members in rows.items():
        collections = {_collection(member) for member in members}
        named = {way for way in collections if way is None or way.segments}
        if len(named) != 1 or None in named:
            message = "the rows of one list must come from the same records."
            problems.append(Problem(members[0].origin, "M117", message))
            continue
        way = named.pop() or FieldPath(())
        filled = tuple(_of_element(member, way, problems) for member in members)
        fields.append(ListWork(target, way, filled))
    return tuple(fields)


def _of_element(
    work: FieldWork, collection: FieldPath, problems: list[Problem]
) -> FieldWork:
    """Let a row read from one element what it reads from all of them."""
    source = _relative(work.source, collection)
    if work.when is None:
        return replace(work, source=source)
    ways = {}
    for path in paths_of(work.when):
        if path.segments[: len(collection.segments)] == collection.segments:
            ways[path] = path.after(collection)
        elif path.names[0] != "settings":
            message = f"'{path}' is no field of {collection}, whose elements fill it."
            problems.append(Problem(work.origin, "M117", message))
    return replace(work, source=source, when=replace_paths(work.when, ways))


def _collection(work: FieldWork) -> FieldPath | None:
    """Return the way to the elements a row reads; an empty way for a constant."""
    match work.source:
        case FromFields(paths):
            ways = {path.up_to_many for path in paths}
            return ways.pop() if len(ways) == 1 else None
        case ReferenceTo():
            return work.source.collection
        case _:
            return FieldPath(())


def _relative(source: Any, collection: FieldPath) -> Any:
    match source:
        case FromFields(paths, each):
            return FromFields(tuple(path.after(collection) for path in paths), each)
        case ReferenceTo():
            return replace(source, collection=FieldPath(()))
        case _:
            return source
