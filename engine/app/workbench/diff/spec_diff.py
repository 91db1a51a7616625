"""Compare two versions of the specs: folders in, what changed in plain words out.

Tables are compared by row, YAML by its model and schemas by field, so that what is only
written in another way is no difference.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.app.workbench.diff.contract import (
    connector_changes,
    page_changes,
    schema_changes,
    standard_changes,
)
from engine.app.workbench.diff.spec_change import SpecChange, SpecDiff, UseCaseDiff
from engine.app.workbench.diff.tables import (
    Rows,
    added_row,
    dropped_row,
    part_of,
    rule_key,
    table_changes,
)
from engine.app.workbench.diff.use_case import IDS, entity_changes, use_case_changes
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import Cells, read_table_file
from engine.app.workbench.versions import Version
from engine.errors import SpecError
from engine.model import EntityFile
from engine.problems import Origin, sort
from engine.runtime.library import standard_of, unknown_partner
from engine.spec import Folders, Spec, read_spec
from engine.yamlfile import read_yaml

ALIKE = 0.5
"""An entity whose table has this share of another one's rows is that one, renamed."""


@dataclass(frozen=True)
class _UseCase:
    """The files of one use case in one version."""

    spec: Spec
    tables: Mapping[TableId, tuple[Cells, ...]]
    connector: Mapping[str, Any] | None

    @property
    def version(self) -> str:
        return self.spec.use_case.version

    def table(self, name: str) -> tuple[Cells, ...]:
        spec = self.spec
        return self.tables.get(TableId(spec.partner, spec.name, name), ())


def diff(old: Version, new: Version, partner: str | None = None) -> SpecDiff:
    """
    Compare two versions of the specs, or of one partner in them.

    Raises SpecError if a YAML or JSON file cannot be read, or if there is no such
    partner. What a workbook or a deployed spec does not have is not compared.
    """
    standard = tuple(standard_changes(old, new))
    found = []
    before, after = _names(old), _names(new)
    names = before | after
    for version, own in ((old, before), (new, after)):
        if not version.whole:
            names &= own
    if partner is not None:
        known = sorted({name for name, _ in before | after})
        if partner not in known:
            raise SpecError([unknown_partner(partner, known, Origin("--partner"))])
        names = {name for name in names if name[0] == partner}
    for name in sorted(names):
        was = _read(old, *name) if name in before else None
        now = _read(new, *name) if name in after else None
        one = _compared(name, was, now, new.folders)
        if one.changes or one.old_version != one.new_version:
            found.append(one)
    return SpecDiff(old.label, new.label, tuple(found), standard)


def _names(version: Version) -> set[tuple[str, str]]:
    return {
        (partner, use_case)
        for partner in version.partners
        for use_case in version.folders.use_cases(partner)
    }


def _read(version: Version, partner: str, use_case: str) -> _UseCase:
    folders = version.folders
    spec, problems = read_spec(folders, partner, use_case)
    path = folders.connector(partner)
    connector, found = read_yaml(path, folders.name(path))
    problems += found if path.is_file() else []
    # Rows are compared as they are, right or wrong; what cannot be read cannot.
    unread = [p for p in problems if not p.origin.file.endswith(".csv")]
    if spec is None or unread:
        raise SpecError(sort(version.told(unread)))
    folder = folders.mappings(partner) / use_case
    ids = [TableId(partner, use_case, entity.name) for entity in spec.use_case.entities]
    ids += [
        TableId(partner, use_case, path.stem, is_list=True)
        for path in sorted((folder / "lists").glob("*.csv"))
    ]
    tables = {one: read_table_file(folders.root / one.path, one).cells for one in ids}
    data = connector.data if isinstance(connector.data, dict) else None
    return _UseCase(spec, tables, data)


def _compared(
    name: tuple[str, str], old: _UseCase | None, new: _UseCase | None, folders: Folders
) -> UseCaseDiff:
    if old is None or new is None:
        kind = SpecChange("use case", "added", "use case", "minor")
        if new is None:
            kind = replace(kind, kind="dropped", effect="major")
        versions = (old.version if old else "", new.version if new else "")
        return UseCaseDiff(*name, *versions, (kind,))
    return UseCaseDiff(
        *name, old.version, new.version, tuple(_changes(old, new, folders))
    )


