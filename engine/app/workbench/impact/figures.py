"""What a change of a spec does to real records: the figures and samples of an impact.

A record counts once, in the worst class that it falls into.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

FieldClass = Literal["ids", "values", "cosmetic"]
FIELD_CLASSES: tuple[FieldClass, ...] = ("ids", "values", "cosmetic")
"""What a change of a field is, the worst first."""

Class = Literal[
    "rejected",
    "left_out",
    "ids",
    "made_anew",
    "values",
    "newly_sent",
    "no_longer_rejected",
    "cosmetic",
]


@dataclass(frozen=True)
class ClassMeaning:
    """What a class is called, and the exit code that it asks for."""

    title: str
    exit_code: Literal[0, 1, 3]

    @property
    def heading(self) -> str:
        return self.title[0].upper() + self.title[1:]


CLASSES: Mapping[Class, ClassMeaning] = {
    "rejected": ClassMeaning("newly rejected", 3),
    "left_out": ClassMeaning("newly left out", 3),
    "ids": ClassMeaning("other IDs", 3),
    "made_anew": ClassMeaning("made anew", 3),
    "values": ClassMeaning("other values", 1),
    "newly_sent": ClassMeaning("newly sent", 1),
    "no_longer_rejected": ClassMeaning("no longer rejected", 1),
    "cosmetic": ClassMeaning("cosmetic", 0),
}
"""What becomes of a record, the worst first."""

MIRRORED: Mapping[Class, Class] = {
    "rejected": "no_longer_rejected",
    "left_out": "newly_sent",
    "no_longer_rejected": "rejected",
    "newly_sent": "left_out",
}
"""What a class is if old and new change places; the others stay what they are."""

SAMPLES = 3
"""So many records of a class are kept of each entity."""


@dataclass(frozen=True)
class Cause:
    """Why records are left out or rejected by one of the versions."""

    kind: Class
    code: str
    rule: str
    reason: str
    removes: bool = False
    """Whether such records are removed at the partner if it has them."""


@dataclass(frozen=True)
class SampleField:
    """A field of a sample with both values, as they may be shown."""

    name: str
    old: str
    new: str
    kind: FieldClass


@dataclass(frozen=True)
class Sample:
    """A record of a class: its changed fields, or why it is not sent."""

    key: str
    id: str
    new_id: str = ""
    fields: tuple[SampleField, ...] = ()
    reason: str = ""

    @property
    def sort(self) -> tuple[str, ...]:
        """What it is a sample of: others of the same sort show nothing else."""
        return (*(one.name for one in self.fields), self.reason)

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "fields": [vars(one) for one in self.fields]}


@dataclass
class EntityImpact:
    """What a change does to one entity of the partner."""

    name: str
    label: str
    only_in: Literal["", "old", "new"] = ""
    """The version that alone has the entity."""
    records: int = 0
    """So many records one of the versions sends."""
    classes: Counter[Class] = field(default_factory=Counter)
    mandanten: dict[str, Counter[Class]] = field(default_factory=dict)
    """Mandant, "" for none -> records by class."""
    fields: dict[str, Counter[FieldClass]] = field(default_factory=dict)
    """Field -> of how many records it changes, by class."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """Field -> the table row that fills it, in the newer version that has one."""
    causes: Counter[Cause] = field(default_factory=Counter)
    samples: dict[Class, list[Sample]] = field(default_factory=dict)

    @property
    def changed(self) -> int:
        return self.classes.total()

    @property
    def changed_fields(self) -> Counter[FieldClass]:
        """The changed fields of all records, by class."""
        return sum(self.fields.values(), Counter())

    def count(self, kind: Class, mandant: str) -> None:
        self.classes[kind] += 1
        self.mandanten.setdefault(mandant, Counter())[kind] += 1

    def keep(self, kind: Class, sample: Sample) -> None:
        """Keep a sample while there is room, or for one whose sort is there twice."""
        kept = self.samples.setdefault(kind, [])
        if len(kept) < SAMPLES:
            kept.append(sample)
            return
        sorts = [one.sort for one in kept]
        twice = [place for place, sort in enumerate(sorts) if sorts.count(sort) > 1]
        if twice and sample.sort not in sorts:
            kept[twice[-1]] = sample

    def as_json(self) -> dict[str, Any]:
        return {
            "label": self.label,
            "only_in": self.only_in,
            "records": self.records,
            "changed": self.changed,
            "classes": _all(self.classes),
            "mandanten": {
                mandant: _all(counts)
                for mandant, counts in sorted(self.mandanten.items())
            },
            "fields": {
                name: {**counts, "row": self.rows.get(name, "")}
                for name, counts in self.fields.items()
            },
            "causes": [
                {**vars(cause), "records": count}
                for cause, count in self.causes.most_common()
            ],
            "samples": {
                kind: [sample.as_json() for sample in found]
                for kind, found in self.samples.items()
            },
        }


@dataclass
class Impact:
    """What a change of a spec does to the records of an activation."""

    activation: str
    old: str
    new: str
    entities: dict[str, EntityImpact] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    """What the new version says of the source and the old one does not."""

    @property
    def classes(self) -> Counter[Class]:
        return sum((e.classes for e in self.entities.values()), Counter())

    @property
    def changed_fields(self) -> Counter[FieldClass]:
        return sum((e.changed_fields for e in self.entities.values()), Counter())

    @property
    def records(self) -> int:
        return sum(entity.records for entity in self.entities.values())

    def exit_code(self, allowed: frozenset[Class] = frozenset()) -> int:
        """Return the exit code for a gate; classes that are allowed ask for none."""
        codes = [CLASSES[kind].exit_code for kind in self.classes.keys() - allowed]
        return max(codes, default=0)

    def as_json(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "old": self.old,
            "new": self.new,
            "records": self.records,
            "changed": self.classes.total(),
            "classes": _all(self.classes),
            "changed_fields": dict(self.changed_fields),
            "warnings": self.warnings,
            "entities": {name: one.as_json() for name, one in self.entities.items()},
        }


def _all(counts: Mapping[Class, int]) -> dict[str, int]:
    return {kind: counts.get(kind, 0) for kind in CLASSES}
