"""A workbook is used again after its import: it knows what was taken from it."""

import zipfile

import openpyxl
import pytest

from engine.app.workbench.tables.layout import MEMORY

OBJEKTE = "mappings/partners/etg24/stammdaten/objekte.csv"


def line_of(bench, field):
    lines = (bench.root / OBJEKTE).read_text("utf-8").splitlines()
    return next(line for line in lines if line.startswith(f"{field},"))


def test_a_cell_may_be_changed_again_in_the_same_workbook(bench):
    for transform in ("trim", "upper", None, "trim"):
        bench.edit(lambda tab, t=transform: tab.put("address.city", "transform", t))
        found = bench.take()
        assert found.code == 0, found.err
        assert line_of(bench, "address.city").split(",")[2] == (transform or "")


def test_what_the_file_alone_has_changed_stays_at_the_next_import(bench):
    path = bench.root / OBJEKTE
    path.write_text(
        path.read_text("utf-8").replace("address.zip,plz,,", "address.zip,plz,trim,"),
        "utf-8",
    )
    for transform in ("trim", "upper"):
        bench.edit(lambda tab, t=transform: tab.put("address.city", "transform", t))
        assert bench.take().code == 0
        assert line_of(bench, "address.zip").split(",")[2] == "trim"


def test_rows_may_be_added_and_dropped_import_by_import(bench):
    def add(tab):
        tab.put("buildingType", "default", "HAUS")

    def drop(tab):
        tab.put("buildingType", "default", None)

    before = bench.files()
    bench.edit(add)
    assert bench.take().code == 0
    assert line_of(bench, "buildingType")
    bench.edit(drop)
    assert bench.take().code == 0
    assert bench.files() == before


def test_a_second_import_of_the_same_workbook_changes_nothing(bench):
    bench.edit(lambda tab: tab.put("address.city", "transform", "trim"))
    bench.take()
    content = bench.book.read_bytes()
    assert bench.take().out.startswith("Nothing has changed")
    assert bench.book.read_bytes() == content


def test_only_the_hidden_tab_is_written(bench):
    bench.edit(lambda tab: tab.put("address.city", "transform", "trim"))
    place = openpyxl.load_workbook(bench.book).sheetnames.index(MEMORY) + 1

    def parts():
        with zipfile.ZipFile(bench.book) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    before = parts()
    bench.take()
    after = parts()
    assert list(after) == list(before)
    changed = [name for name in after if after[name] != before[name]]
    assert changed == [f"xl/worksheets/sheet{place}.xml"]


def test_it_is_opened_by_openpyxl_and_libreoffice(bench, libreoffice):
    bench.edit(lambda tab: tab.put("address.city", "transform", "trim"))
    bench.take()
    memory = openpyxl.load_workbook(bench.book)[MEMORY]
    assert memory.cell(1, 1).value == "feldwerk"
    bench.book.write_bytes(libreoffice(bench.book, "xlsx").read_bytes())
    assert bench.take().out.startswith("Nothing has changed")


@pytest.mark.parametrize("words", [["--dry-run"], []])
def test_a_workbook_of_which_nothing_is_taken_stays_as_it_is(bench, words):
    if words:
        bench.edit(lambda tab: tab.put("address.city", "transform", "trim"))
    content = bench.book.read_bytes()
    assert bench.take(*words).code == 0
    assert bench.book.read_bytes() == content


def test_an_import_that_was_killed_before_it_told_the_workbook_is_told_later(bench):
    exported = bench.book.read_bytes()
    for transform in ("trim", "upper"):
        bench.edit(lambda tab, t=transform: tab.put("address.city", "transform", t))
        if transform == "trim":
            edited = bench.book.read_bytes()
            assert bench.take().code == 0
            bench.book.write_bytes(edited)
            assert bench.take().out.startswith("Nothing has changed")
            assert bench.book.read_bytes() not in (exported, edited)
    assert bench.take().code == 0
    assert line_of(bench, "address.city").split(",")[2] == "upper"
