"""What the page of a partner says: frozen parts, their texts in Markdown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.app.catalogue import Partner
from engine.model import Setting


@dataclass(frozen=True)
class FieldLine:
    """A row of a field table; its texts are Markdown."""

    field: str
    required: bool
    source: str
    rule: str
    evidence: str
    note: str


@dataclass(frozen=True)
class EntityPart:
    """A partner entity: what it is made of, its table, and what no row fills."""

    name: str
    anchor: str
    title: str
    erp: tuple[str, ...]
    records: str
    adopts: str
    evidence: str
    proposed: bool
    coming: bool
    removes: bool
    lines: tuple[FieldLine, ...]
    unfilled: tuple[str, ...]


@dataclass(frozen=True)
class RuleLine:
    """A prerequisite; `follows` stands below the one before it."""

    text: str
    evidence: str
    follows: bool
    rejects: bool


@dataclass(frozen=True)
class RelatedLine:
    """A relation of the use case in words."""

    name: str
    of: str
    source: str
    take: str
    where: str
    order: str


@dataclass(frozen=True)
class ListPart:
    """A value list, and how the partner's values are known."""

    name: str
    entries: tuple[tuple[str, str], ...]
    fields: tuple[str, ...]
    evidence: str


@dataclass(frozen=True)
class EvidenceLine:
    """How many fields of an entity's schema have each mark."""

    title: str
    counts: tuple[int, ...]


@dataclass(frozen=True)
class UseCasePart:
    """What a partner's page says of one use case."""

    name: str
    title: str
    version: str
    table: tuple[Mapping[str, Any], ...]
    settings: tuple[Setting, ...]
    own_settings: tuple[Setting, ...]
    rules: tuple[RuleLine, ...]
    own_rules: tuple[RuleLine, ...]
    related: tuple[RelatedLine, ...]
    entities: tuple[EntityPart, ...]
    lists: tuple[ListPart, ...]
    removal: str
    removes: tuple[str, ...]
    evidence: tuple[EvidenceLine, ...]
    sources: tuple[str, ...]

    @property
    def has_own(self) -> bool:
        """Whether there is anything that Feldwerk proposes."""
        proposed = any(entity.coming for entity in self.entities)
        return bool(self.own_settings or self.own_rules or proposed)


@dataclass(frozen=True)
class PartnerPage:
    """What the page of one partner says; `hosts` are empty for a proposed connector."""

    partner: Partner
    credentials: tuple[tuple[str, str], ...]
    hosts: tuple[tuple[str, str], ...]
    use_cases: tuple[UseCasePart, ...]

    @property
    def proposed(self) -> bool:
        return self.partner.connector.evidence == "proposed"
