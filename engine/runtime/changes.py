"""What a plan is made of: changes, records left out, rejected or gone."""

from dataclasses import dataclass
from typing import Any, Literal

from engine.runtime.judging import Verdict as Judged

Operation = Literal["create", "update", "replace", "remove"]

OPERATIONS: tuple[Operation, ...] = ("create", "update", "replace", "remove")
COUNTS = (*OPERATIONS, "held", "unchanged", "left_out", "rejected")
BRAKED: tuple[Operation, ...] = ("update", "replace", "remove")
"""The operations that the brake may hold back."""

ALL = "*"
"""All Mandanten together."""


@dataclass(frozen=True)
class Change:
    """
    One create, update, replacement or removal of one record, with what is to be sent.

    A replacement removes a record and creates it anew: the partner cannot change what
    has changed.
    """

    key: str
    id: str
    operation: Operation
    body: dict[str, Any]
    only: dict[str, dict[str, Any]]
    digest: str
    fixed: str = ""
    """The hash of the fields that the partner cannot change."""
    partner_id: Any = None
    linked: bool = False
    """Whether the partner has accepted the record before."""
    adopts: bool = False
    """The record exists at the partner already, with the id of another entity's."""
    accepted: str = ""
    """The hash that the partner accepted last."""
    repeats: Operation | None = None
    """What it was sent as in this run already, without all that it points to."""
    fields: tuple[str, ...] = ()
    """The names of the fields that an update changes; none if that is not known."""
    old_id: str = ""
    """The ID that the partner knows the record by, if this one is another."""

    @property
    def counted(self) -> Operation:
        """What it counts as in the figures of the run."""
        return self.repeats or self.operation

    def public(self) -> dict[str, Any]:
        """Return what a report shows: no payload."""
        shown: dict[str, Any] = {
            "key": self.key,
            "id": self.id,
            "operation": self.operation,
        }
        if self.operation == "update":
            shown["fields"] = list(self.fields)
        return shown


@dataclass(frozen=True)
class LeftOut:
    """A record that is not sent: its key, the reason, and the way that led there."""

    key: str
    code: str
    reason: str
    rule: str = ""
    origin: str = ""
    chain: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "chain": list(self.chain)}


@dataclass(frozen=True)
class Gone:
    """A record that was sent and that the source no longer has."""

    key: str
    id: str
    runs: int
    """So many complete runs in a row have not met it, this one included."""
    reason: str
    """Why it is not removed in this run; empty if it is."""


def left_out(verdict: Judged) -> LeftOut:
    return LeftOut(
        key=verdict.key,
        code=verdict.code,
        reason=verdict.message,
        rule=verdict.rule,
        chain=verdict.chain,
    )
