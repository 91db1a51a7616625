"""Pools of invented names, streets and towns: a seed in, tuples to pick from out."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from faker import Faker

_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})

# A name and how it stands in an e-mail address.
Name = tuple[str, str]


@dataclass(frozen=True)
class Pools:
    """Invented names; the same seed gives the same ones."""

    women: tuple[Name, ...]
    men: tuple[Name, ...]
    surnames: tuple[Name, ...]
    companies: tuple[str, ...]
    streets: tuple[str, ...]
    towns: tuple[tuple[str, str], ...]


def pools(seed: int) -> Pools:
    """Return the pools of a seed; all that Faker is asked for."""
    fake = Faker("de_DE")
    fake.seed_instance(seed)
    towns = zip(
        _different(fake.postcode, 150), _different(fake.city, 150), strict=False
    )
    return Pools(
        women=_names(fake.first_name_female, 250),
        men=_names(fake.first_name_male, 250),
        surnames=_names(fake.last_name, 800),
        companies=_different(
            lambda: f"{fake.last_name()} {fake.company_suffix()}", 300
        ),
        streets=_different(fake.street_name, 400),
        towns=(("01067", "Dresden"), *towns),
    )


def _different(invent: Callable[[], str], draws: int) -> tuple[str, ...]:
    return tuple(dict.fromkeys(invent() for _ in range(draws)))


def _names(invent: Callable[[], str], draws: int) -> tuple[Name, ...]:
    return tuple((name, _mail_part(name)) for name in _different(invent, draws))


def _mail_part(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_GERMAN))
    return re.sub("[^a-z]", "", plain)
