"""Send the requests of a connector file: a request and variables in, an answer out.

It repeats what may be repeated, logs nothing, and its errors say neither queries nor
headers nor credentials.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import stamina
from stamina.instrumentation import set_on_retry_hooks

from connectors.addresses import Addresses
from connectors.addresses import addresses as addresses_of
from connectors.answers import Answer
from connectors.auth import Authenticator, Step
from connectors.budget import Budget, Pace, Spent
from connectors.clock import Clock
from connectors.errors import AddressError, DocumentError, credentials_error
from connectors.login import LoginAuthenticator
from connectors.message import Carried, Message, Page, fill_in
from connectors.model import Connector
from connectors.outcome import (
    AgainError,
    Outcome,
    error_of,
    is_shut_out,
    refuses,
    settled,
    wait_before_another,
)
from connectors.redaction import Secrets
from connectors.request import Request
from connectors.sealing import KeptToken, TokenVault
from connectors.templates import Variables
from connectors.tokens import Token
from connectors.wire import Wire

set_on_retry_hooks([])  # stamina logs every retry


class Session:
    """
    A connection to one partner, for several threads; use it in a `with`.

    `settings` are those of the use case. `vault` keeps the token from run to run and
    `spent` counts the calls of the day; both are asked by the thread that sends, one
    at a time. `pace` shares the calls of a minute with other processes, and `hold`
    raises before a call if this one may send none any more. A text for the addresses
    stands for all of them. Raises CredentialsError if a credential that the connector
    names has no value, SpecError if the settings give no number of calls a day.
    """

    def __init__(
        self,
        connector: Connector,
        addresses: Addresses | str,
        credentials: Mapping[str, str],
        settings: Mapping[str, Any] | None = None,
        vault: TokenVault | None = None,
        spent: Spent | None = None,
        pace: Pace | None = None,
        hold: Callable[[], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.connector = connector
        self.calls = 0
        missing = [name for name in connector.credentials if not credentials.get(name)]
        if missing:
            why = f"No value is given for the credentials {', '.join(missing)}."
            raise credentials_error(connector.partner, why)
        self._clock = clock or Clock()
        outside = threading.Lock()  # the vault and the count of the day are one state
        self._addresses = (
            addresses_of(connector, None, {}, addresses)
            if isinstance(addresses, str)
            else addresses
        )
        self._variables = {
            "credentials": dict(credentials),
            "settings": dict(settings or {}),
        }
        self._secrets = Secrets(credentials.values())
        self._auth = Authenticator(
            connector,
            self._variables,
            self._secrets,
            _kept_token(connector, self._addresses, credentials, vault, outside),
            self._clock.epoch,
        )
        known = self._variables["settings"]
        self._budget = Budget(connector, known, spent, self._clock, outside, pace)
        self._hold = hold or (lambda: None)
        self._slots = threading.BoundedSemaphore(connector.api_budget.concurrency)
        self._wire = Wire(connector, private=self._addresses.private)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._wire.close()

    def send(
        self, request: Request, variables: Variables, page: Page | None = None
    ) -> Answer:
        """
        Send a request and return the answer of a success.

        A request without a body template carries `variables["body"]`; `page` asks for
        one page of a list. Raises RefusedError; UnreachableError; CredentialsError;
        BudgetError; and OutcomeUnknownError if the partner may have done what must
        not be done twice.
        """
        outcome = self._repeat(
            lambda: self._attempt_as_us(request, variables, page or Page()),
            repeatable=request.repeatable,
        )
        if outcome.is_success and not refuses(self.connector.error_handler, outcome):
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
        return self._secrets.redact(text)

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
        self, request: Request, variables: Variables, page: Page
    ) -> Outcome:
        """Send a request; a 401 leads to another token, up to that of a new login."""
        refused: Token | None = None
        while True:
            token = self._auth.token(self._ask, refused)
            outcome = self._attempt(request, variables, page, token)
            if not is_shut_out(self.connector.error_handler, outcome):
                return outcome
            if refused is not None and token.source == "login":
                raise self._auth.refuse()
            refused = token

    def _ask(self, step: Step) -> Answer:
        """Send a request of a login; whatever the partner answers is an answer."""
        try:
            outcome = self._repeat(
                lambda: self._attempt(step.request, step.variables, Page(), None),
                repeatable=True,
            )
        except (AddressError, DocumentError) as error:
            why = f"The login cannot be sent: {error.message}"
            raise credentials_error(self.connector.partner, why) from None
        if outcome.failure or outcome.nothing_done or outcome.is_long_pause:
            raise error_of(outcome, self.connector, step.request, self.redact)
        return Answer(outcome.status, outcome.json)

    def _attempt(
        self,
        request: Request,
        variables: Variables,
        page: Page,
        token: Token | None,
    ) -> Outcome:
        now = datetime.fromtimestamp(self._clock.epoch(), UTC)
        message = self._message(request, variables, page, token, now)
        with self._slots:
            self.calls += 1  # a figure: threads may lose one
            self._budget.take(as_us=token is not None)
            self._hold()
            outcome, headers = self._wire.send(message, now)
            self._budget.observe(outcome.status, headers, outcome.retry_after)
        return outcome

    def _message(
        self,
        request: Request,
        variables: Variables,
        page: Page,
        token: Token | None,
        now: datetime,
    ) -> Message:
        carried = Carried() if token is None else self._auth.carried(token)
        moment = now.strftime("%Y-%m-%dT%H:%M:%SZ")
        known = {"now": moment, **self._variables, **variables}
        address = self._addresses.of(request.host)
        message = fill_in(
            request, address, known, self.connector.headers, carried, page
        )
        if request.basic is not None:
            self._secrets.add([message.headers["authorization"].removeprefix("Basic ")])
        return message


def _kept_token(
    connector: Connector,
    addresses: Addresses,
    credentials: Mapping[str, str],
    vault: TokenVault | None,
    outside: AbstractContextManager[Any],
) -> KeptToken | None:
    kind = connector.authenticator
    if vault is None or not isinstance(kind, LoginAuthenticator) or not kind.keep:
        return None
    hosts = (f"{name} {url}" for name, url in sorted(addresses.hosts.items()))
    place = [connector.partner, addresses.base_url, *hosts]
    return KeptToken(vault, credentials, place, outside)
