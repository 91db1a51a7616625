"""
What goes wrong on purpose: settings in, what happens to the next call out.

The names are the same on the command line and in the JSON of the control address.
"""

import random
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from tools.simulator.schemas import FieldProblem

BEFORE = ("429", "500", "503", "html", "drop_before", "timeout")
"""Faults that leave nothing written; `html` is a 500 with a page for people."""
AFTER = ("500_after", "drop_after", "timeout_after")
"""Faults of calls that were done: the client cannot know."""
EITHER = "drop"
NAMES = (*BEFORE, *AFTER, EITHER)


@dataclass(frozen=True)
class Settings:
    """
    How the partner misbehaves.

    `rates` is the share of calls that meet a fault, `next` are the faults of the next
    calls ("ok" for none), `only` are the routes that faults are for ("POST /units",
    empty for all). `refuse` are rules like {"entity", "field", "value" or "pattern",
    "message"}, with "operation": "remove" for removals; a field may be a dotted path
    and lead through lists. `day_budget` is how many calls are left today, below 0 as
    the files have it; `minute_seconds` is how long a minute of the budget is.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    next: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    refuse: tuple[Mapping[str, Any], ...] = ()
    expire_after_calls: int = 0
    ignore_filters: bool = False
    latency_seconds: float = 0.0
    page_cap: int = 100
    retry_after_seconds: int = 0
    timeout_seconds: float = 60.0
    day_budget: int = -1
    minute_seconds: float = 60.0


_OTHERS = {one.name: one.type for one in fields(Settings) if one.name != "rates"}


def changed(settings: Settings, changes: Mapping[str, Any]) -> Settings:
    """
    Return the settings with changes; {"replace": true} starts from none.

    Raises ValueError or TypeError for an unknown name or a value of the wrong kind.
    """
    changes = dict(changes)
    if changes.pop("replace", False):
        settings = Settings()
    rates = dict(settings.rates)
    others: dict[str, Any] = {}
    for name, value in changes.items():
        if name in NAMES:
            rates[name] = float(value)
        elif name in _OTHERS:
            others[name] = _read(name, value)
        else:
            known = ", ".join((*NAMES, *_OTHERS))
            raise ValueError(f"unknown fault '{name}'; there are {known}")
    if sum(rates.values()) > 1:
        raise ValueError("the rates of all faults together exceed 1")
    return replace(settings, rates={k: v for k, v in rates.items() if v}, **others)


class Faults:
    """The faults of one simulated partner; the same seed gives the same faults."""

    def __init__(self, settings: Settings, seed: int) -> None:
        self._random = random.Random(seed)
        self.use(settings)

    def use(self, settings: Settings) -> None:
        """Take new settings; what they say of the next calls is used up once."""
        self._next = deque(settings.next)
        self.settings = settings

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change what is named; {"replace": true} starts from no faults."""
        self.use(changed(replace(self.settings, next=tuple(self._next)), changes))

    def draw(self, route: str) -> str | None:
        """Return the fault that the next call of a route meets, or None."""
        settings = self.settings
        if settings.only and route not in settings.only:
            return None
        if self._next:
            fault = self._next.popleft()
            return None if fault == "ok" else self._moment(fault)
        if not settings.rates:
            return None
        chance = self._random.random()
        for fault, rate in settings.rates.items():
            chance -= rate
            if chance < 0:
                return self._moment(fault)
        return None

    def refusal(
        self, entity: str, record: Mapping[str, Any], operation: str = "write"
    ) -> FieldProblem | None:
        """Return what the first rule says that a record meets, or None."""
        for rule in self.settings.refuse:
            name = rule["field"]
            if rule["entity"] != entity or rule.get("operation", "write") != operation:
                continue
            if any(_meets(rule, value) for value in _values(record, name.split("."))):
                return FieldProblem(name, rule.get("message", "is refused"))
        return None

    def _moment(self, fault: str) -> str:
        if fault == EITHER:
            return self._random.choice(("drop_before", "drop_after"))
        return fault


def _meets(rule: Mapping[str, Any], value: Any) -> bool:
    wanted = rule.get("pattern")
    if wanted is None:
        return bool(value == rule.get("value"))
    return re.search(wanted, str(value)) is not None


def _values(value: Any, path: Sequence[str]) -> Iterator[Any]:
    """Yield what stands at a path, in each element of the lists on the way."""
    if isinstance(value, list):
        for element in value:
            yield from _values(element, path)
        if not path:
            yield value
    elif not path:
        if value is not None:
            yield value
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _values(value[path[0]], path[1:])


def _read(name: str, value: Any) -> Any:
    kind = _OTHERS[name]
    if kind in (int, float):
        return kind(value)
    if kind is bool:
        return value in (True, 1, "1", "true")
    if not isinstance(value, Iterable) or isinstance(value, str | Mapping):
        raise TypeError(f"{name} is a list")
    if name == "next" and not {*value} <= {*NAMES, "ok"}:
        raise ValueError(f"next is a list of {', '.join((*NAMES, 'ok'))}")
    if name == "refuse" and not all({"entity", "field"} <= {*one} for one in value):
        raise ValueError("a rule of refuse has entity and field")
    return tuple(value)
