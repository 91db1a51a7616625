"""What a cell of a table may hold: a spec and a table in, the options of columns out.

They come from the contract, the Standard and the other tables; where a column takes
free text they are a help and no limit.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_args

from engine.app.payload_fields import every_field
from engine.app.site.words import paths_of_cell
from engine.app.workbench.book.contract_fields import to_fill
from engine.language import Call, LanguageError, Word, parse_pipe
from engine.model import EntityFile, FieldRow, Setting, as_tuple
from engine.paths import resolve
from engine.spec import Spec
from engine.standard import Entity, Field, Standard
from engine.transforms import PREDICATES, TRANSFORMS

Choices = Mapping[str, tuple[str, ...]]
"""Column -> what a drop-down offers."""

CLOSED = ("if_empty", "if_wrong", "write")
"""Columns that take nothing else."""

WITH_ARGUMENTS: Mapping[str, str] = {
    "cut": "cut(50)",
    "date": 'date("DD.MM.YYYY")',
    "decimal": "decimal(2)",
    "join": 'join(", ")',
    "max_length": "max_length(50)",
    "prefix": 'prefix("Text")',
    "replace": 'replace("alt", "neu")',
    "round": "round(2)",
    "suffix": 'suffix("Text")',
}
"""Transforms as one may write them, to be changed; lists and settings give the rest."""


def field_choices(spec: Spec, standard: Standard, entity: EntityFile) -> Choices:
    """Return the options of a field table."""
    start = as_tuple(entity.erp)[0]
    schema = spec.schemas.get(entity.resource or entity.name, {})
    here = standard.entities.get(start)
    found: dict[str, Iterable[str]] = {
        "partner_field": (field.shown for field in to_fill(schema)),
        "transform": _transforms(spec, here),
        "reference": _references(spec, entity),
        **{column: _words(column) for column in CLOSED},
    }
    if here is not None:
        found["erp_field"] = [*_paths(standard, here), *_settings(spec), "today"]
        found["id_parts"] = ["; ".join(here.key), *here.key]
        found["when"] = _conditions(spec, here)
    return _unique(found)


def list_choices(spec: Spec, standard: Standard, name: str) -> Choices:
    """Return the options of a value list: what its fields know on either side."""
    erp: list[str] = []
    partner: list[str] = []
    for entity, row, is_last in lookups(spec, name):
        start = as_tuple(entity.erp)[0]
        for path in paths_of_cell(row.erp_field):
            erp += _enum_of(standard, start, path)
        schema = spec.schemas.get(entity.resource or entity.name, {})
        if is_last:
            partner += _enum_at(schema, row.partner_field)
    return _unique({"erp_value": [*erp, "*"], "partner_value": partner})


def lookups(spec: Spec, name: str) -> Iterator[tuple[EntityFile, FieldRow, bool]]:
    """Yield the rows that use a list, and whether its value is what is sent."""
    for entity in spec.use_case.entities:
        for rule in spec.tables.get(entity.name, ()):
            calls = _calls(rule.row.transform)
            places = [n for n, call in enumerate(calls) if _looks_up(call, name)]
            if places:
                yield entity, rule.row, places[-1] == len(calls) - 1


def _calls(transform: str) -> Sequence[Call]:
    try:
        return parse_pipe(transform) if transform else ()
    except LanguageError:
        return ()


def _looks_up(call: Call, name: str) -> bool:
    return call.name == "lookup" and Word(name) in call.arguments


def _unique(found: Mapping[str, Iterable[str]]) -> Choices:
    unique = {column: tuple(dict.fromkeys(some)) for column, some in found.items()}
    return {column: options for column, options in unique.items() if options}


def _references(spec: Spec, entity: EntityFile) -> Iterator[str]:
    """Yield what the table points to, then the other entities."""
    rows = (rule.row for rule in spec.tables.get(entity.name, ()))
    yield from (row.reference for row in rows if row.reference)
    yield from (one.name for one in spec.use_case.entities if one.name != entity.name)


def _words(column: str) -> list[str]:
    return [word for word in get_args(FieldRow.model_fields[column].annotation) if word]


# -- the Standard


def _paths(standard: Standard, here: Entity) -> Iterator[str]:
    """Yield the fields of an entity, then those of records one step away."""
    yield from _field_names(here.fields)
    for name, reference in here.references.items():
        yield from _behind(f"{name}.", standard.entities[reference.entity])
    for name, selection in here.selections.items():
        step = f"{name}{'[]' * selection.many}."
        yield from _behind(step, standard.entities[selection.child])
    for name, (child, _) in standard.children(here.name).items():
        yield from _behind(f"{name}[].", standard.entities[child])


def _behind(step: str, entity: Entity) -> Iterator[str]:
    return (step + name for name in entity.fields)


def _field_names(fields: Mapping[str, Field], before: str = "") -> Iterator[str]:
    for field in fields.values():
        name = before + field.name
        yield name
        inner = f"{name}[]." if field.type == "list" else f"{name}."
        yield from _field_names(field.item_fields or {}, inner)


def _enum_of(standard: Standard, start: str, path: str) -> list[str]:
    try:
        field = resolve(standard, start, path).field
    except (LanguageError, KeyError):
        return []
    return [str(value) for value in (field and field.enum) or ()]


def _enum_at(schema: Mapping[str, Any], name: str) -> list[str]:
    field = next((f for f in every_field(schema) if f.name == name), None)
    if field is None:
        return []
    items = field.schema.get("items")
    values = (items if isinstance(items, Mapping) else field.schema).get("enum", ())
    return [str(value) for value in values if value is not None]


# -- the language


def _transforms(spec: Spec, here: Entity | None) -> Iterator[str]:
    for name in spec.lists:
        yield f"lookup({name})"
    for name, transform in TRANSFORMS.items():
        if not transform.required:
            yield name
        if name in WITH_ARGUMENTS:
            yield WITH_ARGUMENTS[name]
    for name, setting in spec.use_case.settings.items():
        if setting.type == "mapping":
            yield from (f'rent_items({name}, "{one}")' for one in setting.options)
    if here is not None:
        places = " ".join(f"{{{{ {part} }}}}" for part in here.key)
        yield f'template("{places}")'


def _settings(spec: Spec) -> Iterator[str]:
    return (f"settings.{name}" for name in spec.use_case.settings)


def _conditions(spec: Spec, here: Entity) -> Iterator[str]:
    """Yield conditions that the use case has, and those that one may want."""
    for entity in spec.use_case.entities:
        if as_tuple(entity.erp)[0] == here.name:
            rows = (rule.row for rule in spec.tables.get(entity.name, ()))
            yield from (row.when for row in rows if row.when)
    for name, setting in spec.use_case.settings.items():
        yield from _of_setting(f"settings.{name}", setting)
    for name, predicate in PREDICATES.items():
        if predicate.parameters[0] in here.fields:
            yield f"{name}({', '.join(predicate.parameters)})"
    for field in here.fields.values():
        yield f"{field.name} is not empty"
        yield from (f'{field.name} = "{value}"' for value in field.enum or ())


def _of_setting(path: str, setting: Setting) -> Iterator[str]:
    if setting.type == "boolean":
        yield path
        yield f"not {path}"
    elif setting.type == "choice":
        yield from (f'{path} = "{option}"' for option in setting.options)
