"""Compare what two versions make of an entity's records: payloads in, impact out."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.app.causes import shared
from engine.app.workbench.impact.figures import (
    FIELD_CLASSES,
    MIRRORED,
    Cause,
    Class,
    EntityImpact,
    FieldClass,
    Sample,
    SampleField,
)
from engine.app.workbench.impact.payloads import NotSent, Payloads, Sent, Side
from engine.app.workbench.impact.shapes import Personal, shown
from engine.app.workbench.payload_diff import (
    FieldDifference,
    Path,
    differences,
    is_cosmetic,
    path_to,
)
from engine.work import EntityWork

FIELDS = 8
"""So many fields of a sample are shown."""

GONE = "the entity is not in the new version"
NEW = "the entity is not in the old version"
NOT_TAKEN = "it does not belong to the entity"


@dataclass(frozen=True)
class Works:
    """An entity in both versions; None where it is not."""

    old: EntityWork | None
    new: EntityWork | None
    removing: frozenset[str]
    """The rules of the new version that remove what they leave out."""

    @property
    def both(self) -> tuple[EntityWork, ...]:
        return tuple(work for work in (self.new, self.old) if work is not None)


class RecordComparison:
    """Compares what two versions make of the records of one entity."""

    def __init__(
        self,
        payloads: Payloads,
        works: Works,
        rows: Mapping[str, str],
        mandant_of: Callable[[str], str],
        *,
        unmasked: bool,
    ) -> None:
        work = works.both[0]
        self.payloads = payloads
        self.works = works
        self.mandant_of = mandant_of
        self.unmasked = unmasked
        self.personal = Personal(works.both)
        self.id_paths = {one.id_field.target for one in works.both}
        self.references: dict[Path, tuple[str, ...]] = {
            path_to(spot.target): spot.entities
            for one in works.both
            for spot in one.references
        }
        self.found = EntityImpact(work.name, work.label, rows=rows)
        if works.new is None:
            self.found.only_in = "old"
        elif works.old is None:
            self.found.only_in = "new"

    def result(self) -> EntityImpact:
        """Compare all records of the entity."""
        name, found = self.found.name, self.found
        found.records = self.payloads.count(name)
        for key, before, after in self.payloads.changed(name):
            self._changed(key, before, after)
        for key, our_id, why in self.payloads.lost(name, "old"):
            kind: Class = "rejected" if why.rejected else "left_out"
            self._not_sent(key, our_id, kind, why)
        for key, our_id, why in self.payloads.lost(name, "new"):
            kind = MIRRORED["rejected" if why.rejected else "left_out"]
            self._not_sent(key, our_id, kind, why)
        return found

    def _changed(self, key: str, old: Sent, new: Sent) -> None:
        found = differences(old.payload, new.payload)
        changes = [(one, self._kind(one)) for one in found]
        kinds = {kind for _, kind in changes}
        kind: Class = next((k for k in FIELD_CLASSES if k in kinds), "cosmetic")
        if old.id != new.id:
            kind = "ids"
        elif kind != "ids" and old.fixed and new.fixed and old.fixed != new.fixed:
            kind = "made_anew"
        self.found.count(kind, self.mandant_of(key))
        for name, field_kind in {(one.name, kind) for one, kind in changes}:
            self.found.fields.setdefault(name, Counter())[field_kind] += 1
        fields = tuple(self._sample(*change) for change in changes[:FIELDS])
        new_id = new.id if new.id != old.id else ""
        self.found.keep(kind, Sample(key, old.id, new_id, fields))

    def _kind(self, one: FieldDifference) -> FieldClass:
        if one.path in self.id_paths:
            return "ids"
        if one.path in self.references:
            return "ids" if self._same_records(one) else "values"
        return "cosmetic" if is_cosmetic(one.old, one.new) else "values"

    def _same_records(self, one: FieldDifference) -> bool:
        """Say whether other IDs point to the records that the old ones pointed to."""
        keys = []
        sides: tuple[tuple[Side, object], ...] = (("old", one.old), ("new", one.new))
        for side, value in sides:
            ids = value if isinstance(value, list) else [value]
            found = {
                (name, self.payloads.key_of(side, name, our_id))
                for our_id in ids
                for name in self.references[one.path]
                if isinstance(our_id, str)
            }
            keys.append({pair for pair in found if pair[1] is not None})
        return bool(keys[0]) and keys[0] == keys[1]

    def _sample(self, one: FieldDifference, kind: FieldClass) -> SampleField:
        masked = not self.unmasked and self.personal(one.path)
        old, new = (shown(value, masked=masked) for value in (one.old, one.new))
        return SampleField(one.name, old, new, kind)

    def _not_sent(self, key: str, our_id: str, kind: Class, why: NotSent) -> None:
        """Count a record that only one of the versions sends, and why the other not."""
        self.found.count(kind, self.mandant_of(key))
        reason = shared(why.reason, key) if why.rejected else why.reason
        if not why.code:
            reason = {"": NOT_TAKEN, "old": GONE, "new": NEW}[self.found.only_in]
        removes = kind == "left_out" and self._removes(why)
        self.found.causes[Cause(kind, why.code, why.rule, reason, removes)] += 1
        told = ": ".join(filter(None, (why.code, reason)))
        self.found.keep(kind, Sample(key, our_id, reason=told))

    def _removes(self, why: NotSent) -> bool:
        """Say whether what is left out for a reason is removed at the partner."""
        new = self.works.new
        if new is None or new.removal == "nothing":
            return False
        taken = not why.code and new.removes_others
        return taken or why.rule in self.works.removing
