"""What a source folder holds: the columns of each file, and the reserved numbers."""

from typing import Any

Record = dict[str, Any]
Batch = dict[str, list[Record]]

_GEB = ("mandant_nr", "we_nr", "geb_nr")
_VE = (*_GEB, "ve_nr")
_ADDRESS = ("strasse", "hausnummer", "hausnummer_zusatz", "plz", "ort", "land")

COLUMNS: dict[str, tuple[str, ...]] = {
    "wirtschaftseinheit": (
        *("mandant_nr", "we_nr", "bezeichnung", "verwaltungsart"),
        *_ADDRESS,
        *("anzahl_einheiten", "mea_gesamt", "verwalter_kuerzel"),
    ),
    "gebaeude": (
        *_GEB,
        *("uebergeordnet_geb_nr", "art", "bezeichnung"),
        *_ADDRESS,
        *("baujahr", "geschosse", "aufzug", "heizungsart", "energietraeger"),
        "energiekennwert",
    ),
    "verwaltungseinheit": (
        *_VE,
        *("bezeichnung", "nutzungsart_roh", "nutzungsart", "unterart", "etage_text"),
        *("lage", "wohnungsnummer", "wohnflaeche", "nutzflaeche", "zimmer", "balkon"),
        *("keller", "einbaukueche", "mea_zaehler", "mea_nenner", "sollmiete_netto"),
        *("vermarktbar", "verwaltung_von"),
    ),
    "mietvertrag": (
        *_VE,
        *("folge_nr", "vertrag_nr", "vertragsart_roh", "vertragsart", "status"),
        *("beginn", "ende", "kuendigung_am", "nutzungsart", "personenanzahl"),
        *("positionen", "nettokaltmiete", "betriebskosten_vz", "heizkosten_vz"),
        *("gesamtmiete", "kaution_soll", "weitere_einheiten"),
    ),
    "mietvertrag_mieter": (
        *_VE,
        *("folge_nr", "gp_nr", "rolle", "ist_hauptmieter", "reihenfolge"),
        *("gueltig_von", "gueltig_bis"),
    ),
    "eigentuemervertrag": (
        *_VE,
        *("ev_nr", "vertrag_nr", "vertragsart_roh", "art", "beginn", "ende"),
        *("mea_zaehler", "mea_nenner", "stimmrecht", "hausgeld", "ruecklage"),
        "selbstnutzer",
    ),
    "eigentuemervertrag_eigentuemer": (
        *_VE,
        *("ev_nr", "gp_nr", "anteil_zaehler", "anteil_nenner"),
        *("ist_hauptansprechpartner", "gueltig_von", "gueltig_bis"),
    ),
    "geschaeftspartner": (
        *("gp_nr", "mandant_nr", "art", "anrede_roh", "anrede", "titel", "vorname"),
        *("nachname", "vorname_2", "nachname_2", "firma", "firma_zusatz"),
        "geburtsdatum",
        *_ADDRESS,
        *("emails", "telefone", "einwilligungen", "sperre", "loeschantrag", "rollen"),
    ),
}

MANDANTEN = ("1", "2", "03")
TEST_MANDANT = "999"

# Properties 9000 to 9099 and persons below one million belong to the traps.
FIRST_PERSON = 1_000_001
FIRST_TRAP_PERSON = 900_001
_RESERVED_PROPERTIES = range(9000, 9100)


def property_number(index: int) -> str:
    """Return the number of the property at a place in the row, four digits or more."""
    number = 81 + index
    return f"{number + 100 if number >= _RESERVED_PROPERTIES.start else number:04}"


def is_trap(record: Record) -> bool:
    """Tell a planted record from an ordinary one by its reserved number."""
    if record.get("gp_nr") and not record.get("we_nr"):
        return int(record["gp_nr"]) < FIRST_PERSON
    number = record["we_nr"].strip()
    return not number.isdigit() or int(number) in _RESERVED_PROPERTIES


def unit_key(record: Record) -> tuple[str, ...]:
    """Return the key of a unit, from the unit or from a contract of it."""
    return tuple(record[name] for name in _VE)


def empty_batch() -> Batch:
    """Return room for the records of one property."""
    return {entity: [] for entity in COLUMNS}
