"""What people change in a workbook comes into the files: that, and nothing else."""

import signal
import subprocess
import sys
from copy import copy

import pytest
from books import Tab
from changed_specs import change
from openpyxl import load_workbook
from openpyxl.styles import Font, PatternFill
from openpyxl.utils import get_column_letter

from engine.app.workbench.sheets.importing import prepared
from engine.app.workbench.tables.layout import MEMORY, TITLE_ROW, TableId, table_id
from engine.app.workbench.tables.writing import write_tables
from engine.app.workbench.versions import opened
from engine.errors import SpecError
from engine.runtime.library import INSTALLED
from engine.spec import Folders

OBJEKTE = "mappings/partners/etg24/stammdaten/objekte.csv"


def letter(column: str) -> str:
    """Return the column of a tab in which a column of a field table was exported."""
    columns = TableId("", "", "").columns
    return get_column_letter(2 + columns.index(column))


def changed_lines(before: str, after: str) -> tuple[set[str], set[str]]:
    old, new = before.splitlines(), after.splitlines()
    return {one for one in old if one not in new}, {
        one for one in new if one not in old
    }


# -- only real changes


def test_a_workbook_that_nobody_changed_changes_nothing(bench):
    before = bench.files()
    found = bench.take()
    assert (found.code, found.out) == (0, f"Nothing has changed in {bench.book}.\n")
    assert bench.files() == before


def test_one_changed_cell_changes_one_line_of_one_file(bench):
    before, table = bench.files(), bench.table()
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    found = bench.take()
    assert found.code == 0
    assert "~ address.zip [Umwandlung]: nothing -> 'trim'" in found.out
    assert "1 table written. etg24 checked: 0 errors." in found.out
    assert changed_lines(table, bench.table()) == (
        {"address.zip,plz,,,,,,,,,,"},
        {"address.zip,plz,trim,,,,,,,,,"},
    )
    after = bench.files()
    assert {path for path in after if after[path] != before[path]} == {OBJEKTE}


def test_a_dry_run_shows_the_changes_and_writes_nothing(bench):
    before = bench.files()
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    found = bench.take("--dry-run")
    assert found.code == 0
    assert "~ address.zip [Umwandlung]: nothing -> 'trim'" in found.out
    assert found.out.endswith("1 table would be written.\n")
    assert bench.files() == before


def test_the_changes_come_as_json(bench):
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    found = bench.take("--json").json()
    assert found["written"] == [OBJEKTE]
    assert found["exit_code"] == 0
    assert [one["code"] for one in found["problems"]] == ["M115"]
    (table,) = found["tables"]
    assert table == {
        "table": "etg24/stammdaten/objekte",
        "differences": [
            {
                "row": "address.zip",
                "column": "transform",
                "kind": "changed",
                "side": "sheet",
                "base": "",
                "sheet": "trim",
                "file": "",
            }
        ],
    }


def test_a_row_that_is_added_comes_where_it_stands_in_the_sheet(bench):
    def edit(tab):
        line = tab.line("address.city")
        tab.sheet.insert_rows(line)
        tab.add(line, partner_field="address.zip2", erp_field="plz", note="neu")

    bench.edit(edit)
    found = bench.take()
    assert "+ address.zip2: ERP-Feld 'plz', Notiz 'neu'" in found.out
    lines = bench.table().splitlines()
    place = lines.index("address.zip2,plz,,,,,,,,,,neu")
    assert lines[place - 1].startswith("address.zip,")
    assert lines[place + 1].startswith("address.city,")


def test_a_row_that_is_deleted_is_dropped(bench):
    bench.edit(lambda tab: tab.sheet.delete_rows(tab.line("address.country")))
    found = bench.take()
    assert "- address.country" in found.out
    assert "address.country" not in bench.table()


def test_a_field_whose_row_is_emptied_is_unmapped(bench):
    def edit(tab):
        for title, number in tab.titles.items():
            if title not in ("Partnerfeld", "Nr."):
                tab.sheet.cell(tab.line("address.country"), number).value = None

    bench.edit(edit)
    assert "- address.country" in bench.take().out


def test_a_field_that_waits_for_a_rule_says_nothing(bench):
    book = load_workbook(bench.book)
    names = {Tab(book["objekte"]).sheet.cell(row, 2).value for row in range(3, 60)}
    unmapped = [
        n for n in names if n and n.removesuffix(" *") + "," not in bench.table()
    ]
    assert unmapped
    assert bench.take().out.startswith("Nothing has changed")


