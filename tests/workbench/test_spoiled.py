"""What spreadsheets do to values is recognised, told at its cell, never repaired."""

from datetime import date, datetime, time, timedelta

import pytest

from engine.app.workbench.sheets.grid import Cell, shown_grid
from engine.app.workbench.sheets.spoiled import judged
from engine.app.workbench.sheets.tab_reading import read_grid
from engine.app.workbench.tables.layout import TableId
from engine.spoiled import oddity

FINE = None
ERROR, WARNING, FORMULA = "S032", "S033", "S031"
LIST = TableId("etg24", "stammdaten", "anrede", is_list=True)
NBSP, THIN, ZERO_WIDTH = "\u00a0", "\u2009", "\u200b"


def code(column, cell, before=""):
    found = judged(column, cell, before)
    return found and found.code


# -- what a workbook holds as something else than text


@pytest.mark.parametrize(
    ("text", "number_format", "before", "expected"),
    [
        ("7", "General", "", FINE),
        ("7", "General", "8", FINE),
        ("-7", "0", "", FINE),
        ("100000", "@", "", FINE),
        ("123456789012345", "General", "", FINE),
        ("81", "General", "0081", ERROR),
        ("82", "General", "0081", ERROR),
        ("100000", "General", "1E5", ERROR),
        ("100000", "0.00E+00", "", ERROR),
        ("81", "0000", "", ERROR),
        ("1", "0%", "", ERROR),
        ("1000", "#,##0", "", ERROR),
        ("1", '#,##0.00 "€"', "", ERROR),
        ("1234567890123456", "General", "", ERROR),
        ("67.5", "General", "", ERROR),
        ("67.5", "General", "67,5", ERROR),
        ("67.5", "General", "67.5", FINE),
        ("1e+300", "General", "", ERROR),
        ("7", "General", "7,0", ERROR),
        ("1", "General", "0", FINE),
    ],
)
def test_a_number_is_its_digits_or_an_error(text, number_format, before, expected):
    assert code("example", Cell(text, "number", number_format), before) == expected


@pytest.mark.parametrize(
    ("cell", "before", "expected"),
    [
        (Cell("2024-02-01", "date", "dd/mm"), "", ERROR),
        (Cell("2024-02-01", "date", "dd/mm"), "01.02.", ERROR),
        (Cell("2024-02-01", "date"), "2024-02-01", FINE),
        (Cell("12:30:00", "date"), "", ERROR),
        (Cell("TRUE", "boolean"), "", ERROR),
        (Cell("TRUE", "boolean"), "true", ERROR),
        (Cell("#REF!", "error"), "", ERROR),
        (Cell("#REF!", "error"), "#REF!", ERROR),
        (Cell("2", "formula", formula="=1+1"), "", FORMULA),
        (Cell("2", "formula", formula="=1+1"), "2", FORMULA),
    ],
)
def test_a_date_a_truth_an_error_and_a_formula_are_errors(cell, before, expected):
    assert code("example", cell, before) == expected
    assert code("note", cell, before) == expected


# -- texts


@pytest.mark.parametrize(
    ("column", "text", "before", "in_a_book", "in_a_shared_sheet"),
    [
        ("example", "81", "0081", WARNING, ERROR),
        ("example", "100000", "1E5", WARNING, ERROR),
        ("example", "67,5", "67.5", WARNING, ERROR),
        ("example", "01.03.2021", "2021-03-01", WARNING, ERROR),
        ("example", "2021-03-01 00:00:00", "2021-03-01", WARNING, ERROR),
        ("example", "01.02.2024", "01.02.", WARNING, ERROR),
        ("example", "01.03.2022", "2021-03-01", FINE, FINE),
        ("example", "02.03.2021", "2021-03-01", FINE, FINE),
        ("default", "TRUE", "true", WARNING, ERROR),
        ("default", "WAHR", "true", WARNING, ERROR),
        ("default", "FALSCH", "nein", WARNING, ERROR),
        ("default", "FALSE", "true", WARNING, WARNING),
        ("default", "WAHR", "", WARNING, WARNING),
        ("erp_value", "01. Feb", "", WARNING, WARNING),
        ("erp_value", "Feb 24", "", WARNING, WARNING),
        ("erp_value", "1-Mar", "", WARNING, WARNING),
        ("example", "1,00E+05", "", ERROR, ERROR),
        ("example", "1.23457E+11", "", ERROR, ERROR),
        ("example", "####", "", ERROR, ERROR),
        ("example", "#BEZUG!", "", ERROR, ERROR),
        ("example", "#N/A", "", ERROR, ERROR),
        ("example", "Err:502", "", ERROR, ERROR),
        ("example", "'0081", "0081", ERROR, ERROR),
        ("example", "0082", "0081", FINE, FINE),
        ("example", "1E5", "", FINE, FINE),
        ("example", "0081", "", FINE, FINE),
        ("example", "#1", "", FINE, FINE),
        ("default", "true", "", FINE, FINE),
        ("example", "Mai", "", FINE, FINE),
        ("note", "1,00E+05", "", FINE, FINE),
        ("note", "81", "0081", FINE, FINE),
        ("note", "„so“ – WAHR…", "", FINE, FINE),
    ],
)
def test_a_text_that_a_spreadsheet_wrote_is_recognised(
    column, text, before, in_a_book, in_a_shared_sheet
):
    assert code(column, Cell(text, "text"), before) == in_a_book
    assert code(column, Cell(text, "shown"), before) == in_a_shared_sheet


