"""A partner on loopback: a function from call to reply behind a real socket."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from connectors.model import Connector
from connectors.transport import Session

HERE = Path(__file__).parent
SECRETS = {
    "username": "anna@example.org",
    "password": "s3cret/ä",
    "api_token": "k3y",
    "client_id": "feldwerk-client",
    "client_secret": "cl13nt-s3cret",
}


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # as it was sent, still percent-encoded
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None


@dataclass(frozen=True)
class Reply:
    """An answer; `body` None is an empty one, bytes are sent as they are."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class DroppedError(Exception):
    """Raised by an app to close the connection without an answer."""


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.app: Callable[[Call], Reply] = lambda call: Reply(404)
        self.calls: list[Call] = []
        self.logins = 0
        self.lifetime = 3600.0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def sent(self, method: str, path: str) -> list[Call]:
        return [c for c in self.calls if (c.method, c.path) == (method, path)]

    def answer(self, call: Call) -> Reply:
        with self._lock:
            self.calls.append(call)
        return self.app(call)

    def let_in(self) -> Reply:
        """Answer a login with a token that is new each time."""
        with self._lock:
            self.logins += 1
            number = self.logins
        claims = {"exp": time.time() + self.lifetime, "n": number}
        token = f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}."
        return Reply(
            body={"accessToken": token, "refreshToken": f"refresh-{number:020}"}
        )

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet: clients that give up are part of the tests."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(parts.query))
        call = Call(self.command, parts.path, query, headers, body)
        try:
            reply = self.server.answer(call)
        except DroppedError:
            self.close_connection = True
            return
        body = reply.body
        if body is None:
            body = b""
        elif not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(reply.status)
        length = {"Content-Length": str(len(body))}
        for name, value in {**length, **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass


def read(name: str, **changes: Any) -> Connector:
    data = yaml.safe_load((HERE / f"{name}.yaml").read_text(encoding="utf-8"))
    return Connector.model_validate({**data, **changes})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def open_session(server):
    @contextmanager
    def open_(
        name: str = "named_by_us", given: dict[str, Any] | None = None, **changes: Any
    ) -> Iterator[Session]:
        """`given` are arguments of the session, `changes` of the connector file."""
        connector = read(name, **changes)
        secrets = {key: SECRETS[key] for key in connector.credentials}
        arguments = {"addresses": server.url, "credentials": secrets, **(given or {})}
        with Session(connector, **arguments) as session:
            yield session

    return open_


@pytest.fixture
def kit():
    """What tests build servers and connectors of."""
    return SimpleNamespace(
        Call=Call, Reply=Reply, Dropped=DroppedError, read=read, SECRETS=SECRETS
    )
