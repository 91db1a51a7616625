"""Which tables a root has, and which a use case may have: folders in, TableIds out."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.sheettable import SheetTable
from engine.problems import Problem, did_you_mean
from engine.spec import Folders
from engine.yamlfile import read_yaml


def tables_there(folders: Folders) -> Iterator[TableId]:
    """Yield every table that has a file."""
    root = folders.root / "mappings" / "partners"
    for path in sorted(root.glob("*/*/*.csv")):
        yield TableId(path.parts[-3], path.parts[-2], path.stem)
    for path in sorted(root.glob("*/*/lists/*.csv")):
        yield TableId(path.parts[-4], path.parts[-3], path.stem, is_list=True)


def misplaced(folders: Folders, tables: Iterable[SheetTable]) -> list[Problem]:
    """Return a problem for each table that no partner, use case or entity has."""
    known = _Known(folders)
    return [problem for sheet in tables if (problem := known.problem(sheet))]


class _Known:
    """The partners, use cases and entities of a root, read when they are asked for."""

    def __init__(self, folders: Folders) -> None:
        self.folders = folders
        self._entities: dict[tuple[str, str], list[str]] = {}

    @cached_property
    def partners(self) -> list[str]:
        return self.folders.partners()

    def problem(self, sheet: SheetTable) -> Problem | None:
        for what, name, known in self._steps(sheet.table):
            if name not in known:
                hint = did_you_mean(name, known) or f"There are: {', '.join(known)}."
                message = f"'{sheet.table}' is no table: no {what} is named '{name}'."
                return Problem(sheet.at(1), "S026", message, hint)
        return None

    def _steps(self, table: TableId) -> Iterator[tuple[str, str, list[str]]]:
        """Yield the parts of an identity, each with those that there are."""
        yield "partner", table.partner, self.partners
        yield "use case", table.use_case, self.folders.use_cases(table.partner)
        if not table.is_list:
            entities = self.entities(table.partner, table.use_case)
            yield "entity", table.name, entities

    def entities(self, partner: str, use_case: str) -> list[str]:
        """Return the entities of a use case; its tables if its file cannot be read."""
        if (partner, use_case) not in self._entities:
            here = self.folders.mappings(partner) / use_case
            path = here / "use_case.yaml"
            data: Any = read_yaml(path, self.folders.name(path))[0].data
            entities = data.get("entities") if isinstance(data, dict) else None
            names = [
                str(entity["name"])
                for entity in (entities if isinstance(entities, list) else ())
                if isinstance(entity, dict) and "name" in entity
            ]
            tables = [path.stem for path in sorted(here.glob("*.csv"))]
            self._entities[partner, use_case] = names or tables
        return self._entities[partner, use_case]
