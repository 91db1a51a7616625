"""The source "folder of files": real files in, records, rejects and stops out."""

import json
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from engine.errors import SpecError
from engine.problems import CATALOGUE
from engine.runtime.source import FolderSource
from engine.standard import Entity, Field, Reference, Standard

MAIL = {
    "adresse": Field("adresse", personal="personal"),
    "art": Field("art", enum=("privat", "beruf")),
    "seit": Field("seit", type="date"),
}
FIELDS = [
    Field("mandant_nr", required=True),
    Field("haus_nr", required=True),
    Field("zusatz"),
    Field("bezeichnung"),
    Field("name", personal="personal"),
    Field("art", enum=("miete", "weg")),
    Field("baujahr", type="integer"),
    Field("flaeche", type="number"),
    Field("lohn", type="number", personal="sensitive"),
    Field("aufzug", type="boolean"),
    Field("beginn", type="date"),
    Field("ende", type="date", open_end=True),
    Field("stand", type="datetime"),
    Field("emails", type="list", item_value="adresse", item_fields=MAIL),
    Field(
        "posten", type="list", item_fields={"betrag": Field("betrag", type="number")}
    ),
    Field("farben", type="list"),
    Field("adresse", type="object", item_fields={"plz": Field("plz")}),
    Field("ober_nr"),
]
HOUSE = Entity(
    name="haus",
    title="Haus",
    plural="Häuser",
    key=("mandant_nr", "haus_nr", "zusatz"),
    fields={field.name: field for field in FIELDS},
    references={
        "ober": Reference(
            "ober",
            "haus",
            {"mandant_nr": "mandant_nr", "haus_nr": "ober_nr", "zusatz": "zusatz"},
        )
    },
)
PERSON = Entity("person", "Person", "Personen", ("nr",), {"nr": Field("nr")})
STANDARD = Standard(
    MappingProxyType(
        {
            "haus": HOUSE,
            "person": PERSON,
            "mieter": replace(PERSON, name="mieter", view_of="person"),
        }
    )
)
DECLARED = """
thousands: '.'
date: DD.MM.YYYY
open_end: [31.12.9999, 01.01.1753, 00.00.0000]
empty: ['-', '*---*']
"""
KEY = {"mandant_nr": "1", "haus_nr": "01"}


@pytest.fixture
def source(tmp_path):
    """Write files by name, with source.yaml as in DECLARED, and open the folder."""

    def build(declared=DECLARED, **files):
        (tmp_path / "source.yaml").write_text(declared, "utf-8")
        for name, content in files.items():
            stem, _, ending = name.rpartition("_")
            data = content if isinstance(content, bytes) else content.encode()
            (tmp_path / f"{stem}.{ending}").write_bytes(data)
        return FolderSource(tmp_path, STANDARD)

    return build


def csv_of(header, *rows):
    return "\n".join([header, *rows, ""])


def quoted(cell):
    return '"' + cell.replace('"', '""') + '"'


def cell_row(source, name, cell, declared=DECLARED):
    """Read one CSV cell of a field, in a row that is right otherwise."""
    text = csv_of(f"mandant_nr;haus_nr;{name}", f"1;01;{quoted(cell)}")
    (row,) = source(declared, haus_csv=text).read("haus")
    return row


def codes(problems):
    return [problem.code for problem in problems]


def broken(source):
    """Return the problems that verify stops with."""
    with pytest.raises(SpecError) as stop:
        source.verify()
    return stop.value.problems


def workbook(path, *rows):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def sheet_row(source, tmp_path, name, cell):
    """Read one workbook cell of a field, in a row that is right otherwise."""
    workbook(tmp_path / "haus.xlsx", ["mandant_nr", "haus_nr", name], ["1", "01", cell])
    (row,) = source().read("haus")
    return row


def json_row(source, **fields):
    (row,) = source(haus_ndjson=json.dumps({**KEY, **fields}) + "\n").read("haus")
    return row


# source.yaml


def declaration_problems(source, text):
    with pytest.raises(SpecError) as stop:
        source(text)
    return stop.value.problems


def test_a_missing_folder_stops_the_run(tmp_path):
    with pytest.raises(SpecError) as stop:
        FolderSource(tmp_path / "fehlt", STANDARD)
    assert codes(stop.value.problems) == ["R001"]


def test_without_source_yaml_nothing_is_guessed(tmp_path):
    with pytest.raises(SpecError) as stop:
        FolderSource(tmp_path, STANDARD)
    assert codes(stop.value.problems) == ["R001"]