def test_a_field_that_gets_a_rule_is_added_without_the_mark_of_required(bench):
    bench.edit(
        lambda tab: tab.add(partner_field="heatingNote *", default="x", note="neu")
    )
    bench.take()
    assert "heatingNote,,,,,,x,,,,,neu" in bench.table().splitlines()[-1]


def test_a_list_gets_and_loses_values(bench):
    def edit(tab):
        tab.sheet.delete_rows(tab.line("eheleute"))
        tab.add(erp_value="divers", partner_value="Person")

    bench.edit(edit, "Liste anrede")
    found = bench.take()
    assert "+ divers: Partnerwert 'Person'" in found.out
    lines = bench.table("lists/anrede").splitlines()
    assert "divers,Person," in lines
    assert not any(line.startswith("eheleute") for line in lines)


def test_a_whole_number_is_its_digits(bench):
    bench.edit(lambda tab: tab.add(erp_value="keller", partner_value=7), "Liste anrede")
    assert bench.take().code == 0
    assert "keller,7," in bench.table("lists/anrede").splitlines()


def test_what_is_written_is_checked_and_errors_are_told(bench):
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trimm"))
    found = bench.take()
    assert found.code == 2
    assert "trimm" in bench.table()
    assert "1 table written all the same. etg24 checked: 2 errors." in found.out
    assert f"{OBJEKTE}:9 [transform] M104:" in found.err


# -- what does not matter


def test_the_order_of_rows_does_not_matter_whatever_they_are_sorted_by(bench):
    before = bench.files()
    book = load_workbook(bench.book)
    for name in ("objekte", "mieter", "Liste anrede"):
        tab = Tab(book[name])
        rows = tab.rows()
        for number in range(len(tab.titles)):
            tab.replace_rows(sorted(rows, key=lambda row, n=number: str(row[n] or "")))
            book.save(bench.book)
            assert bench.take().out.startswith("Nothing has changed"), (name, number)
    assert bench.files() == before


def test_a_row_that_is_added_to_a_sorted_sheet_comes_to_its_field(bench):
    def edit(tab):
        rows = sorted(tab.rows(), key=lambda row: str(row[1]))
        tab.replace_rows(rows)
        tab.add(partner_field="title", erp_field="geb_nr", when="ort is not empty")

    bench.edit(edit)
    bench.take()
    fields = [
        line.split(",")[5] for line in bench.table().splitlines() if line[:5] == "title"
    ]
    assert fields == [
        "bezeichnung is not empty",
        "strasse is not empty",
        "ort is not empty",
        "",
    ]


def test_columns_may_be_moved(bench):
    def edit(tab):
        width = max(tab.titles.values())
        for row in tab.sheet.iter_rows(min_row=TITLE_ROW, max_col=width):
            values = [cell.value for cell in row]
            for cell, value in zip(row, reversed(values), strict=True):
                cell.value = value

    before = bench.files()
    bench.edit(edit)
    assert bench.take().out.startswith("Nothing has changed")
    assert bench.files() == before


@pytest.mark.parametrize(
    "title", ["transform", "UMWANDLUNG", "  umwandlung ", "Transform"]
)
def test_a_title_may_be_german_or_english_with_any_capitals_and_blanks(bench, title):
    def edit(tab):
        tab.sheet.cell(TITLE_ROW, tab.titles["Umwandlung"]).value = title

    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    bench.edit(edit)
    assert "nothing -> 'trim'" in bench.take().out


def test_a_column_that_is_deleted_leaves_its_cells_as_they_are(bench):
    before = bench.files()
    bench.edit(lambda tab: tab.sheet.delete_cols(tab.titles["Bedingung"]))
    assert bench.take().out.startswith("Nothing has changed")
    bench.edit(lambda tab: tab.put("title", "note", "neu", 2))
    bench.take()
    gone, new = changed_lines(before[OBJEKTE].decode(), bench.table())
    assert (len(gone), len(new)) == (1, 1)
    assert "strasse is not empty" in new.pop()


