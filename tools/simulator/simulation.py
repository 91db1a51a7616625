"""One simulated partner: its files in, what it holds and what answers calls out."""

from collections import Counter
from pathlib import Path
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal, error_body
from tools.simulator.auth import Gate
from tools.simulator.faults import Faults, Settings
from tools.simulator.partner import Partner
from tools.simulator.partners import SPECIALS
from tools.simulator.records import Records, World
from tools.simulator.routes import Route, Router
from tools.simulator.schemas import unique_fields
from tools.simulator.special import Special
from tools.simulator.store import Record, Store, Table
from tools.simulator.templates import render


class Simulation:
    """The state of a partner, without any network."""

    def __init__(
        self, partner: Partner, settings: Settings, seed: int, token_lifetime: float
    ) -> None:
        connector = partner.connector
        self.partner = partner
        self.special = SPECIALS.get(partner.name, Special)()
        self.faults = Faults(settings, seed)
        self.gate = Gate(partner, token_lifetime)
        self.limit: int = connector["api_budget"]["concurrency"]
        self.calls: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.peak = 0
        self.store = _store(partner, self.special, seed)
        self.router = self._router()
        self._handler = connector.get("error_handler") or {}
        variables = {"credentials": partner.credentials}
        self._headers = {
            name.lower().encode(): (name, render(value, variables).encode())
            for name, value in (connector.get("headers") or {}).items()
        }
        self._let_in = 0

    def answer(self, route: Route, call: Call) -> Answer:
        """Answer a call as the partner does."""
        try:
            self._check(route, call)
            return route.handler(call)
        except Refusal as refusal:
            return self.refused(refusal)

    def refused(self, refusal: Refusal) -> Answer:
        """Return a refusal in the partner's shape."""
        body = self.special.error(error_body(self._handler, refusal), refusal)
        return Answer(refusal.status, body, self.special.error_type, refusal.headers)

    def too_many(self) -> Answer:
        """Return the answer to one request too many, which says when to come back."""
        wait = str(self.faults.settings.retry_after_seconds)
        refusal = Refusal(429, "TOO_MANY_REQUESTS", "There are too many requests.")
        refusal.headers = (("retry-after", wait),)
        return self.refused(refusal)

    def records(self, entity: str) -> list[Record]:
        """Return the records of an entity as they are read; raises KeyError."""
        rows = list(self.store.tables[entity].records.values())
        return [dict(self.special.show(entity, row)) for row in rows]

    def reset(self) -> None:
        """Forget records, counts and faults; tokens go on to hold."""
        self.store.clear()
        self.calls.clear()
        self.statuses.clear()
        self.peak = self._let_in = 0
        self.faults.change({"replace": True, "next": ()})

    def load(self, path: Path) -> None:
        if path.exists():
            self.store.load(path)

    def _check(self, route: Route, call: Call) -> None:
        for header, (name, value) in self._headers.items():
            if call.headers.get(header) != value:
                message = f"The header {name} is missing or not {value.decode()}."
                raise Refusal(400, "HEADER", message)
        if not route.needs_key:
            return
        after = self.faults.settings.expire_after_calls
        if after and self._let_in >= after:
            self._let_in = 0
            self.gate.expire()
        self.gate.check(call)
        self._let_in += 1

    def _router(self) -> Router:
        router = Router(self.partner.prefix)
        world = World(self.partner, self.special, self.store, self.faults)
        for request, handler in self.gate.routes():
            router.add(request, handler, needs_key=False, has_faults=False)
        for label, page in self.special.pages.items():
            method, path = label.split(" ")
            router.add({"method": method, "path": path}, page, has_faults=False)
        for entity in self.partner.entities.values():
            for request, handler in Records(entity, world).routes():
                router.add(request, handler)
        return router


def _store(partner: Partner, special: Special, seed: int) -> Store:
    tables: dict[str, Table] = {}
    for entity in partner.entities.values():
        lookup: dict[str, Any] = entity.requests.get("lookup") or {}
        has_lists = "external_ids" in entity.requests
        unique = unique_fields(entity.schema)
        tables[entity.name] = Table(lookup.get("match"), unique, has_lists=has_lists)
    deleted = (partner.connector.get("ids") or {}).get("deleted")
    return Store(tables, special.id_spaces, deleted, seed)
