"""
Records as a partner takes and gives them: what both kinds of entities share; payloads
and the rules of the files in, refusals, keys and answers out.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tools.simulator import annotations, schemas
from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.faults import Faults
from tools.simulator.paging import page, without_paging
from tools.simulator.partner import Entity, Partner
from tools.simulator.routes import Offer
from tools.simulator.rules import Rules
from tools.simulator.schemas import FieldProblem, Validator
from tools.simulator.search import Filters, rows
from tools.simulator.shapes import Bound, Shape
from tools.simulator.special import Special
from tools.simulator.store import Key, Record, Store
from tools.simulator.templates import at, put, variables_in


@dataclass(frozen=True)
class World:
    """What all entities of one simulated partner share."""

    partner: Partner
    special: Special
    store: Store
    faults: Faults


class Records(ABC):
    """One entity of a partner: what its routes answer."""

    def __init__(self, entity: Entity, world: World) -> None:
        connector = world.partner.connector
        self._name = entity.name
        self._requests = entity.requests
        self._schema = entity.schema
        self._special = world.special
        self._store = world.store
        self._faults = world.faults
        self._table = world.store.tables[entity.name]
        self._paginator = connector.get("paginator")
        self._ids = Ids(entity, connector)
        self._parents = parents_of(entity)
        body = schemas.writable(entity.schema)
        self._fields = frozenset(body["properties"])
        self._whole = Validator(body)
        self._part = Validator({**body, "required": []})
        self._rules = Rules(entity, world.store, self._parents)
        self._shapes: dict[str, Shape] = {}
        self._entity = entity
        self._known = world.partner.known

    @abstractmethod
    def offers(self) -> Iterator[Offer]:
        """Yield the requests of the connector file, each with what answers it."""

    def remove(self, call: Call) -> Answer:
        """Remove a record, or mark it where the partner marks what is deleted."""
        bound = self._read("remove", call)
        key, record = self._addressed(bound)
        self._meet_faults(record, "remove")
        if self._ids.deleted:
            marked = {**record, self._special.changed: now()}
            put(marked, self._ids.deleted, now())
            self._table.put(key, marked)
        else:
            self._table.remove(key)
        self._special.removed(self._store, self._name, record)
        if not self._ids.always_succeeds:
            return Answer(204)
        return self._answer("remove", 200, {self._ids.field: self._id_of(key, record)})

    def list_all(self, call: Call) -> Answer:
        """Answer with a page of all records, of one parent if the address names it."""
        parents = self._parent_values(self._read("list", call))
        self._rules.check_references(parents)
        return self._page("list", call, rows(self._table, Filters(exact=parents)))

    @abstractmethod
    def _addressed(self, bound: Bound) -> tuple[Key, Record]:
        """Return the record that a request is about; raises Refusal."""

    def _offer(self, request: str, handler: Any, *, is_lenient: bool = False) -> Offer:
        described = at(self._requests, request)
        if is_lenient:
            paginator = described.get("paginator") or self._paginator
            described = without_paging(described, paginator)
        self._shapes[request] = Shape(
            described,
            self._known,
            self._entity,
            is_lenient=is_lenient,
            invalid=self._special.validation_status,
        )
        name = f"{self._name}.{request}"
        return Offer(described, handler, name, self._shapes[request])

    def _read(self, request: str, call: Call) -> Bound:
        return self._shapes[request].read(call)

    def _payload(self, value: Any) -> Record:
        if not isinstance(value, dict):
            raise Refusal(400, "MALFORMED", "The body is not an object.")
        return value

    def _parent_values(self, bound: Bound) -> Record:
        """Return the fields that stand in the address, as their schema has them."""
        properties = self._schema["properties"]
        return {
            name: schemas.converted(str(bound[f"path.{name}"]), properties[name])
            for name in self._parents
            if f"path.{name}" in bound
        }

    def _check_parent(self, parents: Record, key: Any, known: Record) -> None:
        if any(known.get(name) != value for name, value in parents.items()):
            raise self._not_found(key)

    def _not_found(self, key: Any) -> Refusal:
        return Refusal(404, "NOT_FOUND", f"There is no {key} in {self._name}.")

    def _validate(self, validator: Validator, body: Record) -> None:
        self._refuse([*validator.problems(body), *self._rules.repeated(body)])

    def _admit(self, record: Record, key: Key | None, known: Record | None) -> None:
        """Raise Refusal if a record breaks a rule of the partner."""
        self._meet_faults(record, "write")
        if known is not None:
            self._refuse(self._rules.frozen(record, known))
        self._special.check(self._store, self._name, record, known)
        self._rules.check_references(record)
        taken = self._table.clash(record, key)
        if taken is not None:
            problem = FieldProblem(taken, "is taken by another record")
            raise Refusal(409, "NOT_UNIQUE", f"{taken} {problem.message}", (problem,))

    def _meet_faults(self, record: Record, operation: str) -> None:
        refused = self._faults.refusal(self._name, record, operation)
        if refused is not None:
            status = self._special.validation_status
            raise Refusal(status, "REFUSED", refused.message, (refused,))

    def _refuse(self, problems: list[FieldProblem]) -> None:
        if problems:
            told = "; ".join(f"{field}: {message}" for field, message in problems)
            status = self._special.validation_status
            raise Refusal(status, "VALIDATION_FAILED", told, tuple(problems))

    def _new_key(self) -> Key:
        if self._ids.are_numbers:
            return self._store.next_number(self._name)
        return self._store.new_uuid()

    def _id_of(self, key: Key, record: Record) -> Key:  # noqa: ARG002 - for others
        """Return the id that the partner has given a record."""
        return key

    def _shown(self, record: Record) -> Record:
        return self._special.show(self._name, record)

    def _listed(self, record: Record, described: Mapping[str, Any]) -> Record:
        """
        Return a record of a list, with both ids where they are read.

        If the request does not say it, the partner's stands where that of an answer is.
        """
        shown = {**self._shown(record)}
        id_at, ours = described.get("id"), described.get("match")
        if id_at is None and self._ids.is_enveloped:
            id_at = f"{self._ids.parent}.{self._ids.field}"
        if id_at is not None:
            put(shown, id_at, at(record, self._ids.field))
        if ours is not None and ours != self._table.match:
            put(shown, ours, at(record, self._table.match or ""))
        return shown

    def _answer(self, request: str, status: int, record: Record) -> Answer:
        """Answer with a record; in an envelope it stands where its id is read."""
        body: Record = record
        if self._ids.is_enveloped:
            body = {}
            put(body, self._ids.parent, record)
        if self._ids.always_succeeds:
            status = 200
        return Answer(status, self._special.answer(self._name, request, body))

    def _page(self, request: str, call: Call, found: list[Record]) -> Answer:
        described = self._requests.get(request) or {}
        paginator = described.get("paginator") or self._paginator
        body = page(paginator, call, found, self._faults.settings.page_cap)
        held = body if paginator is None else at(body, paginator["items"])
        shown = [self._listed(record, described) for record in held]
        if paginator is None:
            body = shown
        else:
            put(body, paginator["items"], shown)
        return Answer(200, self._special.answer(self._name, request, body))


class Ids:
    """Where a record holds the id that the partner gives, and an answer shows it."""

    def __init__(self, entity: Entity, connector: Mapping[str, Any]) -> None:
        common = connector.get("ids") or {}
        ids = {**common, **(entity.requests.get("ids") or {})}
        path = ids.get("path", "id")
        handler = connector.get("error_handler") or {}
        self.parent, _, last = path.rpartition(".")
        self.always_succeeds = bool(handler.get("refused_by"))
        self.is_enveloped = bool(self.parent) and (
            "ids" in entity.requests or self.always_succeeds
        )
        self.field: str = last if self.is_enveloped else path
        self.deleted: str | None = ids.get("deleted")
        types = annotations.type_at(entity.schema, self.field)
        self.are_numbers = "integer" in types


def parents_of(entity: Entity) -> frozenset[str]:
    """Return the fields that the addresses of an entity read as `path.NAME`."""
    templates = [
        request
        for request in entity.requests.values()
        if isinstance(request, Mapping) and "path" in request and "method" in request
    ]
    names = variables_in(templates)
    in_path = annotations.fields_in_path(entity.schema)
    return frozenset(name for name in in_path if f"path.{name}" in names)


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
