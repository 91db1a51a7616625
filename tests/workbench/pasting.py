"""Somebody who copies printed rows and pastes them below the table of a workbook."""

import csv

from books import Tab
from openpyxl import load_workbook

from engine.app.workbench.tables.layout import TITLES


def paste(path, tab, column, text, **cells):
    """
    Paste rows from a column on, as a spreadsheet does; `cells` are typed into each.

    An apostrophe in front says that the rest is a text.
    """
    book = load_workbook(path)
    sheet = Tab(book[tab])
    first, line = sheet.titles[TITLES[column]], sheet.last + 1
    for row in csv.reader(text.splitlines(), delimiter="\t"):
        for number, value in enumerate(row, first):
            cell = sheet.sheet.cell(line, number)
            cell.value = value.removeprefix("'")
            cell.data_type = "s"
        sheet.add(line, **cells)
        line += 1
    book.save(path)
