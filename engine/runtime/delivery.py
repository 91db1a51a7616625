"""Deliver a plan: changes in, what the partner accepted into the state.

Chunk by chunk, parents first: note in the state what is about to be sent, send it,
keep what was accepted and forget the note in one transaction. A process that dies in
between leaves the notes; the next run looks those records up before it sends again.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Self

from connectors.errors import FieldError, RefusedError
from connectors.payloads import merged
from connectors.transport import Session
from connectors.writer import Accepted, Write, Writer
from engine.errors import RecordError, StopError, UnreachableError
from engine.interpreter import origin_by_field
from engine.payload import in_order, references, replace_ids
from engine.problems import Origin, Problem
from engine.runtime.masking import masked
from engine.runtime.plan import Change, EntityPlan, LeftOut, Plan
from engine.runtime.planning import digest_of
from engine.runtime.spool import Spool
from engine.runtime.state import ActivationState, Link
from engine.work import EntityWork, ReferenceSpot, UseCaseWork

CHUNK = 100
"""So many records are prepared and looked up at once."""

SENT_AT_ONCE = 25
"""So many are sent before what was accepted is kept."""

HOPELESS = 10
"""So many records in a row that fail at the partner's side end the run."""

Advance = Callable[[str, int], None]
Result = Accepted | RecordError | StopError


def deliver(
    plan: Plan,
    work: UseCaseWork,
    session: Session,
    state: ActivationState,
    run: int,
    advance: Advance,
) -> None:
    """
    Send every change of a plan; what is refused becomes a reject of the plan.

    What is ended goes first: it may stand in the way of what follows it. Then parents
    before children; then what could not point to all of its records yet, once more;
    what is deleted last, children first.
    """
    workers = session.connector.api_budget.concurrency
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        deliveries = [
            stack.enter_context(
                _EntityDelivery(
                    work, entity, plan.entities[entity.name], session, state, run, pool
                )
            )
            for entity in work.entities
        ]
        for delivery in deliveries:
            if not delivery.deletes:
                delivery.remove(advance)
        for delivery in deliveries:
            for chunk in delivery.chunks(delivery.part.changes()):
                delivery.chunk(chunk)
                advance(delivery.work.name, len(chunk))
        for delivery in deliveries:
            for chunk in delivery.chunks(delivery.waiting()):
                delivery.chunk(chunk)
        for delivery in reversed(deliveries):
            if delivery.deletes:
                delivery.remove(advance)


@dataclass(frozen=True)
class _Ready:
    """A change whose references are resolved, and what will be sent for it."""

    change: Change
    write: Write
    digest: str
    """The hash to keep: of what is sent, "" if more of it is sent later."""


