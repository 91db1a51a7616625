"""Stay within what a partner allows: a call about to be sent in, its turn out.

Calls are spread evenly over the minute: a burst after a pause would be over the limit
of partners that count in windows. What the partner says in headers goes first.
"""

import math
import re
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from connectors.answers import LONGEST_WAIT_SECONDS
from connectors.clock import Clock
from connectors.errors import budget_error, setting_error
from connectors.model import Connector
from connectors.templates import render
from engine.errors import BudgetError

_MINUTE = 60.0
_PORTION_SECONDS = 0.5
_MOST_TURNS = 10
_YEAR = 366 * 24 * 3600.0
_DIGITS = re.compile(r"[0-9]{1,12}").fullmatch


class Spent(Protocol):
    """The calls of an account today, over all runs; asked by one thread at a time."""

    def spend(self, calls: int) -> int:
        """Add calls to today's and return today's total so far."""


class Pace(Protocol):
    """The turns of an account, shared by all processes that use it."""

    def reserve(self, calls: int, interval: float) -> tuple[float, float]:
        """Return the seconds to the first of the turns, and to the end of a pause."""

    def close(self, seconds: float) -> None:
        """Let nobody call for so long."""


class Budget:
    """
    The budget of one session, shared by its threads.

    With `pace` the calls of a minute are shared with other sessions and processes, a
    few of them taken at a time. `outside` is held while the calls of the day are
    counted. Raises SpecError if a setting gives no number of calls a day.
    """

    def __init__(
        self,
        connector: Connector,
        settings: Mapping[str, Any],
        spent: Spent | None,
        clock: Clock,
        outside: AbstractContextManager[Any] | None = None,
        pace: Pace | None = None,
    ) -> None:
        rules = connector.api_budget
        self._partner = connector.partner
        self._headers = rules.headers
        self._interval = _MINUTE / rules.per_minute if rules.per_minute else 0.0
        self._per_day = _per_day(connector, settings)
        self._spent = spent
        self._clock = clock
        self._pace = pace if self._interval else None
        self._portion: deque[float] = deque()
        self._turns = threading.Lock()
        self._next_turn = 0.0
        self._closed_until = 0.0
        self._outside = outside or threading.Lock()
        self._today = 0

    def take(self, *, as_us: bool) -> None:
        """
        Wait for the turn of one call; `as_us` counts it among today's.

        Raises BudgetError if today's are used up, or if the partner allows none for
        more than a minute.
        """
        self._wait()
        if as_us and self._per_day is not None:
            self._count(self._per_day)

    def observe(
        self, status: int, headers: Mapping[str, str], retry_after: float | None
    ) -> None:
        """
        Read what an answer says of the budget; `retry_after` is its header, in seconds.

        Raises BudgetError if the call itself was one too many, for more than a minute.
        """
        too_many = status == 429  # noqa: PLR2004 - Too Many Requests
        seconds = retry_after if too_many else None
        if seconds is None and (too_many or self._says_zero(headers)):
            seconds = self._seconds_to_reset(headers)
        if seconds is None:
            return
        seconds = min(seconds, _YEAR)
        with self._turns:
            now = self._clock.steady()
            self._close(now, seconds)
            if self._pace is not None:
                self._pace.close(seconds)
            if too_many:
                self._need_open(now)

    def _wait(self) -> None:
        while True:
            with self._turns:
                turn = self._take_turn()
                now = self._clock.steady()
            if turn > now:
                self._clock.sleep(turn - now)
            with self._turns:
                if self._closed_until <= turn:
                    return  # else an answer has closed the budget in the meantime

    def _take_turn(self) -> float:
        """Return when the next call may be sent."""
        now = self._clock.steady()
        self._need_open(now)
        if self._pace is None:
            turn = max(now, self._next_turn)
            self._next_turn = turn + self._interval
            return turn
        # A turn that was not used in time is lost: two late ones would be a burst.
        while self._portion and self._portion[0] + self._interval < now:
            self._portion.popleft()
        if not self._portion:
            size = max(1, min(_MOST_TURNS, int(_PORTION_SECONDS / self._interval)))
            wait, closed = self._pace.reserve(size, self._interval)
            if closed:
                self._close(now, closed)
                self._need_open(now)
            first = max(self._clock.steady() + wait, self._closed_until)
            self._portion.extend(first + i * self._interval for i in range(size))
        return self._portion.popleft()

    def _close(self, now: float, seconds: float) -> None:
        self._closed_until = max(self._closed_until, now + seconds)
        self._next_turn = max(self._next_turn, self._closed_until)
        self._portion.clear()

    def _need_open(self, now: float) -> None:
        seconds = self._closed_until - now
        if seconds > LONGEST_WAIT_SECONDS:
            raise self._used_up(f"it goes on at {self._moment(seconds)}")

    def _count(self, per_day: int) -> None:
        with self._outside:
            spent = self._spent
            self._today = self._today + 1 if spent is None else spent.spend(1)
            if self._today > per_day:
                # It is not sent, so it does not count.
                self._today = self._today - 1 if spent is None else spent.spend(-1)
                raise self._used_up(f"{per_day} calls a day; it goes on tomorrow")

    def _used_up(self, why: str) -> BudgetError:
        return budget_error(self._partner, f"{self._partner} allows no more: {why}.")

    def _moment(self, seconds: float) -> str:
        moment = datetime.fromtimestamp(self._clock.epoch() + seconds, UTC)
        return moment.strftime("%Y-%m-%d %H:%M UTC")

    def _says_zero(self, headers: Mapping[str, str]) -> bool:
        if self._headers is None:
            return False
        left = _number(headers.get(self._headers.remaining))
        return left is not None and left < 1

    def _seconds_to_reset(self, headers: Mapping[str, str]) -> float | None:
        if self._headers is None:
            return None
        value = _number(headers.get(self._headers.reset))
        if value is not None and self._headers.reset_in == "epoch":
            value -= self._clock.epoch()
        return None if value is None else min(max(value, 0.0), _YEAR)


def _per_day(connector: Connector, settings: Mapping[str, Any]) -> int | None:
    per_day = connector.api_budget.per_day
    if not isinstance(per_day, str):
        return per_day
    value = render(per_day, {"settings": settings})
    if value is None:
        return None
    calls = int(value) if isinstance(value, int | str) and _DIGITS(str(value)) else 0
    if calls < 1:
        why = f"{value!r} is no number of calls a day."
        raise setting_error(connector.partner, "api_budget.per_day", why)
    return calls


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None
