"""Dates of a source: the declared form in, ISO texts out."""

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache

ISO = "YYYY-MM-DD"

_TOKENS = {
    "DD": "(?P<day>[0-9]{2})",
    "MM": "(?P<month>[0-9]{2})",
    "YYYY": "(?P<year>[0-9]{4})",
}
_TIME = r"(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)"
_ZONE = r"(?P<zone>Z|[+-][0-9]{2}:[0-9]{2})?"

# Most files repeat their dates; one such cache is held for each file that is read.
_REMEMBERED = 16_384

ReadDate = Callable[[str], str | None]


def date_pattern(form: str, rest: str = "") -> re.Pattern[str]:
    """
    Compile a form such as `DD.MM.YYYY`; `rest` is a pattern for what follows.

    Raises ValueError if the form does not hold each of DD, MM and YYYY once.
    """
    parts = re.split("(DD|MM|YYYY)", form)
    if sorted(parts[1::2]) != ["DD", "MM", "YYYY"] or any(
        character.isalnum() for part in parts[0::2] for character in part
    ):
        raise ValueError(f"'{form}' does not hold each of DD, MM and YYYY once")
    return re.compile("".join(_TOKENS.get(p) or re.escape(p) for p in parts) + rest)


def shape(form: str) -> str:
    """
    Return what can be seen of a form in a file; equal shapes cannot be told apart.

    >>> shape("DD.MM.YYYY") == shape("MM.DD.YYYY")
    True
    """
    return re.sub("[DMY]", "9", form)


def is_written_as(text: str, forms: Iterable[str]) -> bool:
    """Tell whether a text has one of the forms, be it a real date or `00.00.0000`."""
    return any(date_pattern(form).fullmatch(text) for form in forms)


def date_reader(forms: Sequence[str]) -> ReadDate:
    """Return a function from a text to the ISO date, or None if it is no such date."""
    patterns = [date_pattern(form) for form in forms]

    @lru_cache(maxsize=_REMEMBERED)
    def read_date(text: str) -> str | None:
        for pattern in patterns:
            if found := pattern.fullmatch(text):
                return _iso_date(found)
        return None

    return read_date


def datetime_reader(forms: Sequence[str]) -> ReadDate:
    """
    Return a function from a text to the ISO date-time, or None if it is none.

    The date may stand in one of the forms; the time follows after a `T` or a blank,
    its zone is kept and never invented.
    """
    patterns = [date_pattern(form, "[T ]" + _TIME + _ZONE) for form in forms]

    @lru_cache(maxsize=_REMEMBERED)
    def read_datetime(text: str) -> str | None:
        for pattern in patterns:
            if found := pattern.fullmatch(text):
                day = _iso_date(found)
                zone = found["zone"] or ""
                return day and iso_datetime(f"{day}T{found['time']}{zone}")
        return None

    return read_datetime


def iso_datetime(text: str) -> str | None:
    """Return an ISO date-time in its one spelling, or None if there is no such time."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.isoformat().replace("+00:00", "Z")


def _iso_date(found: re.Match[str]) -> str | None:
    try:
        day = date(int(found["year"]), int(found["month"]), int(found["day"]))
    except ValueError:
        return None
    return day.isoformat()
