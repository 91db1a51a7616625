"""Keep in a workbook what its tables were: table files in, a hidden tab out, and back.

With it an import knows what people have changed since, and what was changed in the
files meanwhile.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from engine.app.workbench.tables.layout import TableId, table_id
from engine.app.workbench.tables.tablefile import Cells, TableFile, table_of_text
from engine.errors import SpecError
from engine.runtime.text_cell import set_text

FORMAT = "1"
"""The version of this tab; what another one says is not read."""

LONGEST_PART = 30_000
"""Spreadsheets hold 32,767 characters in a cell, some of them count other units."""

_HEAD = "feldwerk"


def write_memory(sheet: Any, files: Iterable[TableFile]) -> None:
    """Write what tables are into the tab."""
    for line, texts in enumerate(memory_rows(files), 1):
        for column, text in enumerate(texts, 1):
            set_text(sheet.cell(line, column), text)


def memory_rows(files: Iterable[TableFile]) -> Iterator[list[str]]:
    """
    Yield the rows of the tab: of each table its identity, and its text in parts.

    The text is JSON, so it has no line breaks that a program could write anew.
    """
    yield [_HEAD, FORMAT]
    for file in files:
        # A sheet cannot hold control characters: without them here none are missed.
        text = ILLEGAL_CHARACTERS_RE.sub("", file.text())
        yield [str(file.table), *_parts(orjson.dumps(text).decode())]


def _parts(text: str) -> Iterable[str]:
    starts = range(0, len(text), LONGEST_PART)
    return (text[start : start + LONGEST_PART] for start in starts)


def memory_of(rows: Iterable[Sequence[Any]]) -> dict[TableId, tuple[Cells, ...]]:
    """
    Return the rows that each table had, from the values of the tab.

    Of a row that was damaged nothing is known.
    Nothing is known either if the tab is of another version.
    """
    remaining = iter(rows)
    if tuple(next(remaining, ()))[:2] != (_HEAD, FORMAT):
        return {}
    found = {}
    for name, *parts in remaining:
        table = table_id(str(name or ""))
        try:
            text = orjson.loads("".join(str(part) for part in parts if part))
            if table is not None and isinstance(text, str):
                found[table] = table_of_text(text, table).cells
        except (orjson.JSONDecodeError, SpecError):
            continue
    return found
