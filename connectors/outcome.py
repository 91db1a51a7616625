"""What one attempt came to, whether it is repeated, and which error it ends in."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from connectors.answers import (
    LONGEST_WAIT_SECONDS,
    MESSAGE_LENGTH,
    at,
    is_success,
    read_error,
)
from connectors.error_handler import ErrorHandler
from connectors.errors import (
    FieldError,
    OutcomeUnknownError,
    RefusedError,
    unreachable_error,
)
from connectors.model import Connector
from connectors.request import Request
from engine.errors import FeldwerkError

_HOST = 100  # so much is shown of a host that the partner names
_UNAUTHORIZED = 401
_UNAVAILABLE = 503
INVALID = 422
"""The status of a refusal that comes as a success."""


@dataclass(frozen=True)
class Outcome:
    """
    An answer, or why there is none (`failure`).

    `retry_after` is in seconds; `redirect` is the host that the partner sends us to.
    """

    status: int = 0
    json: Any = None
    failure: str = ""
    nothing_done: bool = False
    retry_after: float | None = None
    redirect: str = ""

    @property
    def is_success(self) -> bool:
        return is_success(self.status)

    @property
    def is_doubtful(self) -> bool:
        """Whether the partner may have done it, or half of it, if anything at all."""
        return bool(self.failure) or self.status // 100 == 5  # noqa: PLR2004

    @property
    def is_long_pause(self) -> bool:
        """Whether the partner is down, and says that it will be for a while."""
        wait = self.retry_after or 0.0
        return self.status == _UNAVAILABLE and wait > LONGEST_WAIT_SECONDS


class AgainError(Exception):
    """An attempt that is worth another one; never leaves the transport."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def settled(outcome: Outcome, *, repeatable: bool) -> Outcome:
    """Return the outcome if it settles the request; raise AgainError if not."""
    if outcome.is_long_pause:
        return outcome
    if outcome.nothing_done or (repeatable and outcome.is_doubtful):
        raise AgainError(outcome)
    return outcome


def wait_before_another(error: Exception) -> bool | float:
    """Return whether to try again, or after how many seconds if the partner says."""
    if not isinstance(error, AgainError):
        return False
    wait = error.outcome.retry_after
    return True if wait is None else min(wait, LONGEST_WAIT_SECONDS)


def is_shut_out(handler: ErrorHandler, outcome: Outcome) -> bool:
    """Return whether an answer says that the token does not hold."""
    marker = handler.not_logged_in
    return outcome.status == _UNAUTHORIZED or (
        marker is not None and at(outcome.json, marker.path) in marker.texts
    )


def refuses(handler: ErrorHandler, outcome: Outcome) -> bool:
    """Return whether a success says in its body that it is none, as GraphQL does."""
    return (
        outcome.is_success
        and handler.refused_by is not None
        and bool(at(outcome.json, handler.refused_by))
    )


def error_of(
    outcome: Outcome,
    connector: Connector,
    request: Request,
    redact: Callable[[str], str],
) -> FeldwerkError:
    """
    Return the error of a request whose last attempt was no success.

    The request is named by its template: its values are of no use to who reads it.
    """
    what = f"{request.method} {request.path}"
    if outcome.is_long_pause:
        minutes = math.ceil((outcome.retry_after or 0.0) / 60)
        why = f"the partner is down, and asks to wait {minutes} minutes"
        return unreachable_error(connector.partner, f"{what}: {why}.")
    if outcome.nothing_done or (outcome.failure and request.repeatable):
        why = outcome.failure or "too many requests, in every attempt"
        return unreachable_error(connector.partner, f"{what}: {why}.")
    if outcome.is_doubtful and not request.repeatable:
        why = outcome.failure or f"the partner answers {outcome.status}"
        return OutcomeUnknownError(f"{what}: {why}.")
    if outcome.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
        where = f" (to {redact(outcome.redirect)[:_HOST]})" if outcome.redirect else ""
        return RefusedError(outcome.status, f"{what}: redirect refused{where}.")

    message, fields = read_error(connector.error_handler, outcome.json)
    status = INVALID if outcome.is_success else outcome.status
    return refusal(
        status,
        message or f"{what}: the partner answers {outcome.status}.",
        fields,
        redact,
    )


def refusal(
    status: int,
    message: str,
    fields: Iterable[FieldError],
    redact: Callable[[str], str],
) -> RefusedError:
    """Return the error of a refused record, its texts short and without secrets."""

    def said(text: str) -> str:
        return redact(text)[:MESSAGE_LENGTH]

    told = tuple(FieldError(said(name), said(text)) for name, text in fields)
    return RefusedError(status, said(message), told)
