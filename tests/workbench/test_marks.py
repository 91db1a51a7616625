"""Marks leave alone what people made, and books that cannot take any say so."""

import json
import re
import resource
import subprocess
import sys

import openpyxl
import pytest
from books import Tab, repacked
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import PatternFill

from engine.app.workbench.book.marks import FILLS
from engine.app.workbench.tables.layout import PROBLEMS
from engine.runtime.library import INSTALLED

SECOND = f"{PROBLEMS} (2)"
MAIN = "from engine.app.cli import main; main()"
SHEET = "xl/worksheets/sheet4.xml"
"""The tab of a table."""


@pytest.fixture
def book(specs):
    """A workbook with a mistake; the path of it."""
    found = specs.export()
    Tab(found["objekte"]).put("constructionFinishedOn", "transform", "frist")
    path = specs.folder / "book.xlsx"
    found.save(path)
    return path


def check(specs, path, *words):
    return specs.run("sheet", "check", path, "-o", path, *words)


def edit(path, change):
    book = openpyxl.load_workbook(path, rich_text=True)
    change(book)
    book.save(path)


def mend(path, tab="objekte"):
    """Correct the mistake, and change a note."""

    def change(book):
        table = Tab(book[tab])
        table.put("constructionFinishedOn", "transform", "first | year_start")
        table.put("address.country", "note", "neu")

    edit(path, change)


# -- what people made


def test_a_tab_of_problems_that_somebody_wrote_stays(specs, book):
    edit(book, lambda b: b.create_sheet(PROBLEMS).append(["meine offenen Punkte"]))
    for _ in range(2):
        check(specs, book)
        found = openpyxl.load_workbook(book)
        assert found[PROBLEMS]["A1"].value == "meine offenen Punkte"
        assert found[SECOND]["A1"].value == "table"
        assert [n for n in found.sheetnames if PROBLEMS in n] == [PROBLEMS, SECOND]
    mend(book)
    taken = specs.run("sheet", "import", book)
    assert taken.exit_code == 0, taken.output
    names = openpyxl.load_workbook(book).sheetnames
    assert PROBLEMS in names
    assert SECOND not in names


def test_a_tab_of_problems_with_a_column_of_people_is_theirs(specs, book):
    check(specs, book)
    edit(book, lambda b: b[PROBLEMS].cell(1, 8, "erledigt von"))
    check(specs, book)
    found = openpyxl.load_workbook(book)
    assert found[PROBLEMS]["H1"].value == "erledigt von"
    assert found[SECOND]["H1"].value is None


def test_cells_in_our_colours_without_our_note_keep_them(specs, book):
    colours = dict(zip(("Z1", "Z3"), FILLS.values(), strict=False))

    def paint(book):
        for place, colour in colours.items():
            book["objekte"][place].fill = PatternFill("solid", fgColor=colour)

    edit(book, paint)
    check(specs, book)
    check(specs, book)
    sheet = openpyxl.load_workbook(book)["objekte"]
    assert {place: sheet[place].fill.fgColor.rgb for place in colours} == colours


def test_a_colour_that_somebody_gave_to_a_marked_cell_stays(specs, book):
    check(specs, book)
    place = Tab(openpyxl.load_workbook(book)["objekte"]).place(
        "constructionFinishedOn", "transform"
    )
    fill = PatternFill("solid", fgColor="FF00FF00")
    edit(book, lambda b: setattr(b["objekte"][place], "fill", fill))
    mend(book)
    check(specs, book)
    cell = openpyxl.load_workbook(book)["objekte"][place]
    assert cell.comment is None
    assert cell.fill.fgColor.rgb == "FF00FF00"


def test_letters_in_bold_stay_bold(specs, book):
    text = CellRichText("a ", TextBlock(InlineFont(b=True), "fett"), " c")
    edit(book, lambda b: Tab(b["objekte"]).put("address.zip", "note", text))
    check(specs, book)
    found = openpyxl.load_workbook(book, rich_text=True)["objekte"]
    kept = Tab(found).cell("address.zip", "note").value
    assert [str(part) for part in kept] == ["a ", "fett", " c"]
    assert kept[1].font.b


# -- books that cannot be marked


def in_sheet(path, behind: bytes = b"", rows: bytes = b""):
    end = rows + b"</sheetData>" + behind
    return repacked(path, **{SHEET: lambda x: x.replace(b"</sheetData>", end)})


def merged(ref: bytes) -> bytes:
    return b'<mergeCells><mergeCell ref="%s"/></mergeCells>' % ref


def test_a_book_that_is_read_but_damaged_elsewhere_is_not_marked(specs, book):
    repacked(book, **{"docProps/core.xml": b""})
    before = book.read_bytes()
    found = check(specs, book)
    assert found.exit_code == 2
    assert "M104" in found.stdout
    assert "S080: is damaged" in found.stdout
    assert "marked in" not in found.stdout
    assert book.read_bytes() == before
    told = json.loads(check(specs, book, "--json").stdout)
    assert told["out"] is None
    assert {"M104", "S080"} <= {one["code"] for one in told["problems"]}


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("docProps/core.xml", lambda x: x.replace(b"2026-", b"gestern")),
        ("docProps/custom.xml", lambda _: b"<x"),
        ("xl/theme/theme1.xml", lambda _: b'<?xml version="1.0" encoding="hex"?><a/>'),
        ("xl/styles.xml", lambda x: re.sub(b'fontId="0"', b'fontId="9999"', x)),
        ("xl/styles.xml", lambda x: x.replace(b'<sz val="', b'<sz val="x')),
        (SHEET, lambda x: x.replace(b'<row r="3"', b'<row r="3" ht="abc"')),
        (SHEET, lambda x: x.replace(b'type="list"', b'type="zzz"')),
        (
            "xl/styles.xml",
            lambda x: x.replace(
                b"</styleSheet>", b"<a>" * 900 + b"</a>" * 900 + b"</styleSheet>"
            ),
        ),
    ],
)
def test_a_part_that_only_openpyxl_reads_may_be_damaged(specs, book, part, content):
    extra = {part: content(b"")} if part.endswith("custom.xml") else {part: content}
    repacked(book, **extra)
    found = check(specs, book)
    assert found.exit_code == 2
    assert found.exception is None or isinstance(found.exception, SystemExit)
    assert re.search("S080|S02[34]|marked in", found.output)