def test_an_unknown_key_is_named_with_its_line_and_a_hint(source):
    (problem,) = declaration_problems(source, "encoding: utf-8\ndecmal: ','")
    assert (problem.code, problem.origin.line) == ("R006", 2)
    assert problem.suggestion == "Did you mean 'decimal'?"


def test_all_problems_of_source_yaml_are_found_at_once(source):
    text = "format: pdf\nencoding: klingon\ndelimiter: ab\ndate: DD.MM.YY"
    assert codes(declaration_problems(source, text)) == ["R006"] * 4


@pytest.mark.parametrize(
    "text",
    [
        "- a list",
        "format: [",
        "decimal: '.'\nthousands: '.'",
        "thousands: '0'",
        "date: [DD.MM.YYYY, MM.DD.YYYY]",
        "date: []",
        "date: DD.MM.YYYY HH",
        "open_end: [unbefristet]",
        "zero_policy: {haus_nr: pad}",
        "zero_policy: {bezeichnung: strip}",
        "format: csv\nformat: csv",
        "encoding: rot13",
    ],
)
def test_a_wrong_declaration_is_refused(source, text):
    assert codes(declaration_problems(source, text)) == ["R006"]


def test_source_yaml_that_is_no_utf8_is_refused(tmp_path):
    (tmp_path / "source.yaml").write_bytes(b"empty: [\xfc]")
    with pytest.raises(SpecError) as stop:
        FolderSource(tmp_path, STANDARD)
    assert codes(stop.value.problems) == ["R006"]


def test_an_empty_source_yaml_means_the_defaults(source):
    assert source("# nothing else").declaration.delimiter == ";"


def test_every_key_of_source_yaml_is_described(source):
    fields = type(source("").declaration).model_fields.values()
    assert all(field.description for field in fields)


# the files of the folder


def test_an_entity_is_there_if_its_file_is(source):
    assert source(haus_csv="mandant_nr;haus_nr\n").entities() == {"haus"}


def test_a_file_of_no_entity_is_a_warning_with_a_hint(source):
    (warning,) = source(huas_csv="a\n").warnings
    assert (warning.code, warning.suggestion) == ("R008", "Did you mean 'haus'?")


def test_a_file_of_a_view_names_the_file_it_belongs_to(source):
    (warning,) = source(mieter_csv="nr\n").warnings
    assert "person" in warning.message


def test_a_file_of_another_format_than_declared_is_a_warning(source):
    folder = source("format: csv", haus_ndjson="{}\n")
    assert (codes(folder.warnings), folder.entities()) == (["R008"], set())


def test_two_files_for_one_entity_need_a_declared_format(source):
    with pytest.raises(SpecError) as stop:
        source(haus_csv="a\n", haus_ndjson="{}\n")
    assert codes(stop.value.problems) == ["R006"]


def test_a_declared_format_chooses_between_two_files(source):
    files = {"haus_csv": "mandant_nr;haus_nr\n1;01\n", "haus_ndjson": "{}\n"}
    (row,) = source("format: csv", **files).read("haus")
    assert row.origin.file == "haus.csv"


def test_reading_an_entity_without_a_file_stops_the_run(source):
    with pytest.raises(SpecError) as stop:
        list(source().read("haus"))
    assert codes(stop.value.problems) == ["R001"]


# broken files


def test_a_good_folder_passes(source):
    folder = source(haus_csv="mandant_nr;haus_nr\n1;01\n", person_ndjson='{"nr": "1"}')
    folder.verify()
    assert folder.warnings == ()


def test_all_problems_of_all_files_are_found_at_once(source):
    folder = source(haus_csv="", person_ndjson=b"\xff")
    assert [(p.origin.file, p.code) for p in broken(folder)] == [
        ("haus.csv", "R005"),
        ("person.ndjson", "R002"),
    ]


def test_an_undecodable_byte_is_named_with_its_line(source):
    data = b"mandant_nr;haus_nr\n1;01\n1;M\xfcller\n"
    (problem,) = broken(source(haus_csv=data))
    assert (problem.code, problem.origin.line) == ("R002", 3)


def test_an_undecodable_byte_far_into_the_file_has_the_right_line(source):
    data = b"mandant_nr;haus_nr\n" + b"1;01\n" * 300_000 + b"1;\xfc\n"
    (problem,) = broken(source(haus_csv=data))
    assert problem.origin.line == 300_002


def test_a_half_character_at_the_end_is_undecodable(source):
    (problem,) = broken(source(haus_csv=b"mandant_nr;haus_nr\n1;\xc3"))
    assert problem.code == "R002"


