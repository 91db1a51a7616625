"""Check a spec: a Spec, the Standard and the partner's contract in, a UseCaseWork out.

`check` shows the stages; all problems of all of them come at once.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from engine.checking import Checking, Contract
from engine.conditions import check_condition
from engine.contract import kinds, path_of, property_schema
from engine.fields import OPERATIONS, RowCheck, id_parts
from engine.joins import entities_read, joins_of, ways_read
from engine.lists import gather_lists
from engine.matches import check_matches
from engine.model import EntityFile, as_tuple
from engine.needs import needed_fields
from engine.order import nodes, parents_first, reference_spots
from engine.problems import Origin, Problem, did_you_mean
from engine.related import relate
from engine.removal import (
    check_removal,
    check_replaced_parents,
    marked,
    needs_payload,
    removal_of,
)
from engine.rules import check_rules, that_matter
from engine.spec import FieldRule, Spec
from engine.standard import Standard
from engine.work import (
    AdoptionWork,
    EntityWork,
    FieldWork,
    IdParts,
    ReferenceSpot,
    UseCaseWork,
)


def check(
    spec: Spec, standard: Standard, contract: Contract
) -> tuple[UseCaseWork, list[Problem]]:
    """Resolve every name of a spec; with errors, the work lacks what they concern."""
    problems: list[Problem] = []
    standard = relate(spec, standard, problems)
    state = Checking(spec, standard, contract, problems)
    _check_settings(state)
    usable = _usable_entities(state)
    ids = _ids(state, usable)
    entities = [_entity(state, usable[name], ids, usable) for name in usable]
    known = [entity for entity in entities if entity is not None]
    check_replaced_parents(state, known)
    ordered = parents_first(state, known)
    read = entities_read(standard, ordered)
    rules = that_matter(standard, check_rules(spec, standard, state.problems), read)
    work = UseCaseWork(
        partner=spec.partner,
        use_case=spec.name,
        version=spec.use_case.version,
        entities=ordered,
        rules=rules,
        nodes=nodes(standard, read, rules),
        standard=standard,
        needed=needed_fields(standard, ordered, rules),
        ways=ways_read(standard, ordered),
    )
    return work, state.problems


def _check_settings(state: Checking) -> None:
    for name in sorted(state.contract.settings - set(state.spec.use_case.settings)):
        message = f"the connector file reads a setting '{name}'."
        state.add(state.at("settings"), "C110", message)


def _usable_entities(state: Checking) -> dict[str, EntityFile]:
    """Return the entities whose names lead to a Standard entity, a schema, a writer."""
    usable = {}
    for index, entity in enumerate(state.spec.use_case.entities):
        before = len(state.problems)
        resource = entity.resource or entity.name
        for erp in as_tuple(entity.erp):
            if erp not in state.standard.entities:
                hint = did_you_mean(erp, state.standard.entities)
                message = f"the Standard has no entity '{erp}'."
                state.add(state.at("entities", index, "erp"), "M120", message, hint)
        place = state.at("entities", index, "name")
        if resource not in state.spec.schemas:
            hint = did_you_mean(resource, state.spec.schemas)
            state.add(place, "C104", f"no payload schema '{resource}.json'.", hint)
        if resource not in state.contract.resources:
            hint = did_you_mean(resource, state.contract.resources)
            message = f"the connector file has no entity '{resource}'."
            state.add(place, "C105", message, hint)
        if entity.name in usable:
            state.add(place, "M119", f"'{entity.name}' occurs twice.")
        bases = {
            state.standard.base(erp)
            for erp in as_tuple(entity.erp)
            if erp in state.standard.entities
        }
        if len(bases) > 1:
            message = "only views of one Standard entity can be united."
            state.add(state.at("entities", index, "erp"), "M120", message)
        if len(state.problems) == before:
            usable[entity.name] = entity
    return usable


def _ids(state: Checking, usable: Mapping[str, EntityFile]) -> dict[str, IdParts]:
    ids = {}
    for name, entity in usable.items():
        rules = [r for r in state.spec.tables[name] if r.row.id_parts]
        if len(rules) == 1:
            start = as_tuple(entity.erp)[0]
            parts = id_parts(state.standard, start, rules[0], [])
            if parts is not None:
                ids[name] = parts
            continue
        if rules:
            place, message = rules[1].at("id_parts"), "a second row has id_parts."
        else:
            path = (
                f"mappings/partners/{state.spec.partner}/{state.spec.name}/{name}.csv"
            )
            place, message = Origin(path, 1, "id_parts"), "no row has id_parts."
        state.add(place, "M109", message)
    return ids


def _entity(
    state: Checking,
    entity: EntityFile,
    ids: Mapping[str, IdParts],
    usable: Mapping[str, EntityFile],
) -> EntityWork | None:
    rules = state.spec.tables[entity.name]
    schema = state.spec.schemas[entity.resource or entity.name]
    pairs: list[tuple[FieldRule, FieldWork]] = []
    for rule in rules:
        row = RowCheck(
            state.spec,
            state.standard,
            entity,
            rule,
            usable,
            ids,
            state.resource(entity).named_by_us,
            state.problems,
        )
        work = row.field()
        if work is not None:
            pairs.append((rule, work))
    _check_targets(state, entity, rules, schema)
    id_field = next((w for _, w in pairs if isinstance(w.source, IdParts)), None)
    index = state.spec.use_case.entities.index(entity)
    records = _entity_condition(state, entity, ("entities", index, "records"))
    adopts = _adoption(state, entity, index, usable)
    if id_field is None or entity.name not in ids:
        return None
    id_schema = property_schema(schema, id_field.target) or {}
    in_body = id_schema.get("x-in") != "path"
    fields = gather_lists(
        [w for _, w in pairs if w is not id_field or in_body], schema, state.problems
    )
    spots = reference_spots(fields)
    path_fields = _path_fields(state, entity, schema, id_field)
    immutable = tuple(marked(schema, "x-immutable"))
    check_removal(state, entity, index, immutable)
    return EntityWork(
        name=entity.name,
        resource=entity.resource or entity.name,
        label=_label(state, entity),
        erp=as_tuple(entity.erp),
        base=state.standard.base(as_tuple(entity.erp)[0]),
        id=ids[entity.name],
        id_field=id_field,
        id_in_body=in_body,
        fields=fields,
        records=records,
        adopts=adopts,
        joins=joins_of(
            state.standard,
            as_tuple(entity.erp)[0],
            (id_field, *fields),
            (records, adopts.when if adopts else None),
        ),
        references=spots,
        schema=_plan_schema(state, schema, spots, usable, id_field, in_body),
        named_by_us=state.resource(entity).named_by_us,
        path_fields=path_fields,
        immutable=immutable,
        removal=removal_of(state, entity, fields),
        removal_needs_payload=needs_payload(state, entity),
        removes_others=entity.removes,
        required_source=entity.required,
        match=check_matches(
            entity.match,
            lambda *position: state.at("entities", index, "match", *position),
            schema,
            fields,
            state.problems,
        ),
    )


def _path_fields(
    state: Checking, entity: EntityFile, schema: Mapping[str, Any], id_field: FieldWork
) -> frozenset[str]:
    """Return the fields of the address; connector file and schema must agree."""
    resource = entity.resource or entity.name
    wanted = state.contract.resources[resource].path_fields
    if not state.contract.is_known:
        return frozenset()
    known = {
        name
        for name, inner in schema.get("properties", {}).items()
        if isinstance(inner, dict) and inner.get("x-in") == "path"
    }
    known -= set(id_field.target)
    place = Origin(f"schemas/partners/{state.spec.partner}/{resource}.json")
    for name in sorted(wanted - known):
        message = f"the connector file reads 'path.{name}'; no field has x-in: path."
        state.add(place, "C111", message)
    for name in sorted(known - wanted):
        message = f"'{name}' has x-in: path, and no request has 'path.{name}'."
        state.add(place, "C111", message)
    return frozenset(known)


def _label(state: Checking, entity: EntityFile) -> str:
    """Return the partner's word for an entity, from its page or its contract."""
    rows = state.spec.use_case.entity_table
    labels = [r.partner for r in rows if r.entity == entity.name and not r.coming]
    title = state.spec.schemas[entity.resource or entity.name].get("title")
    return " / ".join(dict.fromkeys(labels)) or title or entity.name


