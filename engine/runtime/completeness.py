"""Decide whether the source is complete: the files that are there in, nothing out.

A file that is lost looks like an empty one. What a use case needs, what an earlier run
had and what another file points to must be there, or the run stops.
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from engine.conditions import holds
from engine.errors import SpecError
from engine.joins import entities_on, relations
from engine.language import paths_of
from engine.problems import Origin, Problem, sort
from engine.runtime.activation import Activation
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState
from engine.work import EntityWork, UseCaseWork


def require_files(
    activation: Activation, present: AbstractSet[str], state: ActivationState
) -> None:
    """Raise SpecError with every file that is missing, and why it is needed."""
    missing: dict[str, str] = {}
    for name, why in (
        *_fed(activation, present, state),
        *_pointed_to(activation, present),
        *_ruled(activation, present),
    ):
        missing.setdefault(name, why)
    if missing:
        raise SpecError(
            [
                Problem(
                    Origin(str(activation.source / name)), "R001", f"missing: {why}."
                )
                for name, why in sorted(missing.items())
            ]
        )


def _fed(
    activation: Activation, present: AbstractSet[str], state: ActivationState
) -> Iterator[tuple[str, str]]:
    """Yield files that partner entities are made of."""
    standard = activation.use_case.work.standard
    for entity in activation.use_case.work.entities:
        # Without the file that makes persons tenants, nobody would seem to be one.
        views = [standard.entities[node].linked_by for node in entity.erp]
        lost = {name for name in (entity.base, *views) if name} - present
        if entity.required_source and entity.base in lost:
            yield entity.base, "the use case needs it"
        elif lost and state.count_links(entity.name):
            for name in sorted(lost):
                yield name, "an earlier run had it"
        for name in deciding(activation.use_case.work, entity) - present:
            yield name, f"it decides which {entity.name} there are"


def deciding(work: UseCaseWork, entity: EntityWork) -> frozenset[str]:
    """Return the entities that `records` of a partner entity reads beside its own."""
    found: set[str] = set()
    for path in paths_of(entity.records):
        way = relations(work.standard, entity.base, path)
        found |= entities_on(work.standard, entity.base, way)
    return frozenset(work.standard.base(name) for name in found)


def _pointed_to(
    activation: Activation, present: AbstractSet[str]
) -> Iterator[tuple[str, str]]:
    """Yield files that another file points to."""
    standard = activation.use_case.work.standard
    bases = {standard.base(node) for node in activation.use_case.work.nodes}
    for base in sorted(bases & present):
        for name, reference in standard.entities[base].references.items():
            # A way that is not named after its target, as from an entrance to its
            # building, leads to other records of a file that may not have any.
            target = standard.base(reference.entity)
            if target in bases - present and name == reference.entity:
                yield target, f"{base} points to it"


def _ruled(
    activation: Activation, present: AbstractSet[str]
) -> Iterator[tuple[str, str]]:
    """Yield files without which a rule would leave out every record of another."""
    standard = activation.use_case.work.standard
    for node in activation.use_case.work.nodes:
        link = standard.entities[node].linked_by
        if link is None or link in present:
            continue
        # The contracts are there, but not who they are with.
        for reference in standard.entities[link].references.values():
            if reference.entity != node and reference.entity in present:
                yield link, f"{reference.entity} is there"
    for rule in activation.use_case.work.rules:
        if rule.require_any is not None and rule.entity in present:
            child = standard.base(rule.require_any[0])
            if child not in present:
                yield child, f"the rule {rule.rule} needs it"


def require_values(
    activation: Activation, staging: Staging, state: ActivationState
) -> None:
    """
    Raise SpecError if what decides about removals is missing throughout.

    A column that was renamed or emptied, or a file without rows, looks like the wish to
    remove everything, or to offer everything.
    """
    work = activation.use_case.work
    problems = []
    for entity in work.entities:
        for base in sorted(deciding(work, entity)):
            if staging.is_empty(base) and not staging.is_empty(entity.base):
                message = f"has no records, and decides which {entity.name} there are."
                problems.append(Problem(Origin(base), "R009", message))
        if entity.removal == "nothing" or not state.count_links(entity.name):
            continue
        conditions = [(entity.base, entity.records)] if entity.removes_others else []
        conditions += [(r.entity, r.require) for r in work.rules if r.removes]
        for node, condition in conditions:
            if condition is None or holds(condition, {}, activation.settings):
                continue  # what is empty removes nothing
            base = work.standard.base(node)
            for path in paths_of(condition):
                if path.setting is not None or len(path.segments) > 1:
                    continue
                field = path.names[0]
                is_field = field in work.standard.entities[base].fields
                if is_field and staging.lacks(base, field):
                    message = "no record has a value, and that would remove records."
                    problems.append(Problem(Origin(base, 0, field), "R009", message))
    if problems:
        raise SpecError(sort(problems))
