"""Paint problems into a workbook: marks and a book in, the marked book out, and back.

A mark is a fill and a note in the very cell, and a line in the tab of problems. It says
by itself that it is one, so it is found again wherever people sort or move it to.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter

from engine.app.workbench.book.style import link
from engine.app.workbench.tables.layout import AUTHOR, PROBLEMS
from engine.runtime.text_cell import set_text, set_title

FILLS = {"error": "FFFF9999", "warning": "FFFFE066", "info": "FF9EC5FE"}
"""The fill of a level, the worst first; `info` is what a partner refused."""

LEVELS = {
    "error": ("error",),
    "warning": ("warning",),
    "info": ("refused by last runs", "refused by last runs"),
}
"""The levels, and how marks of one are counted."""
_BEGINNING = "— feldwerk sheet check"
_MARK = re.compile(rf"\n*{_BEGINNING} \[(?P<fill>[0-9A-F]*)\] —\n.*", re.DOTALL)
_WIDTH, _LINE_HEIGHT = 420, 18
_OWN = re.compile(rf"{PROBLEMS}( \(\d+\))?")
_COLUMNS = {
    "table": 34,
    "cell": 8,
    "level": 10,
    "rule id": 9,
    "rule": 34,
    "message": 70,
    "suggestion": 50,
}


@dataclass(frozen=True)
class Mark:
    """
    One thing to look after; `tab` and `cell` are empty if no cell shows it.

    `table` is the table or the file that it is about.
    """

    table: str
    tab: str
    cell: str
    level: str
    code: str
    rule: str
    message: str
    suggestion: str

    def __str__(self) -> str:
        cell = f" [{self.tab}!{self.cell}]" if self.cell else ""
        return f"{self.table}{cell} {self.code}: {self.message} {self.suggestion}"

    def as_json(self) -> dict[str, str]:
        """Return a mark as JSON shows it; `code` is the rule id of the tab."""
        return {
            "table": self.table,
            "cell": f"{self.tab}!{self.cell}" if self.cell else "",
            "level": self.level,
            "code": self.code,
            "rule": self.rule,
            "message": self.message,
            "suggestion": self.suggestion,
        }

    @property
    def note(self) -> str:
        return f"{self.code} {self.rule}\n{self.message}\n→ {self.suggestion}"


def is_report(tab: str, titles: Iterable[object]) -> bool:
    """Say whether a tab is one of problems that a check has written, by its titles."""
    return bool(_OWN.fullmatch(tab)) and list(map(str, titles)) == list(_COLUMNS)


def paint(book: Workbook, marks: Sequence[Mark]) -> None:
    """Put marks into a workbook; those of an earlier check are taken out."""
    unmark(book)
    by_cell: dict[tuple[str, str], list[Mark]] = defaultdict(list)
    for mark in marks:
        if mark.cell:
            by_cell[mark.tab, mark.cell].append(mark)
    for (tab, name), some in by_cell.items():
        _paint_cell(book[tab][name], some)
    _write_problems(book, marks)


def unmark(book: Workbook) -> None:
    """Take all marks and the tab of problems out; what people made, stays."""
    for sheet in book.worksheets:
        if _OWN.fullmatch(sheet.title) and is_report(sheet.title, _titles(sheet)):
            book.remove(sheet)
            continue
        # iter_rows would make a cell for each place up to the last one.
        for cell in list(sheet._cells.values()):  # noqa: SLF001
            if cell.comment:
                _clean(cell)


def _titles(sheet: Any) -> list[object]:
    return [cell.value for cell in sheet[1] if cell.value is not None]


def _paint_cell(cell: Any, marks: Sequence[Mark]) -> None:
    fill = cell.fill.fgColor.rgb if cell.fill.fill_type == "solid" else ""
    text = cell.comment.text.rstrip() + "\n\n" if cell.comment else ""
    text += f"{_BEGINNING} [{fill if isinstance(fill, str) else ''}] —\n"
    text += "\n\n".join(mark.note for mark in marks)
    height = _LINE_HEIGHT * (text.count("\n") + len(text) // 60 + 2)
    cell.comment = Comment(text, AUTHOR, height=height, width=_WIDTH)
    worst = next(level for level in FILLS if level in {mark.level for mark in marks})
    cell.fill = PatternFill("solid", fgColor=FILLS[worst])


def _clean(cell: Any) -> None:
    """Take the mark out of a cell if its note is one; a fill alone may be anybody's."""
    note = cell.comment.text
    mark = _MARK.search(note)
    if mark is None:
        return
    before = note[: mark.start()]
    cell.comment = Comment(before, AUTHOR, width=_WIDTH) if before else None
    if cell.fill.fgColor.rgb in FILLS.values():
        fill = mark["fill"]
        cell.fill = PatternFill("solid", fgColor=fill) if fill else PatternFill()


def _write_problems(book: Workbook, marks: Iterable[Mark]) -> None:
    taken = {name.casefold() for name in book.sheetnames}
    names = chain((PROBLEMS,), (f"{PROBLEMS} ({number})" for number in count(2)))
    sheet: Any = book.create_sheet(next(n for n in names if n.casefold() not in taken))
    sheet.freeze_panes = "A2"
    for number, (title, width) in enumerate(_COLUMNS.items(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
        set_title(sheet.cell(1, number), title)
    line = 1
    for line, mark in enumerate(marks, 2):
        cells = (
            mark.table,
            mark.cell,
            mark.level,
            mark.code,
            mark.rule,
            mark.message,
            mark.suggestion,
        )
        for number, text in enumerate(cells, 1):
            set_text(sheet.cell(line, number), text)
        sheet.cell(line, 3).fill = PatternFill("solid", fgColor=FILLS[mark.level])
        if mark.cell:
            here = sheet.cell(line, 2)
            link(here, mark.tab, mark.cell)
            here.style = "Hyperlink"
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(_COLUMNS))}{max(line, 2)}"
