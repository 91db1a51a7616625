"""Read a table of a spec: a CSV file in, rows with their origin and problems out.

Tolerates what spreadsheets write: `;`, tab, a byte order mark, CRLF, cp1252 with a
notice, German column titles, empty rows, other column orders. A cell is always text.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.problems import Origin, Problem, did_you_mean

TITLES: Mapping[str, str] = {
    "partner_field": "Partnerfeld",
    "erp_field": "ERP-Feld",
    "transform": "Umwandlung",
    "id_parts": "ID-Teile",
    "reference": "Verweis",
    "when": "Bedingung",
    "default": "Standardwert",
    "if_empty": "Wenn leer",
    "if_wrong": "Wenn falsch",
    "write": "Schreiben",
    "example": "Beispiel",
    "expected": "Erwartet",
    "note": "Notiz",
    "erp_value": "ERP-Wert",
    "partner_value": "Partnerwert",
}
"""Column -> its German title."""

GERMAN_TITLES = {title.casefold(): column for column, title in TITLES.items()}


@dataclass(frozen=True)
class TableRow:
    """One row: its cells by column, and its place."""

    origin: Origin
    cells: Mapping[str, str]

    def at(self, column: str) -> Origin:
        return Origin(self.origin.file, self.origin.line, column)


def read_table(
    path: Path, name: str, columns: Sequence[str], required: Sequence[str]
) -> tuple[tuple[TableRow, ...], list[Problem]]:
    """Read a table; rows without any cell are passed over."""
    try:
        content = path.read_bytes()
    except OSError:
        return (), [Problem(Origin(name), "T001", "not found.")]
    text, problems = decoded(content, name)
    reader = csv.reader(io.StringIO(text, newline=""), dialect_of(text), strict=True)
    rows: list[TableRow] = []
    header: list[str] | None = None
    try:
        while True:
            line = reader.line_num + 1
            cells = [cell.strip() for cell in next(reader)]
            if not any(cells):
                continue
            if header is None:
                header, found = _header(cells, Origin(name, line), columns, required)
                problems.extend(found)
                continue
            if any(cells[len(header) :]):
                message = f"has {len(cells)} cells, the header has {len(header)}."
                problems.append(Problem(Origin(name, line), "T104", message))
            row = dict(zip(header, cells, strict=False))
            rows.append(TableRow(Origin(name, line), row))
    except StopIteration:
        pass
    except csv.Error as error:
        problems.append(Problem(Origin(name, line), "T105", f"{error}."))
    if header is None:
        problems.append(Problem(Origin(name, 1), "T102", "the table has no header."))
    return tuple(rows), problems


def decoded(content: bytes, name: str) -> tuple[str, list[Problem]]:
    """Return the text of a file: UTF-8, or cp1252 with a notice."""
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        notice = Problem(Origin(name, line), "T006", "is not UTF-8, read as cp1252.")
        return content.decode("cp1252", errors="replace"), [notice]


def dialect_of(text: str) -> type[csv.Dialect]:
    """Return the CSV dialect of a text, by the delimiters in its header."""
    first = next(iter(text.lstrip("\r\n").splitlines()), "")
    counts = {mark: first.count(mark) for mark in (",", ";", "\t")}

    class Found(csv.excel):
        delimiter = max(counts, key=lambda mark: counts[mark])

    return Found


def column_named(title: str) -> str:
    """Return the column that a title names; an unknown one names itself."""
    name = title.strip().casefold()
    return GERMAN_TITLES.get(name, name)


def _header(
    cells: list[str], origin: Origin, columns: Sequence[str], required: Sequence[str]
) -> tuple[list[str], list[Problem]]:
    names = [column_named(cell) for cell in cells]
    problems = []
    for name in dict.fromkeys(names):
        place = Origin(origin.file, origin.line, name)
        if name and name not in columns:
            hint = did_you_mean(name, columns)
            problems.append(
                Problem(place, "T101", f"no column is named '{name}'.", hint)
            )
        if name and names.count(name) > 1:
            problems.append(Problem(place, "T103", f"'{name}' occurs twice."))
    problems.extend(
        Problem(Origin(origin.file, origin.line, name), "T102", f"'{name}' is missing.")
        for name in required
        if name not in names
    )
    return names, problems
