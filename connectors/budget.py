"""Stay within what a partner allows: a call about to be sent in, its turn out.

Calls are spread evenly over the minute: a burst after a pause would be over the limit
of partners that count in windows. What the partner says in headers goes first.
"""

import math
import re
import threading
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
_YEAR = 366 * 24 * 3600.0
_DIGITS = re.compile(r"[0-9]{1,12}").fullmatch


class Spent(Protocol):
    """The calls of an account today, over all runs; asked by one thread at a time."""

    def spend(self, calls: int) -> int:
        """Add calls to today's and return today's total so far."""


class Budget:
    """
    The budget of one session, shared by its threads.

    `outside` is held while the calls of the day are counted. Raises SpecError if a
    setting gives no number of calls a day.
    """

    def __init__(
        self,
        connector: Connector,
        settings: Mapping[str, Any],
        spent: Spent | None,
        clock: Clock,
        outside: AbstractContextManager[Any] | None = None,
    ) -> None:
        rules = connector.api_budget
        self._partner = connector.partner
        self._headers = rules.headers
        self._interval = _MINUTE / rules.per_minute if rules.per_minute else 0.0
        self._per_day = _per_day(connector, settings)
        self._spent = spent
        self._clock = clock
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
            self._closed_until = max(self._closed_until, now + seconds)
            self._next_turn = max(self._next_turn, self._closed_until)
            if too_many:
                self._need_open(now)

    def _wait(self) -> None:
        while True:
            with self._turns:
                now = self._clock.steady()
                self._need_open(now)
                turn = max(now, self._next_turn)
                self._next_turn = turn + self._interval
            if turn > now:
                self._clock.sleep(turn - now)
            with self._turns:
                if self._closed_until <= turn:
                    return  # else an answer has closed the budget in the meantime

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
