"""The demo portfolio: the same each time, whole outside the traps, true to its list."""

import csv
import json
from collections import Counter
from pathlib import Path

import orjson
import pytest
from openpyxl import load_workbook

from tools.portfolio import change, write
from tools.portfolio.columns import COLUMNS, MANDANTEN, property_number

STANDARD = Path(__file__).parent.parent / "schemas" / "standard"
ROWS_OF_TRAP_37 = {"Q001", "Q002"}


def schema(name):
    return json.loads((STANDARD / f"{name}.json").read_text("utf-8"))


def read(folder, entity):
    with (folder / f"{entity}.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file, delimiter=";")
    return [
        dict(zip(header, cells, strict=True))
        for cells in rows
        if len(cells) == len(header)
    ]


def keys(folder, entity):
    names = schema(entity)["x-key"]
    return [
        tuple(row.get(name, "").strip() for name in names)
        for row in read(folder, entity)
    ]


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    write(folder, 200, 7, traps=False)
    return folder


@pytest.fixture(scope="module")
def trapped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trapped")
    return folder, write(folder, 200, 7)


def test_the_columns_are_fields_of_the_standard():
    for entity, columns in COLUMNS.items():
        assert set(columns) <= set(schema(entity)["properties"])


def test_the_number_of_units_is_the_one_asked_for(sound):
    assert len(read(sound, "verwaltungseinheit")) == 200
    assert {key[0] for key in keys(sound, "wirtschaftseinheit")} == set(MANDANTEN)


def test_the_same_seed_writes_the_same_bytes(trapped, tmp_path):
    folder, _ = trapped
    write(tmp_path, 200, 7)
    names = sorted(path.name for path in folder.iterdir())
    assert names == sorted(path.name for path in tmp_path.iterdir())
    assert all((folder / n).read_bytes() == (tmp_path / n).read_bytes() for n in names)


def test_another_seed_writes_another_portfolio(sound, tmp_path):
    write(tmp_path, 200, 8, traps=False)
    assert read(tmp_path, "geschaeftspartner") != read(sound, "geschaeftspartner")


def test_each_format_holds_the_same_records(sound, tmp_path):
    write(tmp_path, 200, 7, "ndjson", traps=False)
    write(tmp_path, 200, 7, "xlsx", traps=False)
    lines = (tmp_path / "mietvertrag.ndjson").read_bytes().splitlines()
    book = load_workbook(tmp_path / "mietvertrag.xlsx", read_only=True)
    _, *cells = book.active.iter_rows(values_only=True)
    book.close()
    rents = [orjson.loads(line)["gesamtmiete"] for line in lines]
    column = COLUMNS["mietvertrag"].index("gesamtmiete")
    assert [row[column] for row in cells] == rents
    assert [
        float(row["gesamtmiete"].replace(".", "").replace(",", "."))
        for row in read(sound, "mietvertrag")
    ] == rents


@pytest.mark.parametrize("entity", COLUMNS)
def test_a_key_occurs_once(sound, entity):
    assert max(Counter(keys(sound, entity)).values()) == 1


@pytest.mark.parametrize("entity", COLUMNS)
def test_a_reference_leads_to_a_record(sound, entity):
    for way in schema(entity)["x-references"].values():
        target = schema(way["entity"])
        base = target["x-view"]["of"] if "x-view" in target else way["entity"]
        known = set(keys(sound, base))
        for row in read(sound, entity):
            own = tuple(row[way["fields"][name]] for name in schema(base)["x-key"])
            assert own in known or not own[-1]


def test_the_traps_come_after_the_same_ordinary_records(sound, trapped):
    folder, _ = trapped
    ordinary = read(sound, "mietvertrag")
    assert read(folder, "mietvertrag")[: len(ordinary)] == ordinary


def test_each_record_of_the_manifest_is_in_its_file(trapped):
    folder, manifest = trapped
    listed = json.loads((folder / "manifest.json").read_bytes())
    assert len(listed) == len(manifest.entries) > 90
    rows = {entity: read(folder, entity) for entity in COLUMNS}
    for entry in listed:
        if entry["key"].get("ve_nr") in ROWS_OF_TRAP_37:
            continue
        found = [
            row
            for row in rows[entry["entity"]]
            if all(row[name].strip() == part for name, part in entry["key"].items())
        ]
        assert found, entry


def test_the_manifest_names_each_record_once(trapped):
    _, manifest = trapped
    named = Counter((e.entity, *sorted(e.key.items())) for e in manifest.entries)
    twice = {key for key, count in named.items() if count > 1}
    assert {entity for entity, *_ in twice} <= {"wirtschaftseinheit"}


def test_rows_with_a_wrong_number_of_cells_are_planted_in_csv(trapped):
    folder, _ = trapped
    width = len(COLUMNS["verwaltungseinheit"])
    with (folder / "verwaltungseinheit.csv").open(encoding="utf-8", newline="") as file:
        wrong = [row for row in csv.reader(file, delimiter=";") if len(row) != width]
    assert {row[3] for row in wrong} == ROWS_OF_TRAP_37


def test_ordinary_properties_keep_clear_of_the_reserved_numbers():
    numbers = [int(property_number(index)) for index in range(10_000)]
    assert not set(numbers) & set(range(9000, 9100))
    assert len(set(numbers)) == len(numbers)


def test_without_traps_the_manifest_is_empty(sound):
    assert json.loads((sound / "manifest.json").read_bytes()) == []


def test_a_change_touches_the_records_it_names_and_no_other(tmp_path):
    write(tmp_path, 200, 7)
    entities = ("verwaltungseinheit", "geschaeftspartner")
    before = {entity: read(tmp_path, entity) for entity in entities}
    changed = change(tmp_path, seed=3, count=20)
    assert Counter(c["entity"] for c in changed) == dict(
        zip(entities, (20, 2), strict=True)
    )
    for entity in entities:
        names = schema(entity)["x-key"]
        pairs = zip(before[entity], read(tmp_path, entity), strict=True)
        differing = [{n: new[n] for n in names} for old, new in pairs if old != new]
        assert differing == [c["key"] for c in changed if c["entity"] == entity]
    assert not list(tmp_path.glob("*.tmp"))
