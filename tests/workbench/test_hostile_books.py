"""Whatever somebody hands in as a workbook gets a clear answer, in little room."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from contextlib import suppress

import pytest
from books import repacked
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from engine.app.workbench.sheets import reading
from engine.errors import SpecError
from engine.problems import errors
from engine.runtime.library import INSTALLED

SHEET = "xl/worksheets/sheet1.xml"
BOOK = "xl/workbook.xml"
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.fixture
def path(tmp_path):
    """A small workbook with a list, in the first tab."""
    book = Workbook()
    sheet = book.active
    sheet.title = "anrede"
    for row in (
        ["etg24/stammdaten/lists/anrede"],
        ["ERP-Wert", "Partnerwert"],
        ["herr", "Herr"],
    ):
        sheet.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    return path


def refused(path):
    """Read what cannot be read; return the code and the message."""
    with pytest.raises(SpecError) as error:
        reading.read_book(path)
    (problem,) = error.value.problems
    assert problem.origin.file == str(path)
    return problem.code, problem.message


def sound_tables(path):
    """Return the tables of a workbook in which nothing is wrong."""
    book = reading.read_book(path)
    if wrong := errors(book.problems):
        raise SpecError(wrong)
    return book.tables


def cells(path):
    (table,) = sound_tables(path)
    return [dict(row) for row in table.cells]


def in_sheet(path, old: bytes, new: bytes):
    """Replace a part of the first tab's XML."""

    def change(content):
        assert old in content
        return content.replace(old, new, 1)

    return repacked(path, **{SHEET: change})


def test_a_small_workbook_is_read(path):
    assert cells(path) == [{"erp_value": "herr", "partner_value": "Herr"}]


# -- no workbook at all


def test_what_is_not_there_is_not_found(tmp_path):
    assert refused(tmp_path / "none.xlsx") == ("S020", "not found.")
    assert refused(tmp_path / ("x" * 400)) == ("S020", "not found.")
    with pytest.raises(SpecError, match="S020"):
        reading.read_book(tmp_path / "a\0b")


def test_a_folder_is_no_workbook(tmp_path):
    assert refused(tmp_path) == ("S020", "is a folder, no workbook.")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "book.xlsx")
    assert refused(tmp_path / "book.xlsx") == ("S020", "is no file.")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, no .xlsx workbook."),
        (b"a;b\n1;2\n", "is a text file such as CSV, no .xlsx workbook."),
        (b"<!DOCTYPE html><html>", "is an HTML page, no .xlsx workbook."),
        (b"\xef\xbb\xbf <html>", "is an HTML page, no .xlsx workbook."),
        (b'<?xml version="1.0"?><Workbook/>', "is an XML file, no .xlsx workbook."),
        (b"%PDF-1.7", "is a PDF, no .xlsx workbook."),
        (b"\0\1\2", "is something else, no .xlsx workbook."),
    ],
)
def test_another_kind_of_file_is_named(tmp_path, content, message):
    (tmp_path / "book.xlsx").write_bytes(content)
    assert refused(tmp_path / "book.xlsx") == ("S020", message)


def test_an_old_workbook_and_one_with_a_password_are_told_apart(tmp_path):
    path = tmp_path / "book.xlsx"
    ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 2000
    path.write_bytes(ole)
    assert refused(path) == ("S020", "is an old .xls workbook; save it as .xlsx.")
    path.write_bytes(ole + "EncryptedPackage".encode("utf-16-le"))
    code, message = refused(path)
    assert (code, message[:30]) == ("S021", "is protected with a password, ")


def test_another_kind_of_workbook_is_named(path, libreoffice):
    ods = libreoffice(path, "ods")
    assert refused(ods) == ("S020", "is an OpenDocument file; save it as .xlsx.")
    xls = libreoffice(path, "xls")
    assert refused(xls) == ("S020", "is an old .xls workbook; save it as .xlsx.")


def test_another_zip_is_no_workbook(tmp_path):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    assert refused(path) == ("S020", "is a zip file, but no .xlsx workbook.")


def test_a_binary_workbook_is_named(path):
    repacked(path, **{BOOK: None, "xl/workbook.bin": b"\0"})
    assert refused(path) == ("S020", "is a binary workbook; save it as .xlsx.")


