"""Ordinary persons and companies: pools and a random source in, their records out."""

from collections.abc import Iterator
from datetime import date
from random import Random
from typing import TypeVar

from tools.portfolio.columns import Record
from tools.portfolio.pools import Name, Pools

Item = TypeVar("Item")

_WITHOUT_EMAIL = 0.12
_DOMAINS = ("example.de", "example.org", "example.com")
_PURPOSES = ("elektronische_dokumente", "analyse")
_CONSENT_DAYS = tuple(
    f"{year}-0{month}-15" for year in (2021, 2023) for month in (2, 6)
)


def pick(rng: Random, items: tuple[Item, ...] | list[Item]) -> Item:
    """Return one of the items; quicker than `choice`, a million times over."""
    return items[int(rng.random() * len(items))]


class Persons:
    """
    Invents persons, each with the next number.

    Phone numbers come from the ranges that are kept free for films and examples.
    """

    def __init__(self, pools: Pools, numbers: Iterator[int]) -> None:
        self._pools = pools
        self._numbers = numbers

    def surname(self, rng: Random) -> Name:
        """Return a surname that several persons are to share."""
        return pick(rng, self._pools.surnames)

    def natural(
        self, rng: Random, home: Record, role: str, surname: Name | None = None
    ) -> Record:
        """Return a natural person who lives at an address."""
        is_woman = rng.random() < 0.5
        first = pick(rng, self._pools.women if is_woman else self._pools.men)
        last = surname or self.surname(rng)
        number = next(self._numbers)
        person = {
            "gp_nr": f"{number:010}",
            "art": "natuerlich",
            "anrede_roh": "Frau" if is_woman else "Herr",
            "anrede": "frau" if is_woman else "herr",
            "titel": "Dr." if rng.random() < 0.03 else None,
            "vorname": first[0],
            "nachname": last[0],
            "geburtsdatum": date(
                1935 + int(rng.random() * 70),
                1 + int(rng.random() * 12),
                1 + int(rng.random() * 28),
            ),
            **home,
            "telefone": _phones(rng),
            "sperre": False,
            "loeschantrag": False,
            "rollen": [role],
        }
        if rng.random() >= _WITHOUT_EMAIL:
            domain = pick(rng, _DOMAINS)
            person["emails"] = [f"{first[1]}.{last[1]}.{number}@{domain}"]
        if rng.random() < 0.2:
            day = pick(rng, _CONSENT_DAYS)
            person["einwilligungen"] = [_consent(purpose, day) for purpose in _PURPOSES]
        return person

    def company(self, rng: Random, home: Record, role: str) -> Record:
        """Return a company that has its seat at an address."""
        number = next(self._numbers)
        return {
            "gp_nr": f"{number:010}",
            "art": "juristisch",
            "anrede_roh": "Firma",
            "anrede": "firma",
            "firma": pick(rng, self._pools.companies),
            **home,
            "emails": [f"kontakt.{number}@{pick(rng, _DOMAINS)}"],
            "telefone": _phones(rng),
            "sperre": False,
            "loeschantrag": False,
            "rollen": [role],
        }


def _phones(rng: Random) -> list[str] | None:
    draw = rng.random()
    mobile = f"0171 / 39200{int(rng.random() * 100):02}"
    landline = f"030 23125-{int(rng.random() * 1000):03}"
    if draw < 0.5:
        return [mobile]
    if draw < 0.75:
        return [landline, mobile]
    return [landline] if draw < 0.9 else None


def _consent(purpose: str, day: str) -> Record:
    return {"zweck": purpose, "erteilt": True, "am": day}
