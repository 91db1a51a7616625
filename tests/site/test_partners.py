"""`feldwerk partners`: the figures are those of the files."""

import json

import pytest
from site_reading import invoke

from engine.app.payload_fields import payload_fields, writable
from engine.spec import Folders

MARKED = {"x-evidence": "seen", "type": "string"}


@pytest.fixture
def acme(tmp_path):
    """A scaffolded partner in a root of its own."""
    invoke("new", "partner", "acme", "--root", str(tmp_path))
    return Folders(tmp_path)


def figures(folders):
    found = invoke("partners", "--json", "--root", str(folders.root))
    assert found.code == 0, found.err
    return json.loads(found.out)["partners"]


def test_the_figures_come_from_the_files(acme):
    path = acme.schemas("acme") / "buildings.json"
    schema = json.loads(path.read_text("utf-8"))
    schema["properties"]["name"]["x-evidence"] = "seen"
    schema["properties"]["zip"]["x-evidence"] = "doc"
    schema["properties"]["id"] = {**MARKED, "readOnly": True}
    schema["properties"]["geo"] = {
        "type": "object",
        "x-evidence": "seen",
        "properties": {"lat": {"type": "number", "x-evidence": "inferred"}},
    }
    schema["properties"]["units"] = {
        "type": "array",
        "x-evidence": "seen",
        "items": {"type": "object", "properties": {"no": MARKED}},
    }
    path.write_text(json.dumps(schema), "utf-8")
    (found,) = figures(acme)
    assert found == {
        "partner": "acme",
        "name": "acme",
        "use_cases": ["stammdaten"],
        "entities": 1,
        "fields": 8,
        "mapped": 6,
        "evidence": {"seen": 2, "doc": 1, "inferred": 1, "proposed": 4},
        "shares": {"seen": 0.25, "doc": 0.125, "inferred": 0.125, "proposed": 0.5},
        "connector": "proposed",
    }


def test_a_field_without_a_mark_counts_as_proposed():
    (field,) = payload_fields({"properties": {"name": {"type": "string"}}})
    assert field.evidence == "proposed"


def test_what_stands_in_a_read_only_object_is_read_only():
    schema = {"properties": {"meta": {"readOnly": True, "properties": {"a": MARKED}}}}
    assert list(writable(payload_fields(schema))) == []


def test_the_table_has_a_row_for_each_partner(acme):
    invoke("new", "partner", "other", "--root", str(acme.root))
    lines = invoke("partners", "--root", str(acme.root)).out.splitlines()
    header = next(line for line in lines if "partner" in line)
    for name in ("use cases", "entities", "mapped", "seen", "doc", "connector"):
        assert name in header
    rows = [line.split() for line in lines if "stammdaten" in line]
    assert [row[0] for row in rows] == ["acme", "other"]
    assert rows[0][1:] == [
        "stammdaten",
        "1",
        "6/6",
        "0%",
        "0%",
        "0%",
        "100%",
        "proposed",
    ]


def test_a_broken_spec_is_refused(acme):
    acme.connector("acme").write_text("partner: [", "utf-8")
    found = invoke("partners", "--root", str(acme.root), "--json")
    assert found.code == 2
    assert json.loads(found.out)["problems"][0]["code"] == "T003"
    assert invoke("partners", "--root", str(acme.root)).code == 2


def test_a_root_without_partners_is_refused(tmp_path):
    found = invoke("partners", "--root", str(tmp_path))
    assert found.code == 2
    assert "there is no partner here" in found.err
