"""Deliver a plan: changes in, what the partner accepted into the state.

Chunk by chunk, parents first: note in the journal what is about to be sent, send it,
keep what was accepted and settle the note in one transaction. A process that dies in
between leaves the notes; the next run looks those records up before it sends again.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import replace
from itertools import islice
from typing import Any, Self

from connectors.errors import FieldError, RefusedError
from connectors.payloads import merged
from connectors.transport import Session
from connectors.writer import Accepted, Write, Writer
from engine.errors import RecordError, StopError, UnreachableError
from engine.interpreter import origin_by_field
from engine.payload import replace_ids
from engine.problems import Origin, Problem
from engine.runtime.changes import Change, LeftOut
from engine.runtime.journal import ChangeState, Run
from engine.runtime.links import Link
from engine.runtime.masking import masked
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.preparing import CHUNK, Preparation, Ready
from engine.runtime.state import ActivationState
from engine.work import EntityWork, UseCaseWork

SENT_AT_ONCE = 100
"""So many are sent before what was accepted is kept."""

HOPELESS = 10
"""So many records in a row that fail at the partner's side end the run."""

Advance = Callable[[str, int], None]
Result = Accepted | RecordError | StopError | None
"""What came of a change; None if it was not sent, as the run had ended before."""


def deliver(
    plan: Plan,
    work: UseCaseWork,
    session: Session,
    state: ActivationState,
    run: Run,
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
            for chunk in delivery.chunks(delivery.preparation.waiting()):
                delivery.chunk(chunk)
        for delivery in reversed(deliveries):
            if delivery.deletes:
                delivery.remove(advance)


class _EntityDelivery:
    def __init__(
        self,
        use_case: UseCaseWork,
        work: EntityWork,
        part: EntityPlan,
        session: Session,
        state: ActivationState,
        run: Run,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.work = work
        self.part = part
        self.state = state
        self.run = run
        self.pool = pool
        self.partner = session.connector.partner
        self.writer = Writer(session, work.resource)
        self.preparation = Preparation(use_case, work, part, state)
        self.stopped: StopError | None = None
        self.failures = 0
        self.gone: set[str] = set()
        """Keys of records that were removed to be made anew, and were refused then."""
        self.origins = origin_by_field(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.preparation.close()

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
        size = _rounded_up(CHUNK, self.writer.batch_size)
        while chunk := list(islice(changes, size)):
            yield chunk

    def chunk(self, changes: list[Change]) -> None:
        """Send some changes and keep what came of them, whatever happens."""
        ready = self._find(self.preparation.ready(changes))
        self._keep_unsent()
        size = _rounded_up(SENT_AT_ONCE, self.writer.batch_size)
        for start in range(0, len(ready), size):
            self._send(ready[start : start + size])

    # -- before

    def _find(self, ready: list[Ready]) -> list[Ready]:
        """
        Look new records up: the partner may have them from elsewhere.

        Without an answer none of them is created; the others are returned to be sent.
        """
        new = [item for item in ready if self._is_new(item)]
        if not new or self.writer.found_at_once <= 1:
            return ready  # one at a time they are looked up as they are sent
        try:
            found = self.writer.find({r.write.id: r.write.path for r in new})
        except RecordError as error:
            for item in new:
                self._reject(item.change, error)
            return [item for item in ready if not self._is_new(item)]
        return [_linked(item, found.get(item.write.id)) for item in ready]

    def _is_new(self, item: Ready) -> bool:
        return self._is_unknown(item.write)

    def _keep_unsent(self) -> None:
        unsent = self.preparation.unsent
        if unsent:
            self.run.settle(self.work.name, [], unsent)
            unsent.clear()

    # -- sending

    def _send(self, ready: list[Ready]) -> None:
        self.run.begin(self.work.name, [item.change.key for item in ready])
        results = self._results(ready)
        # What is said of one record of a batch may quote another one.
        batched = self.writer.batch_size > 1
        together = [_payload(item.change) for item in ready] if batched else []
        links: list[Link] = []
        removed: list[str] = []
        states: dict[str, ChangeState] = {}
        for item, result in zip(ready, results, strict=True):
            change = item.change
            states[change.key] = _state(result)
            if isinstance(result, Accepted):
                self._accept(change, result)
                if self._deletes(change) or self._was_never_there(change, result):
                    removed.append(change.key)
                else:
                    links.append(self._link(change, result.partner_id, item.digest))
            elif isinstance(result, RecordError):
                self._reject(change, result, together)
                if change.key in self.gone:
                    links.append(Link(change.key, change.id, None, ""))
                elif isinstance(result, RefusedError) and result.partner_id is not None:
                    # The partner has it, but not what we sent: no hash fits it.
                    links.append(self._link(change, result.partner_id, ""))
        self.run.settle(self.work.name, links, states, removed)
        if self.stopped is not None:
            raise self.stopped

    def _results(self, ready: list[Ready]) -> list[Result]:
        alone = any(item.change.operation in ("remove", "replace") for item in ready)
        if self.writer.batch_size == 1 or alone:
            return list(self.pool.map(self._attempt, ready))
        results: list[Result] = []
        for start in range(0, len(ready), self.writer.batch_size):
            batch = ready[start : start + self.writer.batch_size]
            results += self._attempt_batch(batch)
        return results

    def _attempt(self, item: Ready) -> Result:
        """Send one record, unless another one has met the end of the run."""
        if self.stopped is not None:
            return None
        try:
            self.state.hold()
            if self.writer.found_at_once == 1 and self._is_new(item):
                wanted = {item.write.id: item.write.path}
                item = _linked(item, self.writer.find(wanted).get(item.write.id))
            accepted = self._write(item.change, item.write)
        except RecordError as error:
            self._count_failure(error, [item.change])
            return error
        except StopError as error:
            self.stopped = error
            return error
        self.failures = 0
        return accepted

    def _attempt_batch(self, ready: Sequence[Ready]) -> list[Result]:
        if self.stopped is not None:
            return [None] * len(ready)
        writes = [item.write for item in ready]
        try:
            self.state.hold()
            results: list[Result] = list(self.writer.write_batch(writes))
        except RecordError as error:
            self._count_failure(error, [item.change for item in ready])
            return [error] * len(ready)
        except StopError as error:
            self.stopped = error
            return [error] * len(ready)
        self.failures = 0
        return results

    def _write(self, change: Change, write: Write) -> Accepted:
        if self._deletes(change):
            if self.work.named_by_us or write.partner_id is not None:
                self.writer.remove(write)
            return Accepted(None, created=False)
        if change.operation == "replace":
            return self._make_anew(change, write)
        if change.operation == "remove" and self._is_unknown(write):
            found = self.writer.find({write.id: write.path}).get(write.id)
            if found is None:
                return Accepted(None, created=False)
            write = replace(write, partner_id=found)
        try:
            return self.writer.write(write)
        except RefusedError as error:
            partner_id = write.partner_id or error.partner_id
            found = partner_id is not None and not change.linked
            if not found or not self._names_immutable(error):
                raise
            # Found at the partner, but with other values than it lets us change.
            return self._make_anew(change, replace(write, partner_id=partner_id))

    def _is_unknown(self, write: Write) -> bool:
        """Say whether the partner may not have a record; it names them itself."""
        return write.partner_id is None and not self.work.named_by_us

    def _was_never_there(self, change: Change, result: Accepted) -> bool:
        removes = change.operation == "remove" and not self.work.named_by_us
        return removes and result.partner_id is None

    def _make_anew(self, change: Change, write: Write) -> Accepted:
        """Remove a record and create it; one that is refused then is gone."""
        self.writer.remove(self._as_it_was(change, write))
        try:
            return self.writer.write(replace(write, partner_id=None, known=False))
        except RecordError:
            self.gone.add(change.key)
            raise

    def _as_it_was(self, change: Change, write: Write) -> Write:
        """Return a record under the ID that the partner knows, to remove it."""
        old_id = change.old_id or write.id
        body = deepcopy(merged(write.body, write.update_only))
        replace_ids(body, self.work.id_field.target, {write.id: old_id}.get)
        return replace(write, id=old_id, body=body)

    def _names_immutable(self, error: RefusedError) -> bool:
        """Say whether the partner refuses a field that it cannot change."""
        fixed = [f".{'.'.join(target)}." for target in self.work.immutable]
        # Partners leave out the beginning of a name, or its end, but not both.
        return any(
            (f".{named.field}." in field and not field.startswith(f".{named.field}."))
            or f".{named.field}.".startswith(field)
            for named in error.fields
            for field in fixed
        )

    def _deletes(self, change: Change) -> bool:
        return change.operation == "remove" and self.deletes

    def _count_failure(self, error: RecordError, changes: Iterable[Change]) -> None:
        """End the run when the partner fails at one record after the other."""
        self.failures = self.failures + 1 if error.code in ("D205", "D206") else 0
        if self.failures >= HOPELESS:
            text = error.message
            for change in changes:
                text = masked(text, _payload(change), self.work)
            message = f"fails at every record: {text}"
            place = Origin(self.partner, 0, self.work.resource)
            self.stopped = UnreachableError([Problem(place, "D102", message)])

    # -- after

    def _link(self, change: Change, partner_id: Any, digest: str) -> Link:
        fields = self.state.fingerprints.of(change.body)
        return Link(change.key, change.id, partner_id, digest, change.fixed, fields)

    def _accept(self, change: Change, result: Accepted) -> None:
        if change.repeats:
            return
        found = not (result.created or self.work.named_by_us)
        self.part.accept(change, found=found)

    def _reject(
        self,
        change: Change,
        error: RecordError,
        together: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        fields = error.fields if isinstance(error, RefusedError) else ()
        origins = [o for f in fields if (o := self._origin(f.field)) is not None]
        said = (_field_message(field) for field in fields)
        new = [text for text in said if text not in error.message]
        text = "; ".join([error.message, *new])
        for payload in (_payload(change), *together):
            text = masked(text, payload, self.work)
        item = LeftOut(
            key=change.key,
            code=error.code,
            reason=text,
            origin=str(origins[0]) if origins else "",
        )
        self.part.withdraw(change.counted, item)

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


def _payload(change: Change) -> Mapping[str, Any]:
    """Return all that may have been sent of a record."""
    parts = (change.only.get("create", {}), change.only.get("update", {}))
    return merged(merged(change.body, parts[0]), parts[1])


def _rounded_up(least: int, batch: int) -> int:
    """Return the size that whole batches fill, and that is no less than another."""
    return -(-least // batch) * batch


def _linked(item: Ready, partner_id: Any) -> Ready:
    if partner_id is None or item.write.partner_id is not None:
        return item
    return replace(item, write=replace(item.write, partner_id=partner_id))


def _state(result: Result) -> ChangeState:
    """Return what is known of a change after it was sent, or was not."""
    if result is None:
        return "planned"
    if isinstance(result, Accepted):
        return "done"
    return "rejected" if isinstance(result, RefusedError) else "unknown"


def _field_message(field: FieldError) -> str:
    return f"{field.field}: {field.message}"
