"""The header of a table: its column names in, fields and problems out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from engine.errors import RecordError
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.source.rows import RawRow
from engine.runtime.source.texts import clean
from engine.standard import Entity, Field


@dataclass(frozen=True)
class Header:
    """The field of each column, or None for one that is not read; and the problems."""

    fields: tuple[Field | None, ...]
    problems: tuple[Problem, ...]


def read_header(file: str, first: RawRow | None, entity: Entity) -> Header:
    """Match the first row of a file with the fields of its entity, by their names."""
    if first is None:
        problem = Problem(Origin(file), "R005", "the file is empty, without a header.")
        return Header((), (problem,))
    line, cells = first
    try:
        if isinstance(cells, RecordError):
            raise cells
        names = [clean("" if cell is None else str(cell)) for cell in cells]
    except RecordError as error:
        problem = Problem(Origin(file, line), "R005", f"the header {error.message}.")
        return Header((), (problem,))
    while names and names[-1] == "" and cells[len(names) - 1] is None:
        names.pop()  # a workbook's row may be wider than its header
    fields = tuple(entity.fields.get(name) for name in names)
    if not any(fields):
        # Its cells are not shown: without a header they are someone's data.
        message = f"the first row names no field of {entity.name}; is it a header?"
        return Header((), (Problem(Origin(file, line), "R005", message),))
    return Header(fields, tuple(_problems(Origin(file, line), names, entity)))


def _problems(place: Origin, names: Sequence[str], entity: Entity) -> Iterator[Problem]:
    for number, name in enumerate(names, 1):
        origin = Origin(place.file, place.line, name)
        if not name:
            message = f"column {number} has no name and is not read."
            yield Problem(origin, "R007", message)
        elif name in names[: number - 1]:
            yield Problem(origin, "R005", f"the column '{name}' occurs twice.")
        elif name not in entity.fields:
            yield unknown_column(origin, entity)
    for part in entity.key:
        if entity.fields[part].required and part not in names:
            message = f"the key column '{part}' is missing."
            hint = did_you_mean(part, [n for n in names if n not in entity.fields])
            yield Problem(Origin(place.file, place.line, part), "R005", message, hint)


def unknown_column(origin: Origin, entity: Entity) -> Problem:
    """Return the warning that a column is not read."""
    message = f"'{origin.column}' is no field of {entity.name} and is not read."
    return Problem(origin, "R007", message, did_you_mean(origin.column, entity.fields))
