"""Records of a source: raw rows and converters in, records with their problems out."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.errors import RecordError
from engine.problems import Origin, Problem, sort
from engine.runtime.source.rows import RawRow
from engine.runtime.source.scalars import Convert
from engine.standard import Entity


@dataclass(frozen=True)
class Row:
    """
    One row of a file: what could be read of it, and what is wrong with it.

    A field that is empty is not in the record. A row with a problem is a reject.
    """

    origin: Origin
    record: dict[str, Any]
    problems: tuple[Problem, ...] = ()


def table_records(
    rows: Iterable[RawRow],
    file: str,
    entity: Entity,
    columns: Sequence[tuple[str, Convert] | None],
) -> Iterator[Row]:
    """Convert the rows of a table; a column that is None is not read."""
    needed = _needed(entity)
    width = len(columns)
    read = [(index, *column) for index, column in enumerate(columns) if column]
    for line, cells in rows:
        origin = Origin(file, line)
        if isinstance(cells, RecordError):
            problem = Problem(origin, cells.code, f"the row {cells.message}.")
            yield Row(origin, {}, (problem,))
        elif len(cells) != width:
            message = f"the row has {len(cells)} cells, the header has {width}."
            yield Row(origin, {}, (Problem(origin, "R103", message),))
        else:
            record: dict[str, Any] = {}
            problems: list[Problem] = []
            for index, name, convert in read:
                cell = cells[index]
                if cell is None or cell == "":
                    continue
                try:
                    value = convert(cell)
                except RecordError as error:
                    problems.append(_problem(origin, name, error))
                else:
                    if value is not None:
                        record[name] = value
            yield _row(origin, record, problems, needed)


def line_records(
    lines: Iterable[tuple[int, str]],
    file: str,
    entity: Entity,
    converters: Mapping[str, Convert],
    note: Callable[[str], None],
) -> Iterator[Row]:
    """Convert the lines of an NDJSON file; `note` hears of each unknown field."""
    needed = _needed(entity)
    for line, text in lines:
        origin = Origin(file, line)
        try:
            written = orjson.loads(text)
        except ValueError:
            written = None
        if not isinstance(written, dict):
            problem = Problem(origin, "R106", "the line is no JSON object.")
            yield Row(origin, {}, (problem,))
            continue
        record: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, cell in written.items():
            if name not in converters:
                note(name)
                continue
            try:
                value = converters[name](cell)
            except RecordError as error:
                problems.append(_problem(origin, name, error))
            else:
                if value is not None:
                    record[name] = value
        yield _row(origin, record, problems, needed)


def _row(
    origin: Origin,
    record: dict[str, Any],
    problems: list[Problem],
    needed: frozenset[str],
) -> Row:
    if not needed <= record.keys():
        refused = {problem.origin.column for problem in problems}
        for name in needed - record.keys() - refused:
            place = Origin(origin.file, origin.line, name)
            problems.append(
                Problem(place, "R102", f"the key part '{name}' is missing.")
            )
    return Row(origin, record, sort(problems) if problems else ())


def _problem(origin: Origin, name: str, error: RecordError) -> Problem:
    place = Origin(origin.file, origin.line, name)
    return Problem(place, error.code, f"'{name}' {error.message}.")


def _needed(entity: Entity) -> frozenset[str]:
    """Return the key fields that no record can do without."""
    return frozenset(name for name in entity.key if entity.fields[name].required)
