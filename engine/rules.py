"""Check the prerequisites of a use case: Rules in, RuleWorks and problems out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine.conditions import check_condition
from engine.language import LanguageError, parse_path, paths_of
from engine.model import Rule, as_tuple
from engine.problems import Origin, Problem, did_you_mean
from engine.spec import Spec
from engine.standard import Standard
from engine.work import RuleWork


@dataclass
class _Rules:
    spec: Spec
    standard: Standard
    problems: list[Problem]

    def at(self, *position: str | int) -> Origin:
        return self.spec.use_case_yaml.origin(position)

    def add(self, origin: Origin, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(origin, code, message, hint))


def check_rules(
    spec: Spec, standard: Standard, problems: list[Problem]
) -> tuple[RuleWork, ...]:
    """Return the prerequisites of a use case, one for each entity they act on."""
    state = _Rules(spec, standard, problems)
    works = []
    for index, rule in enumerate(state.spec.use_case.prerequisites):
        for entity in as_tuple(rule.entity):
            if entity not in state.standard.entities:
                hint = did_you_mean(entity, state.standard.entities)
                place = state.at("prerequisites", index, "entity")
                state.add(
                    place, "M120", f"the Standard has no entity '{entity}'.", hint
                )
                continue
            works.append(_rule(state, rule, entity, index))
    return tuple(work for work in works if work is not None)


def that_matter(
    standard: Standard, rules: Iterable[RuleWork], read: Iterable[str]
) -> tuple[RuleWork, ...]:
    """
    Return the rules that can leave out anything that is sent.

    They act on what is read, on what that points to, or on what another of them
    needs; no file is read for the others.
    """
    known, kept, left = set(read), [], list(rules)
    while True:
        known |= {link for name in known if (link := standard.entities[name].linked_by)}
        bases = {standard.base(name) for name in known}
        targets = {
            standard.base(reference.entity)
            for name in known
            for reference in standard.entities[name].references.values()
        }
        found = [r for r in left if standard.base(r.entity) in bases | targets]
        if not found:
            return tuple(rule for rule in rules if rule in kept)
        kept += found
        left = [rule for rule in left if rule not in found]
        for rule in found:
            known |= {rule.entity, *((rule.require_any or ())[:1])}


def _rule(state: _Rules, rule: Rule, entity: str, index: int) -> RuleWork | None:
    work = RuleWork(
        rule=rule.rule,
        text=rule.text,
        entity=entity,
        verdict=rule.verdict,
        removes=rule.removes,
    )
    if rule.require:
        place = state.at("prerequisites", index, "require")
        condition = check_condition(
            rule.require,
            place,
            state.standard,
            entity,
            state.spec.use_case.settings,
            state.problems,
        )
        if condition is None:
            return None
        if any(len(p.segments) > 1 for p in paths_of(condition) if p.setting is None):
            message = "a rule reads the fields of its own record only."
            state.add(place, "M119", message)
            return None
        return replace(work, require=condition)
    place = state.at("prerequisites", index, "require_any")
    children = state.standard.children(entity)
    try:
        path = parse_path(rule.require_any)
    except LanguageError as error:
        state.add(place, "M103", f"{error}.")
        return None
    if len(path.segments) != 1 or not path.many or path.names[0] not in children:
        hint = did_you_mean(path.names[0] if path.segments else "", children)
        message = f"'{rule.require_any}' are no records that point to a {entity}."
        state.add(place, "M119", message, hint)
        return None
    child, reference = children[path.names[0]]
    return replace(work, require_any=(child, reference.name))
