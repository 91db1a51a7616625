"""What one attempt came to, whether it is repeated, and which error it ends in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.answers import MESSAGE_LENGTH, read_error
from connectors.errors import (
    FieldError,
    OutcomeUnknownError,
    RefusedError,
    unreachable_error,
)
from connectors.model import Connector
from connectors.request import Request
from engine.errors import FeldwerkError


@dataclass(frozen=True)
class Outcome:
    """An answer, or why there is none (`failure`); `retry_after` is in seconds."""

    status: int = 0
    json: Any = None
    failure: str = ""
    nothing_done: bool = False
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status // 100 == 2  # noqa: PLR2004 - the class of success

    @property
    def is_doubtful(self) -> bool:
        """Whether the partner may have done it, or half of it, if anything at all."""
        return bool(self.failure) or self.status // 100 == 5  # noqa: PLR2004


class AgainError(Exception):
    """An attempt that is worth another one; never leaves the transport."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def settled(outcome: Outcome, *, repeatable: bool) -> Outcome:
    """Return the outcome if it settles the request; raise AgainError if not."""
    if outcome.nothing_done or (repeatable and outcome.is_doubtful):
        raise AgainError(outcome)
    return outcome


def wait_before_another(error: Exception) -> bool | float:
    """Return whether to try again, or after how many seconds if the partner says."""
    if not isinstance(error, AgainError):
        return False
    wait = error.outcome.retry_after
    return True if wait is None else wait


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
    if outcome.nothing_done or (outcome.failure and request.repeatable):
        why = outcome.failure or "too many requests, in every attempt"
        return unreachable_error(connector.partner, f"{what}: {why}.")
    if outcome.is_doubtful and not request.repeatable:
        why = outcome.failure or f"the partner answers {outcome.status}"
        return OutcomeUnknownError(f"{what}: {why}.")
    if outcome.status // 100 == 3:  # noqa: PLR2004 - the class of redirects
        return RefusedError(outcome.status, f"{what}: redirect refused.")

    def said(text: str) -> str:
        return redact(text)[:MESSAGE_LENGTH]

    message, fields = read_error(connector.error_handler, outcome.json)
    return RefusedError(
        outcome.status,
        said(message) or f"{what}: the partner answers {outcome.status}.",
        tuple(FieldError(said(name), said(text)) for name, text in fields),
    )
