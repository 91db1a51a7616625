"""Put the entities of a use case in order: references in, parents first out."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from engine.checking import Checking
from engine.standard import Standard
from engine.work import (
    EntityWork,
    FieldWork,
    ListWork,
    ReferenceSpot,
    ReferenceTo,
    RuleWork,
)


def reference_spots(
    fields: Iterable[FieldWork | ListWork],
) -> tuple[ReferenceSpot, ...]:
    """Return the places of a payload in which IDs of other records stand."""
    found: dict[tuple[tuple[str, ...], bool], dict[str, None]] = {}
    for work in fields:
        if isinstance(work, ListWork):
            for inner in reference_spots(work.fields):
                place = ((*work.target, "[]", *inner.target), inner.later)
                found.setdefault(place, {}).update(dict.fromkeys(inner.entities))
        elif isinstance(work.source, ReferenceTo):
            found.setdefault((work.target, work.later), {})[work.source.entity] = None
    return tuple(
        ReferenceSpot(target, tuple(entities), later)
        for (target, later), entities in found.items()
    )


def parents_first(
    state: Checking, entities: list[EntityWork]
) -> tuple[EntityWork, ...]:
    """Return entities so that each comes after those that it points to."""
    by_name = {entity.name: entity for entity in entities}
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for entity in entities:
        needs = {
            name
            for spot in entity.references
            if not spot.later
            for name in spot.entities
        }
        needs.discard(entity.name)
        if entity.adopts is not None:
            needs.add(entity.adopts.entity)
        sorter.add(entity.name, *sorted(needs & set(by_name)))
    try:
        order = list(sorter.static_order())
    except CycleError as error:
        names = " -> ".join(error.args[1])
        state.add(state.at("entities"), "M112", f"entities refer in a circle: {names}.")
        return ()
    return tuple(by_name[name] for name in order)


def nodes(
    standard: Standard, read: Iterable[str], rules: Iterable[RuleWork]
) -> tuple[str, ...]:
    """Return the Standard entities that the use case reads, in the Standard's order."""
    used = set(read)
    for rule in rules:
        used.add(rule.entity)
        if rule.require_any:
            used.add(rule.require_any[0])
    used |= {
        linked
        for name in used
        if (linked := standard.entities[name].linked_by) is not None
    }
    return tuple(name for name in standard.entities if name in used)
