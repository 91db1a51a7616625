"""Put messages on the wire: a message in, what came of it out.

The one place that knows HTTP. httpx knows addresses and certificates; httpcore, which
it stands on, carries the calls: a third less work for each, and a network of our own.
"""

import json
import logging
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from connectors.answers import (
    is_success,
    read_date,
    read_document,
    read_json,
    read_retry_after,
)
from connectors.body import TooLongError, UnreadableError, read_body
from connectors.deadline import TimedNetwork
from connectors.errors import AddressError, AnswerError
from connectors.message import Message
from connectors.model import Connector
from connectors.network import Guard
from connectors.outcome import Outcome

_BODY_LIMIT = 64 * 1024 * 1024
_ERROR_BODY_LIMIT = 64 * 1024
_LONGEST_PATH = 8_000  # servers need not read more (RFC 9110, 4.1)
_CONNECT_SECONDS = 10.0
_IDLE_SECONDS = 5.0
_SILENCES = 4
"""A call takes at most so many times as long as the partner may be silent."""

# What stands in a path as it is, beside letters and digits; `%` is of its encoding.
_IN_PATH = "-._~!$&'()*+,;=:@%/"
_TOO_LONG = "An identifier is too long to stand in an address."

# They log addresses with their queries.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

_Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class _Place:
    """An address that paths go on, and the connections to it."""

    address: str
    url: httpx.URL
    host: bytes
    prefix: bytes
    pool: httpcore.ConnectionPool

    def target(self, message: Message) -> bytes:
        """Return the path and the query of a message, as they are sent."""
        if len(message.path) > _LONGEST_PATH:
            raise AddressError(_TOO_LONG)
        if message.link is None and not message.query:
            return self.prefix + quote(message.path, safe=_IN_PATH).encode()
        try:
            url = httpx.URL(self.address + message.path)
            if message.link is not None:
                url = _followed(url, message.link)
            return url.copy_merge_params(message.query).raw_path
        except httpx.InvalidURL:
            raise AddressError(_TOO_LONG) from None


class Wire:
    """
    The connections to one partner, shared by several threads.

    Hosts in private networks are refused, unless `private` allows them.
    """

    def __init__(self, connector: Connector, *, private: bool) -> None:
        self._private = private
        self._partner = connector.partner
        self._concurrency = connector.api_budget.concurrency
        seconds = connector.timeout_seconds
        self._timeouts = dict.fromkeys(("read", "write", "pool"), seconds)
        self._timeouts["connect"] = min(seconds, _CONNECT_SECONDS)
        self._seconds = seconds * _SILENCES
        self._network = TimedNetwork()
        self._opening = threading.Lock()
        self._places: dict[str, _Place] = {}

    def close(self) -> None:
        """Close all connections."""
        for place in self._places.values():
            place.pool.close()

    def send(
        self, message: Message, now: datetime
    ) -> tuple[Outcome, Mapping[str, str]]:
        """
        Send a message once; return what came of it, and the headers of the answer.

        Raises AddressError for an address that is too long, AnswerError for a link that
        leads to another scheme, host or port, SpecError for a host in a private
        network.
        """
        try:
            place = self._place(message.address)
        except ValueError as error:
            return Outcome(failure=str(error), nothing_done=True), {}
        extensions: dict[str, Any] = {"timeout": self._timeouts}
        if not self._private:
            extensions["trace"] = Guard(self._partner, place.url)
        url, body = place.url, _body(message)
        request = httpcore.Request(
            message.method,
            httpcore.URL(
                scheme=url.raw_scheme,
                host=url.raw_host,
                port=url.port,
                target=place.target(message),
            ),
            headers=_headers(message, place.host, body),
            content=body,
            extensions=extensions,
        )
        self._network.end_in(self._seconds)
        return _exchange(place, request, now)

    def _place(self, address: str) -> _Place:
        """Return the place of an address; raises ValueError if it is not valid."""
        place = self._places.get(address)
        if place is not None:
            return place
        with self._opening:
            url = _http(address)
            if url is None:
                raise ValueError("the address is not valid")
            prefix = url.raw_path.rstrip(b"/")
            place = _Place(address, url, url.netloc, prefix, self._pool(url))
            return self._places.setdefault(address, place)

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        """Return connections to a host, through the proxy of the environment if any."""
        proxies = getproxies()
        proxy = proxies.get(url.scheme) or proxies.get("all")
        limits: dict[str, Any] = {
            "ssl_context": self._tls if url.scheme == "https" else None,
            "max_connections": self._concurrency,
            "max_keepalive_connections": self._concurrency,
            "keepalive_expiry": _IDLE_SECONDS,
            "network_backend": self._network,
        }
        if not proxy or proxy_bypass(url.netloc.decode("ascii")):
            return httpcore.ConnectionPool(**limits)
        through = _http(proxy if "://" in proxy else f"http://{proxy}")
        if through is None:
            raise ValueError("the proxy of the environment is no HTTP proxy")
        secrets = (through.username, through.password)
        return httpcore.HTTPProxy(
            str(through.copy_with(username=None, password=None)),
            proxy_auth=secrets if any(secrets) else None,
            proxy_ssl_context=self._tls if through.scheme == "https" else None,
            **limits,
        )

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        """How certificates are verified, by those that SSL_CERT_FILE or certifi has."""
        return httpx.create_ssl_context()