def test_formats_colours_and_widths_do_not_matter(bench):
    def edit(tab):
        for row in tab.sheet.iter_rows():
            for cell in row:
                font = copy(cell.font)
                cell.font = Font(name="Comic Sans MS", size=18, bold=not font.bold)
                cell.fill = PatternFill("solid", fgColor="FF00FF")
                cell.number_format = "0.00"
        tab.sheet.column_dimensions["C"].width = 3
        tab.sheet.freeze_panes = None

    bench.edit(edit)
    assert bench.take().out.startswith("Nothing has changed")


def test_empty_rows_between_and_above_do_not_matter(bench):
    def edit(tab):
        tab.sheet.insert_rows(tab.line("address.zip"), 40)
        tab.sheet.insert_rows(TITLE_ROW, 3)

    bench.edit(edit)
    assert bench.take().out.startswith("Nothing has changed")


def test_a_filter_that_hides_rows_hides_nothing_from_the_import(bench):
    def edit(tab):
        line = tab.line("address.zip")
        tab.sheet.row_dimensions[line].hidden = True
        tab.sheet.auto_filter.add_filter_column(1, ["title"])
        tab.sheet.column_dimensions[tab.letter("note")].hidden = True
        tab.put("address.zip", "transform", "trim")

    bench.edit(edit)
    found = bench.take()
    assert "~ address.zip [Umwandlung]: nothing -> 'trim'" in found.out
    assert (
        "S034: warning: is read with what nobody sees: 1 hidden row (10)" in found.err
    )
    assert f"what is hidden in column {letter('note')}." in found.err


def test_a_sheet_that_was_numbered_anew_is_read_by_its_fields(bench):
    def edit(tab):
        tab.sheet.insert_rows(4)
        tab.add(4, partner_field="neu", erp_field="ort")
        for line in range(3, tab.line("heatingEnergySource") + 1):
            tab.add(line)
            tab.sheet.cell(line, 1).value = line - 2
        tab.put("address.zip", "note", "a")
        tab.put("address.city", "note", "b")

    bench.edit(edit)
    out = bench.take().out
    assert "etg24/stammdaten/objekte: 1 added, 2 changed" in out
    assert "address.zip [Notiz]: nothing -> 'a'" in out
    assert "address.city [Notiz]: nothing -> 'b'" in out


def test_a_field_that_is_renamed_stays_the_row_that_it_was(bench):
    bench.edit(lambda tab: tab.put("address.zip", "partner_field", "address.postcode"))
    out = bench.take().out
    assert "~ address.zip [Partnerfeld]: 'address.zip' -> 'address.postcode'" in out


def test_a_row_that_is_copied_and_changed_is_added(bench):
    def edit(tab):
        line = tab.line("address.zip")
        tab.sheet.insert_rows(line + 1)
        for number in tab.titles.values():
            tab.sheet.cell(line + 1, number).value = tab.sheet.cell(line, number).value
        tab.add(line + 1, when="plz is not empty")

    bench.edit(edit)
    out = bench.take().out
    assert "objekte: 1 added\n" in out
    assert "+ address.zip if plz is not empty" in out


# -- tabs


def test_a_tab_that_is_deleted_drops_nothing(bench):
    before = bench.files()
    bench.edit_book(lambda book: book.remove(book["objekte"]))
    found = bench.take()
    assert found.code == 0
    assert (
        "S037: warning: etg24/stammdaten/objekte has no tab here; it stays as it is"
        in found.err
    )
    assert bench.files() == before


def test_a_tab_may_be_renamed_and_moved(bench):
    def edit(book):
        book["objekte"].title = "Häuser"
        book.move_sheet("Häuser", -3)

    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    bench.edit_book(edit)
    assert "nothing -> 'trim'" in bench.take().out


def test_a_tab_that_is_copied_is_refused(bench):
    bench.edit_book(lambda book: book.copy_worksheet(book["objekte"]))
    found = bench.take()
    assert found.code == 2
    assert "objekte Copy] S027" not in found.err
    assert (
        "[objekte Copy!1] S027: etg24/stammdaten/objekte stands here and in the tab "
        "'objekte'." in found.err
    )


def test_a_tab_of_ones_own_is_passed_over_with_a_notice(bench):
    bench.edit_book(lambda book: book.create_sheet("Fragen").append(["Was fehlt?"]))
    found = bench.take()
    assert found.code == 0
    assert (
        "[Fragen] S035: warning: is not read: it has no titles of a table." in found.err
    )


