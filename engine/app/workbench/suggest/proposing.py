"""Propose rows for partner fields that have none: a use case and Lessons in.

The rows with most votes that pass the check are proposed, each with its reason. They
are never applied.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.app.payload_fields import PayloadField
from engine.app.workbench.coverage.findings import unmapped
from engine.app.workbench.suggest.lessons import Lesson, Words, learnt, place_of
from engine.app.workbench.suggest.table_check import TableCheck
from engine.app.workbench.suggest.votes import Ballot, Candidate
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import read_table_file
from engine.model import EntityFile, FieldRow
from engine.runtime.library import UseCase
from engine.spec import Folders

ENOUGH = 0.3
"""Rows with fewer votes are not proposed."""

TRIED = 5
"""So many candidates of a field are checked."""

NAMED = 4
"""So many tables are named in a reason."""


@dataclass(frozen=True)
class Suggestion:
    """
    Rows that would fill a field, why, and how many tables say so.

    `tables` of `of` tables with a field of a like name fill it in this way; `share` is
    the part of all votes, by likeness.
    """

    partner_field: str
    required: bool
    rows: tuple[FieldRow, ...]
    reason: str
    note: str
    """The same in German, for the column `note`."""
    tables: int
    of: int
    share: float

    def as_json(self) -> dict[str, Any]:
        rows = [_cells(row, self.note) for row in self.rows]
        return {**vars(self), "rows": rows}


@dataclass(frozen=True)
class Suggestions:
    """What is proposed for a table; of `unknown` fields nobody knows anything."""

    partner: str
    use_case: str
    entity: str
    table: str
    columns: tuple[str, ...]
    found: tuple[Suggestion, ...]
    unknown: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        found = [one.as_json() for one in self.found]
        return {**vars(self), "columns": list(self.columns), "found": found}

    def to_paste(self) -> list[dict[str, str]]:
        """Return the rows with the columns of the table."""
        return [
            {column: cells.get(column, "") for column in self.columns}
            for one in self.found
            for cells in (_cells(row, one.note) for row in one.rows)
        ]


def _cells(row: FieldRow, note: str) -> dict[str, str]:
    return {**row.model_dump(), "note": note}


def suggest(
    use_case: UseCase, entity: EntityFile, lessons: Sequence[Lesson], folders: Folders
) -> Suggestions:
    """Propose rows for the fields of an entity that no row fills."""
    spec = use_case.spec
    schema = spec.schemas.get(entity.resource or entity.name, {})
    rules = spec.tables[entity.name]
    table_check, words = TableCheck(use_case, entity, folders), learnt(lessons)
    found, unknown = [], []
    for open_field in unmapped(schema, rules):
        ballot = Ballot(use_case, place_of(use_case, entity, open_field.name))
        suggestion = _suggestion(ballot, open_field, lessons, words, table_check)
        if suggestion is None:
            unknown.append(open_field.name)
        else:
            found.append(suggestion)
    found.sort(key=lambda one: (not one.required, -one.tables, -one.share))
    return Suggestions(
        partner=spec.partner,
        use_case=spec.name,
        entity=entity.name,
        table=table_check.table.path,
        columns=_columns(folders, table_check.table, found),
        found=tuple(found),
        unknown=tuple(unknown),
    )


def _columns(
    folders: Folders, table: TableId, found: Iterable[Suggestion]
) -> tuple[str, ...]:
    """Return the columns of the file in its order, then those it does not have yet."""
    header = read_table_file(folders.root / table.path, table).header
    cells = [_cells(row, one.note) for one in found for row in one.rows]
    new = {column for row in cells for column, cell in row.items() if cell}
    more = (c for c in table.columns if c in new and c not in header)
    return (*header, *more)


def _suggestion(
    ballot: Ballot,
    open_field: PayloadField,
    lessons: Sequence[Lesson],
    words: Words,
    table_check: TableCheck,
) -> Suggestion | None:
    ranked = ballot.candidates(lessons, words)
    total = sum(one.votes for one in ranked)
    asked = {one.table for candidate in ranked for one in candidate.lessons}
    for candidate in ranked[:TRIED]:
        if candidate.votes < ENOUGH:
            break
        rows = table_check.passed(candidate.rows, is_required=open_field.required)
        if rows is not None:
            told = sorted({lesson.table for lesson in candidate.lessons})
            reason, note = _reasons(candidate, told, len(asked))
            share = round(candidate.votes / total, 3)
            return Suggestion(
                open_field.name,
                open_field.required,
                rows,
                reason,
                note,
                len(told),
                len(asked),
                share,
            )
    return None


def _reasons(candidate: Candidate, told: list[str], of: int) -> tuple[str, str]:
    """Return the reason in English and in German."""
    english, german = [], []
    if told:
        names = ", ".join(told[:NAMED]) + ", ..." * (len(told) > NAMED)
        english.append(f"{len(told)} of {of} tables with such a field do so: {names}")
        german.append(f"{len(told)} von {of} Tabellen machen es so: {names}")
    if candidate.reference:
        english.append(f"the partner wants the ID of '{candidate.reference}' here")
        german.append(f"das Schema verlangt die ID von {candidate.reference}")
    if candidate.standard:
        english.append(f"the Standard's '{candidate.standard}' has such a name")
        german.append(f"das Standardfeld {candidate.standard} heißt so")
    return "; ".join(english), f"Vorschlag: {'; '.join(german)}"