def test_a_workbook_without_a_table_is_told(path):
    in_sheet(path, b"<sheetData>", b"<sheetData><!--")
    in_sheet(path, b"</sheetData>", b"--></sheetData>")
    with pytest.raises(SpecError) as error:
        reading.read_book(path)
    codes = {problem.code for problem in error.value.problems}
    assert codes == {"S025", "S035"}


# -- macros, passwords, other files


@pytest.mark.parametrize(
    "name", ["xl/vbaProject.bin", "XL/VBAPROJECT.BIN", "xl/macrosheets/sheet1.xml"]
)
def test_a_workbook_with_macros_is_refused(path, name):
    repacked(path, **{name: b"\0"})
    assert refused(path)[0] == "S022"


@pytest.mark.parametrize("ending", [".xlsm", ".xltm", ".XLSM"])
def test_a_workbook_for_macros_is_refused(path, ending):
    other = path.with_suffix(ending)
    shutil.copy(path, other)
    code, message = refused(other)
    assert (code, ending in message) == ("S022", True)


def test_encrypted_parts_are_a_password(path):
    content = bytearray(path.read_bytes())
    for mark, offset in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        for found in re.finditer(re.escape(mark), bytes(content)):
            content[found.start() + offset] |= 1
    path.write_bytes(content)
    assert refused(path)[0] == "S021"


def test_links_to_other_files_do_not_keep_a_workbook_from_being_read(path):
    repacked(path, **{"xl/externalLinks/externalLink1.xml": b"<externalLink/>"})
    assert cells(path) == [{"erp_value": "herr", "partner_value": "Herr"}]


def test_a_cell_that_refers_to_another_file_is_refused(path):
    formula = b'<c r="B3"><f>[1]Tabelle1!A1</f><v>5</v></c>'
    with_cell(path, formula)
    code, message = refused_cell(path)
    assert code == "S031"
    assert "refers to another file, =[1]Tabelle1!A1; it is not read" in message


def with_cell(path, cell: bytes):
    """Replace the cell B3 of the first tab by other XML."""

    def change(content):
        return re.sub(rb'<c r="B3".*?</c>', lambda _: cell, content, flags=re.DOTALL)

    return repacked(path, **{SHEET: change})


def refused_cell(path):
    with pytest.raises(SpecError) as error:
        sound_tables(path)
    (problem,) = error.value.problems
    return problem.code, f"{problem.origin} {problem.message} {problem.suggestion}"


# -- broken


@pytest.mark.parametrize("length", [10, 60, 400, 3000, -30, -1])
def test_a_workbook_that_is_cut_off_is_damaged(path, length):
    path.write_bytes(path.read_bytes()[:length])
    assert refused(path)[0] == "S024"


def test_a_part_whose_content_was_changed_is_damaged(path):
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(SHEET)
    content = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(SHEET) + 20
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    code, message = refused(path)
    assert (code, SHEET in message) == ("S024", True)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</sheetData>", b""),
        (b'<row r="3"', b'<row r="0"'),
        (b'<row r="3"', b'<row r="99999999"'),
        (b'<row r="3"', '<row r="³"'.encode()),
        (b'r="B3"', b'r="ZZZZ3"'),
        (b'r="B3"', b'r="XFE3"'),
        (b'r="B3"', '"r="Ä3"'.encode()),
        (
            b"</sheetData>",
            b'</sheetData><mergeCells><mergeCell ref="x y"/></mergeCells>',
        ),
        (b"</row></sheetData>", b'<c r="C3"><v>x</v></c></row></sheetData>'),
        (b"</row></sheetData>", b'<c r="C3" t="s"><v>99</v></c></row></sheetData>'),
        (b"</row></sheetData>", b'<c r="C3" t="s"><v>-1</v></c></row></sheetData>'),
        (b"<sheetData>", DOCTYPE + b"<sheetData>"),
        (b"<sheetData>", b"<sheetData>&nbsp;"),
    ],
)
def test_xml_that_is_wrong_is_damaged(path, old, new):
    in_sheet(path, old, new)
    assert refused(path)[0] == "S024"


