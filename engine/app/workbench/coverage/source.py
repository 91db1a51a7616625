"""What the tables do with the records of a source: an activation in, counts out.

The source is read once, as a plan reads it; no partner is asked, and nothing is written
to the activation's state.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from engine.app.workbench.coverage.lists import ListCount, list_counts
from engine.app.workbench.coverage.lookups import lookups_of
from engine.app.workbench.coverage.rows import Counting, RowCount
from engine.app.workbench.coverage.rules import RuleCount, rule_counts
from engine.runtime.activation import Activation
from engine.runtime.disk import room_for_files
from engine.runtime.run import Progress, staged
from engine.runtime.staging import Staging
from engine.runtime.state import State
from engine.work import Constant, EntityWork

Idle = Literal["", "condition", "earlier", "empty", "default", "refused"]
"""Why a row never gave a value of the source; empty if it did, or was never asked."""


@dataclass(frozen=True)
class EntityCount:
    """What became of an entity's rows; `elsewhere` belong to another entity."""

    name: str
    table: str
    records: int
    elsewhere: int
    is_off: bool
    rows: tuple[RowCount, ...]

    def as_json(self) -> dict[str, Any]:
        rows = [
            {
                "partner_field": row.name,
                "row": f"{row.work.origin.file}:{row.work.origin.line}",
                "asked": row.fates.total(),
                "counts": dict(sorted(row.fates.items())),
                "never": idle(row) or None,
            }
            for row in self.rows
        ]
        return {**vars(self), "rows": rows}


@dataclass(frozen=True)
class SourceCoverage:
    """What became of the rows, prerequisites and value lists of an activation."""

    activation: str
    entities: tuple[EntityCount, ...]
    rules: tuple[RuleCount, ...]
    lists: tuple[ListCount, ...]
    warnings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        return {
            "activation": self.activation,
            "entities": [entity.as_json() for entity in self.entities],
            "prerequisites": [vars(rule) for rule in self.rules],
            "lists": [one.as_json() for one in self.lists],
            "warnings": list(self.warnings),
        }


def source_coverage(activation: Activation, progress: Progress) -> SourceCoverage:
    """Read an activation's source and count; raises SpecError if it cannot be read."""
    with ExitStack() as stack:
        stack.enter_context(room_for_files())
        folder = stack.enter_context(TemporaryDirectory(prefix="feldwerk-"))
        # A state of its own: the activation's is neither read nor entered.
        state = stack.enter_context(State(f"sqlite:///{Path(folder) / 'state.db'}"))
        own = state.activation(activation.name)
        staging = stack.enter_context(staged(activation, own, progress))
        progress.stage("Counting")
        work = activation.use_case.work
        entities = tuple(
            _entity(activation, entity, staging, progress) for entity in work.entities
        )
        rows = (row for entity in entities for row in entity.rows)
        return SourceCoverage(
            activation=activation.name,
            entities=entities,
            rules=tuple(rule_counts(staging)),
            lists=tuple(list_counts(activation.use_case.spec, rows)),
            warnings=tuple(staging.warnings),
        )


def _entity(
    activation: Activation, entity: EntityWork, staging: Staging, progress: Progress
) -> EntityCount:
    spec = activation.use_case.spec
    counting = Counting(entity, lookups_of(spec, entity), activation.settings)
    records = elsewhere = 0
    is_off = staging.is_off(entity)
    belongs = staging.selection(entity)
    for batch in staging.batches(entity) if not is_off else ():
        for _, record in batch:
            if belongs(record):
                records += 1
                counting.count(record)
            else:
                elsewhere += 1
        progress.advance(len(batch))
    table = entity.id_field.origin.file
    return EntityCount(entity.name, table, records, elsewhere, is_off, counting.rows)


def idle(row: RowCount) -> Idle:
    """Say why a row never gave a value of the source, though it was asked for one."""
    seen = row.fates.total()
    constant = isinstance(row.work.source, Constant)
    if not seen or row.fates["set"] or (constant and row.fates["default"]):
        return ""
    if row.fates["default"]:
        return "default"
    if row.fates["refused"] or row.fates["wrong"]:
        return "refused"
    if row.fates["condition"] + row.fates["earlier"] < seen:
        return "empty"
    return "earlier" if row.fates["earlier"] else "condition"
