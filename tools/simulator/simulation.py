"""One simulated partner: its files in, what it holds and what answers calls out."""

import functools
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tools.simulator.annotations import unique_fields
from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.auth import Gate
from tools.simulator.budget import Budget
from tools.simulator.errors import error_body
from tools.simulator.faults import Faults, Settings
from tools.simulator.headers import Headers
from tools.simulator.named_by_partner import NamedByPartner
from tools.simulator.named_by_us import NamedByUs, our_field_of
from tools.simulator.partner import Entity, Partner
from tools.simulator.partners import SPECIALS
from tools.simulator.records import World
from tools.simulator.routes import Offer, Route, Router
from tools.simulator.special import Special
from tools.simulator.store import Record, Store, Table

_REFUSALS_OF_RECORDS = (400, 404, 409, 413, 422)


class Simulation:
    """The state of a partner, without any network."""

    def __init__(
        self,
        partner: Partner,
        settings: Settings,
        seed: int,
        token_lifetime: float | None = None,
    ) -> None:
        connector = partner.connector
        self.partner = partner
        self.special = SPECIALS.get(partner.name, Special)()
        self.faults = Faults(settings, seed)
        self.gate = Gate(partner, self.special, token_lifetime)
        self.budget = Budget(connector, partner.settings)
        self._apply_budget(settings, ("day_budget", "minute_seconds"))
        self.limit: int = connector["api_budget"]["concurrency"]
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.peak = 0
        self.store = _store(partner, self.special, seed)
        self.router = Router(partner.prefix, partner.known, self._offers())
        self._handler = connector.get("error_handler") or {}
        common = connector.get("headers") or {}
        self._headers = {
            route.label: Headers(common, own, partner.known)
            for route in self.router.routes
            for own in [route.offer.request.get("headers") or {}]
        }
        self._let_in = 0

    def answer(self, route: Route, call: Call) -> Answer:
        """Answer a call as the partner does."""
        try:
            self._check(route, call)
        except Refusal as refusal:
            return self.refused(refusal)
        try:
            return route.offer.handler(call)
        except Refusal as refusal:
            answer = self.refused(refusal)
            if not (
                route.offer.needs_key and self._says_refusals_in_a_success(refusal)
            ):
                return answer
            return Answer(200, answer.body, answer.content_type, answer.headers)

    def refused(self, refusal: Refusal) -> Answer:
        """Return a refusal in the partner's shape."""
        body = self.special.error(error_body(self._handler, refusal), refusal)
        return Answer(refusal.status, body, self.special.error_type, refusal.headers)

    def too_many(self, seconds: float | None = None) -> Answer:
        """Return the answer to one request too many, which says when to come back."""
        if seconds is None:
            seconds = self.faults.settings.retry_after_seconds
        refusal = Refusal(429, "TOO_MANY_REQUESTS", "There are too many requests.")
        refusal.headers = (("retry-after", str(int(-(-seconds // 1)))),)
        return self.refused(refusal)

    def spend(self, route: Route) -> Answer | None:
        """Count a call in the budget; return the answer if it is one too many."""
        if not route.offer.needs_key:
            return None
        seconds = self.budget.spend()
        return None if seconds is None else self.too_many(seconds)

    def change_faults(self, changes: Mapping[str, Any]) -> None:
        """Change what goes wrong; a budget that is named begins anew."""
        self.faults.change(changes)
        self._apply_budget(self.faults.settings, tuple(changes))

    def records(self, entity: str) -> list[Record]:
        """Return the records of an entity as they are read; raises KeyError."""
        rows = list(self.store.tables[entity].records.values())
        return [dict(self.special.show(entity, row)) for row in rows]

    def reset(self) -> None:
        """Forget records, counts and faults; tokens go on to hold."""
        self.store.clear()
        self.special.reset()
        self.calls.clear()
        self.statuses.clear()
        self.budget.renew()
        self.peak = self._let_in = 0
        self.faults.change({"replace": True, "next": ()})

    @property
    def writes(self) -> int:
        """The calls that would change records, refused ones too."""
        return sum(
            self.calls[route.label]
            for route in self.router.routes
            if route.offer.is_write
        )

    def load(self, path: Path) -> None:
        if path.exists():
            self.store.load(path)

    def _check(self, route: Route, call: Call) -> None:
        self._headers[route.label].check(call)
        if not route.offer.needs_key:
            return
        after = self.faults.settings.expire_after_calls
        if after and self._let_in >= after:
            self._let_in = 0
            self.gate.expire()
        if "basic" not in route.offer.request:
            self.gate.check(call)
        self._let_in += 1

    def _says_refusals_in_a_success(self, refusal: Refusal) -> bool:
        is_of_record = refusal.status in _REFUSALS_OF_RECORDS
        return is_of_record and bool(self._handler.get("refused_by"))

    def _apply_budget(self, settings: Settings, named: tuple[str, ...]) -> None:
        if "day_budget" in named and settings.day_budget >= 0:
            self.budget.leave(settings.day_budget)
        if "minute_seconds" in named:
            self.budget.shorten(settings.minute_seconds)

    def _offers(self) -> Iterator[Offer]:
        """Yield all that the partner answers; its own pages go before its files."""
        world = World(self.partner, self.special, self.store, self.faults)
        yield from self.gate.offers()
        pages = {**self.special.pages}
        for entity in self.partner.entities.values():
            kind = NamedByUs if "upsert" in entity.requests else NamedByPartner
            for offer in kind(entity, world).offers():
                page = pages.pop(offer.label, None)
                if page is not None:
                    handler = functools.partial(page, self.store)
                    yield offer._replace(handler=handler, shape=None, is_implied=False)
                elif offer.label not in self.special.pages:
                    yield offer
        for label, page in pages.items():
            method, path = label.split(" ", 1)
            handler = functools.partial(page, self.store)
            yield Offer({"method": method, "path": path}, handler, has_faults=False)


def _store(partner: Partner, special: Special, seed: int) -> Store:
    tables = {
        entity.name: _table(entity, partner) for entity in partner.entities.values()
    }
    return Store(tables, special.id_spaces, seed)


def _table(entity: Entity, partner: Partner) -> Table:
    common = partner.connector.get("ids") or {}
    ids = {**common, **(entity.requests.get("ids") or {})}
    lookup: Mapping[str, Any] = entity.requests.get("lookup") or {}
    return Table(
        lookup.get("match") or our_field_of(entity),
        unique_fields(entity.schema),
        has_lists="external_ids" in entity.requests,
        deleted=ids.get("deleted"),
    )
