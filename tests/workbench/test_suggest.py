"""Proposed rows: right where others know, each with its reason, never applied."""

import csv
import io
import json
from dataclasses import replace

import pytest
from pasting import paste

from engine.app.catalogue import read_all
from engine.app.workbench.coverage.findings import filled_paths
from engine.app.workbench.pasting import to_paste
from engine.app.workbench.suggest.lessons import lessons_of
from engine.app.workbench.suggest.proposing import suggest
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import read_table_file
from engine.check import check
from engine.contract import path_of
from engine.problems import Origin, errors
from engine.runtime.library import (
    INSTALLED,
    UseCase,
    check_partner,
    contract_of,
    standard_of,
)
from engine.spec import FieldRule, Folders

FOLDERS = Folders(INSTALLED)
CASES = {one.partner: one.use_case for one in read_all(FOLDERS)}
LESSONS = tuple(lessons_of(CASES.values()))
HIDE_EVERY = 5
FIELDS = {
    "externalId": {"type": "string", "x-id": True},
    "zip": {"type": "string"},
    "city": {"type": "string"},
    "mobilePhone": {"type": "string"},
    "lastName": {"type": "string"},
    "birthPlace": {"type": "string"},
}


def with_rows(case, entity, rows):
    """Return the use case with other rows in a table, and what the check says of it."""
    spec = replace(case.spec, tables={**case.spec.tables, entity: tuple(rows)})
    contract = contract_of(case.connector, spec)
    work, problems = check(spec, standard_of(FOLDERS), contract)
    return UseCase(spec, work, case.connector), problems


def meaning(case, entity, kept, rows):
    """Return what rows send, however they are written: source, condition and steps."""
    file = case.spec.tables[entity][0].origin.file
    added = [FieldRule(row, Origin(file, 10_000 + n)) for n, row in enumerate(rows)]
    found, _ = with_rows(case, entity, [*kept, *added])
    (work,) = (one for one in found.work.entities if one.name == entity)
    fields = [work.id_field, *work.rows]
    return {
        (str(f.source), str(f.when), str([(s.name, s.arguments) for s in f.steps]))
        for f in fields
        if f.origin.line >= 10_000
    }


def leave_out(case, entity, offset):
    """Hide every fifth row; yield each field without a row, its rows, what is said."""
    rules = case.spec.tables[entity.name]
    kept = [r for n, r in enumerate(rules) if n % HIDE_EVERY != offset]
    hidden = [r for n, r in enumerate(rules) if n % HIDE_EVERY == offset]
    still = filled_paths(kept)
    gone = [r for r in hidden if path_of(r.row.partner_field) not in still]
    if not gone:
        return
    less, _ = with_rows(case, entity.name, kept)
    table = f"{case.spec.partner}/{entity.name}"
    others = [one for one in LESSONS if one.table != table]
    own = [one for one in lessons_of([less]) if one.place.table == entity.name]
    found = suggest(less, entity, [*others, *own], FOLDERS)
    by_name = {one.partner_field: one for one in found.found}
    for name in {r.row.partner_field for r in gone}:
        rows = [r.row for r in gone if r.row.partner_field == name]
        yield kept, rows, by_name.get(name)


def test_most_hidden_rows_are_found_again_and_few_proposals_are_wrong():
    """Measured over all offsets: 62 of 100 found, 85 of 100 proposed are right."""
    hidden = proposed = right = 0
    for case in CASES.values():
        for entity in case.spec.use_case.entities:
            for kept, rows, one in leave_out(case, entity, HIDE_EVERY - 1):
                hidden += 1
                if one is None:
                    continue
                proposed += 1
                wanted = meaning(case, entity.name, kept, rows)
                right += meaning(case, entity.name, kept, one.rows) == wanted
    assert hidden > 60
    assert right / hidden > 0.45
    assert right / proposed > 0.7


@pytest.mark.parametrize("name", sorted(CASES))
def test_what_is_proposed_passes_the_check(name):
    case = CASES[name]
    for entity in case.spec.use_case.entities:
        found = suggest(case, entity, LESSONS, FOLDERS)
        rules = case.spec.tables[entity.name]
        for one in found.found:
            file = rules[0].origin.file
            places = (Origin(file, 900 + number) for number in range(len(one.rows)))
            added = map(FieldRule, one.rows, places)
            _, problems = with_rows(case, entity.name, [*rules, *added])
            assert not errors(problems)
            assert one.reason
            assert one.note.startswith("Vorschlag: ")
            assert one.tables <= one.of
            assert {row.partner_field for row in one.rows} == {one.partner_field}


@pytest.fixture
def newcomer(facilioo):
    """A new partner with an address and a person, of whom only the ID has a row."""
    facilioo.own_root()
    facilioo.invoke("new", "partner", "acme")
    root = facilioo.root
    (schema,) = (root / "schemas/partners/acme").glob("*.json")
    content = json.loads(schema.read_text("utf-8"))
    marks = {"x-evidence": "proposed", "x-source": "test"}
    properties = {name: {**field, **marks} for name, field in FIELDS.items()}
    content["properties"] = {**content["properties"], **properties}
    schema.write_text(json.dumps(content), "utf-8")
    path = root / TableId("acme", "stammdaten", "buildings").path
    title, *rows = path.read_text("utf-8").splitlines()
    only_id = [row for row in rows if row.startswith("externalId")]
    path.write_text("\n".join([title, *only_id]) + "\n", "utf-8")
    return facilioo


