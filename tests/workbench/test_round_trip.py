"""Export, then import: a change of nothing, whoever saved the workbook in between."""

import csv
import random
import shutil

import openpyxl
import pytest
from books import Bench, Tab
from books import exported as export
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.styles import Font

from engine.app.workbench.sheets.importing import prepared
from engine.app.workbench.tables.known_tables import tables_there
from engine.app.workbench.tables.layout import TITLE_ROW
from engine.runtime.library import INSTALLED
from engine.spec import Folders

FOLDERS = Folders(INSTALLED)
PARTNERS = FOLDERS.partners()
NASTY = [
    *("=1+1", "+49 351", "-5", "@home", "\\=x", "'quoted", "''", '"', "{{ a }}"),
    *("0081", "1E5", "01.02.", "1.2", "3-4", "2024-02-01", "12:30", "1/2", "5%"),
    *("TRUE", "wahr", "FALSCH", "null", "#REF!", "#N/A", "####", "1,00E+05", "1e400"),
    *("123456789012345678", "0.1", "0,1", "1.000", "-0", "NaN", "Mär 24", "1 000"),
    *("ä ß € 🏠", "z.\u00a0B.", "a\u200bb", "a  b", "a\tb", "a\nb", "a\n\nb", "„x“"),
    *("_x0041_", "x_x000D_y", "&amp;", "<b>", "a;b,c", "x" * 9_000),
]


def differences(found, partner=None):
    return [
        difference
        for table in found.tables
        if partner in (None, table.before.table.partner)
        for difference in table.merged.differences
    ]


@pytest.fixture(scope="session")
def taken_back(exported):
    return prepared(exported.path, FOLDERS)


@pytest.fixture(scope="session")
def taken_back_from_libreoffice(through_libreoffice):
    return prepared(through_libreoffice, FOLDERS)


@pytest.mark.parametrize("partner", PARTNERS)
def test_what_was_exported_comes_back_as_it_was(taken_back, partner):
    assert differences(taken_back, partner) == []


@pytest.mark.parametrize("partner", PARTNERS)
def test_what_libreoffice_has_saved_comes_back_as_it_was(
    taken_back_from_libreoffice, partner
):
    assert differences(taken_back_from_libreoffice, partner) == []


def test_every_table_comes_back_and_nothing_is_odd(
    taken_back, taken_back_from_libreoffice
):
    for found in (taken_back, taken_back_from_libreoffice):
        tables = {table.before.table for table in found.tables}
        assert tables == set(tables_there(FOLDERS))
        assert found.notices == ()
        for table in found.tables:
            path = INSTALLED / table.before.table.path
            assert table.merged.file.text().encode() == path.read_bytes()


# -- values that spreadsheets spoil


@pytest.fixture(scope="module")
def nasty(tmp_path_factory):
    """A copy of the specs with a list and a table of such values, and a workbook."""
    folder = tmp_path_factory.mktemp("nasty")
    book = export(INSTALLED, folder / "etg24.xlsx", "etg24")
    bench = Bench(folder, book)
    with (bench.folder / "lists/nasty.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["erp_value", "partner_value", "note"])
        writer.writerows([text, text, text] for text in NASTY)
    with (bench.folder / "mieter.csv").open("a", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([[f"nasty{n}", *[text] * 11] for n, text in enumerate(NASTY)])
    export(bench.root, bench.book, "etg24")
    return bench


def test_values_that_spreadsheets_spoil_come_back_as_they_were(nasty):
    found = prepared(nasty.book, Folders(nasty.root))
    assert differences(found) == []
    assert found.notices == ()


def test_values_that_spreadsheets_spoil_come_back_from_libreoffice(nasty, libreoffice):
    found = prepared(libreoffice(nasty.book, "xlsx"), Folders(nasty.root))
    assert differences(found) == []
    assert found.notices == ()


def test_the_import_of_such_values_changes_no_byte(nasty):
    before = nasty.files()
    assert nasty.take().out.startswith("Nothing has changed")
    assert nasty.files() == before


# -- whatever people do that means nothing


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    return Bench(folder, export(INSTALLED, folder / "etg24.xlsx", "etg24"))


def test_what_libreoffice_has_saved_in_its_own_format_comes_back(plain, libreoffice):
    again = libreoffice(libreoffice(plain.book, "ods"), "xlsx")
    assert differences(prepared(again, Folders(plain.root))) == []


def shuffled(sheet, chance):
    """Sort the rows anew, move the columns, and give cells other formats."""
    tab = Tab(sheet)
    rows = tab.rows()
    chance.shuffle(rows)
    tab.replace_rows(rows)
    width, last = max(tab.titles.values()), tab.last
    order = list(range(1, width + 1))
    chance.shuffle(order)
    lines = range(TITLE_ROW, last + 1)
    values = [[sheet.cell(line, n).value for n in order] for line in lines]
    for line, row in zip(lines, values, strict=True):
        for number, value in enumerate(row, 1):
            cell = sheet.cell(line, number)
            cell.value = value
            cell.number_format = chance.choice(["General", "0.00", "@", "dd.mm.yyyy"])
            cell.font = Font(bold=chance.random() < 0.5)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 10**9))
def test_sorting_moving_and_formatting_change_nothing(plain, seed):
    chance = random.Random(seed)
    book = openpyxl.load_workbook(plain.book)
    for name in ("objekte", "mieter", "Liste nutzungsart"):
        shuffled(book[name], chance)
    path = plain.book.with_name("shuffled.xlsx")
    book.save(path)
    assert differences(prepared(path, Folders(plain.root))) == []


# Values that a spreadsheet may have spoilt are refused, or told: see test_spoiled.py.
words = st.text("abcxyzäöüßÉ089 .,;:/|=+@#&<>\"'_-\n", max_size=8).map(
    lambda text: f"w{text}".strip()
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(words, words | st.just(""), max_size=5))
def test_what_is_written_into_a_list_comes_into_its_file(plain, tmp_path, entries):
    path = tmp_path / "edited.xlsx"
    shutil.copyfile(plain.book, path)
    book = openpyxl.load_workbook(path)
    tab = Tab(book["Liste anrede"])
    rows = [[None, key, value or None, None] for key, value in entries.items()]
    tab.replace_rows(rows)
    book.save(path)
    found = prepared(path, Folders(plain.root))
    table = next(t for t in found.tables if t.before.table.name == "anrede")
    cells = {
        row["erp_value"]: row.get("partner_value", "")
        for row in table.merged.file.cells
    }
    assert cells == entries
