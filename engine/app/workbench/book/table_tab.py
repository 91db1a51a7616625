"""Write a table into a tab: its rows, titles, drop-downs and colours.

Everything but the two rows at the top is open: people insert, delete, sort and filter
rows. What they may not type over is refused by the cell itself: type and evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation

from engine.app.workbench.book import style
from engine.app.workbench.book.choices import CLOSED
from engine.app.workbench.book.contract_fields import ContractField
from engine.app.workbench.book.explanations import EXPLANATIONS
from engine.app.workbench.tables.layout import (
    AUTHOR,
    COVER,
    FIRST_ROW,
    INFORMING,
    NUMBER,
    TITLE_ROW,
    TITLES,
)
from engine.app.workbench.tables.tablefile import Cells, TableFile

SPARE_ROWS = 200
"""So many rows below the table have drop-downs and colours."""

_NOTE_WIDTH, _NOTE_LINE, _LETTERS_IN_LINE = 320, 17, 48
_SOURCES = ("erp_field", "id_parts", "reference", "default")
_WIDEST = {"note": 60, "type": 34, "when": 40, "transform": 40}
_BACK = 5
"""The column of the way back, behind the label."""


@dataclass(frozen=True)
class TableTab:
    """
    What a tab shows of a table.

    `fields` are those of the contract by name, `unfilled` the ones without a row.
    `choices` lead from columns to the range of their options.
    """

    name: str
    label: str
    file: TableFile
    fields: Mapping[str, ContractField]
    unfilled: Sequence[ContractField]
    choices: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        informing = () if self.file.table.is_list else tuple(INFORMING)
        return (NUMBER, *self.file.table.columns, *informing)

    @property
    def rows(self) -> list[Cells]:
        """Return the rows as they are shown, then one for each field without a row."""
        shown = [
            {NUMBER: str(number), **row, **self._informing(row)}
            for number, row in enumerate(self.file.cells, 1)
        ]
        return [*shown, *(self._informed(field) for field in self.unfilled)]

    def _informing(self, row: Cells) -> Cells:
        field = self.fields.get(row.get("partner_field", ""))
        return self._informed(field) if field else {}

    def _informed(self, field: ContractField) -> Cells:
        evidence = {"type": field.type, "evidence": field.evidence}
        return {"partner_field": field.shown, **evidence}


def write_tab(sheet: Any, tab: TableTab) -> None:
    """Write a tab."""
    columns, rows = tab.columns, tab.rows
    last = FIRST_ROW - 1 + len(rows)
    _write_head(sheet, tab)
    _write_titles(sheet, columns)
    ours = {NUMBER: style.NUMBER_CELL, **dict.fromkeys(INFORMING, style.INFORMING_CELL)}
    styles = [ours.get(column, style.CELL) for column in columns]
    style.open_columns(sheet, styles)
    for line, row in enumerate(rows, FIRST_ROW):
        for number, column in enumerate(columns, 1):
            style.put(sheet.cell(line, number), row.get(column, ""), styles[number - 1])
    widths = {column: _width(column, rows) for column in columns}
    style.set_widths(sheet, list(widths.values()))
    for line, row in enumerate(rows, FIRST_ROW):
        cells = ((row.get(column, ""), width) for column, width in widths.items())
        style.set_height(sheet, line, cells)
    sheet.freeze_panes = sheet.cell(FIRST_ROW, 3)
    end = max(last, FIRST_ROW)
    sheet.auto_filter.ref = f"A{TITLE_ROW}:{get_column_letter(len(columns))}{end}"
    _add_choices(sheet, tab, last + SPARE_ROWS)
    _add_colours(sheet, columns, last + SPARE_ROWS)
    style.protect(sheet, editable=True)
    style.print_across(sheet, f"1:{TITLE_ROW}")
    kind = "list" if tab.file.table.is_list else "table"
    sheet.sheet_properties.tabColor = style.TAB_COLOURS[kind]


def _write_head(sheet: Any, tab: TableTab) -> None:
    for number in range(1, len(tab.columns) + 1):
        style.put(sheet.cell(1, number), "", style.HEADING)
    style.put(sheet.cell(1, 1), tab.file.table, style.HEADING_SMALL)
    style.put(sheet.cell(1, 2), tab.label, style.HEADING)
    back = sheet.cell(1, _BACK)
    style.put(back, f"← {COVER}", style.BACK)
    style.link(back, COVER)
    sheet.row_dimensions[1].height = 26
    sheet.row_dimensions[TITLE_ROW].height = 20


def _write_titles(sheet: Any, columns: Sequence[str]) -> None:
    for number, column in enumerate(columns, 1):
        cell = sheet.cell(TITLE_ROW, number)
        style.put(cell, TITLES[column], style.TITLE)
        cell.comment = _note(EXPLANATIONS[column])


def _note(text: str) -> Comment:
    lines = sum(1 + len(line) // _LETTERS_IN_LINE for line in text.split("\n"))
    height = _NOTE_LINE * (lines + 1)
    return Comment(text, AUTHOR, height=height, width=_NOTE_WIDTH)


def _width(column: str, rows: Sequence[Cells]) -> float:
    if column == NUMBER:
        return 5
    texts = [TITLES[column] + "   ", *(row.get(column, "") for row in rows)]
    least = 22 if column in ("partner_field", "erp_value") else 12
    return style.width_of(texts, least=least, most=_WIDEST.get(column, 44))


def _range(number: int, last: int) -> str:
    letter = get_column_letter(number)
    return f"{letter}{FIRST_ROW}:{letter}{last}"


def _add_choices(sheet: Any, tab: TableTab, last: int) -> None:
    for number, column in enumerate(tab.columns, 1):
        place = _range(number, last)
        if column == NUMBER:
            check = _number()
        elif column in INFORMING:
            check = _filled_by_us()
        elif column in tab.choices:
            check = _offered(column, tab.choices[column])
        else:
            continue
        check.add(place)
        sheet.add_data_validation(check)


def _offered(column: str, options: str) -> DataValidation:
    """Return a drop-down; where free text is usual it says nothing about one."""
    check = DataValidation("list", formula1=options, allow_blank=True)
    check.showErrorMessage = column in (*CLOSED, "partner_field", "partner_value")
    check.errorTitle = TITLES[column]
    if column in CLOSED:
        check.errorStyle = "stop"
        check.error = "Bitte einen Wert der Liste wählen oder die Zelle leeren."
    elif check.showErrorMessage:
        check.errorStyle = "warning"
        check.error = "Das steht nicht im Vertrag mit dem Partner. Trotzdem übernehmen?"
    else:
        check.errorStyle = "information"
    return check


def _number() -> DataValidation:
    """Return what takes the number of a row, which may change places with another."""
    check = DataValidation(
        "custom", formula1=f"VALUE(A{FIRST_ROW})>0", allow_blank=True
    )
    check.showErrorMessage, check.errorStyle = True, "stop"
    check.errorTitle = TITLES[NUMBER]
    check.error = "Bitte eine der Nummern, die es hier gibt; neue Zeilen haben keine."
    return check


def _filled_by_us() -> DataValidation:
    """Return what refuses all that is typed."""
    check = DataValidation("custom", formula1="FALSE", allow_blank=True)
    check.showErrorMessage, check.errorStyle = True, "stop"
    check.errorTitle = "Nur zur Information"
    check.error = "Diese Spalte füllt Feldwerk; hier bitte nichts eintragen."
    return check


def _add_colours(sheet: Any, columns: Sequence[str], last: int) -> None:
    """
    Colour fields that are required, proposed or without a row, as rows are edited.

    Number, type and evidence get the fill, the field a colour of its text: a fill of
    the cells that people write into is left to what a check paints.
    """
    if "partner_field" not in columns:
        return
    number = {column: position for position, column in enumerate(columns, 1)}
    letter = {column: get_column_letter(n) for column, n in number.items()}

    def at(column: str) -> str:
        return f"${letter[column]}{FIRST_ROW}"

    field, mark = at("partner_field"), at("evidence")
    required = f'RIGHT({field},2)=" *"'
    sources = "&".join(at(column) for column in _SOURCES)
    unfilled = f"AND(LEN({field})>0,LEN({sources})=0)"
    missing = f"AND({required},LEN({sources})=0)"
    stripe, own = _range(number[NUMBER], last), _range(number["partner_field"], last)
    informing = " ".join(_range(number[column], last) for column in INFORMING)
    evidence = _range(number["evidence"], last)
    rule, add = style.colour_rule, sheet.conditional_formatting.add
    add(stripe, rule(missing, style.MISSING, stop=True))
    add(stripe, rule(unfilled, style.UNMAPPED, stop=True))
    add(stripe, rule(required, style.REQUIRED))
    add(own, rule(missing, text=style.MISSING_TEXT, stop=True, bold=True))
    add(own, rule(unfilled, text=style.UNMAPPED_TEXT, stop=True, italic=True))
    add(own, rule(required, text=style.REQUIRED_TEXT, bold=True))
    proposed = f'{mark}="vorgeschlagen"'
    add(evidence, rule(proposed, style.PROPOSED, style.PROPOSED_TEXT, stop=True))
    add(informing, rule(unfilled, style.UNMAPPED))