@pytest.mark.parametrize(
    ("part", "encoding"),
    [
        *((part, "utf-8") for part in (SHEET, BOOK, "docProps/core.xml")),
        *((part, "utf-16") for part in (SHEET, "xl/styles.xml", "docProps/core.xml")),
        (SHEET, "cp037"),
    ],
)
def test_entities_are_refused_in_any_part_and_encoding(path, part, encoding):
    def change(content):
        text = re.sub(r"^<\?xml.*?\?>", "", content.decode())
        head = f'<?xml version="1.0" encoding="{encoding}"?>'
        return (head + DOCTYPE.decode() + text).encode(encoding)

    assert refused(repacked(path, **{part: change}))[0] == "S024"


@pytest.mark.parametrize("part", [SHEET, "xl/_rels/workbook.xml.rels"])
def test_a_part_that_is_missing_is_damaged(path, part):
    repacked(path, **{part: None})
    assert refused(path)[0] == "S024"


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1))
def test_a_workbook_in_which_bytes_were_changed_is_read_or_refused(path, changes):
    content = bytearray(path.read_bytes())
    for place, byte in changes:
        content[place % len(content)] = byte
    other = path.with_name("changed.xlsx")
    other.write_bytes(content)
    with suppress(SpecError):
        reading.read_book(other)


def test_a_packing_that_workbooks_do_not_have_is_refused(path):
    content = zipfile.ZipFile(path).read(SHEET)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("xl/more.xml", content)
    assert refused(path) == ("S024", "is packed in a way that workbooks are not.")


# -- too large


def test_a_file_of_200_megabytes_is_not_opened(tmp_path):
    path = tmp_path / "book.xlsx"
    with path.open("wb") as file:
        file.truncate(200_000_000)
    assert refused(path) == ("S023", "has 200 MB; 50 MB are read at most.")


def test_a_part_that_unpacks_to_too_much_is_refused_by_what_it_says(path):
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/media/image1.xml", "w") as part,
    ):
        for _ in range(130):
            part.write(bytes(1_000_000))
    code, message = refused(path)
    assert code == "S023"
    assert "130 of them in xl/media/image1.xml" in message


def test_a_part_that_lies_about_its_size_is_damaged(path):
    repacked(path, **{"xl/lie.xml": bytes(20_000_000)})
    content = bytearray(path.read_bytes())
    place = content.rindex(b"xl/lie.xml") - 46
    assert content[place : place + 4] == b"PK\1\2"
    content[place + 24 : place + 28] = struct.pack("<I", 100)
    path.write_bytes(content)
    code, message = refused(path)
    assert (code, "xl/lie.xml" in message) == ("S024", True)


def test_a_directory_of_too_many_parts_is_not_even_listed(path):
    with zipfile.ZipFile(path, "a") as archive:
        for number in range(2_100):
            archive.writestr(f"xl/{number}", b"")
    assert refused(path) == ("S023", "has more than 2000 parts.")
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\5\6")
    content[place + 12 : place + 16] = struct.pack("<I", 40_000_000)
    path.write_bytes(content)
    assert refused(path) == ("S023", "has more than 2000 parts.")


@pytest.mark.parametrize(
    "content",
    [
        b"<x>" * 200,
        b"<sheetData>" + b"<row><c><v>1</v></c></row>" * 300_100,
        b"<sheetData>" + b"<c/>" * 4_100_000,
        b"<x a='" + b"a" * 5_000_000 + b"'/>",
        b"<c><f>" + b"a" * 200_000 + b"</f></c>",
    ],
    ids=["deep", "cells", "elements", "endless", "long text"],
)
def test_xml_that_is_too_much_is_refused_before_it_is_kept(path, content):
    repacked(path, **{SHEET: b"<worksheet>" + content})
    assert refused(path)[0] == "S023"


def test_cells_that_share_a_long_text_do_not_multiply_it(path):
    text = "a" * 90_000 + " "
    shared = f"<sst><si><t>{text}</t></si></sst>".encode()
    rows = "".join(f'<row r="{n}"><c t="s"><v>0</v></c></row>' for n in range(1, 2000))
    sheet = f"<worksheet><sheetData>{rows}</sheetData></worksheet>".encode()
    repacked(path, **{"xl/sharedStrings.xml": shared, SHEET: sheet})
    assert refused(path)[0] == "S023"


