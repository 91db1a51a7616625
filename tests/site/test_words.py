"""Rules in German: each word of the language has one, and reads as a person says it."""

import pytest

from engine.app.site.ways import Ways
from engine.app.site.words import PREDICATE_WORDS, TRANSFORM_WORDS, Words
from engine.model import FieldRow, Related, Setting
from engine.runtime.library import INSTALLED, standard_of
from engine.spec import Folders
from engine.transforms import PREDICATES, TRANSFORMS

RELATED = Related.model_validate(
    {
        "name": "vertrag",
        "of": "verwaltungseinheit",
        "from": "mietvertrag",
        "take": "first",
    }
)
SETTINGS = {
    "nummern": Setting(title="Nummern", description="", evidence="seen", type="numbers")
}


@pytest.fixture
def words():
    ways = Ways(standard_of(Folders(INSTALLED)), (RELATED,), SETTINGS)
    return Words(ways, {"objekte": "Objekte"}, {"objekte": "stammdaten-objekte"})


def test_each_transform_has_german_words():
    assert set(TRANSFORM_WORDS) == {*TRANSFORMS, "template"}


def test_each_predicate_has_german_words():
    assert set(PREDICATE_WORDS) == set(PREDICATES)


CONDITIONS = {
    'nutzungsart = "wohnen"': "Nutzungsart ist `wohnen`",
    "etage_nr is empty": "Etage ist leer",
    "etage_nr is not empty and leer": "Etage ist nicht leer und Leer: ja",
    "not leer": "Leer: nein",
    'nutzungsart in ("wohnen", "gewerbe")': (
        "Nutzungsart ist eines von `wohnen`, `gewerbe`"
    ),
    'nutzungsart not in ("wohnen")': "Nutzungsart ist nicht `wohnen`",
    "mandant_nr in settings.nummern": "Mandant steht in Einstellung „Nummern“",
    "verwaltung_bis >= today": "Bestand bis liegt nicht vor dem Tag des Laufs",
    "wohnflaeche > 50": "Wohnfläche ist größer als `50`",
    "vertrag is empty": "vertrag ist leer",
    "vertrag.beginn is empty": "vertrag › Mietbeginn ist leer",
    'not (leer or lage = "links")': "nicht (Leer: ja oder Lage ist `links`)",
}


@pytest.mark.parametrize(("written", "said"), CONDITIONS.items())
def test_a_condition_is_said(words, written, said):
    assert words.condition("verwaltungseinheit", written) == said


ROWS = [
    ({"erp_field": "bezeichnung"}, "unverändert"),
    ({"default": "MIETE"}, "immer `MIETE`"),
    ({"erp_field": "lage", "default": "x", "write": "create"}, "nur beim Anlegen"),
    ({"erp_field": "lage", "if_empty": "clear"}, "leer: das Feld wird geleert"),
    ({"erp_field": "lage", "if_wrong": "omit"}, "ungültig: das Feld bleibt weg"),
    ({"reference": "objekte", "write": "later"}, "wird nachgereicht"),
    ({"erp_field": "lage", "transform": "trim | upper"}, "dann in Großbuchstaben"),
    ({"erp_field": "lage", "transform": 'template("a {{ lage }}")'}, "`a ‹lage›`"),
]


@pytest.mark.parametrize(("row", "said"), ROWS)
def test_a_row_is_said(words, row, said):
    written = FieldRow(partner_field="x", **row)
    assert said in words.rule("verwaltungseinheit", written)


def test_a_source_has_its_title_and_its_name(words):
    row = FieldRow(partner_field="x", erp_field="gebaeude.baujahr; lage")
    said = "Gebäude › Baujahr (`gebaeude.baujahr`), Lage (`lage`)"
    assert words.source("verwaltungseinheit", row) == said


def test_a_reference_links_to_its_entity(words):
    row = FieldRow(partner_field="x", reference="objekte(gebaeude)")
    said = "ID von [Objekte](#stammdaten-objekte) über `gebaeude`"
    assert words.source("verwaltungseinheit", row) == said


def test_a_json_path_names_the_field_that_it_reads(words):
    row = FieldRow(partner_field="x", erp_field="$.telefone[?(@.art=='mobil')].e164")
    said = words.source("geschaeftspartner", row)
    assert said.startswith("Telefonnummern (`$.telefone")
