"""When an activation is due: days, a time of day and what ran last in, moments out.

A slot is a local date, so the night in which an hour comes twice has one, and the night
in which an hour is missing has one too. Pure: `now` is a parameter.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

GERMANY = ZoneInfo("Europe/Berlin")
USUAL_TIME = time(3, 30)
"""Outside of the hour from two to three, which comes twice or not at all."""

RETRY_MINUTES = (5, 10, 20, 40, 60)
"""So long it takes until a run is tried again, the last one every further time."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEK = 7


@dataclass(frozen=True)
class Timetable:
    """The days of the week (Monday is 0) and the time of day, in a zone."""

    days: frozenset[int]
    at: time = USUAL_TIME
    zone: ZoneInfo = GERMANY

    def moment(self, slot: date) -> datetime:
        """
        Return when a slot begins, in UTC.

        A time that comes twice is the first of the two; one that is missing is as much
        later as the clocks are turned on.
        """
        return datetime.combine(slot, self.at, self.zone).astimezone(UTC)

    def next_slot(self, after: date) -> date:
        """Return the first slot behind a date."""
        return next(
            day
            for day in (after + timedelta(days=n) for n in range(1, _WEEK + 1))
            if day.weekday() in self.days
        )

    def newest_slot(self, now: datetime) -> date:
        """Return the slot that has begun last."""
        today = now.astimezone(self.zone).date()
        return next(
            day
            for day in (today - timedelta(days=n) for n in range(-1, _WEEK + 1))
            if day.weekday() in self.days and self.moment(day) <= now
        )

    def due_slot(self, last: date, now: datetime) -> date | None:
        """
        Return the slot that is to be run now, or None.

        `last` is the slot that was run last; of several missed ones it is the newest.
        """
        newest = self.newest_slot(now)
        return newest if newest > last else None

    def next_moment(self, last: date, now: datetime) -> datetime:
        """Return when the next run is due: now if a slot was missed."""
        if self.due_slot(last, now) is not None:
            return now
        return self.moment(self.next_slot(max(last, self.newest_slot(now))))


def timetable(days: Iterable[str], at: str | None = None) -> Timetable:
    """
    Return the timetable of the names of days and a time like `04:30`.

    >>> timetable(["tuesday", "sunday"], "04:30").at
    datetime.time(4, 30)
    """
    numbers = frozenset(map(_DAYS.index, days))
    return Timetable(numbers, USUAL_TIME if at is None else time.fromisoformat(at))


def retry_at(attempts: int, now: datetime) -> datetime:
    """Return when a run is tried again that was tried so often in its slot."""
    minutes = RETRY_MINUTES[min(attempts, len(RETRY_MINUTES)) - 1]
    return now + timedelta(minutes=minutes)