MEASURED = """
import sys, time
from pathlib import Path
from engine.app.workbench.sheets.reading import read_book
from engine.errors import StopError

def peak():
    # What getrusage says of the peak begins with that of the process before.
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

before, start = peak(), time.process_time()
try:
    read_book(Path(sys.argv[1]))
    code = "read"
except StopError as error:
    code = error.problems[0].code
print(code, peak() - before, time.process_time() - start)
"""


def measured(path):
    """Read a workbook in its own process: the answer, MB and seconds that it took."""
    words = [sys.executable, "-c", MEASURED, str(path)]
    done = subprocess.run(
        words, cwd=INSTALLED, check=True, timeout=120, capture_output=True, text=True
    )
    code, kilobytes, seconds = done.stdout.split()
    return code, int(kilobytes) / 1000, float(seconds)


def test_a_bomb_takes_no_memory(path):
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("xl/more.xml", "w") as part,
    ):
        for _ in range(115):
            part.write(b" " * 1_000_000)
    code, megabytes, _ = measured(path)
    assert code == "read", "no tab of the workbook needs that part"
    assert megabytes < 30


def test_a_bomb_of_one_text_takes_no_memory(path):
    text = b"<sst><si><t>" + b"a" * 110_000_000 + b"</t></si></sst>"
    repacked(path, **{"xl/sharedStrings.xml": text})
    code, megabytes, _ = measured(path)
    assert code == "S023"
    assert megabytes < 30


@pytest.mark.parametrize("cells_of_a_row", [0, 1])
def test_a_million_empty_formatted_rows_are_passed_over(path, cells_of_a_row):
    cell = '<c r="A{0}" s="0"/>' * cells_of_a_row
    row = f'<row r="{{0}}" s="1" customFormat="1">{cell}</row>'
    rows = "".join(row.format(n) for n in range(4, 1_000_004))
    in_sheet(path, b"</sheetData>", rows.encode() + b"</sheetData>")
    code, megabytes, seconds = measured(path)
    assert code == "read"
    assert megabytes < 60
    assert seconds < 30


# -- what people do


def test_merged_cells_of_a_table_are_refused_and_those_above_are_not(path):
    book = load_workbook(path)
    book.active.merge_cells("A1:F1")
    book.active.merge_cells("D3:E3")
    book.active.merge_cells("A20:B20")
    book.save(path)
    assert len(cells(path)) == 1
    book.active.merge_cells("A3:B3")
    book.save(path)
    code, message = refused_cell(path)
    assert code == "S030"
    assert "[anrede!A3] is merged up to B3" in message


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        (b"<f>1+1</f><v>2</v>", b"", "=1+1; formulas are not computed. Paste it as a"),
        (b"<f>1+1</f><v>2</v>", b"", "value, which was '2' at last"),
        (b"<f>A3</f><v>Frau</v>", b' t="str"', "which was 'Frau' at last"),
        (b"<f>1+1</f>", b"", "holds a formula, =1+1; formulas are not computed."),
        (b'<f t="shared" si="0"/><v>2</v>', b"", "holds a formula, =; formulas"),
        (b'<f t="array" ref="B3">X()</f><v>1</v>', b"", "holds a formula, =X();"),
        (b"<f>1/0</f><v>#DIV/0!</v>", b' t="e"', "which was '#DIV/0!' at last"),
    ],
)
def test_a_formula_is_not_taken_and_its_saved_value_is_offered(
    path, cell, kind, message
):
    new = b'<c r="B3"%s>%s</c>' % (kind, cell)
    with_cell(path, new)
    code, found = refused_cell(path)
    assert code == "S031"
    assert message in found


def test_a_text_that_looks_like_a_formula_is_a_text(path):
    book = load_workbook(path)
    cell = book.active["B3"]
    cell.value, cell.data_type = "=1+1", "s"
    book.save(path)
    assert cells(path) == [{"erp_value": "herr", "partner_value": "=1+1"}]


def test_rows_far_below_are_read(path):
    book = load_workbook(path)
    book.active["A9000"], book.active["B9000"] = "frau", "Frau"
    book.save(path)
    assert [row["erp_value"] for row in cells(path)] == ["herr", "frau"]


