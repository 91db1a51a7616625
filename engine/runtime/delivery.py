"""Deliver a plan: changes in, what the partner accepted into the state.

Chunk by chunk, parents first: note in the state what is about to be sent, send it,
keep what was accepted and forget the note in one transaction. A process that dies in
between leaves the notes; the next run looks those records up before it sends again.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from itertools import islice
from typing import Any

from connectors.errors import FieldError, RefusedError
from connectors.model import Connector
from connectors.payloads import merged
from connectors.transport import Session
from connectors.writer import Accepted, Write, Writer
from engine.errors import RecordError, StopError, UnreachableError
from engine.interpreter import origin_by_field
from engine.problems import Origin, Problem
from engine.runtime.library import is_upsert
from engine.runtime.plan import Change, EntityPlan, LeftOut, Plan
from engine.runtime.planning import references, values_at
from engine.runtime.state import ActivationState, Link
from engine.work import EntityWork, FieldWork, UseCaseWork

CHUNK = 100
"""So many records are looked up at once."""

SENT_AT_ONCE = 25
"""So many are sent before what was accepted is kept."""

_SHORT = 4
_WORDS = re.compile(r"\w{3,}")
HOPELESS = 10
"""So many records in a row that fail at the partner's side end the run."""

Advance = Callable[[str, int], None]
Result = Accepted | RecordError | StopError
_Links = dict[tuple[str, ...], dict[str, Link]]


def deliver(
    plan: Plan,
    work: UseCaseWork,
    session: Session,
    state: ActivationState,
    run: int,
    advance: Advance,
) -> None:
    """Send every change of a plan; what is refused becomes a reject of the plan."""
    workers = session.connector.api_budget.concurrency
    with ThreadPoolExecutor(workers) as pool:
        for entity in work.entities:
            part = plan.entities[entity.name]
            delivery = _EntityDelivery(entity, part, session, state, run, pool)
            for chunk in _chunks(part.changes()):
                delivery.chunk(chunk)
                advance(entity.name, len(chunk))


def _chunks(changes: Iterator[Change]) -> Iterator[list[Change]]:
    while chunk := list(islice(changes, CHUNK)):
        yield chunk


