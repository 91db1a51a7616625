"""The checked plan of work: what a spec means, with every name resolved. Frozen types.

`engine.check` makes it; the interpreter walks it, the compiler turns it into code.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.language import Condition, FieldPath
from engine.model import Removal
from engine.problems import Origin
from engine.standard import Standard

IfEmpty = Literal["omit", "clear", "keep", "reject"]
Operation = Literal["create", "update", "remove"]


@dataclass(frozen=True)
class FromSetting:
    """An argument of a transform that an activation chooses."""

    name: str


@dataclass(frozen=True)
class Step:
    """One call of a pipe, its arguments bound."""

    name: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    several: bool = False
    """Whether it takes a sequence; one value alone is then put into one."""
    remembered: bool = False
    """Whether the compiled code keeps results of earlier values."""


@dataclass(frozen=True)
class FromFields:
    """The value of one ERP field, or of several as a tuple."""

    paths: tuple[FieldPath, ...]
    each: bool = False
    """Whether the pipe runs for each value of a list by itself."""

    @property
    def single(self) -> bool:
        return len(self.paths) == 1


@dataclass(frozen=True)
class FromJsonPath:
    """The values that a JSONPath finds in the record, as a list."""

    text: str
    find: Callable[[Any], list[Any]] = field(compare=False)


@dataclass(frozen=True)
class Constant:
    value: Any


@dataclass(frozen=True)
class IdParts:
    """An ID of ours: parts joined by the separator. A part is a path or a text."""

    parts: tuple[FieldPath | str, ...]
    optional: frozenset[str] = frozenset()
    """Fields that may be empty and are then left out of the ID, not of the record."""


@dataclass(frozen=True)
class ReferenceTo:
    """
    The ID of another entity's record, composed of what stands in this one.

    With a collection there are several: `id` is composed for each of its elements.
    """

    entity: str
    collection: FieldPath
    id: IdParts
    way: FieldPath
    """The whole way to the other record."""


Source = FromFields | FromJsonPath | Constant | IdParts | ReferenceTo


@dataclass(frozen=True)
class FieldWork:
    """One row of a field table, ready to run."""

    target: tuple[str, ...]
    source: Source
    origin: Origin
    steps: tuple[Step, ...] = ()
    when: Condition | None = None
    default: Any = None
    if_empty: IfEmpty = "omit"
    only_in: Operation | None = None
    """The one operation that the row counts in; it makes no change by itself."""
    later: bool = False
    """Whether the record is sent without it first, and with it when all are there."""
    tolerant: bool = False
    """Whether a wrong value is left out instead of rejecting the record."""
    many: bool = False
    """Whether the target is a list of plain values: `contractIds[]`."""
    personal: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.target) + "[]" * self.many


@dataclass(frozen=True)
class ListWork:
    """
    Rows that fill a list of objects, one for each element of a collection.

    The empty collection is the record itself: the list has one element then. Elements
    that are alike in `merge_by` become one, with their inner lists united.
    """

    target: tuple[str, ...]
    collection: FieldPath
    fields: tuple[FieldWork, ...]
    merge_by: str | None = None

    @property
    def name(self) -> str:
        return ".".join(self.target) + "[]"


@dataclass(frozen=True)
class ReferenceSpot:
    """
    Where in a payload an ID of another entity's record stands.

    Rows under conditions may point to several entities; one of them has the record.
    """

    target: tuple[str, ...]
    entities: tuple[str, ...]
    later: bool = False


@dataclass(frozen=True)
class AdoptionWork:
    entity: str
    when: Condition | None


@dataclass(frozen=True)
class EntityWork:
    """Everything needed to turn an ERP record into one partner entity's payload."""

    name: str
    resource: str
    label: str
    erp: tuple[str, ...]
    base: str
    id: IdParts
    id_field: FieldWork
    id_in_body: bool
    fields: tuple[FieldWork | ListWork, ...]
    records: Condition | None
    adopts: AdoptionWork | None
    joins: frozenset[FieldPath]
    """The ways to related records that the fields read, without the last name."""
    references: tuple[ReferenceSpot, ...]
    schema: Mapping[str, Any]
    """The partner's schema, with our IDs in the place of ids it gives itself."""
    named_by_us: bool
    """Whether the partner keeps the record under our ID."""
    path_fields: frozenset[str] = frozenset()
    """Fields that stand in the address of a request and not in its body."""
    immutable: tuple[tuple[str, ...], ...] = ()
    """Fields that the partner cannot change: with another value it is a new record."""
    removal: Removal = "nothing"
    """What removing means, for records that `removes` of a rule or the entity names."""
    removal_needs_payload: bool = False
    """Whether what removes a record carries all of it, and not only its address."""
    removes_others: bool = False
    """Whether a record that `records` no longer takes is removed."""
    required_source: bool = False
    match: tuple[tuple[tuple[str, ...], ...], ...] = ()
    """Fields that tell which record of the partner this one is, the surest first."""

    @property
    def rows(self) -> Iterator[FieldWork]:
        """Yield every row that fills a field, those of lists of objects among them."""
        for item in self.fields:
            yield from item.fields if isinstance(item, ListWork) else (item,)


@dataclass(frozen=True)
class RuleWork:
    """A prerequisite on one Standard entity."""

    rule: str
    text: str
    entity: str
    verdict: Literal["left_out", "rejected"]
    require: Condition | None = None
    require_any: tuple[str, str] | None = None
    """The entity that points here, and the name of its reference."""
    removes: bool = False
    """Whether what it leaves out is removed at the partner."""


@dataclass(frozen=True)
class UseCaseWork:
    """The plan of work of a whole use case; entities stand parents first."""

    partner: str
    use_case: str
    version: str
    entities: tuple[EntityWork, ...]
    rules: tuple[RuleWork, ...]
    nodes: tuple[str, ...]
    """The Standard entities, views among them, that this use case reads."""
    standard: Standard
    """The Standard with the relations of this use case."""
    needed: Mapping[str, frozenset[str]]
    """Standard entity -> the fields that what is sent depends on."""
    ways: frozenset[tuple[str, str]]
    """References that a table reads or points over: Standard entity, name."""

    def entity(self, name: str) -> EntityWork:
        return next(entity for entity in self.entities if entity.name == name)


class Settings(dict[str, Any]):
    """The chosen settings of an activation; `separator` joins the parts of an ID."""

    @property
    def separator(self) -> str:
        value: str = self.get("separator") or "-"
        return value
