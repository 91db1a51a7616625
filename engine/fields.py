"""Check one row of a field table: a FieldRule in, a FieldWork and problems out."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from jsonpath_ng.ext.parser import parse as parse_jsonpath

from engine.conditions import check_condition
from engine.contract import field_names, kinds, property_schema, typed
from engine.language import TODAY, FieldPath, LanguageError, parse_path
from engine.model import EntityFile, as_tuple
from engine.paths import Resolved, resolve
from engine.pipes import PipeCheck
from engine.problems import Problem, did_you_mean
from engine.spec import FieldRule, Spec
from engine.standard import Field, Standard
from engine.transforms import TRANSFORMS
from engine.work import (
    Constant,
    FieldWork,
    FromFields,
    FromJsonPath,
    IdParts,
    Operation,
    ReferenceTo,
    Source,
)

OPERATIONS = ("create", "update", "remove")
_WORDS_OF_OTHER_COLUMNS = {
    *("omit", "clear", "keep", "reject", "always", "later"),
    *OPERATIONS,
}

NOT_IN: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "an ID": dict.fromkeys(
        ("transform", "when", "default", "if_empty", "if_wrong", "write"), ()
    ),
    "a reference": {"transform": (), "default": (), "write": OPERATIONS},
    "a row that is no reference": {"write": ("later",)},
    "a list of values": {"default": ()},
    "a row of a list": {"write": OPERATIONS},
    "a field of the address": {"write": (*OPERATIONS, "later"), "if_wrong": ("omit",)},
    "a record that is put under our ID": {"if_empty": ("keep",)},
}
"""Kind of row -> columns that must be empty, or must not have these values."""

_PART = r"@?[A-Za-z_][\w-]*(\[\])?"
_TARGET = re.compile(rf"{_PART}(\.{_PART})*", re.ASCII)


@dataclass
class RowCheck:
    """Check one row; the problems found gather in `problems`."""

    spec: Spec
    standard: Standard
    entity: EntityFile
    rule: FieldRule
    entities: Mapping[str, EntityFile]
    ids: Mapping[str, IdParts]
    named_by_us: bool
    problems: list[Problem]

    @property
    def schema(self) -> Mapping[str, Any]:
        return self.spec.schemas[self.entity.resource or self.entity.name]

    @property
    def start(self) -> str:
        return as_tuple(self.entity.erp)[0]

    def problem(self, column: str, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.rule.at(column), code, message, hint))

    def field(self) -> FieldWork | None:
        """Return the row's work, or None if it cannot run."""
        row = self.rule.row
        target = self._target()
        source = self._source()
        if target is None or source is None:
            self._pipe_check().check_names()
            return None
        names, many, contract = target
        self._fits_its_kind(source[0], contract)
        self._refers(source[0], contract)
        if many:
            contract = contract.get("items", {})
        steps = self._pipe_check().steps(source[0], contract)
        when = None
        if row.when:
            when = check_condition(
                row.when,
                self.rule.at("when"),
                self.standard,
                self.start,
                self.spec.use_case.settings,
                self.problems,
            )
        default = self._default(contract)
        work = FieldWork(
            target=names,
            source=source[0],
            origin=self.rule.origin,
            steps=steps or (),
            when=when,
            default=default,
            if_empty=row.if_empty or "omit",
            only_in=_operation(row.write),
            later=row.write == "later",
            tolerant=row.if_wrong == "omit",
            many=many,
            personal=source[1],
        )
        if steps is None:
            return None
        return self._each(work)

    def _pipe_check(self) -> PipeCheck:
        return PipeCheck(
            self.rule,
            self.spec.lists,
            self.spec.use_case.settings,
            self.standard,
            self.start,
            self.problems,
        )

    def _fits_its_kind(self, source: Source, contract: Mapping[str, Any]) -> None:
        """Refuse cells that mean nothing in a row of this kind."""
        row = self.rule.row
        reference = isinstance(source, ReferenceTo)
        holds = {
            "an ID": isinstance(source, IdParts),
            "a reference": reference,
            "a row that is no reference": not reference,
            "a list of values": row.partner_field.endswith("[]"),
            "a row of a list": "[]." in row.partner_field,
            "a field of the address": contract.get("x-in") == "path",
            "a record that is put under our ID": self.named_by_us,
        }
        for kind, applies in holds.items():
            for column, values in NOT_IN[kind].items():
                cell = getattr(row, column)
                if applies and cell and (not values or cell in values):
                    self.problem(column, "M123", f"{kind} takes no '{cell}' here.")

    def _refers(self, source: Source, contract: Mapping[str, Any]) -> None:
        """Compare a reference with what the partner's schema says of the field."""
        inner = contract.get("items", contract)
        wanted = contract.get("x-reference") or inner.get("x-reference")
        if wanted is None or not isinstance(source, ReferenceTo):
            return
        entity = self.entities[source.entity]
        if wanted not in (entity.name, entity.resource):
            message = f"the partner wants a reference to '{wanted}' here."
            self.problem("reference", "C109", message)

    def _target(self) -> tuple[tuple[str, ...], bool, Mapping[str, Any]] | None:
        name = self.rule.row.partner_field
        if not name:
            message, hint = "the row names no partner field.", "Name one."
            self.problem("partner_field", "M102", message, hint)
            return None
        if not _TARGET.fullmatch(name):
            self.problem("partner_field", "M103", f"'{name}' is not a field name.")
            return None
        many = name.endswith("[]")
        names = tuple(part.removesuffix("[]") for part in name.split("."))
        contract = property_schema(self.schema, names)
        if contract is None:
            known = sorted(field_names(self.schema))
            hint = did_you_mean(name, known)
            message = f"the partner has no field '{name}'."
            self.problem("partner_field", "C101", message, hint)
            return None
        if many and kinds(contract) and "array" not in kinds(contract):
            message = f"'{name}' is no list at the partner."
            self.problem("partner_field", "C101", message)
            return None
        if contract.get("readOnly"):
            self.problem("partner_field", "C106", f"'{name}' is read-only.")
        if "[]." in name:
            names = tuple(name.removesuffix("[]").split("."))
        return names, many, contract

    def _source(self) -> tuple[Source, bool] | None:
        row = self.rule.row
        cells = {
            "erp_field": row.erp_field,
            "id_parts": row.id_parts,
            "reference": row.reference,
        }
        given = [column for column, cell in cells.items() if cell]
        if len(given) > 1:
            message = f"the row has {' and '.join(given)}: keep one of them."
            self.problem(given[1], "M102", message)
            return None
        if not given:
            if row.default == "":
                self.problem(
                    "erp_field", "M102", "the row says no source and no default."
                )
                return None
            if row.transform:
                self.problem("transform", "M102", "a constant takes no transform.")
            return Constant(None), False
        match given[0]:
            case "id_parts":
                parts = id_parts(self.standard, self.start, self.rule, self.problems)
                return (parts, False) if parts else None
            case "reference":
                reference = self._reference()
                return (reference, False) if reference else None
        return self._from_fields()

    def _from_fields(self) -> tuple[Source, bool] | None:
        text = self.rule.row.erp_field
        if text.startswith("$"):
            try:
                found = parse_jsonpath(text)
            except Exception as error:  # noqa: BLE001 - it raises bare ones
                self.problem("erp_field", "M122", f"'{text}' is no JSONPath: {error}.")
                return None

            def find(record: Any) -> list[Any]:
                return [match.value for match in found.find(record)]

            return FromJsonPath(text, find), True
        resolved = []
        for part in text.split(";"):
            setting = self._setting(part.strip())
            if setting is not None:
                resolved.append(setting)
                continue
            try:
                found_path = resolve(self.standard, self.start, part)
            except LanguageError as error:
                self.problem("erp_field", "M101", f"{error}")
                return None
            if found_path.field is None:
                message = f"'{part.strip()}' is a record, not a field."
                self.problem("erp_field", "M101", message)
                return None
            resolved.append(found_path)
        personal = any(r.field and r.field.personal != "none" for r in resolved)
        return FromFields(tuple(r.path for r in resolved)), personal

    def _setting(self, text: str) -> Resolved | None:
        """Return what a cell reads that names a setting, or the day of the run."""
        if text == "today":
            return Resolved(TODAY, self.start, Field("today", type="date"))
        name = text.removeprefix("settings.")
        settings = self.spec.use_case.settings
        if name == text:
            return None
        if name not in settings:
            hint = did_you_mean(name, settings)
            self.problem("erp_field", "M113", f"no setting is named '{name}'.", hint)
        return Resolved(parse_path(text), self.start, Field(name))

    def _reference(self) -> ReferenceTo | None:
        name, _, rest = self.rule.row.reference.partition("(")
        name = name.strip()
        if name not in self.entities:
            hint = did_you_mean(name, self.entities)
            self.problem("reference", "M110", f"no entity is named '{name}'.", hint)
            return None
        wanted = as_tuple(self.entities[name].erp)
        bases = {self.standard.base(erp) for erp in wanted}
        text = rest.strip().removesuffix(")")
        if not rest:
            references = self.standard.entities[self.start].references
            ways = [n for n, ref in references.items() if ref.entity in wanted]
            if len(ways) != 1:
                message = f"the way to '{name}' must be named: {name}(...)."
                self.problem("reference", "M111", message)
                return None
            text = ways[0]
        try:
            found = resolve(self.standard, self.start, text)
        except LanguageError as error:
            self.problem("reference", "M111", f"{error}")
            return None
        if found.field is not None or self.standard.base(found.entity) not in bases:
            message = f"'{text}' does not lead to a {' or '.join(wanted)}."
            self.problem("reference", "M111", message)
            return None
        if name == self.entity.name and not found.path.segments:
            self.problem("reference", "M111", "a record does not point to itself.")
            return None
        if name not in self.ids:
            return None
        many = self.rule.row.partner_field.endswith("[]")
        if many and not found.path.many:
            message = f"'{text}' leads to one record, the field takes a list."
            self.problem("reference", "M107", message)
            return None
        if found.path.many and not many and "[]." not in self.rule.row.partner_field:
            message = f"'{text}' leads to several records, the field takes one."
            self.problem("reference", "M107", message)
            return None
        collection, parts = self._id_from(found.path, self.ids[name])
        return ReferenceTo(name, collection, parts, found.path)

    def _id_from(self, way: FieldPath, target: IdParts) -> tuple[FieldPath, IdParts]:
        """Compose the other record's ID from this record where it has the parts."""
        collection = way.up_to_many
        parts: list[FieldPath | str] = []
        for part in target.parts:
            if isinstance(part, str):
                parts.append(part)
                continue
            text = f"{way}.{part}" if way.segments else str(part)
            found = resolve(self.standard, self.start, text)
            parts.append(found.path.after(collection))
        return collection, IdParts(tuple(parts), target.optional)

    def _default(self, contract: Mapping[str, Any]) -> Any:
        text = self.rule.row.default
        if text == "":
            return None
        if text in _WORDS_OF_OTHER_COLUMNS:
            message = f"'{text}' is a word of if_empty, if_wrong or write."
            self.problem("default", "M116", message, "Is it one column too far?")
            return None
        try:
            return typed(text, contract)
        except ValueError as error:
            self.problem("default", "M116", f"{error}.")
            return None

    def _each(self, work: FieldWork) -> FieldWork:
        """Let the pipe run value by value where the target is a list of values."""
        source = work.source
        if work.many and isinstance(source, FromFields):
            first = work.steps[0].name if work.steps else ""
            several = first == "template" or (first and TRANSFORMS[first].several)
            return replace(work, source=replace(source, each=not several))
        return work


def _operation(write: str) -> Operation | None:
    match write:
        case "create" | "update" | "remove":
            return write
    return None


def id_parts(
    standard: Standard, start: str, rule: FieldRule, problems: list[Problem]
) -> IdParts | None:
    """Read an `id_parts` cell: fields, and quoted texts that are taken as they are."""
    parts: list[FieldPath | str] = []
    optional = set()
    for cell in rule.row.id_parts.split(";"):
        text = cell.strip()
        if len(text) > 1 and text[0] == text[-1] == '"':
            parts.append(text[1:-1])
            continue
        try:
            found = resolve(standard, start, text)
        except LanguageError as error:
            problems.append(Problem(rule.at("id_parts"), "M101", f"{error}"))
            return None
        if found.field is None or found.path.many:
            message = f"'{text}' is not one field."
            problems.append(Problem(rule.at("id_parts"), "M101", message))
            return None
        parts.append(found.path)
        if not found.field.required and text in standard.entities[start].key:
            optional.add(text)
    return IdParts(tuple(parts), frozenset(optional))
