"""What the last runs could not send, by the table row that was behind it.

A state database in, causes with their rows out. A row is told as it was when the run
used it: the table may have changed since.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.app.lines import counted
from engine.app.options import get_database
from engine.app.rejects import Group, groups, open_rejects
from engine.app.workbench.tables.layout import TableId, table_id
from engine.app.workbench.tables.tablefile import Cells, read_table_file, table_of_text
from engine.runtime.deployed import deployed
from engine.runtime.state import State
from engine.spec import Folders

_ROW = re.compile(
    r"mappings/partners/(?P<table>[^:]+)\.csv:(?P<line>\d+)(?: \[(?P<column>\w+)\])?$"
)


@dataclass(frozen=True)
class Refusal:
    """
    A cause for which records were not sent or not taken, and its table row.

    The message counts the records and shows one as the state has it: personal values
    are masked there.
    """

    table: TableId
    row: Cells
    column: str
    code: str
    message: str


def known_refusals(database: str, folders: Folders) -> list[Refusal]:
    """Return what the last runs of all activations left open at rows of tables."""
    with State(get_database(database), read_only=True) as state:
        return list(_refusals(state, folders))


def _refusals(state: State, folders: Folders) -> Iterator[Refusal]:
    rows: dict[tuple[str, str], Mapping[int, Cells]] = {}
    for group in groups(open_rejects(state, datetime.now(UTC))):
        place = _ROW.search(group.cause.row)
        table = table_id(place["table"]) if place else None
        if place is None or table is None:
            continue
        known = (group.activation, table.path)
        if known not in rows:
            rows[known] = _rows(state, folders, group.activation, table)
        row = rows[known].get(int(place["line"]))
        if row is not None:
            column = place["column"] or ""
            yield Refusal(table, row, column, group.cause.code, _message(group))


def _rows(
    state: State, folders: Folders, activation: str, table: TableId
) -> Mapping[int, Cells]:
    """Return the rows of a table by line, as the activation's last run used it."""
    used = deployed(state.engine, activation)
    text = used.spec.files.get(table.path) if used else None
    if text is None:
        file = read_table_file(folders.root / table.path, table)
    else:
        file = table_of_text(text, table)
    return dict(zip(file.lines(), file.cells, strict=True))


def _message(group: Group) -> str:
    first = group.cause.rejects[0].message
    records = counted(group.count, "record")
    sample = f"for example: {first}" if group.count > 1 else first
    return f"{records} of {group.activation}, {sample}"
