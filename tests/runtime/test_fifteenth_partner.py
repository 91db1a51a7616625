"""
A partner more, by files and the command line alone: new, check, plan, sync.

It has what the format can do beside the simplest case: a host of its own for the login,
a kept token, batches, removals, a relation, a value in the address, what is set once,
what is left out if it is wrong, two phases, and a field that cannot be changed.
"""

import json
import shutil
import sqlite3

import pytest
from typer.testing import CliRunner

from engine.app.cli import app
from tools.simulator import Simulator

NAME = "hausblick"
TODAYS_LEASE = "beginn <= today and (ende is empty or ende >= today)"

CONNECTOR = """
partner: hausblick
documentation: https://example.com/api
evidence: proposed
settings: [verwalter]
base_url: {production: "https://{{ settings.verwalter }}.example.com/v3"}
hosts: {anmeldung: https://anmeldung.example.com}
credentials: {client_id: Kennung, client_secret: Geheimnis}
authenticator:
  type: login
  login:
    method: POST
    host: anmeldung
    path: /token
    basic: {username: "{{ credentials.client_id }}",
            password: "{{ credentials.client_secret }}"}
    form: {grant_type: client_credentials}
  token: data.token
  expires: {in_seconds: data.seconds, after_seconds: 600}
  keep: true
  send: {header: X-Token, value: "{{ token }}"}
api_budget: {concurrency: 3, per_day: 5000}
paginator: {type: cursor, parameter: after, cursor: next, items: rows}
error_handler:
  message: [problem.text]
  fields: {items: problem.fields, field: name, message: text}
  backoff: {initial_seconds: 0.001, max_seconds: 0.002}
ids: {path: key}
entities:
  houses:
    create: {method: POST, path: /houses}
    update: {method: PATCH, path: "/houses/{{ partner_id }}"}
    lookup: {method: GET, path: /houses, query: {number: "{{ ids[0] }}"},
             at_once: 1, match: number}
  flats:
    create: {method: POST, path: "/houses/{{ path.house }}/flats"}
    update: {method: PATCH, path: "/houses/{{ path.house }}/flats/{{ partner_id }}"}
    remove: {method: DELETE, path: "/houses/{{ path.house }}/flats/{{ partner_id }}"}
    lookup: {method: GET, path: "/houses/{{ path.house }}/flats",
             query: {number: "{{ ids[0] }}"}, at_once: 1, match: number}
  people:
    upsert: {method: PUT, path: /people, json: "{{ bodies }}"}
    batch: {size: 500, rejected: {items: bad, index: at, fields: {map: why}}}
    remove: {method: DELETE, path: "/people/{{ id }}"}
"""

EVIDENCE = {"x-evidence": "proposed"}
TEXT = {"type": "string", **EVIDENCE}
NUMBER = {**TEXT, "minLength": 1}
KEY = {**TEXT, "readOnly": True}


def schema(properties, required):
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Probe",
        **EVIDENCE,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


PLACE = {
    "type": "object",
    **EVIDENCE,
    "properties": {
        "street": TEXT,
        "town": TEXT,
        "year": {"type": "integer", "minimum": 1970, **EVIDENCE},
    },
}
FLAT = {**NUMBER, "x-reference": "flats"}
SCHEMAS = {
    "houses": schema(
        {
            "key": KEY,
            "number": NUMBER,
            "name": NUMBER,
            "place": PLACE,
            "portal": TEXT,
            "flats": {"type": "array", "items": FLAT, **EVIDENCE},
        },
        ["number", "name"],
    ),
    "flats": schema(
        {
            "key": KEY,
            "number": NUMBER,
            "house": {**NUMBER, "x-in": "path", "x-reference": "houses"},
            "area": {"type": "number", **EVIDENCE},
            "since": {"type": ["string", "null"], **EVIDENCE},
            "rent": {"type": "number", **EVIDENCE},
            "let": {"type": "boolean", **EVIDENCE},
        },
        ["number", "house", "let"],
    ),
    "people": schema(
        {
            "number": {**NUMBER, "x-id": True},
            "name": NUMBER,
            "mail": {**TEXT, "x-immutable": True},
            "flat": FLAT,
        },
        ["number", "name"],
    ),
}

