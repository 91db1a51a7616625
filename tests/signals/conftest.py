"""Targets that listen, and the state that alerts are kept in."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest
from loggers import restored

from engine.runtime.state import State


class Listener(ThreadingHTTPServer):
    """A webhook that keeps what it gets."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 204
        self.headers = {}
        self.got = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/alerts?token=g3heim-in-der-url"

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(one.body["subject"], one.body["level"]) for one in self.got]

    def handle_error(self, request, client_address) -> None:
        """Stay quiet: clients that give up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        call = SimpleNamespace(
            path=self.path, raw=raw, body=json.loads(raw), headers=dict(self.headers)
        )
        self.server.got.append(call)
        self.send_response(self.server.status)
        for name, value in {"content-length": "0", **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *_) -> None:
        pass


@pytest.fixture(autouse=True)
def _logging():
    with restored():
        yield


@pytest.fixture
def new_listener():
    """Return what starts a webhook."""
    started = []

    def start() -> Listener:
        listener = Listener()
        arguments = {"target": listener.serve_forever, "args": (0.01,), "daemon": True}
        thread = threading.Thread(**arguments)
        thread.start()
        started.append((listener, thread))
        return listener

    yield start
    for listener, thread in started:
        listener.shutdown()
        listener.server_close()
        thread.join()


@pytest.fixture
def listener(new_listener):
    return new_listener()


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def sqlite(tmp_path):
    with State(f"sqlite:///{tmp_path / 'own.db'}") as state:
        yield state
