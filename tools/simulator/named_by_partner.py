"""Records that a partner names itself: calls in; rules kept, answers out."""

from collections.abc import Iterator
from typing import Any

from tools.simulator import schemas
from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.paging import page
from tools.simulator.records import Records, now
from tools.simulator.routes import Offer
from tools.simulator.search import Filters, rows
from tools.simulator.shapes import Bound
from tools.simulator.store import Key, Record
from tools.simulator.templates import at, hole_of, put, variables_in


class NamedByPartner(Records):
    """An entity with `create` and `update`."""

    def offers(self) -> Iterator[Offer]:
        """Yield the requests of the connector file, each with what answers it."""
        requests = self._requests
        yield self._offer("create", self.create)
        yield self._offer("update", self.update)
        if "remove" in requests:
            yield self._offer("remove", self.remove)
        if "lookup" in requests:
            yield self._offer("lookup", self.look_up, is_lenient=True)
        if "list" in requests:
            yield self._offer("list", self.list_all, is_lenient=True)
        if "external_ids" in requests:
            yield self._offer("external_ids.read", self.read_ids)
            yield self._offer("external_ids.replace", self.replace_ids)
        if "partner_id" in variables_in(requests["update"]["path"]):
            one = {"method": "GET", "path": requests["update"]["path"]}
            yield Offer(one, self.read, f"{self._name}.read", is_implied=True)
            every = {"method": "GET", "path": requests["create"]["path"]}
            yield Offer(every, self.read_all, f"{self._name}.list", is_implied=True)

    def create(self, call: Call) -> Answer:
        """Take a new record and give it an id."""
        bound = self._read("create", call)
        body = self._payload(bound.get("body"))
        self._validate(self._whole, body)
        record = {**self._parent_values(bound), **body}
        self._admit(record, None, None)
        key = self._new_key()
        moment = now()
        record |= {self._special.created: moment, self._special.changed: moment}
        put(record, self._ids.field, key)
        if self._ids.deleted:
            put(record, self._ids.deleted, None)
        if self._table.has_lists:
            our_id = at(body, self._table.match or "")
            self._table.lists[key] = [our_id] if our_id else []
        record = self._table.put(key, record)
        self._special.saved(self._store, self._name, record, is_new=True)
        return self._answer("create", 201, self._shown(record))

    def update(self, call: Call) -> Answer:
        """Change the fields that are given; with PUT the others are gone."""
        bound = self._read("update", call)
        key, known = self._addressed(bound)
        body = self._payload(bound.get("body"))
        if call.method == "PUT":
            self._validate(self._whole, body)
            rest = {k: v for k, v in known.items() if k not in self._fields}
            record = self._rules.keep_frozen({**rest, **body}, known)
        else:
            held = {k: known[k] for k in self._fields & known.keys()}
            held = {k: v for k, v in held.items() if v is not None}
            self._validate(self._part, {**held, **body})
            record = {**known, **body}
        record[self._special.changed] = now()
        self._admit(record, key, known)
        if self._table.has_lists:
            our_id = at(body, self._table.match or "")
            if our_id and our_id not in self._table.lists[key]:
                self._table.set_list(key, [our_id, *self._table.lists[key][1:]])
        record = self._table.put(key, record)
        self._special.saved(self._store, self._name, record, is_new=False)
        return self._answer("update", 200, self._shown(record))

    def read(self, call: Call) -> Answer:
        _, record = self._addressed(dict(call.params), alive=False)
        return Answer(200, self._shown(record))

    def read_all(self, call: Call) -> Answer:
        """Answer with a page of all records, of one parent if the address names it."""
        parents = self._parent_values(dict(call.params))
        self._rules.check_references(parents)
        return self._page("lookup", call, rows(self._table, Filters(exact=parents)))

    def look_up(self, call: Call) -> Answer:
        """Answer a search with a page of what meets its filters."""
        bound = self._read("lookup", call)
        if self._faults.settings.ignore_filters:
            return self._page("lookup", call, list(self._table.records.values()))
        return self._page("lookup", call, rows(self._table, self._filters(bound, call)))

    def read_ids(self, call: Call) -> Answer:
        """Answer with a page of the ids that stand beside a record."""
        key, _ = self._addressed(self._read("external_ids.read", call), alive=False)
        cap = self._faults.settings.page_cap
        return Answer(200, page(self._paginator, call, self._table.lists[key], cap))

    def replace_ids(self, call: Call) -> Answer:
        """Replace all ids that stand beside a record."""
        bound = self._read("external_ids.replace", call)
        key, _ = self._addressed(bound)
        our_ids = bound.get("body")
        if not isinstance(our_ids, list) or not all(map(_is_text, our_ids)):
            raise Refusal(400, "VALIDATION_FAILED", "The body is not a list of texts.")
        self._table.set_list(key, dict.fromkeys(our_ids))
        return Answer(200, self._table.lists[key])

    def _filters(self, bound: Bound, call: Call) -> Filters:
        """
        Return what a search asks for; filters that are unknown are ignored.

        Known are the connector's filter by ids of ours, `ids` with the partner's own,
        and the properties of the schema, which are compared exactly.
        """
        given = call.json if isinstance(call.json, dict) else {}
        template = self._requests["lookup"].get("json") or {}
        own = given.get("ids")
        properties = self._schema["properties"]
        exact = self._parent_values(bound)
        for name, value in given.items():
            if name in properties and name not in template and name != "ids":
                exact[name] = value
        texts = {
            name: text
            for name, text in call.query.items()
            if name in properties and not self._asks_for_ids(name)
        }
        return Filters(
            ours=_ids_in(bound),
            own=own if isinstance(own, list) and "ids" not in template else None,
            exact=exact,
            texts=texts,
        )

    def _asks_for_ids(self, parameter: str) -> bool:
        template = self._shapes["lookup"].query.get(parameter)
        hole = hole_of(template) if isinstance(template, str) else None
        return hole is not None and hole.variable.startswith("ids")

    def _addressed(self, bound: Bound, *, alive: bool = True) -> tuple[Key, Record]:
        given = bound.get("partner_id")
        keys: list[Any] = [given]
        if given is None:
            keys = self._table.keys_of(bound.get("id", ""))
        elif self._ids.are_numbers:
            keys = [schemas.converted(str(given), {"type": "integer"})]
        for key in keys:
            known = self._table.records.get(key)
            if known is None or (alive and not self._store.is_alive(self._name, key)):
                continue
            self._check_parent(self._parent_values(bound), given, known)
            return key, known
        raise self._not_found(given or bound.get("id"))


def _ids_in(bound: Bound) -> list[Any] | None:
    """Return the ids of ours that a search asks for, if it does."""
    for name in ("ids", "ids[0]"):
        value = bound.get(name)
        if isinstance(value, list):
            return value
        if value is not None and (name == "ids[0]" or isinstance(value, str)):
            return [value]
    return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)