def _check_targets(
    state: Checking,
    entity: EntityFile,
    rules: Iterable[FieldRule],
    schema: Mapping[str, Any],
) -> None:
    """Each field once (or under conditions), each required field at all."""
    unconditional: dict[tuple[str, str], FieldRule] = {}
    targets: set[str] = set()
    for rule in rules:
        name = rule.row.partner_field
        # An operation may have a value of its own.
        once = (name, rule.row.write if rule.row.write in OPERATIONS else "")
        parts = path_of(name)
        targets.update(".".join(parts[: n + 1]) for n in range(len(parts)))
        if once in unconditional:
            line = unconditional[once].origin.line
            message = f"'{name}' has its value from line {line} already."
            state.add(rule.at("partner_field"), "M108", message)
        elif not rule.row.when:
            unconditional[once] = rule
    _check_replaced(state, entity, rules)
    for name in _required(schema, targets):
        path = f"mappings/partners/{state.spec.partner}/{state.spec.name}"
        place = Origin(f"{path}/{entity.name}.csv", 1, "partner_field")
        state.add(place, "C102", f"the partner requires '{name}'.")


def _required(
    schema: Mapping[str, Any], targets: Collection[str], before: str = ""
) -> Iterator[str]:
    """Yield the required fields without a row; of an object, if any row fills it."""
    for name in schema.get("required", ()):
        if before + name not in targets:
            yield before + name
    for name, inner in schema.get("properties", {}).items():
        place = before + name
        if not isinstance(inner, dict):
            continue
        items = inner.get("items")
        holder = items if isinstance(items, dict) else inner
        rows = [t for t in targets if t.startswith(f"{place}.")]
        if rows:
            yield from _required(holder, targets, f"{place}.")


