"""Broken files: a file of the source in, the problems that stop the run out."""

import codecs
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson

from engine.errors import RecordError
from engine.problems import Origin, Problem
from engine.runtime.source.declaration import SourceDeclaration
from engine.runtime.source.header import read_header
from engine.runtime.source.rows import (
    WORKBOOK_ERRORS,
    csv_rows,
    json_lines,
    sheet_rows,
)
from engine.standard import Entity

_CHUNK = 1 << 20
_OLE = bytes.fromhex(
    "d0cf11e0a1b11ae1"
)  # what .xls files and encrypted ones start with


def csv_problems(
    path: Path, declaration: SourceDeclaration, entity: Entity
) -> list[Problem]:
    """Return what is wrong with a CSV file as a whole, warnings included."""
    if found := encoding_problems(path, declaration.encoding):
        return found
    rows = csv_rows(path, declaration)
    header = read_header(path.name, next(rows, None), entity)
    if not header.fields:
        return list(header.problems)
    last = None
    for last in rows:  # noqa: B007 - the last row is what counts
        pass
    problems = list(header.problems)
    if last is not None:
        line, cells = last
        if isinstance(cells, RecordError):
            if "unexpected end of data" in cells.message:
                message = "the file ends inside of quotes; it may be cut off."
                problems.append(Problem(Origin(path.name, line), "R003", message))
        elif len(cells) < len(header.fields) and not _ends_with_line_break(
            path, declaration.encoding
        ):
            message = "the file ends inside of its last row; it may be cut off."
            problems.append(Problem(Origin(path.name, line), "R003", message))
    return problems


def ndjson_problems(
    path: Path, declaration: SourceDeclaration, _entity: Entity
) -> list[Problem]:
    """Return what is wrong with an NDJSON file as a whole."""
    if found := encoding_problems(path, declaration.encoding):
        return found
    last = None
    for last in json_lines(path, declaration):  # noqa: B007 - the last line counts
        pass
    if last is None or last[1].endswith("\n"):
        return []
    line, text = last
    try:
        orjson.loads(text)
    except ValueError:
        message = "the file ends inside of its last line; it may be cut off."
        return [Problem(Origin(path.name, line), "R003", message)]
    return []


def workbook_problems(
    path: Path, _declaration: SourceDeclaration, entity: Entity
) -> list[Problem]:
    """Return what is wrong with a workbook as a whole, warnings included."""
    if found := _unreadable(path):
        return [Problem(Origin(path.name), "R004", found)]
    try:
        header = read_header(path.name, next(sheet_rows(path), None), entity)
    except WORKBOOK_ERRORS:
        return [Problem(Origin(path.name), "R004", NO_SHEET)]
    return list(header.problems)


NO_SHEET = "the workbook has no sheet that can be read."


def encoding_problems(path: Path, encoding: str) -> list[Problem]:
    """Return the first byte that the encoding does not have, or a wrong declaration."""
    decoder = codecs.getincrementaldecoder(encoding)()
    as_utf8 = codecs.getincrementaldecoder("utf-8")()
    could_be_utf8 = _is_single_byte(encoding)
    ascii_only = True
    line = 1
    for chunk in _chunks(path):
        try:
            line += decoder.decode(chunk, final=not chunk).count("\n")
        except UnicodeDecodeError as error:
            read = error.object[: error.start].decode(encoding, "ignore")
            message = (
                f"byte 0x{error.object[error.start]:02x} is not {encoding}; "
                f"{DECLARE_ENCODING}"
            )
            origin = Origin(path.name, line + read.count("\n"))
            return [Problem(origin, "R002", message)]
        except UnicodeError as error:  # such as UTF-16 without its mark
            message = f"it is not {encoding}: {error}; {DECLARE_ENCODING}"
            return [Problem(Origin(path.name, line), "R002", message)]
        ascii_only = ascii_only and chunk.isascii()
        try:
            if could_be_utf8:
                as_utf8.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            could_be_utf8 = False
    if could_be_utf8 and not ascii_only:
        message = f"the file is UTF-8, but {encoding} is declared."
        return [Problem(Origin(path.name), "R002", message)]
    return []


DECLARE_ENCODING = "declare the file's encoding in source.yaml."


def _chunks(path: Path) -> Iterator[bytes]:
    """Yield the file in pieces, and an empty one at its end."""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield b""


def _is_single_byte(encoding: str) -> bool:
    return encoding.startswith(("cp125", "iso8859", "cp850", "cp437", "mac"))


def _ends_with_line_break(path: Path, encoding: str) -> bool:
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 8))
        end = file.read()
    return end.decode(encoding, "ignore").endswith(("\n", "\r"))


def _unreadable(path: Path) -> str:
    """Return why a file cannot be opened as a workbook, or nothing."""
    with path.open("rb") as file:
        if file.read(len(_OLE)) == _OLE:
            return "the workbook has a password, or is an old .xls file."
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()
    except WORKBOOK_ERRORS:
        return "the file is no workbook, or only a part of one."
    return f"the part {damaged} of the workbook is damaged." if damaged else ""
