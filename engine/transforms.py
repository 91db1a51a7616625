"""The table of transforms: what a word in the column `transform` means.

A function gets the value and the arguments of the cell, and returns the new value,
or None for nothing. It never sees None: an empty value passes a pipe by. What it
cannot turn it refuses with ValueError, and the record becomes a reject. To add one:
write the function, name it in TRANSFORMS, write its cases.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

from engine import values

Kind = Literal["text", "number", "list", "date form", "setting"]


@dataclass(frozen=True)
class Transform:
    """A word of the language: its function, and what it may be given."""

    function: Callable[..., Any]
    parameters: tuple[Kind, ...] = ()
    required: int = 0
    remembered: bool = False
    """Whether results are worth a cache: few distinct values."""
    several: bool = False
    """Whether it takes several values at once: more than one ERP field, or a list."""
    dated: bool = False
    """Whether the day of the run is its last argument."""

    @property
    def summary(self) -> str:
        return (self.function.__doc__ or "").strip().splitlines()[0]


def trim(value: Any) -> str | None:
    """Remove blanks at both ends and repeated ones inside."""
    return " ".join(_text(value).split()) or None


def upper(value: Any) -> str:
    """Write in capitals."""
    return _text(value).upper()


def lower(value: Any) -> str:
    """Write in small letters."""
    return _text(value).lower()


def text(value: Any) -> str:
    """Write a number or a truth value as text, without a decimal point if whole."""
    return _text(value)


def prefix(value: Any, before: str) -> str:
    """Put a text before the value."""
    return before + _text(value)


def suffix(value: Any, after: str) -> str:
    """Put a text behind the value."""
    return _text(value) + after


def replace(value: Any, old: str, new: str) -> str | None:
    """Replace each occurrence of a text by another."""
    return _text(value).replace(old, new) or None


def max_length(value: Any, length: int) -> str:
    """Refuse a text that is longer than the partner takes."""
    written = _text(value)
    if len(written) > length:
        raise ValueError(f"is longer than {length} characters")
    return written


def cut(value: Any, length: int) -> str:
    """Keep the first characters of a text."""
    return _text(value)[:length].rstrip()


def first(several: Sequence[Any]) -> Any:
    """Take the first value that is not empty."""
    return next((v for v in several if v is not None and v != ""), None)


def join(several: Sequence[Any], separator: str = " ") -> str | None:
    """Join the values that are not empty, with a blank or the text given."""
    texts = [
        v if v.__class__ is str else _text(v)
        for v in several
        if v is not None and v != ""
    ]
    return separator.join(texts) or None


def count(several: Sequence[Any]) -> int:
    """Count the values that are not empty."""
    return sum(1 for v in several if v not in (None, ""))


def lookup(value: Any, entries: Mapping[str, Any]) -> Any:
    """Look the value up in a value list; case and outer blanks do not count."""
    key = _text(value).strip().casefold()
    if key in entries:
        return entries[key]
    if "*" in entries:
        return entries["*"]
    raise ValueError("is not in the value list, and the list has no row '*'")


def date(value: Any, form: str = "YYYY-MM-DD") -> str:
    """Write a date in the form given; DD, MM and YYYY stand for day, month, year."""
    return _date(_text(value), form)


def datetime(value: Any) -> str:
    """Write a date as the start of that day in UTC: 2024-03-01T00:00:00Z."""
    return _date(_text(value), "YYYY-MM-DD") + "T00:00:00Z"


def year_start(value: Any) -> str:
    """Write a year as its first day: 1968 becomes 1968-01-01."""
    year = integer(value)
    if len(str(year)) != len("YYYY"):
        raise ValueError("is not a year of four digits")
    return f"{year}-01-01"


def integer(value: Any) -> int:
    """Read a whole number; anything behind the point is refused."""
    number = _decimal(value)
    if number != number.to_integral_value():
        raise ValueError("is not a whole number")
    return int(number)


def number(value: Any) -> int | float:
    """Read a number written with a point."""
    return _plain(_decimal(value))


def round_to(value: Any, places: int) -> int | float:
    """Round a number half up to so many places."""
    return _plain(_rounded(value, places))


def decimal(value: Any, places: int = 2) -> str:
    """Write a number as text with a point and so many places: 450.00."""
    return f"{_rounded(value, places):f}"


def boolean(value: Any) -> bool:
    """Read ja/nein, true/false, j/n, 1/0 as a truth value."""
    folded = _text(value).strip().casefold()
    if folded in ("ja", "j", "true", "wahr", "1"):
        return True
    if folded in ("nein", "n", "false", "falsch", "0"):
        return False
    raise ValueError("is neither yes nor no")


def present(value: Any) -> bool:
    """Say true of any value; with the default `false`, whether there is one."""
    del value
    return True


def email(several: Any) -> str | None:
    """Take the first valid e-mail address; the main one counts before the others."""
    return values.main_email(_one_list(several))


def mobile(several: Any) -> str | None:
    """Take the first mobile number, as E.164; text that is no number is left out."""
    return values.pick_phone(_one_list(several), "mobil")


def landline(several: Any) -> str | None:
    """Take the first number that is neither mobile nor fax, as E.164."""
    return values.pick_phone(_one_list(several), "festnetz")


def floor(value: Any) -> int | None:
    """Read a floor from a text by the rule of the Wodis pages; undecidable is empty."""
    return values.floor_number(_text(value))


def rent_items(
    several: Any, categories: Mapping[str, str], category: str, today: str
) -> int | float | None:
    """Add up the items of the rent that are valid today and of a category."""
    amounts = [
        _decimal(item["betrag"])
        for item in _one_list(several)
        if item.get("betrag") is not None
        and _is_valid(item, today)
        and _category(item.get("bezeichnung_roh"), categories) == category
    ]
    return _plain(sum(amounts, Decimal())) if amounts else None


TRANSFORMS: Mapping[str, Transform] = MappingProxyType(
    {
        "boolean": Transform(boolean),
        "count": Transform(count, several=True),
        "cut": Transform(cut, ("number",), required=1),
        "date": Transform(date, ("date form",), remembered=True),
        "datetime": Transform(datetime, remembered=True),
        "decimal": Transform(decimal, ("number",)),
        "email": Transform(email, several=True),
        "first": Transform(first, several=True),
        "floor": Transform(floor, remembered=True),
        "integer": Transform(integer),
        "join": Transform(join, ("text",), several=True),
        "landline": Transform(landline, several=True),
        "lookup": Transform(lookup, ("list",), required=1, remembered=True),
        "lower": Transform(lower),
        "max_length": Transform(max_length, ("number",), required=1),
        "mobile": Transform(mobile, several=True),
        "number": Transform(number),
        "present": Transform(present),
        "prefix": Transform(prefix, ("text",), required=1),
        "rent_items": Transform(
            rent_items, ("setting", "text"), required=2, several=True, dated=True
        ),
        "replace": Transform(replace, ("text", "text"), required=2),
        "round": Transform(round_to, ("number",), required=1),
        "suffix": Transform(suffix, ("text",), required=1),
        "text": Transform(text),
        "trim": Transform(trim),
        "upper": Transform(upper),
        "year_start": Transform(year_start, remembered=True),
    }
)
"""All transforms but `template`, which `engine.pipes` makes of its cell."""


@dataclass(frozen=True)
class PredicateFunction:
    """A yes-or-no function of the language, and the names of what it takes."""

    function: Callable[..., bool]
    parameters: tuple[str, ...]


def valid_email(value: Any) -> bool:
    """Say whether there is an e-mail address that can be written to."""
    return email(_as_several(value)) is not None


def has_phone(value: Any) -> bool:
    """Say whether there is a number that one can call, mobile or not."""
    numbers = _as_several(value)
    return mobile(numbers) is not None or landline(numbers) is not None


def has_mobile(value: Any) -> bool:
    """Say whether there is a mobile number among the phone numbers."""
    return mobile(_as_several(value)) is not None


def consents(value: Any, purpose: str) -> bool:
    """Say whether a person agreed to a purpose and has not taken it back."""
    return any(
        item.get("erteilt") is True and not item.get("widerrufen_am")
        for item in (value if isinstance(value, list) else ())
        if isinstance(item, dict)
        and str(item.get("zweck") or "").strip().casefold() == purpose.casefold()
    )


PREDICATES: Mapping[str, PredicateFunction] = MappingProxyType(
    {
        "consents": PredicateFunction(consents, ("einwilligungen", '"purpose"')),
        "has_mobile": PredicateFunction(has_mobile, ("telefone",)),
        "has_phone": PredicateFunction(has_phone, ("telefone",)),
        "valid_email": PredicateFunction(valid_email, ("emails",)),
    }
)
"""The yes-or-no functions that a condition may call."""


def _text(value: Any) -> str:
    """Write a scalar as text: whole floats without a point, booleans as JSON does."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("is a list or an object, not one value")


