"""Traps in leases and ownerships: their dates, states, sums and relations."""

from datetime import date
from decimal import Decimal

from tools.portfolio.site import BUILDING, Site


def open_ends(site: Site) -> None:
    for day in (date(9999, 12, 31), date(1753, 1, 1)):
        _, lease = site.tenancy(lease={"ende": day})
        trap = (10, f"open end written as {day.isoformat()}")
        site.expect("sent", trap, lease, "A lease without an end.", ende=None)
    _, lease = site.tenancy(lease={"beginn": date(1900, 1, 1)})
    trap = (10, "start in 1900")
    site.expect("sent", trap, lease, "A real start, kept.", beginn="1900-01-01")


def wrong_dates(site: Site) -> None:
    begin = date(2024, 5, 1)
    _, lease = site.tenancy(lease={"beginn": begin, "ende": date(2024, 4, 30)})
    trap = (11, "end before start")
    site.expect("rejected", trap, lease, "Never sent, never swapped.")
    _, lease = site.tenancy(lease={"beginn": begin, "ende": begin})
    trap = (11, "one single day")
    site.expect("sent", trap, lease, "Both days are part of the lease.")
    written = "31.02.2024" if site.is_csv else "2024-02-31"
    _, lease = site.tenancy(lease={"beginn": written})
    trap = (12, "day that does not exist")
    site.expect("rejected", trap, lease, "Never moved to the next day.")


def rents(site: Site) -> None:
    _, lease = site.tenancy(lease={"nettokaltmiete": None})
    trap = (14, "no rent")
    site.expect("sent", trap, lease, "Empty, never 0.", nettokaltmiete=None)
    positions = [
        {"bezeichnung_roh": "Grundmiete", "art": "nettokaltmiete", "betrag": amount}
        for amount in (430.0, 50.0, -30.0)
    ]
    _, lease = site.tenancy(lease={"positionen": positions})
    trap = (14, "several items with one label, one of them negative")
    detail = "Their sum is the rent."
    site.expect("sent", trap, lease, detail, nettokaltmiete=450.0)


def states(site: Site) -> None:
    for status in ("storniert", "entwurf"):
        _, lease = site.tenancy(lease={"status": status})
        site.expect("left_out", (20, f"lease is {status}"), lease, "Never a tenancy.")
    trap = (20, "next lease starts before the first one ends")
    unit = site.unit()[1]
    first = {"beginn": date(2020, 1, 1), "ende": date(2024, 6, 30)}
    second = {"folge_nr": "02", "beginn": date(2024, 6, 1)}
    for lease in (first, second):
        key = site.lease(unit, site.person()[1], **lease)
        site.expect("sent", trap, key, "Two leases; neither is cut.")


def several_leases(site: Site) -> None:
    trap = (21, "one tenant, three leases")
    tenant = site.person()
    for kind in ("wohnen", "wohnen", "stellplatz"):
        unit = site.unit(nutzungsart=kind, nutzungsart_roh=kind)[1]
        key = site.lease(unit, tenant[1], nutzungsart=kind)
        site.expect("sent", trap, key, "None of the leases is lost.")
    site.expect("sent", trap, tenant, "One person with three leases.")
    trap = (21, "one lease, two units")
    garage = site.unit(nutzungsart="stellplatz", nutzungsart_roh="Garage")[1]
    _, lease = site.tenancy(lease={"weitere_einheiten": [garage]})
    site.expect("sent", trap, lease, "Belongs to its main unit.")


def vacancies(site: Site) -> None:
    trap = (26, "vacancy as a pseudo tenant")
    pseudo = {"vorname": None, "nachname": "Leerstand"}
    vacant = {"vertragsart": "leerstand", "vertragsart_roh": "Leerstand"}
    tenant, lease = site.tenancy(pseudo, vacant)
    site.expect("left_out", trap, lease, "Known by the kind of the contract.")
    site.expect("left_out", trap, tenant, "Has no other lease.")
    trap = (26, "person whose name is Leer")
    tenant, lease = site.tenancy({"vorname": "Ute", "nachname": "Leer"})
    site.expect("sent", trap, tenant, "A name alone says nothing.")
    site.expect("sent", trap, lease, "An ordinary lease.")


def shares(site: Site) -> None:
    trap = (28, "share with decimals")
    precise = {"mea_zaehler": Decimal("85.123"), "mea_nenner": Decimal("10000.00")}
    contract = site.ownership([(1, 1)], **precise)
    detail = "85,123 of 10.000,00."
    site.expect("sent", trap, contract, detail, mea_zaehler=85.123, mea_nenner=10000.0)
    trap = (28, "three thirds")
    contract = site.ownership([(1, 3)] * 3)
    site.expect("sent", trap, contract, "They sum to one exactly, without rounding.")
    trap = (28, "shares that do not sum to one")
    contract = site.ownership([(1, 2), (1, 4)])
    site.expect("sent", trap, contract, "Sent as they stand, never corrected.")


def orphans(site: Site) -> None:
    trap = (35, "lease of an unknown unit")
    lease = site.lease({**BUILDING, "ve_nr": "7777"}, site.person()[1])
    site.expect("rejected", trap, lease, "Never sent without its unit.")
    trap = (35, "unknown tenant")
    tenant, lease = site.tenancy()
    link = site.link(lease[1], {"gp_nr": "0000899999"}, 2)
    site.expect("rejected", trap, link, "There is no such person.")
    site.expect("sent", trap, tenant, "The other tenant is not touched.")
    trap = (35, "person without a contract")
    site.expect("left_out", trap, site.person(), "Neither tenant nor owner.")


CONTRACT_TRAPS = (
    open_ends,
    wrong_dates,
    rents,
    states,
    several_leases,
    vacancies,
    shares,
    orphans,
)
