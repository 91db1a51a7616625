"""Readings of German master data that transforms and conditions share.

Pure functions from one value to one value; None stands for nothing.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_ADDRESS_BREAKS = re.compile(r"[;,/\s]+")
_MAILTO = re.compile(r"^[<(]*mailto:", re.IGNORECASE)
_PLAIN_ADDRESS = re.compile(
    r"[a-z0-9]+(?:[._+-][a-z0-9]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?:de|com|net|org|eu|at|ch)"
)


@lru_cache(maxsize=65536)
def email_address(text: str) -> str | None:
    """
    Return the first valid address of a text as it is written to a partner.

    A field of the ERP may hold several, a `mailto:`, a closing dot, or words. The
    domain is lowered, the part before the @ is not: it belongs to its owner. No name
    server is asked.

    >>> email_address("mailto:Ada@Example.DE; zweite@example.de")
    'Ada@example.de'
    >>> email_address("keine")
    """
    for part in _ADDRESS_BREAKS.split(text):
        candidate = _MAILTO.sub("", part).strip("<>.()")
        if _PLAIN_ADDRESS.fullmatch(candidate):
            return candidate
        try:
            found = validate_email(
                candidate, check_deliverability=False, test_environment=True
            )
        except EmailNotValidError:
            continue
        return found.normalized
    return None


def main_email(emails: Sequence[Any] | str | None) -> str | None:
    """Return the first valid address: the main one before the others."""
    if not emails:
        return None
    if isinstance(emails, str):
        return email_address(emails)
    entries = [
        entry if isinstance(entry, Mapping) else {"adresse": entry} for entry in emails
    ]
    for entry in sorted(entries, key=lambda entry: not entry.get("ist_haupt")):
        address = entry.get("adresse")
        if address and entry.get("gueltig") is not False:
            found = email_address(str(address))
            if found:
                return found
    return None


_UP_TO_WORDS = re.compile(r"[^\d+]*[\W\d_]*")


@lru_cache(maxsize=65536)
def phone_number(text: str, country: str = "DE") -> tuple[str, bool] | None:
    """
    Return a number in E.164 and whether it is a mobile one; None if it is none.

    What follows a number in words is no part of it; the library would read letters
    as the keys of a telephone.

    >>> phone_number("0171 / 123 45 67")
    ('+491711234567', True)
    >>> phone_number("nur abends")
    """
    numeric = _UP_TO_WORDS.match(text)
    try:
        number = phonenumbers.parse(numeric.group() if numeric else "", country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    kind = phonenumbers.number_type(number)
    return written, kind == phonenumbers.PhoneNumberType.MOBILE


def pick_phone(phones: Sequence[Any] | str | None, kind: str) -> str | None:
    """Return the first number of a kind: `mobil`, or `festnetz` (no mobile, no fax)."""
    if not phones:
        return None
    for phone in [phones] if isinstance(phones, str) else phones:
        entry = phone if isinstance(phone, Mapping) else {"roh": phone}
        art = entry.get("art")
        text = entry.get("e164") or entry.get("roh")
        if art == "fax" or not text:
            continue
        found = phone_number(str(text))
        if found and (art == "mobil" or found[1]) == (kind == "mobil"):
            return found[0]
    return None


_WHOLE = re.compile(r"[+-]?\d+")
_NUMBER = re.compile(r"\d+")
_DIGITS = 18


@lru_cache(maxsize=4096)
def floor_number(text: str) -> int | None:
    """
    Return the floor of a text by the rule of the Wodis pages.

    In order, case ignored: nothing -> nothing; contains "Erdgeschoss" -> 0; contains
    "Keller" -> -1; a number -> it; a number inside -> it; else nothing. The rule is
    exact for these only: "EG" and "Souterrain" give nothing. Source: Wodis Sigma page.

    >>> floor_number("3. Etage, links"), floor_number("Erdgeschoss"), floor_number("DG")
    (3, 0, None)
    """
    folded = text.strip().casefold()
    if "erdgeschoss" in folded:
        return 0
    if "keller" in folded:
        return -1
    match = _WHOLE.fullmatch(folded) or _NUMBER.search(folded)
    if match and len(match.group()) > _DIGITS:
        raise ValueError("has too many digits")
    return int(match.group()) if match else None
