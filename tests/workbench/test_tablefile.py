"""A table that is written again keeps the text of everything that did not change."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import FIELDS, LIST

from engine.app.workbench.tables.tablefile import read_table_file, table_of_text
from engine.errors import SpecError
from engine.tables import read_table

HEADER = "erp_value,partner_value"


@pytest.fixture
def read(tmp_path):
    def read_(content):
        path = tmp_path / "list.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table_file(path, LIST)

    return read_


cells = st.text("ab1 ;,\"\n\r\t'=é", max_size=5)


@st.composite
def csv_texts(draw):
    """Draw the text of a list, as different programs write it."""
    mark = draw(st.sampled_from(",;\t"))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))

    def written(cell):
        if draw(st.booleans()) or set(cell) & set('",;\t\n\r'):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    lines = [HEADER.replace(",", mark)]
    for one, two in draw(st.lists(st.tuples(cells, cells), max_size=5)):
        lines.append(mark.join((written(one), written(two))))
        lines += [""] * draw(st.integers(0, 1))
    text = end.join(lines) + (end if draw(st.booleans()) else "")
    return draw(st.sampled_from(["", "\ufeff"])) + text


@given(csv_texts())
def test_a_table_that_nobody_changed_is_the_same_text(text):
    assert table_of_text(text, LIST).text() == text


@given(csv_texts())
def test_the_lines_of_rows_are_those_that_problems_name(tmp_path_factory, text):
    path = tmp_path_factory.mktemp("t") / "list.csv"
    path.write_bytes(text.encode())
    rows, _ = read_table(path, "list.csv", LIST.columns, ())
    file = read_table_file(path, LIST)
    assert file.lines() == [row.origin.line for row in rows]
    assert [dict(one) for one in file.cells] == [
        {
            c: v.replace("\r\n", "\n").replace("\r", "\n")
            for c, v in row.cells.items()
            if v
        }
        for row in rows
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"{HEADER}\na,b\n", f"{HEADER}\na,b\nc,d\n"),
        (f"{HEADER}\na,b", f"{HEADER}\na,b\nc,d\n"),
        (f"{HEADER}\r\na,b\r\n", f"{HEADER}\r\na,b\r\nc,d\r\n"),
        (f"{HEADER}\ra,b", f"{HEADER}\ra,b\rc,d\r"),
        (f"\ufeff{HEADER}\na,b\n", f"\ufeff{HEADER}\na,b\nc,d\n"),
        ("ERP-Wert;Partnerwert\na;b\n", "ERP-Wert;Partnerwert\na;b\nc;d\n"),
        (f"{HEADER}\n\n'a' ,\"b\"\n\n", f"{HEADER}\n\n'a' ,\"b\"\n\nc,d\n"),
        ("partner_value,erp_value\nb,a\n", "partner_value,erp_value\nb,a\nd,c\n"),
        (f"\n{HEADER}\na,b\n", f"\n{HEADER}\na,b\nc,d\n"),
    ],
    ids=["plain", "no end", "CRLF", "CR", "BOM", "German", "blanks", "order", "above"],
)
def test_a_row_is_added_as_the_file_is_written(read, before, after):
    file = read(before)
    added = {"erp_value": "c", "partner_value": "d"}
    assert file.with_rows([*file.rows, added]).text() == after


def test_a_column_that_is_new_comes_at_its_place_and_others_stay(read):
    file = read("erp_value,mine,note\na,x,n\n")
    (row,) = file.cells
    changed = file.with_rows([{**row, "partner_value": "b"}])
    assert changed.text() == "erp_value,mine,partner_value,note\na,x,b,n\n"


def test_a_column_that_nobody_knows_stays_in_the_file(read):
    file = read("erp_value,mine,partner_value\na,x,b\n")
    changed = file.with_rows([*file.rows, {"erp_value": "c"}])
    assert changed.text() == "erp_value,mine,partner_value\na,x,b\nc,,\n"


def test_a_file_of_another_encoding_becomes_utf_8(read):
    file = read(f"{HEADER}\nä,ö\n".encode("cp1252"))
    assert file.text() == f"{HEADER}\nä,ö\n"
    assert read(codecs.BOM_UTF8 + b"erp_value\na\n").mark == "\ufeff"


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_a_file_without_a_header_is_empty(read, content):
    assert read(content).with_rows([{"erp_value": "a"}]).text() == (
        "erp_value,partner_value,note\na,,\n"
    )


def test_a_table_that_is_not_there_is_empty(tmp_path):
    file = read_table_file(tmp_path / "none.csv", FIELDS)
    assert (file.header, file.rows) == (FIELDS.columns, ())


def test_a_cell_that_no_reader_takes_is_told(read):
    with pytest.raises(SpecError, match="T105"):
        read(f'{HEADER}\n"{"a" * 200_000}",b\n')