def test_a_hidden_tab_is_read_with_a_notice(path):
    book = load_workbook(path)
    book.create_sheet("x")
    book["anrede"].sheet_state = "veryHidden"
    book.active = 1
    book.save(path)
    found = reading.read_book(path)
    assert len(found.tables) == 1
    notices = {problem.code: str(problem) for problem in found.problems}
    assert "the tab itself is hidden" in notices["S034"]


def test_text_in_runs_and_escapes_is_put_together(path):
    runs = (
        b'<c r="B3" t="inlineStr"><is><r><t>He</t></r><r><t xml:space="preserve">rr '
        b"_x0041__x005F_x0042_</t></r><rPh><t>no</t></rPh></is></c>"
    )
    with_cell(path, runs)
    assert cells(path)[0]["partner_value"] == "Herr A_x0042_"


def test_two_tabs_of_one_name_do_not_hide_each_other(path):
    book = load_workbook(path)
    book.copy_worksheet(book["anrede"])
    book.save(path)
    repacked(path, **{BOOK: lambda old: old.replace(b"anrede Copy", b"anrede")})
    with pytest.raises(SpecError, match="S027"):
        sound_tables(path)


# -- characters that no text has


@pytest.mark.parametrize("code", ["0000", "0007", "001B", "FFFF", "D800", "DE00"])
def test_a_character_that_no_text_has_is_refused_at_its_cell(path, code):
    with_cell(path, f'<c r="B3" t="str"><v>a_x{code}_b</v></c>'.encode())
    found, message = refused_cell(path)
    shown = "FFFD" if code.startswith("D") else code
    assert found == "S032"
    assert "[anrede!B3] has a character that no text has" in message
    assert f"(U+{shown}). Write ab" in message


def test_both_halves_of_a_pair_are_a_character(path):
    with_cell(path, b'<c r="B3" t="str"><v>a_xD83D__xDE00_</v></c>')
    assert cells(path)[0]["partner_value"] == "a\U0001f600"


@pytest.mark.parametrize("encoding", ["foo", "rot13", "hex", "idna"])
def test_an_encoding_that_is_none_is_damaged(path, encoding):
    head = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    repacked(path, **{SHEET: lambda x: head + re.sub(rb"^<\?xml.*?\?>", b"", x)})
    assert refused(path)[0] == "S024"


# -- all tabs together


def test_tabs_that_name_one_part_are_refused(path):
    book = load_workbook(path)
    book.create_sheet("x")
    book.save(path)
    rels = "xl/_rels/workbook.xml.rels"
    repacked(path, **{rels: lambda x: x.replace(b"sheet2.xml", b"sheet1.xml")})
    assert refused(path) == (
        "S024",
        "is damaged: two of its tabs name the same cells.",
    )


def test_the_limits_hold_for_all_tabs_together(path):
    book = load_workbook(path)
    for number in range(3):
        book.create_sheet(str(number))
    book.save(path)
    rows = b"<worksheet><sheetData>" + b"<row><c><v>1</v></c></row>" * 110_000
    parts = {
        f"xl/worksheets/sheet{n}.xml": rows + b"</sheetData></worksheet>"
        for n in (2, 3, 4)
    }
    repacked(path, **parts)
    assert refused(path)[0] == "S023"
    columns = (
        b"<worksheet><cols>" + b'<col hidden="1"/>' * 110_000 + b"</cols></worksheet>"
    )
    repacked(path, **dict.fromkeys(parts, columns))
    assert refused(path)[0] == "S023"


def test_a_cell_of_many_runs_is_refused_while_it_is_collected(path):
    run = b"<r><t>" + b"a" * 90_000 + b"</t></r>"
    with_cell(path, b'<c r="B3" t="inlineStr"><is>' + run * 1_100 + b"</is></c>")
    code, megabytes, _ = measured(path)
    assert code == "S023"
    assert megabytes < 30


def test_a_million_hidden_rows_take_no_memory(path):
    rows = "".join(f'<row r="{n}" hidden="1"/>' for n in range(4, 1_000_004))
    in_sheet(path, b"</sheetData>", rows.encode() + b"</sheetData>")
    code, megabytes, _ = measured(path)
    assert code == "read"
    assert megabytes < 30
