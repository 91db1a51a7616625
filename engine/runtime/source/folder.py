"""
The source "folder of files": a folder in, records with their origin out.

One file per entity, named after it; source.yaml says how values are written. A broken
file stops the run, a broken row is a reject and the run goes on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime.source.broken import (
    DECLARE_ENCODING,
    NO_SHEET,
    csv_problems,
    ndjson_problems,
    workbook_problems,
)
from engine.runtime.source.declaration import (
    DECLARATION,
    Format,
    SourceDeclaration,
    read_declaration,
)
from engine.runtime.source.header import read_header, unknown_column
from engine.runtime.source.records import Row, line_records, table_records
from engine.runtime.source.rows import (
    WORKBOOK_ERRORS,
    RawRow,
    csv_rows,
    fitted,
    json_lines,
    sheet_rows,
)
from engine.runtime.source.scalars import Convert
from engine.runtime.source.values import Converters
from engine.standard import Entity, Field, Standard

_FORMATS: Mapping[str, Format] = {".csv": "csv", ".xlsx": "xlsx", ".ndjson": "ndjson"}

_CHECKS: Mapping[Format, Callable[[Path, SourceDeclaration, Entity], list[Problem]]] = {
    "csv": csv_problems,
    "xlsx": workbook_problems,
    "ndjson": ndjson_problems,
}


class FolderSource:
    """Reads the files of a folder; raises SpecError if source.yaml is wrong."""

    def __init__(self, folder: Path, standard: Standard) -> None:
        self.declaration = read_declaration(folder, standard)
        self._standard = standard
        self._warnings: dict[tuple[str, str], Problem] = {}
        self._paths, problems = _files(folder, standard, self.declaration)
        self._warn(problems)
        if found := errors(problems):
            raise SpecError(sort(found))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """Return what is not read, as far as the files have been looked at."""
        return sort(self._warnings.values())

    def entities(self) -> frozenset[str]:
        """Return the names of the entities that a file is there for."""
        return frozenset(self._paths)

    def verify(self) -> None:
        """Raise SpecError with all problems of all files if any of them is broken."""
        found: list[Problem] = []
        for name, path in self._paths.items():
            check = _CHECKS[_FORMATS[path.suffix.lower()]]
            entity = self._standard.entity_by_name(name)
            found += check(path, self.declaration, entity)
        self._warn(found)
        if broken := errors(found):
            raise SpecError(sort(broken))

    def read(self, entity: str) -> Iterator[Row]:
        """
        Yield the rows of an entity, never holding more than a few of them.

        Raises SpecError if there is no file for it, or if it turns out to be broken.
        """
        path = self._paths.get(entity)
        if path is None:
            problem = Problem(Origin(entity), "R001", "there is no file for it.")
            raise SpecError([problem])
        model = self._standard.entity_by_name(entity)
        try:
            if path.suffix.lower() == ".ndjson":
                yield from self._read_lines(path, model)
            else:
                yield from self._read_table(path, model)
        except UnicodeDecodeError as error:
            message = f"{error.reason}; {DECLARE_ENCODING}"
            raise SpecError([Problem(Origin(path.name), "R002", message)]) from None

    def _read_table(self, path: Path, entity: Entity) -> Iterator[Row]:
        build = Converters(self.declaration, entity, self._note(path, entity))
        is_csv = path.suffix.lower() == ".csv"
        converter: Callable[[Field], Convert]
        if is_csv:
            rows, converter = csv_rows(path, self.declaration), build.text_converter
        else:
            rows, converter = _whole(sheet_rows(path), path), build.cell_converter
        header = read_header(path.name, next(rows, None), entity)
        self._warn(header.problems)
        if broken := errors(header.problems):
            raise SpecError(sort(broken))
        columns = [
            (field.name, converter(field)) if field else None for field in header.fields
        ]
        if not is_csv:
            rows = fitted(rows, len(columns))
        yield from table_records(rows, path.name, entity, columns)

    def _read_lines(self, path: Path, entity: Entity) -> Iterator[Row]:
        note = self._note(path, entity)
        build = Converters(self.declaration, entity, note)
        converters = {
            name: build.json_converter(field, strict=True)
            for name, field in entity.fields.items()
        }
        lines = json_lines(path, self.declaration)
        yield from line_records(lines, path.name, entity, converters, note)

    def _note(self, path: Path, entity: Entity) -> Callable[[str], None]:
        """Return what remembers an unknown column, once per file."""

        def note(column: str) -> None:
            if (path.name, column) not in self._warnings:
                self._warn([unknown_column(Origin(path.name, 0, column), entity)])

        return note

    def _warn(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            if problem.level == "warning":
                place = (problem.origin.file, problem.origin.column)
                self._warnings.setdefault(place, problem)


def _files(
    folder: Path, standard: Standard, declaration: SourceDeclaration
) -> tuple[dict[str, Path], list[Problem]]:
    """Return the file of each entity; a leftover that looks like one is a problem."""
    found: dict[str, Path] = {}
    problems: list[Problem] = []
    for path in sorted(folder.iterdir()):
        form = _FORMATS.get(path.suffix.lower())
        if form is None or path.name.startswith((".", "~$")) or not path.is_file():
            continue
        if problem := _not_read(path, form, standard, declaration):
            problems.append(problem)
        elif path.stem in found:
            message = (
                f"{found[path.stem].name} and {path.name} are both there; "
                "declare the format."
            )
            problems.append(Problem(Origin(DECLARATION, 0, "format"), "R006", message))
        else:
            found[path.stem] = path
    return found, problems


def _not_read(
    path: Path, form: Format, standard: Standard, declaration: SourceDeclaration
) -> Problem | None:
    origin = Origin(path.name)
    own = [name for name, entity in standard.entities.items() if not entity.view_of]
    if path.stem not in standard.entities:
        message = "the file is named after no entity and is not read."
        return Problem(origin, "R008", message, did_you_mean(path.stem, own))
    if path.stem not in own:
        base = standard.base(path.stem)
        message = f"the file is not read; its records belong into {base}."
        return Problem(origin, "R008", message)
    if declaration.format not in (None, form):
        message = f"the file is not read; {declaration.format} is declared."
        return Problem(origin, "R008", message)
    return None


def _whole(rows: Iterator[RawRow], path: Path) -> Iterator[RawRow]:
    """Yield the rows of a workbook; raises SpecError where it cannot be read."""
    try:
        yield from rows
    except WORKBOOK_ERRORS:
        raise SpecError([Problem(Origin(path.name), "R004", NO_SHEET)]) from None