def test_a_tab_with_a_new_list_makes_a_new_file(bench):
    def edit(book):
        sheet = book.create_sheet("neu")
        sheet.append(["etg24/stammdaten/lists/neu"])
        sheet.append(["ERP-Wert", "Partnerwert"])
        sheet.append(["a", "A"])

    bench.edit_book(edit)
    assert "etg24/stammdaten/lists/neu: new list, 1 added" in bench.take().out
    assert bench.table("lists/neu") == "erp_value,partner_value,note\na,A,\n"


def test_a_field_table_that_no_entity_has_is_refused_with_the_entities(bench):
    bench.edit(lambda tab: tab.sheet.cell(1, 1, "etg24/stammdaten/garagen"))
    found = bench.take()
    assert found.code == 2
    assert "no entity is named 'garagen'" in found.err
    assert "There are: objektgruppen, objekte, einheiten" in found.err
    assert not (bench.folder / "garagen.csv").exists()


@pytest.mark.parametrize(
    ("identity", "message"),
    [
        ("../../etc/x", "'../../etc/x' is no name of a table"),
        ("etg24/stammdaten/../../x", "is no name of a table"),
        ("etg24/stammdaten/lists/..", "is no name of a table"),
        ("etg24/../x", "is no name of a table"),
        (
            "etg42/stammdaten/objekte",
            "no partner is named 'etg42'. Did you mean 'etg24'?",
        ),
        ("etg24/stammdate/objekte", "Did you mean 'stammdaten'?"),
        ("etg24/stammdaten/lists/anrede", "is a list, the titles are those of a field"),
    ],
)
def test_an_identity_that_is_wrong_is_refused(bench, identity, message):
    before = sorted(path for path in bench.root.rglob("*"))
    bench.edit(lambda tab: tab.sheet.cell(1, 1, identity))
    found = bench.take()
    assert found.code == 2
    assert "S026" in found.err
    assert message in found.err
    assert sorted(path for path in bench.root.rglob("*")) == before


def test_a_tab_without_an_identity_is_known_by_its_name(bench):
    def edit(tab):
        tab.sheet["A1"].value = None
        tab.put("address.zip", "transform", "trim")

    bench.edit(edit)
    assert "nothing -> 'trim'" in bench.take().out


def test_a_tab_that_nothing_names_is_refused(bench):
    def edit(tab):
        tab.sheet["A1"].value = None
        tab.sheet.title = "Blatt 1"

    bench.edit(edit)
    found = bench.take()
    assert found.code == 2
    assert "[Blatt 1!A1] S026: nothing says which table this is" in found.err


def test_titles_that_are_gone_are_missed(bench):
    bench.edit(lambda tab: tab.sheet.delete_rows(TITLE_ROW))
    found = bench.take()
    assert found.code == 2
    assert "[objekte] S028: the titles are missing" in found.err


# -- titles


def test_a_title_that_is_nearly_right_is_not_guessed(bench):
    def edit(tab):
        tab.sheet.cell(TITLE_ROW, tab.titles["Umwandlung"]).value = "Umwandlungen"

    bench.edit(edit)
    found = bench.take()
    assert found.code == 2
    assert (
        "S028: no column has the title 'Umwandlungen'. Did you mean 'Umwandlung'?"
        in found.err
    )


def test_an_unknown_column_is_passed_over_with_a_notice(bench):
    def edit(tab):
        number = max(tab.titles.values()) + 1
        tab.sheet.cell(TITLE_ROW, number, "Zuständig")
        tab.sheet.cell(3, number, "Anna")
        tab.sheet.cell(4, number + 1, "ohne Titel")

    bench.edit(edit)
    found = bench.take()
    assert found.code == 0
    assert "S029: warning: 'Zuständig' is no column; it is not read." in found.err
    assert "S029: warning: the column has no title; it is not read." in found.err


def test_a_title_that_stands_twice_is_refused(bench):
    def edit(tab):
        tab.sheet.cell(TITLE_ROW, max(tab.titles.values()) + 1, "Notiz")

    bench.edit(edit)
    found = bench.take()
    assert found.code == 2
    assert f"S028: 'Notiz' stands here and in column {letter('note')}." in found.err


# -- sheet, file and what both were made from


