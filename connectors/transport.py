"""Send the requests of a connector file: a request and variables in, an answer out.

The one place that knows HTTP. It repeats what may be repeated, logs nothing, and its
errors say neither queries nor headers nor credentials.
"""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self
from urllib.parse import quote, quote_plus

import httpx
import stamina
from jinja2 import TemplateError
from stamina.instrumentation import set_on_retry_hooks

from connectors.answers import Answer, read_json, read_retry_after
from connectors.auth import Authenticator, Step, Token
from connectors.errors import AddressError, credentials_error
from connectors.model import Connector
from connectors.outcome import (
    AgainError,
    Outcome,
    error_of,
    settled,
    wait_before_another,
)
from connectors.request import Request
from connectors.templates import Variables, render, render_path

_ERROR_BODY_LIMIT = 64 * 1024
_CONNECT_SECONDS = 10.0

# httpx logs addresses with their queries, stamina logs every retry.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)
set_on_retry_hooks([])


class Session:
    """
    A connection to one partner, for several threads; use it in a `with`.

    Raises CredentialsError if a credential that the connector names has no value.
    """

    def __init__(
        self, connector: Connector, base_url: str, credentials: Mapping[str, str]
    ) -> None:
        self.connector = connector
        missing = [name for name in connector.credentials if not credentials.get(name)]
        if missing:
            why = f"No value is given for the credentials {', '.join(missing)}."
            raise credentials_error(connector.partner, why)
        self._base_url = base_url.rstrip("/")
        self._credentials = dict(credentials)
        self._auth = Authenticator(connector, self._credentials)
        self._slots = threading.BoundedSemaphore(connector.api_budget.concurrency)
        self._client = _client(connector)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def send(
        self,
        request: Request,
        variables: Variables,
        query: Mapping[str, str | int] | None = None,
    ) -> Answer:
        """
        Send a request and return the answer of a success.

        A request without a body template carries `variables["body"]`. Raises
        RefusedError; UnreachableError; CredentialsError; and OutcomeUnknownError if
        the partner may have done what must not be done twice.
        """
        outcome = self._repeat(
            lambda: self._attempt_as_us(request, variables, query or {}),
            repeatable=request.repeatable,
        )
        if outcome.is_success:
            return Answer(outcome.status, outcome.json)
        raise error_of(outcome, self.connector, request, self.redact)

    def attempts(
        self, on: type[Exception] | Callable[[Exception], bool | float]
    ) -> Iterator[stamina.Attempt]:
        """Return the attempts that the connector file allows, with waits between."""
        handler = self.connector.error_handler
        first, longest = handler.backoff.initial_seconds, handler.backoff.max_seconds
        return iter(
            stamina.retry_context(
                on=on,
                attempts=handler.max_attempts,
                timeout=None,
                wait_initial=first,
                wait_max=longest,
                wait_jitter=first,
            )
        )

    def redact(self, text: str) -> str:
        """Return the text with *** for every credential and token."""
        forms = {form for secret in self._auth.secrets() for form in _forms(secret)}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text

    def _repeat(
        self, attempt_once: Callable[[], Outcome], *, repeatable: bool
    ) -> Outcome:
        """Return the last outcome: of the first attempt that settles it, if any."""
        try:
            for attempt in self.attempts(wait_before_another):
                with attempt:
                    outcome = settled(attempt_once(), repeatable=repeatable)
        except AgainError as again:
            outcome = again.outcome
        return outcome

    def _attempt_as_us(
        self, request: Request, variables: Variables, query: Mapping[str, str | int]
    ) -> Outcome:
        token = self._auth.token(self._ask)
        outcome = self._attempt(request, variables, query, token)
        if outcome.status == httpx.codes.UNAUTHORIZED:
            token = self._auth.token(self._ask, refused=token)
            outcome = self._attempt(request, variables, query, token)
            if outcome.status == httpx.codes.UNAUTHORIZED:
                raise self._auth.refuse()
        return outcome

    def _ask(self, step: Step) -> Answer:
        """Send a request of a login; whatever the partner answers is an answer."""
        outcome = self._repeat(
            lambda: self._attempt(step.request, step.variables, {}, None),
            repeatable=True,
        )
        if outcome.failure or outcome.nothing_done:
            raise error_of(outcome, self.connector, step.request, self.redact)
        return Answer(outcome.status, outcome.json)

    def _attempt(
        self,
        request: Request,
        variables: Variables,
        query: Mapping[str, str | int],
        token: Token | None,
    ) -> Outcome:
        known = {"credentials": self._credentials, **variables}
        try:
            message = self._message(request, known, query, token)
        except TemplateError as error:
            what = f"A template of the connector file has no value: {error.message}."
            raise AddressError(what) from None
        if message is None:
            return Outcome(failure="the address is not valid", nothing_done=True)
        with self._slots:
            return _exchange(self._client, message)

    def _message(
        self,
        request: Request,
        known: Variables,
        query: Mapping[str, str | int],
        token: Token | None,
    ) -> httpx.Request | None:
        """Fill a request in; None if its address is not valid."""
        headers, more = ({}, {}) if token is None else self._auth.carried(token)
        templates = self.connector.headers
        body = render(request.body, known) if request.body is not None else None
        if body is None and request.form is None:
            body = known.get("body")
        url = self._base_url + render_path(request.path, known)
        asked = render(request.query, known)
        try:
            return self._client.build_request(
                request.method,
                url,
                params={**asked, **query, **more} or None,
                headers={**render(templates, known), **headers},
                json=body,
                data=render(request.form, known),
            )
        except httpx.InvalidURL:
            return None


def _client(connector: Connector) -> httpx.Client:
    seconds = connector.timeout_seconds
    concurrency = connector.api_budget.concurrency
    return httpx.Client(
        headers={"accept": "application/json", "user-agent": "feldwerk"},
        timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
        limits=httpx.Limits(
            max_connections=concurrency, max_keepalive_connections=concurrency
        ),
        follow_redirects=False,
        verify=True,
    )


def _exchange(client: httpx.Client, message: httpx.Request) -> Outcome:
    """Send a message once. Errors of httpx end here: their texts may tell secrets."""
    try:
        response = client.send(message, stream=True)
        try:
            body = _read(response)
        finally:
            response.close()
    except (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
        httpx.LocalProtocolError,
    ):
        return Outcome(failure="no connection", nothing_done=True)
    except httpx.TimeoutException:
        return Outcome(failure="no answer in time")
    except httpx.HTTPError:
        return Outcome(failure="the connection was dropped")
    header = response.headers.get("retry-after")
    return Outcome(
        status=response.status_code,
        json=read_json(body),
        nothing_done=response.status_code == httpx.codes.TOO_MANY_REQUESTS,
        retry_after=read_retry_after(header, datetime.now(UTC)),
    )


def _read(response: httpx.Response) -> bytes:
    """Return the body; of an error only the beginning, as far as it comes."""
    if response.is_success:
        return response.read()
    body = bytearray()
    try:
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) >= _ERROR_BODY_LIMIT:
                break
    except httpx.HTTPError:
        return b""  # the status is known, and says enough
    return bytes(body[:_ERROR_BODY_LIMIT])


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it may come back: plain, in an address, in JSON."""
    in_json = json.dumps(secret)[1:-1]
    return secret, quote(secret, safe=""), quote_plus(secret), in_json
