"""How a partner knows us: a connector and credentials in, what calls carry out.

No network here. Logging in is a generator that yields what to ask and is sent the
answers; the transport runs it, a test can too.
"""

import threading
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from connectors.answers import MESSAGE_LENGTH, Answer, read_error
from connectors.errors import credentials_error, unreachable_error
from connectors.login import LoginAuthenticator, StaticAuthenticator
from connectors.message import Carried
from connectors.model import Connector
from connectors.redaction import Secrets
from connectors.request import Request
from connectors.sealing import KeptToken
from connectors.templates import can_render, render
from connectors.tokens import Token, read_token
from engine.errors import CredentialsError

# A login answers 400 to wrong credentials here and there.
_NOT_LET_IN = (400, 401, 403)


@dataclass(frozen=True)
class Step:
    """A request on the way to a token."""

    request: Request
    variables: Mapping[str, Any] = field(repr=False)


def renewal(
    connector: Connector,
    login: LoginAuthenticator,
    variables: Mapping[str, Any],
    old: Token | None,
    now: Callable[[], float] = time.time,
    redact: Callable[[str], str] | None = None,
) -> Generator[Step, Answer, Token]:
    """
    Yield the requests that lead to a new token, and return it.

    `variables` are the credentials and settings. With an old token it is refreshed if
    the partner can do that; if not, or if that fails, the login follows. What the
    partner says is told only after `redact`. Raises CredentialsError or
    UnreachableError.
    """
    if old is not None and login.refresh is not None:
        known = {**variables, "answer": old.answer}
        if can_render(login.refresh.templates, {**known, "now": ""}):
            answer = yield Step(login.refresh, known)
            token = read_token(login, answer, old, now())
            if token is not None:
                return token
    answer = yield Step(login.login, variables)
    token = read_token(login, answer, None, now())
    if token is not None:
        return token
    if answer.status in _NOT_LET_IN:
        why = f"the login answers {answer.status}"
        said, _ = read_error(connector.error_handler, answer.json)
        if said and redact is not None:
            why += f" and says '{redact(said)[:MESSAGE_LENGTH]}'"
        raise _refused(connector, why)
    if answer.is_success:
        raise _refused(connector, "the login answers without a token")
    raise unreachable_error(connector.partner, f"The login answers {answer.status}.")


class Authenticator:
    """
    The token of one session, shared by its threads.

    `run` sends a request of a login and returns whatever the partner answers. A kept
    token is loaded before the first login and saved after each.
    """

    def __init__(
        self,
        connector: Connector,
        variables: Mapping[str, Any],
        secrets: Secrets,
        kept: KeptToken | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._connector = connector
        self._kind = connector.authenticator
        self._variables = variables
        self._secrets = secrets
        self._kept = kept
        self._now = now
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._loaded = False
        self._denied: CredentialsError | None = None
        self._carried: tuple[Token, Carried] | None = None
        if isinstance(self._kind, StaticAuthenticator):
            self._token = Token("", None)

    def token(
        self, run: Callable[[Step], Answer], refused: Token | None = None
    ) -> Token:
        """
        Return the token to use now; log in or refresh if there is none that holds.

        `refused` is a token that the partner has just answered 401 to: the first
        thread that comes with it gets a new one, the others get the same. A token
        from the vault is refreshed then, any other one is followed by a login.
        """
        with self._lock:
            if self._denied is not None:
                raise CredentialsError(self._denied.problems)
            if isinstance(self._kind, StaticAuthenticator):
                if refused is not None:
                    raise self._deny("a call answers 401")
                assert self._token is not None
                return self._token
            token = self._token = self._token or self._load()
            if token is None:
                return self._renew(self._kind, None, run)
            if token is refused:
                old = token if token.source == "vault" else None
                return self._renew(self._kind, old, run)
            if self._now() >= token.renew_at:
                return self._renew(self._kind, token, run)
            return token

    def refuse(self) -> CredentialsError:
        """Return the error of a call that answers 401 to a fresh token."""
        with self._lock:
            return self._deny("a call answers 401 right after the login")

    def carried(self, token: Token) -> Carried:
        """Return the header or the query parameter that a call carries."""
        last = self._carried
        if last is None or last[0] is not token:
            last = self._carried = token, self._as_carried(token)
        return last[1]

    def _as_carried(self, token: Token) -> Carried:
        send = self._kind.send
        value = str(render(send.value, {**self._variables, "token": token.text}))
        if send.query is not None:
            return Carried(query={send.query: value})
        assert send.header is not None
        if not (value.isascii() and value.isprintable()):
            with self._lock:
                raise self._deny("they have a character that no header can carry")
        return Carried(headers={send.header: value})

    def _load(self) -> Token | None:
        """Return the token of an earlier run, the first time that one is needed."""
        if self._kept is None or self._loaded:
            return None
        self._loaded = True
        token = self._kept.load()
        if token is not None:
            self._secrets.add(token.secrets())
        return token

    def _renew(
        self,
        login: LoginAuthenticator,
        old: Token | None,
        run: Callable[[Step], Answer],
    ) -> Token:
        flow = renewal(
            self._connector,
            login,
            self._variables,
            old,
            self._now,
            self._secrets.redact,
        )
        try:
            step = next(flow)
            while True:
                step = flow.send(run(step))
        except StopIteration as done:
            token: Token = done.value
        except CredentialsError as error:
            self._denied = error
            self._forget()
            raise
        self._secrets.add(token.secrets())
        self._token = token
        if self._kept is not None:
            self._kept.save(token)
        return token

    def _deny(self, why: str) -> CredentialsError:
        """Remember that the partner does not let us in: nothing is tried again."""
        self._denied = _refused(self._connector, why)
        self._forget()
        return self._denied

    def _forget(self) -> None:
        if self._kept is not None:
            self._kept.forget()


def _refused(connector: Connector, why: str) -> CredentialsError:
    names = ", ".join(connector.credentials)
    message = f"{connector.partner} refuses the credentials {names}: {why}."
    return credentials_error(connector.partner, message)
