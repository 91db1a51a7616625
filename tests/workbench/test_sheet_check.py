"""`feldwerk sheet check`: every problem stands in the cell where it is made."""

import json
import shutil

import openpyxl
import pytest
from openpyxl.styles import PatternFill
from typer.testing import CliRunner

from engine.app.cli import app
from engine.app.workbench.book.marks import FILLS
from engine.app.workbench.tables.layout import MEMORY, PROBLEMS, TITLE_ROW, TITLES

RED, BLUE = FILLS["error"], FILLS["info"]


def column(sheet, name):
    """Return the number of the column with a title."""
    titles = {cell.value: cell.column for cell in sheet[TITLE_ROW]}
    return titles[TITLES[name]]


def cell(sheet, field, name, number=0):
    """Return a cell by its partner field and its column."""
    key = column(sheet, "partner_field")
    lines = [
        row
        for row in range(TITLE_ROW + 1, sheet.max_row + 1)
        if str(sheet.cell(row, key).value or "").removesuffix(" *") == field
    ]
    return sheet.cell(lines[number], column(sheet, name))


def rows(book):
    """Return the tab of problems, row by row, as dicts."""
    head, *found = book[PROBLEMS].iter_rows(values_only=True)
    return [dict(zip(head, row, strict=True)) for row in found]


@pytest.fixture
def bad(specs):
    """A workbook with mistakes of several kinds; what was done comes by name."""
    book = specs.export()
    sheet = book["objekte"]
    places = {
        "M104": cell(sheet, "constructionFinishedOn", "transform"),
        "M114": cell(sheet, "heatingType", "expected"),
        "S031": cell(sheet, "address.zip", "erp_field"),
        "S032": cell(sheet, "address.city", "default"),
    }
    for place, value in zip(
        places.values(),
        ("frist | year_start", "Etagenheizung", "=A1", 1.5),
        strict=True,
    ):
        place.value = value
    book.save(specs.folder / "bad.xlsx")
    return {code: place.coordinate for code, place in places.items()}


def check(specs, name="bad.xlsx", out="marked.xlsx", *words):
    path = specs.folder / out
    found = specs.run("sheet", "check", specs.folder / name, "-o", path, *words)
    return found, openpyxl.load_workbook(path)


def test_every_problem_is_painted_into_its_very_cell(specs, bad):
    found, book = check(specs)
    assert found.exit_code == 2
    for code, place in bad.items():
        painted = book["objekte"][place]
        assert painted.fill.fgColor.rgb == RED
        assert f"{code} " in painted.comment.text
    note = book["objekte"][bad["M104"]].comment.text
    assert "M104 Unknown transform" in note
    assert "no transform is named 'frist'" in note
    assert "Did you mean 'first'?" in note


def test_the_tab_of_problems_has_what_spreadsheet_tools_know(specs, bad):
    _, book = check(specs)
    head = next(book[PROBLEMS].iter_rows(values_only=True))
    assert head == (
        "table",
        "cell",
        "level",
        "rule id",
        "rule",
        "message",
        "suggestion",
    )
    (found,) = (row for row in rows(book) if row["rule id"] == "M104")
    assert found["cell"] == bad["M104"]
    assert found["table"] == "etg24/stammdaten/objekte"
    assert found["level"] == "error"
    assert found["suggestion"] == "Did you mean 'first'?"
    line = 2 + [row["rule id"] for row in rows(book)].index("M104")
    place = book[PROBLEMS].cell(line, 2).hyperlink.location
    assert place == f"'objekte'!{bad['M104']}"


def test_a_required_field_without_a_rule_is_marked_where_it_waits_for_one(specs):
    book = specs.export()
    sheet = book["objekte"]
    for name in ("erp_field", "transform", "id_parts", "reference", "example"):
        cell(sheet, "objektgruppeExtId", name).value = None
    cell(sheet, "objektgruppeExtId", "expected").value = None
    place = cell(sheet, "objektgruppeExtId", "partner_field").coordinate
    book.save(specs.folder / "bad.xlsx")
    _, book = check(specs)
    assert "C102" in book["objekte"][place].comment.text


def test_a_book_without_problems_is_marked_with_none(specs):
    specs.export()
    found, book = check(specs, "book.xlsx")
    assert found.exit_code == 0
    assert rows(book) == []
    fills = {c.fill.fgColor.rgb for s in book for row in s.iter_rows() for c in row}
    assert not fills & set(FILLS.values())


