"""Addresses: the requests of a connector file in, what answers a call out."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.templates import pattern


@dataclass(frozen=True)
class Route:
    """One request of the connector file; `label` is its method and path template."""

    label: str
    method: str
    matches: Callable[[str], re.Match[str] | None]
    handler: Callable[[Call], Answer]
    needs_key: bool = True
    has_faults: bool = True


class Router:
    """
    Finds routes by the raw path, where an encoded slash is no separator.

    The prefix is the path of the base URL.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._routes: list[Route] = []
        self._by_method: dict[str, list[Route]] = {}

    def add(
        self,
        request: Mapping[str, Any],
        handler: Callable[[Call], Answer],
        *,
        needs_key: bool = True,
        has_faults: bool = True,
    ) -> None:
        """Add a request; paths without variables go before those with them."""
        method, path = request["method"], request["path"]
        matches = pattern(f"{self._prefix}{path}").fullmatch
        label = f"{method} {path}"
        route = Route(label, method, matches, handler, needs_key, has_faults)
        same = self._by_method.setdefault(method, [])
        same.insert(len(same) if "{{" in path else 0, route)
        self._routes.append(route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route of a raw path and the raw values in it; raises Refusal."""
        for route in self._by_method.get(method, ()):
            match = route.matches(path)
            if match is not None:
                return route, match.groupdict()
        if any(route.matches(path) for route in self._routes):
            message = f"{method} is not offered here."
            raise Refusal(405, "METHOD_NOT_ALLOWED", message)
        raise Refusal(404, "NOT_FOUND", "There is nothing at this address.")
