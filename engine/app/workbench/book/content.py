"""Gather what a workbook shows of specs: folders in, use cases with their tables out.

What is wrong with a spec does not stop it: people repair it in the workbook. Only files
that cannot be read at all do.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.app.catalogue import Checked, chosen
from engine.app.workbench.book.choices import field_choices, list_choices
from engine.app.workbench.book.choices_tab import Offers
from engine.app.workbench.book.contract_fields import (
    ContractField,
    contract_fields,
    to_fill,
)
from engine.app.workbench.book.cover import entity_words, used_by
from engine.app.workbench.book.table_tab import TableTab
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import TableFile, read_table_file
from engine.errors import SpecError
from engine.problems import Origin, Problem, errors, sort
from engine.related import relate
from engine.runtime.library import standard_of
from engine.runtime.text_cell import LONGEST
from engine.spec import Folders, Spec, read_spec
from engine.standard import Standard

MOST_ROWS = 1_000_000
"""A sheet has some more: for the titles, and for what people add."""


@dataclass(frozen=True)
class Case:
    """A use case and its tables: those of its entities, then its lists."""

    spec: Spec
    standard: Standard
    files: tuple[TableFile, ...]
    notices: tuple[Problem, ...]


def chosen_cases(
    folders: Folders, known: Sequence[Checked], partners: Iterable[str]
) -> list[Case]:
    """
    Return the use cases of some partners, or of all.

    Raises SpecError with all that has no place in a workbook.
    """
    problems: list[Problem] = []
    found = chosen(known, partners, folders)
    cases = [_case(folders, one, problems) for one in found]
    if problems:
        raise SpecError(sort(problems))
    return [case for case in cases if case is not None]


def _case(folders: Folders, one: Checked, problems: list[Problem]) -> Case | None:
    if one.use_case is not None:
        spec, standard = one.use_case.spec, one.use_case.standard
    else:
        found, wrong = read_spec(folders, one.partner, one.name)
        if found is None:
            problems += errors(wrong)
            return None
        spec, standard = found, relate(found, standard_of(folders), [])
    entities = [e.name for e in spec.use_case.entities]
    tables = [TableId(spec.partner, spec.name, name) for name in entities]
    tables += [TableId(spec.partner, spec.name, n, is_list=True) for n in spec.lists]
    files = [_read(folders, table, problems) for table in tables]
    notices = tuple(_notices(folders, spec, one))
    return Case(spec, standard, tuple(f for f in files if f is not None), notices)


def _read(
    folders: Folders, table: TableId, problems: list[Problem]
) -> TableFile | None:
    """Read a table; None if a sheet cannot hold it."""
    try:
        file = read_table_file(folders.root / table.path, table)
    except OSError as error:
        message = f"cannot be read: {error.strerror}."
        problems.append(Problem(Origin(table.path), "S011", message))
        return None
    except SpecError as error:
        problems.extend(error.problems)
        return None
    if len(file.rows) > MOST_ROWS:
        message = f"has {len(file.rows)} rows."
        problems.append(Problem(Origin(table.path), "S011", message))
    for line, row in zip(file.lines(), file.cells, strict=True):
        for column, cell in row.items():
            if len(cell) > LONGEST:
                place = Origin(table.path, line, column)
                message = f"has {len(cell)} characters."
                problems.append(Problem(place, "S011", message))
    return file


def _notices(folders: Folders, spec: Spec, one: Checked) -> Iterator[Problem]:
    """Say what the workbook lacks because the spec is not sound."""
    place = folders.mappings(spec.partner) / spec.name
    if not one.is_sound:
        count = len(errors(one.problems))
        message = f"has {count} errors, so it is not in the overview."
        yield Problem(Origin(folders.name(place)), "S012", message)
    for entity in spec.use_case.entities:
        if (entity.resource or entity.name) not in spec.schemas:
            message = "there is no payload schema: its fields are not shown."
            yield Problem(Origin(folders.name(place / entity.name)), "S012", message)
    known = {entity.name for entity in spec.use_case.entities}
    for path in sorted(place.glob("*.csv")):
        if path.stem not in known:
            message = "no entity has this table, so the workbook has no tab of it."
            yield Problem(Origin(folders.name(path)), "S012", message)


# -- tabs


def tabs_of(
    case: Case, names: Mapping[TableId, str], offers: Offers
) -> Iterator[TableTab]:
    """Yield what the tabs of a use case show."""
    entities = {entity.name: entity for entity in case.spec.use_case.entities}
    for file in case.files:
        table = file.table
        if table.is_list:
            choices = list_choices(case.spec, case.standard, table.name)
            label = f"Werteliste für {used_by(case.spec, table.name)}"
            fields: dict[str, ContractField] = {}
            unfilled: list[ContractField] = []
        else:
            entity = entities[table.name]
            schema = case.spec.schemas.get(entity.resource or entity.name, {})
            choices = field_choices(case.spec, case.standard, entity)
            label = " → ".join(entity_words(case.spec, case.standard, entity))
            filled = {row.get("partner_field") for row in file.cells}
            fields = contract_fields(schema)
            unfilled = [one for one in to_fill(schema) if one.name not in filled]
        name = names[table]
        yield TableTab(name, label, file, fields, unfilled, offers.ranges(choices))
