"""Write records of one entity to a partner: a change in, what was accepted out.

Nothing is created twice: what may have been done is looked up before it is repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.answers import Answer
from connectors.batches import refused_by_place
from connectors.entities import CreateUpdate, Upsert
from connectors.errors import OutcomeUnknownError, RefusedError
from connectors.finder import Finder, PartnerId, Path, read_partner_id
from connectors.payloads import merged, without_nulls
from connectors.templates import Variables
from connectors.transport import Session
from engine.errors import RecordError

_CREATED = 201
_NOT_FOUND = 404
_GONE = 410


@dataclass(frozen=True)
class Write:
    """
    A record to write: our id, the partner's if it is linked, and the payload.

    `path` are the values that stand in addresses. `create_only` and `update_only` are
    sent beside the body when the record is created, or when it is there already: for
    an entity that we name `known` says so, for the others the partner's id. `in_doubt`
    says that an earlier process died while it sent this. `natural` are fields of the
    body by which a record of ours is known before it carries our id. `adopted` says
    that it may be there without our id: a person has linked it.
    """

    id: str
    partner_id: PartnerId | None
    body: Mapping[str, Any]
    path: Path = field(default_factory=dict)
    create_only: Mapping[str, Any] = field(default_factory=dict)
    update_only: Mapping[str, Any] = field(default_factory=dict)
    known: bool = False
    in_doubt: bool = False
    natural: Mapping[str, Any] = field(default_factory=dict)
    adopted: bool = False


@dataclass(frozen=True)
class Accepted:
    """What the partner accepted; its id is of the type that the partner gives."""

    partner_id: PartnerId | None
    created: bool


class Writer:
    """
    Writes the records of one entity; several threads may share it.

    An error that ends the run may come after the partner has created the record, so
    a write that ended in anything but Accepted or RefusedError is in doubt.
    """

    def __init__(self, session: Session, entity: str) -> None:
        self._session = session
        self._entity = session.connector.entities[entity]
        self._ids = self._entity.ids or session.connector.ids
        self._finder: Finder | None = None
        if isinstance(self._entity, CreateUpdate) and self._entity.lookup is not None:
            self._finder = Finder(session, self._entity, self._entity.lookup)

    @property
    def named_by_us(self) -> bool:
        """Whether the records are put under our id."""
        return isinstance(self._entity, Upsert)

    @property
    def found_at_once(self) -> int:
        """How many records one search finds; 0 without a lookup."""
        return 0 if self._finder is None else self._finder.at_once

    @property
    def batch_size(self) -> int:
        """How many records `write_batch` takes at most; 1 if there are no batches."""
        batch = self._entity.batch if isinstance(self._entity, Upsert) else None
        return 1 if batch is None else batch.size

    def write(self, change: Write) -> Accepted:
        """
        Create or update the record at the partner.

        Raises RefusedError, OutcomeUnknownError, AddressError, DocumentError or
        AnswerError for this record; CredentialsError, UnreachableError or BudgetError
        for the run.
        """
        if isinstance(self._entity, Upsert):
            return self._upsert(self._entity, change)
        if change.partner_id is not None:
            return self._update_linked(self._entity, change, change.partner_id)
        if change.in_doubt:
            found = self._find(change)
            if found is not None:
                return self._adopt(self._entity, change, found)
        return self._create(self._entity, change)

    def write_batch(self, changes: Sequence[Write]) -> list[Accepted | RecordError]:
        """
        Write up to `batch_size` records in one request; return what came of each.

        Raises what `write` raises if it concerns the whole request.
        """
        if len(changes) > self.batch_size:
            raise ValueError(f"a batch has {self.batch_size} records at most")
        if not changes:
            return []
        if not isinstance(self._entity, Upsert) or self._entity.batch is None:
            return [self.write(changes[0])]
        bodies = [_put_body(change) for change in changes]
        answer = self._session.send(self._entity.upsert, {"bodies": bodies})
        rejected = self._entity.batch.rejected
        refused: Mapping[int, RecordError] = {}
        if rejected is not None:
            redact, size = self._session.redact, len(changes)
            refused = refused_by_place(rejected, answer.json, size, redact)
        return [
            refused.get(place) or Accepted(None, created=not change.known)
            for place, change in enumerate(changes)
        ]

    def remove(self, change: Write) -> None:
        """
        Take the record away; one that the partner does not have is done.

        Raises what `write` raises, and ValueError if the connector file names no
        request for it.
        """
        if self._entity.remove is None:
            raise ValueError("the connector file names no request to remove this")
        try:
            self._session.send(self._entity.remove, _variables(change, change.body))
        except RefusedError as error:
            if error.status not in (_NOT_FOUND, _GONE):
                raise

    def find(self, wanted: Mapping[str, Path]) -> dict[str, PartnerId]:
        """
        Return the partner's ids of the records that it has, by our ids.

        `wanted` are our ids, each with the values that stand in its address. Raises
        OutcomeUnknownError if the connector file names no lookup.
        """
        return self._need_finder().find(wanted)

    def find_alike(
        self, natural: Mapping[str, Any], path: Path | None = None
    ) -> PartnerId | None:
        """Return the one record with these fields that nobody has given an id yet."""
        return self._need_finder().find_alike(natural, path)

    def _upsert(self, entity: Upsert, change: Write) -> Accepted:
        if entity.batch is not None:
            (result,) = self.write_batch([change])
            if isinstance(result, RecordError):
                raise result
            return result
        variables = {"id": change.id, "path": change.path, "body": _put_body(change)}
        answer = self._session.send(entity.upsert, variables)
        partner_id = read_partner_id(self._ids, answer.json)
        if partner_id is None and entity.ids is not None:
            where = entity.ids.path
            raise OutcomeUnknownError(f"The answer does not say '{where}'.")
        return Accepted(partner_id, created=answer.status == _CREATED)

    def _update(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        body = merged(change.body, change.update_only)
        linked = {"partner_id": partner_id}
        self._session.send(entity.update, {**_variables(change, body), **linked})
        return Accepted(partner_id, created=False)

    def _update_linked(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        """Update a linked record; one merged away is found, one deleted made anew."""
        try:
            if change.adopted:
                self._attach(entity, partner_id, change)
            return self._update(entity, change, partner_id)
        except RefusedError as error:
            missing = error.status in (_NOT_FOUND, _GONE)
            if not missing or self._finder is None:
                raise
            wanted = {change.id: change.path}
            found = self._finder.find(wanted, anew=True).get(change.id)
            if found == partner_id:
                raise
            if found is None:
                return self._create(entity, change)
            return self._adopt(entity, change, found)

    def _adopt(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        self._attach(entity, partner_id, change)
        try:
            return self._update(entity, change, partner_id)
        except RefusedError as error:
            error.partner_id = partner_id
            raise

    def _create(self, entity: CreateUpdate, change: Write) -> Accepted:
        answer = self._send_create(entity, change)
        if not isinstance(answer, Answer):
            return self._adopt(entity, change, answer)
        partner_id = read_partner_id(self._ids, answer.json)
        if partner_id is None and self._finder is not None:
            partner_id = self._find(change, anew=True)
        if partner_id is None:
            raise OutcomeUnknownError("It was created, but the answer has no id.")
        self._attach(entity, partner_id, change)
        return Accepted(partner_id, created=True)

    def _send_create(self, entity: CreateUpdate, change: Write) -> Answer | PartnerId:
        """Return the answer, or the partner's id if an attempt turns out to be done."""
        body = without_nulls(merged(change.body, change.create_only))
        variables = {"id": change.id, "path": change.path, "body": body}
        if self._finder is None:
            return self._session.send(entity.create, variables)
        outcome: Answer | PartnerId | None = None
        for attempt in self._session.attempts(OutcomeUnknownError):
            with attempt:
                if attempt.num > 1:
                    outcome = self._find(change, anew=True)
                if outcome is None:
                    outcome = self._send_again(entity, variables, attempt.num)
        assert outcome is not None
        return outcome

    def _send_again(
        self, entity: CreateUpdate, variables: Variables, number: int
    ) -> Answer:
        """Send a create; a refusal may be because an earlier attempt was done."""
        try:
            return self._session.send(entity.create, variables)
        except RefusedError as error:
            if number == 1:
                raise
            why = f"It may be there, and is refused when sent again: {error.message}"
            raise OutcomeUnknownError(why) from error

    def _find(self, change: Write, *, anew: bool = False) -> PartnerId | None:
        finder = self._need_finder()
        try:
            found = finder.find({change.id: change.path}, anew=anew).get(change.id)
            if found is None:
                found = finder.find_alike(change.natural, change.path)
        except RecordError as error:
            why = f"It may be there, but cannot be looked up: {error.message}"
            raise OutcomeUnknownError(why) from error
        return found

    def _need_finder(self) -> Finder:
        if self._finder is None:
            raise OutcomeUnknownError("The connector file names no lookup for this.")
        return self._finder

    def _attach(
        self, entity: CreateUpdate, partner_id: PartnerId, change: Write
    ) -> None:
        """Add our id to the list beside a record; the ids of others stay in it."""
        if entity.external_ids is None:
            return
        try:
            known = self._need_finder().external_ids(partner_id, change.path)
            if change.id not in known:
                variables = {
                    "partner_id": partner_id,
                    "path": change.path,
                    "body": [*known, change.id],
                }
                self._session.send(entity.external_ids.replace, variables)
        except RecordError as error:
            why = f"It is there, but our id was not added: {error.message}"
            raise OutcomeUnknownError(why) from error


def _put_body(change: Write) -> dict[str, Any]:
    """Return the payload of a record that we name."""
    only = change.update_only if change.known else change.create_only
    return merged(change.body, only)


def _variables(change: Write, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": change.id,
        "partner_id": change.partner_id,
        "path": change.path,
        "body": body,
    }
