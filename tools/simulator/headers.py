"""Headers that calls must have: those of the connector file in, refusals out."""

from collections.abc import Mapping
from typing import Any

from tools.simulator.answers import Call, Refusal
from tools.simulator.templates import Pattern, filled, pattern, variables_in


class Headers:
    """The headers of one request: those of all, and its own over them."""

    def __init__(
        self,
        common: Mapping[str, Any],
        own: Mapping[str, Any],
        known: Mapping[str, Any],
    ) -> None:
        named = {name.lower(): (name, value) for name, value in common.items()}
        named |= {name.lower(): (name, value) for name, value in own.items()}
        self._constant: list[tuple[str, str]] = []
        self._variable: list[tuple[str, Pattern]] = []
        for name, template in named.values():
            value = filled(template, known)
            if value is not None and variables_in(value):
                self._variable.append((name, pattern(value)))
            elif value is not None:
                self._constant.append((name, str(value)))

    def check(self, call: Call) -> None:
        """Raise Refusal if a header is missing or another one."""
        for name, value in self._constant:
            if call.header(name) != value:
                message = f"The header {name} is missing or not {value}."
                raise Refusal(400, "HEADER", message)
        for name, wanted in self._variable:
            if wanted.read(call.header(name)) is None:
                raise Refusal(400, "HEADER", f"The header {name} is missing or wrong.")
