"""What spreadsheets write is read; types are never guessed; every value has a place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.problems import Origin
from engine.tables import GERMAN_TITLES, read_table
from engine.yamlfile import read_yaml

COLUMNS = ["partner_field", "erp_field", "note"]


@pytest.fixture
def read(tmp_path):
    """Return what reads a table of these bytes or this text."""

    def read_(content):
        path = tmp_path / "table.csv"
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
        return read_table(path, "table.csv", COLUMNS, COLUMNS[:1])

    return read_


@pytest.fixture
def clean(read):
    """Return what reads a table without problems: the cells of its rows."""

    def clean_(content):
        rows, problems = read(content)
        assert problems == []
        return [dict(row.cells) for row in rows]

    return clean_


TWO = [{"partner_field": "a", "erp_field": "b"}]


@pytest.mark.parametrize(
    "content",
    [
        "partner_field,erp_field\na,b\n",
        "partner_field;erp_field\na;b\n",
        "partner_field\terp_field\na\tb\n",
        "partner_field,erp_field\r\na,b\r\n",
        "partner_field,erp_field\ra,b\r",
        "\ufeffpartner_field;erp_field\r\na;b",
        "Partner_Field , ERP_FIELD\n a , b \n",
        '"partner_field","erp_field"\n"a","b"\n',
        "\n\npartner_field,erp_field\n\n,\na,b\n,,,\n\n",
        "Partnerfeld;ERP-Feld\na;b\n",
        "erp_field,partner_field\nb,a\n",
    ],
    ids=[
        *("comma", "semicolon", "tab", "CRLF", "CR", "BOM", "blanks", "quotes"),
        *("empty rows", "German titles", "reordered columns"),
    ],
)
def test_a_table_reads_alike_however_a_spreadsheet_writes_it(clean, content):
    assert clean(content) == TWO


@pytest.mark.parametrize(("german", "name"), GERMAN_TITLES.items())
def test_a_german_title_stands_for_its_column(tmp_path, german, name):
    path = tmp_path / "table.csv"
    path.write_text(f"{german.capitalize()}\nx\n", "utf-8")
    rows, problems = read_table(path, "table.csv", [name], [name])
    assert ([row.cells[name] for row in rows], problems) == (["x"], [])


@pytest.mark.parametrize(
    "cell", ["0081", "1E5", "01.02", "TRUE", "=1+1", "1,5", "007 ", "-", "null", "''"]
)
def test_a_cell_is_always_text(clean, cell):
    assert (
        clean(f'partner_field;note\n"{cell}";x\n')[0]["partner_field"] == cell.strip()
    )


def test_a_delimiter_a_quote_and_a_line_break_can_stand_in_a_quoted_cell(clean):
    found = clean('partner_field,note\n"a,""b""\nc",x\n')
    assert found[0]["partner_field"] == 'a,"b"\nc'


def test_a_row_is_placed_at_the_line_where_it_begins(read):
    rows, _ = read('\npartner_field,note\na,"x\ny"\n\nb,\r\nc,z\n')
    assert [row.origin.line for row in rows] == [3, 6, 7]


def test_a_cell_is_placed_by_its_row_and_its_column(read):
    rows, _ = read("partner_field\na\n")
    assert rows[0].at("partner_field") == Origin("table.csv", 2, "partner_field")


def test_a_table_in_cp1252_is_read_with_a_notice_at_the_first_such_line(read):
    rows, problems = read("partner_field;note\na;x\nb;Straße €\n".encode("cp1252"))
    assert rows[1].cells["note"] == "Straße €"
    assert [(p.code, p.level, p.origin.line) for p in problems] == [
        ("T006", "warning", 3)
    ]


def test_umlauts_that_are_utf_8_give_no_notice(clean):
    assert clean("partner_field\nGröße\n") == [{"partner_field": "Größe"}]


def test_a_row_with_too_few_cells_has_the_rest_empty(clean):
    assert clean("partner_field,erp_field\na\n") == [{"partner_field": "a"}]


def test_empty_cells_beyond_the_header_are_no_problem(clean):
    assert clean("partner_field\na,,\n") == [{"partner_field": "a"}]


def test_all_problems_of_a_table_come_at_once(read):
    _, problems = read("erp_feld,note,note\na,b,c,d\n")
    assert [p.code for p in problems] == ["T101", "T103", "T102", "T104"]


def test_an_open_quote_is_reported_where_its_row_begins(read):
    _, problems = read('partner_field\na\n"b\nc\nd\n')
    assert [(p.code, p.origin.line) for p in problems] == [("T105", 3)]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.binary(max_size=60) | st.text(alphabet=',;"\n\r\tab', max_size=40))
def test_no_content_breaks_the_reader(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    rows, _ = read_table(path, "any.csv", COLUMNS, COLUMNS[:1])
    assert all(isinstance(v, str) for row in rows for v in row.cells.values())


# -- YAML


@pytest.fixture
def read_text(tmp_path):
    def read_(text):
        (tmp_path / "file.yaml").write_text(text, "utf-8")
        return read_yaml(tmp_path / "file.yaml", "file.yaml")

    return read_


@pytest.mark.parametrize(
    "scalar",
    [
        *("0081", "1E5", "01.02", "1.50", "1.0", "1_000", "0x10", "0o17", "1:30", "+1"),
        *("no", "yes", "on", "off", "True", "FALSE", "y", "NULL", "Null"),
        *("2024-03-01", "01.03.2024", ".5", "5.", ".inf", ".nan", "-0", "1e3", "="),
    ],
)
def test_a_scalar_that_is_not_certainly_typed_stays_text(read_text, scalar):
    assert read_text(f"a: {scalar}\n")[0].data == {"a": scalar}


@pytest.mark.parametrize(
    ("scalar", "value"),
    [
        *(("1", 1), ("-7", -7), ("0", 0), ("0.5", 0.5), ("-1.25", -1.25)),
        *(("true", True), ("false", False), ("null", None), ("~", None), ("", None)),
        *(('"1"', "1"), ("'true'", "true")),
    ],
)
def test_a_scalar_that_is_certain_has_its_type(read_text, scalar, value):
    found = read_text(f"a: {scalar}\n")[0].data["a"]
    assert (found, type(found)) == (value, type(value))


def test_each_value_of_a_file_has_its_line(read_text):
    file, _ = read_text("a: 1\nb:\n  - x\n  - {c: 2}\nd:\n  e:\n    f: 3\n")
    lines = {position: file.origin(position).line for position in file.lines}
    assert lines[("a",)] == 1
    assert lines[("b", 0)] == 3
    assert lines[("b", 1, "c")] == 4
    assert lines[("d", "e", "f")] == 7


def test_a_missing_value_is_placed_at_its_nearest_parent(read_text):
    file, _ = read_text("a: 1\nb:\n  c: 2\n")
    assert file.origin(["b", "x", "y"]) == Origin("file.yaml", 2, "b.x.y")
    assert file.origin(["z"]) == Origin("file.yaml", 1, "z")


def test_a_byte_order_mark_before_yaml_is_passed_over(read_text):
    assert read_text("\ufeffa: 1\n")[0].data == {"a": 1}


@pytest.mark.parametrize(
    "text",
    ["a: [1\n", "a: !!python/object:os.system x\n", "&a [*a]\n", "a: 1\n--- b\n"],
)
def test_what_is_not_plain_yaml_is_a_problem_not_an_exception(read_text, text):
    file, problems = read_text(text)
    assert file.data is None
    assert [p.code for p in problems] == ["T003"]
