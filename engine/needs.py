"""Find the fields that a use case cannot do without: a plan of work in, names out.

A wrong value in any other field is left out: what is sent does not depend on it.
"""

from collections.abc import Iterable, Iterator, Mapping

from engine.joins import paths_read
from engine.language import FieldPath, paths_of
from engine.standard import Standard
from engine.work import EntityWork, FieldWork, FromJsonPath, ListWork, RuleWork


def needed_fields(
    standard: Standard, entities: Iterable[EntityWork], rules: Iterable[RuleWork]
) -> Mapping[str, frozenset[str]]:
    """
    Return the needed fields by Standard entity (never a view).

    Keys and references count always; a field that only rows with `if_wrong: omit`
    read does not. What a JSONPath reads is not known: it needs all fields.
    """
    found: dict[str, set[str]] = {
        entity.name: set(entity.key).union(
            *(reference.fields.values() for reference in entity.references.values())
        )
        for entity in standard.entities.values()
        if entity.view_of is None
    }
    for entity in entities:
        start = entity.erp[0]
        for path in _paths(entity):
            _add(standard, start, path, found)
        if any(isinstance(f.source, FromJsonPath) for f in _rows(entity.fields)):
            found[entity.base].update(standard.entities[entity.base].fields)
    for rule in rules:
        for path in paths_of(rule.require):
            _add(standard, rule.entity, path, found)
    return {name: frozenset(names) for name, names in found.items()}


def _paths(entity: EntityWork) -> Iterator[FieldPath]:
    yield from paths_read([entity.id_field])
    yield from paths_of(entity.records)
    if entity.adopts is not None:
        yield from paths_of(entity.adopts.when)
    for work in entity.fields:
        if isinstance(work, ListWork):
            strict = tuple(inner for inner in work.fields if not inner.tolerant)
            yield from paths_read([ListWork(work.target, work.collection, strict)])
        elif not work.tolerant:
            yield from paths_read([work])


def _rows(fields: Iterable[FieldWork | ListWork]) -> Iterator[FieldWork]:
    for work in fields:
        if isinstance(work, ListWork):
            yield from work.fields
        else:
            yield work


def _add(
    standard: Standard, start: str, path: FieldPath, found: dict[str, set[str]]
) -> None:
    """Add the field that a path ends in, and what selects the records on its way."""
    if path.setting is not None:
        return
    entity = start
    for segment in path.segments:
        step = standard.leads_to(entity, segment)
        if step is None:
            found[standard.base(entity)].add(segment.name)
            return
        selection = standard.entities[entity].selections.get(segment.name)
        entity = step
        if selection is not None:
            read = [*paths_of(selection.where), *(p for p, _ in selection.order)]
            for inner in read:
                _add(standard, entity, inner, found)
