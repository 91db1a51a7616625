"""Traps in persons: their names, addresses, ways to reach them and consents."""

from datetime import date
from typing import Any

from tools.portfolio.site import OTHER_BUILDING, Outcome, Site


def _tenant(
    site: Site, outcome: Outcome, trap: tuple[int, str], detail: str, **values: Any
) -> None:
    """Plant a tenant who stands or falls together with the only lease."""
    tenant, lease = site.tenancy(values)
    site.expect(outcome, trap, tenant, detail)
    if outcome == "left_out":
        site.expect("left_out", trap, lease, "No tenant of the lease remains.")


def broken_name(site: Site) -> None:
    tenant, _ = site.tenancy({"nachname": "MÃ¼ller"})
    detail = "Never sent as it stands, never repaired."
    site.expect("rejected", (5, "name encoded twice"), tenant, detail)
    tenant, _ = site.tenancy({"nachname": "Mu\u0308ller"})
    trap = (5, "umlaut in two characters")
    site.expect("sent", trap, tenant, "Read as one.", nachname="Müller")


_STREETS = ("Straße des 17. Juni 135", "Lindenweg 4a-4c", "C 4, 12", "Am Markt 1/2")


def streets(site: Site) -> None:
    for street in _STREETS:
        tenant, _ = site.tenancy({"strasse": street, "hausnummer": None})
        trap = (6, f"street and number in one: {street}")
        detail = "Whole in the street, or split at its end; never a number from inside."
        site.expect("sent", trap, tenant, detail, strasse=street, hausnummer=None)


def postal_codes(site: Site) -> None:
    trap = (7, "postal code without its zero")
    _tenant(site, "sent", trap, "German, so it may be padded to 01067.", plz="1067")
    trap = (7, "postal code with its country")
    _tenant(site, "sent", trap, "D- is no part of the code.", plz="D-01067")
    tenant, _ = site.tenancy({"plz": "1010", "ort": "Wien", "land": "AT"})
    trap = (7, "foreign postal code")
    site.expect("sent", trap, tenant, "Never padded.", plz="1010", land="AT")


def phones(site: Site) -> None:
    trap = (8, "words instead of a phone number")
    detail = "Sent without a phone number."
    _tenant(site, "sent", trap, detail, telefone=["nur abends"])
    trap = (8, "phone numbers as people write them")
    detail = "A landline and a mobile, in E.164: +493023125001, +491713920011."
    numbers = ["030 / 23125-001", "(0171) 39 200 11"]
    _tenant(site, "sent", trap, detail, telefone=numbers)


_EMAILS: tuple[tuple[Outcome, str, list[str], str], ...] = (
    (
        "sent",
        "several in one field",
        ["mailto:Ada.Muster@Example.DE", "zweite@example.de"],
        "The first valid one, its domain in small letters: Ada.Muster@example.de.",
    ),
    ("sent", "dot at the end", ["ADA@EXAMPLE.ORG."], "ADA@example.org."),
    ("sent", "words, then an address", ["keine", "ada@example.org"], "The valid one."),
    ("left_out", "word", ["keine"], "No valid e-mail."),
    ("left_out", "placeholder", ["*---*"], "No e-mail."),
    ("left_out", "broken", ["ada.muster(at)example.de"], "No valid e-mail."),
)


def emails(site: Site) -> None:
    for outcome, title, written, detail in _EMAILS:
        _tenant(site, outcome, (9, f"e-mail: {title}"), detail, emails=written)
    _tenant(site, "left_out", (9, "no e-mail"), "No e-mail.", emails=None)
    trap = (9, "one e-mail, two tenants")
    detail = "Two persons; that they share an address is no reason to merge them."
    for first in ("Ada", "Max"):
        shared = ["familie.muster@example.org"]
        _tenant(site, "sent", trap, detail, vorname=first, emails=shared)
    trap = (9, "one of two tenants without e-mail")
    with_one, without = site.person(), site.person(vorname="Max", emails=None)
    lease = site.lease(site.unit()[1], without[1], with_one[1])
    site.expect("sent", trap, lease, "The other tenant remains.")
    site.expect("sent", trap, with_one, "Has an e-mail.")
    site.expect("left_out", trap, without, "No e-mail.")


def birthdays(site: Site) -> None:
    tenant, _ = site.tenancy({"geburtsdatum": date(1753, 1, 1)})
    trap = (10, "date of birth that means nothing")
    site.expect("sent", trap, tenant, "Read as empty.", geburtsdatum=None)


def names(site: Site) -> None:
    trap = (17, "company name over two fields")
    company = {
        "art": "juristisch",
        "anrede": "firma",
        "vorname": None,
        "nachname": None,
    }
    parts = {"firma": "Hausverwaltung Beispielgesell", "firma_zusatz": "schaft mbH"}
    _tenant(site, "sent", trap, "Joined only by a declared rule.", **company, **parts)
    trap = (17, "company stored as a person")
    person = {"anrede_roh": "Firma", "anrede": "firma", "vorname": None}
    detail = "The flag decides: a person with this last name."
    _tenant(site, "sent", trap, detail, **person, nachname="Muster Bau GmbH")
    trap = (17, "neither last name nor company")
    tenant, _ = site.tenancy({"nachname": None})
    site.expect("rejected", trap, tenant, "Never an empty name at the partner.")
    trap = (18, "two persons in one record")
    second = {"vorname_2": "Max", "nachname_2": "Muster", "art": "gruppe"}
    _tenant(site, "sent", trap, "One business partner.", **second)
    trap = (18, "couple in the first name")
    detail = "Never parted at 'und'."
    _tenant(site, "sent", trap, detail, vorname="Max und Erika", anrede="eheleute")
    placeholder = {"vorname": "*---*", "ort": "unbekannt"}
    tenant, _ = site.tenancy(placeholder)
    trap = (30, "placeholder instead of a name")
    site.expect("sent", trap, tenant, "Sent without them.", vorname=None, ort=None)


def same_human_twice(site: Site) -> None:
    trap = (22, "one human, two numbers")
    human = {
        "vorname": "Berta",
        "nachname": "Doppel",
        "geburtsdatum": date(1980, 4, 17),
        "emails": ["berta.doppel@example.org"],
    }
    first, _ = site.tenancy(human)
    second = site.person(**{**human, "mandant_nr": "2"})
    site.lease(site.unit(OTHER_BUILDING)[1], second[1])
    for person in (first, second):
        site.expect("sent", trap, person, "Each by its own number; no merge.")
    trap = (22, "person without a Mandant")
    _tenant(site, "sent", trap, "Its leases tell where it belongs.", mandant_nr=None)


def consents(site: Site) -> None:
    trap = (29, "blocked person")
    _tenant(site, "left_out", trap, "Never sent.", sperre=True)
    trap = (29, "request for deletion")
    _tenant(site, "left_out", trap, "Never sent.", loeschantrag=True)
    withdrawn = [
        {
            "zweck": purpose,
            "erteilt": True,
            "am": "2022-01-10",
            "widerrufen_am": "2024-06-30",
        }
        for purpose in ("elektronische_dokumente", "analyse")
    ]
    trap = (29, "consent withdrawn")
    detail = "Sent; counts as no consent where a partner asks for one."
    _tenant(site, "sent", trap, detail, einwilligungen=withdrawn)


PERSON_TRAPS = (
    broken_name,
    streets,
    postal_codes,
    phones,
    emails,
    birthdays,
    names,
    same_human_twice,
    consents,
)
