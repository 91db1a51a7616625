"""Addresses: the requests of a connector file in, what answers a call out."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.shapes import Shape
from tools.simulator.templates import Pattern, filled_path, pattern

Handler = Callable[[Call], Answer]

_WRITES = ("upsert", "create", "update", "remove", "replace")


class Offer(NamedTuple):
    """
    A request that a partner answers, and what answers it.

    `name` tells it from others with the same address: "units.upsert". What is implied
    gives way to what the connector file has at the same address.
    """

    request: Mapping[str, Any]
    handler: Handler
    name: str = ""
    shape: Shape | None = None
    needs_key: bool = True
    has_faults: bool = True
    is_implied: bool = False

    @property
    def label(self) -> str:
        return f"{self.request['method']} {self.request['path']}"

    @property
    def is_write(self) -> bool:
        """Whether it changes records."""
        return self.name.rpartition(".")[2] in _WRITES


@dataclass(frozen=True)
class Route:
    """
    An offer at its address.

    `label` is its method and path template, and its name if others have the same ones.
    """

    label: str
    address: tuple[str, str]
    pattern: Pattern
    offer: Offer


class Router:
    """
    Finds routes by the raw path, where an encoded slash is no separator.

    The prefix is the path of the base URL. Routes with the same address are told apart
    by the constant parts of their templates. Raises ValueError if they have none.
    """

    def __init__(
        self, prefix: str, known: Mapping[str, Any], offers: Iterable[Offer]
    ) -> None:
        routes = list(_routes(prefix, known, list(offers)))
        routes.sort(key=lambda route: len(route.pattern.holes))
        _check_marks(routes)
        self.routes: Sequence[Route] = routes
        self._by_method: dict[str, list[Route]] = {}
        for route in routes:
            self._by_method.setdefault(route.address[0], []).append(route)

    def find(self, call: Call) -> tuple[Route, dict[str, str]]:
        """Return the route of a call and the raw values in its path; raises Refusal."""
        same: list[tuple[Route, dict[str, str]]] = []
        for route in self._by_method.get(call.method, ()):
            values = route.pattern.read(call.path)
            if values is not None and (not same or same[0][0].address == route.address):
                same.append((route, values))
        if len(same) == 1:
            return same[0]
        for route, values in same:
            if route.offer.shape is not None and route.offer.shape.fits(call):
                return route, values
        if same:
            raise Refusal(400, "UNKNOWN_REQUEST", "There is no such request here.")
        if any(route.pattern.read(call.path) for route in self.routes):
            message = f"{call.method} is not offered here."
            raise Refusal(405, "METHOD_NOT_ALLOWED", message)
        raise Refusal(404, "NOT_FOUND", "There is nothing at this address.")


def _routes(
    prefix: str, known: Mapping[str, Any], offers: list[Offer]
) -> Iterator[Route]:
    addresses = [_address(prefix, known, offer) for offer in offers]
    stated = {a for a, o in zip(addresses, offers, strict=True) if not o.is_implied}
    count: Counter[tuple[str, str]] = Counter()
    for address, offer in zip(addresses, offers, strict=True):
        count[address] += not offer.is_implied
    implied: set[tuple[str, str]] = set()
    for address, offer in zip(addresses, offers, strict=True):
        if offer.is_implied and address in stated | implied:
            continue
        if offer.is_implied:
            implied.add(address)
        label = offer.label
        if count[address] > 1:
            label = f"{label} {offer.name}"
        path = prefix + filled_path(offer.request["path"], known)
        yield Route(label, address, pattern(path, "[^/]+"), offer)


def _address(prefix: str, known: Mapping[str, Any], offer: Offer) -> tuple[str, str]:
    """Return method and path, the same for holes of any name."""
    path = prefix + filled_path(offer.request["path"], known)
    return offer.request["method"], pattern(path, "[^/]+").regex.pattern


def _check_marks(routes: list[Route]) -> None:
    seen: dict[Any, str] = {}
    for route in routes:
        mark = (route.address, route.offer.shape and route.offer.shape.mark)
        other = seen.setdefault(mark, route.label)
        if other is not route.label:
            raise ValueError(f"{route.label}: cannot be told apart from {other}")
