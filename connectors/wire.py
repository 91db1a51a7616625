"""Put messages on the wire: a message in, what came of it out.

The one place that knows HTTP.
"""

import logging
from collections.abc import Mapping
from datetime import datetime

import httpx

from connectors.answers import read_json, read_retry_after
from connectors.errors import AnswerError
from connectors.message import Message
from connectors.model import Connector
from connectors.outcome import Outcome

_ERROR_BODY_LIMIT = 64 * 1024
_CONNECT_SECONDS = 10.0

# httpx logs addresses with their queries.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Wire:
    """The connections to one partner, shared by several threads."""

    def __init__(self, connector: Connector) -> None:
        seconds = connector.timeout_seconds
        concurrency = connector.api_budget.concurrency
        self._client = httpx.Client(
            headers={"accept": "application/json", "user-agent": "feldwerk"},
            timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
            limits=httpx.Limits(
                max_connections=concurrency, max_keepalive_connections=concurrency
            ),
            follow_redirects=False,
            verify=True,
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def send(
        self, message: Message, now: datetime
    ) -> tuple[Outcome, Mapping[str, str]]:
        """
        Send a message once; return what came of it, and the headers of the answer.

        Raises AnswerError for a link that leads to another scheme, host or port.
        """
        request = self._request(message)
        if request is None:
            failure = Outcome(failure="the address is not valid", nothing_done=True)
            return failure, {}
        return _exchange(self._client, request, now)

    def _request(self, message: Message) -> httpx.Request | None:
        """Return the request of a message; None if its address is not valid."""
        try:
            url = httpx.URL(message.url)
            if message.link is not None:
                url = _followed(url, message.link)
            if message.query:
                url = url.copy_merge_params(message.query)
            return self._client.build_request(
                message.method,
                url,
                headers=message.headers,
                json=message.json,
                data=message.form,
                content=message.content,
            )
        except httpx.InvalidURL:
            return None


def _followed(url: httpx.URL, link: str) -> httpx.URL:
    """Return the address of a link that was found in the answer of `url`."""
    try:
        target = url.join(link)
    except (httpx.InvalidURL, ValueError):
        raise AnswerError("The link to the next page is no address.") from None
    origin = (url.scheme, url.host, url.port)
    if (target.scheme, target.host, target.port) != origin or target.userinfo:
        raise AnswerError("The link to the next page leads to another host.")
    return target


def _exchange(
    client: httpx.Client, message: httpx.Request, now: datetime
) -> tuple[Outcome, Mapping[str, str]]:
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
        return Outcome(failure="no connection", nothing_done=True), {}
    except httpx.TimeoutException:
        return Outcome(failure="no answer in time"), {}
    except httpx.HTTPError:
        return Outcome(failure="the connection was dropped"), {}
    header = response.headers.get("retry-after")
    outcome = Outcome(
        status=response.status_code,
        json=read_json(body),
        nothing_done=response.status_code == httpx.codes.TOO_MANY_REQUESTS,
        retry_after=read_retry_after(header, now),
    )
    return outcome, response.headers


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
