"""The errors of the connector layer: what a partner said, and what the run does next.

    FeldwerkError
    ├── RecordError                 skip this record, go on with the others
    │   ├── RefusedError            D201-D205  the partner refuses the record
    │   ├── OutcomeUnknownError     D206  it may or may not have been done: look it up
    │   ├── AddressError            D207  an identifier cannot stand in an address
    │   ├── AnswerError             D208  the answer has not the shape that we know
    │   └── DocumentError           D209  a value cannot stand in an XML document
    └── StopError                   end the run
        ├── CredentialsError        D101  the partner does not let us in
        ├── UnreachableError        D102  the partner cannot be reached
        └── BudgetError             D103  the partner allows no more for now

No message holds a query, a header, a credential or a token.
"""

from typing import NamedTuple

from engine.errors import (
    BudgetError,
    CredentialsError,
    RecordError,
    SpecError,
    UnreachableError,
)
from engine.problems import CATALOGUE, Origin, Problem

_CODE_BY_STATUS = {400: "D201", 422: "D201", 403: "D202", 404: "D203", 409: "D204"}


class FieldError(NamedTuple):
    """What the partner says of one field; the field is named as the partner does."""

    field: str
    message: str


class RefusedError(RecordError):
    """
    The partner answered, and it is not a success.

    `partner_id` is set if the record is there all the same, to be linked.
    """

    def __init__(
        self, status: int, message: str, fields: tuple[FieldError, ...] = ()
    ) -> None:
        super().__init__(_CODE_BY_STATUS.get(status, "D205"), message)
        self.status = status
        self.fields = fields
        self.partner_id: int | str | None = None


class OutcomeUnknownError(RecordError):
    """The partner may have done it; it is looked up before it is sent again."""

    def __init__(self, message: str) -> None:
        super().__init__("D206", message)


class AddressError(RecordError):
    """An identifier would change the address that it stands in."""

    def __init__(self, message: str) -> None:
        super().__init__("D207", message)


class AnswerError(RecordError):
    """The partner's answer has not the shape that the connector file names."""

    def __init__(self, message: str) -> None:
        super().__init__("D208", message)


class DocumentError(RecordError):
    """A value that no XML document can hold: a control character, a strange name."""

    def __init__(self, message: str) -> None:
        super().__init__("D209", message)


def credentials_error(partner: str, why: str) -> CredentialsError:
    """Return the error of a partner that does not let us in."""
    return CredentialsError([_problem(partner, "authenticator", "D101", why)])


def unreachable_error(partner: str, why: str) -> UnreachableError:
    """Return the error of a partner that cannot be reached."""
    return UnreachableError([_problem(partner, "base_url", "D102", why)])


def budget_error(partner: str, why: str) -> BudgetError:
    """Return the error of a partner that allows no more calls for now."""
    return BudgetError([_problem(partner, "api_budget", "D103", why)])


def private_address_error(partner: str, host: str) -> SpecError:
    """Return the error of a partner's host that is in a private network."""
    why = f"The host '{host}' is in a private network."
    return SpecError([_problem(partner, "base_url", "D104", why)])


def setting_error(partner: str, place: str, why: str) -> SpecError:
    """Return the error of a setting that the connector file cannot use."""
    return SpecError([_problem(partner, place, "T304", why)])


def _problem(partner: str, column: str, code: str, message: str) -> Problem:
    origin = Origin(f"connectors/partners/{partner}.yaml", column=column)
    return Problem(origin, code, message, CATALOGUE[code].remedy)
