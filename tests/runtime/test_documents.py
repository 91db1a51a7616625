"""Wohnungshelden: each document that we send is valid by our own XML Schema."""

from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from connectors.payloads import merged
from connectors.templates import render
from connectors.xmlbody import write_xml
from engine.interpreter import interpret
from engine.model import setting_value
from engine.payload import in_order
from engine.problems import Origin
from engine.runtime.library import INSTALLED, get_use_case
from engine.spec import Folders
from engine.work import Settings

FOLDERS = Folders(INSTALLED)
USE_CASE = get_use_case(FOLDERS, "wohnungshelden", "stammdaten", Origin("test"))
XSD = etree.XMLSchema(
    etree.parse(Path(INSTALLED, "schemas/partners/wohnungshelden/leerstaende.xsd"))
)
SETTINGS = Settings(
    {
        name: setting_value(setting, setting.example)
        for name, setting in USE_CASE.spec.use_case.settings.items()
    }
    | {"today": "2026-11-21"}
)
FLAT = {
    "mandant_nr": "1",
    "we_nr": "1001",
    "geb_nr": "01",
    "ve_nr": "0001",
    "bezeichnung": "Wohnung 1",
    "nutzungsart": "wohnen",
    "etage_text": "2. OG",
    "lage": "links",
    "wohnflaeche": 67.5,
    "zimmer": 2.5,
    "keller": True,
    "sollmiete_netto": 450.0,
    "vermarktbar": True,
    "gebaeude": {
        "strasse": "Lindenweg",
        "hausnummer": "4",
        "plz": "01067",
        "ort": "Dresden",
        "land": "DE",
        "breite": 51.05,
        "laenge": 13.74,
        "baujahr": 1968,
        "geschosse": 5,
        "aufzug": True,
    },
}
BARE = {
    "mandant_nr": "1",
    "geb_nr": "01",
    "ve_nr": "0002",
    "gebaeude": {"plz": "01067", "ort": "Dresden"},
}
KINDS = [
    {"nutzungsart": "wohnen"},
    {"nutzungsart": "stellplatz", "unterart": "tiefgarage"},
    {"nutzungsart": "lager"},
    *(
        {"nutzungsart": "gewerbe", "unterart": kind}
        for kind in ("buero", "praxis", "laden", "gastronomie", "werkstatt", None)
    ),
    {"nutzungsart": "sonstige"},
    {},
]


def document(record, operation):
    (entity,) = USE_CASE.work.entities
    outcome = interpret(entity, record, SETTINGS)
    assert outcome.problems == ()
    body = in_order(
        merged(outcome.body, outcome.only.get(operation, {})), entity.schema
    )
    requests = USE_CASE.connector.entities["leerstaende"]
    request = requests.remove if operation == "remove" else requests.upsert
    settings = {name: SETTINGS.get(name) for name in ("firma", "openimmo_anid")}
    known = {"body": body, "settings": settings, "now": "2026-11-21T06:00:00Z"}
    return etree.fromstring(write_xml(render(request.xml, known)))


@pytest.mark.parametrize("operation", ["create", "update", "remove"])
@pytest.mark.parametrize("record", [FLAT, BARE, *(BARE | kind for kind in KINDS)])
def test_each_document_is_valid(record, operation):
    root = document(record, operation)
    assert XSD.validate(root), XSD.error_log


@pytest.mark.parametrize(
    ("operation", "action", "modus"),
    [
        ("create", None, None),
        ("update", "CHANGE", None),
        ("remove", "DELETE", "DELETE"),
    ],
)
def test_the_document_says_what_becomes_of_the_object(operation, action, modus):
    root = document(FLAT, operation)
    assert root.find(".//aktion").get("aktionart") == action
    assert root.find("uebertragung").get("modus") == modus
    assert len(root.findall(".//immobilie")) == 1


# -- as they arrive


@pytest.fixture
def arrived(open_desk, town):
    """Return what syncs the town, and the documents that have come to the partner."""
    desk = open_desk("wohnungshelden", source=town.folder)
    router = desk.simulator._simulation.router
    came = []
    whole = router.find

    def find(call):
        came.append(call.body)
        return whole(call)

    router.find = find
    yield desk, came
    del router.find


def test_each_document_that_arrives_is_valid_and_holds_one_object(arrived):
    desk, came = arrived
    desk.sync()
    assert len(came) == 2
    for raw in came:
        root = etree.fromstring(raw)
        assert XSD.validate(root), XSD.error_log
        assert len(root.findall(".//immobilie")) == 1
        told = datetime.fromisoformat(root.find("uebertragung").get("timestamp"))
        assert told.tzinfo is not None


def test_each_operation_sends_its_own_document(arrived):
    desk, came = arrived
    offered = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0003"}
    desk.sync()
    came.clear()
    desk.set("verwaltungseinheit", offered, wohnflaeche="70,00")
    desk.sync()
    desk.set("verwaltungseinheit", offered, vermarktbar="nein")
    desk.sync()
    desk.set("verwaltungseinheit", offered, vermarktbar="ja")
    desk.sync()
    roots = [etree.fromstring(raw) for raw in came]
    actions = [root.find(".//aktion").get("aktionart") for root in roots]
    assert actions == ["CHANGE", "DELETE", None]
    for root in roots:
        assert XSD.validate(root), XSD.error_log


@pytest.mark.parametrize(
    "title", ["<b>&amp;]]>", "Ä Ö ü €", "a\u00a0b", "\"Ruhe\" & 'Luft'"]
)
def test_a_title_arrives_as_it_stands_in_the_erp(arrived, title):
    desk, _ = arrived
    offered = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0003"}
    desk.set("verwaltungseinheit", offered, bezeichnung=title)
    assert desk.sync()["totals"]["rejected"] == 0
    record = desk.records("leerstaende")["1/9001/01/0003"]
    assert record["freitexte"]["objekttitel"] == f"{title}, Dresden"


def test_a_title_with_a_sign_that_xml_cannot_say_costs_no_other_record(arrived):
    desk, _ = arrived
    offered = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0003"}
    desk.set("verwaltungseinheit", offered, bezeichnung="Nest\x0b1")
    result = desk.sync()
    assert result["totals"]["create"] + result["totals"]["rejected"] == 2
    assert "1/9001/01/0004" in desk.records("leerstaende")
