"""What the tables of a partner leave open: checked use cases in, findings out.

Required partner fields without a row, examples that are missing, and fields of the
Standard that nobody uses. What the records of a source have to say of it is counted by
`coverage_source`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.app.payload_fields import PayloadField, every_field
from engine.app.workbench.coverage.lookups import (
    OTHERS,
    Lookup,
    folded,
    lookups_of,
    rows_of,
)
from engine.app.workbench.coverage.standard import Users, unused_by
from engine.app.workbench.tables.layout import TableId
from engine.examples import default_settings, example_record
from engine.interpreter import is_empty, run_field
from engine.model import EntityFile, as_tuple
from engine.runtime.library import UseCase
from engine.spec import FieldRule
from engine.work import Constant, EntityWork, FieldWork, IdParts


@dataclass(frozen=True)
class Share:
    """How many of some partner fields have a row, and the names of the others."""

    fields: int
    missing: tuple[str, ...]

    @property
    def filled(self) -> int:
        return self.fields - len(self.missing)

    def as_json(self) -> dict[str, Any]:
        part = round(self.filled / self.fields, 4) if self.fields else 1.0
        return {
            "fields": self.fields,
            "filled": self.filled,
            "share": part,
            "missing": list(self.missing),
        }


@dataclass(frozen=True)
class MissingExample:
    """A row that computes or decides something, and shows nobody what."""

    row: str
    partner_field: str
    why: str


@dataclass(frozen=True)
class EntityCoverage:
    """
    The table of one entity.

    A field is required if the partner says so and what holds it is filled; all others
    that may be written are optional.
    """

    entity: str
    table: str
    required: Share
    optional: Share
    examples: tuple[MissingExample, ...]


@dataclass(frozen=True)
class ListCoverage:
    """A value list, and its entries that no example of a row meets."""

    name: str
    path: str
    entries: int
    not_exemplified: tuple[str, ...]
    is_used: bool


@dataclass(frozen=True)
class SpecCoverage:
    """All tables of one use case; `unused` are Standard fields that others use."""

    partner: str
    use_case: str
    version: str
    entities: tuple[EntityCoverage, ...]
    lists: tuple[ListCoverage, ...]
    unused: Users

    @property
    def required_missing(self) -> int:
        return sum(len(entity.required.missing) for entity in self.entities)

    def as_json(self) -> dict[str, Any]:
        entities = [
            {
                "entity": entity.entity,
                "table": entity.table,
                "required": entity.required.as_json(),
                "optional": entity.optional.as_json(),
                "examples_missing": [vars(one) for one in entity.examples],
            }
            for entity in self.entities
        ]
        return {
            "partner": self.partner,
            "use_case": self.use_case,
            "version": self.version,
            "entities": entities,
            "lists": [vars(one) for one in self.lists],
            "standard_not_used": self.unused,
        }


def spec_coverage(use_case: UseCase, users: Users) -> SpecCoverage:
    """Say what the tables of a use case leave open; `users` are those of all specs."""
    spec = use_case.spec
    works = {entity.name: entity for entity in use_case.work.entities}
    return SpecCoverage(
        partner=spec.partner,
        use_case=spec.name,
        version=spec.use_case.version,
        entities=tuple(_entity(use_case, entity) for entity in spec.use_case.entities),
        lists=tuple(_lists(use_case, works)),
        unused=unused_by(use_case, users),
    )


# -- partner fields


def _entity(use_case: UseCase, entity: EntityFile) -> EntityCoverage:
    spec = use_case.spec
    rules = spec.tables[entity.name]
    schema = spec.schemas.get(entity.resource or entity.name, {})
    required, optional = _shares(schema, rules)
    return EntityCoverage(
        entity=entity.name,
        table=TableId(spec.partner, spec.name, entity.name).path,
        required=required,
        optional=optional,
        examples=tuple(_without_example(rules)),
    )


def _shares(
    schema: Mapping[str, Any], rules: Sequence[FieldRule]
) -> tuple[Share, Share]:
    filled = filled_fields(rules)
    required: dict[str, bool] = {}
    optional: dict[str, bool] = {}
    for field in every_field(schema):
        if field.read_only:
            continue
        name = plain(field.name)
        holder = name.rpartition(".")[0]
        needed = field.required and (not holder or holder in filled)
        if not field.holds_others:
            (required if needed else optional)[field.name] = name in filled
        elif needed and name not in filled:
            required[field.name] = False
    return _share(required), _share(optional)


def _share(fields: Mapping[str, bool]) -> Share:
    missing = tuple(name for name, is_filled in fields.items() if not is_filled)
    return Share(len(fields), missing)


def plain(name: str) -> str:
    """Return the name of a partner field without the marks of lists."""
    return name.replace("[]", "")


def filled_fields(rules: Sequence[FieldRule]) -> frozenset[str]:
    """Return the partner fields that rows fill, and the objects that hold them."""
    found = set()
    for rule in rules:
        parts = plain(rule.row.partner_field).split(".")
        found |= {".".join(parts[: n + 1]) for n in range(len(parts))}
    return frozenset(found)


def unmapped(
    schema: Mapping[str, Any], rules: Sequence[FieldRule]
) -> list[PayloadField]:
    """Return the partner fields that may be written and that no row fills."""
    filled = filled_fields(rules)
    return [
        field
        for field in every_field(schema)
        if not (field.read_only or field.holds_others or plain(field.name) in filled)
    ]


# -- examples


def _without_example(rules: Sequence[FieldRule]) -> Iterator[MissingExample]:
    for rule in rules:
        row = rule.row
        source = row.erp_field or row.reference
        why = {
            "a value list": "lookup(" in row.transform,
            "a transform": bool(row.transform),
            "a condition": bool(row.when),
        }
        reasons = [name for name, applies in why.items() if applies]
        if reasons and source and not row.example:
            place = f"{rule.origin.file}:{rule.origin.line}"
            yield MissingExample(place, row.partner_field, reasons[0])


def _lists(
    use_case: UseCase, works: Mapping[str, EntityWork]
) -> Iterator[ListCoverage]:
    spec = use_case.spec
    shown: dict[str, set[str]] = {}
    for entity in spec.use_case.entities:
        work = works.get(entity.name)
        if work is not None:
            _add_shown(use_case, entity, work, shown)
    for name, values in spec.lists.items():
        met = shown.get(name, set())
        # What falls to the entry for all others shows that one.
        met = {value if value in values.entries else OTHERS for value in met}
        yield ListCoverage(
            name=name,
            path=TableId(spec.partner, spec.name, name, is_list=True).path,
            entries=len(values.entries),
            not_exemplified=tuple(e for e in values.entries if e not in met),
            is_used=name in shown,
        )


def _add_shown(
    use_case: UseCase,
    entity: EntityFile,
    work: EntityWork,
    shown: dict[str, set[str]],
) -> None:
    """Add the values that the examples of a table look up, by list."""
    lookups = lookups_of(use_case.spec, work)
    rules = {rule.origin.line: rule for rule in use_case.spec.tables[entity.name]}
    for _, field in rows_of(work):
        lookup = lookups.get(field.origin.line)
        if lookup is not None:
            values = shown.setdefault(lookup.list, set())
            start = as_tuple(entity.erp)[0]
            rule = rules[field.origin.line]
            values |= _shown(use_case, start, rule, field, lookup)


def _shown(
    use_case: UseCase, start: str, rule: FieldRule, field: FieldWork, lookup: Lookup
) -> set[str]:
    if not rule.row.example or isinstance(field.source, Constant | IdParts):
        return set()
    settings = default_settings(use_case.spec.use_case)
    try:
        record = example_record(use_case.standard, start, rule, field)
        found = run_field(replace(lookup.asked, when=None), record, settings).value
        values = found if isinstance(found, list) else [found]
        return {folded(value) for value in values if not is_empty(value)}
    except (ValueError, KeyError):
        return set()  # the check says what is wrong with the example
