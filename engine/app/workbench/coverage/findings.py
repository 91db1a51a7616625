"""What the tables of a partner leave open: checked use cases in, findings out.

Required partner fields without a row, examples that are missing, and fields of the
Standard that nobody uses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.app.payload_fields import PayloadField, every_field
from engine.app.workbench.coverage.examples import (
    ListCoverage,
    MissingExample,
    lists_shown,
    without_example,
)
from engine.app.workbench.coverage.standard import Users, unused_by
from engine.app.workbench.tables.layout import TableId
from engine.contract import path_of
from engine.model import EntityFile
from engine.runtime.library import UseCase
from engine.spec import FieldRule


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
    return SpecCoverage(
        partner=spec.partner,
        use_case=spec.name,
        version=spec.use_case.version,
        entities=tuple(_entity(use_case, entity) for entity in spec.use_case.entities),
        lists=tuple(lists_shown(use_case)),
        unused=unused_by(use_case, users),
    )


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
        examples=tuple(without_example(rules)),
    )


def _shares(
    schema: Mapping[str, Any], rules: Sequence[FieldRule]
) -> tuple[Share, Share]:
    filled = filled_paths(rules)
    required: dict[str, bool] = {}
    optional: dict[str, bool] = {}
    for field in every_field(schema):
        if field.read_only:
            continue
        path = path_of(field.name)
        holder = path[:-1]
        needed = field.required and (not holder or holder in filled)
        if not field.holds_others:
            (required if needed else optional)[field.name] = path in filled
        elif needed and path not in filled:
            required[field.name] = False
    return _share(required), _share(optional)


def _share(fields: Mapping[str, bool]) -> Share:
    missing = tuple(name for name, is_filled in fields.items() if not is_filled)
    return Share(len(fields), missing)


def filled_paths(rules: Sequence[FieldRule]) -> frozenset[tuple[str, ...]]:
    """Return the partner fields that rows fill, and the objects that hold them."""
    found = set()
    for rule in rules:
        path = path_of(rule.row.partner_field)
        found |= {path[: n + 1] for n in range(len(path))}
    return frozenset(found)


def unmapped(
    schema: Mapping[str, Any], rules: Sequence[FieldRule]
) -> list[PayloadField]:
    """Return the partner fields that may be written and that no row fills."""
    filled = filled_paths(rules)
    return [
        field
        for field in every_field(schema)
        if not (field.read_only or field.holds_others or path_of(field.name) in filled)
    ]
