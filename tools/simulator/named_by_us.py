"""Records that a partner keeps under our ids: calls in; rules kept, answers out."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.simulator import annotations, schemas
from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.errors import error_body
from tools.simulator.partner import Entity
from tools.simulator.records import Records, World, now
from tools.simulator.routes import Offer
from tools.simulator.schemas import FieldProblem
from tools.simulator.shapes import Bound
from tools.simulator.store import Key, Record
from tools.simulator.templates import at, put, variables_in


class NamedByUs(Records):
    """An entity with `upsert`, one record in a request or many."""

    def __init__(self, entity: Entity, world: World) -> None:
        super().__init__(entity, world)
        self._our_field = our_field_of(entity)
        types = annotations.type_at(entity.schema, self._our_field)
        self._our_schema = {"type": list(types)}

    def offers(self) -> Iterator[Offer]:
        """Yield the requests of the connector file, each with what answers it."""
        batch = self._requests.get("batch")
        yield self._offer("upsert", self.upsert_all if batch else self.upsert)
        if "list" in self._requests:
            yield self._offer("list", self.list_all, is_lenient=True)
        if "remove" in self._requests:
            yield self._offer("remove", self.remove)

    def upsert(self, call: Call) -> Answer:
        """Create or replace the record with our id in its address or its body."""
        bound = self._read("upsert", call)
        is_new, record = self._take(bound, self._payload(bound.get("body")))
        return self._answer("upsert", 201 if is_new else 200, record)

    def upsert_all(self, call: Call) -> Answer:
        """Create or replace records, each by itself; tell which were rejected."""
        bound = self._read("upsert", call)
        batch = self._requests["batch"]
        bodies = bound.get("bodies")
        if not isinstance(bodies, list):
            raise Refusal(400, "MALFORMED", "The body is not a list.")
        if len(bodies) > batch["size"]:
            message = f"There are more than {batch['size']} records."
            raise Refusal(413, "TOO_MANY", message)
        shape = batch.get("rejected")
        if shape is None:  # all of them, or none
            for body in bodies:
                self._judged(bound, self._payload(body))
        rejected: list[dict[str, Any]] = []
        for index, body in enumerate(bodies):
            try:
                self._take(bound, self._payload(body))
            except Refusal as refusal:
                if shape is None:
                    raise
                rejected.append(_rejection(shape, index, refusal))
        told: Any = {"accepted": len(bodies) - len(rejected)}
        if shape is not None and shape["items"]:
            put(told, shape["items"], rejected)
        elif shape is not None:
            told = rejected
        return Answer(200, self._special.answer(self._name, "upsert", told))

    def _take(self, bound: Bound, body: Record) -> tuple[bool, Record]:
        """Return whether a record is new, and what the partner says of it."""
        our_id, record, known = self._judged(bound, body)
        given: Record = {self._special.changed: now()}
        if self._ids.field != self._our_field:
            put(given, self._ids.field, at(known, self._ids.field) or self._new_key())
        if self._ids.deleted:
            put(given, self._ids.deleted, None)
        held = self._table.put(our_id, {**record, **given})
        is_new = known is None
        self._special.saved(self._store, self._name, held, is_new=is_new)
        told: Record = {**given}
        put(told, self._our_field, our_id)
        return is_new, told

    def _judged(self, bound: Bound, body: Record) -> tuple[Key, Record, Record | None]:
        """Return key and record, and the one before it; raises Refusal."""
        self._validate(self._whole, body)
        our_id = self._our_id(bound, body)
        parents = self._parent_values(bound)
        record = {**parents, **body}
        put(record, self._our_field, our_id)
        known: Record | None = None
        if self._store.is_alive(self._name, our_id):
            known = self._table.records[our_id]
            self._check_parent(parents, our_id, known)
            record = self._rules.keep_frozen(record, known)
        self._admit(record, our_id, known)
        return our_id, record, known

    def _our_id(self, bound: Bound, body: Record) -> Key:
        inside = at(body, self._our_field)
        if "id" not in bound and inside is None:
            self._refuse([FieldProblem(self._our_field, "is required")])
        if "id" not in bound:
            return inside  # type: ignore[no-any-return]
        outside: Key = schemas.converted(str(bound["id"]), self._our_schema)
        if inside not in (None, outside):
            problem = f"is not {outside!r} as in the address"
            self._refuse([FieldProblem(self._our_field, problem)])
        return outside

    def _addressed(self, bound: Bound) -> tuple[Key, Record]:
        key = self._named_key(bound)
        if key is None or not self._store.is_alive(self._name, key):
            raise self._not_found(bound.get("id") or bound.get("partner_id") or key)
        record = self._table.records[key]
        self._check_parent(self._parent_values(bound), key, record)
        return key, record

    def _named_key(self, bound: Bound) -> Key | None:
        if "id" in bound:
            return schemas.converted(str(bound["id"]), self._our_schema)  # type: ignore[no-any-return]
        if "partner_id" in bound:
            wanted = str(bound["partner_id"])
            rows = self._table.records.items()
            found = (k for k, row in rows if str(at(row, self._ids.field)) == wanted)
            return next(found, None)
        return at(bound.get("body"), self._our_field)  # type: ignore[no-any-return]

    def _id_of(self, key: Key, record: Record) -> Key:
        return at(record, self._ids.field) or key


def our_field_of(entity: Entity) -> str:
    """Return the dotted path of the field with our id; see `annotations.our_field`."""
    parents: set[str] = set()
    in_path = False
    for request in ("upsert", "create"):
        path = (entity.requests.get(request) or {}).get("path", "")
        names = variables_in(path)
        in_path = in_path or "id" in names
        parents |= {n.removeprefix("path.") for n in names if n.startswith("path.")}
    return annotations.our_field(entity.schema, frozenset(parents), in_path=in_path)


def _rejection(
    shape: Mapping[str, Any], index: int, refusal: Refusal
) -> dict[str, Any]:
    """Return what a batch says of one rejected record, in the connector's shape."""
    handler = {"message": [shape.get("message") or "message"]}
    told: dict[str, Any] = error_body(
        {**handler, "fields": shape.get("fields")}, refusal
    )
    put(told, shape["index"], index)
    return told
