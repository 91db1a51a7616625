"""What we read of a workbook is what openpyxl reads of it."""

import openpyxl
import pytest

from engine.app.workbench.sheets.book_grid import grids_of
from engine.app.workbench.tables.tablefile import clean


def read_by_openpyxl(path):
    return {
        (sheet.title, cell.row, cell.column): clean(str(cell.value))
        for sheet in openpyxl.load_workbook(path)
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None and clean(str(cell.value))
    }


def read_by_us(path):
    return {
        (grid.tab, line, column): clean(cell.text)
        for grid in grids_of(path)
        for line, cells in grid.rows.items()
        for column, cell in cells.items()
    }


@pytest.mark.parametrize("book", ["exported", "through_libreoffice"])
def test_both_readers_see_the_same_cells(request, book):
    found = request.getfixturevalue(book)
    path = getattr(found, "path", found)
    theirs = read_by_openpyxl(path)
    assert len(theirs) > 10_000
    assert read_by_us(path) == theirs
