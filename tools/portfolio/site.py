"""The ground for planted records: values of one trap in, whole relations out."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Literal

from tools.portfolio.columns import FIRST_TRAP_PERSON, Record, empty_batch
from tools.portfolio.formats import Row

Outcome = Literal["sent", "left_out", "rejected"]
Key = dict[str, str]

BUILDING = {"mandant_nr": "1", "we_nr": "9001", "geb_nr": "01"}
OTHER_BUILDING = {"mandant_nr": "2", "we_nr": "9002", "geb_nr": "01"}
WEG_BUILDING = {"mandant_nr": "1", "we_nr": "9003", "geb_nr": "01"}

_HOME = {
    "strasse": "Lindenweg",
    "hausnummer": "4",
    "plz": "01067",
    "ort": "Dresden",
    "land": "DE",
}
_SINCE = date(2021, 3, 1)


@dataclass(frozen=True)
class Entry:
    """
    What must come of one planted record.

    `key` and `fields` are as they are after reading: without outer blanks, dates as
    ISO texts, None where nothing is left.
    """

    trap: int
    title: str
    entity: str
    key: Key
    expect: Outcome
    detail: str
    fields: Record = field(default_factory=dict)


class Site:
    """Collects planted rows; every row stands in relations that are otherwise whole."""

    def __init__(self, form: str) -> None:
        self.is_csv = form == "csv"
        self.rows: dict[str, list[Row]] = {**empty_batch()}
        self.entries: list[Entry] = []
        self._persons = FIRST_TRAP_PERSON
        self._units: dict[tuple[str, ...], int] = {}
        for building in (BUILDING, OTHER_BUILDING, WEG_BUILDING):
            self.property(building["mandant_nr"], building["we_nr"])
            self.building(building)

    def expect(
        self,
        outcome: Outcome,
        trap: tuple[int, str],
        target: tuple[str, Key],
        detail: str,
        **fields: Any,
    ) -> None:
        """Note in the manifest what must come of a record."""
        entity, written = target
        key = {name: part.strip() for name, part in written.items()}
        self.entries.append(Entry(*trap, entity, key, outcome, detail, fields))

    def property(self, mandant_nr: str, we_nr: str, **values: Any) -> tuple[str, Key]:
        """Add a Wirtschaftseinheit; returns its entity and key, as all of these do."""
        key = {"mandant_nr": mandant_nr, "we_nr": we_nr}
        ordinary = {"bezeichnung": f"Prüfbestand {we_nr}", "verwaltungsart": "miete"}
        return self._add("wirtschaftseinheit", key, {**ordinary, **_HOME, **values})

    def building(self, key: Key, **values: Any) -> tuple[str, Key]:
        """Add a Gebäude."""
        ordinary = {"art": "gebaeude", "bezeichnung": "Prüfhaus", "baujahr": 1968}
        return self._add("gebaeude", key, {**ordinary, **_HOME, **values})

    def unit(self, building: Key | None = None, **values: Any) -> tuple[str, Key]:
        """Add a Verwaltungseinheit with the next number of its building."""
        place = building or BUILDING
        number = self._units.get(tuple(place.values()), 0) + 1
        self._units[tuple(place.values())] = number
        key = {**place, "ve_nr": values.pop("ve_nr", f"{number:04}")}
        ordinary = {
            "bezeichnung": f"Prüfwohnung {number}",
            "nutzungsart_roh": "Wohnung",
            "nutzungsart": "wohnen",
            "wohnflaeche": Decimal("67.50"),
        }
        return self._add("verwaltungseinheit", key, {**ordinary, **values})

    def person(self, **values: Any) -> tuple[str, Key]:
        """Add a Geschäftspartner with the next reserved number."""
        number = self._persons
        self._persons += 1
        ordinary = {
            "mandant_nr": "1",
            "art": "natuerlich",
            "anrede": "frau",
            "vorname": "Ada",
            "nachname": "Muster",
            "emails": [f"ada.muster.{number}@example.de"],
            "rollen": ["Mieter"],
        }
        key = {"gp_nr": f"{number:010}"}
        return self._add("geschaeftspartner", key, {**ordinary, **_HOME, **values})

    def lease(self, unit: Key, *persons: Key, **values: Any) -> tuple[str, Key]:
        """Add a Mietvertrag and the link to each of its tenants."""
        key = {**unit, "folge_nr": values.pop("folge_nr", "01")}
        ordinary = {
            "vertragsart": "wohnung",
            "status": "aktiv",
            "beginn": _SINCE,
            "nutzungsart": "wohnen",
            "nettokaltmiete": Decimal("450.00"),
        }
        for order, person in enumerate(persons, 1):
            self.link(key, person, order)
        return self._add("mietvertrag", key, {**ordinary, **values})

    def link(self, lease: Key, person: Key, order: int = 1) -> tuple[str, Key]:
        """Add a person to a lease; the first one is the main tenant."""
        role = "hauptmieter" if order == 1 else "mitmieter"
        values = {"ist_hauptmieter": order == 1, "reihenfolge": order}
        key = {**lease, **person, "rolle": role}
        return self._add("mietvertrag_mieter", key, values)

    def tenancy(
        self, person: Record | None = None, lease: Record | None = None
    ) -> tuple[tuple[str, Key], tuple[str, Key]]:
        """Add a unit, its lease and one tenant; returns the tenant and the lease."""
        tenant = self.person(**(person or {}))
        contract = self.lease(self.unit()[1], tenant[1], **(lease or {}))
        return tenant, contract

    def ownership(
        self, shares: list[tuple[int, int]], **values: Any
    ) -> tuple[str, Key]:
        """Add a WEG unit and one owner per share."""
        key = {**self.unit(WEG_BUILDING)[1], "ev_nr": "01"}
        for order, (part, whole) in enumerate(shares, 1):
            owner = self.person(rollen=["Eigentümer"])[1]
            share = {"anteil_zaehler": Decimal(part), "anteil_nenner": Decimal(whole)}
            link = {**share, "ist_hauptansprechpartner": order == 1}
            self._add("eigentuemervertrag_eigentuemer", {**key, **owner}, link)
        return self._add(
            "eigentuemervertrag", key, {"art": "weg", "beginn": _SINCE, **values}
        )

    def _add(self, entity: str, key: Key, values: Record) -> tuple[str, Key]:
        self.rows[entity].append({**values, **key})
        return entity, key
