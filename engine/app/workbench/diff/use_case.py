"""Compare two versions of `use_case.yaml`: models in, what changed out.

The order of keys, comments and line breaks are nothing; what stands in the model is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from engine.app.workbench.diff.spec_change import Effect, SpecChange
from engine.app.workbench.diff.tables import SAME, meaning
from engine.model import (
    EntityFile,
    Part,
    Related,
    Rule,
    Setting,
    UseCaseFile,
    as_tuple,
)
from engine.standard import Standard

CONDITIONS = frozenset({"records", "require", "where"})

FOR_PEOPLE = frozenset({"title", "description", "evidence", "example", "text"})
"""Keys of settings and prerequisites that no run reads."""

IDS = "IDs change"
CHOOSE = "each activation has to choose"
TAKE_OUT = "an activation that has it is refused"
REMOVES = "removes records at the partner"


def use_case_changes(
    old: UseCaseFile, new: UseCaseFile, standard: Standard
) -> Iterator[SpecChange]:
    """Yield what changed, but for entities that only one of them has."""
    entities = {entity.name: entity for entity in old.entities}
    for entity in new.entities:
        if entity.name in entities:
            yield from entity_changes(entities[entity.name], entity, new, standard)
    yield from _settings(old.settings, new.settings)
    yield from _related(old.related, new.related)
    yield from _prerequisites(old.prerequisites, new.prerequisites)
    if old.removal != new.removal:
        yield _removal("use case", old.removal, new.removal)
    if set(old.schedule) != set(new.schedule):
        days = (", ".join(old.schedule), ", ".join(new.schedule))
        yield _changed("use case", "schedule", "minor", "", *days)
    if old.direction != new.direction:
        ways = (old.direction, new.direction)
        yield _changed("use case", "direction", "major", "", *ways)
    if old.entity_table != new.entity_table:
        yield _changed("page", "entity table", "patch", "")


def entity_changes(
    old: EntityFile, new: EntityFile, use_case: UseCaseFile, standard: Standard
) -> Iterator[SpecChange]:
    """Yield what changed of an entity in `use_case.yaml`, beside its table."""
    for name in EntityFile.model_fields:
        was, now = getattr(old, name), getattr(new, name)
        if name == "name" or was == now:
            continue
        if name == "resource":
            was, now = old.resource or old.name, new.resource or new.name
            if was == now:
                continue
        if name == "removal":
            usual = use_case.removal
            yield _removal(new.name, was or usual, now or usual)
            continue
        effect, why = _entity_effect(name, old, new, standard)
        yield _key(new.name, name, was, now, effect, why)


def _entity_effect(
    name: str, old: EntityFile, new: EntityFile, standard: Standard
) -> tuple[Effect, str]:
    match name:
        case "resource":
            return "major", IDS
        case "erp":
            bases = [
                {_base(standard, erp) for erp in as_tuple(entity.erp)}
                for entity in (old, new)
            ]
            same = bases[0] == bases[1]
            return ("minor", "") if same else ("major", IDS)
        case "removes" if new.removes:
            return "major", REMOVES
        case "records" if new.removes:
            return "major", REMOVES
    return "minor", ""


def _base(standard: Standard, name: str) -> str:
    return standard.base(name) if name in standard.entities else name


def _settings(
    old: Mapping[str, Setting], new: Mapping[str, Setting]
) -> Iterator[SpecChange]:
    for name in old:
        if name not in new:
            yield SpecChange("settings", "dropped", name, "major", why=TAKE_OUT)
    for name, setting in new.items():
        if name not in old:
            must = setting.must_be_chosen
            effect: Effect = "major" if must else "minor"
            why = CHOOSE if must else ""
            yield SpecChange("settings", "added", name, effect, why=why)
            continue
        before = old[name]
        for key, was, now in _differing(before, setting):
            yield _key(
                "settings", name, was, now, *_setting(name, key, before, setting), key
            )


def _setting(name: str, key: str, old: Setting, new: Setting) -> tuple[Effect, str]:
    if new.must_be_chosen and not old.must_be_chosen:
        return "major", CHOOSE
    match key:
        case "type":
            return "major", "an activation may hold a value of the other type"
        case "options" if set(old.options) - set(new.options):
            return "major", "an activation may hold an option that is gone"
        case "default" if name == "separator":
            return "major", IDS
    return ("patch" if key in FOR_PEOPLE else "minor"), ""


def _related(old: Sequence[Related], new: Sequence[Related]) -> Iterator[SpecChange]:
    yield from _named("related", {o.name: o for o in old}, {n.name: n for n in new})


def _prerequisites(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[SpecChange]:
    before, after = _by_name(old), _by_name(new)
    yield from _named("prerequisites", before, after)
    shared = [name for name in before if name in after]
    if shared != [name for name in after if name in before]:
        row, why = "all", "the first that fails is the reason that is told"
        yield SpecChange("prerequisites", "order", row, "minor", "rules", why=why)


def _by_name(rules: Iterable[Rule]) -> dict[str, Rule]:
    """Return the rules by name; a second one of a name has its number behind it."""
    seen: Counter[str] = Counter()
    found = {}
    for rule in rules:
        seen[rule.rule] += 1
        number = seen[rule.rule]
        found[rule.rule if number == 1 else f"{rule.rule} ({number})"] = rule
    return found


def _named(
    part: str, old: Mapping[str, Part], new: Mapping[str, Part]
) -> Iterator[SpecChange]:
    """Compare things that have a name; one that removes weighs more."""
    for name, thing in old.items():
        if name not in new:
            yield SpecChange(part, "dropped", name, "minor", old=_said(thing))
    for name, thing in new.items():
        removes = bool(getattr(thing, "removes", False))
        heavy: Effect = "major" if removes else "minor"
        why = REMOVES if removes else ""
        if name not in old:
            yield SpecChange(part, "added", name, heavy, new=_said(thing), why=why)
            continue
        for key, was, now in _differing(old[name], thing):
            if key in FOR_PEOPLE:
                yield _key(part, name, was, now, "patch", key=key)
            else:
                yield _key(part, name, was, now, heavy, why, key)


def _said(thing: Part) -> str:
    """Return what a rule or relation demands."""
    match thing:
        case Rule():
            demands = thing.require or f"one of {thing.require_any}"
            return f"{', '.join(as_tuple(thing.entity))}: {demands}"
        case Related():
            return f"of {thing.of} from {thing.source}"
    return ""


def _removal(part: str, old: str, new: str) -> SpecChange:
    less = new in ("nothing", old)
    effect: Effect = "minor" if less else "major"
    why = "" if less else REMOVES
    return _changed(part, "removal", effect, why, old, new)


def _differing(old: BaseModel, new: BaseModel) -> Iterator[tuple[str, Any, Any]]:
    for key in type(new).model_fields:
        was, now = getattr(old, key), getattr(new, key)
        if was != now:
            yield key, was, now


def _key(
    part: str,
    row: str,
    old: Any,
    new: Any,
    effect: Effect,
    why: str = "",
    key: str = "",
) -> SpecChange:
    """Return the change of a key, of no effect if it is only written otherwise."""
    was, now = _shown(old), _shown(new)
    if (key or row) in CONDITIONS and meaning("when", was) == meaning("when", now):
        effect, why = "patch", SAME
    return SpecChange(part, "changed", row, effect, key, was, now, why)


def _changed(
    part: str, row: str, effect: Effect, why: str, old: str = "", new: str = ""
) -> SpecChange:
    return SpecChange(part, "changed", row, effect, "", old, new, why)


def _shown(value: Any) -> str:
    """
    Return a value of a model as a line.

    >>> _shown(("a", "b")), _shown(True), _shown(None), _shown((("a", "b"), ("c",)))
    ('a, b', 'yes', '', '[a, b], [c]')
    """
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case BaseModel():
            parts = value.model_dump(exclude_defaults=True).items()
            return ", ".join(f"{name} {_shown(part)}" for name, part in parts)
        case tuple() | list():
            inner = (
                f"[{_shown(item)}]" if isinstance(item, tuple | list) else _shown(item)
                for item in value
            )
            return ", ".join(inner)
    return " ".join(str(value).split())
