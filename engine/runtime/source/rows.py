"""
Rows of a file: a path in, raw rows with their lines out, one by one.

A row that cannot be split into cells comes as the RecordError that says why.
"""

import csv
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from engine.errors import RecordError
from engine.runtime.source.declaration import SourceDeclaration

Cells = Sequence[Any]
RawRow = tuple[int, Cells | RecordError]

# What openpyxl raises for a file that is no workbook, or a damaged one.
WORKBOOK_ERRORS = (
    BadZipFile,
    InvalidFileException,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    EOFError,
    SyntaxError,  # xml.etree.ElementTree.ParseError
    NotImplementedError,  # a compression of zip that Python does not know
    RuntimeError,  # an encrypted member of the zip
)
_AT_ONCE = 500


def csv_rows(path: Path, declaration: SourceDeclaration) -> Iterator[RawRow]:
    """
    Yield the first line and the cells of each row that is not blank.

    After a row whose quotes do not pair up, reading goes on with the next line.
    """
    with path.open(encoding=declaration.text_encoding, newline="") as file:
        reader = csv.reader(file, delimiter=declaration.delimiter, strict=True)
        while True:
            line = reader.line_num + 1
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                upto = f" (up to line {reader.line_num})"
                where = upto if reader.line_num > line else ""
                yield line, RecordError("R103", f"is no CSV row{where}: {error}")
                continue
            if any(cells):
                yield line, cells


def sheet_rows(path: Path) -> Iterator[RawRow]:
    """
    Yield number and cells of each row of the first sheet that is not blank.

    Formulas count by the value that was saved with them. Raises WORKBOOK_ERRORS, and
    LookupError if there is no sheet.
    """
    # openpyxl warns of what it leaves out (styles, rules); values are not part of it.
    with path.open("rb") as file:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            workbook = load_workbook(file, read_only=True, data_only=True)
        with closing(workbook):
            sheet: Any = workbook.worksheets[0]
            sheet.reset_dimensions()  # what the file says of its size may be wrong
            rows = enumerate(sheet.iter_rows(values_only=True), 1)
            while True:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    batch = list(islice(rows, _AT_ONCE))
                if not batch:
                    return
                for number, cells in batch:
                    if any(cell is not None and cell != "" for cell in cells):
                        yield number, cells


def json_lines(path: Path, declaration: SourceDeclaration) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line that is not blank; its line break stays."""
    encoding = declaration.text_encoding
    with path.open(encoding=encoding, newline="\n") as file:
        for number, text in enumerate(file, 1):
            if not text.isspace():
                yield number, text


def fitted(rows: Iterable[RawRow], width: int) -> Iterator[RawRow]:
    """Yield the rows of a workbook as wide as its header: it leaves out empty cells."""
    for number, cells in rows:
        if isinstance(cells, RecordError) or len(cells) == width:
            yield number, cells
            continue
        count = len(cells)
        while count > width and cells[count - 1] in (None, ""):
            count -= 1
        yield number, (*cells[:count], *(None,) * (width - count))
