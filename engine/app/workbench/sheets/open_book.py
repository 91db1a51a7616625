"""Open a workbook that may be anything: a path in, its parts out, or why it cannot be.

Nothing of a file is believed: sizes are counted while parts are unpacked, entities and
macros are refused, and nothing is kept in memory that was not asked for.
"""

import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from engine.errors import SpecError
from engine.problems import Origin, Problem

LARGEST_FILE = 50_000_000
LARGEST_PART = 120_000_000
LARGEST_BOOK = 250_000_000
"""Bytes: of the file, of one part when it is unpacked, of all parts."""
MOST_PARTS = 2_000
MOST_NAMES = 1_000_000
"""Bytes of the directory of parts; Python reads it as a whole."""

BROKEN = (
    *(zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError),
    *(OSError, OverflowError, RuntimeError),  # places before the file, encrypted parts
)
"""What zipfile raises for a damaged file."""

_CHUNK = 1 << 16
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_DIRECTORY, _DIRECTORY_64 = b"PK\x05\x06", b"PK\x06\x07"
_END, _END_64, _LONGEST_COMMENT = 22, 20, 1 << 16
"""Bytes of what a zip ends with, of what stands before it if the zip is large, and of
the comment behind it."""
_SIZE = slice(12, 16)
"""Where the end says how many bytes the directory of parts has."""
_FORBIDDEN = tuple(
    word.encode(encoding)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
_NOT_PACKED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_MACROS = ("xl/vbaproject.bin", "xl/macrosheets/")

NO_BOOK, PASSWORD, MACROS, TOO_LARGE, DAMAGED = "S020", "S021", "S022", "S023", "S024"


@contextmanager
def open_book(path: Path) -> Iterator[zipfile.ZipFile]:
    """
    Open the parts of a workbook; raises SpecError if it is none that can be read.

    Every part was unpacked once when this returns: none is larger than it says.
    """
    _need_file(path)
    with path.open("rb") as file:
        _need_package(path, file)
        try:
            archive = zipfile.ZipFile(file)
        except BROKEN:
            message = "is damaged: its parts cannot be listed. Is it complete?"
            raise refused(path, DAMAGED, message) from None
        with archive:
            _need_workbook(path, archive)
            _need_sizes(path, archive)
            for info in archive.infolist():
                _need_sound(path, archive, info)
            yield archive


def refused(path: Path, code: str, message: str) -> SpecError:
    """Return the error that a workbook is refused with."""
    return SpecError([Problem(Origin(str(path)), code, message)])


def _need_file(path: Path) -> None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        raise refused(path, NO_BOOK, "not found.") from None
    if stat.S_ISDIR(found.st_mode):
        raise refused(path, NO_BOOK, "is a folder, no workbook.")
    if not stat.S_ISREG(found.st_mode):
        raise refused(path, NO_BOOK, "is no file.")
    if found.st_size > LARGEST_FILE:
        size, most = found.st_size // 1_000_000, LARGEST_FILE // 1_000_000
        message = f"has {size} MB; {most} MB are read at most."
        raise refused(path, TOO_LARGE, message)
    try:
        path.open("rb").close()
    except OSError as error:
        message = f"cannot be read: {error.strerror}."
        raise refused(path, NO_BOOK, message) from None


def _need_package(path: Path, file: BinaryIO) -> None:
    """Raise SpecError if a file is no zip, or one with too many parts to be listed."""
    content = file.read(1 << 12)
    if content.startswith(_OLE):
        if _ENCRYPTED in content + file.read():
            message = "is protected with a password, so nothing in it can be read."
            raise refused(path, PASSWORD, message)
        message = "is an old .xls workbook; save it as .xlsx."
        raise refused(path, NO_BOOK, message)
    if not content.startswith(b"PK"):
        raise refused(path, NO_BOOK, f"is {_what(content)}, no .xlsx workbook.")
    size = file.seek(0, 2)
    file.seek(max(0, size - _LONGEST_COMMENT - _END))
    tail = file.read()
    file.seek(0)
    place = tail.rfind(_DIRECTORY)
    if place < 0:
        raise refused(path, DAMAGED, "is damaged: its end is missing.")
    length = int.from_bytes(tail[place:][_SIZE], "little")
    if length > MOST_NAMES or _DIRECTORY_64 in tail[max(0, place - _END_64) : place]:
        raise refused(path, TOO_LARGE, f"has more than {MOST_PARTS} parts.")


def _what(content: bytes) -> str:
    """Say what a file is by its beginning."""
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if not start:
        return "empty"
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        return "an HTML page"
    if start.startswith(b"<"):
        return "an XML file"
    if start.startswith(b"%pdf"):
        return "a PDF"
    if b"\0" not in content and any(mark in content for mark in (b",", b";", b"\t")):
        return "a text file such as CSV"
    return "something else"


def _need_workbook(path: Path, archive: zipfile.ZipFile) -> None:
    names = {name.casefold() for name in archive.namelist()}
    if any(name.startswith(_MACROS) for name in names):
        raise refused(path, MACROS, "has macros; a workbook of Feldwerk has none.")
    if path.suffix.casefold() in (".xlsm", ".xltm", ".xlam"):
        message = f"is a workbook for macros ({path.suffix}); save it as .xlsx."
        raise refused(path, MACROS, message)
    if "xl/workbook.bin" in names:
        raise refused(path, NO_BOOK, "is a binary workbook; save it as .xlsx.")
    if "mimetype" in names or "content.xml" in names:
        message = "is an OpenDocument file; save it as .xlsx."
        raise refused(path, NO_BOOK, message)
    if "[content_types].xml" not in names or "xl/workbook.xml" not in names:
        raise refused(path, NO_BOOK, "is a zip file, but no .xlsx workbook.")


def _need_sizes(path: Path, archive: zipfile.ZipFile) -> None:
    """Raise SpecError if the parts are too many, too large, or packed otherwise."""
    infos = archive.infolist()
    if len(infos) > MOST_PARTS:
        raise refused(path, TOO_LARGE, f"has more than {MOST_PARTS} parts.")
    if any(info.flag_bits & 1 for info in infos):
        message = "is protected with a password, so nothing in it can be read."
        raise refused(path, PASSWORD, message)
    if any(info.compress_type not in (_NOT_PACKED, _DEFLATED) for info in infos):
        message = "is packed in a way that workbooks are not."
        raise refused(path, DAMAGED, message)
    largest = max(infos, key=lambda info: info.file_size)
    total = sum(info.file_size for info in infos)
    if largest.file_size > LARGEST_PART or total > LARGEST_BOOK:
        message = (
            f"has {total // 1_000_000} MB when it is unpacked, "
            f"{largest.file_size // 1_000_000} of them in {largest.filename}."
        )
        raise refused(path, TOO_LARGE, message)


def _need_sound(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    """
    Unpack a part once; raises SpecError if it is damaged or has a DOCTYPE.

    Python unpacks no more of a part than its directory says, and then compares the
    checksum: a part that is larger is damaged.
    """
    is_xml = info.filename.casefold().endswith((".xml", ".rels", ".vml"))
    longest = max(map(len, _FORBIDDEN)) - 1
    before = b""
    try:
        with archive.open(info) as part:
            while chunk := part.read(_CHUNK):
                text = before + chunk
                if is_xml and any(word in text for word in _FORBIDDEN):
                    message = f"declares entities in {info.filename}; no program does."
                    raise refused(path, DAMAGED, message)
                before = text[-longest:]
    except BROKEN:
        message = f"is damaged: {info.filename} cannot be unpacked."
        raise refused(path, DAMAGED, message) from None