class _EntityDelivery:
    def __init__(
        self,
        work: EntityWork,
        part: EntityPlan,
        session: Session,
        state: ActivationState,
        run: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.work = work
        self.part = part
        self.state = state
        self.run = run
        self.pool = pool
        self.connector: Connector = session.connector
        self.writer = Writer(session, work.resource)
        self.by_our_id = is_upsert(self.connector, work.resource)
        self.in_doubt = state.in_doubt(work.name)
        self.stopped: StopError | None = None
        self.failures = 0
        self.id_field = work.id_field.target[0]
        self.origins = origin_by_field(work)

    def chunk(self, changes: list[Change]) -> None:
        """Send some changes and keep what came of them, whatever happens."""
        found, changes = self._find(changes)
        ready = self._prepare(changes, found)
        for start in range(0, len(ready), SENT_AT_ONCE):
            self._send(ready[start : start + SENT_AT_ONCE])

    def _send(self, ready: list[tuple[Change, Write]]) -> None:
        self.state.begin(self.work.name, [change.key for change, _ in ready])
        results = list(self.pool.map(self._write, [write for _, write in ready]))
        links, settled = [], []
        for (change, _), result in zip(ready, results, strict=True):
            if isinstance(result, Accepted):
                found = not (result.created or self.by_our_id)
                self.part.accept(change, found=found)
                links.append(_link(change, result.partner_id, change.digest))
            elif isinstance(result, RecordError):
                self._reject(change, result)
                if isinstance(result, RefusedError) and result.partner_id is not None:
                    # The partner has it, but not what we sent: no hash fits it.
                    links.append(_link(change, result.partner_id, ""))
            if isinstance(result, Accepted | RefusedError):
                settled.append(change.key)
        self.state.settle(self.work.name, links, settled, self.run)
        if self.stopped is not None:
            raise self.stopped

    def _prepare(
        self, changes: list[Change], found: Mapping[str, Any]
    ) -> list[tuple[Change, Write]]:
        """Put in the partner's ids; a change whose parent is not there waits."""
        links = self._links(changes)
        adopted = self._adopted(changes)
        ready = []
        for change in changes:
            missing = self._missing(change, links)
            partner_id = change.partner_id
            if partner_id is None:
                partner_id = found.get(change.id)
            if change.adopts and missing is None:
                parent = adopted.get(change.key)
                partner_id = parent.partner_id if parent else None
                if parent is None and self.work.adopts is not None:
                    missing = f"{self.work.adopts.entity} {change.id}"
            if missing is None:
                ready.append((change, self._as_write(change, partner_id, links)))
                continue
            reason = f"waits for {missing}, which the partner does not have"
            self.part.withdraw(change.operation, LeftOut(change.key, "R206", reason))
        return ready

    def _missing(self, change: Change, links: _Links) -> str | None:
        """Name a record that this one points to and that the partner does not have."""
        for entities, our_id in references(self.work.references, change.body):
            if our_id not in links[entities]:
                return f"{entities[0]} {our_id}"
        return None

    def _links(self, changes: list[Change]) -> _Links:
        wanted: dict[tuple[str, ...], set[str]] = {
            spot.entities: set() for spot in self.work.references
        }
        for change in changes:
            for entities, our_id in references(self.work.references, change.body):
                wanted[entities].add(our_id)
        links: _Links = {entities: {} for entities in wanted}
        for entities, ids in wanted.items():
            for entity in reversed(entities):
                links[entities] |= self.state.links_by_our_id(entity, sorted(ids))
        return links

    def _adopted(self, changes: list[Change]) -> Mapping[str, Link]:
        keys = [change.key for change in changes if change.adopts]
        if self.work.adopts is None or not keys:
            return {}
        return self.state.links(self.work.adopts.entity, keys)

    def _find(self, changes: list[Change]) -> tuple[Mapping[str, Any], list[Change]]:
        """
        Look new records up: the partner may have them from elsewhere.

        Without an answer none of them is created; the others are returned to be sent.
        """
        new = [c for c in changes if c.partner_id is None and not c.adopts]
        if self.by_our_id or not new or not self.writer.can_find:
            return {}, changes
        try:
            return self.writer.find([change.id for change in new]), changes
        except RecordError as error:
            for change in new:
                self._reject(change, error)
            return {}, [change for change in changes if change not in new]

    def _as_write(self, change: Change, partner_id: Any, links: _Links) -> Write:
        body = change.body
        if not self.by_our_id and self.work.references:
            body = deepcopy(body)
            for spot in self.work.references:
                _put_ids(body, spot.target, links[spot.entities])
        return Write(
            id=change.id,
            partner_id=None if self.by_our_id else partner_id,
            body=body,
            create_only=change.create_only,
            in_doubt=change.key in self.in_doubt,
            natural={
                name: value
                for name, value in body.items()
                if isinstance(value, str) and value and name != self.id_field
            },
        )

    def _write(self, write: Write) -> Result:
        """Send one record, unless another one has met the end of the run."""
        if self.stopped is not None:
            return self.stopped
        try:
            accepted = self.writer.write(write)
        except RecordError as error:
            self._count_failure(error)
            return error
        except StopError as error:
            self.stopped = error
            return error
        self.failures = 0
        return accepted

    def _count_failure(self, error: RecordError) -> None:
        """End the run when the partner fails at one record after the other."""
        self.failures = self.failures + 1 if error.code in ("D205", "D206") else 0
        if self.failures >= HOPELESS:
            message = f"fails at every record: {error.message}"
            place = Origin(self.connector.partner, 0, self.work.resource)
            self.stopped = UnreachableError([Problem(place, "D102", message)])

    def _reject(self, change: Change, error: RecordError) -> None:
        fields = error.fields if isinstance(error, RefusedError) else ()
        origins = [o for f in fields if (o := self._origin(f.field)) is not None]
        text = "; ".join([error.message, *map(_field_message, fields)])
        item = LeftOut(
            key=change.key,
            code=error.code,
            reason=self._masked(text, change),
            origin=str(origins[0]) if origins else "",
        )
        self.part.withdraw(change.operation, item)

    def _origin(self, name: str) -> Origin | None:
        """Return the table row of a field, however the partner spells it."""
        wanted = name.casefold()
        for known, origin in self.origins.items():
            if known.casefold() == wanted:
                return origin
        for known, origin in self.origins.items():
            if known.casefold().rpartition(".")[2] == wanted.rpartition(".")[2]:
                return origin
        return None

    def _masked(self, message: str, change: Change) -> str:
        """
        Take personal values out of what the partner says of a record.

        Also the words of a value, and in any case of letters: partners quote freely.
        """
        payload = merged(change.body, change.create_only)
        values = {
            text
            for target in _personal(self.work)
            for value in values_at(payload, target)
            for text in _texts(value)
            if len(text) > 1
        }
        words = {word for value in values for word in _WORDS.findall(value)}
        hidden = sorted(values | words, key=len, reverse=True)
        for pattern in map(_anywhere, hidden):
            message = re.sub(pattern, "***", message, flags=re.IGNORECASE)
        return message


def _personal(work: EntityWork) -> Iterator[tuple[str, ...]]:
    """Yield where in a payload personal values stand."""
    for item in work.fields:
        if isinstance(item, FieldWork):
            if item.personal:
                yield item.target
        else:
            for inner in item.fields:
                if inner.personal:
                    yield (*item.target, "[]", *inner.target)


def _texts(value: Any) -> Iterator[str]:
    """Yield every single value in a value, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


def _anywhere(text: str) -> str:
    """Return the pattern of a text; a short one must not be a part of a word."""
    pattern = re.escape(text)
    return pattern if len(text) > _SHORT else rf"(?<!\w){pattern}(?!\w)"


def _link(change: Change, partner_id: Any, digest: str) -> Link:
    return Link(change.key, change.id, partner_id, digest)


def _field_message(field: FieldError) -> str:
    return f"{field.field}: {field.message}"


def _put_ids(body: Any, target: tuple[str, ...], links: Mapping[str, Link]) -> None:
    """Replace our IDs by the partner's at a place of a payload."""
    if target[0] == "[]":
        for item in body if isinstance(body, list) else []:
            _put_ids(item, target[1:], links)
    elif not isinstance(body, dict) or target[0] not in body:
        return
    elif len(target) > 1:
        _put_ids(body[target[0]], target[1:], links)
    else:
        value = body[target[0]]
        if isinstance(value, list):
            body[target[0]] = [links[our_id].partner_id for our_id in value]
        elif value is not None:
            body[target[0]] = links[value].partner_id