def test_a_byte_that_cp1252_does_not_have_is_undecodable(source):
    data = b"mandant_nr;haus_nr\n1;\x81\n"
    assert codes(broken(source("encoding: cp1252", haus_csv=data))) == ["R002"]


@pytest.mark.parametrize("encoding", ["cp1252", "iso-8859-1", "latin9"])
def test_utf8_that_is_declared_as_something_else_is_broken(source, encoding):
    text = "mandant_nr;haus_nr\n1;Müller\n"
    assert codes(broken(source(f"encoding: {encoding}", haus_csv=text))) == ["R002"]


def test_cp1252_that_is_declared_is_read(source):
    data = "mandant_nr;haus_nr\n1;Müller–€\n".encode("cp1252")
    folder = source("encoding: cp1252", haus_csv=data)
    folder.verify()
    assert [row.record["haus_nr"] for row in folder.read("haus")] == ["Müller–€"]


def test_a_byte_order_mark_is_no_part_of_the_header(source):
    text = "\ufeffmandant_nr;haus_nr\n1;01\n"
    (row,) = source(haus_csv=text).read("haus")
    assert row.record == KEY


def test_a_table_that_ends_inside_of_its_last_row_is_cut_off(source):
    (problem,) = broken(source(haus_csv="mandant_nr;haus_nr;name\n1;01;a\n1;02"))
    assert (problem.code, problem.origin.line) == ("R003", 3)


def test_a_short_last_row_with_a_line_break_is_only_a_reject(source):
    folder = source(haus_csv="mandant_nr;haus_nr;name\n1;02\n")
    folder.verify()
    assert [codes(row.problems) for row in folder.read("haus")] == [["R103"]]


def test_a_table_without_a_last_line_break_is_whole(source):
    source(haus_csv="mandant_nr;haus_nr\n1;02").verify()


def test_a_table_that_ends_inside_of_quotes_is_cut_off(source):
    (problem,) = broken(source(haus_csv='mandant_nr;haus_nr\n1;01\n1;"02\n'))
    assert (problem.code, problem.origin.line) == ("R003", 3)


def test_an_ndjson_file_that_ends_inside_of_a_line_is_cut_off(source):
    (problem,) = broken(source(haus_ndjson='{"haus_nr": "1"}\n{"haus_n'))
    assert (problem.code, problem.origin.line) == ("R003", 2)


def test_an_empty_table_is_broken(source):
    assert codes(broken(source(haus_csv=""))) == ["R005"]


def test_a_column_that_occurs_twice_is_broken(source):
    text = "mandant_nr;haus_nr;haus_nr\n"
    assert codes(broken(source(haus_csv=text))) == ["R005"]


def test_a_missing_key_column_is_broken(source):
    (problem,) = broken(source(haus_csv="mandant_nr;hausnr\n"))
    assert (problem.code, problem.origin.column) == ("R005", "haus_nr")
    assert problem.suggestion == "Did you mean 'hausnr'?"


def test_a_key_column_that_may_be_empty_may_be_missing(source):
    source(haus_csv="mandant_nr;haus_nr\n").verify()


def test_a_header_with_an_open_quote_is_broken(source):
    assert codes(broken(source(haus_csv='mandant_nr;"haus_nr\n'))) == ["R005"]


def test_an_unknown_column_is_a_warning_with_a_hint(source):
    folder = source(haus_csv="mandant_nr;haus_nr;bezeichnug\n")
    folder.verify()
    (warning,) = folder.warnings
    assert (warning.code, warning.level) == ("R007", "warning")
    assert warning.suggestion == "Did you mean 'bezeichnung'?"


def test_an_unknown_column_is_not_in_the_record(source):
    (row,) = source(haus_csv="mandant_nr;fremd;haus_nr\n1;x;01\n").read("haus")
    assert (row.record, row.problems) == (KEY, ())


def test_a_trailing_delimiter_is_a_column_that_is_not_read(source):
    folder = source(haus_csv="mandant_nr;haus_nr;\n1;01;\n")
    (row,) = folder.read("haus")
    assert (row.record, codes(folder.warnings)) == (KEY, ["R007"])


def test_an_unknown_ndjson_field_is_one_warning(source):
    line = json.dumps({**KEY, "fremd": 1}) + "\n"
    folder = source(haus_ndjson=line * 3)
    assert [row.problems for row in folder.read("haus")] == [()] * 3
    assert codes(folder.warnings) == ["R007"]


