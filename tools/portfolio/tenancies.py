"""Ordinary leases and ownerships of one unit: a random source in, their records out."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from random import Random

_MONTHS = tuple(
    date(year, month, 1) for year in range(1995, 2026) for month in range(1, 13)
)
_LAST_DAYS = tuple(day - timedelta(days=1) for day in _MONTHS)
# Far enough ahead to stay in the future while the demo is of use.
_COMING = tuple(date(2031, month, 1) for month in range(1, 13))
_NOTICE_GIVEN = date(2025, 12, 15)


@dataclass(frozen=True)
class Period:
    """One lease in the history of a unit."""

    status: str
    beginn: date
    ende: date | None = None
    kuendigung_am: date | None = None


def history(rng: Random) -> list[Period]:
    """Return the leases of a unit in their order: past, current and coming ones."""
    draw = rng.random()
    if draw < 0.03:
        return []
    now = 60 + int(rng.random() * (len(_MONTHS) - 60))
    periods = []
    if draw < 0.33:
        since = now - 12 - int(rng.random() * 48)
        until = now - int(rng.random() * 4)
        periods.append(Period("beendet", _MONTHS[since], _LAST_DAYS[until]))
    if draw < 0.08:
        return periods
    if draw < 0.38:
        periods.append(Period("aktiv", _MONTHS[now]))
        return periods
    if draw < 0.43:
        day = _COMING[int(rng.random() * len(_COMING))]
        leaving = day - timedelta(days=1)
        periods.append(Period("gekuendigt", _MONTHS[now], leaving, _NOTICE_GIVEN))
        periods.append(Period("aktiv", day))
        return periods
    return [Period("aktiv", _MONTHS[now])]


def ownerships(rng: Random) -> list[Period]:
    """Return the ownerships of a unit in their order; the last one goes on."""
    now = 60 + int(rng.random() * (len(_MONTHS) - 60))
    current = Period("aktiv", _MONTHS[now])
    if rng.random() < 0.2:
        since = now - 24 - int(rng.random() * 36)
        return [Period("beendet", _MONTHS[since], _LAST_DAYS[now]), current]
    return [current]


@cache
def quarters(count: int) -> Decimal:
    """
    Return a number of quarters as a decimal with two places.

    >>> quarters(270)
    Decimal('67.50')
    """
    return Decimal(count * 25).scaleb(-2)