def test_the_next_check_takes_the_marks_of_this_one_out(specs, bad):
    _, book = check(specs)
    sheet = book["objekte"]
    for code, value in (
        ("M104", "first | year_start"),
        ("M114", "Zentralheizung"),
        ("S031", "plz"),
        ("S032", None),
    ):
        sheet[bad[code]].value = value
    book.save(specs.folder / "bad.xlsx")
    found, again = check(specs, out="again.xlsx")
    assert found.exit_code == 0, found.output
    for place in bad.values():
        assert again["objekte"][place].comment is None
        assert again["objekte"][place].fill.fill_type is None


def test_marks_are_found_after_people_have_sorted_the_rows(specs, bad):
    _, book = check(specs)
    sheet = book["objekte"]
    sheet.move_range("A3:P20", rows=30)
    book.save(specs.folder / "bad.xlsx")
    specs.run(
        "sheet", "check", specs.folder / "bad.xlsx", "-o", specs.folder / "m.xlsx"
    )
    sheet = openpyxl.load_workbook(specs.folder / "m.xlsx")["objekte"]
    painted = [c for row in sheet.iter_rows() for c in row if c.comment and c.row > 2]
    assert {c.row for c in painted} == {int(p[1:]) + 30 for p in bad.values()}


def test_a_note_and_a_fill_of_people_come_back(specs, bad):
    path = specs.folder / "bad.xlsx"
    book = openpyxl.load_workbook(path)
    place = book["objekte"][bad["M104"]]
    place.fill = PatternFill("solid", fgColor="FF123456")
    place.comment = openpyxl.comments.Comment("Bitte klären, Anna", "Anna")
    book.save(path)
    check(specs, "bad.xlsx", "bad.xlsx")
    both = openpyxl.load_workbook(path)["objekte"][bad["M104"]]
    assert both.comment.text.startswith("Bitte klären, Anna")
    assert "M104" in both.comment.text
    book = openpyxl.load_workbook(path)
    book["objekte"][bad["M104"]].value = "first | year_start"
    book.save(path)
    check(specs, "bad.xlsx", "bad.xlsx")
    back = openpyxl.load_workbook(path)["objekte"][bad["M104"]]
    assert back.comment.text == "Bitte klären, Anna"
    assert back.fill.fgColor.rgb == "FF123456"


def test_the_next_import_removes_the_marks(specs, bad):
    _, book = check(specs)
    sheet = book["objekte"]
    for code in ("S031", "S032"):
        sheet[bad[code]].value = {"S031": "plz"}.get(code)
    sheet[bad["M104"]].value = "first | year_start"
    sheet[bad["M114"]].value = "Zentralheizung"
    cell(sheet, "address.country", "note").value = "neu"
    path = specs.folder / "marked.xlsx"
    book.save(path)
    found = specs.run("sheet", "import", path)
    assert found.exit_code == 0, found.output
    assert "neu" in (specs.case / "objekte.csv").read_text("utf-8")
    after = openpyxl.load_workbook(path)
    assert PROBLEMS not in after.sheetnames
    notes = [c for s in after for row in s.iter_rows() for c in row if c.comment]
    assert notes
    assert not any("sheet check" in note.comment.text for note in notes)


def test_marks_survive_libreoffice_and_are_removed_after_it(specs, bad, libreoffice):
    _, before = check(specs)
    converted = libreoffice(specs.folder / "marked.xlsx", "xlsx")
    shutil.copy(converted, specs.folder / "lo.xlsx")
    book = openpyxl.load_workbook(specs.folder / "lo.xlsx")
    assert "M104" in book["objekte"][bad["M104"]].comment.text
    assert rows(book) == rows(before)
    _, again = check(specs, "lo.xlsx", "again.xlsx")
    cells = [c for row in again["objekte"].iter_rows() for c in row if c.comment]
    assert all(c.comment.text.count("sheet check") <= 1 for c in cells)
    # LibreOffice has computed the formula meanwhile; the cell is refused as before.
    assert [row["cell"] for row in rows(again)] == [row["cell"] for row in rows(before)]