def _is_valid(item: Mapping[str, Any], day: str) -> bool:
    """Say whether an item with a period is valid on a day; an open end holds."""
    begin, end = item.get("gueltig_von"), item.get("gueltig_bis")
    return not (begin and begin > day) and not (end and end < day)


def _category(label: Any, categories: Mapping[str, str]) -> str | None:
    folded = str(label or "").strip().casefold()
    return categories.get(folded, categories.get("*"))


def _as_several(value: Any) -> Any:
    """Return what the first step of a pipe that takes several values is given."""
    return value if isinstance(value, list | tuple) else (value,)


def _one_list(several: Any) -> Any:
    """Return the list itself when it came as the only one of several values."""
    if isinstance(several, tuple):
        lists = [v for v in several if isinstance(v, list)]
        return [i for v in lists for i in v] if lists else [v for v in several if v]
    return several


_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:|$)")


@lru_cache(maxsize=16384)
def _date(value: str, form: str) -> str:
    try:
        if not _ISO_DATE.match(value):
            raise ValueError  # noqa: TRY301 - one refusal for both
        day = dt.date.fromisoformat(value[:10])
    except ValueError:
        raise ValueError("is not a date") from None
    written = form.replace("YYYY", f"{day.year:04}")
    return written.replace("MM", f"{day.month:02}").replace("DD", f"{day.day:02}")


_DIGITS = 18
"""More do not fit into the whole numbers of 64 bits that partners and JSON know."""


def _decimal(value: Any) -> Decimal:
    written = _text(value)
    try:
        found = Decimal(written)
    except InvalidOperation:
        raise ValueError("is not a number") from None
    if not found.is_finite() or "_" in written:
        raise ValueError("is not a number")
    if found.adjusted() >= _DIGITS:
        raise ValueError("has too many digits")
    return found


def _plain(found: Decimal) -> int | float:
    return int(found) if found == found.to_integral_value() else float(found)


def _rounded(value: Any, places: int) -> Decimal:
    found = _decimal(value)
    try:
        return found.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        raise ValueError("has too many digits") from None
