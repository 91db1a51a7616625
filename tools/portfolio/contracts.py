"""Ordinary contracts of one property: its units in, leases, owners and persons out."""

from random import Random

from tools.portfolio.columns import Batch, Record
from tools.portfolio.persons import Persons, pick
from tools.portfolio.tenancies import Period, history, ownerships, quarters

_KINDS = {"wohnen": "wohnung", "gewerbe": "gewerbe", "stellplatz": "stellplatz"}
_VE = ("mandant_nr", "we_nr", "geb_nr", "ve_nr")


class Contracts:
    """Adds to a batch the contracts of its units and the persons that they need."""

    def __init__(self, batch: Batch, persons: Persons, rng: Random) -> None:
        self._batch = batch
        self._persons = persons
        self._rng = rng
        self._tenants: list[Record] = []
        self._owners: list[Record] = []

    def let(self, unit: Record, home: Record) -> None:
        """Add the leases of a unit, one after the other, with their tenants."""
        for number, period in enumerate(history(self._rng), 1):
            key = {name: unit[name] for name in _VE} | {"folge_nr": f"{number:02}"}
            tenants = self._find_tenants(unit, home)
            lease = self._lease(key, unit, period, len(tenants))
            self._batch["mietvertrag"].append(lease)
            for order, tenant in enumerate(tenants, 1):
                role = "hauptmieter" if order == 1 else "mitmieter"
                self._link(lease, tenant, role, order)
            if tenants[0].get("emails") and self._rng.random() < 0.02:
                surety = self._add(self._persons.natural(self._rng, home, "Bürge"))
                self._link(lease, surety, "buerge", len(tenants) + 1)
            if not lease["ende"] and unit["nutzungsart"] == "wohnen":
                self._tenants.append(tenants[0])

    def own(self, unit: Record, home: Record) -> None:
        """Add the ownerships of a unit, each with one or two owners."""
        for number, period in enumerate(ownerships(self._rng), 1):
            key = {name: unit[name] for name in _VE} | {"ev_nr": f"{number:02}"}
            self._batch["eigentuemervertrag"].append(self._ownership(key, unit, period))
            owners = self._find_owners(home)
            self._owners.extend(owners)
            for order, owner in enumerate(owners, 1):
                self._batch["eigentuemervertrag_eigentuemer"].append(
                    {
                        **key,
                        "gp_nr": owner["gp_nr"],
                        "anteil_zaehler": quarters(4),
                        "anteil_nenner": quarters(4 * len(owners)),
                        "ist_hauptansprechpartner": order == 1,
                        "gueltig_von": period.beginn,
                        "gueltig_bis": period.ende,
                    }
                )

    def _add(self, person: Record) -> Record:
        self._batch["geschaeftspartner"].append(person)
        return person

    def _find_tenants(self, unit: Record, home: Record) -> list[Record]:
        """Return who takes a unit: a garage mostly goes to somebody of the house."""
        rng, persons = self._rng, self._persons
        if unit["nutzungsart"] == "stellplatz" and rng.random() < 0.8:
            if self._owners and rng.random() < 0.5:
                return [pick(rng, self._owners)]
            if self._tenants:
                return [pick(rng, self._tenants)]
        if unit["nutzungsart"] == "gewerbe" or rng.random() < 0.03:
            return [self._add(persons.company(rng, home, "Mieter"))]
        surname = persons.surname(rng)
        is_couple = unit["nutzungsart"] == "wohnen" and rng.random() < 0.3
        return [
            self._add(persons.natural(rng, home, "Mieter", surname))
            for _ in range(2 if is_couple else 1)
        ]

    def _find_owners(self, home: Record) -> list[Record]:
        rng, persons = self._rng, self._persons
        if self._owners and rng.random() < 0.1:
            return [pick(rng, self._owners)]
        if rng.random() < 0.08:
            return [self._add(persons.company(rng, home, "Eigentümer"))]
        owners = [self._add(persons.natural(rng, home, "Eigentümer"))]
        if rng.random() < 0.35:
            owners.append(self._add(persons.natural(rng, home, "Eigentümer")))
        return owners

    def _lease(self, key: Record, unit: Record, period: Period, persons: int) -> Record:
        rent = unit["sollmiete_netto"]
        is_garage = unit["nutzungsart"] == "stellplatz"
        costs = None if is_garage else quarters(int(rent))
        heating = None if is_garage else quarters(int(rent) // 2 + 40)
        return {
            **key,
            "vertrag_nr": "/".join(key.values()),
            "vertragsart_roh": unit["nutzungsart_roh"],
            "vertragsart": _KINDS[unit["nutzungsart"]],
            "status": period.status,
            "beginn": period.beginn,
            "ende": period.ende,
            "kuendigung_am": period.kuendigung_am,
            "nutzungsart": unit["nutzungsart"],
            "personenanzahl": None if is_garage else persons,
            "nettokaltmiete": rent,
            "betriebskosten_vz": costs,
            "heizkosten_vz": heating,
            "gesamtmiete": rent + (costs or 0) + (heating or 0),
            "kaution_soll": None if is_garage else rent * 3,
        }

    def _link(self, lease: Record, person: Record, role: str, order: int) -> None:
        self._batch["mietvertrag_mieter"].append(
            {
                **{name: lease[name] for name in (*_VE, "folge_nr")},
                "gp_nr": person["gp_nr"],
                "rolle": role,
                "ist_hauptmieter": order == 1,
                "reihenfolge": order,
                "gueltig_von": lease["beginn"],
                "gueltig_bis": lease["ende"],
            }
        )

    def _ownership(self, key: Record, unit: Record, period: Period) -> Record:
        return {
            **key,
            "vertrag_nr": "E-" + "/".join(key.values()),
            "vertragsart_roh": "WEG-Eigentum",
            "art": "weg",
            "beginn": period.beginn,
            "ende": period.ende,
            "mea_zaehler": unit["mea_zaehler"],
            "mea_nenner": unit["mea_nenner"],
            "stimmrecht": quarters(4),
            "hausgeld": quarters(600 + int(self._rng.random() * 1200)),
            "ruecklage": quarters(80 + int(self._rng.random() * 160)),
            "selbstnutzer": self._rng.random() < 0.5,
        }
