"""Fetch a page of the web, carefully: an address in, what it answers out.

No cookie and no credential is ever sent, redirects lead at most MOST_REDIRECTS times
on and never into a private network, and neither the size nor the time of an answer is
without end. Plain http and this machine are for addresses that begin on this machine.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from time import monotonic
from types import TracebackType
from typing import Self

import httpx
import stamina
from stamina.instrumentation import set_on_retry_hooks

from connectors.answers import read_retry_after
from connectors.body import TooLongError, UnreadableError, read_body
from connectors.network import Guard
from engine.app.workbench.sheets.deadline import Deadline
from engine.app.workbench.sheets.sheet_link import need_host
from engine.errors import SpecError

MOST_REDIRECTS = 5
_HERE = frozenset({"127.0.0.1", "::1", "localhost"})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PACKED = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_LATER = frozenset({429, 500, 502, 503, 504})
"""Statuses that may be others in a moment."""

set_on_retry_hooks([])  # stamina logs every retry


class NotFetchedError(Exception):
    """An address does not answer, or not as one may answer; the text says why."""

    def __init__(self, why: str, code: str = "S044") -> None:
        super().__init__(why)
        self.code = code
        """The problem that it is: S044 if it may be reached another time."""


@dataclass(frozen=True)
class Limits:
    """How long, how often and how much is read of one address."""

    silence: float = 20.0
    """Seconds without a sign of life."""
    seconds: float = 60.0
    """Seconds of one answer in all."""
    all_seconds: float = 300.0
    """Seconds of all answers together, with the waits between them."""
    size: int = 20_000_000
    """Bytes of one answer."""
    attempts: int = 3
    first_wait: float = 1.0
    longest_wait: float = 30.0


@dataclass(frozen=True)
class Fetched:
    """An answer that is no redirect, or one that leads where nobody follows."""

    status: int
    headers: httpx.Headers
    content: bytes
    leads_to: httpx.URL | None = None
    """Where a redirect would lead, if the caller does not want to go there."""


class _LaterError(Exception):
    """The server may answer better after a wait; `wait` is what it asks for."""

    def __init__(self, answer: Fetched, wait: float | None) -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.wait = wait


class Fetcher:
    """Fetches addresses; connections are kept while the context is open."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        nowhere = DefaultCookiePolicy(allowed_domains=[])
        self._client = httpx.Client(
            timeout=self.limits.silence,
            follow_redirects=False,
            cookies=CookieJar(nowhere),
            headers={"user-agent": "feldwerk", "accept-encoding": "gzip"},
            limits=httpx.Limits(max_keepalive_connections=0),
        )
        self._end = monotonic() + self.limits.all_seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def fetch(
        self, address: str, ends_at: Callable[[httpx.URL], bool] = lambda _: False
    ) -> Fetched:
        """
        Return what an address answers, after its redirects; raises NotFetchedError.

        A redirect to where `ends_at` is true is not followed.
        """
        url = httpx.URL(address)
        begins_here = url.host in _HERE
        for _ in range(MOST_REDIRECTS + 1):
            answer = self._patiently(url, begins_here)
            if answer.status not in _REDIRECTS:
                return answer
            url = _next(url, answer)
            if ends_at(url):
                return Fetched(answer.status, answer.headers, b"", url)
        why = f"it leads on more than {MOST_REDIRECTS} times."
        raise NotFetchedError(why, "S087")

    def _patiently(self, url: httpx.URL, begins_here: bool) -> Fetched:
        """Ask again after a wait, as often as it may help."""
        limits = self.limits
        try:
            for attempt in stamina.retry_context(
                on=self._wait,
                attempts=limits.attempts,
                timeout=max(self._end - monotonic(), 0.001),
                wait_initial=limits.first_wait,
                wait_max=limits.longest_wait,
            ):
                with attempt:
                    answer = _settled(self._once(url, begins_here))
        except _LaterError as error:
            answer = error.answer
        return answer

    def _wait(self, error: Exception) -> bool | float:
        """Say how long to wait before another attempt; False if it is of no use."""
        if not isinstance(error, _LaterError):
            return False
        if error.wait is None:
            return True
        return error.wait <= self.limits.longest_wait and error.wait

    def _once(self, url: httpx.URL, begins_here: bool) -> Fetched:
        left = self._end - monotonic()
        if left <= 0:
            why = f"all of it takes longer than {self.limits.all_seconds:g} seconds."
            raise NotFetchedError(why)
        seconds = min(self.limits.seconds, left)
        watched = guard(url, begins_here=begins_here)
        try:
            with (
                Deadline(seconds, watched.get("trace")) as deadline,
                _told(deadline),
                self._client.stream(
                    "GET", url, extensions={"trace": deadline}
                ) as response,
            ):
                body = b""
                if response.status_code not in _REDIRECTS:
                    body = self._read(response)
                if deadline.is_over:
                    raise NotFetchedError(deadline.why)
                return Fetched(response.status_code, response.headers, body)
        except SpecError:
            raise _private(url) from None

    def _read(self, response: httpx.Response) -> bytes:
        encoding = response.headers.get("content-encoding", "").strip().lower()
        if encoding not in _PACKED:
            why = f"its answer is packed as '{encoding}', which was not asked for."
            raise NotFetchedError(why, "S045")
        try:
            return read_body(response.iter_raw(), encoding, self.limits.size)
        except TooLongError:
            why = f"it answers more than {self.limits.size:,} bytes."
            raise NotFetchedError(why, "S086") from None
        except UnreadableError:
            raise NotFetchedError("its answer cannot be unpacked.", "S045") from None


def _settled(answer: Fetched) -> Fetched:
    """Return an answer that another attempt would not better."""
    if answer.status in _LATER:
        told = answer.headers.get("retry-after")
        raise _LaterError(answer, read_retry_after(told, datetime.now(UTC)))
    return answer


@contextmanager
def _told(deadline: Deadline) -> Iterator[None]:
    """Say in plain words what is wrong with a connection."""
    try:
        yield
    except httpx.TimeoutException:
        raise NotFetchedError("it does not answer in time.") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        if deadline.is_over:
            raise NotFetchedError(deadline.why) from None
        cause = " ".join(str(error).split()) or type(error).__name__
        raise NotFetchedError(f"{cause}.") from None


def guard(url: httpx.URL, *, begins_here: bool) -> dict[str, Guard]:
    """Watch the connections to an address; raises NotFetchedError if it is wrong."""
    if url.userinfo:
        why = "it leads to an address with a name or a password."
        raise NotFetchedError(why, "S087")
    if begins_here and url.host in _HERE and url.scheme in ("http", "https"):
        return {}
    if url.scheme != "https":
        why = f"'{url.scheme}://{url.host}' is not https."
        raise NotFetchedError(why, "S087")
    try:
        return {"trace": Guard("", url)}
    except SpecError:
        raise _private(url) from None


def _private(url: httpx.URL) -> NotFetchedError:
    why = f"'{url.host}' is in a private network."
    return NotFetchedError(why, "S087")


def _next(url: httpx.URL, answer: Fetched) -> httpx.URL:
    """Return where a redirect leads."""
    nowhere = f"it answers {answer.status} and leads nowhere."
    if not answer.headers.get("location"):
        raise NotFetchedError(nowhere, "S087")
    try:
        url = url.join(answer.headers["location"])
        need_host(url)
    except (httpx.InvalidURL, ValueError):
        raise NotFetchedError(nowhere, "S087") from None
    return url
