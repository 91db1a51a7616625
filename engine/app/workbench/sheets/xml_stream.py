"""Read XML that may be hostile as a stream: a part of a zip in, its elements out.

Nothing is kept that nobody asked for; how deep, how many and how long is limited.
"""

import zipfile
from collections.abc import Callable, Mapping
from typing import Any
from xml.parsers import expat

MOST_ELEMENTS = 4_000_000
"""So many elements a part may have: formatted cells that are empty are some."""
LONGEST_TEXT = 100_000
"""Excel keeps 32,767 characters in a cell, Google 50,000."""
_DEEPEST = 60
_LONGEST_TOKEN = 1 << 22
_CHUNK = 1 << 16


class TooLargeError(Exception):
    """A part holds more than is read."""


class BrokenError(Exception):
    """A part is no XML, or not what a workbook has there."""


Starts = Mapping[str, Callable[[Mapping[str, str]], None]]
Ends = Mapping[str, Callable[[str], None]]


def read_xml(archive: zipfile.ZipFile, part: str, starts: Starts, ends: Ends) -> int:
    """
    Read a part: what is called for the start of an element gets its attributes, what is
    called for its end the text that stands in the element itself.

    Elements are known by their names without a namespace; how many there are is
    returned.
    """
    reader = _Reader(starts, ends)
    reader.read(archive, part)
    return reader.count


class _Reader:
    """Counts while it reads, and does as little as it can for what nobody asks for."""

    def __init__(self, starts: Starts, ends: Ends) -> None:
        self.starts, self.ends = starts, ends
        self.depth = self.count = self.length = 0
        self.text: list[str] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._doctype

    def read(self, archive: zipfile.ZipFile, part: str) -> None:
        fed = 0
        try:
            with archive.open(part) as content:
                while chunk := content.read(_CHUNK):
                    self.parser.Parse(chunk, False)
                    fed += len(chunk)
                    if fed - self.parser.CurrentByteIndex > _LONGEST_TOKEN:
                        raise TooLargeError(f"{part} has an endless element")
            self.parser.Parse(b"", True)
        except KeyError:
            raise BrokenError(f"{part} is missing") from None
        except LookupError:
            raise BrokenError(f"{part} is in an unknown encoding") from None
        except expat.ExpatError as error:
            where = f"line {error.lineno}"
            raise BrokenError(f"{part} is no XML at {where}") from None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        self.count += 1
        if self.depth > _DEEPEST or self.count > MOST_ELEMENTS:
            raise TooLargeError("it has too many elements in one part")
        self._forget_text()
        called = self.starts.get(name) or self.starts.get(local(name))
        if called:
            called(attributes)

    def _end(self, name: str) -> None:
        self.depth -= 1
        called = self.ends.get(name) or self.ends.get(local(name))
        if called:
            called("".join(self.text))
        self._forget_text()

    def _text(self, piece: str) -> None:
        self.text.append(piece)
        self.length += len(piece)
        if self.length > LONGEST_TEXT:
            raise TooLargeError(f"a text has more than {LONGEST_TEXT:,} characters")

    def _forget_text(self) -> None:
        if self.text:
            self.text.clear()
            self.length = 0

    def _doctype(self, *_: Any) -> None:
        raise BrokenError("a part has a DOCTYPE, which no program writes")


def local(name: str) -> str:
    """Return a name without its namespace."""
    return name.rpartition(":")[2]
