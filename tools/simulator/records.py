"""Records as a partner takes and gives them: calls in; rules kept, answers out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.simulator import schemas
from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.faults import Faults
from tools.simulator.paging import page
from tools.simulator.partner import Entity, Partner
from tools.simulator.schemas import FieldProblem, Validator
from tools.simulator.search import rows
from tools.simulator.special import Special
from tools.simulator.store import Key, Record, Store
from tools.simulator.templates import at, place_of, put

Handler = Callable[[Call], Answer]


@dataclass(frozen=True)
class World:
    """What all entities of one simulated partner share."""

    partner: Partner
    special: Special
    store: Store
    faults: Faults


class Records:
    """One entity of a partner: what its routes answer."""

    def __init__(self, entity: Entity, world: World) -> None:
        connector = world.partner.connector
        ids = connector.get("ids") or {}
        body = schemas.writable(entity.schema)
        self._name = entity.name
        self._requests = entity.requests
        self._properties = entity.schema["properties"]
        self._special = world.special
        self._store = world.store
        self._faults = world.faults
        self._table = world.store.tables[entity.name]
        self._paginator = connector.get("paginator")
        self._id_path: str = ids.get("path", "id")
        self._deleted: str | None = ids.get("deleted")
        self._our_field = schemas.field_in_path(entity.schema) or "externalId"
        self._references = tuple(schemas.references(entity.schema))
        self._fields = frozenset(body["properties"])
        self._whole = Validator(body)
        self._part = Validator({**body, "required": []})
        self._has_numbers = schemas.type_at(entity.schema, self._id_path) == "integer"
        for _, parent in self._references:
            if parent not in world.partner.entities:
                raise ValueError(f"{entity.name}: x-reference to unknown '{parent}'")

    def routes(self) -> Iterator[tuple[Mapping[str, Any], Handler]]:
        """Yield the requests of the connector file, each with what answers it."""
        requests = self._requests
        if "upsert" in requests:
            yield requests["upsert"], self.upsert
            return
        yield requests["create"], self.create
        yield requests["update"], self.update
        yield {"method": "GET", "path": requests["update"]["path"]}, self.read
        yield {"method": "GET", "path": requests["create"]["path"]}, self.read_all
        if "lookup" in requests:
            yield requests["lookup"], self.look_up
        if "external_ids" in requests:
            yield requests["external_ids"]["read"], self.read_ids
            yield requests["external_ids"]["replace"], self.replace_ids

    def upsert(self, call: Call) -> Answer:
        """Create or replace the record that has our id in its path."""
        our_id = next(iter(call.params.values()))
        body = self._body(call, "upsert")
        self._validate(self._whole, body)
        known = self._table.records.get(our_id)
        record = {self._our_field: our_id, **body}
        self._admit(record, our_id)
        given = {self._special.changed: _now()}
        put(given, self._id_path, at(known, self._id_path) or self._store.new_uuid())
        self._table.put(our_id, {**record, **given})
        status = 201 if known is None else 200
        return Answer(status, {self._our_field: our_id, **given})

    def create(self, call: Call) -> Answer:
        """Take a new record and give it an id."""
        body = self._body(call, "create")
        self._validate(self._whole, body)
        self._admit(body, None)
        key = self._new_key()
        now = _now()
        record = {**body, self._special.created: now, self._special.changed: now}
        put(record, self._id_path, key)
        if self._deleted:
            put(record, self._deleted, None)
        if self._table.has_lists:
            our_id = at(body, self._table.match or "")
            self._table.lists[key] = [our_id] if our_id else []
        record = self._table.put(key, record)
        self._special.saved(self._store, self._name, record, is_new=True)
        return Answer(201, self._special.show(self._name, record))

    def update(self, call: Call) -> Answer:
        """Change the fields that are given; with PUT the others are gone."""
        key, known = self._named(call)
        body = self._body(call, "update")
        if call.method == "PUT":
            self._validate(self._whole, body)
            known = {k: v for k, v in known.items() if k not in self._fields}
        else:
            held = {k: known[k] for k in self._fields & known.keys()}
            held = {k: v for k, v in held.items() if v is not None}
            self._validate(self._part, {**held, **body})
        record = {**known, **body, self._special.changed: _now()}
        self._admit(record, key)
        if self._table.has_lists:
            our_id = at(body, self._table.match or "")
            if our_id and our_id not in self._table.lists[key]:
                self._table.set_list(key, [our_id, *self._table.lists[key][1:]])
        record = self._table.put(key, record)
        self._special.saved(self._store, self._name, record, is_new=False)
        return Answer(200, self._special.show(self._name, record))

    def read(self, call: Call) -> Answer:
        _, record = self._named(call, alive=False)
        return Answer(200, self._special.show(self._name, record))

    def read_all(self, call: Call) -> Answer:
        return self._page(call, list(self._table.records.values()))

    def look_up(self, call: Call) -> Answer:
        """Answer a search with a page of what meets its filters."""
        filters = {} if call.json is None else call.json
        if not isinstance(filters, dict):
            raise Refusal(400, "MALFORMED", "The body is not an object.")
        if self._faults.settings.ignore_filters:
            return self.read_all(call)
        lookup = self._requests["lookup"]
        return self._page(call, rows(self._table, filters, lookup, self._properties))

    def read_ids(self, call: Call) -> Answer:
        """Answer with a page of the ids that stand beside a record."""
        key, _ = self._named(call, alive=False)
        cap = self._faults.settings.page_cap
        return Answer(
            200, page(self._paginator, call.query, self._table.lists[key], cap)
        )

    def replace_ids(self, call: Call) -> Answer:
        """Replace all ids that stand beside a record."""
        key, _ = self._named(call)
        our_ids = _unwrapped(call, self._requests["external_ids"]["replace"])
        texts = isinstance(our_ids, list) and all(
            isinstance(one, str) and one for one in our_ids
        )
        if not texts:
            raise Refusal(400, "VALIDATION_FAILED", "The body is not a list of texts.")
        self._table.set_list(key, dict.fromkeys(our_ids))
        return Answer(200, self._table.lists[key])

    def _body(self, call: Call, request: str) -> Record:
        body = _unwrapped(call, self._requests[request])
        if not isinstance(body, dict):
            raise Refusal(400, "MALFORMED", "The body is not an object.")
        return body

    def _validate(self, validator: Validator, body: Record) -> None:
        problems = validator.problems(body)
        if problems:
            told = "; ".join(f"{field}: {message}" for field, message in problems)
            status = self._special.validation_status
            raise Refusal(status, "VALIDATION_FAILED", told, tuple(problems))

    def _admit(self, record: Record, key: Key | None) -> None:
        """Raise Refusal if a record breaks a rule of the partner."""
        refused = self._faults.refusal(self._name, record)
        if refused is not None:
            status = self._special.validation_status
            raise Refusal(status, "REFUSED", refused.message, (refused,))
        self._special.check(self._name, record)
        missing = [
            FieldProblem(".".join(path), f"there is no {value!r} in {parent}")
            for path, parent in self._references
            for value in schemas.values_at(record, path)
            if not self._store.is_alive(parent, value)
        ]
        if missing:
            told = "; ".join(f"{field}: {message}" for field, message in missing)
            raise Refusal(409, "PARENT_MISSING", told, tuple(missing))
        taken = self._table.clash(record, key)
        if taken is not None:
            problem = FieldProblem(taken, "is taken by another record")
            raise Refusal(409, "NOT_UNIQUE", f"{taken} {problem.message}", (problem,))

    def _named(self, call: Call, *, alive: bool = True) -> tuple[Key, Record]:
        text = next(iter(call.params.values()))
        key: Key | None = text
        if self._has_numbers:
            key = int(text) if text.isascii() and text.isdecimal() else None
        known = None if key is None else self._table.records.get(key)
        if (
            key is None
            or known is None
            or (alive and not self._store.is_alive(self._name, key))
        ):
            raise Refusal(404, "NOT_FOUND", f"There is no {text} in {self._name}.")
        return key, known

    def _new_key(self) -> Key:
        if self._has_numbers:
            return self._store.next_number(self._name)
        return self._store.new_uuid()

    def _page(self, call: Call, found: list[Record]) -> Answer:
        shown = [self._special.show(self._name, record) for record in found]
        cap = self._faults.settings.page_cap
        return Answer(200, page(self._paginator, call.query, shown, cap))


def _unwrapped(call: Call, request: Mapping[str, Any]) -> Any:
    """Return the payload that a call carries, out of what the connector puts around."""
    if "form" in request:
        return call.form
    place = place_of("body", request.get("json"))
    return at(call.json, place) if place else call.json


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