def _changes(old: _UseCase, new: _UseCase, folders: Folders) -> Iterator[SpecChange]:
    """Yield all that changed of a use case, in the order in which people read it."""
    standard = standard_of(folders)
    was, now = old.spec, new.spec
    renamed = dict(_renamed(old, new))
    before = {entity.name: entity for entity in was.use_case.entities}
    after = {entity.name: entity for entity in now.use_case.entities}
    for name in before:
        if name not in after and name not in renamed.values():
            yield SpecChange(name, "dropped", "entity", "major")
    for name in after:
        if name not in before and name not in renamed:
            yield SpecChange(name, "added", "entity", "minor")
    changes = list(use_case_changes(was.use_case, now.use_case, standard))
    for name, former in renamed.items():
        why = "its records are known by that name: they would be created anew"
        yield SpecChange(name, "renamed", name, "major", "", former, name, why)
        changes += entity_changes(before[former], after[name], now.use_case, standard)
    changes += _rows(old, new, renamed)
    order = {name: place for place, name in enumerate([*after, *before])}
    changes.sort(key=lambda change: order.get(change.part, len(order)))
    yield from (_with_consequence(change, new) for change in changes)
    for resource in sorted(_resources(before) | _resources(after)):
        schemas = (side.schemas.get(resource, {}) for side in (was, now))
        yield from schema_changes(f"schema {resource}", *schemas)
    yield from connector_changes(old.connector, new.connector)
    yield from page_changes(was.page, now.page)


def _resources(entities: Mapping[str, EntityFile]) -> set[str]:
    return {entity.resource or entity.name for entity in entities.values()}


def _renamed(old: _UseCase, new: _UseCase) -> Iterator[tuple[str, str]]:
    """Yield new and old name of each entity that has another one."""
    before = {e.name: e for e in old.spec.use_case.entities}
    after = {e.name: e for e in new.spec.use_case.entities}
    free = [name for name in before if name not in after]
    for name, entity in after.items():
        if name in before:
            continue
        rows = [rule_key(row) for row in new.table(name)]
        for former in free:
            if before[former].erp != entity.erp:
                continue
            had = [rule_key(row) for row in old.table(former)]
            known = frozenset(had)
            same = sum(row in known for row in rows)
            if same >= ALIKE * max(len(rows), len(had), 1):
                yield name, former
                free.remove(former)
                break


def _rows(
    old: _UseCase, new: _UseCase, renamed: Mapping[str, str]
) -> Iterator[SpecChange]:
    """Yield what changed in the tables that both versions have, and lists."""
    added: list[tuple[TableId, Cells]] = []
    dropped: list[tuple[TableId, Cells]] = []
    gone = {table for table in old.tables if table.is_list and table not in new.tables}
    for table in sorted(gone):
        yield SpecChange(part_of(table), "dropped", "list", "minor")
    for table, rows in new.tables.items():
        former = replace(table, name=renamed.get(table.name, table.name))
        if former not in old.tables:
            if table.is_list:
                yield SpecChange(part_of(table), "added", "list", "minor")
            continue
        found: Rows = table_changes(table, old.tables[former], rows)
        yield from found.changes
        added += [(table, row) for row in found.added]
        dropped += [(table, row) for row in found.dropped]
    yield from _moved(added, dropped)
    yield from (added_row(table, row) for table, row in added)
    yield from (dropped_row(table, row) for table, row in dropped)


def _moved(
    added: list[tuple[TableId, Cells]], dropped: list[tuple[TableId, Cells]]
) -> Iterator[SpecChange]:
    """Yield rows that went to another entity; they are neither added nor dropped."""
    origins, targets = _by_rule(dropped), _by_rule(added)
    for rule, found in targets.items():
        had = origins.get(rule, [])
        if not len(found) == len(had) == 1:
            continue
        ((place, row),), ((former, _),) = found, had
        if row.get("id_parts") or former == place:
            continue
        added.remove(found[0])
        dropped.remove(had[0])
        field = row.get("partner_field", "")
        names = (f"{former.name}.{field}", f"{place.name}.{field}")
        yield SpecChange(place.name, "moved", field, "minor", "", *names)


def _by_rule(
    rows: Iterable[tuple[TableId, Cells]],
) -> Mapping[object, list[tuple[TableId, Cells]]]:
    """Return the rows of field tables by what they mean."""
    found: dict[object, list[tuple[TableId, Cells]]] = defaultdict(list)
    for table, row in rows:
        if not table.is_list:
            found[rule_key(row)].append((table, row))
    return found


def _with_consequence(change: SpecChange, new: _UseCase) -> SpecChange:
    """Say what points to records whose IDs change."""
    is_id = change.aspect == "ID" or change.why == IDS
    if not is_id or change.effect != "major" or change.part == "settings":
        return change
    pointing = [
        f"{table.name}.{row.get('partner_field', '')}"
        for table, rows in new.tables.items()
        for row in rows
        if row.get("reference", "").partition("(")[0].strip() == change.part
    ]
    told = f", and what points to them: {', '.join(pointing)}" if pointing else ""
    return replace(change, why=IDS + told)
