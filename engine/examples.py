"""Run the example of a row: what the analyst says must come out is what comes out."""

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from engine.contract import property_schema
from engine.interpreter import Trace, is_empty, run_field
from engine.language import FieldPath
from engine.model import EntityFile, UseCaseFile, as_tuple, setting_value
from engine.paths import resolve
from engine.problems import Origin, Problem
from engine.spec import FieldRule, Spec
from engine.standard import Field, Standard
from engine.work import (
    EntityWork,
    FieldWork,
    FromFields,
    IdParts,
    ReferenceTo,
    Settings,
    UseCaseWork,
)

EXAMPLE_DAY = "2025-01-15"
"""The day of the run in every example."""


def check_examples(spec: Spec, work: UseCaseWork) -> list[Problem]:
    """Run every example of a use case; a transform without one is a warning."""
    problems: list[Problem] = []
    settings = default_settings(spec.use_case)
    files = {entity.name: entity for entity in spec.use_case.entities}
    for entity_work in work.entities:
        entity = files[entity_work.name]
        rules = {rule.origin: rule for rule in spec.tables[entity.name]}
        for field in _fields(entity_work):
            rule = rules[field.origin]
            if rule.row.example:
                problems += _run(
                    work.standard, entity, entity_work, rule, field, settings
                )
            elif rule.row.transform:
                message = f"'{rule.row.partner_field}' has a transform and no example."
                problems.append(Problem(rule.at("example"), "M115", message))
    return problems


def default_settings(use_case: UseCaseFile) -> Settings:
    """Return the settings of an activation that chooses what must be chosen only."""
    settings = use_case.settings
    examples = {n: s.example for n, s in settings.items() if s.must_be_chosen}
    chosen = {n: setting_value(s, examples.get(n)) for n, s in settings.items()}
    return Settings({**chosen, "today": EXAMPLE_DAY})


def _fields(work: EntityWork) -> list[FieldWork]:
    return [*([] if work.id_in_body else [work.id_field]), *work.rows]


def _run(
    standard: Standard,
    entity: EntityFile,
    entity_work: EntityWork,
    rule: FieldRule,
    field: FieldWork,
    settings: Settings,
) -> list[Problem]:
    try:
        record = example_record(standard, as_tuple(entity.erp)[0], rule, field)
    except (ValueError, KeyError) as error:
        return [Problem(rule.at("example"), "M114", f"cannot be read: {error}.")]
    unconditional = FieldWork(**{**vars(field), "when": None})
    found = run_field(unconditional, record, settings)
    if found.problem:
        message = f"the example is refused: {found.problem.message}"
        return [Problem(rule.at("example"), "M114", message)]
    if not _equal(found, rule.row.expected):
        written = json.dumps(found.value, ensure_ascii=False)
        message = f"the example gives {written}, not '{rule.row.expected}'."
        return [Problem(rule.at("expected"), "M114", message)]
    return _fits(entity_work, field, found.value, rule.at("expected"))


def _equal(found: Trace, expected: str) -> bool:
    if is_empty(found.value):
        return expected == ""
    if isinstance(found.value, str):
        return found.value == expected
    try:
        wanted = json.loads(expected)
    except json.JSONDecodeError:
        return False
    return wanted == found.value and isinstance(wanted, bool) == isinstance(
        found.value, bool
    )


def _fits(
    work: EntityWork, field: FieldWork, value: Any, origin: Origin
) -> list[Problem]:
    names = [name.removesuffix("[]") for name in field.target]
    schema = property_schema(work.schema, names)
    if schema is None or is_empty(value):
        return []
    errors = Draft202012Validator(schema).iter_errors(value)
    return [Problem(origin, "C108", f"{error.message}.") for error in errors]


def example_record(
    standard: Standard, start: str, rule: FieldRule, field: FieldWork
) -> dict[str, Any]:
    text = rule.row.example
    if text.lstrip().startswith("{"):
        value = json.loads(text)
        if not isinstance(value, dict):
            raise ValueError("a record is a JSON object")
        return value
    match field.source:
        case FromFields(paths):
            # A row of a list reads an element; its cell names the way to it, too.
            cells = rule.row.erp_field.split(";")
            named = zip(paths, cells, strict=True)
            fields = [(path, cell) for path, cell in named if path.setting is None]
            paths = tuple(path for path, _ in fields)
            names = [cell for _, cell in fields]
        case IdParts(parts) | ReferenceTo(_, FieldPath(()), IdParts(parts)):
            paths = tuple(part for part in parts if isinstance(part, FieldPath))
            names = [str(path) for path in paths]
        case _:
            raise ValueError("give the whole record as a JSON object")
    cells = text.split(";") if len(paths) > 1 else [text]
    record: dict[str, Any] = {}
    for path, name, cell in zip(paths, names, cells, strict=False):
        if path.many:
            raise ValueError("give the whole record as a JSON object")
        known = resolve(standard, start, name).field
        if known is not None and cell.strip():
            _set(record, path, _typed(known, cell.strip()))
    return record


def _set(record: dict[str, Any], path: FieldPath, value: Any) -> None:
    for name in path.names[:-1]:
        record = record.setdefault(name, {})
    record[path.names[-1]] = value


def _typed(field: Field, cell: str) -> Any:
    match field.type:
        case "integer":
            return int(cell)
        case "number":
            return float(cell)
        case "boolean":
            known: Mapping[str, bool] = {"true": True, "false": False}
            return known[cell.casefold()]
        case "list":
            if cell.startswith("["):
                return json.loads(cell)
            items = [part.strip() for part in cell.split(";") if part.strip()]
            name = field.item_value
            return [{name: item} if name else item for item in items]
        case "object":
            return json.loads(cell)
        case _:
            return cell