def _check_replaced(
    state: Checking, entity: EntityFile, rules: Iterable[FieldRule]
) -> None:
    """A record put under our ID is replaced: what a create sets an update must, too."""
    resource = state.resource(entity)
    updated = {r.row.partner_field for r in rules if r.row.write != "create"}
    for rule in rules:
        alone = rule.row.write == "create" and rule.row.partner_field not in updated
        if resource.named_by_us and alone:
            message = "an update would take it away again: give a row for it, too."
            state.add(rule.at("write"), "M123", message)


def _entity_condition(
    state: Checking, entity: EntityFile, position: tuple[str | int, ...]
) -> Any:
    if not entity.records:
        return None
    return check_condition(
        entity.records,
        state.at(*position),
        state.standard,
        as_tuple(entity.erp)[0],
        state.spec.use_case.settings,
        state.problems,
    )


def _adoption(
    state: Checking, entity: EntityFile, index: int, usable: Mapping[str, EntityFile]
) -> AdoptionWork | None:
    if entity.adopts is None:
        return None
    place = state.at("entities", index, "adopts")
    if entity.adopts.entity not in usable:
        hint = did_you_mean(entity.adopts.entity, usable)
        message = f"no entity is named '{entity.adopts.entity}'."
        state.add(place, "M110", message, hint)
        return None
    when = None
    if entity.adopts.when:
        when = check_condition(
            entity.adopts.when,
            place,
            state.standard,
            as_tuple(entity.erp)[0],
            state.spec.use_case.settings,
            state.problems,
        )
    return AdoptionWork(entity.adopts.entity, when)


def _plan_schema(
    state: Checking,
    schema: Mapping[str, Any],
    spots: Iterable[ReferenceSpot],
    usable: Mapping[str, EntityFile],
    id_field: FieldWork,
    id_in_body: bool,
) -> Mapping[str, Any]:
    """Return the schema that a payload fits before the partner's ids are known."""
    planned = deepcopy(dict(schema))
    for spot in spots:
        entity = usable[spot.entities[0]]
        if state.resource(entity).named_by_us:
            continue
        here = property_schema(planned, (p for p in spot.target if p != "[]"))
        if here is not None:
            inner = here.setdefault("items", {}) if "array" in kinds(here) else here
            nullable = "null" in kinds(inner)
            inner.clear()
            inner["type"] = ["string", "null"] if nullable else "string"
    if not id_in_body:
        (name,) = id_field.target
        del planned["properties"][name]
        planned["required"] = [n for n in planned.get("required", []) if n != name]
    return planned
