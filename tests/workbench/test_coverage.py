"""What tables leave open, in the real specs and over real sources."""

import csv
import shutil
from collections import Counter
from dataclasses import replace

import pytest
from pasting import paste

from engine.app.catalogue import read_all, sound_partners
from engine.app.workbench.coverage.findings import spec_coverage
from engine.app.workbench.coverage.lookups import Lookup
from engine.app.workbench.coverage.rows import MOST_VALUES, Asked
from engine.app.workbench.coverage.source import idle, source_coverage
from engine.app.workbench.coverage.standard import nobody_uses, users_of
from engine.check import check
from engine.interpreter import trace
from engine.language import FieldPath
from engine.problems import Origin
from engine.runtime.library import INSTALLED, UseCase, contract_of, standard_of
from engine.runtime.run import Silent, staged
from engine.runtime.state import State
from engine.spec import Folders
from engine.work import FieldWork, FromFields, IdParts

FOLDERS = Folders(INSTALLED)
CASES = {one.partner: one.use_case for one in read_all(FOLDERS)}
WIDTH = 100


def table_of(desk, name):
    return desk.root / f"mappings/partners/{desk.partner}/stammdaten/{name}.csv"


def rewrite(path, change):
    """Rewrite a table of a spec: `change` takes its rows and returns others."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(rows[0])
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(change(rows))


def without(column, *values):
    return lambda rows: [row for row in rows if row[column] not in values]


def counts(desk):
    return source_coverage(desk.activation(), Silent())


# -- of the tables alone


def test_in_our_specs_every_required_field_has_a_row(etg24):
    answer = etg24.invoke("coverage", "--gate", "--json")
    assert answer.code == 0
    specs = answer.json()["specs"]
    assert {one["partner"] for one in specs} == set(FOLDERS.partners())
    missing = [e["required"]["missing"] for one in specs for e in one["entities"]]
    assert not any(missing)


@pytest.mark.parametrize("name", sorted(CASES))
def test_required_fields_are_those_that_the_check_asks_for(name):
    case = CASES[name]
    contract = contract_of(case.connector, case.spec)
    asked = 0
    for entity, rules in case.spec.tables.items():
        for field in {rule.row.partner_field for rule in rules}:
            kept = tuple(r for r in rules if r.row.partner_field != field)
            spec = replace(case.spec, tables={**case.spec.tables, entity: kept})
            work, problems = check(spec, standard_of(FOLDERS), contract)
            wanted = {p.message.split("'")[1] for p in problems if p.code == "C102"}
            found = spec_coverage(UseCase(spec, work, case.connector), {})
            missing = {
                field.replace("[]", "")
                for one in found.entities
                for field in one.required.missing
            }
            assert missing == wanted
            asked += len(wanted)
    assert asked


def test_a_required_field_without_a_row_closes_the_gate(facilioo):
    facilioo.own_root()
    rewrite(table_of(facilioo, "tenants"), without("partner_field", "name"))
    answer = facilioo.invoke("coverage", "facilioo", "--gate", "--json")
    assert answer.code == 1
    (spec,) = answer.json()["specs"]
    by_name = {one["entity"]: one for one in spec["entities"]}
    assert by_name["tenants"]["required"]["missing"] == ["name"]
    assert facilioo.invoke("coverage", "facilioo", "--json").code == 0
    shown = facilioo.invoke("coverage", "facilioo").out
    assert "mappings/partners/facilioo/stammdaten/tenants.csv: name" in shown


def test_optional_fields_are_counted_with_their_share(facilioo):
    answer = facilioo.invoke("coverage", "facilioo", "--json").json()
    units = next(e for e in answer["specs"][0]["entities"] if e["entity"] == "units")
    before = units["optional"]
    facilioo.own_root()
    rewrite(table_of(facilioo, "units"), without("partner_field", "livingArea"))
    answer = facilioo.invoke("coverage", "facilioo", "--json").json()
    units = next(e for e in answer["specs"][0]["entities"] if e["entity"] == "units")
    after = units["optional"]
    assert set(after["missing"]) - set(before["missing"]) == {"livingArea"}
    assert (after["fields"], after["filled"]) == (
        before["fields"],
        before["filled"] - 1,
    )
    assert after["share"] == round(after["filled"] / after["fields"], 4)


def test_rows_and_list_entries_without_an_example_are_named(facilioo):
    def unshown(rows):
        for row in rows:
            if row["partner_field"] == "typeId":
                row["example"] = row["expected"] = ""
        return rows

    spec = facilioo.invoke("coverage", "facilioo", "--json").json()["specs"][0]
    (before,) = spec["lists"]
    facilioo.own_root()
    rewrite(table_of(facilioo, "units"), unshown)
    spec = facilioo.invoke("coverage", "facilioo", "--json").json()["specs"][0]
    units = next(e for e in spec["entities"] if e["entity"] == "units")
    missing = {one["partner_field"]: one["why"] for one in units["examples_missing"]}
    assert missing["typeId"] == "a value list"
    assert missing["floor"] == "a condition"
    (after,) = spec["lists"]
    gained = set(after["not_exemplified"]) - set(before["not_exemplified"])
    assert gained == {"wohnen"}


def test_a_list_that_no_row_looks_up_is_told(facilioo):
    facilioo.own_root()
    lists = table_of(facilioo, "lists/nutzungsart")
    shutil.copy(lists, lists.with_name("vergessen.csv"))
    shown = facilioo.invoke("coverage", "facilioo").out
    assert "vergessen.csv: 4 of 4, and no row looks anything up in it" in shown


def test_fields_of_the_standard_that_nobody_uses_are_known(etg24):
    answer = etg24.invoke("coverage", "--json").json()
    unused = answer["standard_used_by_nobody"]
    # Whoever reads a record reads its key, so keys are no news.
    assert "we_nr" not in unused.get("wirtschaftseinheit", [])
    assert "bezeichnung" not in unused.get("gebaeude", [])
    partners = sound_partners(read_all(FOLDERS))
    users = users_of(partners)["gebaeude"]
    alone = {name for name, who in users.items() if who == ("etg24",)}
    assert alone
    assert alone.isdisjoint(unused.get("gebaeude", ()))
    others = [partner for partner in partners if partner.name != "etg24"]
    assert alone <= set(nobody_uses(users_of(others))["gebaeude"])


def test_a_field_that_only_others_use_names_them():
    users = {"gebaeude": {"baujahr": ("immomio",), "land": ("etg24", "immomio")}}
    found = spec_coverage(CASES["etg24"], users)
    assert found.unused == {"gebaeude": {"baujahr": ("immomio",)}}


def test_a_broken_spec_hides_no_other(facilioo):
    root = facilioo.own_root()
    broken = root / "mappings/partners/kiwi/stammdaten/use_case.yaml"
    broken.write_text("version: [", "utf-8")
    answer = facilioo.invoke("coverage", "facilioo")
    assert answer.code == 0
    assert "kiwi has problems and is not compared: feldwerk check kiwi" in answer.err
    assert facilioo.invoke("coverage", "kiwi").code == 2
    assert "T301" in facilioo.invoke("coverage", "facilio").err


def test_the_report_fits_the_page(facilioo):
    words = ["coverage", "activation", "--all"]
    for answer in (facilioo.invoke("coverage"), facilioo.invoke(*words)):
        assert answer.code == 0
        assert max(map(len, answer.out.splitlines())) <= WIDTH


# -- of a source


def test_rows_are_counted_as_the_interpreter_runs_them(partner, open_desk):
    """The generated code and the interpreter agree, refused values included."""
    desk = open_desk(partner, units=60, traps=True)
    activation = desk.activation()
    wanted: dict[tuple[str, int], Counter[str]] = {}
    with State(activation.state_url) as state:
        own = state.activation(activation.name)
        with staged(activation, own, Silent()) as staging:
            for entity in activation.use_case.work.entities:
                belongs = staging.selection(entity)
                for batch in staging.batches(entity):
                    for record in (r for _, r in batch if belongs(r)):
                        for one in trace(entity, record, activation.settings):
                            line = (one.work.origin.file, one.work.origin.line)
                            wanted.setdefault(line, Counter())[one.fate] += 1
    found = counts(desk)
    rows = [row for entity in found.entities for row in entity.rows if not row.within]
    assert rows
    for row in rows:
        line = (row.work.origin.file, row.work.origin.line)
        assert row.fates == wanted.get(line, Counter()), row.name
    for row in (r for entity in found.entities for r in entity.rows if r.within):
        line = (row.work.origin.file, row.work.origin.line)
        assert row.fates.total() == wanted.get(line, Counter()).total(), row.name


def test_nothing_is_sent_and_nothing_is_written(facilioo):
    before = sorted(facilioo.folder.rglob("*"))
    assert facilioo.invoke("coverage", "activation").code == 0
    assert sorted(facilioo.folder.rglob("*")) == before
    assert not facilioo.simulator.calls


def test_values_without_an_entry_come_as_rows_to_paste(facilioo):
    facilioo.own_root()
    path = table_of(facilioo, "lists/nutzungsart")
    rewrite(path, without("erp_value", "gewerbe", "*"))
    facilioo.set("verwaltungseinheit", {}, nutzungsart="gewerbe")
    units = len(facilioo.rows("verwaltungseinheit"))
    answer = facilioo.invoke("coverage", "activation", "--gate", "--json")
    assert answer.code == 1
    (found,) = answer.json()["sources"][0]["lists"]
    row = {"erp_value": "gewerbe", "partner_value": "", "note": f"{units} Datensätze"}
    assert found["missing"] == {"gewerbe": units}
    assert found["missing_rows"] == [row]
    shown = facilioo.invoke("coverage", "activation").out
    assert f"erp_value,partner_value,note\ngewerbe,,{units} Datensätze\n" in shown

    def pasted(rows):
        return [*rows, {**row, "partner_value": "1"}]

    rewrite(path, pasted)
    assert facilioo.invoke("coverage", "activation", "--gate").code == 0


def test_values_pasted_into_a_workbook_are_imported(facilioo):
    facilioo.own_root()

    def looked_up(rows):
        for row in rows:
            if row["partner_field"] == "typeId":
                row.update(erp_field="etage_text", example="", expected="")
        return rows

    def placed(rows):
        for row, place in zip(
            rows, ["Hinten", "=HYPERLINK(1)", "", "", ""], strict=True
        ):
            row["etage_text"] = place
        return rows

    rewrite(table_of(facilioo, "units"), looked_up)
    rewrite(table_of(facilioo, "lists/nutzungsart"), without("erp_value", "*"))
    facilioo.edit("verwaltungseinheit", placed)
    book = facilioo.folder / "book.xlsx"
    words = ("sheet", "export", "facilioo", "-o", str(book))
    assert facilioo.invoke(*words).code == 0
    answer = facilioo.invoke("coverage", "activation", "--tsv")
    assert "lists/nutzungsart.csv:\n" in answer.err
    assert "\n'=HYPERLINK(1)\t\t1 Datensatz\n" in answer.out
    rows = answer.out.rstrip("\n")
    paste(book, "Liste nutzungsart", "erp_value", rows, partner_value="1")
    done = facilioo.invoke("sheet", "import", str(book))
    assert done.code == 0, done.err
    assert facilioo.invoke("coverage", "activation", "--gate").code == 0


@pytest.mark.parametrize("words", [["facilioo"], ["activation", "--json"]])
def test_rows_to_paste_need_a_source_and_no_other_output(facilioo, words):
    answer = facilioo.invoke("coverage", *words, "--tsv")
    assert answer.code == 2
    assert "S051" in answer.out + answer.err


def test_the_entry_for_all_others_is_told_apart(facilioo):
    facilioo.own_root()
    path = table_of(facilioo, "lists/nutzungsart")
    rewrite(path, without("erp_value", "gewerbe"))
    facilioo.set("verwaltungseinheit", {}, nutzungsart="gewerbe")
    answer = facilioo.invoke("coverage", "activation", "--gate", "--json")
    assert answer.code == 0
    (found,) = answer.json()["sources"][0]["lists"]
    assert set(found["others"]) == {"gewerbe"}
    assert found["missing"] == {}


def test_most_frequent_values_come_first_and_spellings_are_one(facilioo):
    facilioo.own_root()
    path = table_of(facilioo, "units")

    def looked_up(rows):
        for row in rows:
            if row["partner_field"] == "typeId":
                row.update(erp_field="etage_text", example="", expected="")
        return rows

    rewrite(path, looked_up)
    rewrite(table_of(facilioo, "lists/nutzungsart"), without("erp_value", "*"))
    places = ["Hinten", "=HYPERLINK(1)", "HINTEN ", "vorn", ""]

    def placed(rows):
        for row, place in zip(rows, places, strict=True):
            row["etage_text"] = place
        return rows

    facilioo.edit("verwaltungseinheit", placed)
    answer = facilioo.invoke("coverage", "activation", "--json").json()
    (found,) = answer["sources"][0]["lists"]
    assert next(iter(found["missing"].items())) == ("Hinten", 2)
    # What a spreadsheet would take for a formula is counted, and is no row.
    assert "=HYPERLINK(1)" in found["missing"]
    pasted = [row["erp_value"] for row in found["missing_rows"]]
    assert pasted == ["Hinten", "vorn"]


def test_personal_values_are_counted_and_not_shown(etg24):
    etg24.own_root()
    rewrite(table_of(etg24, "lists/anrede"), without("erp_value", "divers", "*"))
    etg24.set("geschaeftspartner", {}, anrede="divers")
    answer = etg24.invoke("coverage", "activation", "--gate", "--json")
    lists = {one["list"]: one for one in answer.json()["sources"][0]["lists"]}
    assert lists["anrede"]["missing_not_shown"] > 0
    assert answer.code == 1
    shown = etg24.invoke("coverage", "activation", "--all")
    assert "divers" not in answer.out + shown.out
    assert "counted only" in shown.out


def test_memory_does_not_grow_with_the_values_of_a_row():
    source = FromFields((FieldPath(()),))
    lookup = Lookup("liste", {}, FieldWork(("a",), source, Origin("x.csv", 2)))
    asked = Asked(lookup, personal=False)
    for number in range(MOST_VALUES + 5):
        asked.add(f"value {number}")
    asked.add("value 1")
    assert len(asked.values) == MOST_VALUES
    assert asked.values["value 1"] == 2
    assert asked.unmet == 5


def test_rows_that_never_fire_are_told_with_why(facilioo):
    facilioo.set("gebaeude", {}, bezeichnung="Haus")
    facilioo.set("verwaltungseinheit", {}, nutzungsart="", wohnflaeche="")
    found = counts(facilioo)
    units = next(entity for entity in found.entities if entity.name == "units")
    properties = next(e for e in found.entities if e.name == "properties")
    why = {(row.name, row.work.origin.line): idle(row) for row in units.rows}
    assert why["typeId", 4] == "default"
    assert why["floor", 7] == "condition"
    assert why["livingArea", 9] == "empty"
    assert why["number", 5] == ""
    named = [idle(row) for row in properties.rows if row.name == "name"]
    assert named == ["", "earlier", "earlier"]
    shown = facilioo.invoke("coverage", "activation").out
    assert "always the default" in shown
    assert "units.csv:4 typeId" in shown


def test_an_id_is_no_row_that_could_fire(facilioo):
    found = counts(facilioo)
    works = [row.work for entity in found.entities for row in entity.rows]
    assert not any(isinstance(work.source, IdParts) for work in works)


def test_prerequisites_are_counted_by_what_they_keep_out(facilioo):
    found = counts(facilioo)
    plan = facilioo.plan()
    records = {(one.rule, one.entity): one for one in found.rules}
    # Theo and Tim have no e-mail.
    assert records["mieter_email", "mieter"].records == 2
    assert records["gesperrt", "mieter"].records == 0
    # Theo's lease goes with him; Mia keeps that of Tim in.
    assert records["mietvertrag_mieter", "mietvertrag"].records == 1
    assert records["mandanten_nummern", "gebaeude"].is_off
    assert plan["totals"]["left_out"]
    facilioo.choose(mandanten_nummern=["999"])
    off = {(one.rule, one.entity): one for one in counts(facilioo).rules}
    assert not off["mandanten_nummern", "gebaeude"].is_off
    assert off["mandanten_nummern", "gebaeude"].records


def test_a_rule_that_another_one_forestalls_is_not_called_idle(facilioo):
    facilioo.set("geschaeftspartner", {"vorname": "Theo"}, sperre="true")
    rules = {(one.rule, one.entity): one for one in counts(facilioo).rules}
    assert rules["gesperrt", "mieter"].records == 0
    assert rules["gesperrt", "mieter"].also == 1
    shown = facilioo.invoke("coverage", "activation").out
    assert "gesperrt of mieter: 1 record would fail it" in shown


def test_an_entity_that_the_settings_switch_off_is_told(open_desk, village):
    desk = open_desk("everreal", source=village.folder)
    found = {entity.name: entity for entity in counts(desk).entities}
    assert found["properties_wirtschaftseinheit"].is_off
    shown = desk.invoke("coverage", "activation").out
    assert "properties_wirtschaftseinheit: switched off by the settings" in shown
