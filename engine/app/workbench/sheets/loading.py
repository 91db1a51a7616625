"""Load a workbook to be changed: a path in, openpyxl's book out, or why it cannot be.

openpyxl keeps all that it reads, each cell of a merged range too. So everything is
counted first, part by part, as a stream.
"""

import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from openpyxl import Workbook, load_workbook
from openpyxl.utils import range_boundaries

from engine.app.workbench.sheets.book_xml import LAST_ROW
from engine.app.workbench.sheets.open_book import open_book
from engine.app.workbench.sheets.xml_stream import (
    BrokenError,
    Starts,
    TooLargeError,
    read_xml,
)
from engine.app.workbench.tables.layout import LAST_COLUMN
from engine.errors import SpecError
from engine.problems import Origin, Problem

MOST_ELEMENTS = 600_000
"""XML of all parts; the book of all our partners has 95,000."""
MOST_BYTES = 60_000_000
MOST_RANGES = 5_000
"""Merged cells and ranges of rules: each is compared with each."""
_NOTE = 20
"""A note takes so much as this many cells."""
_XML = re.compile(rb"\s*(<|\xef\xbb\xbf|\xff\xfe|\xfe\xff|\x00<|<\x00)")


@contextmanager
def changing(path: Path) -> Iterator[None]:
    """Raise SpecError for whatever openpyxl raises while it changes a workbook."""
    try:
        with warnings.catch_warnings():
            # It warns of what it does not keep, such as extensions of other programs.
            warnings.simplefilter("ignore")
            yield
    except SpecError:
        raise
    except TooLargeError as error:
        raise _unchangeable(path, f"is too large: {error}.") from None
    except BrokenError as error:
        raise _unchangeable(path, f"is damaged: {error}.") from None
    except Exception as error:  # noqa: BLE001 - damaged parts end in errors of any kind
        why = f"is damaged: openpyxl ends with {type(error).__name__}."
        raise _unchangeable(path, why) from None


def load(path: Path) -> Workbook:
    """Load a workbook that was read before; to be called within `changing`."""
    with open_book(path) as archive:
        _need_room(archive)
    # Of a damaged book openpyxl would leave a file open that it opens itself.
    with path.open("rb") as file:
        return load_workbook(file, rich_text=True)


def _unchangeable(path: Path, message: str) -> SpecError:
    return SpecError([Problem(Origin(str(path)), "S080", message)])


def _need_room(archive: zipfile.ZipFile) -> None:
    """Raise TooLargeError if a workbook would take much memory, or much time."""
    infos = archive.infolist()
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise TooLargeError(f"its parts have more than {MOST_BYTES // 1_000_000} MB")
    weights = {}
    users: Counter[str] = Counter()
    for info in infos:
        with archive.open(info) as part:
            is_xml = _XML.match(part.read(64))
        if is_xml:
            weight = _Weight()
            weight.read(archive, info.filename)
            weights[info.filename] = weight.elements
            users.update(weight.targets)
    # A part is read as often as others name it.
    total = sum(weight * max(1, users[_last(name)]) for name, weight in weights.items())
    if total > MOST_ELEMENTS:
        raise TooLargeError(f"it has more than {MOST_ELEMENTS:,} elements")


class _Weight:
    """Counts what openpyxl makes of a part."""

    def __init__(self) -> None:
        self.elements = self.ranges = 0
        self.targets: list[str] = []

    def read(self, archive: zipfile.ZipFile, part: str) -> None:
        starts: Starts = {
            "Relationship": self._relation,
            "mergeCell": self._merged,
            "hyperlink": self._area,
            "comment": self._note,
            "dataValidation": self._rule,
            "conditionalFormatting": self._rule,
        }
        count = read_xml(archive, part, starts, {})
        self.elements += count

    def _relation(self, attributes: Mapping[str, str]) -> None:
        self.targets.append(_last(attributes.get("Target", "")))

    def _merged(self, attributes: Mapping[str, str]) -> None:
        self._area(attributes)
        self._range(1)

    def _note(self, attributes: Mapping[str, str]) -> None:
        self._area(attributes)
        self.elements += _NOTE

    def _rule(self, attributes: Mapping[str, str]) -> None:
        self._range(len(attributes.get("sqref", "").split()))

    def _range(self, count: int) -> None:
        self.ranges += count
        if self.ranges > MOST_RANGES:
            raise TooLargeError(f"a tab has more than {MOST_RANGES:,} ranges")

    def _area(self, attributes: Mapping[str, str]) -> None:
        """Add the cells of a range; what is none, openpyxl refuses."""
        try:
            left, top, right, bottom = range_boundaries(attributes.get("ref", ""))
        except (ValueError, TypeError):
            return
        width = (right or LAST_COLUMN) - (left or 1) + 1
        self.elements += max(0, width * ((bottom or LAST_ROW) - (top or 1) + 1))


def _last(name: str) -> str:
    return name.rpartition("/")[2].casefold()
