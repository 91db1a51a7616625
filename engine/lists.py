"""Put rows that fill one list of objects together: FieldWorks in, ListWorks out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from engine.conditions import replace_paths
from engine.contract import property_schema
from engine.language import FieldPath, paths_of
from engine.problems import Problem
from engine.work import FieldWork, FromFields, ListWork, ReferenceTo


def gather_lists(
    works: Iterable[FieldWork], schema: Mapping[str, Any], problems: list[Problem]
) -> tuple[FieldWork | ListWork, ...]:
    """
    Put the rows of one list of objects together; their sources start alike.

    A list of which all rows read the record itself has one element.
    """
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
        ways = {_collection(member) for member in members if _reads(member)}
        way = ways.pop() if len(ways) == 1 else FieldPath(()) if not ways else None
        if way is None:
            message = "the rows of one list must come from the same records."
            problems.append(Problem(members[0].origin, "M117", message))
            continue
        filled = tuple(_of_element(member, way, problems) for member in members)
        merge_by = (property_schema(schema, target) or {}).get("x-merge-by")
        fields.append(ListWork(target, way, filled, merge_by))
    return tuple(fields)


def _reads(work: FieldWork) -> bool:
    """Say whether a row reads a record at all, and not only settings."""
    match work.source:
        case FromFields(paths):
            return any(path.setting is None for path in paths)
        case ReferenceTo():
            return True
        case _:
            return False


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
        elif path.setting is None:
            message = f"'{path}' is no field of {collection}, whose elements fill it."
            problems.append(Problem(work.origin, "M117", message))
    return replace(work, source=source, when=replace_paths(work.when, ways))


def _collection(work: FieldWork) -> FieldPath | None:
    """Return the way to the elements a row reads; of a list in a list, the outer."""
    match work.source:
        case FromFields(paths):
            read = {path.up_to_many for path in paths if path.setting is None}
        case ReferenceTo():
            read = {work.source.collection}
        case _:
            return None
    if len(read) != 1:
        return None
    way = read.pop()
    outer = FieldPath(way.segments[:-1]).up_to_many
    return outer if work.many and outer.segments else way


def _relative(source: Any, collection: FieldPath) -> Any:
    match source:
        case FromFields(paths, each):
            inner = (p if p.setting else p.after(collection) for p in paths)
            return FromFields(tuple(inner), each)
        case ReferenceTo():
            return replace(source, collection=source.collection.after(collection))
        case _:
            return source
