"""End an answer that comes too slowly: seconds in, connections that are cut off out.

A timeout of the client counts the silence between two pieces; who sends a header a
second would keep us for hours.
"""

import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Timer
from typing import Any, Self

Trace = Callable[[str, Mapping[str, Any]], None]

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Deadline:
    """Watches one request, as httpcore's extension `trace`; `then` watches as well."""

    def __init__(self, seconds: float, then: Trace | None = None) -> None:
        self.is_over = False
        self.why = f"its answer takes longer than {seconds:.4g} seconds."
        self._then = then
        self._socket: socket.socket | None = None
        self._timer = Timer(seconds, self._cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def __call__(self, event: str, details: Mapping[str, Any]) -> None:
        """Remember the connection, which is another object once it is encrypted."""
        if event in _CONNECTED:
            self._socket = details["return_value"].get_extra_info("socket")
            if self.is_over:
                self._cut()
        if self._then is not None:
            self._then(event, details)

    def _cut(self) -> None:
        self.is_over = True
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
