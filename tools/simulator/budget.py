"""
How many calls a partner allows: the connector's api_budget and calls in, who may go on
and what the headers say of it out.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.simulator.templates import render

DAY_SECONDS = 86_400
_USUAL_HEADERS = {
    "remaining": "X-RateLimit-Remaining",
    "reset": "X-RateLimit-Reset",
}


@dataclass
class Window:
    """So many calls in so many seconds, counted from `began` (seconds, epoch)."""

    limit: int
    seconds: float
    began: float = 0.0
    spent: int = 0

    @property
    def remaining(self) -> int:
        return max(self.limit - self.spent, 0)

    @property
    def ends(self) -> float:
        return self.began + self.seconds

    def turn(self, now: float) -> None:
        """Begin a new window if this one is over."""
        if now >= self.ends:
            self.began, self.spent = now, 0


class Budget:
    """
    Counts calls by the minute and by the day of UTC.

    The minute begins with the first call after the last one was over.
    """

    def __init__(
        self,
        connector: Mapping[str, Any],
        settings: Mapping[str, Any],
        now: Callable[[], float] = time.time,
    ) -> None:
        budget = connector["api_budget"]
        self._now = now
        self._minute: Window | None
        self._day: Window | None
        self._per_minute = int(budget.get("per_minute") or 0)
        self._per_day = int(render(budget.get("per_day"), {"settings": settings}) or 0)
        self.renew()
        named = budget.get("headers") or {}
        self._headers = {**_USUAL_HEADERS, **named}
        self._in_epoch = self._headers.get("reset_in") == "epoch"

    def spend(self) -> float | None:
        """Count a call; return the seconds to wait if there is none left, else None."""
        now = self._now()
        windows = self._windows(now)
        for window in windows:
            if window.remaining == 0:
                return max(window.ends - now, 0.0)
        for window in windows:
            window.spent += 1
        return None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return what an answer says of the budget; nothing where there is none."""
        now = self._now()
        windows = self._windows(now)
        if not windows:
            return ()
        # The end of a day is told as a moment, that of a minute in seconds.
        told = windows[-1] if self._in_epoch else windows[0]
        reset = told.ends if self._in_epoch else max(told.ends - now, 0.0)
        return (
            (self._headers["remaining"].lower(), str(told.remaining)),
            (self._headers["reset"].lower(), str(_rounded_up(reset))),
        )

    def leave(self, calls: int) -> None:
        """Set how many calls are left today."""
        self._day = self._new_day(max(self._per_day, calls))
        self._day.spent = self._day.limit - calls

    def shorten(self, seconds: float) -> None:
        """Set how long a minute is, for tests that do not wait."""
        if self._minute is not None:
            self._minute.seconds = seconds

    def renew(self) -> None:
        """Forget what was spent and what was changed."""
        self._minute = Window(self._per_minute, 60.0) if self._per_minute else None
        self._day = self._new_day(self._per_day) if self._per_day else None

    def spent(self) -> dict[str, dict[str, int]]:
        """Return limit, spent and remaining of the minute and of the day."""
        self._windows(self._now())
        named = {"minute": self._minute, "day": self._day}
        return {
            name: {"limit": w.limit, "spent": w.spent, "remaining": w.remaining}
            for name, w in named.items()
            if w is not None
        }

    def _windows(self, now: float) -> list[Window]:
        """Return the windows as they are now, the shorter one first."""
        if self._minute is not None:
            self._minute.turn(now)
        if self._day is not None and now >= self._day.ends:
            self._day = self._new_day(self._day.limit)
        return [window for window in (self._minute, self._day) if window is not None]

    def _new_day(self, limit: int) -> Window:
        now = self._now()
        return Window(limit, DAY_SECONDS, began=now - now % DAY_SECONDS)


def _rounded_up(seconds: float) -> int:
    return int(-(-seconds // 1))