def _http(address: str) -> httpx.URL | None:
    """Return an address that HTTP can reach, or None."""
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        return None
    return url if url.scheme in ("http", "https") and url.host else None


def _body(message: Message) -> bytes | None:
    if message.content is not None:
        return message.content
    if message.form is not None:
        return str(httpx.QueryParams(dict(message.form))).encode()
    if message.json is None:
        return None
    text = json.dumps(
        message.json, ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def _headers(message: Message, host: bytes, body: bytes | None) -> _Headers:
    headers = {
        "accept": "application/json",
        "accept-encoding": "gzip, deflate",
        "user-agent": "feldwerk",
    }
    if message.form is not None:
        headers["content-type"] = "application/x-www-form-urlencoded"
    elif message.json is not None:
        headers["content-type"] = "application/json"
    if body is not None or message.method in ("POST", "PUT", "PATCH"):
        headers["content-length"] = str(len(body or b""))
    headers |= message.headers
    found = [(name.encode(), text.encode()) for name, text in headers.items()]
    return [(b"host", host), *found]


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
    place: _Place, request: httpcore.Request, now: datetime
) -> tuple[Outcome, Mapping[str, str]]:
    """Send a request once. Errors of httpcore end here: their texts tell secrets."""
    try:
        response = place.pool.handle_request(request)
        headers = httpx.Headers(response.headers)
        try:
            document = _read(response, headers.get("content-encoding", ""))
        finally:
            response.close()
    except httpcore.ConnectError as error:
        return Outcome(failure=_why_unconnected(error), nothing_done=True), {}
    except httpcore.LocalProtocolError:
        raise AddressError("A header gets a text that it cannot carry.") from None
    except (
        httpcore.ConnectTimeout,
        httpcore.PoolTimeout,
        httpcore.ProxyError,
        httpcore.UnsupportedProtocol,
    ):
        return Outcome(failure="no connection", nothing_done=True), {}
    except httpcore.TimeoutException:
        return Outcome(failure="no answer in time"), {}
    except httpcore.NetworkError:
        return Outcome(failure="the connection was dropped"), {}
    except httpcore.ProtocolError:
        return Outcome(failure="the connection was dropped, or speaks no HTTP"), {}
    except TooLongError:
        return Outcome(failure="the answer is longer than 64 MB"), {}
    except UnreadableError:
        return Outcome(failure="the answer cannot be unpacked"), {}
    outcome = Outcome(
        status=response.status,
        json=document,
        nothing_done=response.status == httpx.codes.TOO_MANY_REQUESTS,
        retry_after=read_retry_after(
            headers.get("retry-after"), read_date(headers.get("date")) or now
        ),
        redirect=_led_to(place.url, response.status, headers),
    )
    return outcome, headers


def _why_unconnected(error: BaseException) -> str:
    """Say why there is no connection, without the texts of the libraries below."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is refused ({cause.verify_message})"
        cause = cause.__cause__ or cause.__context__
    return "no connection"


def _led_to(url: httpx.URL, status: int, headers: httpx.Headers) -> str:
    """Return the host that a redirect leads to, or ""; it is never followed."""
    if not httpx.codes.is_redirect(status):
        return ""
    try:
        return url.join(headers.get("location", "")).host
    except (httpx.InvalidURL, ValueError):
        return ""


def _read(response: httpcore.Response, encoding: str) -> Any:
    """Return what the body says; of an error only its beginning, as far as it comes."""
    pieces = response.iter_stream()
    if is_success(response.status):
        return read_json(read_body(pieces, encoding, _BODY_LIMIT))
    try:
        return read_document(read_body(pieces, encoding, _ERROR_BODY_LIMIT))
    except TooLongError as error:
        return read_document(error.beginning)
    except (
        UnreadableError,
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
    ):
        return None  # the status is known, and says enough
