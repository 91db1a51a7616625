"""Write the overview: the fields of the Standard down, the partners across."""

from collections.abc import Iterator, Sequence
from typing import Any

from openpyxl.utils import get_column_letter

from engine.app.catalogue import Partner
from engine.app.site.markdown import LETTERS
from engine.app.site.matrix import RULE, MatrixRow, PartnerFields, matrix
from engine.app.workbench.book import style
from engine.app.workbench.tables.layout import FIRST_ROW, TITLE_ROW
from engine.standard import Standard

_TITLES = ("Entität", "Feld", "Bezeichnung", "Merkmal")
_FROZEN = 3
_PERSONAL = {"": "", "P": "personenbezogen", "S": "besonders schützenswert"}
_HEADING = "Übersicht: was aus den Feldern des Standards bei den Partnern wird"


def write_overview(sheet: Any, partners: Sequence[Partner], standard: Standard) -> None:
    """Write the tab; a partner whose spec has errors is not among the partners."""
    names = [partner.page.name for partner in partners]
    titles = [*_TITLES, *names]
    _write_head(sheet, titles)
    texts: list[list[str]] = [[title + "   "] for title in titles]
    line = FIRST_ROW
    for entity, row in _rows(partners, standard):
        cells = [entity, row.name, row.title, _marks(row)]
        cells += [_shown(fields) for fields in row.fields]
        for number, text in enumerate(cells, 1):
            is_key = row.key and number <= _FROZEN
            name = style.KEY_CELL if is_key else style.LIST_CELL
            style.put(sheet.cell(line, number), text, name)
            texts[number - 1].append(text)
        for number, fields in enumerate(row.fields, len(_TITLES) + 1):
            if fields and all(letter == LETTERS["proposed"] for _, letter in fields):
                sheet.cell(line, number).style = style.PROPOSED_CELL
            elif fields == ((RULE, ""),):
                sheet.cell(line, number).style = style.QUIET_CELL
        line += 1
    widths = [style.width_of(some, most=38) for some in texts]
    style.set_widths(sheet, widths)
    for number, cells_ in enumerate(zip(*texts, strict=True), TITLE_ROW):
        style.set_height(sheet, number, zip(cells_, widths, strict=True))
    sheet.freeze_panes = sheet.cell(FIRST_ROW, _FROZEN + 1)
    last = get_column_letter(len(titles))
    sheet.auto_filter.ref = f"A{TITLE_ROW}:{last}{max(line - 1, FIRST_ROW)}"
    sheet.sheet_view.showGridLines = False
    sheet.sheet_properties.tabColor = style.TAB_COLOURS["overview"]
    style.protect(sheet)
    style.print_across(sheet, f"1:{TITLE_ROW}")


def _write_head(sheet: Any, titles: Sequence[str]) -> None:
    for number, title in enumerate(titles, 1):
        style.put(sheet.cell(1, number), "", style.HEADING)
        style.put(sheet.cell(TITLE_ROW, number), title, style.TITLE)
    style.put(sheet.cell(1, 1), _HEADING, style.HEADING)
    sheet.row_dimensions[1].height = 26
    sheet.row_dimensions[TITLE_ROW].height = 20


def _rows(
    partners: Sequence[Partner], standard: Standard
) -> Iterator[tuple[str, MatrixRow]]:
    for part in matrix(tuple(partners), standard):
        yield from ((part.title, row) for row in part.rows)


def _marks(row: MatrixRow) -> str:
    marks = ["Schlüssel" * row.key, _PERSONAL[row.personal]]
    return ", ".join(filter(None, marks))


def _shown(fields: PartnerFields) -> str:
    return "\n".join(name for name, _ in fields)
