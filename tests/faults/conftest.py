"""Partners that misbehave on the wire: scripts of bytes in, a real socket out."""

import gzip
import http.client
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self
from urllib.parse import urlsplit

import pytest
import yaml

from connectors.model import Connector
from connectors.transport import Session

CONNECTORS = Path(__file__).parent.parent / "connectors"
SECRETS = {"api_token": "k3y", "username": "anna", "password": "s3cret"}
MEGABYTE = 1024 * 1024
Send = Callable[[bytes], None]
Script = Callable[["Wicked", Send], None]


class Wicked:
    """What a script may use: it sends until the client has gone."""

    def __init__(self) -> None:
        self.over = threading.Event()

    def drip(self, send: Send, piece: bytes = b"a") -> None:
        """Send a byte now and then, for ever."""
        while not self.over.wait(0.01):
            send(piece)

    def pour(self, send: Send, piece: bytes) -> None:
        """Send as fast as it goes, for ever."""
        while not self.over.is_set():
            send(piece)


def head(status: int, *headers: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status} X", *headers, "", ""]).encode()


@cache
def packed(size: int) -> bytes:
    return gzip.compress(bytes(size), 6)


@cache
def chunk() -> bytes:
    return b"%x\r\n%s\r\n" % (MEGABYTE, b" " * MEGABYTE)


@cache
def long_refusal() -> bytes:
    body = b'{"error": {"message": "' + b"x" * 10 * MEGABYTE + b'"}}'
    return head(400, f"Content-Length: {len(body)}") + body


def send_packed(send: Send, status: int) -> None:
    body = packed(80 * MEGABYTE)
    send(head(status, "Content-Encoding: gzip", f"Content-Length: {len(body)}"))
    send(body)


def slow_head(wicked: Wicked, send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    wicked.drip(send)


def slow_body(wicked: Wicked, send: Send) -> None:
    send(head(200, "Content-Length: 1000000"))
    wicked.drip(send, b" ")


def slow_error(wicked: Wicked, send: Send) -> None:
    send(head(400, "Content-Length: 1000000"))
    wicked.drip(send, b" ")


def only_continues(wicked: Wicked, send: Send) -> None:
    wicked.drip(send, head(100))


def endless_body(wicked: Wicked, send: Send) -> None:
    send(head(200, "Transfer-Encoding: chunked"))
    wicked.pour(send, chunk())


def endless_error(wicked: Wicked, send: Send) -> None:
    send(head(400, "Transfer-Encoding: chunked"))
    wicked.pour(send, chunk())


def large_error(_: Wicked, send: Send) -> None:
    send(long_refusal())


def bomb(_: Wicked, send: Send) -> None:
    send_packed(send, 200)


def bomb_as_error(_: Wicked, send: Send) -> None:
    send_packed(send, 400)


def no_gzip(_: Wicked, send: Send) -> None:
    send(head(200, "Content-Encoding: gzip", "Content-Length: 4") + b"true")


def many_headers(wicked: Wicked, send: Send) -> None:
    send(b"HTTP/1.1 200 OK\r\n")
    wicked.pour(send, b"X-Flood: " + b"x" * 1000 + b"\r\n")


def no_http(_: Wicked, send: Send) -> None:
    send(b"220 mail.example.org ESMTP\r\n")


def dropped(_: Wicked, send: Send) -> None:
    """Close the connection without a word."""


def cut_off(_: Wicked, send: Send) -> None:
    send(head(200, "Content-Length: 1000") + b'{"id": ')


SCRIPTS = {
    script.__name__: script
    for script in (
        slow_head, slow_body, slow_error, only_continues, endless_body, endless_error,
        large_error, bomb, bomb_as_error, no_gzip, many_headers, no_http, cut_off,
        dropped,
    )
}  # fmt: skip


class Listener:
    """Reads requests, and answers each connection's with a script."""

    def __init__(self) -> None:
        self.script: Script = no_http
        self.reads = True
        self.requests = 0
        self._wicked = Wicked()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._wicked.over.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for thread in self._threads:
            thread.join()

    def _start(self, work: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with closing(connection):
            try:
                if not self.reads:
                    self._wicked.over.wait()
                    return
                _read_request(connection)
                self.requests += 1
                self.script(self._wicked, connection.sendall)
            except OSError:
                return  # the client has had enough


def _read_request(connection: socket.socket) -> None:
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536) or _gone()
    top, _, body = data.partition(b"\r\n\r\n")
    for line in top.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            left = int(line[15:]) - len(body)
            while left > 0:
                left -= len(connection.recv(65536) or _gone())


def _gone() -> bytes:
    raise ConnectionError


class Middleman(ThreadingHTTPServer):
    """
    Stands before a simulated partner; some calls it answers itself, wickedly.

    `script_of` is asked with the number of each call, from 1, and gives a script and
    whether the partner gets the call all the same.
    """

    daemon_threads = True

    def __init__(self, base_url: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Forward)
        parts = urlsplit(base_url)
        self.partner = parts.netloc
        self.base_url = f"http://127.0.0.1:{self.server_port}{parts.path}"
        self.script_of: Callable[[int], tuple[Script, bool] | None] = lambda _: None
        self.calls = 0
        self.wicked = Wicked()
        self.lock = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients that give up are part of the tests."""


class _Forward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Middleman

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        with self.server.lock:
            self.server.calls += 1
            wicked = self.server.script_of(self.server.calls)
        answer = None
        if wicked is None or wicked[1]:
            answer = self._ask(body)
        if wicked is not None:
            self.close_connection = True
            wicked[0](self.server.wicked, self.connection.sendall)
            return
        assert answer is not None
        status, headers, content = answer
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        with closing(http.client.HTTPConnection(self.server.partner)) as client:
            client.request(self.command, self.path, body, dict(self.headers))
            response = client.getresponse()
            return response.status, response.getheaders(), response.read()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as found:
        yield found


@pytest.fixture
def session(listener):
    """Return what opens a session with the listener, for one attempt a call."""

    @contextmanager
    def open_(name: str = "named_by_us", **changes: Any) -> Iterator[Session]:
        data = yaml.safe_load((CONNECTORS / f"{name}.yaml").read_text("utf-8"))
        handler = {**data["error_handler"], "max_attempts": 1}
        handler |= changes.pop("error_handler", {})
        known = {**data, "timeout_seconds": 5, "error_handler": handler, **changes}
        connector = Connector.model_validate(known)
        secrets = {key: SECRETS[key] for key in connector.credentials}
        with Session(connector, listener.url, secrets) as found:
            yield found

    return open_


@contextmanager
def _between(base_url: str, port: int = 0) -> Iterator[Middleman]:
    server = Middleman(base_url, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.wicked.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


def answering(status: int, body: bytes, *headers: str) -> Script:
    """Return a script that gives one whole answer."""
    whole = head(status, f"Content-Length: {len(body)}", *headers) + body
    return lambda _, send: send(whole)


@pytest.fixture
def wire_kit():
    """What tests build wicked partners of."""
    return SimpleNamespace(
        scripts=SCRIPTS,
        head=head,
        answering=answering,
        between=_between,
        MEGABYTE=MEGABYTE,
    )