USE_CASE = f"""
version: 0.1.0
direction: erp_to_partner
schedule: [monday]
entity_table:
  - {{erp: Gebäude, partner: Häuser, entity: houses}}
  - {{erp: Verwaltungseinheiten, partner: Wohnungen, entity: flats}}
  - {{erp: Mieter, partner: Personen, entity: people}}
settings:
  separator:
    title: Separator
    description: Steht zwischen den Nummern.
    evidence: proposed
    type: choice
    options: ["-", "/"]
    default: "/"
  verwalter:
    title: Verwalter
    description: Der Teil der Adresse vor example.com.
    evidence: proposed
    type: text
    example: muster
  kosten:
    title: Kosten
    description: Was zur Miete zählt.
    evidence: proposed
    type: mapping
    options: [Miete, Rest]
    default: {{Grundmiete: Miete, "*": Rest}}
related:
  - name: vertrag
    of: verwaltungseinheit
    from: mietvertrag
    where: {TODAYS_LEASE}
    order: [beginn desc, folge_nr]
    take: first
entities:
  - {{name: houses, erp: gebaeude, required: true}}
  - {{name: flats, erp: verwaltungseinheit, required: true, removes: true,
     records: nutzungsart = "wohnen"}}
  - {{name: people, erp: mietvertrag_mieter}}
prerequisites:
  - rule: einwilligung
    text: Nur wer zugestimmt hat.
    evidence: proposed
    entity: mieter
    require: consents(einwilligungen, "analyse")
    removes: true
removal: delete
"""

HEAD = "partner_field,erp_field,transform,id_parts,reference,when,default,if_empty,if_wrong,write,example,expected,note\n"  # noqa: E501
TABLES = {
    "houses": """\
number,,,mandant_nr; we_nr; geb_nr,,,,,,,1; 1001; 01,1/1001/01,
name,bezeichnung; strasse,first,,,,,reject,,,; Lindenweg,Lindenweg,
place.street,strasse; hausnummer,join,,,,,,,,Lindenweg; 4,Lindenweg 4,
place.town,ort,,,,,,,,,,,
place.year,baujahr,,,,,,,omit,,,,
portal,,,,,,https://portal.example.com,,,create,,,
flats[],,,,flats(verwaltungseinheit[]),,,,,later,,,
""",
    "flats": """\
number,,,mandant_nr; we_nr; geb_nr; ve_nr,,,,,,,1; 1001; 01; 0001,1/1001/01/0001,
house,,,,houses(gebaeude),,,,,,1; 1001; 01,1/1001/01,
area,wohnflaeche,round(1),,,,,,,,67.55,67.6,
since,vertrag.beginn,,,,,,clear,,,,,
rent,vertrag.positionen,"rent_items(kosten, ""Miete"")",,,,,,,,"{""vertrag"": {""positionen"": [{""bezeichnung_roh"": ""Grundmiete"", ""betrag"": 450}]}}",450,
let,,,,,vertrag is not empty,true,,,,,,
let,,,,,,false,,,,,,
""",  # noqa: E501
    "people": """\
number,,,gp_nr; mandant_nr; we_nr; geb_nr; ve_nr; folge_nr,,,,,,,4711; 1; 1001; 01; 0001; 01,4711/1/1001/01/0001/01,
name,mieter.vorname; mieter.nachname,join,,,,,reject,,,Ada; Muster,Ada Muster,
mail,mieter.emails,email,,,,,,omit,,ada@example.de,ada@example.de,
flat,,,,flats(mietvertrag.verwaltungseinheit),,,,,later,1; 1001; 01; 0001,1/1001/01/0001,
""",  # noqa: E501
}


