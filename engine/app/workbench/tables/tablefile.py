"""A table as it stands in its file: CSV text in, rows and their text out, and back.

Rows that do not change keep their text to the byte, so a change reads well in git.
"""

import csv
import io
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engine.app.workbench.tables.layout import TableId
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.tables import column_named, decoded, dialect_of

BYTE_ORDER_MARK = "\ufeff"

Cells = Mapping[str, str]
"""The cells of a row that are not empty, by column."""


@dataclass(frozen=True)
class FileRow:
    """A row of a file; `text` is how it is written, with empty lines behind it."""

    cells: Cells
    text: str = ""


@dataclass(frozen=True)
class TableFile:
    """A table; `header` are its columns in their order, `head` the text before rows."""

    table: TableId
    header: tuple[str, ...]
    rows: tuple[FileRow, ...]
    head: str = ""
    delimiter: str = ","
    mark: str = ""
    """The byte order mark, if the file begins with one."""
    line_end: str = "\n"
    stored: bytes | None = field(default=None, compare=False, repr=False)
    """What the file held when it was read; None if there was none."""

    @property
    def cells(self) -> tuple[Cells, ...]:
        return tuple(row.cells for row in self.rows)

    def with_rows(self, rows: Sequence[Cells | FileRow]) -> "TableFile":
        """
        Return the table with other rows; those that it has keep their text.

        A column that it lacks comes before the next one that it has, and then every
        row is written anew.
        """
        used = {column for row in rows for column in _cells(row)}
        header, head = list(self.header), self.head
        for place, column in enumerate(self.table.columns):
            if column in used and column not in header:
                behind = [c for c in self.table.columns[place:] if c in header]
                header.insert(
                    header.index(behind[0]) if behind else len(header), column
                )
                head = ""
        if not head:
            rows = [_cells(row) for row in rows]
        written = [
            row if isinstance(row, FileRow) else FileRow(_filled(row)) for row in rows
        ]
        return replace(self, header=tuple(header), rows=tuple(written), head=head)

    def text(self) -> str:
        """Return the text of the file."""
        parts = [self.mark, self._head()]
        for row in self.rows:
            if not parts[-1].endswith(("\n", "\r")):
                parts.append(self.line_end)
            parts.append(self._text(row))
        return "".join(parts)

    def lines(self) -> list[int]:
        """Return the line of each row in the text, from 1."""
        line = 1 + _count_lines(self._head())
        found = []
        for row in self.rows:
            found.append(line)
            line += _count_lines(self._text(row))
        return found

    def _head(self) -> str:
        return self.head or self._written(self.header)

    def _text(self, row: FileRow) -> str:
        return row.text or self._written(row.cells.get(c, "") for c in self.header)

    def _written(self, cells: Iterable[str]) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=self.delimiter, lineterminator=self.line_end)
        writer.writerow(cells)
        return out.getvalue()


def read_table_file(path: Path, table: TableId) -> TableFile:
    """
    Read a table; one that is not there is empty, with the columns that it may have.

    Its problems are not told here: `feldwerk check` does.
    """
    if not path.is_file():
        return TableFile(table, table.columns, ())
    content = path.read_bytes()
    text, _ = decoded(content, path.name)
    mark = BYTE_ORDER_MARK if content.startswith(BOM_UTF8) else ""
    return replace(table_of_text(mark + text, table), stored=content)


def table_of_text(text: str, table: TableId) -> TableFile:
    """Read a table from the text of its file."""
    mark = BYTE_ORDER_MARK if text.startswith(BYTE_ORDER_MARK) else ""
    text = text.removeprefix(mark)
    dialect = dialect_of(text)
    lines = _lines(text)
    reader = csv.reader(lines, dialect)
    header: tuple[str, ...] = ()
    head, start = "", 0
    rows: list[FileRow] = []
    for cells in _readable(reader, table):
        raw = "".join(lines[start : reader.line_num])
        start = reader.line_num
        if not header:
            head += raw
            header = tuple(column_named(cell) for cell in cells) if any(cells) else ()
        elif row := _filled(dict(zip(header, cells, strict=False))):
            rows.append(FileRow(row, raw))
        elif rows:
            rows[-1] = FileRow(rows[-1].cells, rows[-1].text + raw)
        else:
            head += raw
    if not header:
        return TableFile(table, table.columns, ())
    end = next((ending for ending in ("\r\n", "\n", "\r") if ending in head), "\n")
    delimiter = dialect.delimiter
    return TableFile(table, header, tuple(rows), head, delimiter, mark, end)


def _readable(reader: Iterator[list[str]], table: TableId) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise SpecError([Problem(Origin(table.path), "T105", f"{error}.")]) from None


def _lines(text: str) -> list[str]:
    """Return the lines of a text with their ends, whichever they are."""
    return io.StringIO(text, newline="").readlines()


def _count_lines(text: str) -> int:
    return len(_lines(text))


def _cells(row: Cells | FileRow) -> Cells:
    return row.cells if isinstance(row, FileRow) else row


def _filled(cells: Cells) -> dict[str, str]:
    return {name: text for name, cell in cells.items() if (text := clean(cell))}


def clean(text: str) -> str:
    """Return the text of a cell: no blanks around, lines that end as in sheets."""
    return text.strip().replace("\r\n", "\n").replace("\r", "\n")
