"""Try a spec on one record: a draft and a record in, payload and each step out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.app.explain import transformed, way_of
from engine.app.workbench.trial.draft import Draft
from engine.app.workbench.trial.source import Found, Records
from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean, errors
from engine.runtime.library import UseCase, check_use_case
from engine.work import EntityWork, Settings

Choose = Callable[[UseCase], Settings]
"""Gives the settings for a use case, which may just have got others."""


@dataclass(frozen=True)
class Attempt:
    """
    What came of the spec as it stands.

    With errors `answer` is that of the last spec without; None if there was none yet.
    """

    problems: tuple[Problem, ...] = ()
    answer: Mapping[str, Any] | None = None
    changes: tuple[tuple[str, Any, Any], ...] = ()
    """What the payload has got otherwise than before: field, old value, new one."""

    def as_json(self) -> dict[str, Any]:
        return {
            "problems": [problem.as_json() for problem in self.problems],
            "changes": [
                {"field": name, "before": old, "after": new}
                for name, old, new in self.changes
            ],
            **(self.answer or {}),
        }

    @property
    def exit_code(self) -> int:
        if errors(self.problems):
            return 2
        return 1 if self.answer and self.answer["state"] == "rejected" else 0


@dataclass
class Trial:
    """One entity of a partner, one record, and the spec as it is tried."""

    draft: Draft
    choose: Choose
    records: Records
    last: Attempt = field(default_factory=Attempt)

    def run(self) -> Attempt:
        """Check the spec and run it; problems leave the last answer as it was."""
        use_case, problems = self._checked()
        if use_case is None or errors(problems):
            self.last = replace(self.last, problems=problems, changes=())
            return self.last
        try:
            answer = self._answer(use_case)
        except SpecError as error:
            self.last = replace(self.last, problems=error.problems, changes=())
            return self.last
        before = self.last.answer
        changes: tuple[tuple[str, Any, Any], ...] = ()
        if before is not None and before["key"] == answer["key"]:
            changes = tuple(differences(before["payload"], answer["payload"]))
        self.last = Attempt(problems, answer, changes)
        return self.last

    def in_hand(self) -> tuple[UseCase, EntityWork, Settings]:
        """Return what is tried, free of errors; raises SpecError otherwise."""
        use_case, problems = self._checked()
        if use_case is None or errors(problems):
            raise SpecError(problems)
        entity = entity_of(use_case, self.draft.table.name)
        return use_case, entity, self.choose(use_case)

    def _checked(self) -> tuple[UseCase | None, tuple[Problem, ...]]:
        self.draft.copy()
        table = self.draft.table
        return check_use_case(self.draft.folders, table.partner, table.use_case)

    def _answer(self, use_case: UseCase) -> dict[str, Any]:
        entity = entity_of(use_case, self.draft.table.name)
        settings = self.choose(use_case)
        found = self.records.find(use_case.work, entity, settings)
        return {
            "partner": use_case.work.partner,
            "use_case": use_case.work.use_case,
            "entity": entity.name,
            "label": entity.label,
            "key": found.key,
            **_outcome(entity, found, settings),
        }


def entity_of(use_case: UseCase, name: str) -> EntityWork:
    """Return an entity of a use case; raises SpecError with the nearest one."""
    work = use_case.work
    for entity in work.entities:
        if entity.name == name:
            return entity
    hint = did_you_mean(name, [entity.name for entity in work.entities])
    message = f"{work.partner} has no entity '{name}' in {work.use_case}."
    raise SpecError([Problem(Origin(name), "M110", message, hint)])


def _outcome(entity: EntityWork, found: Found, settings: Settings) -> dict[str, Any]:
    """Return what becomes of a record: its payload and the way of each field."""
    if found.record is None:
        return {**found.reason, "payload": {}, "only": {}, "fields": []}
    outcome, problems, traces = transformed(entity, found.record, settings)
    answer: dict[str, Any] = {"state": "would be sent", "id": outcome.id}
    if problems:
        answer |= {"state": "rejected", "code": problems[0].code}
        answer["reason"] = problems[0].message
    return {
        **answer,
        "payload": outcome.body,
        "only": outcome.only,
        "fields": [way_of(item) for item in traces],
    }


def differences(old: Any, new: Any, before: str = "") -> Iterator[tuple[str, Any, Any]]:
    """
    Yield what two payloads differ in: field, old value, new one.

    >>> list(differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}}))
    [('a.b', 1, 3), ('c', 2, None)]
    """
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        if old != new:
            yield before, old, new
        return
    for name in dict.fromkeys((*old, *new)):
        place = f"{before}.{name}" if before else name
        yield from differences(old.get(name), new.get(name), place)