def test_what_the_files_have_changed_since_stays(bench):
    change(
        bench.folder / "objekte.csv", ("address.city,ort,,", "address.city,ort,trim,")
    )
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    found = bench.take()
    assert found.code == 0
    lines = bench.table().splitlines()
    assert {"address.city,ort,trim,,,,,,,,,", "address.zip,plz,trim,,,,,,,,,"} <= set(
        lines
    )
    assert (
        "Changed in the files since the export; the files stay as they are:"
        in found.out
    )
    assert "~ address.city [Umwandlung]: nothing -> 'trim'" in found.out


def test_a_cell_that_both_changed_differently_is_a_conflict_and_nothing_is_written(
    bench,
):
    change(
        bench.folder / "objekte.csv", ("address.city,ort,,", "address.city,ort,trim,")
    )
    before = bench.files()
    bench.edit(lambda tab: tab.put("address.city", "transform", "upper"))
    bench.edit(lambda tab: tab.add(erp_value="x", partner_value="Herr"), "Liste anrede")
    found = bench.take()
    assert found.code == 2
    assert (
        "S036: Umwandlung of 'address.city' is 'upper' here and 'trim' in the file."
        in found.err
    )
    assert bench.files() == before


def test_a_row_that_is_dropped_here_and_changed_there_is_a_conflict(bench):
    change(
        bench.folder / "objekte.csv", ("address.city,ort,,", "address.city,ort,trim,")
    )
    bench.edit(lambda tab: tab.sheet.delete_rows(tab.line("address.city")))
    found = bench.take()
    assert found.code == 2
    assert (
        "[objekte] S036: 'address.city' is dropped here, and changed in the file"
        in found.err
    )


def test_a_row_that_is_changed_here_and_dropped_there_is_a_conflict(bench):
    change(bench.folder / "objekte.csv", ("address.city,ort,,,,,,,,,,\n", ""))
    bench.edit(lambda tab: tab.put("address.city", "transform", "trim"))
    found = bench.take()
    assert found.code == 2
    assert "'address.city' is changed here, and dropped from the file" in found.err


def test_an_import_that_is_repeated_changes_nothing_more(bench):
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    bench.edit(lambda tab: tab.add(erp_value="x", partner_value="Herr"), "Liste anrede")
    assert bench.take().code == 0
    after = bench.files()
    assert bench.take().out.startswith("Nothing has changed")
    assert bench.files() == after


def test_without_its_memory_a_workbook_is_compared_with_the_files(bench):
    bench.edit_book(lambda book: book.remove(book[MEMORY]))
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    found = bench.take()
    assert found.code == 0
    assert "[objekte] S038: warning: is compared with the file" in found.err
    assert "nothing -> 'trim'" in found.out


def test_all_problems_come_at_once(bench):
    change(
        bench.folder / "objekte.csv", ("address.city,ort,,", "address.city,ort,trim,")
    )

    def edit(tab):
        tab.put("address.city", "transform", "upper")
        tab.put("address.zip", "note", "=1+1")
        tab.put("title", "example", 1.5)
        tab.sheet.merge_cells(
            tab.place("extId", "note") + ":" + tab.place("title", "note")
        )
        tab.sheet.cell(TITLE_ROW, tab.titles["Wenn leer"]).value = "Wenn lehr"

    bench.edit(edit)
    bench.edit(lambda tab: tab.sheet.cell(1, 1, "../../x"), "mieter")
    found = bench.take("--json").json()["problems"]
    codes = {one["code"] for one in found if one["level"] == "error"}
    assert codes == {"S026", "S028", "S030", "S031", "S032", "S036"}


# -- writing


