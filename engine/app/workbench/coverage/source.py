"""What the tables do with the records of a source: an activation in, counts out.

The source is read once, as a plan reads it; no partner is asked, and nothing is written
to the activation's state.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from engine.app.workbench.coverage.lookups import OTHERS, folded, lookups_of
from engine.app.workbench.coverage.rows import Asked, Counting, RowCount
from engine.app.workbench.coverage.rules import RuleCount, rule_counts
from engine.app.workbench.tables.layout import TableId
from engine.runtime.activation import Activation
from engine.runtime.disk import room_for_files
from engine.runtime.run import Progress, staged
from engine.runtime.staging import Staging
from engine.runtime.state import State
from engine.runtime.text_cell import BEGINNINGS
from engine.work import Constant, EntityWork

Idle = Literal["", "condition", "earlier", "empty", "default", "refused"]
"""Why a row never gave a value of the source; empty if it did, or was never asked."""

SHOWN_VALUES = 1_000
"""A list is shown so many values without an entry; the others are counted."""


@dataclass(frozen=True)
class EntityCount:
    """What became of an entity's rows; `elsewhere` belong to another entity."""

    name: str
    table: str
    records: int
    elsewhere: int
    is_off: bool
    rows: tuple[RowCount, ...]


@dataclass
class ListCount:
    """
    The values of the source that meet no entry of a value list, most frequent first.

    `others` fall to the entry `*`. Personal values are counted and not shown, and so
    are those beyond the most that are kept.
    """

    name: str
    path: str
    asked: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    hidden_missing: int = 0
    hidden_others: int = 0
    unused: tuple[str, ...] = ()
    """Entries that no value of the source meets; unknown where values are personal."""

    @property
    def has_missing(self) -> bool:
        """Whether a value of the source has no entry, not even `*`."""
        return bool(self.missing or self.hidden_missing)


@dataclass(frozen=True)
class SourceCoverage:
    activation: str
    entities: tuple[EntityCount, ...]
    rules: tuple[RuleCount, ...]
    lists: tuple[ListCount, ...]
    warnings: tuple[str, ...]


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
        return SourceCoverage(
            activation=activation.name,
            entities=entities,
            rules=tuple(rule_counts(staging)),
            lists=tuple(_lists(activation, entities)),
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


# -- value lists


def _lists(
    activation: Activation, entities: tuple[EntityCount, ...]
) -> Iterator[ListCount]:
    spec = activation.use_case.spec
    asked: dict[str, list[Asked]] = {}
    for entity in entities:
        for row in entity.rows:
            if row.asked is not None:
                asked.setdefault(row.asked.lookup.list, []).append(row.asked)
    for name, found in sorted(asked.items()):
        count = ListCount(
            name, TableId(spec.partner, spec.name, name, is_list=True).path
        )
        met: set[str] = set()
        spelt: dict[str, str] = {}
        for one in found:
            _add(count, one, met, spelt)
        if all(not one.personal and not one.met for one in found):
            entries = spec.lists[name].entries
            count.unused = tuple(e for e in entries if e not in {*met, OTHERS})
        yield count


def _add(count: ListCount, asked: Asked, met: set[str], spelt: dict[str, str]) -> None:
    """Add what a row asked; spellings of one value are one, as the list has it."""
    count.hidden_missing += asked.unmet
    count.hidden_others += asked.others
    count.asked += asked.met + asked.others + asked.unmet + asked.values.total()
    entries = asked.lookup.entries
    into = count.others if OTHERS in entries else count.missing
    for value, number in asked.values.most_common():
        key = folded(value)
        if key in entries:
            met.add(key)
        else:
            into[spelt.setdefault(key, str(value).strip())] += number


def as_json(found: SourceCoverage) -> dict[str, Any]:
    """Return all counts as one JSON object."""
    return {
        "activation": found.activation,
        "entities": [_entity_json(entity) for entity in found.entities],
        "prerequisites": [vars(rule) for rule in found.rules],
        "lists": [list_json(one) for one in found.lists],
        "warnings": list(found.warnings),
    }


def _entity_json(entity: EntityCount) -> dict[str, Any]:
    rows = [
        {
            "partner_field": row.name,
            "row": f"{row.work.origin.file}:{row.work.origin.line}",
            "asked": row.fates.total(),
            "counts": dict(sorted(row.fates.items())),
            "never": idle(row) or None,
        }
        for row in entity.rows
    ]
    return {**vars(entity), "rows": rows}


def rows_to_paste(values: Counter[str]) -> list[dict[str, str]]:
    """
    Return rows for a value list, the partner's value left to be filled in.

    What a spreadsheet would take for a formula is no row: somebody has to type it.
    """
    return [
        {"erp_value": value, "partner_value": "", "note": _records(number)}
        for value, number in values.most_common(SHOWN_VALUES)
        if not value.startswith(BEGINNINGS)
    ]


def _records(number: int) -> str:
    return f"{number} {'Datensatz' if number == 1 else 'Datensätze'}"


def list_json(count: ListCount) -> dict[str, Any]:
    return {
        "list": count.name,
        "path": count.path,
        "asked": count.asked,
        "missing": dict(count.missing.most_common()),
        "missing_rows": rows_to_paste(count.missing),
        "missing_not_shown": count.hidden_missing,
        "others": dict(count.others.most_common()),
        "others_rows": rows_to_paste(count.others),
        "others_not_shown": count.hidden_others,
        "entries_never_met": list(count.unused),
    }
