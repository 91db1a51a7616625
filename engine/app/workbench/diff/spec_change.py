"""What two versions of a use case differ in: changes, and the version number due.

A change is major if the partner's records get other IDs or are removed, or if an
activation has to be changed with it; minor if anything else that a run does changes;
and a patch if only people read it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Effect = Literal["patch", "minor", "major"]
EFFECTS: tuple[Effect, ...] = ("patch", "minor", "major")

Kind = Literal["added", "dropped", "moved", "renamed", "order", "changed"]

_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


@dataclass(frozen=True)
class SpecChange:
    """
    One difference: in which part of the use case, what it is, what it does.

    `part` is an entity, a list, or a section as `settings`; `row` is the field, entry
    or key in it, `aspect` what of it has changed: `source`, `transform`, `condition`.
    """

    part: str
    kind: Kind
    row: str
    effect: Effect
    aspect: str = ""
    old: str = ""
    new: str = ""
    why: str = ""
    """What follows from it, if the words do not say so."""

    @property
    def text(self) -> str:
        """Return the change in words, without its part."""
        told = self._told()
        return f"{told}; {self.why}" if self.why else told

    def _told(self) -> str:
        if self.kind == "order":
            return f"{self.row}: its {self.aspect} stand in another order"
        subject = f"{self.row}: {self.aspect}" if self.aspect else self.row
        if self.kind == "changed":
            if not self.old and not self.new:
                return f"{subject} changed"
            return f"{subject} {_quoted(self.old)} -> {_quoted(self.new)}"
        if self.kind in ("moved", "renamed"):
            return f"{self.old} {self.kind} to {self.new}"
        rule = self.new if self.kind == "added" else self.old
        return f"{subject} {self.kind}{': ' if rule else ''}{rule}"

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "text": self.text}


def _quoted(value: str) -> str:
    return f"'{value}'" if value else "(nothing)"


@dataclass(frozen=True)
class UseCaseDiff:
    """What two versions of a use case differ in; one that is missing has no number."""

    partner: str
    use_case: str
    old_version: str
    new_version: str
    changes: tuple[SpecChange, ...]

    @property
    def effect(self) -> Effect | None:
        return heaviest(self.changes)

    @property
    def proposed(self) -> str:
        """The version number that the changes ask for; "" if none is due."""
        if not (self.old_version and self.new_version and self.effect):
            return ""
        return next_version(self.old_version, self.effect)

    @property
    def has_it(self) -> bool:
        """Whether use_case.yaml has the version number that is due, or a higher one."""
        return not self.proposed or is_at_least(self.new_version, self.proposed)

    def as_json(self) -> dict[str, Any]:
        return {
            "partner": self.partner,
            "use_case": self.use_case,
            "old_version": self.old_version,
            "new_version": self.new_version,
            "effect": self.effect,
            "proposed_version": self.proposed,
            "file_has_it": self.has_it,
            "changes": [change.as_json() for change in self.changes],
        }


@dataclass(frozen=True)
class SpecDiff:
    """What two versions of the specs differ in; equal use cases are not in it."""

    old: str
    new: str
    use_cases: tuple[UseCaseDiff, ...]
    standard: tuple[SpecChange, ...] = ()
    """What changed of the Standard, which all partners share."""

    def __bool__(self) -> bool:
        return bool(self.use_cases or self.standard)

    def as_json(self) -> dict[str, Any]:
        return {
            "old": self.old,
            "new": self.new,
            "use_cases": [one.as_json() for one in self.use_cases],
            "standard": [change.as_json() for change in self.standard],
        }


def heaviest(changes: Iterable[SpecChange]) -> Effect | None:
    """Return the largest effect of some changes; None if there are none."""
    found = [EFFECTS.index(change.effect) for change in changes]
    return EFFECTS[max(found)] if found else None


def next_version(version: str, effect: Effect) -> str:
    """
    Return the version that follows one after a change.

    >>> next_version("1.4.2", "minor"), next_version("1.4.2", "major")
    ('1.5.0', '2.0.0')
    """
    major, minor, patch = _numbers(version)
    match effect:
        case "major":
            return f"{major + 1}.0.0"
        case "minor":
            return f"{major}.{minor + 1}.0"
        case "patch":
            return f"{major}.{minor}.{patch + 1}"


def is_at_least(version: str, wanted: str) -> bool:
    """
    Say whether a version is not below another one.

    >>> is_at_least("1.10.0", "1.9.0")
    True
    """
    return _numbers(version) >= _numbers(wanted)


def _numbers(version: str) -> tuple[int, int, int]:
    found = _VERSION.fullmatch(version)
    assert found is not None, "use_case.yaml holds no other versions"
    major, minor, patch = map(int, found.groups())
    return major, minor, patch
