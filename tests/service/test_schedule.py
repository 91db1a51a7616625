"""When activations are due, over years with summer time and without."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.service.schedule import (
    GERMANY,
    RETRY_MINUTES,
    Timetable,
    retry_at,
    timetable,
)

STAMMDATEN = ("tuesday", "thursday", "sunday")
DAYS = st.frozensets(st.integers(0, 6), min_size=1)
TIMES = st.times().map(lambda t: t.replace(second=0, microsecond=0))
TIMETABLES = st.builds(Timetable, days=DAYS, at=TIMES)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)
AUTUMN, SPRING = date(2026, 10, 25), date(2026, 3, 29)


def runs(times, start, end, step):
    """Look every so often whether a run is due; return slot and moment of each."""
    last, now, found = times.newest_slot(start), start, []
    while now < end:
        slot = times.due_slot(last, now)
        if slot is not None:
            found.append((slot, now))
            last = slot
        now += step
    return found


def test_stammdaten_run_on_tuesday_thursday_and_sunday_at_half_past_three():
    times = timetable(STAMMDATEN)
    start = datetime(2026, 11, 2, tzinfo=GERMANY)
    found = runs(times, start, start + timedelta(days=7), timedelta(minutes=1))
    told = [f"{now.astimezone(GERMANY):%A %H:%M}" for _, now in found]
    assert told == ["Tuesday 03:30", "Thursday 03:30", "Sunday 03:30"]


@pytest.mark.parametrize("at", ["00:00", "01:59", "02:00", "02:30", "02:59", "03:00"])
@pytest.mark.parametrize("night", [AUTUMN, SPRING])
def test_a_night_with_another_number_of_hours_has_one_run(night, at):
    times = timetable(STAMMDATEN, at)
    start = datetime.combine(night, time(0), GERMANY) - timedelta(hours=2)
    start = start.astimezone(UTC)
    found = runs(times, start, start + timedelta(hours=20), timedelta(minutes=1))
    assert [slot for slot, _ in found] == [night]


def test_a_time_that_comes_twice_is_the_first_one():
    moment = timetable(STAMMDATEN, "02:30").moment(AUTUMN)
    assert moment == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_time_that_is_missing_comes_an_hour_later_on_the_clock():
    moment = timetable(STAMMDATEN, "02:30").moment(SPRING)
    assert moment.astimezone(GERMANY) == datetime(2026, 3, 29, 3, 30, tzinfo=GERMANY)


@given(TIMETABLES, st.integers(2020, 2034))
def test_over_a_year_each_day_that_is_named_has_one_run(times, year):
    start = times.moment(date(year, 1, 1)) - timedelta(minutes=1)
    end = times.moment(date(year + 1, 1, 1)) - timedelta(minutes=1)
    found = [slot for slot, _ in runs(times, start, end, timedelta(hours=6))]
    first = date(year, 1, 1)
    days = [
        first + timedelta(days=n) for n in range((date(year + 1, 1, 1) - first).days)
    ]
    wanted = [day for day in days if day.weekday() in times.days]
    # The last one may come within the last step.
    assert found == wanted[: len(found)]
    assert len(found) >= len(wanted) - 1


@given(TIMETABLES, MOMENTS, st.integers(0, 400))
def test_missed_slots_are_caught_up_once(times, now, days):
    last = times.newest_slot(now - timedelta(days=days))
    slot = times.due_slot(last, now)
    if slot is None:
        assert last == times.newest_slot(now)
    else:
        assert last < slot
        assert slot.weekday() in times.days
        assert times.due_slot(slot, now) is None


@given(TIMETABLES, MOMENTS)
def test_the_next_run_is_due_exactly_at_its_moment(times, now):
    last = times.newest_slot(now)
    due = times.next_moment(last, now)
    assert due > now
    assert due - now <= timedelta(days=7, hours=1)
    assert times.due_slot(last, due - timedelta(seconds=1)) is None
    assert times.due_slot(last, due) is not None
    assert times.moment(times.due_slot(last, due)) == due


@given(TIMETABLES, MOMENTS)
def test_a_clock_that_goes_back_makes_no_second_run(times, now):
    slot = times.newest_slot(now)
    for hours in (1, 24, 24 * 30):
        assert times.due_slot(slot, now - timedelta(hours=hours)) is None


def test_the_waits_between_tries_grow_to_an_hour():
    now = datetime(2026, 11, 2, tzinfo=UTC)
    waits = [(retry_at(n, now) - now).total_seconds() / 60 for n in range(1, 8)]
    assert waits == [*RETRY_MINUTES, 60, 60]