@pytest.mark.parametrize(
    "data", [b"no zip", b"", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 a password"]
)
def test_what_is_no_workbook_cannot_be_read(source, data):
    assert codes(broken(source(haus_xlsx=data))) == ["R004"]


def test_a_workbook_that_is_cut_off_cannot_be_read(source, tmp_path):
    workbook(tmp_path / "haus.xlsx", ["mandant_nr", "haus_nr"])
    data = (tmp_path / "haus.xlsx").read_bytes()
    assert codes(broken(source(haus_xlsx=data[:-300]))) == ["R004"]


def test_a_zip_that_is_no_workbook_cannot_be_read(source, tmp_path):
    with zipfile.ZipFile(tmp_path / "haus.xlsx", "w") as archive:
        archive.writestr("a.txt", "a")
    assert codes(broken(source())) == ["R004"]


def test_a_workbook_without_a_sheet_of_cells_cannot_be_read(source, tmp_path):
    book = Workbook()
    book.create_chartsheet()
    book.remove(book.worksheets[0])
    book.save(tmp_path / "haus.xlsx")
    assert codes(broken(source())) == ["R004"]


def test_an_empty_sheet_has_no_header(source, tmp_path):
    workbook(tmp_path / "haus.xlsx")
    assert codes(broken(source())) == ["R005"]


def test_reading_a_broken_file_without_verify_stops_as_well(source):
    with pytest.raises(SpecError) as stop:
        list(source(haus_csv=b"mandant_nr;haus_nr\n1;\xfc\n").read("haus"))
    assert codes(stop.value.problems) == ["R002"]


# broken rows


def test_a_reject_names_file_line_and_field(source):
    row = cell_row(source, "baujahr", "neu")
    assert str(row.problems[0].origin) == "haus.csv:2 [baujahr]"


def test_a_reject_does_not_end_the_run(source):
    text = csv_of("mandant_nr;haus_nr", "1;01", "1", "1;03")
    rows = list(source(haus_csv=text).read("haus"))
    assert [codes(row.problems) for row in rows] == [[], ["R103"], []]


def test_all_problems_of_a_row_are_found_at_once(source):
    text = csv_of("mandant_nr;haus_nr;baujahr;art", "1;;neu;kauf")
    (row,) = source(haus_csv=text).read("haus")
    assert sorted(codes(row.problems)) == ["R101", "R102", "R107"]


def test_a_key_part_of_blanks_is_missing(source):
    (row,) = source(haus_csv="mandant_nr;haus_nr\n1;\u00a0 \n").read("haus")
    assert codes(row.problems) == ["R102"]


def test_a_key_part_that_may_be_empty_is_no_problem(source):
    text = "mandant_nr;haus_nr;zusatz\n1;01;\n"
    (row,) = source(haus_csv=text).read("haus")
    assert row.problems == ()


def test_a_row_with_too_many_cells_is_a_reject(source):
    (row,) = source(haus_csv="mandant_nr;haus_nr\n1;01;x\n").read("haus")
    assert codes(row.problems) == ["R103"]


def test_a_stray_quote_is_a_reject_and_the_next_row_is_read(source):
    text = csv_of("mandant_nr;haus_nr", '1;"0"1', "1;02")
    first, second = source(haus_csv=text).read("haus")
    assert (codes(first.problems), second.record["haus_nr"]) == (["R103"], "02")


def test_the_line_of_a_row_is_its_first_one(source):
    text = csv_of("mandant_nr;haus_nr;name", '1;01;"a\nb\nc"', "", "1;02;d")
    rows = list(source(haus_csv=text).read("haus"))
    assert [row.origin.line for row in rows] == [2, 6]
    assert rows[0].record["name"] == "a\nb\nc"


def test_a_blank_row_is_no_row(source):
    text = csv_of("mandant_nr;haus_nr", ";", "", "1;02")
    assert [row.origin.line for row in source(haus_csv=text).read("haus")] == [4]


@pytest.mark.parametrize("line", ["[1]", "nonsense", "1", "null", '{"a": NaN}'])
def test_a_line_that_is_no_json_object_is_a_reject(source, line):
    (row,) = source(haus_ndjson=line + "\n").read("haus")
    assert codes(row.problems) == ["R106"]


@pytest.mark.parametrize(
    "text",
    ["MÃ¼ller", "GroÃŸ", "Ã–l", "Â§ 5", "Haus â€“ Hof", "50 â‚¬", "\u00c3\u009f"],
)
def test_text_that_was_decoded_twice_is_a_reject(source, text):
    assert codes(cell_row(source, "name", text).problems) == ["R105"]


@pytest.mark.parametrize("text", ["SÃO", "Âge", "château", "Ã", "â", "Müller – € 5"])
def test_rare_letters_are_no_sign_of_a_wrong_encoding(source, text):
    assert cell_row(source, "name", text).record["name"] == text


@pytest.mark.parametrize("sign", ["\x00", "\x07", "\x1b", "\x9f"])
def test_a_control_character_is_a_reject(source, sign):
    assert codes(cell_row(source, "name", f"a{sign}b").problems) == ["R101"]


def test_half_a_character_in_json_is_a_reject(source):
    line = '{"mandant_nr": "1", "haus_nr": "01", "name": "\\ud800"}\n'
    (row,) = source(haus_ndjson=line).read("haus")
    assert row.problems


def test_an_unknown_enum_value_is_a_reject_with_a_hint(source):
    (problem,) = cell_row(source, "art", "miette").problems
    assert problem.code == "R107"
    assert "Did you mean 'miete'?" in problem.message


# personal data


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("lohn", "geheim"),
        ("name", "geheim\x07"),
        ("name", "geheimÃ¼"),
        ("emails", '[{"adresse": ["geheim"]}]'),
        ("emails", '[{"adresse": "geheim"'),
        ("emails", '[{"adresse": "geheim\\u0007"}]'),
    ],
)
def test_a_personal_value_is_never_in_a_message(source, name, cell):
    row = cell_row(source, name, cell)
    assert row.problems
    assert not [p for p in row.problems if "geheim" in str(p)]