def test_what_an_import_refuses_is_marked_also_without_a_memory(specs):
    book = specs.export()
    del book[MEMORY]
    place = cell(book["mieter"], "extId", "example")
    assert place.value == "0000104711"
    place.value = 104711
    book.save(specs.folder / "bad.xlsx")
    assert "S032" in specs.run("sheet", "import", specs.folder / "bad.xlsx").stderr
    _, book = check(specs)
    assert "S032" in book["mieter"][place.coordinate].comment.text


def test_control_characters_reach_neither_the_terminal_nor_the_marks(specs):
    book = specs.export()
    sheet = book["objekte"]
    end = sheet.max_column + 1
    sheet.cell(TITLE_ROW, end).value = "a_x001B_[2Jb"
    sheet.cell(TITLE_ROW + 1, end).value = "x"
    place = cell(sheet, "address.zip", "note")
    place.value = "c_x001B_[2Jd"
    book.save(specs.folder / "bad.xlsx")
    before = (specs.case / "objekte.csv").read_bytes()
    found, book = check(specs)
    told = "'a\\u001b[2Jb' is no column; it is not read."
    assert told in found.stdout
    assert told in book["objekte"].cell(TITLE_ROW, end).comment.text
    assert told in [row["message"] for row in rows(book)]
    taken = specs.run("sheet", "import", specs.folder / "bad.xlsx")
    assert told in taken.stderr
    refused = f"objekte!{place.coordinate}] S032: has a character that no text has"
    assert f"{refused} (U+001B)" in taken.stderr
    assert "\x1b[2J" not in found.output + taken.output
    assert (specs.case / "objekte.csv").read_bytes() == before


def test_a_link_leads_into_a_tab_with_an_apostrophe(specs, bad):
    path = specs.folder / "bad.xlsx"
    book = openpyxl.load_workbook(path)
    book["objekte"].title = "Anna's"
    book.save(path)
    _, book = check(specs)
    links = [c.hyperlink.location for c in book[PROBLEMS]["B"] if c.hyperlink]
    assert f"'Anna''s'!{bad['M104']}" in links


def test_a_workbook_that_is_there_is_not_replaced_by_chance(specs, bad):
    target = specs.folder / "marked.xlsx"
    target.write_bytes(b"work of somebody")
    found = specs.run("sheet", "check", specs.folder / "bad.xlsx", "-o", target)
    assert found.exit_code == 2
    assert "S010" in found.output
    assert target.read_bytes() == b"work of somebody"


def test_json_names_each_cell(specs, bad):
    found = specs.run("sheet", "check", specs.folder / "bad.xlsx", "--json")
    problems = json.loads(found.stdout)["problems"]
    cells = {problem["code"]: problem["cell"] for problem in problems}
    assert cells["M104"] == f"objekte!{bad['M104']}"
    assert cells["S031"] == f"objekte!{bad['S031']}"


def test_what_the_partner_refused_in_the_last_run_stands_at_its_row(etg24, tmp_path):
    rule = {"entity": "einheiten", "field": "number", "value": "0002"}
    etg24.simulator.faults(refuse=[{**rule, "message": "Die Nummer ist vergeben."}])
    etg24.sync()
    path = tmp_path / "book.xlsx"
    found = CliRunner().invoke(app, ["sheet", "export", "etg24", "-o", str(path)])
    assert found.exit_code == 0, found.output
    book = openpyxl.load_workbook(path)
    # The analyst has put a row before it since, and changed the row itself.
    book["einheiten"].insert_rows(3)
    place = cell(book["einheiten"], "number", "note")
    place.value = "anders"
    book.save(path)
    marked = tmp_path / "marked.xlsx"
    words = ["sheet", "check", path, "-o", marked, "--database", etg24.database]
    found = CliRunner().invoke(app, list(map(str, words)))
    book = openpyxl.load_workbook(marked)
    (row,) = (row for row in rows(book) if row["rule id"] == "D201")
    assert found.exit_code == 0
    assert row["level"] == "info"
    assert row["message"].startswith("1 record of muster/etg24/stammdaten/test, ")
    assert "Die Nummer ist vergeben." in row["message"]
    painted = book["einheiten"][row["cell"]]
    assert painted.row == place.row
    assert painted.fill.fgColor.rgb == BLUE
    assert "Die Nummer ist vergeben." in painted.comment.text
