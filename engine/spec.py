"""Read a spec: the files of one partner's use case in, a frozen Spec and problems out.

Nothing is interpreted here; `engine.check` says what the cells mean.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema.exceptions import SchemaError
from pydantic import ValidationError

from engine.metaschema import check_schema
from engine.model import FieldRow, ListRow, PartnerFile, UseCaseFile
from engine.problems import Origin, Problem, did_you_mean
from engine.spoiled import oddity
from engine.tables import TableRow, read_table
from engine.yamlfile import YamlFile, parse_model, read_yaml


@dataclass(frozen=True)
class Folders:
    """Where the files of all specs stand below one root."""

    root: Path

    @property
    def standard(self) -> Path:
        return self.root / "schemas" / "standard"

    def connector(self, partner: str) -> Path:
        return self.root / "connectors" / "partners" / f"{partner}.yaml"

    def schemas(self, partner: str) -> Path:
        return self.root / "schemas" / "partners" / partner

    def mappings(self, partner: str) -> Path:
        return self.root / "mappings" / "partners" / partner

    def name(self, path: Path) -> str:
        """Return a path as problems show it: relative to the root."""
        return path.relative_to(self.root).as_posix()

    def partners(self) -> list[str]:
        """Return every partner that any file is there for, in order."""
        names = {p.stem for p in (self.root / "connectors/partners").glob("*.yaml")}
        for folder in ("mappings/partners", "schemas/partners"):
            names |= {p.name for p in (self.root / folder).glob("*") if p.is_dir()}
        return sorted(names)

    def use_cases(self, partner: str) -> list[str]:
        """Return the use cases of a partner, in order."""
        folders = self.mappings(partner).glob("*")
        return sorted(p.name for p in folders if p.is_dir())


@dataclass(frozen=True)
class FieldRule:
    """A row of a field table and its place."""

    row: FieldRow
    origin: Origin

    def at(self, column: str) -> Origin:
        return Origin(self.origin.file, self.origin.line, column)


@dataclass(frozen=True)
class ValueList:
    """A value list: folded ERP value -> partner value; `*` for all others."""

    name: str
    entries: Mapping[str, str]
    origins: Mapping[str, Origin] = field(default_factory=dict)
    """Folded ERP value -> the place of its partner value."""


@dataclass(frozen=True)
class Spec:
    """Everything the files say of one use case of one partner."""

    partner: str
    name: str
    page: PartnerFile
    use_case: UseCaseFile
    use_case_yaml: YamlFile
    tables: Mapping[str, tuple[FieldRule, ...]]
    lists: Mapping[str, ValueList]
    schemas: Mapping[str, Mapping[str, Any]]


def read_spec(
    folders: Folders, partner: str, use_case: str
) -> tuple[Spec | None, list[Problem]]:
    """Read one use case of a partner; None if its two YAML files cannot be used."""
    problems: list[Problem] = []
    here = folders.mappings(partner)
    page = _read_model(folders, here / "partner.yaml", PartnerFile, problems)[0]
    case, case_yaml = _read_model(
        folders, here / use_case / "use_case.yaml", UseCaseFile, problems
    )
    lists = _read_lists(folders, here / use_case / "lists", problems)
    schemas = read_schemas(folders, folders.schemas(partner), problems)
    if page is None or case is None:
        return None, problems
    tables = {}
    for entity in case.entities:
        path = here / use_case / f"{entity.name}.csv"
        tables[entity.name] = _read_fields(path, folders.name(path), problems)
    problems.extend(_strays(folders, here / use_case, tables))
    spec = Spec(partner, use_case, page, case, case_yaml, tables, lists, schemas)
    return spec, problems


def _read_model(
    folders: Folders, path: Path, model: Any, problems: list[Problem]
) -> tuple[Any, YamlFile]:
    file, found = read_yaml(path, folders.name(path))
    problems.extend(found)
    if found:
        return None, file
    value, found = parse_model(file, model)
    problems.extend(found)
    return value, file


def _read_fields(
    path: Path, name: str, problems: list[Problem]
) -> tuple[FieldRule, ...]:
    columns = list(FieldRow.model_fields)
    rows, found = read_table(path, name, columns, ["partner_field"])
    problems.extend([*found, *_oddities(rows)])
    rules = []
    for row in rows:
        value = _row_model(row, FieldRow, problems)
        if value is not None:
            rules.append(FieldRule(value, row.origin))
    return tuple(rules)


def _oddities(rows: Iterable[TableRow]) -> list[Problem]:
    """Find values that a spreadsheet may have changed when it opened the table."""
    return [
        Problem(row.at(column), "T107", found.message, found.suggestion)
        for row in rows
        for column, text in row.cells.items()
        if (found := oddity(column, text))
    ]


def _row_model(row: TableRow, model: Any, problems: list[Problem]) -> Any:
    cells = {k: v for k, v in row.cells.items() if k in model.model_fields}
    try:
        return model.model_validate(cells)
    except ValidationError as error:
        for details in error.errors():
            column = str(details["loc"][0])
            allowed = str(details.get("ctx", {}).get("expected", "")).split(" or ")
            known = [word.strip("'") for part in allowed for word in part.split(", ")]
            value = str(row.cells.get(column, ""))
            hint = did_you_mean(value, known)
            message = f"'{value}' is none of {', '.join(filter(None, known))}."
            problems.append(Problem(row.at(column), "T004", message, hint))
        return None


def _read_lists(
    folders: Folders, folder: Path, problems: list[Problem]
) -> dict[str, ValueList]:
    columns = list(ListRow.model_fields)
    lists = {}
    for path in sorted(folder.glob("*.csv")):
        rows, found = read_table(path, folders.name(path), columns, columns[:2])
        problems.extend([*found, *_oddities(rows)])
        entries: dict[str, str] = {}
        origins: dict[str, Origin] = {}
        for row in rows:
            key = row.cells.get("erp_value", "").strip().casefold()
            if not key:
                message = "the row has no ERP value."
                problems.append(Problem(row.at("erp_value"), "T204", message))
            elif key in entries:
                message = f"'{row.cells['erp_value']}' stands here twice."
                problems.append(Problem(row.at("erp_value"), "T201", message))
            entries[key] = row.cells.get("partner_value", "")
            origins[key] = row.at("partner_value")
        lists[path.stem] = ValueList(path.stem, entries, origins)
    return lists


def read_schemas(
    folders: Folders, folder: Path, problems: list[Problem]
) -> dict[str, Mapping[str, Any]]:
    """Read the schemas of a folder, by name; what is wrong is added to `problems`."""
    schemas: dict[str, Mapping[str, Any]] = {}
    for path in sorted(folder.glob("*.json")):
        name = folders.name(path)
        try:
            schema = json.loads(path.read_text("utf-8"))
            check_schema(schema)
        except UnicodeDecodeError as error:
            problems.append(Problem(Origin(name), "T002", f"{error}."))
        except json.JSONDecodeError as error:
            problems.append(
                Problem(Origin(name, error.lineno), "T005", f"{error.msg}.")
            )
        except SchemaError as error:
            place = Origin(name, 0, "/".join(map(str, error.absolute_path)))
            problems.append(Problem(place, "C001", f"{error.message}."))
        else:
            if _refers(schema):
                problems.append(Problem(Origin(name), "C002", "uses $ref."))
            elif isinstance(schema, dict):
                schemas[path.stem] = schema
            else:
                problems.append(Problem(Origin(name), "C001", "is not an object."))
    return schemas


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return "$ref" in schema or any(_refers(inner) for inner in schema.values())
    return isinstance(schema, list) and any(_refers(inner) for inner in schema)


def _strays(folders: Folders, folder: Path, known: Iterable[str]) -> list[Problem]:
    """Find tables that no entity names: most likely a misspelt file name."""
    return [
        Problem(
            Origin(folders.name(path)),
            "T202",
            f"no entity of use_case.yaml is named '{path.stem}'.",
            did_you_mean(path.stem, known),
        )
        for path in sorted(folder.glob("*.csv"))
        if path.stem not in known
    ]
