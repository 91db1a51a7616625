"""Let a workbook know what was taken from it: an Import in, its hidden tab anew.

Otherwise a cell that is changed again after an import would look as if the file had
changed it meanwhile. Only that tab's part is written; all others stay as they are.
"""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter

from engine.app.workbench.book.memory import memory_rows
from engine.app.workbench.sheets.book_xml import read_tabs
from engine.app.workbench.sheets.importing import Import, TableChange
from engine.app.workbench.sheets.open_book import open_book
from engine.app.workbench.tables.layout import MEMORY
from engine.app.workbench.tables.replacing import replace_file
from engine.app.workbench.tables.tablefile import Cells, TableFile
from engine.errors import SpecError
from engine.problems import Origin, Problem

_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def saved_at(path: Path) -> tuple[int, int] | None:
    """Return what tells whether a file was saved again; None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def rebase(
    path: Path, saved: tuple[int, int] | None, found: Import
) -> Sequence[Problem]:
    """
    Write into a workbook what its tables say now; return why not, if it cannot be.

    `saved` says when it was saved that was imported: one that was saved since stays.
    """
    rows = {**found.base, **{t.sheet.table: _as_sheet(t) for t in found.tables}}
    files = [TableFile(t, t.columns, ()).with_rows(some) for t, some in rows.items()]
    text = _sheet_xml(files)
    try:
        if saved_at(path) != saved:
            return [_problem(path, "was saved since it was read.")]
        with open_book(path) as archive:
            parts = [tab.part for tab in read_tabs(archive)[0] if tab.name == MEMORY]
            new = _with_part(archive, parts[0], text) if parts else None
        if new is not None:
            replace_file(path, new)
    except (OSError, SpecError, zipfile.BadZipFile) as error:
        return [_problem(path, f"cannot be written: {error}.")]
    return ()


def _problem(path: Path, message: str) -> Problem:
    return Problem(Origin(str(path)), "S082", message)


def _as_sheet(change: TableChange) -> list[Cells]:
    """Return the rows of a table as its sheet has them, in the order of its numbers."""
    sheet, merged = change.sheet, change.merged
    in_file = dict(zip(merged.sheet_rows, merged.file.cells, strict=True))
    rows = []
    for place, row in enumerate(sheet.rows):
        known = in_file.get(place, {}).items()
        unseen = {name: cell for name, cell in known if name not in sheet.columns}
        rows.append((row.number is None, row.number or 0, {**unseen, **row.cells}))
    return [cells for _, _, cells in sorted(rows, key=lambda row: row[:2])]


def _sheet_xml(files: Sequence[TableFile]) -> bytes:
    lines = []
    for line, texts in enumerate(memory_rows(files), 1):
        cells = "".join(
            f'<c r="{get_column_letter(number)}{line}" t="inlineStr"><is>'
            f'<t xml:space="preserve">{escape(text)}</t></is></c>'
            for number, text in enumerate(texts, 1)
        )
        lines.append(f'<row r="{line}">{cells}</row>')
    data = "".join(lines)
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
    sheet = f'<worksheet xmlns="{_NAMESPACE}"><sheetData>{data}</sheetData></worksheet>'
    return f"{head}\n{sheet}".encode()


def _with_part(archive: zipfile.ZipFile, part: str, content: bytes) -> bytes:
    """Return a workbook with another part in the place of one."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in archive.infolist():
            data = content if entry.filename == part else archive.read(entry)
            new.writestr(entry, data)
    return out.getvalue()
