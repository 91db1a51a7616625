"""Traps in properties, buildings, units and in the files themselves."""

from decimal import Decimal

from tools.portfolio.columns import COLUMNS, TEST_MANDANT
from tools.portfolio.site import BUILDING, Site


def leading_zeros(site: Site) -> None:
    trap = (1, "leading zeros")
    detail = "09001 is another property than 9001; the zero is sent."
    site.expect("sent", trap, site.property("1", "09001"), detail, we_nr="09001")
    building = {"mandant_nr": "1", "we_nr": "09001", "geb_nr": "01"}
    site.expect("sent", trap, site.building(building), "01 is never 1.", geb_nr="01")
    detail = "The unit is no duplicate of the one in property 9001."
    site.expect("sent", trap, site.unit(building), detail, ve_nr="0001")


def padded_keys(site: Site) -> None:
    trap = (2, "blanks around a key")
    padded = site.unit(ve_nr="P001   ")
    site.expect("sent", trap, padded, "The blanks are no part of it.", ve_nr="P001")
    site.unit(ve_nr="P002")
    twice = site.unit(ve_nr="P002\u00a0")
    site.expect("rejected", trap, twice, "Equal after trimming: both are rejected.")
    site.unit(ve_nr="P003")
    twice = site.unit(ve_nr="P003", bezeichnung="Dieselbe Nummer noch einmal")
    site.expect("rejected", (2, "key twice"), twice, "Both rows are rejected.")


def separator_in_key(site: Site) -> None:
    detail = "With the separator '-' the id could mean another unit."
    trap = (3, "separator inside a key part")
    site.expect("rejected", trap, site.unit(ve_nr="A-1"), detail)


def broken_text(site: Site) -> None:
    trap = (5, "text encoded twice")
    unit = site.unit(etage_text="Erdgeschoss fÃ¼r GÃ¤ste")
    site.expect("rejected", trap, unit, "Never sent as it stands, never repaired.")
    unit = site.unit(bezeichnung="Gro\u0308ße")
    trap = (5, "umlaut in two characters")
    detail = "Read as one character, so that a comparison finds it."
    site.expect("sent", trap, unit, detail, bezeichnung="Größe")
    unit = site.unit(bezeichnung="Laden – 5 €")
    site.expect("sent", (5, "dash and euro"), unit, "Kept.", bezeichnung="Laden – 5 €")


def numbers(site: Site) -> None:
    trap = (13, "number that is none")
    detail = "Never read as 0 and never left out silently."
    site.expect("rejected", trap, site.unit(wohnflaeche="siebzig"), detail)
    if site.is_csv:
        trap = (13, "decimal point where a comma is declared")
        detail = "75.5 could be 75,5 or 755: the row is rejected."
        site.expect("rejected", trap, site.unit(wohnflaeche="75.5"), detail)
    large = site.unit(wohnflaeche=None, nutzflaeche=Decimal("1234.56"))
    trap = (13, "number with a thousands sign")
    site.expect("sent", trap, large, "1.234,56 is one number.", nutzflaeche=1234.56)
    empty = site.unit(wohnflaeche=None)
    trap = (13, "empty is not 0")
    site.expect("sent", trap, empty, "No area is sent.", wohnflaeche=None)


_FLOORS = {
    "EG": "no floor: the rule knows only the whole word",
    "Erdgeschoss/Keller": "floor 0: Erdgeschoss comes first",
    "UG": "no floor",
    "DG": "no floor",
    "3. OG li.": "floor 3",
    "1.-2. OG": "floor 1: the first number counts",
}


def floors(site: Site) -> None:
    for text, detail in _FLOORS.items():
        unit = site.unit(etage_text=text)
        trap = (15, f"floor '{text}'")
        site.expect(
            "sent", trap, unit, f"By the floor rule: {detail}.", etage_text=text
        )


def placeholders(site: Site) -> None:
    trap = (30, "placeholder text")
    unit = site.unit(bezeichnung="unbekannt", etage_text="*---*")
    detail = "Both are declared to mean nothing."
    site.expect("sent", trap, unit, detail, bezeichnung=None, etage_text=None)


def test_mandant(site: Site) -> None:
    trap = (32, "test Mandant")
    key = site.property(TEST_MANDANT, "9099", bezeichnung="Testbestand")
    detail = (
        "Left out by the setting Mandanten Nummern '1, 2;03'; it is in no other way."
    )
    site.expect("left_out", trap, key, detail)
    trap = (36, "Mandant in a filter typed by people")
    key = site.property("03", "9004")
    detail = "The setting Mandanten Nummern '1, 2;03' lets it pass."
    site.expect("sent", trap, key, detail, mandant_nr="03")


def orphans(site: Site) -> None:
    trap = (35, "building of an unknown property")
    building = {"mandant_nr": "1", "we_nr": "9090", "geb_nr": "01"}
    detail = "Never sent without its parent."
    site.expect("rejected", trap, site.building(building), detail)
    trap = (35, "unit of an unknown building")
    site.expect("rejected", trap, site.unit({**BUILDING, "geb_nr": "77"}), detail)


_QUOTED = {
    "delimiter inside a cell": "Laden; mit Büro",
    "line break inside a cell": "Wohnung\nim Hinterhaus",
    "quotes inside a cell": 'Wohnung "Süd"',
}


def quoting(site: Site) -> None:
    for title, text in _QUOTED.items():
        unit = site.unit(bezeichnung=text)
        site.expect("sent", (37, title), unit, "One cell.", bezeichnung=text)
    if not site.is_csv:
        return
    site.expect(
        "sent",
        (37, "mark of UTF-8 before the header"),
        ("wirtschaftseinheit", {"mandant_nr": "1", "we_nr": "9001"}),
        "The mark is no part of the first column's name.",
    )
    width = len(COLUMNS["verwaltungseinheit"])
    for number, title, change in (
        ("Q001", "last cell missing", -1),
        ("Q002", "one cell too many", 1),
    ):
        key = {**BUILDING, "ve_nr": number}
        cells = [*key.values(), "Zeile mit falscher Zellenzahl"]
        cells += [""] * (width + change - len(cells))
        site.rows["verwaltungseinheit"].append(cells)
        detail = "Rejected with file and line; the rows around it are read."
        site.expect("rejected", (37, title), ("verwaltungseinheit", key), detail)


STOCK_TRAPS = (
    leading_zeros,
    padded_keys,
    separator_in_key,
    broken_text,
    numbers,
    floors,
    placeholders,
    test_mandant,
    orphans,
    quoting,
)
