"""Check how records leave a partner: an entity and its contract in, problems out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from engine.checking import Checking
from engine.model import EntityFile, Removal
from engine.work import EntityWork, FieldWork, ListWork


def removal_of(
    state: Checking, entity: EntityFile, fields: Iterable[FieldWork | ListWork]
) -> Removal:
    """Return what removing means for an entity; without a way to do it, nothing."""
    removal = entity.removal or state.spec.use_case.removal
    match removal:
        case "end_date" | "block":
            ends = any(getattr(work, "only_in", None) == "remove" for work in fields)
            return removal if ends else "nothing"
        case "delete" | "detach":
            return removal if state.resource(entity).can_remove else "nothing"
    return removal


def check_replaced_parents(state: Checking, entities: Iterable[EntityWork]) -> None:
    """Refuse to make anew what others point to: they would point to the old record."""
    pointed_to = {
        name
        for entity in entities
        for spot in entity.references
        for name in spot.entities
    }
    names = [entity.name for entity in state.spec.use_case.entities]
    for entity in entities:
        if entity.immutable and not entity.named_by_us and entity.name in pointed_to:
            field_name = ".".join(entity.immutable[0])
            message = f"'{field_name}' is x-immutable, and others point to the record."
            place = state.at("entities", names.index(entity.name), "name")
            state.add(place, "C113", message)


def needs_payload(state: Checking, entity: EntityFile) -> bool:
    """Say whether removing a record sends all of it: a PUT, or a document."""
    resource = state.resource(entity)
    removal = entity.removal or state.spec.use_case.removal
    if removal in ("end_date", "block"):
        return resource.named_by_us
    return resource.removal_needs_payload


def marked(
    schema: Mapping[str, Any], mark: str, before: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """Yield the fields of a payload that have a mark, or stand in one that has it."""
    for name, inner in schema.get("properties", {}).items():
        if not isinstance(inner, dict):
            continue
        if inner.get(mark):
            yield (*before, name)
        else:
            yield from marked(inner, mark, (*before, name))


def check_removal(
    state: Checking,
    entity: EntityFile,
    index: int,
    immutable: tuple[tuple[str, ...], ...],
) -> None:
    """What removes a record needs a request for it, or rows for its last update."""
    use_case = state.spec.use_case
    resource = state.resource(entity)
    if immutable and not resource.can_remove:
        message = f"'{'.'.join(immutable[0])}' is x-immutable: name how to remove."
        state.add(state.at("entities", index, "name"), "C112", message)
    if not entity.removes:
        return
    place = state.at("entities", index, "removes")
    match entity.removal or use_case.removal:
        case "nothing":
            message = "'removes' means nothing while 'removal' is 'nothing'."
            state.add(place, "M119", message)
        case "delete" | "detach" if not resource.can_remove:
            message = "the connector file has no `remove` for this entity."
            state.add(place, "C112", message)