def test_the_cells_of_a_file_without_a_header_are_not_shown(source):
    (problem,) = broken(source(haus_csv="1;01;geheim\n"))
    assert problem.code == "R005"
    assert "geheim" not in str(problem)


def test_a_value_that_is_not_personal_is_shown(source):
    (problem,) = cell_row(source, "baujahr", "neu").problems
    assert "'neu'" in problem.message


# values


@pytest.mark.parametrize("text", ["0081", "1E5", "01.02", "TRUE", "=1+1", "1,5", "007"])
def test_text_is_never_taken_for_anything_else(source, text):
    assert cell_row(source, "bezeichnung", text).record["bezeichnung"] == text


@pytest.mark.parametrize("blank", [" ", "\t", "\u00a0", "\u200b", "\ufeff", "\u2003"])
def test_outer_blanks_of_all_kinds_are_trimmed(source, blank):
    row = cell_row(source, "bezeichnung", f"{blank}Haus A{blank}")
    assert row.record["bezeichnung"] == "Haus A"


def test_letters_are_composed(source):
    row = cell_row(source, "bezeichnung", "Mu\u0308ller")
    assert row.record["bezeichnung"] == "M\u00fcller"


@pytest.mark.parametrize("text", ["-", " - ", "*---*", ""])
@pytest.mark.parametrize("name", ["bezeichnung", "baujahr", "beginn", "emails", "art"])
def test_a_text_that_means_nothing_is_not_in_the_record(source, text, name):
    row = cell_row(source, name, text)
    assert (row.record, row.problems) == (KEY, ())


def test_a_text_that_means_nothing_is_found_in_any_case(source):
    row = cell_row(source, "bezeichnung", "KEINE", "empty: [keine]")
    assert row.record == KEY


@pytest.mark.parametrize(
    ("text", "value"),
    [("75,5", 75.5), ("-1.234,56", -1234.56), ("1234", 1234.0), ("0", 0.0)],
)
def test_a_number_is_read_as_declared(source, text, value):
    assert cell_row(source, "flaeche", text).record["flaeche"] == value


@pytest.mark.parametrize(
    "text",
    [
        "75.5",
        "1.23",
        "1.2345",
        "12.34.567",
        "5 €",
        "12,00-",
        "1E5",
        "1,2,3",
        ",5",
        "5,",
    ],
)
def test_a_number_that_is_not_written_as_declared_is_a_reject(source, text):
    assert codes(cell_row(source, "flaeche", text).problems) == ["R101"]


@pytest.mark.parametrize("text", ["1.234,5", "1 234"])
def test_undeclared_thousands_are_a_reject(source, text):
    assert codes(cell_row(source, "flaeche", text, "").problems) == ["R101"]


def test_a_whole_number_stays_whole(source):
    value = cell_row(source, "baujahr", "1.968").record["baujahr"]
    assert (value, type(value)) == (1968, int)


@pytest.mark.parametrize("text", ["1968,0", "1e3", "MCMLXVIII", "9" * 30, "²"])
def test_what_is_no_whole_number_is_a_reject(source, text):
    assert codes(cell_row(source, "baujahr", text).problems) == ["R101"]