class _EntityDelivery:
    def __init__(
        self,
        use_case: UseCaseWork,
        work: EntityWork,
        part: EntityPlan,
        session: Session,
        state: ActivationState,
        run: int,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.use_case = use_case
        self.work = work
        self.part = part
        self.state = state
        self.run = run
        self.pool = pool
        self.partner = session.connector.partner
        self.writer = Writer(session, work.resource)
        self.in_doubt = state.in_doubt(work.name)
        self.stopped: StopError | None = None
        self.failures = 0
        self.id_field = work.id_field.target[0]
        self.origins = origin_by_field(work)
        self._waiting = Spool()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._waiting.close()

    @property
    def deletes(self) -> bool:
        """Whether removing leaves no record of ours at the partner."""
        return self.work.removal in ("delete", "detach")

    def remove(self, advance: Advance) -> None:
        """Send the removals."""
        for chunk in self.chunks(self.part.removals()):
            self.chunk(chunk)
            advance(self.work.name, len(chunk))

    def chunks(self, changes: Iterator[Change]) -> Iterator[list[Change]]:
        """Yield changes in portions, each as large as a batch at least."""
        size = max(CHUNK, self.writer.batch_size)
        while chunk := list(islice(changes, size)):
            yield chunk

    def waiting(self) -> Iterator[Change]:
        """Yield what was sent without the records it points to, as it is to be now."""
        changes = (Change(**value) for value in self._waiting)
        while chunk := list(islice(changes, CHUNK)):
            links = self.state.links(self.work.name, [change.key for change in chunk])
            for change in chunk:
                # What the partner did not take is a reject already.
                if change.key in links and change.key not in self.part.withdrawn:
                    yield replace(
                        change,
                        operation="update",
                        partner_id=links[change.key].partner_id,
                        linked=True,
                        repeated=True,
                    )

    def chunk(self, changes: list[Change]) -> None:
        """Send some changes and keep what came of them, whatever happens."""
        ready = self._find(self._prepare(changes))
        size = max(SENT_AT_ONCE, self.writer.batch_size)
        for start in range(0, len(ready), size):
            self._send(ready[start : start + size])

    # -- before

    def _prepare(self, changes: list[Change]) -> list[_Ready]:
        """Put in the partner's ids; a change whose parent is not there waits."""
        links = self._links(changes)
        adopted = self._adopted(changes)
        ready = []
        for change in changes:
            missing = self._missing(change, links)
            if change.adopts and missing is None and self.work.adopts is not None:
                parent = adopted.get(change.key)
                if parent is None:
                    missing = f"{self.work.adopts.entity} {change.id}"
                else:
                    change = replace(change, partner_id=parent.partner_id)  # noqa: PLW2901 - the same change, linked
            if missing is None:
                ready.append(self._ready(change, links))
                continue
            reason = f"waits for {missing}, which the partner does not have"
            self.part.withdraw(change.operation, LeftOut(change.key, "R206", reason))
        return ready

    def _missing(self, change: Change, links: "_Links") -> str | None:
        """Name a record that this one points to and that the partner does not have."""
        for spot, our_id in references(self.work.references, change.body):
            if our_id not in links[spot] and not spot.later:
                return f"{spot.entities[0]} {our_id}"
        return None

    def _links(self, changes: list[Change]) -> "_Links":
        wanted: dict[ReferenceSpot, set[str]] = {
            spot: set() for spot in self.work.references
        }
        for change in changes:
            for spot, our_id in references(self.work.references, change.body):
                wanted[spot].add(our_id)
        links: _Links = {spot: {} for spot in wanted}
        for spot, ids in wanted.items():
            for entity in reversed(spot.entities):
                links[spot] |= self.state.links_by_our_id(entity, sorted(ids))
        return links

    def _adopted(self, changes: list[Change]) -> dict[str, Link]:
        keys = [change.key for change in changes if change.adopts]
        if self.work.adopts is None or not keys:
            return {}
        return self.state.links(self.work.adopts.entity, keys)

    def _ready(self, change: Change, links: "_Links") -> _Ready:
        """Put the partner's ids in, and leave out what is there later only."""
        ours, body = change.body, change.body
        digest = change.digest
        later = [spot for spot in self.work.references if spot.later]
        if any(i not in links[s] for s, i in references(later, ours)):
            ours = deepcopy(ours)
            for spot in later:
                there = {our_id: our_id for our_id in links[spot]}
                replace_ids(ours, spot.target, there.get)
            digest = digest_of(ours) if change.repeated else ""
            if not change.repeated:
                self._waiting.append(vars(change))
        if self.work.references:
            body = deepcopy(ours)
            for spot in self.work.references:
                if not self.use_case.entity(spot.entities[0]).named_by_us:
                    theirs = {i: link.partner_id for i, link in links[spot].items()}
                    replace_ids(body, spot.target, theirs.get)
        return _Ready(change, self._as_write(change, body), digest)

    def _as_write(self, change: Change, body: dict[str, Any]) -> Write:
        body = in_order(body, self.work.schema)
        in_path = self.work.path_fields
        ours = self.work.named_by_us
        return Write(
            id=change.id,
            partner_id=None if ours else change.partner_id,
            body={n: value for n, value in body.items() if n not in in_path},
            path={n: body[n] for n in in_path if n in body},
            create_only=change.only.get("create", {}),
            update_only=change.only.get("update", {}),
            known=change.linked,
            in_doubt=change.key in self.in_doubt,
            natural={
                name: value
                for name, value in body.items()
                if isinstance(value, str) and value and name != self.id_field
            },
        )

    def _find(self, ready: list[_Ready]) -> list[_Ready]:
        """
        Look new records up: the partner may have them from elsewhere.

        Without an answer none of them is created; the others are returned to be sent.
        """
        new = [r for r in ready if r.write.partner_id is None]
        if self.work.named_by_us or not new or not self.writer.can_find:
            return ready
        try:
            found = self.writer.find({r.write.id: r.write.path for r in new})
        except RecordError as error:
            for item in new:
                self._reject(item.change, error)
            return [item for item in ready if item not in new]
        return [_linked(item, found.get(item.write.id)) for item in ready]

    # -- sending

    def _send(self, ready: list[_Ready]) -> None:
        self.state.begin(self.work.name, [item.change.key for item in ready])
        results = self._results(ready)
        links, settled, removed = [], [], []
        for item, result in zip(ready, results, strict=True):
            change = item.change
            if isinstance(result, Accepted):
                self._accept(change, result)
                if self._deletes(change):
                    removed.append(change.key)
                else:
                    links.append(_link(change, result.partner_id, item.digest))
            elif isinstance(result, RecordError):
                self._reject(change, result)
                if isinstance(result, RefusedError) and result.partner_id is not None:
                    # The partner has it, but not what we sent: no hash fits it.
                    links.append(_link(change, result.partner_id, ""))
            if isinstance(result, Accepted | RefusedError):
                settled.append(change.key)
        self.state.settle(self.work.name, links, settled, self.run, removed)
        if self.stopped is not None:
            raise self.stopped

    def _results(self, ready: list[_Ready]) -> list[Result]:
        if self.writer.batch_size == 1 or ready[0].change.operation == "remove":
            return list(self.pool.map(self._attempt, ready))
        writes = [item.write for item in ready]
        results: list[Result] = []
        for start in range(0, len(writes), self.writer.batch_size):
            batch = writes[start : start + self.writer.batch_size]
            results += self._attempt_batch(batch)
        return results

    def _attempt(self, item: _Ready) -> Result:
        """Send one record, unless another one has met the end of the run."""
        if self.stopped is not None:
            return self.stopped
        try:
            accepted = self._write(item.change, item.write)
        except RecordError as error:
            self._count_failure(error)
            return error
        except StopError as error:
            self.stopped = error
            return error
        self.failures = 0
        return accepted

    def _attempt_batch(self, writes: Sequence[Write]) -> list[Result]:
        if self.stopped is not None:
            return [self.stopped] * len(writes)
        try:
            return list(self.writer.write_batch(writes))
        except RecordError as error:
            self._count_failure(error)
            return [error] * len(writes)
        except StopError as error:
            self.stopped = error
            return [error] * len(writes)

    def _write(self, change: Change, write: Write) -> Accepted:
        if self._deletes(change):
            self.writer.remove(write)
            return Accepted(None, created=False)
        if change.operation == "replace":
            self.writer.remove(write)
            write = replace(write, partner_id=None, known=False)
        return self.writer.write(write)

    def _deletes(self, change: Change) -> bool:
        return change.operation == "remove" and self.deletes

    def _count_failure(self, error: RecordError) -> None:
        """End the run when the partner fails at one record after the other."""
        self.failures = self.failures + 1 if error.code in ("D205", "D206") else 0
        if self.failures >= HOPELESS:
            message = f"fails at every record: {error.message}"
            place = Origin(self.partner, 0, self.work.resource)
            self.stopped = UnreachableError([Problem(place, "D102", message)])

    # -- after

    def _accept(self, change: Change, result: Accepted) -> None:
        if change.repeated:
            return
        found = not (result.created or self.work.named_by_us)
        self.part.accept(change, found=found)

    def _reject(self, change: Change, error: RecordError) -> None:
        fields = error.fields if isinstance(error, RefusedError) else ()
        origins = [o for f in fields if (o := self._origin(f.field)) is not None]
        said = (_field_message(field) for field in fields)
        new = [text for text in said if text not in error.message]
        text = "; ".join([error.message, *new])
        parts = (change.only.get("create", {}), change.only.get("update", {}))
        payload = merged(merged(change.body, parts[0]), parts[1])
        item = LeftOut(
            key=change.key,
            code=error.code,
            reason=masked(text, payload, self.work),
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


_Links = dict[ReferenceSpot, dict[str, Link]]


def _linked(item: _Ready, partner_id: Any) -> _Ready:
    if partner_id is None or item.write.partner_id is not None:
        return item
    return replace(item, write=replace(item.write, partner_id=partner_id))


def _link(change: Change, partner_id: Any, digest: str) -> Link:
    return Link(change.key, change.id, partner_id, digest, change.fixed)


def _field_message(field: FieldError) -> str:
    return f"{field.field}: {field.message}"
