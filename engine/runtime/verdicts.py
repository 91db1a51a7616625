"""What is said of a plan: the brake's verdicts, a release, what it will cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.runtime.changes import Operation


@dataclass(frozen=True)
class Rekey:
    """A record that would get another ID than the one it was sent under."""

    entity: str
    key: str
    old_id: str
    new_id: str


@dataclass(frozen=True)
class Verdict:
    """What the brake holds back of one operation on an entity; ALL Mandanten or one."""

    entity: str
    mandant: str
    operation: Operation
    count: int
    of: int
    """So many records the partner has."""
    why: str


Decision = Literal["", "migrate", "recreate"]


@dataclass(frozen=True)
class Release:
    """Who lets a plan pass that the brake holds back, and what becomes of old IDs."""

    by: str
    reason: str
    at: str
    """ISO 8601, UTC."""
    decision: Decision = ""


Certainty = Literal["known", "estimated", "unknown"]


@dataclass(frozen=True)
class Section:
    """A part of a plan, how well it is known, and why."""

    name: str
    certainty: Certainty
    why: str


@dataclass(frozen=True)
class Forecast:
    """What a plan will cost the partner's budget."""

    calls: Mapping[str, int]
    """Calls by entity, without repetitions and logins."""
    minutes: float | None
    minutes_from: str
    days: int | None
    """So many days if the partner allows so many calls a day; None without a limit."""
    sections: tuple[Section, ...] = field(default=())

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "calls": {"total": self.total, **self.calls},
            "minutes": None if self.minutes is None else round(self.minutes, 1),
            "minutes_from": self.minutes_from,
            "days": self.days,
            "sections": [vars(section) for section in self.sections],
        }
