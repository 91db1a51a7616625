"""An ordinary portfolio: pools, a size and a seed in, one batch per property out."""

from collections.abc import Iterator
from itertools import count
from random import Random

from tools.portfolio.columns import (
    FIRST_PERSON,
    MANDANTEN,
    Batch,
    Record,
    empty_batch,
    property_number,
    unit_key,
)
from tools.portfolio.contracts import Contracts
from tools.portfolio.persons import Persons, pick
from tools.portfolio.pools import Pools
from tools.portfolio.tenancies import quarters

_FLOORS = ("Erdgeschoss", "1. OG", "2. OG", "3. OG", "4. OG", "Dachgeschoss")
_FLATS = ("Wohnung", "Wohnraum")
_SHOPS = ("Gewerbe", "Büro", "Praxis", "Einzelhandel")
_GARAGES = ("Garage", "Tiefgarage", "Stellplatz außen")
_FUELS = ("Fernwärme", "Erdgas", "Heizöl", "Wärmepumpe")


def properties(pools: Pools, units: int, seed: int) -> Iterator[Batch]:
    """Yield the properties one by one until there are so many units."""
    persons = Persons(pools, count(FIRST_PERSON))
    index = 0
    while units > 0:
        rng = Random(f"{seed}/{index}")
        estate = _Property(pools, persons, rng, index, units)
        yield estate.batch
        units -= estate.units
        index += 1


class _Property:
    """Builds one property with all that belongs to it."""

    def __init__(
        self, pools: Pools, persons: Persons, rng: Random, index: int, most: int
    ) -> None:
        self._pools = pools
        self._rng = rng
        self.batch = empty_batch()
        self._contracts = Contracts(self.batch, persons, rng)
        self._is_weg = rng.random() < 0.2
        self._key = {
            "mandant_nr": MANDANTEN[index % len(MANDANTEN)],
            "we_nr": property_number(index // len(MANDANTEN)),
        }
        plz, ort = pick(rng, pools.towns)
        self._place = {"strasse": pick(rng, pools.streets), "plz": plz, "ort": ort}
        self._place["land"] = "DE"
        sizes = [6 + int(rng.random() * 7) for _ in range(1 + int(rng.random() * 4))]
        self.units = min(sum(sizes), most)
        self._share = 1000 // self.units
        self._add_property()
        left = self.units
        number = 1
        for size in sizes:
            if left > 0:
                number = self._add_building(number, min(size, left))
                left -= size
        self._release()

    def _release(self) -> None:
        """
        Say of each unit whether it may be offered: most of those that nobody holds.

        A few that are let carry the mark, too: nobody took it away.
        """
        leases = self.batch["mietvertrag"]
        held = {unit_key(lease) for lease in leases if lease["ende"] is None}
        for unit in self.batch["verwaltungseinheit"]:
            share = 0.02 if unit_key(unit) in held else 0 if self._is_weg else 0.8
            unit["vermarktbar"] = self._rng.random() < share

    def _add_property(self) -> None:
        self.batch["wirtschaftseinheit"].append(
            {
                **self._key,
                "bezeichnung": f"{self._place['strasse']} {self._key['we_nr']}",
                "verwaltungsart": "weg" if self._is_weg else "miete",
                **self._place,
                "anzahl_einheiten": self.units,
                "mea_gesamt": quarters(4000) if self._is_weg else None,
                "verwalter_kuerzel": pick(self._rng, ["TEAM-OST", "TEAM-WEST"]),
            }
        )

    def _add_building(self, number: int, size: int) -> int:
        """Add a building, its entrances and units; returns the next number."""
        rng = self._rng
        building = {
            **self._key,
            "geb_nr": f"{number:02}",
            "art": "gebaeude",
            "bezeichnung": f"Haus {number}",
            **self._place,
            "hausnummer": str(2 * number + 1),
            "hausnummer_zusatz": "a" if rng.random() < 0.1 else None,
            "baujahr": 1900 + int(rng.random() * 123),
            "geschosse": 2 + int(rng.random() * 5),
            "aufzug": rng.random() < 0.3,
            "heizungsart": "Zentralheizung",
            "energietraeger": pick(rng, _FUELS),
            "energiekennwert": quarters(160 + int(rng.random() * 480)),
        }
        self.batch["gebaeude"].append(building)
        if size < 8 or rng.random() > 0.25:
            self._add_units(building, size)
            return number + 1
        half = size // 2
        for part, units in ((1, half), (2, size - half)):
            entrance = self._entrance(building, number + part)
            self.batch["gebaeude"].append(entrance)
            self._add_units(entrance, units)
        return number + 3

    def _entrance(self, building: Record, number: int) -> Record:
        return {
            **building,
            "geb_nr": f"{number:02}",
            "uebergeordnet_geb_nr": building["geb_nr"],
            "art": "hauseingang",
            "bezeichnung": f"Eingang {number}",
            "hausnummer": str(2 * number + 1),
        }

    def _add_units(self, building: Record, size: int) -> None:
        """Add the units of a building, the garages last: a tenant is there by then."""
        garages = int(self._rng.random() * 3) if size > 5 else 0
        home = {
            name: building.get(name)
            for name in ("strasse", "hausnummer", "hausnummer_zusatz", "plz", "ort")
        }
        home |= {"land": "DE", "mandant_nr": self._key["mandant_nr"]}
        for number in range(1, size + 1):
            unit = self._unit(building, number)
            unit |= self._garage() if number > size - garages else self._rooms(number)
            self.batch["verwaltungseinheit"].append(unit)
            if self._is_weg:
                self._contracts.own(unit, home)
            if not self._is_weg or self._rng.random() < 0.4:
                self._contracts.let(unit, home)

    def _unit(self, building: Record, number: int) -> Record:
        share = quarters(4 * self._share) if self._is_weg else None
        return {
            **self._key,
            "geb_nr": building["geb_nr"],
            "ve_nr": f"{number:04}",
            "mea_zaehler": share,
            "mea_nenner": quarters(4000) if self._is_weg else None,
        }

    def _garage(self) -> Record:
        kind = pick(self._rng, _GARAGES)
        return {
            "bezeichnung": kind,
            "nutzungsart_roh": kind,
            "nutzungsart": "stellplatz",
            "unterart": "tiefgarage" if kind == "Tiefgarage" else "garage",
            "sollmiete_netto": quarters(4 * (35 + 5 * int(self._rng.random() * 9))),
        }

    def _rooms(self, number: int) -> Record:
        rng = self._rng
        area = 120 + int(rng.random() * 360)
        is_shop = rng.random() < 0.06
        raw = pick(rng, _SHOPS if is_shop else _FLATS)
        return {
            "bezeichnung": f"{'Gewerbe' if is_shop else 'Wohnung'} {number}",
            "nutzungsart_roh": raw,
            "nutzungsart": "gewerbe" if is_shop else "wohnen",
            "etage_text": _FLOORS[min((number - 1) // 2, len(_FLOORS) - 1)],
            "lage": "links" if number % 2 else "rechts",
            "wohnungsnummer": str(number),
            "wohnflaeche": None if is_shop else quarters(area),
            "nutzflaeche": quarters(area) if is_shop else None,
            "zimmer": quarters(4 + 2 * (area // 60)),
            "balkon": rng.random() < 0.5,
            "keller": rng.random() < 0.7,
            "einbaukueche": rng.random() < 0.3,
            "sollmiete_netto": quarters(area * (6 + int(rng.random() * 6))),
        }