BOMBS = {
    "merged": {"behind": merged(b"A1000:XFD1048576")},
    "merged columns": {"behind": merged(b"AA:XFD")},
    "hyperlink": {"behind": b'<hyperlinks><hyperlink ref="A1:C999999"/></hyperlinks>'},
    "rows": {
        "rows": b"".join(b'<row r="%d" hidden="1"/>' % n for n in range(900, 700_000))
    },
    "cells": {
        "rows": b"".join(
            b'<row r="%d">%s</row>' % (n, b'<c s="1"/>' * 16_000)
            for n in range(900, 950)
        )
    },
    "formulas": {
        "rows": b"".join(
            b'<row r="%d"><c r="B%d"><f>1</f></c></row>' % (n, n)
            for n in range(900, 13_000)
        )
    },
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_book_that_would_take_much_memory_is_not_marked(specs, book, bomb):
    in_sheet(book, **BOMBS[bomb])
    words = ["sheet", "check", book, "-o", book, "--root", specs.root]
    found = limited(*words)
    assert found.returncode == 2, found.stderr[-500:]
    assert "M104" in found.stdout
    assert "S080: is too large" in found.stdout


def test_a_cell_far_away_costs_nothing(specs, book):
    in_sheet(book, rows=b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')
    found = limited("sheet", "check", book, "-o", book, "--root", specs.root)
    assert "marked in" in found.stdout, found.stderr[-500:]


def limited(*words):
    """Run the command line with 1.5 GB of addresses, of which it uses few."""

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000, 1_500_000_000))

    return subprocess.run(
        [sys.executable, "-c", MAIN, *map(str, words)],
        cwd=INSTALLED,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=limit,
    )


# -- an import whose marks stay


def test_an_import_that_cannot_take_the_marks_out_says_so_and_checks(specs, book):
    check(specs, book)
    mend(book)
    repacked(book, **{"docProps/core.xml": b""})
    found = specs.run("sheet", "import", book)
    assert found.exit_code == 0, found.output
    assert "1 table written. etg24 checked: 0 errors." in found.stdout
    assert "S081: warning: is damaged" in found.stderr
    assert "neu" in (specs.case / "objekte.csv").read_text("utf-8")


def test_the_marks_that_stay_are_told_in_json(specs, book):
    check(specs, book)
    mend(book)
    repacked(book, **{"docProps/core.xml": b""})
    found = json.loads(specs.run("sheet", "import", book, "--json").stdout)
    assert found["exit_code"] == 0
    assert len(found["written"]) == 1
    assert [(one["code"], one["level"]) for one in found["problems"]] == [
        ("S081", "warning")
    ]


# -- the file


def test_a_link_stays_a_link_and_a_mode_a_mode(specs, book):
    book.chmod(0o640)
    link = specs.folder / "link.xlsx"
    link.symlink_to(book.name)
    found = check(specs, link)
    assert "marked in" in found.stdout
    assert link.is_symlink()
    assert PROBLEMS in openpyxl.load_workbook(book).sheetnames
    assert book.stat().st_mode & 0o777 == 0o640


def test_a_full_disk_is_told_and_leaves_what_was_there(specs, book):
    before = book.read_bytes()
    words = ["sheet", "check", book, "-o", book, "--root", specs.root]
    found = small_files(*words)
    assert found.returncode == 2
    assert "M104" in found.stdout
    assert "S010: cannot be written: " in found.stdout
    out = specs.folder / "new.xlsx"
    found = small_files("sheet", "export", "-o", out, "--root", specs.root)
    assert found.returncode == 2
    assert "S010: cannot be written: " in found.stderr
    assert book.read_bytes() == before
    assert not list(specs.folder.glob("*new*"))
    assert not list(specs.folder.glob(".*"))


def small_files(*words):
    """Run the command line where no file may have more than some bytes."""
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "from engine.app.cli import main; main()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=INSTALLED,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("words", [("export", "-o"), ("check", "BOOK", "-o")])
def test_a_name_that_no_file_can_have_is_told(specs, book, words):
    words = [book if word == "BOOK" else word for word in words]
    found = specs.run("sheet", *words, specs.folder / f"{'x' * 300}.xlsx")
    assert found.exit_code == 2
    assert "S010: cannot be written: File name too long." in found.output


def test_a_link_that_leads_to_itself_is_told(specs, book):
    loop = specs.folder / "loop.xlsx"
    loop.symlink_to(loop.name)
    found = specs.run("sheet", "export", "-o", loop)
    assert found.exit_code == 2
    assert "S010" in found.output