def feldwerk(root, *words):
    """Run a command of the partner's root in this process."""
    return CliRunner().invoke(app, [*words, "--root", str(root)])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """What `new partner` writes, changed into the partner above."""
    root = tmp_path_factory.mktemp("root")
    assert feldwerk(root, "new", "partner", NAME).exit_code == 0
    assert feldwerk(root, "check", NAME).exit_code == 0
    write_files(root)
    return root


@pytest.fixture
def desk(root, tmp_path, town, monkeypatch, new_desk):
    """An activation of the partner for the town."""
    shutil.copytree(town.folder, tmp_path / "erp")
    with Simulator(NAME, root) as simulator:
        for name, value in simulator.credentials.items():
            monkeypatch.setenv(f"{NAME}_{name}".upper(), value)
        yield new_desk(tmp_path, simulator, root)


def write_files(root):
    (root / f"connectors/partners/{NAME}.yaml").write_text(CONNECTOR, "utf-8")
    folder = root / f"mappings/partners/{NAME}/stammdaten"
    for path in [*folder.glob("*"), *(root / f"schemas/partners/{NAME}").glob("*")]:
        path.unlink()
    (folder / "use_case.yaml").write_text(USE_CASE, "utf-8")
    for name, table in TABLES.items():
        (folder / f"{name}.csv").write_text(HEAD + table, "utf-8")
    for name, text in SCHEMAS.items():
        path = root / f"schemas/partners/{NAME}/{name}.json"
        path.write_text(json.dumps(text), "utf-8")


def test_the_changed_files_pass_the_check(root):
    found = feldwerk(root, "check", NAME)
    assert found.exit_code == 0, found.output


def test_check_plan_and_sync_work_from_the_command_line(desk):
    checked = desk.run("check", NAME)
    planned = desk.invoke("plan", "activation", "--json")
    assert (checked.code, planned.code) == (0, 0), checked.err + planned.err
    assert planned.json()["totals"]["create"] == 4 + 6 + 6
    assert not desk.simulator.calls
    first = desk.run("sync", "activation", "--json")
    assert first.code == 0, first.err + first.out
    assert {name: len(found) for name, found in desk.picture().items()} == {
        "houses": 4,
        "flats": 6,
        "people": 6,
    }
    calls = desk.simulator.calls.copy()
    second = desk.invoke("sync", "activation", "--json")
    assert second.json()["totals"]["unchanged"] == 4 + 6 + 6
    assert desk.simulator.calls == calls


def test_each_feature_reaches_the_partner(desk, town):
    desk.sync()
    house = desk.picture()["houses"]["1/9001/01"]
    # The building is older than the partner takes: its year is left out.
    assert house["place"] == {"street": "Lindenweg 4", "town": "Dresden"}
    assert house["portal"] == "https://portal.example.com"
    flats = {f"1/9001/01/000{number}" for number in (1, 2, 3, 4)}
    assert set(house["flats"]) == flats
    assert desk.picture()["flats"]["1/9001/01/0001"] == {
        "number": "1/9001/01/0001",
        "house": "1/9001/01",
        "area": 67.5,
        "since": "2021-03-01",
        "rent": 450,
        "let": True,
    }
    assert not desk.picture()["flats"]["1/9001/01/0003"]["let"]
    ada = desk.picture()["people"][f"{town.ada}/1/9001/01/0001/01"]
    assert (ada["name"], ada["flat"]) == ("Ada StadtAda", "1/9001/01/0001")
    assert desk.simulator.calls["PUT /people"] <= 2
    assert set(desk.simulator.statuses) <= {200, 201, 204}


def test_a_lost_state_doubles_nothing(desk):
    desk.sync()
    before = desk.picture()
    desk.lose_the_state()
    assert desk.sync()["totals"]["rejected"] == 0
    assert desk.picture() == before


