"""End a call in time: seconds in, connections out on which no call takes longer.

A timeout of HTTP libraries is for one sign of life, so a partner that sends a byte now
and then could hold a call for ever. What is written goes out in one piece when the
answer is awaited: head and body of a small call are one packet, and one system call.
"""

import contextlib
import math
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any

import httpcore


class _Deadline(threading.local):
    """When the call of this thread ends, in seconds of the steady clock."""

    at = math.inf

    def cut(self, timeout: float | None, late: type[Exception]) -> float:
        """Return what is left of a timeout; raises `late` if that is nothing."""
        left = self.at - time.monotonic()
        if left <= 0:
            raise late
        return left if timeout is None else min(timeout, left)


class TimedNetwork(httpcore.NetworkBackend):
    """The network, on which every thread gives its calls an end."""

    def __init__(self) -> None:
        self._network = httpcore.SyncBackend()
        self._deadline = _Deadline()

    def end_in(self, seconds: float) -> None:
        """Let what this thread does on its connections end in so many seconds."""
        self._deadline.at = time.monotonic() + seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to a host."""
        stream = self._network.connect_tcp(
            host, port, timeout, local_address, socket_options
        )
        return _TimedStream(stream, self._deadline)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._written = bytearray()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._written:
            # Who does not listen to the end may have answered all the same.
            with contextlib.suppress(httpcore.WriteError):
                self._send(timeout)
        left = self._deadline.cut(timeout, httpcore.ReadTimeout)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002 - that of `read` counts
        self._written += buffer

    def _send(self, timeout: float | None) -> None:
        out = bytes(self._written)
        self._written.clear()
        self._stream.write(out, self._deadline.cut(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.cut(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _TimedStream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
