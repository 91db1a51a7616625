"""Formats of a source folder: batches of records in, files and source.yaml out."""

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
from openpyxl import Workbook

from tools.portfolio.columns import COLUMNS, Record

# A row by its columns, or one by its cells where the number of cells is the point.
Row = Record | Sequence[str]
WriteRows = Callable[[Iterable[Row]], None]

XLSX_MOST_UNITS = 300_000

_DECLARATIONS = {
    "csv": """\
format: csv
encoding: utf-8
delimiter: ";"
decimal: ","
thousands: "."
date: DD.MM.YYYY
open_end: ["31.12.9999", "01.01.1753"]
empty: ["*---*", "unbekannt"]
""",
    "ndjson": """\
format: ndjson
encoding: utf-8
date: YYYY-MM-DD
open_end: ["9999-12-31", "1753-01-01"]
empty: ["*---*", "unbekannt"]
""",
    "xlsx": """\
format: xlsx
date: YYYY-MM-DD
open_end: ["9999-12-31", "1753-01-01"]
empty: ["*---*", "unbekannt"]
""",
}
_SIGNS = str.maketrans(",.", ".,")
_FIRST_SHEET_DAY = date(1900, 3, 1)


@contextmanager
def folder_writer(
    folder: Path, form: str, marked: frozenset[str]
) -> Iterator[dict[str, WriteRows]]:
    """
    Open the files of a folder; yields what writes rows, by entity.

    A `marked` CSV file starts with the mark of UTF-8, as Excel saves it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "source.yaml").write_text(_DECLARATIONS[form], encoding="utf-8")
    with ExitStack() as stack:
        yield {
            entity: stack.enter_context(
                FORMATS[form](folder / f"{entity}.{form}", columns, entity in marked)
            )
            for entity, columns in COLUMNS.items()
        }


@contextmanager
def _csv_file(path: Path, columns: Sequence[str], marked: bool) -> Iterator[WriteRows]:
    encoding = "utf-8-sig" if marked else "utf-8"
    with path.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\n")
        writer.writerow(columns)

        def write(rows: Iterable[Row]) -> None:
            writer.writerows(
                [_cell(row.get(column)) for column in columns]
                if isinstance(row, dict)
                else row
                for row in rows
            )

        yield write


@contextmanager
def _ndjson_file(
    path: Path, columns: Sequence[str], _marked: bool
) -> Iterator[WriteRows]:
    options = orjson.OPT_APPEND_NEWLINE
    with path.open("wb") as file:

        def write(rows: Iterable[Record]) -> None:
            for row in rows:
                line = {
                    column: row[column]
                    for column in columns
                    if row.get(column) is not None
                }
                file.write(orjson.dumps(line, default=float, option=options))

        yield write


@contextmanager
def _xlsx_file(
    path: Path, columns: Sequence[str], _marked: bool
) -> Iterator[WriteRows]:
    book = Workbook(write_only=True)
    sheet = book.create_sheet(path.stem[:31])
    sheet.append(columns)

    def write(rows: Iterable[Record]) -> None:
        for row in rows:
            sheet.append([_sheet_cell(row.get(column)) for column in columns])

    yield write
    book.save(path)


FORMATS = {"csv": _csv_file, "ndjson": _ndjson_file, "xlsx": _xlsx_file}


def _cell(value: Any) -> str:
    if value.__class__ is str:
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return _list(value)
    return _written(value)


@lru_cache(maxsize=65536, typed=True)
def _written(value: bool | date | Decimal) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, date):
        return f"{value.day:02}.{value.month:02}.{value.year:04}"
    if isinstance(value, Decimal):
        return f"{value:,}".translate(_SIGNS)
    return str(value)


def _sheet_cell(value: Any) -> Any:
    if isinstance(value, list):
        return _list(value)
    if isinstance(value, date) and value < _FIRST_SHEET_DAY:
        return value.isoformat()
    return value


def _list(items: list[Any]) -> str:
    if all(isinstance(item, str) for item in items):
        return ";".join(items)
    return orjson.dumps(items, default=float).decode()
