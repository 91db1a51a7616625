"""What a run would send: the figures and the lists of a plan."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

from engine.runtime.changes import (
    COUNTS,
    OPERATIONS,
    Change,
    Gone,
    LeftOut,
    Operation,
)
from engine.runtime.spool import Spool
from engine.runtime.verdicts import Forecast, Rekey, Release, Verdict


class EntityPlan:
    """
    The part of a plan that one partner entity has.

    Its figures are kept by Mandant, the first part of a key, where the ERP has it
    (`by_mandant`); persons belong to none.
    """

    def __init__(self, name: str, label: str, *, by_mandant: bool) -> None:
        self.name = name
        self.label = label
        self.by_mandant = by_mandant
        self.slices: dict[str, Counter[str]] = {}
        """Mandant -> what is planned, by COUNTS."""
        self.sent = dict.fromkeys(OPERATIONS, 0)
        """What the partner has accepted so far, by operation."""
        self.fields: Counter[str] = Counter()
        """How many updates change a field."""
        self.unsaid = 0
        """Updates of which it is not known what they change."""
        self.rows: Mapping[str, str] = {}
        """The table row that fills a field."""
        self.warnings: Counter[str] = Counter()
        """What was left out of records because it is wrong, and of how many."""
        self.complete = True
        """Whether every row of the source could be read."""
        self.found: set[str] = set()
        """Keys of planned creates that turned out to be at the partner already."""
        self.withdrawn: dict[str, LeftOut] = {}
        """Changes that were taken back when another record had the same ID."""
        self.gone_removed = 0
        """Of what is removed, so many records the source no longer has."""
        self.superseded: list[str] = []
        """Keys of links whose IDs other records have now."""
        self._held: set[tuple[str, str]] = set()
        self._recreated: set[str] = set()
        self._changes = Spool()
        self._removals = Spool()
        self._left_out = Spool()
        self._rejected = Spool()
        self._gone = Spool()

    @property
    def counts(self) -> dict[str, int]:
        """The figures of all Mandanten."""
        totals = sum(self.slices.values(), Counter())
        return {name: totals[name] for name in COUNTS}

    @property
    def gone(self) -> int:
        """How many records that were sent the source no longer has."""
        return len(self._gone)

    def mandant_of(self, key: str) -> str:
        """Return the Mandant that a record belongs to, "" if to none."""
        first, parted, _ = key.partition("/")
        return first if self.by_mandant and parted else ""

    def count(self, key: str, name: str, by: int = 1) -> None:
        """Add to a figure of the Mandant of a record."""
        self.slices.setdefault(self.mandant_of(key), Counter())[name] += by

    def add_change(self, change: Change) -> None:
        self.count(change.key, change.operation)
        self.fields.update(change.fields)
        if change.linked and change.operation == "update" and not change.fields:
            self.unsaid += 1
        removes = change.operation == "remove"
        (self._removals if removes else self._changes).append(vars(change))

    def accept(self, change: Change, *, found: bool) -> None:
        """Count what the partner accepted; a new record may have been there already."""
        operation: Operation = change.operation
        if operation == "create" and found:
            operation = "update"
            self.count(change.key, "create", -1)
            self.count(change.key, "update")
            self.found.add(change.key)
        self.sent[operation] += 1

    def add_left_out(self, item: LeftOut) -> None:
        self.count(item.key, "left_out")
        self._left_out.append(item.as_json())

    def reject(self, item: LeftOut) -> None:
        self.count(item.key, "rejected")
        self._rejected.append(item.as_json())

    def add_gone(self, item: Gone) -> None:
        self.gone_removed += not item.reason
        self._gone.append(vars(item))

    def withdraw(self, operation: str, item: LeftOut) -> None:
        """Turn a planned change, or an unchanged record, into a reject."""
        self.count(item.key, operation, -1)
        self.withdrawn[item.key] = item
        self.reject(item)

    def leave_unchanged(self, change: Change) -> None:
        """Turn a planned change into none: the partner has all that can be sent."""
        self.count(change.key, change.counted, -1)
        self.count(change.key, "unchanged")

    def recreate(self, key: str) -> None:
        """Remove a record and create it under its new ID, instead of renaming it."""
        self._recreated.add(key)
        self.count(key, "update", -1)
        self.count(key, "replace")

    def hold(self, operation: str, mandant: str) -> None:
        """Hold back an operation on all records of a Mandant."""
        self._held.add((operation, mandant))
        counts = self.slices[mandant]
        counts["held"] += counts.pop(operation, 0)

    def changes(self) -> Iterator[Change]:
        """Yield what is created, updated or replaced."""
        yield from self._of(self._changes)

    def removals(self) -> Iterator[Change]:
        yield from self._of(self._removals)

    def planned(self) -> Iterator[tuple[str, Operation]]:
        """Yield key and operation of every change, held back or not."""
        for spool in (self._changes, self._removals):
            for value in spool:
                if value["key"] not in self.withdrawn:
                    yield value["key"], value["operation"]

    def held(self) -> Iterator[dict[str, Any]]:
        """Yield what the brake holds back, as a report shows it."""
        for spool in (self._changes, self._removals):
            for value in spool:
                held = (value["operation"], self.mandant_of(value["key"]))
                if held in self._held and value["key"] not in self.withdrawn:
                    yield {name: value[name] for name in ("key", "id", "operation")}

    def _of(self, spool: Spool) -> Iterator[Change]:
        for value in spool:
            key, operation = value["key"], value["operation"]
            held = (operation, self.mandant_of(key)) in self._held
            if held or key in self.withdrawn:
                continue
            if key in self.found:
                value["operation"] = "update"
            if key in self._recreated:
                value["operation"] = "replace"
            yield Change(**{**value, "fields": tuple(value["fields"])})

    def left_outs(self) -> Iterator[LeftOut]:
        for value in self._left_out:
            yield LeftOut(**{**value, "chain": tuple(value["chain"])})

    def rejects(self) -> Iterator[LeftOut]:
        for value in self._rejected:
            yield LeftOut(**{**value, "chain": tuple(value["chain"])})

    def missing(self) -> Iterator[Gone]:
        """Yield what the source no longer has."""
        for value in self._gone:
            yield Gone(**value)

    def as_json(self) -> dict[str, Any]:
        """Return all that a report shows; no payload."""
        return {
            "label": self.label,
            **self.counts,
            "gone": self.gone,
            "complete": self.complete,
            "mandanten": {
                mandant: {name: counts[name] for name in COUNTS}
                for mandant, counts in sorted(self.slices.items())
            },
            "fields": dict(self.fields.most_common()),
            "rows": {name: row for name, row in self.rows.items() if self.fields[name]},
            "changes": [
                change.public() for change in chain(self.changes(), self.removals())
            ],
            "held_changes": list(self.held()),
            "gone_records": [vars(item) for item in self.missing()],
            "left_out_records": [item.as_json() for item in self.left_outs()],
            "rejected_records": [item.as_json() for item in self.rejects()],
        }

    def close(self) -> None:
        for spool in (
            self._changes,
            self._removals,
            self._left_out,
            self._rejected,
            self._gone,
        ):
            spool.close()


@dataclass
class Plan:
    """What a run of an activation would do. Use as a context manager."""

    activation: str
    entities: dict[str, EntityPlan] = field(default_factory=dict)
    rekeys: list[Rekey] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    """What the brake says of it."""
    id: str = ""
    """The name of what a person has to decide about; "" if there is nothing."""
    release: Release | None = None
    forecast: Forecast | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for entity in self.entities.values():
            entity.close()

    @property
    def is_held(self) -> bool:
        """Whether a person has to decide before all of it is sent."""
        return bool(self.id) and self.release is None

    @property
    def totals(self) -> dict[str, int]:
        every = [entity.counts for entity in self.entities.values()]
        return {name: sum(counts[name] for counts in every) for name in COUNTS}

    @property
    def totals_so_far(self) -> dict[str, int]:
        """Return the totals of a run that stopped: only what was accepted counts."""
        entities = self.entities.values()
        sent = {name: sum(e.sent[name] for e in entities) for name in OPERATIONS}
        return {**self.totals, **{str(name): count for name, count in sent.items()}}

    def as_json(self) -> dict[str, Any]:
        """Return all that a report shows; no payload."""
        return {
            "activation": self.activation,
            "totals": self.totals,
            "brake": {
                "plan": self.id,
                "held": self.is_held,
                "verdicts": [vars(verdict) for verdict in self.verdicts],
                "release": vars(self.release) if self.release else None,
            },
            "forecast": self.forecast.as_json() if self.forecast else None,
            "warnings": self.warnings,
            "rekeys": [vars(rekey) for rekey in self.rekeys],
            "entities": {
                name: entity.as_json() for name, entity in self.entities.items()
            },
        }
