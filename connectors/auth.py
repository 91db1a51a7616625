"""How a partner knows us: a connector and credentials in, what calls carry out.

No network here. Logging in is a generator that yields what to ask and is sent the
answers; the transport runs it, a test can too.
"""

import base64
import json
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from connectors.answers import Answer, at
from connectors.errors import credentials_error, unreachable_error
from connectors.model import Connector
from connectors.request import Expiry, LoginAuthenticator, Request, StaticAuthenticator
from connectors.templates import can_render, render
from engine.errors import CredentialsError

# A login answers 400 to wrong credentials here and there.
_NOT_LET_IN = (400, 401, 403)
_LONGEST_MARGIN_SECONDS = 60.0
_SHORTEST_SECRET = 16


@dataclass(frozen=True)
class Token:
    """A token, the answer that brought it, and when to renew it (seconds, epoch)."""

    text: str = field(repr=False)
    answer: Any = field(repr=False)
    renew_at: float = math.inf


@dataclass(frozen=True)
class Step:
    """A request on the way to a token."""

    request: Request
    variables: Mapping[str, Any] = field(repr=False)


def renewal(
    connector: Connector,
    login: LoginAuthenticator,
    credentials: Mapping[str, str],
    old: Token | None,
    now: Callable[[], float] = time.time,
) -> Generator[Step, Answer, Token]:
    """
    Yield the requests that lead to a new token, and return it.

    With an old token it is refreshed if the partner can do that; if not, or if that
    fails, the login follows. Raises CredentialsError or UnreachableError.
    """
    variables: dict[str, Any] = {"credentials": credentials}
    if old is not None and login.refresh is not None:
        known = {**variables, "answer": old.answer}
        if can_render(login.refresh.templates, known):
            answer = yield Step(login.refresh, known)
            token = _token(login, answer, old.answer, now())
            if token is not None:
                return token
    answer = yield Step(login.login, variables)
    token = _token(login, answer, None, now())
    if token is not None:
        return token
    if answer.status in _NOT_LET_IN:
        raise _refused(connector, f"the login answers {answer.status}")
    if _is_success(answer):
        raise _refused(connector, "the login answers without a token")
    raise unreachable_error(connector.partner, f"The login answers {answer.status}.")


def expires_at(expiry: Expiry, token: str, answer: Any, now: float) -> float | None:
    """Return when a token ends, in seconds of the epoch; None if that is unknown."""
    if expiry.jwt is not None:
        return _number(_claims(token).get(expiry.jwt))
    if expiry.at is not None:
        return _moment(at(answer, expiry.at))
    seconds = expiry.after_seconds
    if expiry.in_seconds is not None:
        seconds = _number(at(answer, expiry.in_seconds))
    return None if seconds is None else now + seconds


class Authenticator:
    """
    The token of one session, shared by its threads.

    `run` sends a request of a login and returns whatever the partner answers.
    """

    def __init__(
        self,
        connector: Connector,
        credentials: Mapping[str, str],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connector = connector
        self._kind = connector.authenticator
        self._credentials = credentials
        self._now = now
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._denied: CredentialsError | None = None
        self._secrets: set[str] = set()
        if isinstance(self._kind, StaticAuthenticator):
            self._token = Token("", None)

    def token(
        self, run: Callable[[Step], Answer], refused: Token | None = None
    ) -> Token:
        """
        Return the token to use now; log in or refresh if there is none that holds.

        `refused` is a token that the partner has just answered 401 to: the first
        thread that comes with it logs in, the others get the new one.
        """
        with self._lock:
            if self._denied is not None:
                raise CredentialsError(self._denied.problems)
            token = self._token
            if isinstance(self._kind, StaticAuthenticator):
                if refused is not None:
                    raise self._deny("a call answers 401")
            elif token is None or token is refused:
                token = self._renew(self._kind, None, run)
            elif self._now() >= token.renew_at:
                token = self._renew(self._kind, token, run)
            assert token is not None
            return token

    def refuse(self) -> CredentialsError:
        """Return the error of a call that answers 401 to a fresh token."""
        with self._lock:
            return self._deny("a call answers 401 right after the login")

    def carried(self, token: Token) -> tuple[dict[str, str], dict[str, str]]:
        """Return the headers and the query parameters that a call carries."""
        variables = {"credentials": self._credentials, "token": token.text}
        send = self._kind.send
        value = str(render(send.value, variables))
        if send.query is not None:
            return {}, {send.query: value}
        assert send.header is not None
        if not (value.isascii() and value.isprintable()):
            with self._lock:
                raise self._deny("they have a character that no header can carry")
        return {send.header: value}, {}

    def secrets(self) -> frozenset[str]:
        """Return everything that no message may show."""
        return frozenset(self._secrets | set(self._credentials.values())) - {""}

    def _renew(
        self,
        login: LoginAuthenticator,
        old: Token | None,
        run: Callable[[Step], Answer],
    ) -> Token:
        flow = renewal(self._connector, login, self._credentials, old, self._now)
        try:
            step = next(flow)
            while True:
                step = flow.send(run(step))
        except StopIteration as done:
            token: Token = done.value
        except CredentialsError as error:
            self._denied = error
            raise
        self._secrets = {*self._secrets, token.text, *_long_texts(token.answer)}
        self._token = token
        return token

    def _deny(self, why: str) -> CredentialsError:
        """Remember that the partner does not let us in: nothing is tried again."""
        self._denied = _refused(self._connector, why)
        return self._denied


def _refused(connector: Connector, why: str) -> CredentialsError:
    names = ", ".join(connector.credentials)
    message = f"{connector.partner} refuses the credentials {names}: {why}."
    return credentials_error(connector.partner, message)


def _is_success(answer: Answer) -> bool:
    return 200 <= answer.status < 300  # noqa: PLR2004 - the class of success


def _token(
    login: LoginAuthenticator, answer: Answer, before: Any, now: float
) -> Token | None:
    text = at(answer.json, login.token)
    if not _is_success(answer) or not isinstance(text, str) or not text:
        return None
    known = answer.json
    if isinstance(before, dict) and isinstance(known, dict):
        known = {**before, **known}  # a refresh need not repeat the refresh token
    end = expires_at(login.expires, text, answer.json, now)
    # A token that ends before now means that a clock is wrong: wait for the 401.
    if end is None or end <= now:
        return Token(text, known)
    margin = min(_LONGEST_MARGIN_SECONDS, (end - now) / 10)
    return Token(text, known, end - margin)


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