@pytest.mark.parametrize(
    ("column", "text", "plain"),
    [
        ("when", "art = “natuerlich”", 'art = "natuerlich"'),
        ("when", "art = „natuerlich“", 'art = "natuerlich"'),
        ("transform", "date(‚DD.MM.YYYY‘)", "date('DD.MM.YYYY')"),
        ("transform", "template(»{{ plz }}«)", 'template("{{ plz }}")'),
        ("erp_field", "$.telefone[?(@.art==’mobil’)]", "$.telefone[?(@.art=='mobil')]"),
        ("id_parts", "“E”; gp_nr", '"E"; gp_nr'),
        ("reference", "objekte…", "objekte..."),
        ("partner_field", "address–street", "address-street"),
        ("example", "{“plz”: “01099”}", '{"plz": "01099"}'),
    ],
)
def test_typographic_signs_in_a_rule_are_an_error(column, text, plain):
    found = judged(column, Cell(text), "")
    assert found.code == ERROR
    assert found.suggestion == f"Write {plain}"


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("transform", 'template("„{{ nachname }}“ – …")'),
        ("when", 'name != "„A“"'),
        ("example", "„Haus am See“"),
        ("example", '{"name": "„Haus“"}'),
        ("default", "– ohne –"),
        ("partner_value", "„Sonstige“"),
    ],
)
def test_typographic_signs_in_a_text_may_be_meant(column, text):
    assert oddity(column, text) is None


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("erp_value", f"z.{NBSP}B.", ERROR),
        ("partner_value", f"2{THIN}Zimmer", ERROR),
        ("partner_field", f"address{ZERO_WIDTH}.street", ERROR),
        ("erp_field", f"vorname;{NBSP}nachname", ERROR),
        ("when", f'art = "juristische{NBSP}Person"', ERROR),
        ("when", f"art{NBSP}is{NBSP}empty", WARNING),
        ("example", f"12{NBSP}m²", WARNING),
        ("default", f"a{ZERO_WIDTH}b", ERROR),
        ("note", f"z.{NBSP}B.", FINE),
    ],
)
def test_blanks_that_are_none_are_told(column, text, expected):
    assert code(column, Cell(text)) == expected


def test_what_was_odd_before_is_not_told_again():
    assert code("when", Cell("art = “x”"), "art = “x”") is FINE


def test_a_verdict_says_what_it_was_and_what_to_do():
    found = judged("example", Cell("81", "number", "General"), "0081")
    assert found.message == "holds the number 81; before it was '0081'."
    assert found.suggestion == (
        "If it is meant as before, format the cell as text and type 0081"
    )


# -- in a workbook


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (date(2024, 2, 1), "holds a date or time, 2024-02-01; what was typed is lost"),
        (datetime(2024, 2, 1, 8, 30), "holds a date or time, 2024-02-01 08:30:00"),
        (time(12, 30), "holds a date or time, 12:30:00"),
        (timedelta(hours=30), "holds a date or time, 1 day, 6:00:00"),
        (True, "holds the truth value TRUE"),
        (67.5, "holds the number 67.5; a point or a comma may have been typed"),
        (1e20, "holds a number of which only 15 digits are kept"),
        ("#N/A", "holds the error #N/A"),
        ("=A1", "holds a formula, =A1"),
    ],
)
def test_a_typed_cell_is_told_at_its_place_and_nothing_is_written(
    bench, value, message
):
    before = bench.files()
    bench.edit(lambda tab: tab.put("address.zip", "example", value))
    found = bench.take()
    assert found.code == 2
    assert message in found.err
    assert "[objekte!L10] S03" in found.err
    assert bench.files() == before


def test_lost_zeros_are_told_with_what_stood_there(bench):
    bench.edit(lambda tab: tab.put("extId", "example", 104711), "mieter")
    found = bench.take()
    assert found.code == 2
    assert "holds the number 104711; before it was '0000104711'" in found.err
    assert "type 0000104711" in found.err


def test_a_workbook_may_count_its_days_from_1904(bench):
    def edit(book):
        book.epoch = datetime(1904, 1, 1)
        cell = book["objekte"]["L10"]
        cell.value, cell.number_format = 1.0, "dd.mm.yyyy"

    bench.edit_book(edit)
    assert "1904-01-02" in bench.take().err


# -- in a shared sheet


def shown(*rows, base=None):
    head = [[str(LIST)], ["ERP-Wert", "Partnerwert", "Notiz"]]
    grid = shown_grid("https://sheet", "anrede", [*head, *rows])
    return read_grid(grid, {} if base is None else {LIST: base})


def test_the_csv_of_a_shared_sheet_is_read_as_text():
    found = shown(["0081", "1E5", "TRUE"], ["", ""], [" herr ", "a\r\nb"])
    assert [dict(row) for row in found.table.cells] == [
        {"erp_value": "0081", "partner_value": "1E5", "note": "TRUE"},
        {"erp_value": "herr", "partner_value": "a\nb"},
    ]
    assert found.problems == ()


def test_a_number_that_a_shared_sheet_shows_otherwise_is_an_error():
    base = [{"erp_value": "a", "partner_value": "0081"}]
    (problem,) = shown(["a", "81"], base=base).problems
    assert str(problem).startswith(
        "https://sheet [anrede!B3] S032: '81' is the same number; before it was '0081'."
    )


def test_an_apostrophe_that_was_pasted_with_a_new_value_is_told():
    found = judged("partner_field", Cell("'@iso_land"), "")
    assert found.code == "S032"
    assert found.suggestion == "Write @iso_land"
    assert judged("id_parts", Cell("'-'; mandant_nr"), "") is None
