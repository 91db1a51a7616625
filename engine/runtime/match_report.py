"""The report of a match as a file: rows in, JSON or a workbook out, and back again.

It holds keys, ids and the names of the fields that agree, never a value. In a workbook
a person decides: `accept` is yes or no, `partner_id` one of the candidates.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import orjson
from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.matching import MatchRow
from engine.runtime.text_cell import text_cell

COLUMNS = (
    *("entity", "state", "key", "our_id", "partner_id"),
    *("fields", "candidates", "accept"),
)
_WIDTHS = (24, 12, 26, 26, 38, 30, 40, 10)
_HEADER, _ROWS = "report", "records"
_ANSWERS = {"yes": True, "ja": True, "no": False, "nein": False, "": None}
_NAMES = ("activation", "file", "spec_version", "digest")
_DECIDED = ("exact", "probable", "ambiguous")


@dataclass(frozen=True)
class Decision:
    """A row of a report, and what a person wrote into it."""

    state: str
    partner_id: Any = None
    accept: bool | None = None
    line: int = 0


@dataclass(frozen=True)
class MatchReport:
    """A saved report: what it was made of, and its rows by entity and key."""

    kind = "feldwerk match"

    path: str
    activation: str
    file: str
    spec_version: str
    digest: str
    decisions: Mapping[tuple[str, str], Decision] = field(repr=False)

    def count(self, entity: str) -> int:
        """Return how many rows of an entity can be adopted."""
        return sum(name == entity for name, _ in self.decisions)


def as_row(row: MatchRow) -> dict[str, Any]:
    """Return a row as JSON shows it: what is empty is left out."""
    shown: dict[str, Any] = {"entity": row.entity, "state": row.state}
    if row.key:
        shown["key"] = row.key
    if row.our_id:
        shown["our_id"] = row.our_id
    if row.partner_id is not None:
        shown["partner_id"] = row.partner_id
    if row.fields:
        shown["fields"] = list(row.fields)
    if row.candidates:
        shown["candidates"] = list(row.candidates)
    return shown


def write_json(
    header: Mapping[str, Any],
    rows: Iterator[MatchRow],
    write: Callable[[bytes], Any],
) -> None:
    """Write a report as JSON, row by row."""
    write(orjson.dumps(header, option=orjson.OPT_INDENT_2)[: -len("\n}")])
    write(b',\n  "rows": [')
    for number, row in enumerate(rows):
        write(b",\n    " if number else b"\n    ")
        write(orjson.dumps(as_row(row)))
    write(b"\n  ]\n}\n")


def write_report(
    path: Path, header: Mapping[str, Any], rows: Iterator[MatchRow]
) -> None:
    """Write a report; its name ends in .json or .xlsx."""
    if path.suffix.lower() == ".xlsx":
        _write_workbook(path, header, rows)
        return
    with path.open("wb") as file:
        write_json(header, rows, file.write)


def need_writable(path: Path, *suffixes: str) -> None:
    """Raise SpecError if a report of some kinds cannot be written to a path."""
    if path.suffix.lower() not in suffixes:
        raise _unusable(path, f"its name must end in {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise _unusable(path, "there is no such folder")


def read_report(path: Path) -> MatchReport:
    """Read a saved report; raises SpecError with all that is wrong with it."""
    if not path.is_file():
        raise _unusable(path, "there is no such file")
    if path.suffix.lower() == ".xlsx":
        return _read_workbook(path)
    try:
        found = orjson.loads(path.read_bytes())
        decisions = {
            (row["entity"], row["key"]): Decision(row["state"], row.get("partner_id"))
            for row in found["rows"]
            if row["state"] in _DECIDED
        }
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise _unusable(path, "it is no report") from error
    return _report(path, found, decisions)


def _report(
    path: Path,
    header: Mapping[str, Any],
    decisions: Mapping[tuple[str, str], Decision],
) -> MatchReport:
    known = {name: str(header[name]) for name in _NAMES if header.get(name)}
    if header.get("report") != MatchReport.kind or len(known) < len(_NAMES):
        raise _unusable(path, "it is no report of `feldwerk match`")
    return MatchReport(str(path), **known, decisions=decisions)


def _write_workbook(
    path: Path, header: Mapping[str, Any], rows: Iterator[MatchRow]
) -> None:
    book = Workbook(write_only=True)
    first = book.create_sheet(_HEADER)
    for name, value in header.items():
        if name != "entities":
            first.append([_text(first, name), _text(first, value)])
    first.append([])
    figures = list(next(iter(header["entities"].values()), {}))
    first.append([_text(first, name) for name in ("entity", *figures)])
    for name, counts in header["entities"].items():
        first.append([_text(first, name), *(_text(first, v) for v in counts.values())])
    sheet = book.create_sheet(_ROWS)
    sheet.freeze_panes = "A2"
    for number, width in enumerate(_WIDTHS):
        sheet.column_dimensions["ABCDEFGH"[number]].width = width
    sheet.append([_text(sheet, name) for name in COLUMNS])
    for row in rows:
        # What is kept as text comes back as it was: 007 is an id, and so is 1e5.
        sheet.append(
            [
                _text(sheet, value)
                for value in (
                    *(row.entity, row.state, row.key, row.our_id),
                    "" if row.partner_id is None else str(row.partner_id),
                    ", ".join(row.fields),
                    ", ".join(map(str, row.candidates)),
                    "",
                )
            ]
        )
    book.save(path)


def _text(sheet: Any, value: Any) -> Any:
    """Return a cell of text; what begins with = is no formula."""
    if value is None or value == "":
        return None
    if isinstance(value, int):
        return value if not isinstance(value, bool) else str(value).lower()
    return text_cell(sheet, value)


_BROKEN = (
    *(BadZipFile, InvalidFileException, KeyError, OSError),
    *(ValueError, AttributeError, TypeError, SyntaxError),  # of XML that is none
)
"""What openpyxl raises of files that are no workbooks."""


def _read_workbook(path: Path) -> MatchReport:
    try:
        book = load_workbook(path, read_only=True)
        header = {
            str(row[0]): row[1]
            for row in book[_HEADER].iter_rows(values_only=True, max_col=2)
            if row and row[0] is not None
        }
        rows = book[_ROWS].iter_rows(values_only=True)
        names = [str(name or "") for name in next(rows, ())]
        if missing := [name for name in COLUMNS if name not in names]:
            raise _unusable(path, f"the column {missing[0]} is missing")
        decisions, problems = _decisions(path, names, rows)
        book.close()
    except _BROKEN as error:
        raise _unusable(path, "it is no report") from error
    if problems:
        raise SpecError(problems)
    return _report(path, header, decisions)


def _decisions(
    path: Path, names: Sequence[str], rows: Iterator[Sequence[Any]]
) -> tuple[dict[tuple[str, str], Decision], list[Problem]]:
    decisions: dict[tuple[str, str], Decision] = {}
    problems: list[Problem] = []
    for line, values in enumerate(rows, 2):
        cells = {name: _said(value) for name, value in zip(names, values, strict=False)}
        if cells.get("state") not in _DECIDED:
            continue
        said = cells.get("accept", "").casefold()
        if said not in _ANSWERS:
            place = Origin(str(path), line, "accept")
            message = f"'{said}' is neither yes nor no."
            problems.append(Problem(place, "D313", message))
            continue
        if (cells["entity"], cells["key"]) in decisions:
            place = Origin(str(path), line, "key")
            problems.append(Problem(place, "D313", "the record stands here twice."))
            continue
        decisions[cells["entity"], cells["key"]] = Decision(
            cells["state"], cells["partner_id"] or None, _ANSWERS[said], line
        )
    return decisions, problems


def _said(value: Any) -> str:
    """Return what stands in a cell; some programs keep every number with a point."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def _unusable(path: Path, why: str) -> SpecError:
    return SpecError([Problem(Origin(str(path)), "D311", f"{why}.")])
