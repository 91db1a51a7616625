"""Write open rejects as a workbook: groups in, a file with two sheets out.

One sheet has a row for each cause, the other one for each record. What stands in a cell
is text, a number or a moment: whatever a record holds, no cell is a formula.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import WriteOnlyCell
from openpyxl.styles import Alignment
from openpyxl.utils import get_column_letter

from engine.app.rejects import Group, OpenReject
from engine.errors import SpecError
from engine.ids import key_parts
from engine.problems import CATALOGUE, Origin, Problem
from engine.runtime.library import get_use_case
from engine.runtime.text_cell import set_text, set_title
from engine.spec import Folders

KeyNames = Mapping[tuple[str, str], tuple[str, ...]]
"""Activation and entity -> the fields of the ERP key."""

GROUP_COLUMNS = {
    "activation": 34,
    "entity": 24,
    "code": 8,
    "what": 32,
    "message": 60,
    "what to do": 50,
    "table row": 40,
    "records": 10,
    "first seen (UTC)": 18,
    "days open": 11,
    "last seen (UTC)": 18,
    "first keys": 50,
}
RECORD_COLUMNS_BEFORE = {"activation": 34, "entity": 24, "ERP key": 26}
RECORD_COLUMNS = {
    "code": 8,
    "what": 32,
    "what to do": 50,
    "message": 60,
    "table row": 40,
    "first seen (UTC)": 18,
    "days open": 11,
    "last seen (UTC)": 18,
}
KEY_WIDTH = 14
FIRST_KEYS = 5


def key_names(folders: Folders, found: Iterable[Group]) -> KeyNames:
    """
    Return the fields of the ERP keys, as far as the specs can be read.

    The rejects of a use case that is gone or broken are listed all the same.
    """
    names: dict[tuple[str, str], tuple[str, ...]] = {}
    for activation in {group.activation for group in found}:
        _, partner, use_case, _ = activation.split("/", 3)
        try:
            work = get_use_case(folders, partner, use_case, Origin(activation)).work
        except SpecError:
            continue
        for entity in work.entities:
            base = work.standard.entities[entity.base]
            names[activation, entity.name] = tuple(base.key)
    return names


def write_book(path: Path, found: Sequence[Group], names: KeyNames) -> None:
    """Write the workbook; raises SpecError if the file cannot be written."""
    try:
        with path.open("wb") as file:
            _book(found, names).save(file)
    except OSError as error:
        message = f"cannot be written: {error.strerror}."
        raise SpecError([Problem(Origin(str(path)), "P004", message)]) from None


def _book(found: Sequence[Group], names: KeyNames) -> Workbook:
    book = Workbook(write_only=True)
    _write_sheet(book, "causes", GROUP_COLUMNS, [_group_row(g) for g in found])
    rejects = [reject for group in found for reject in group.cause.rejects]
    fields = list(
        dict.fromkeys(
            field
            for reject in rejects
            for field in names.get((reject.activation, reject.entity), ())
        )
    )
    columns = {
        **RECORD_COLUMNS_BEFORE,
        **dict.fromkeys(fields, KEY_WIDTH),
        **RECORD_COLUMNS,
    }
    rows = [_record_row(reject, fields, names) for reject in rejects]
    _write_sheet(book, "records", columns, rows)
    return book


def _group_row(group: Group) -> list[Any]:
    entry = CATALOGUE[group.cause.code]
    keys = [reject.key for reject in group.cause.rejects[:FIRST_KEYS]]
    more = ", ..." if group.count > FIRST_KEYS else ""
    return [
        group.activation,
        group.entity,
        group.cause.code,
        entry.title,
        group.cause.message,
        entry.remedy,
        group.cause.row,
        group.count,
        group.first_seen,
        group.days_open,
        group.last_seen,
        ", ".join(keys) + more,
    ]


def _record_row(
    reject: OpenReject, fields: Sequence[str], names: KeyNames
) -> list[Any]:
    entry = CATALOGUE[reject.code]
    parts = _parts(reject, names)
    return [
        reject.activation,
        reject.entity,
        reject.key,
        *(parts.get(field) for field in fields),
        reject.code,
        entry.title,
        entry.remedy,
        reject.message,
        reject.origin,
        reject.first_seen,
        reject.days_open,
        reject.last_seen,
    ]


def _parts(reject: OpenReject, names: KeyNames) -> dict[str, str]:
    """Return the parts of an ERP key; a row without one has its place instead."""
    known = names.get((reject.activation, reject.entity), ())
    parts = key_parts(reject.key)
    return dict(zip(known, parts, strict=True)) if len(parts) == len(known) else {}


# -- sheets

_TOP = Alignment(vertical="top", wrap_text=True)


def _write_sheet(
    book: Workbook, title: str, columns: Mapping[str, int], rows: Sequence[list[Any]]
) -> None:
    sheet: Any = book.create_sheet(title)
    sheet.freeze_panes = "A2"
    for number, width in enumerate(columns.values(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    last = get_column_letter(len(columns))
    sheet.auto_filter.ref = f"A1:{last}{len(rows) + 1}"
    sheet.append([_head(sheet, name) for name in columns])
    for row in rows:
        sheet.append([_cell(sheet, value) for value in row])


def _head(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet)
    set_title(cell, name)
    cell.alignment = _TOP
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    """Return a cell; a text stays a text, whatever it begins with."""
    if value is None or value == "":
        return None
    cell = WriteOnlyCell(sheet)
    if isinstance(value, datetime):
        cell.value = value.astimezone(UTC).replace(tzinfo=None)
        cell.number_format = "yyyy-mm-dd hh:mm"
    elif isinstance(value, int):
        cell.value = value
    else:
        set_text(cell, value)
        cell.alignment = _TOP
    return cell