@pytest.mark.parametrize("text", ["true", "Ja", "J", "wahr", "1", "X"])
def test_a_yes_is_true(source, text):
    assert cell_row(source, "aufzug", text).record["aufzug"] is True


@pytest.mark.parametrize("text", ["FALSE", "nein", "n", "falsch", "0"])
def test_a_no_is_false(source, text):
    assert cell_row(source, "aufzug", text).record["aufzug"] is False


def test_a_maybe_is_a_reject(source):
    assert codes(cell_row(source, "aufzug", "vielleicht").problems) == ["R101"]


def test_a_date_becomes_iso(source):
    assert cell_row(source, "beginn", "01.03.2021").record["beginn"] == "2021-03-01"


def test_each_declared_form_of_a_date_is_read(source):
    declared = "date: [DD.MM.YYYY, YYYYMMDD]"
    row = cell_row(source, "beginn", "20210301", declared)
    assert row.record["beginn"] == "2021-03-01"


@pytest.mark.parametrize(
    "text", ["31.02.2021", "1.3.2021", "01.03.21", "2021-03-01", "00.04.1980", "44256"]
)
def test_what_is_no_date_is_a_reject(source, text):
    assert codes(cell_row(source, "beginn", text).problems) == ["R101"]


@pytest.mark.parametrize("text", ["31.12.9999", "01.01.1753", "00.00.0000"])
def test_an_open_end_is_no_end(source, text):
    row = cell_row(source, "ende", text)
    assert (row.record, row.problems) == (KEY, ())


def test_an_open_end_may_be_declared_as_iso(source):
    declared = "date: DD.MM.YYYY\nopen_end: ['9999-12-31']"
    assert cell_row(source, "ende", "31.12.9999", declared).record == KEY


def test_a_beginning_is_never_open(source):
    assert cell_row(source, "beginn", "01.01.1753").record["beginn"] == "1753-01-01"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-02-01T09:30:00Z", "2025-02-01T09:30:00Z"),
        ("2025-02-01T09:30:00+01:00", "2025-02-01T09:30:00+01:00"),
        ("01.02.2025 09:30", "2025-02-01T09:30:00"),
    ],
)
def test_a_date_and_time_becomes_iso_with_its_zone(source, text, value):
    assert cell_row(source, "stand", text).record["stand"] == value


@pytest.mark.parametrize("text", ["01.02.2025", "2025-02-01T25:00:00", "heute"])
def test_what_is_no_date_and_time_is_a_reject(source, text):
    assert codes(cell_row(source, "stand", text).problems) == ["R101"]


def test_texts_of_a_list_become_its_entries(source):
    row = cell_row(source, "emails", "a@b.de; ;c@d.de")
    assert row.record["emails"] == [{"adresse": "a@b.de"}, {"adresse": "c@d.de"}]


def test_a_list_may_be_json(source):
    row = cell_row(
        source, "emails", '["a@b.de", {"art": "privat", "seit": "01.03.2021"}]'
    )
    assert row.record["emails"] == [
        {"adresse": "a@b.de"},
        {"art": "privat", "seit": "2021-03-01"},
    ]


def test_texts_of_a_list_without_entries_of_their_own_stay_texts(source):
    assert cell_row(source, "farben", "rot; blau").record["farben"] == ["rot", "blau"]


def test_numbers_inside_of_a_list_are_taken_as_they_are(source):
    row = cell_row(source, "posten", '[{"betrag": 1.5}, {"betrag": "1.234,50"}]')
    assert row.record["posten"] == [{"betrag": 1.5}, {"betrag": 1234.5}]


@pytest.mark.parametrize("text", ["a;b", "[1", '{"betrag": 1}', '[["x"]]', "[5]"])
def test_what_is_no_list_of_objects_is_a_reject(source, text):
    assert codes(cell_row(source, "posten", text).problems) == ["R101"]


def test_a_problem_inside_of_a_list_names_entry_and_field(source):
    (problem,) = cell_row(source, "emails", '["a@b.de", {"art": "x"}]').problems
    assert problem.code == "R107"
    assert problem.message.startswith("'emails' entry 2 'art' ")


def test_an_unknown_field_inside_of_a_list_is_a_warning(source):
    text = csv_of("mandant_nr;haus_nr;emails", '1;01;"[{""fremd"": 1}]"')
    folder = source(haus_csv=text)
    assert [row.problems for row in folder.read("haus")] == [()]
    assert [warning.origin.column for warning in folder.warnings] == ["emails.fremd"]