def test_the_other_tables_teach_a_new_one(newcomer):
    answer = newcomer.invoke("suggest", "acme", "buildings", "--json")
    assert answer.code == 0
    found = {one["partner_field"]: one for one in answer.json()["found"]}
    assert found["zip"]["rows"][0]["erp_field"] == "plz"
    assert found["city"]["rows"][0]["erp_field"] == "ort"
    assert found["zip"]["tables"] >= 3
    assert "tables with such a field do so" in found["zip"]["reason"]
    # A building has no phone and no birth place: nobody could know.
    assert "birthPlace" in answer.json()["unknown"]


def test_nothing_is_applied_and_the_rows_can_be_pasted(newcomer):
    table = TableId("acme", "stammdaten", "buildings")
    path = newcomer.root / table.path
    before = path.read_bytes()
    shown = newcomer.invoke("suggest", "acme", "buildings")
    assert f"Rows to paste into {table.path}" in shown.out
    assert max(map(len, shown.out.split("Rows to paste")[0].splitlines())) <= 100
    pasted = newcomer.invoke("suggest", "acme", "buildings", "--csv").out
    assert path.read_bytes() == before
    header, *rows = csv.reader(pasted.splitlines())
    known = read_table_file(path, table).header
    assert tuple(header[: len(known)]) == known
    assert rows
    lines = before.decode().splitlines()
    blanks = "," * (len(header) - len(known))
    own = [f"{line}{blanks}" for line in lines[1:]]
    path.write_text("\n".join([pasted, *own]) + "\n", "utf-8")
    assert not errors(check_partner(Folders(newcomer.root), "acme"))
    again = newcomer.invoke("suggest", "acme", "buildings", "--json").json()
    assert again["found"] == []


def test_rows_pasted_into_a_workbook_are_imported(newcomer):
    book = newcomer.folder / "book.xlsx"
    assert newcomer.invoke("sheet", "export", "acme", "-o", str(book)).code == 0
    found = newcomer.invoke("suggest", "acme", "buildings", "--json").json()["found"]
    rows = newcomer.invoke("suggest", "acme", "buildings", "--tsv").out
    assert len(rows.splitlines()) == sum(len(one["rows"]) for one in found)
    paste(book, "buildings", "partner_field", rows)
    done = newcomer.invoke("sheet", "import", str(book))
    assert done.code == 0, done.err
    table = TableId("acme", "stammdaten", "buildings")
    cells = read_table_file(newcomer.root / table.path, table).cells
    wanted = [row for one in found for row in one["rows"]]
    assert [dict(row) for row in cells[1:]] == [
        {column: cell for column, cell in row.items() if cell} for row in wanted
    ]
    assert not errors(check_partner(Folders(newcomer.root), "acme"))


@pytest.mark.parametrize("other", ["--csv", "--json"])
def test_one_writing_of_the_rows_at_a_time(facilioo, other):
    answer = facilioo.invoke("suggest", "etg24", "objekte", "--tsv", other)
    assert answer.code == 2
    assert "S051" in answer.out + answer.err


def test_no_pasted_cell_becomes_a_formula_or_two_cells():
    cells = ["=1", "+1", "-1", "@a", '"x" y', "a\tb", "=a\n=b", 'date("D")', ""]
    columns = [str(number) for number in range(len(cells))]
    text = to_paste(columns, [dict(zip(columns, cells, strict=True))])
    (row,) = csv.reader(io.StringIO(text, newline=""), delimiter="\t")
    guarded = ("=", "+", "-", "@")
    assert row == [f"'{c}" if c.startswith(guarded) else c for c in cells]
    assert 'date("D")\t' in text


def test_a_row_keeps_to_the_habits_of_its_table():
    case = CASES["facilioo"]
    (entity,) = (e for e in case.spec.use_case.entities if e.name == "parties")
    rules = case.spec.tables["parties"]
    kept = [rule for rule in rules if rule.row.partner_field != "zip"]
    less, _ = with_rows(case, "parties", kept)
    found = suggest(less, entity, LESSONS, FOLDERS)
    (one,) = (one for one in found.found if one.partner_field == "zip")
    (row,) = one.rows
    assert (row.erp_field, row.if_empty) == ("plz", "clear")


def test_references_and_lists_are_those_of_the_spec():
    case = CASES["spiribo"]
    (entity,) = (e for e in case.spec.use_case.entities if e.name == "tenants")
    kept = [
        r for r in case.spec.tables["tenants"] if r.row.partner_field != "salutation"
    ]
    less, _ = with_rows(case, "tenants", kept)
    found = suggest(less, entity, LESSONS, FOLDERS)
    (one,) = (one for one in found.found if one.partner_field == "salutation")
    assert one.rows[0].transform == "lookup(anrede)"
    no_list = UseCase(replace(less.spec, lists={}), less.work, less.connector)
    found = suggest(no_list, entity, LESSONS, FOLDERS)
    rows = [row for one in found.found for row in one.rows]
    assert not any("lookup(" in row.transform for row in rows)


def test_where_nothing_is_known_it_says_so(facilioo):
    done = facilioo.invoke("suggest", "dormakaba", "rental_properties")
    assert "every field that may be written has a row" in done.out
    unknown = facilioo.invoke("suggest", "etg24", "einheiten")
    assert "nothing to suggest" in unknown.out
    assert "votingWeight" in unknown.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["etg25", "objekte"], "T301"),
        (["etg24", "objekt"], "M110"),
        (["etg24", "objekte", "--use-case", "stamm"], "T302"),
    ],
)
def test_a_wrong_name_gets_a_hint(facilioo, words, code):
    answer = facilioo.invoke("suggest", *words)
    assert answer.code == 2
    assert code in answer.err
    assert "Did you mean" in answer.err