def test_what_the_partner_cannot_change_is_made_anew(desk, town):
    desk.sync()
    desk.simulator.calls.clear()
    desk.set("geschaeftspartner", {"gp_nr": town.eva}, emails="eva@example.com")
    result = desk.sync()
    assert (result["totals"]["replace"], result["totals"]["rejected"]) == (1, 0)
    assert desk.simulator.calls["DELETE /people/{{ id }}"] == 1
    mails = [person["mail"] for person in desk.records("people").values()]
    assert len(mails) == 6
    assert "eva@example.com" in mails
    assert desk.sync()["totals"]["unchanged"] == 16


def test_what_others_point_to_cannot_be_made_anew(root, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(root, other)
    path = other / f"schemas/partners/{NAME}/flats.json"
    flats = json.loads(path.read_text("utf-8"))
    flats["properties"]["area"]["x-immutable"] = True
    path.write_text(json.dumps(flats), "utf-8")
    found = feldwerk(other, "check", NAME)
    assert found.exit_code == 2
    assert "C113" in found.output


def test_what_is_set_once_stays_as_people_changed_it(desk):
    desk.sync()
    table = desk.simulator._simulation.store.tables["houses"]
    key = desk.records("houses")["1/9001/01"]["key"]
    table.put(key, {**table.records[key], "portal": "https://ours.example.com"})
    desk.set("gebaeude", {"we_nr": "9001", "geb_nr": "01"}, bezeichnung="Turm")
    desk.sync()
    house = desk.records("houses")["1/9001/01"]
    assert (house["name"], house["portal"]) == ("Turm", "https://ours.example.com")


def test_withdrawn_consent_and_another_use_remove(desk, town):
    desk.sync()
    desk.set("geschaeftspartner", {"gp_nr": town.ada}, einwilligungen="")
    flat = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0004"}
    desk.set("verwaltungseinheit", flat, nutzungsart="gewerbe")
    result = desk.sync()
    assert result["totals"]["remove"] == 2
    assert "1/9001/01/0004" not in desk.records("flats")
    assert not any(key.startswith(town.ada) for key in desk.records("people"))
    calls = desk.simulator.calls.copy()
    assert desk.sync()["totals"]["rejected"] == 0
    assert desk.simulator.calls == calls


def test_a_refused_person_of_a_batch_is_named_with_its_row(desk, town):
    rule = {"entity": "people", "field": "name", "value": "Ada StadtAda"}
    desk.simulator.faults(refuse=[{**rule, "message": "Ada StadtAda ist bekannt"}])
    result = desk.sync()
    (item,) = result["entities"]["people"]["rejected_records"]
    assert item["origin"].startswith(
        f"mappings/partners/{NAME}/stammdaten/people.csv:3"
    )
    assert "ist bekannt" in item["reason"]
    assert "Ada" not in item["reason"]
    assert result["totals"]["rejected"] == 1


def test_the_token_is_kept_and_sealed(desk):
    desk.sync()
    desk.set("gebaeude", {"we_nr": "9001", "geb_nr": "01"}, bezeichnung="Turm")
    desk.sync()
    assert desk.simulator.calls["POST /token"] == 1
    with sqlite3.connect(desk.database) as db:
        dump = "".join(db.iterdump())
    db.close()
    for token in desk.simulator._simulation.gate._ends:
        assert token not in dump


def test_trouble_leaves_what_a_quiet_run_leaves(desk):
    desk.sync()
    wanted = desk.picture()
    desk.simulator.reset()
    desk.lose_the_state()
    trouble = {"drop_after": 0.08, "500_after": 0.05, "drop_before": 0.05, "429": 0.05}
    desk.simulator.faults({**trouble, "expire_after_calls": 9})
    for _ in range(30):
        if desk.sync()["totals"]["rejected"] == 0:
            break
    assert desk.picture() == wanted