def test_an_object_is_json(source):
    assert cell_row(source, "adresse", '{"plz": "01067"}').record["adresse"] == {
        "plz": "01067"
    }


def test_json_that_is_nested_without_end_is_a_reject(source):
    row = cell_row(source, "farben", "[" * 500 + "]" * 500)
    assert codes(row.problems) == ["R101"]


@pytest.mark.parametrize(
    ("policy", "written", "value"),
    [
        ("keep", "007", "007"),
        ("strip", "007", "7"),
        ("strip", "000", "0"),
        ("pad:4", "7", "0007"),
        ("pad:4", "A7", "A7"),
    ],
)
def test_leading_zeros_follow_the_policy_of_the_field(source, policy, written, value):
    text = f"mandant_nr;haus_nr\n1;{written}\n"
    declared = f"zero_policy: {{haus_nr: '{policy}'}}"
    (row,) = source(declared, haus_csv=text).read("haus")
    assert row.record["haus_nr"] == value


def test_a_field_that_points_to_a_key_follows_its_policy(source):
    row = cell_row(source, "ober_nr", "7", "zero_policy: {haus_nr: 'pad:2'}")
    assert row.record["ober_nr"] == "07"


# workbooks


@pytest.mark.parametrize(
    ("name", "cell", "value"),
    [
        ("bezeichnung", 1001, "1001"),
        ("bezeichnung", 1001.0, "1001"),
        ("bezeichnung", "0081", "0081"),
        ("baujahr", 1968.0, 1968),
        ("baujahr", "1.968", 1968),
        ("flaeche", 67.5, 67.5),
        ("flaeche", "67,5", 67.5),
        ("flaeche", 0, 0.0),
        ("aufzug", True, True),
        ("aufzug", 0, False),
        ("aufzug", "ja", True),
        ("beginn", datetime(2021, 3, 1), "2021-03-01"),
        ("beginn", date(2021, 3, 1), "2021-03-01"),
        ("beginn", "01.03.2021", "2021-03-01"),
        ("stand", datetime(2021, 3, 1, 9, 30), "2021-03-01T09:30:00"),
        ("emails", "a@b.de", [{"adresse": "a@b.de"}]),
        ("farben", 5, ["5"]),
    ],
)
def test_a_cell_of_a_workbook_is_read_by_its_field(source, tmp_path, name, cell, value):
    assert sheet_row(source, tmp_path, name, cell).record[name] == value


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("bezeichnung", 1.5),
        ("bezeichnung", True),
        ("bezeichnung", "#N/A"),
        ("bezeichnung", datetime(2021, 3, 1)),
        ("bezeichnung", 2.0**53),
        ("baujahr", 1968.5),
        ("baujahr", True),
        ("flaeche", "67.5"),
        ("beginn", datetime(2021, 3, 1, 9, 30)),
        ("beginn", 44256),
        ("aufzug", 2),
        ("adresse", 5),
    ],
)
def test_a_cell_that_is_not_of_its_type_is_a_reject(source, tmp_path, name, cell):
    assert codes(sheet_row(source, tmp_path, name, cell).problems) == ["R101"]


def test_an_open_end_in_a_date_cell_is_no_end(source, tmp_path):
    row = sheet_row(source, tmp_path, "ende", datetime(9999, 12, 31))
    assert (row.record, row.problems) == (KEY, ())


def test_the_line_of_a_workbook_is_the_row_of_the_sheet(source, tmp_path):
    rows = [["mandant_nr", "haus_nr"], [None], ["1", "01"], [], ["1", "02"]]
    workbook(tmp_path / "haus.xlsx", *rows)
    assert [row.origin.line for row in source().read("haus")] == [3, 5]


def test_a_cell_beyond_the_header_is_a_reject(source, tmp_path):
    workbook(tmp_path / "haus.xlsx", ["mandant_nr", "haus_nr"], ["1", "01", "x"])
    (row,) = source().read("haus")
    assert codes(row.problems) == ["R103"]


def test_the_header_of_a_workbook_is_checked(source, tmp_path):
    workbook(tmp_path / "haus.xlsx", ["mandant_nr", "fremd"])
    assert [p.origin.column for p in broken(source())] == ["haus_nr"]


