"""Write records of one entity to a partner: a change in, what was accepted out.

Nothing is created twice: what may have been done is looked up before it is repeated.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.answers import Answer
from connectors.errors import OutcomeUnknownError, RefusedError
from connectors.finder import Finder, PartnerId, read_partner_id
from connectors.model import CreateUpdate, Upsert
from connectors.payloads import merged, without_nulls
from connectors.templates import Variables
from connectors.transport import Session
from engine.errors import RecordError

_NOT_FOUND = 404


@dataclass(frozen=True)
class Write:
    """
    A record to write: our id, the partner's if it is linked, and the payload.

    `create_only` is sent when the record is created, beside the body. `in_doubt` says
    that an earlier process died while it sent this. `natural` are fields of the body
    by which a record of ours is known before it carries our id.
    """

    id: str
    partner_id: PartnerId | None
    body: Mapping[str, Any]
    create_only: Mapping[str, Any] = field(default_factory=dict)
    in_doubt: bool = False
    natural: Mapping[str, Any] = field(default_factory=dict)


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
        self._finder: Finder | None = None
        if isinstance(self._entity, CreateUpdate) and self._entity.lookup is not None:
            lists = self._entity.external_ids
            self._finder = Finder(session, self._entity.lookup, lists)

    @property
    def can_find(self) -> bool:
        """Whether the connector file says how records are looked up."""
        return self._finder is not None

    def write(self, change: Write) -> Accepted:
        """
        Create or update the record at the partner.

        Raises RefusedError, OutcomeUnknownError, AddressError or AnswerError for this
        record; CredentialsError or UnreachableError for the run.
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

    def find(self, ids: Sequence[str]) -> dict[str, PartnerId]:
        """
        Return the partner's ids of the records that it has, by our ids.

        Raises OutcomeUnknownError if the connector file names no lookup.
        """
        return self._need_finder().find(ids)

    def find_alike(self, natural: Mapping[str, Any]) -> PartnerId | None:
        """Return the one record with these fields that nobody has given an id yet."""
        return self._need_finder().find_alike(natural)

    def _upsert(self, entity: Upsert, change: Write) -> Accepted:
        body = merged(change.body, change.create_only)
        answer = self._session.send(entity.upsert, {"id": change.id, "body": body})
        partner_id = read_partner_id(self._session.connector.ids, answer.json)
        return Accepted(partner_id, created=answer.status == 201)  # noqa: PLR2004

    def _update(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        variables = {"id": change.id, "partner_id": partner_id, "body": change.body}
        self._session.send(entity.update, variables)
        return Accepted(partner_id, created=False)

    def _update_linked(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        """Update a linked record; one merged away is found, one deleted made anew."""
        try:
            return self._update(entity, change, partner_id)
        except RefusedError as error:
            if error.status != _NOT_FOUND or self._finder is None:
                raise
            found = self._finder.find([change.id], anew=True).get(change.id)
            if found == partner_id:
                raise
            if found is None:
                return self._create(entity, change)
            return self._adopt(entity, change, found)

    def _adopt(
        self, entity: CreateUpdate, change: Write, partner_id: PartnerId
    ) -> Accepted:
        self._attach(entity, partner_id, change.id)
        try:
            return self._update(entity, change, partner_id)
        except RefusedError as error:
            error.partner_id = partner_id
            raise

    def _create(self, entity: CreateUpdate, change: Write) -> Accepted:
        answer = self._send_create(entity, change)
        if not isinstance(answer, Answer):
            return self._adopt(entity, change, answer)
        partner_id = read_partner_id(self._session.connector.ids, answer.json)
        if partner_id is None and self._finder is not None:
            partner_id = self._find(change, anew=True)
        if partner_id is None:
            raise OutcomeUnknownError("It was created, but the answer has no id.")
        self._attach(entity, partner_id, change.id)
        return Accepted(partner_id, created=True)

    def _send_create(self, entity: CreateUpdate, change: Write) -> Answer | PartnerId:
        """Return the answer, or the partner's id if an attempt turns out to be done."""
        body = without_nulls(merged(change.body, change.create_only))
        variables = {"id": change.id, "body": body}
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
            found = finder.find([change.id], anew=anew).get(change.id)
            return finder.find_alike(change.natural) if found is None else found
        except RecordError as error:
            why = f"It may be there, but cannot be looked up: {error.message}"
            raise OutcomeUnknownError(why) from error

    def _need_finder(self) -> Finder:
        if self._finder is None:
            raise OutcomeUnknownError("The connector file names no lookup for this.")
        return self._finder

    def _attach(self, entity: CreateUpdate, partner_id: PartnerId, our_id: str) -> None:
        """Add our id to the list beside a record; the ids of others stay in it."""
        if entity.external_ids is None:
            return
        try:
            known = self._need_finder().external_ids(partner_id)
            if our_id not in known:
                variables = {"partner_id": partner_id, "body": [*known, our_id]}
                self._session.send(entity.external_ids.replace, variables)
        except RecordError as error:
            why = f"It is there, but our id was not added: {error.message}"
            raise OutcomeUnknownError(why) from error