KILLED = """
import os, signal, sys
from engine.app.cli import app

replace, left = os.replace, [int(sys.argv[1])]

def dying(*paths):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    replace(*paths)

os.replace = dying
app(["sheet", "import", sys.argv[2], "--root", sys.argv[3]])
"""


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_a_killed_import_leaves_each_file_old_or_new_and_the_next_one_finishes(
    bench, steps
):
    for tab in ("objekte", "mieter", "einheiten"):
        bench.edit(lambda tab: tab.put("extId", "note", "neu"), tab)
    before = bench.files()
    words = [sys.executable, "-c", KILLED, str(steps), str(bench.book), str(bench.root)]
    ended = subprocess.run(words, cwd=INSTALLED, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    after = bench.files()
    changed = {path for path in after if after[path] != before[path]}
    assert len(changed) == steps
    assert bench.take().code == 0
    final = bench.files()
    assert len({path for path in final if final[path] != before[path]}) == 3
    assert all(final[path] == after[path] for path in changed)
    assert not list(bench.root.rglob("*.new"))


def test_a_folder_that_cannot_be_written_is_told(bench):
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    (bench.folder / ".objekte.csv.1.new").mkdir()
    found = bench.take()
    assert found.code == 2
    assert f"{OBJEKTE} S039: cannot be written: Is a directory." in found.err


def test_a_file_keeps_its_rights(bench):
    path = bench.folder / "objekte.csv"
    path.chmod(0o640)
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    bench.take()
    assert path.stat().st_mode & 0o777 == 0o640


# -- a workbook as a version of the specs


def test_a_workbook_as_a_version_is_what_its_import_would_make(bench):
    change(
        bench.folder / "objekte.csv", ("address.city,ort,,", "address.city,ort,trim,")
    )
    bench.edit(lambda tab: tab.put("address.zip", "transform", "trim"))
    with opened(str(bench.book), Folders(bench.root)) as version:
        lines = (version.folders.root / OBJEKTE).read_text("utf-8").splitlines()
    bench.take()
    assert lines == (bench.root / OBJEKTE).read_text("utf-8").splitlines()
    both = {"address.city,ort,trim,,,,,,,,,", "address.zip,plz,trim,,,,,,,,,"}
    assert both <= set(lines)


@pytest.mark.parametrize("cell", [("address.zip", "note", "=1+1"), None])
def test_a_workbook_that_cannot_be_imported_is_no_version(bench, cell):
    if cell:
        bench.edit(lambda tab: tab.put(*cell))
    else:
        bench.edit(lambda tab: tab.sheet.cell(1, 1, "etg24/stammdaten/garagen"))
    with (
        pytest.raises(SpecError, match="S031" if cell else "named 'garagen'"),
        opened(str(bench.book), Folders(bench.root)),
    ):
        pass


@pytest.mark.parametrize(
    "text", ["", "a/b", "a/b/c/d", "a/b/", "/a/b/c", "a/lists/x/y", "a/b/c d"]
)
def test_what_is_no_identity_names_no_table(text):
    assert table_id(text) is None


# -- who writes at the same time


def test_two_imports_at_once_lose_nothing(bench, tmp_path):
    other = tmp_path / "other.xlsx"
    other.write_bytes(bench.book.read_bytes())
    bench.edit(lambda tab: tab.put("address.zip", "note", "Anna"))
    book = load_workbook(other)
    Tab(book["objekte"]).put("address.city", "note", "Bert")
    book.save(other)
    words = [sys.executable, "-c", "from engine.app.cli import main; main()", "sheet"]
    both = [
        subprocess.Popen(
            [*words, "import", str(one), "--root", str(bench.root)],
            cwd=INSTALLED,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (bench.book, other)
    ]
    assert [one.wait(60) for one in both] == [0, 0]
    assert "Anna" in bench.table()
    assert "Bert" in bench.table()


def test_a_file_that_was_changed_since_it_was_read_stays(bench):
    folders = Folders(bench.root)
    bench.edit(lambda tab: tab.put("address.zip", "note", "neu"))
    bench.edit(lambda tab: tab.put("extId", "note", "neu"), "mieter")
    found = prepared(bench.book, folders)
    path = bench.root / OBJEKTE
    path.write_bytes(path.read_bytes() + b"renovatedAt,baujahr,,,,,,,,,,von Hand\n")
    before = bench.files()
    with pytest.raises(SpecError) as caught:
        write_tables(folders, [table.merged.file for table in found.changed])
    assert [problem.code for problem in caught.value.problems] == ["S085"]
    assert bench.files() == before
    assert "2 tables written" in bench.take().out
    assert "von Hand" in bench.table()


def test_a_draft_of_a_killed_command_is_cleared_away(bench):
    left = bench.folder / ".objekte.csv.1.new"
    left.write_bytes(b"x")
    bench.edit(lambda tab: tab.put("address.zip", "note", "neu"))
    assert bench.take().code == 0
    assert not left.exists()