# NDJSON


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("bezeichnung", 5),
        ("baujahr", "1968"),
        ("baujahr", 1968.5),
        ("baujahr", 10**20),
        ("flaeche", "67,5"),
        ("flaeche", True),
        ("aufzug", 1),
        ("aufzug", "ja"),
        ("beginn", 20210301),
        ("emails", "a@b.de"),
        ("adresse", []),
        ("bezeichnung", {}),
    ],
)
def test_a_json_value_that_is_not_of_its_type_is_a_reject(source, name, value):
    assert codes(json_row(source, **{name: value}).problems) == ["R101"]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("beginn", "2021-03-01", "2021-03-01"),
        ("beginn", "01.03.2021", "2021-03-01"),
        ("baujahr", 1968.0, 1968),
        ("flaeche", 5, 5.0),
        ("aufzug", False, False),
        ("emails", ["a@b.de"], [{"adresse": "a@b.de"}]),
        ("bezeichnung", " Mu\u0308ller ", "M\u00fcller"),
    ],
)
def test_a_json_value_is_read_by_its_field(source, name, value, expected):
    assert json_row(source, **{name: value}).record[name] == expected


@pytest.mark.parametrize("value", [None, "", "-", [], {}])
def test_an_empty_json_value_is_not_in_the_record(source, value):
    name = "adresse" if value == {} else "emails"
    row = json_row(source, **{name: value})
    assert (row.record, row.problems) == (KEY, ())


# all formats


def test_the_three_formats_give_equal_records(source, tmp_path):
    header = [
        "mandant_nr",
        "haus_nr",
        "name",
        "baujahr",
        "flaeche",
        "aufzug",
        "beginn",
        "ende",
        "emails",
    ]
    mails = [{"adresse": "a@b.de"}]
    typed = ["1", "01", "Müller", 1968, 67.5, True, "2021-03-01", "9999-12-31", mails]
    cells = "1;01;Müller;1968;67,50;ja;01.03.2021;31.12.9999;a@b.de"
    native = [*typed[:6], date(2021, 3, 1), date(9999, 12, 31), "a@b.de"]
    workbook(tmp_path / "haus.xlsx", header, native)
    line = json.dumps(dict(zip(header, typed, strict=True)))
    files = {"haus_csv": csv_of(";".join(header), cells), "haus_ndjson": line + "\n"}
    records = []
    for form in ("csv", "xlsx", "ndjson"):
        (row,) = source(f"{DECLARED}\nformat: {form}", **files).read("haus")
        assert row.problems == ()
        records.append(row.record)
    assert records[0] == records[1] == records[2]
    assert len(records[0]) == len(header) - 1


def peak(source, rows):
    text = "mandant_nr;haus_nr;name\n" + f"1;01;{'x' * 80}\n" * rows
    folder = source(haus_csv=text)
    folder.verify()
    tracemalloc.start()
    count = sum(1 for _ in folder.read("haus"))
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == rows
    return most


def test_a_longer_file_needs_no_more_memory(source):
    assert peak(source, 20_000) < peak(source, 500) + 200_000


VALUES = {
    "name": st.text(
        st.characters(codec="utf-8", categories=("L", "N"), max_codepoint=0x24F),
        min_size=1,
    ).filter(lambda text: not set(text) & set("ÃÂâ")),
    "baujahr": st.integers(-(10**15), 10**15),
    "flaeche": st.decimals(-(10**9), 10**9, places=3).map(float),
    "aufzug": st.booleans(),
    "beginn": st.dates(date(1000, 1, 1)),
}


def as_declared(value):
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, date):
        return f"{value:%d.%m.%Y}"
    if isinstance(value, float):
        return f"{value:,.3f}".translate(str.maketrans(",.", ".,"))
    if isinstance(value, int):
        return f"{value:,}".replace(",", ".")
    return value


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.fixed_dictionaries(VALUES), max_size=8))
def test_what_is_written_as_declared_reads_back_equal(source, table):
    rows = [
        ";".join(["1", str(number), *(quoted(as_declared(row[n])) for n in VALUES)])
        for number, row in enumerate(table)
    ]
    header = ";".join(["mandant_nr", "haus_nr", *VALUES])
    found = list(source(haus_csv=csv_of(header, *rows)).read("haus"))
    assert [row.problems for row in found] == [()] * len(table)
    for row, expected in zip(found, table, strict=True):
        written = {**expected, "beginn": expected["beginn"].isoformat()}
        assert {name: row.record[name] for name in VALUES} == written


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.dictionaries(st.sampled_from(sorted(HOUSE.fields)), JSON))
def test_no_json_value_ends_the_run(source, record):
    line = json.dumps(record) + "\n"
    (row,) = source(haus_ndjson=line).read("haus")
    assert all(problem.code in CATALOGUE for problem in row.problems)
