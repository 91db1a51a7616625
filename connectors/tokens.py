"""Tokens: the answer of a login in; a token, and when it is to be renewed, out."""

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.answers import Answer, at
from connectors.login import Expiry, LoginAuthenticator

Source = Literal["login", "refresh", "vault"]

_LONGEST_MARGIN_SECONDS = 60.0
_SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Token:
    """
    A token, the answer that brought it, and when to renew it (seconds, epoch).

    `source` says how we came by it: only what a login gave is beyond doubt.
    """

    text: str = field(repr=False)
    answer: Any = field(repr=False)
    renew_at: float = math.inf
    source: Source = "login"

    def secrets(self) -> Iterator[str]:
        """Yield what no message may show."""
        yield self.text
        yield from _long_texts(self.answer)


def read_token(
    login: LoginAuthenticator, answer: Answer, refreshed: Token | None, now: float
) -> Token | None:
    """Return the token of an answer, if any; `refreshed` is the one that it renews."""
    text = at(answer.json, login.token)
    if not answer.is_success or not isinstance(text, str) or not text:
        return None
    known, before = answer.json, refreshed.answer if refreshed else None
    if isinstance(before, dict) and isinstance(known, dict):
        known = {**before, **known}  # a refresh need not repeat the refresh token
    source: Source = "login" if refreshed is None else "refresh"
    end = expires_at(login.expires, text, answer.json, now)
    # A token that ends before now means that a clock is wrong: wait for the 401.
    if end is None or end <= now:
        return Token(text, known, source=source)
    margin = min(_LONGEST_MARGIN_SECONDS, (end - now) / 10)
    return Token(text, known, end - margin, source)


def expires_at(expiry: Expiry, token: str, answer: Any, now: float) -> float | None:
    """Return when a token ends, in seconds of the epoch; None if that is unknown."""
    end = None
    if expiry.jwt is not None:
        end = _number(_claims(token).get(expiry.jwt))
    elif expiry.at is not None:
        end = _moment(at(answer, expiry.at))
    elif expiry.in_seconds is not None:
        seconds = _number(at(answer, expiry.in_seconds))
        end = None if seconds is None else now + seconds
    if end is None and expiry.after_seconds is not None:
        end = now + expiry.after_seconds
    return end


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it: we only read when it ends."""
    try:
        body = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (IndexError, ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(value: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _long_texts(value: Any) -> Iterator[str]:
    """Yield the texts of a login answer that may be tokens, for redaction."""
    if isinstance(value, str) and len(value) >= _SHORTEST_SECRET:
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _long_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _long_texts(item)
