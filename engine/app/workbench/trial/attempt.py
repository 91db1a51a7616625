"""Try a spec on one record: a draft and a record in, payload and each step out."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from engine.app.explain import names_in_address, transformed, ways_of
from engine.app.workbench.payload_diff import (
    MISSING,
    FieldDifference,
    differences,
)
from engine.app.workbench.trial.draft import Draft
from engine.app.workbench.trial.source import Found, Records
from engine.errors import SpecError
from engine.interpreter import Trace
from engine.problems import Origin, Problem, errors
from engine.runtime.library import UseCase, check_use_case, unknown_entity
from engine.work import EntityWork, Settings

Choose = Callable[[UseCase], Settings]
"""Gives the settings for a use case, which may just have got others."""


OF_EXAMPLES = ("M114", "C108")
"""Problems of examples: what a rule gives is seen before it is written there."""


@dataclass(frozen=True)
class Attempt:
    """
    What came of the spec as it stands.

    With errors `answer` is that of the last spec without; None if there was none yet.
    An example that fails is no error here.
    """

    problems: tuple[Problem, ...] = ()
    answer: Mapping[str, Any] | None = None
    changes: tuple[FieldDifference, ...] = ()
    """In what the payload differs from the one before."""

    def as_json(self) -> dict[str, Any]:
        return {
            "problems": [_told(problem) for problem in self.problems],
            "changes": [
                {"field": one.name, "before": _plain(one.old), "after": _plain(one.new)}
                for one in self.changes
            ],
            **(self.answer or {}),
        }

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What stops the spec from being tried."""
        return _errors(self.problems)

    @property
    def exit_code(self) -> int:
        if self.errors:
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
        if use_case is None or _errors(problems):
            self.last = replace(self.last, problems=problems, changes=())
            return self.last
        try:
            answer = self._answer(use_case)
        except SpecError as error:
            self.last = replace(self.last, problems=error.problems, changes=())
            return self.last
        before = self.last.answer
        changes: tuple[FieldDifference, ...] = ()
        if before is not None and before["key"] == answer["key"]:
            sent = ((one["payload"], one["only"]) for one in (before, answer))
            changes = tuple(differences(*sent))
        self.last = Attempt(problems, answer, changes)
        return self.last

    def in_hand(self) -> tuple[UseCase, EntityWork, Settings]:
        """Return what is tried, free of errors; raises SpecError otherwise."""
        use_case, problems = self._checked()
        if use_case is None or _errors(problems):
            raise SpecError(problems)
        entity = entity_of(use_case, self.draft.table.name)
        return use_case, entity, self.choose(use_case)

    def errors(self) -> tuple[Problem, ...]:
        """Return what the check finds wrong, examples among it."""
        return errors(self._checked()[1])

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
    entities = {entity.name: entity for entity in use_case.work.entities}
    if name not in entities:
        raise SpecError([unknown_entity(use_case.work, name, entities, Origin(name))])
    return entities[name]


def _outcome(entity: EntityWork, found: Found, settings: Settings) -> dict[str, Any]:
    """Return what becomes of a record: its payload and the way of each field."""
    if found.record is None:
        empty: dict[str, Any] = {"payload": {}, "only": {}}
        return {**found.reason, **empty, "fields": [], "in_address": {}}
    outcome, problems, traces = transformed(entity, found.record, settings)
    answer: dict[str, Any] = {"state": "would be sent", "id": outcome.id}
    if problems:
        answer |= {"state": "rejected", "code": problems[0].code}
        answer["reason"] = problems[0].message
    return {
        **answer,
        "payload": outcome.body,
        "only": outcome.only,
        "fields": ways_of(entity, traces),
        "in_address": _in_address(entity, traces),
    }


def _in_address(entity: EntityWork, traces: Iterable[Trace]) -> dict[str, Any]:
    there = names_in_address(entity)
    return {t.name: t.value for t in traces if t.name in there and t.value is not None}


def _errors(problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    return tuple(p for p in errors(problems) if p.code not in OF_EXAMPLES)


def _told(problem: Problem) -> dict[str, Any]:
    is_example = problem.code in OF_EXAMPLES
    return problem.as_json() | ({"level": "warning"} if is_example else {})


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, which knows no other word for nothing."""
    return None if value is MISSING else value
