"""Check one row of a field table: a FieldRule in, a FieldWork and problems out."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment
from jsonpath_ng.ext.parser import parse as parse_jsonpath

from engine.conditions import check_condition
from engine.language import Call, FieldPath, LanguageError, Word, parse_pipe
from engine.model import EntityFile, as_tuple
from engine.paths import resolve
from engine.problems import Problem, did_you_mean
from engine.spec import FieldRule, Spec
from engine.standard import Standard
from engine.transforms import TRANSFORMS, Transform
from engine.work import (
    Constant,
    FieldWork,
    FromFields,
    FromJsonPath,
    IdParts,
    ReferenceTo,
    Source,
    Step,
)


def property_schema(schema: Mapping[str, Any], target: Iterable[str]) -> Any:
    """Return the schema of a field of a payload, or None if the payload has no such."""
    here: Any = schema
    for name in target:
        if here.get("type") == "array":
            here = here.get("items", {})
        here = here.get("properties", {}).get(name)
        if here is None:
            return None
    return here


def typed(text: str, schema: Mapping[str, Any]) -> Any:
    """
    Read a cell as the partner's field wants it; raises ValueError.

    >>> typed("7", {"type": "integer"}), typed("7", {"type": "string"})
    (7, '7')
    """
    kinds = schema.get("type", "string")
    kinds = [kinds] if isinstance(kinds, str) else kinds
    value: Any = text
    if "string" not in kinds:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            raise ValueError(f"'{text}' is no {' or '.join(kinds)}") from None
        names = {bool: "boolean", int: "integer", float: "number", list: "array"}
        kind = names.get(type(value), "object")
        if kind not in kinds and not (kind == "integer" and "number" in kinds):
            raise ValueError(f"'{text}' is no {' or '.join(kinds)}")
    if "enum" in schema and value not in schema["enum"]:
        known = ", ".join(map(str, schema["enum"]))
        raise ValueError(f"the partner does not take '{text}', only {known}")
    if "const" in schema and value != schema["const"]:
        raise ValueError(f"the partner takes only '{schema['const']}', not '{text}'")
    return value


_TARGET = re.compile(r"[A-Za-z_][\w-]*(\[\])?(\.[A-Za-z_][\w-]*(\[\])?)*", re.ASCII)


@dataclass
class RowCheck:
    """Check one row; the problems found gather in `problems`."""

    spec: Spec
    standard: Standard
    entity: EntityFile
    rule: FieldRule
    entities: Mapping[str, EntityFile]
    ids: Mapping[str, IdParts]
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
            return None
        names, many, contract = target
        steps = self._steps(source[0], contract)
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
            create_only=row.write == "create",
            many=many,
            personal=source[1],
        )
        if steps is None:
            return None
        return self._each(work)

    def _target(self) -> tuple[tuple[str, ...], bool, Mapping[str, Any]] | None:
        name = self.rule.row.partner_field
        if not name:
            self.problem("partner_field", "M102", "the row names no partner field.")
            return None
        if not _TARGET.fullmatch(name):
            self.problem("partner_field", "M103", f"'{name}' is not a field name.")
            return None
        many = name.endswith("[]")
        names = tuple(part.removesuffix("[]") for part in name.split("."))
        contract = property_schema(self.schema, names)
        if contract is None:
            known = sorted(_field_names(self.schema))
            hint = did_you_mean(name, known)
            message = f"the partner has no field '{name}'."
            self.problem("partner_field", "C101", message, hint)
            return None
        if contract.get("readOnly"):
            self.problem("partner_field", "C106", f"'{name}' is read-only.")
        return tuple(name.split(".")) if "[]." in name else names, many, contract

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
        if name not in self.ids:
            return None
        many = self.rule.row.partner_field.endswith("[]")
        if found.path.many and not many and "[]." not in self.rule.row.partner_field:
            message = f"'{text}' leads to several records, the field takes one."
            self.problem("reference", "M107", message)
            return None
        return ReferenceTo(name, *self._id_from(found.path, self.ids[name]))

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
        try:
            return typed(text, contract)
        except ValueError as error:
            self.problem("default", "M116", f"{error}.")
            return None

    def _steps(
        self, source: Source, contract: Mapping[str, Any]
    ) -> tuple[Step, ...] | None:
        text = self.rule.row.transform
        if not text:
            several = isinstance(source, FromFields) and not source.single
            if several:
                message = (
                    "several fields need a transform that takes several: join, first."
                )
                self.problem("transform", "M107", message)
                return None
            return ()
        if not isinstance(source, FromFields | FromJsonPath):
            if not isinstance(source, Constant):
                message = "an ID and a reference take no transform."
                self.problem("transform", "M102", message)
            return None
        try:
            calls = parse_pipe(text)
        except LanguageError as error:
            self.problem("transform", "M103", f"{error}.")
            return None
        steps = []
        for position, call in enumerate(calls):
            last = position == len(calls) - 1
            step = self._step(call, source, position, contract if last else {})
            if step is None:
                return None
            steps.append(step)
        return tuple(steps)

    def _step(
        self, call: Call, source: Source, position: int, contract: Mapping[str, Any]
    ) -> Step | None:
        if call.name == "template":
            return self._template(call, source, position)
        transform = TRANSFORMS.get(call.name)
        if transform is None:
            hint = did_you_mean(call.name, [*TRANSFORMS, "template"])
            message = f"no transform is named '{call.name}'."
            self.problem("transform", "M104", message, hint)
            return None
        if position and transform.several:
            message = f"'{call.name}' takes several values and can only come first."
            self.problem("transform", "M107", message)
            return None
        if not position and not transform.several and not self._one_value(source):
            message = f"'{call.name}' takes one value, the source gives several."
            self.problem("transform", "M107", message, "Begin with join or first.")
            return None
        arguments = self._arguments(call, transform, contract)
        if arguments is None:
            return None
        return Step(call.name, transform.function, arguments, transform.several)

    def _one_value(self, source: Source) -> bool:
        if not isinstance(source, FromFields) or not source.single:
            return False
        path = source.paths[0]
        found = resolve(self.standard, self.start, str(path))
        is_list = found.field is not None and found.field.type == "list"
        each = "[]" in self.rule.row.partner_field
        return not is_list and (each or not path.many)

    def _arguments(
        self, call: Call, transform: Transform, contract: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        count = len(call.arguments)
        if not transform.required <= count <= len(transform.parameters):
            wanted = ", ".join(transform.parameters) or "none"
            message = f"'{call.name}' takes {wanted} as arguments, not {count}."
            self.problem("transform", "M105", message)
            return None
        bound: list[Any] = []
        for argument, kind in zip(call.arguments, transform.parameters, strict=False):
            if kind == "list":
                entries = self._list(argument, contract)
                if entries is None:
                    return None
                bound.append(entries)
            elif isinstance(argument, str) == (kind == "text") and not isinstance(
                argument, Word
            ):
                bound.append(argument)
            else:
                message = f"'{call.name}' takes a {kind} here."
                self.problem("transform", "M105", message)
                return None
        return tuple(bound)

    def _list(self, argument: Any, contract: Mapping[str, Any]) -> Any:
        name = argument.name if isinstance(argument, Word) else str(argument)
        if name not in self.spec.lists:
            hint = did_you_mean(name, self.spec.lists)
            self.problem("transform", "M106", f"no list is named '{name}'.", hint)
            return None
        entries: dict[str, Any] = {}
        for erp_value, partner_value in self.spec.lists[name].entries.items():
            if partner_value == "":
                entries[erp_value] = None
                continue
            try:
                entries[erp_value] = typed(partner_value, contract)
            except ValueError as error:
                message = f"list '{name}', row '{erp_value}': {error}."
                self.problem("transform", "C103", message)
        return entries

    def _template(self, call: Call, source: Source, position: int) -> Step | None:
        if position or not isinstance(source, FromFields) or len(call.arguments) != 1:
            message = "template comes first, takes one text, and reads erp_field."
            self.problem("transform", "M118", message)
            return None
        text = str(call.arguments[0])
        names = ["_".join(path.names) for path in source.paths]
        try:
            used = meta.find_undeclared_variables(TEMPLATES.parse(text))
        except TemplateSyntaxError as error:
            self.problem("transform", "M118", f"{error.message}.")
            return None
        for name in sorted(used - set(names)):
            hint = did_you_mean(name, names)
            message = f"'{name}' does not stand in erp_field."
            self.problem("transform", "M118", message, hint)
            return None
        return Step("template", template(text, names), several=True)

    def _each(self, work: FieldWork) -> FieldWork:
        """Let the pipe run value by value where the target is a list of values."""
        source = work.source
        if work.many and isinstance(source, FromFields):
            first = work.steps[0].name if work.steps else ""
            several = first == "template" or (first and TRANSFORMS[first].several)
            return replace(work, source=replace(source, each=not several))
        return work


TEMPLATES = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def template(text: str, names: Sequence[str]) -> Callable[[Sequence[Any]], str | None]:
    """Return a function from the values of the named fields to the filled template."""
    compiled = TEMPLATES.from_string(text)

    def fill(several: Sequence[Any]) -> str | None:
        if all(value is None for value in several):
            return None
        variables = {
            name: "" if value is None else value
            for name, value in zip(names, several, strict=True)
        }
        return " ".join(compiled.render(variables).split()) or None

    return fill


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


def _field_names(schema: Mapping[str, Any], before: str = "") -> list[str]:
    names = []
    for name, inner in schema.get("properties", {}).items():
        names.append(before + name)
        names += _field_names(inner, f"{before}{name}.")
        names += _field_names(inner.get("items", {}), f"{before}{name}[].")
    return names
