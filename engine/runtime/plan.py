"""What a run would send: the figures and the lists of a plan."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Literal, Self

from engine.runtime.judging import Verdict
from engine.runtime.spool import Spool

Operation = Literal["create", "update", "replace", "remove"]

OPERATIONS: tuple[Operation, ...] = ("create", "update", "replace", "remove")
COUNTS = (*OPERATIONS, "unchanged", "left_out", "rejected")


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

    @property
    def counted(self) -> Operation:
        """What it counts as in the figures of the run."""
        return self.repeats or self.operation

    def public(self) -> dict[str, str]:
        """Return what a report shows: no payload."""
        return {"key": self.key, "id": self.id, "operation": self.operation}


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


def left_out(verdict: Verdict) -> LeftOut:
    return LeftOut(
        key=verdict.key,
        code=verdict.code,
        reason=verdict.message,
        rule=verdict.rule,
        chain=verdict.chain,
    )


@dataclass
class EntityPlan:
    """The part of a plan that one partner entity has."""

    name: str
    label: str
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTS, 0))
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(OPERATIONS, 0))
    """What the partner has accepted so far, by operation."""
    gone: int = 0
    """Records sent earlier that the source no longer has; nothing is done to them."""
    warnings: Counter[str] = field(default_factory=Counter)
    """What was left out of records because it is wrong, and of how many."""
    _changes: Spool = field(default_factory=Spool)
    _removals: Spool = field(default_factory=Spool)
    _left_out: Spool = field(default_factory=Spool)
    _rejected: Spool = field(default_factory=Spool)
    found: set[str] = field(default_factory=set)
    """Keys of planned creates that turned out to be at the partner already."""
    withdrawn: dict[str, LeftOut] = field(default_factory=dict)
    """Changes that were taken back when another record had the same ID."""

    def add_change(self, change: Change) -> None:
        self.counts[change.operation] += 1
        removes = change.operation == "remove"
        (self._removals if removes else self._changes).append(vars(change))

    def accept(self, change: Change, *, found: bool) -> None:
        """Count what the partner accepted; a new record may have been there already."""
        operation: Operation = change.operation
        if operation == "create" and found:
            operation = "update"
            self.counts["create"] -= 1
            self.counts["update"] += 1
            self.found.add(change.key)
        self.sent[operation] += 1

    def add_left_out(self, item: LeftOut) -> None:
        self.counts["left_out"] += 1
        self._left_out.append(item.as_json())

    def reject(self, item: LeftOut) -> None:
        self.counts["rejected"] += 1
        self._rejected.append(item.as_json())

    def withdraw(self, operation: str, item: LeftOut) -> None:
        """Turn a planned change, or an unchanged record, into a reject."""
        self.counts[operation] -= 1
        self.withdrawn[item.key] = item
        self.reject(item)

    def leave_unchanged(self, operation: str) -> None:
        """Turn a planned change into none: the partner has all that can be sent."""
        self.counts[operation] -= 1
        self.counts["unchanged"] += 1

    def changes(self) -> Iterator[Change]:
        """Yield what is created, updated or replaced."""
        yield from self._of(self._changes)

    def removals(self) -> Iterator[Change]:
        yield from self._of(self._removals)

    def _of(self, spool: Spool) -> Iterator[Change]:
        for value in spool:
            if value["key"] in self.withdrawn:
                continue
            if value["key"] in self.found:
                value["operation"] = "update"
            yield Change(**value)

    def left_outs(self) -> Iterator[LeftOut]:
        for value in self._left_out:
            yield LeftOut(**{**value, "chain": tuple(value["chain"])})

    def rejects(self) -> Iterator[LeftOut]:
        for value in self._rejected:
            yield LeftOut(**{**value, "chain": tuple(value["chain"])})

    def close(self) -> None:
        for spool in (
            self._changes,
            self._removals,
            self._left_out,
            self._rejected,
        ):
            spool.close()


@dataclass(frozen=True)
class Rekey:
    """A record that would get another ID than the one it was sent under."""

    entity: str
    key: str
    old_id: str
    new_id: str


@dataclass
class Plan:
    """What a run of an activation would do. Use as a context manager."""

    activation: str
    entities: dict[str, EntityPlan] = field(default_factory=dict)
    rekeys: list[Rekey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for entity in self.entities.values():
            entity.close()

    @property
    def totals(self) -> dict[str, int]:
        return {
            name: sum(entity.counts[name] for entity in self.entities.values())
            for name in COUNTS
        }

    @property
    def totals_so_far(self) -> dict[str, int]:
        """Return the totals of a run that stopped: only what was accepted counts."""
        entities = self.entities.values()
        sent = {name: sum(e.sent[name] for e in entities) for name in OPERATIONS}
        return {**self.totals, **{str(name): count for name, count in sent.items()}}

    def as_json(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "totals": self.totals,
            "warnings": self.warnings,
            "rekeys": [vars(rekey) for rekey in self.rekeys],
            "entities": {
                name: {
                    "label": entity.label,
                    **entity.counts,
                    "gone": entity.gone,
                    "changes": [
                        change.public()
                        for change in chain(entity.changes(), entity.removals())
                    ],
                    "left_out_records": [i.as_json() for i in entity.left_outs()],
                    "rejected_records": [i.as_json() for i in entity.rejects()],
                }
                for name, entity in self.entities.items()
            },
        }
