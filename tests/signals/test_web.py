"""The HTTP endpoints: who gets in, what they say, hooks that count once."""

import base64
import hashlib
import hmac
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import StringIO
from types import SimpleNamespace

import httpx
import pytest

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.state import State
from engine.service.beats import Beats
from engine.service.front import read_access, read_hook_secret, serving
from engine.service.logs import open_log
from engine.service.metrics import Metrics
from engine.service.signing import WINDOW_SECONDS, hook_key, sign
from engine.service.web import BODY_LIMIT, Access, create_app

TOKEN = "t0ken-" + "x" * 32
SECRET = "h00k-" + "y" * 32
NAME = "muster/etg24/stammdaten/test"
OTHER = "nord/etg24/stammdaten/test"
HOOK = f"/hooks/{NAME}"


class Known:
    """Two activations, and the orders that they got."""

    def __init__(self):
        self.orders = []

    def order(self, name):
        if name not in (NAME, OTHER):
            raise SpecError([Problem(Origin(name), "D322", "no such activation.")])
        self.orders.append(name)

    def status(self):
        return [{"activation": NAME, "state": "idle"}]


@pytest.fixture
def service(sqlite):
    """A service that listens on loopback."""
    with listening(sqlite) as service:
        yield service


@pytest.fixture
def shared(state):
    """A service on each kind of database."""
    with listening(state) as service:
        yield service


@contextmanager
def listening(state):
    log, orders = StringIO(), Known()
    moment = SimpleNamespace(now=1_800_000_000.0)
    app = create_app(
        state.engine,
        orders,
        Metrics(state.engine),
        Access(TOKEN, SECRET),
        open_log(log, as_json=True),
        lambda: moment.now,
    )
    with (
        serving(app, "127.0.0.1", 0) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield SimpleNamespace(
            client=client, orders=orders, moment=moment, log=log, state=state, port=port
        )


def bearer(token=TOKEN):
    return {"authorization": f"Bearer {token}"}


def signed(service, body=b"", name=NAME, key=None, at=None):
    stamp = str(int(service.moment.now if at is None else at))
    key = key or hook_key(SECRET, name)
    return {
        "X-Feldwerk-Timestamp": stamp,
        "X-Feldwerk-Signature": sign(key, stamp, body),
    }


def call(service, body=b"", name=NAME, **more):
    return service.client.post(
        f"/hooks/{name}", content=body, headers=signed(service, body, name, **more)
    )


# -- who gets in


def test_health_needs_no_token_and_tells_nothing(shared):
    Beats(shared.state.engine, "w", 1).beat()
    answer = shared.client.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_health_says_that_no_worker_lives(service):
    answer = service.client.get("/health")
    assert (answer.status_code, answer.json()) == (503, {"status": "no worker"})


ENDPOINTS = [
    ("GET", "/metrics"),
    ("GET", "/status"),
    ("POST", f"/activations/{NAME}/run"),
    ("GET", "/"),
    ("GET", "/health/"),
    ("GET", "/hooks"),
    ("GET", "/docs"),
    ("OPTIONS", "/status"),
]
WRONG = {
    "none": {},
    "wrong": bearer("x" * 40),
    "part": bearer(TOKEN[:-1]),
    "longer": bearer(TOKEN + "x"),
    "empty": {"authorization": "Bearer"},
    "basic": {"authorization": "Basic " + base64.b64encode(TOKEN.encode()).decode()},
    "umlaut": {"authorization": "Bearer ü".encode()},
    "query": {"x-token": TOKEN},
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_every_other_path_needs_the_token(service, method, path, headers):
    answer = service.client.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json() == {"error": "token"}
    assert service.orders.orders == []


def test_the_token_opens_every_path(shared):
    assert shared.client.get("/metrics", headers=bearer()).status_code == 200
    status = shared.client.get("/status", headers=bearer())
    assert status.json() == {"activations": [{"activation": NAME, "state": "idle"}]}
    assert shared.client.get("/nothing", headers=bearer()).status_code == 404


def test_an_activation_is_ordered_to_run(service):
    answer = service.client.post(f"/activations/{NAME}/run", headers=bearer())
    assert (answer.status_code, service.orders.orders) == (202, [NAME])


def test_an_unknown_activation_is_not_found(service):
    answer = service.client.post("/activations/a/b/c/d/run", headers=bearer())
    assert answer.status_code == 404
    assert answer.json() == {"error": "activation", "codes": ["D322"]}


def test_a_run_is_not_ordered_by_get(service):
    answer = service.client.get(f"/activations/{NAME}/run", headers=bearer())
    assert answer.status_code == 405


# -- hooks


def test_a_signed_call_lets_the_activation_run(service):
    answer = call(service, b'{"id": "export-17", "text": "fertig"}')
    assert answer.status_code == 202
    assert answer.json() == {"activation": NAME, "accepted": True, "known": False}
    assert service.orders.orders == [NAME]


def test_the_signature_is_the_usual_hmac(service):
    """As somebody at the ERP writes it, from the documentation alone."""
    name = f"feldwerk hook {NAME}".encode()
    key = hmac.new(SECRET.encode(), name, hashlib.sha256).hexdigest()
    stamp, body = str(int(service.moment.now)), b'{"id": 5}'
    message = stamp.encode() + b"." + body
    signature = hmac.new(key.encode(), message, hashlib.sha256).hexdigest()
    headers = {
        "x-feldwerk-timestamp": stamp,
        "x-feldwerk-signature": f"sha256={signature}",
    }
    answer = service.client.post(HOOK, content=body, headers=headers)
    assert answer.status_code == 202


def test_an_empty_body_will_do(service):
    assert call(service).status_code == 202


@pytest.mark.parametrize(
    "change", ["body", "stamp", "signature", "key", "none", "name"]
)
def test_a_call_that_is_not_rightly_signed_is_refused(service, change):
    body = b'{"id": 1}'
    headers = signed(service, body, key="x" * 64 if change == "key" else None)
    path = HOOK
    if change == "body":
        body = b'{"id": 2}'
    elif change == "stamp":
        headers["X-Feldwerk-Timestamp"] = str(int(service.moment.now) + 1)
    elif change == "signature":
        headers["X-Feldwerk-Signature"] = headers["X-Feldwerk-Signature"][:-1] + "ü"
        headers = {name: text.encode() for name, text in headers.items()}
    elif change == "none":
        headers = {}
    elif change == "name":
        path = f"/hooks/{OTHER}"  # the key of one activation opens no other
    answer = service.client.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()) == (401, {"error": "signature"})
    assert service.orders.orders == []


def test_the_token_does_not_replace_a_signature(service):
    answer = service.client.post(HOOK, headers=bearer())
    assert answer.status_code == 401


@pytest.mark.parametrize("late", [WINDOW_SECONDS + 1, -WINDOW_SECONDS - 1])
def test_a_call_of_another_time_is_refused(service, late):
    answer = call(service, at=service.moment.now + late)
    assert (answer.status_code, answer.json()) == (401, {"error": "timestamp"})


@pytest.mark.parametrize(
    "stamp", ["", "now", "-1", "1e9", "9" * 40, "１８００００００００"]
)
def test_a_moment_that_is_none_is_refused(service, stamp):
    headers = {
        "X-Feldwerk-Timestamp": stamp.encode(),
        "X-Feldwerk-Signature": sign(hook_key(SECRET, NAME), stamp, b"").encode(),
    }
    answer = service.client.post(HOOK, headers=headers)
    assert answer.status_code == 401
    assert service.orders.orders == []


def test_a_call_that_is_sent_again_as_it_was_is_refused(shared):
    headers = signed(shared)
    first, second = (shared.client.post(HOOK, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 409)
    assert shared.orders.orders == [NAME]


def test_the_same_id_is_one_run(shared):
    body = b'{"id": "export-17"}'
    first = call(shared, body)
    shared.moment.now += 30
    second = call(shared, body)
    assert (first.json()["known"], second.json()["known"]) == (False, True)
    assert second.status_code == 202
    assert shared.orders.orders == [NAME]


def test_another_activation_may_have_the_same_id(service):
    body = b'{"id": "export-17"}'
    call(service, body)
    call(service, body, name=OTHER)
    assert service.orders.orders == [NAME, OTHER]


def test_one_of_many_equal_calls_at_once_counts(shared):
    headers = signed(shared)
    ready = threading.Barrier(5)

    def send(_):
        with httpx.Client(base_url=shared.client.base_url) as client:
            ready.wait()
            return client.post(HOOK, headers=headers).status_code

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(send, range(5))) == [202, 409, 409, 409, 409]
    assert shared.orders.orders == [NAME]


def test_a_call_that_failed_half_way_may_come_again(service):
    """The id counts once the order is given, not before."""
    body = b'{"id": "export-17"}'
    assert call(service, body, name="a/b/c/d").status_code == 404
    assert call(service, body).json()["known"] is False


@pytest.mark.parametrize("name", ["a/b/c/d", "%00", "x" * 3000, "../../etc/passwd"])
def test_a_hook_of_an_unknown_activation_is_not_found(service, name):
    answer = service.client.post(
        f"/hooks/{name}", headers=signed(service, name=name.replace("%00", "\0"))
    )
    assert answer.status_code in (401, 404)
    assert service.orders.orders == []


@pytest.mark.parametrize("size", [BODY_LIMIT + 1, 20 * BODY_LIMIT])
def test_a_long_body_is_refused(service, size):
    body = b" " * size
    with httpx.Client(base_url=service.client.base_url) as client:
        try:
            answer = client.post(HOOK, content=body, headers=signed(service, body))
        except httpx.TransportError:
            return  # the server hung up while we were still talking
    assert answer.status_code == 413


def test_a_body_of_the_limit_is_taken(service):
    body = b'{"id": 1}' + b" " * (BODY_LIMIT - 9)
    assert call(service, body).status_code == 202


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff", b'{"id": []}', b'{"id": true}', b'{"id": "' + b"x" * 300 + b'"}'],
)
def test_a_body_that_cannot_be_read_is_refused(service, body):
    assert call(service, body).status_code == 400
    assert service.orders.orders == []


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b'{"id": null}', b'"text"'])
def test_a_body_without_an_id_is_a_run(service, body):
    assert call(service, body).status_code == 202


def test_a_caller_that_hangs_up_does_no_harm(service):
    with socket.create_connection(("127.0.0.1", service.port)) as raw:
        head = f"POST {HOOK} HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nabc"
        raw.sendall(head.encode())
    assert call(service).status_code == 202


def test_without_a_secret_there_are_no_hooks(sqlite):
    orders = Known()
    access = Access(TOKEN, None)
    log = open_log(StringIO(), as_json=True)
    app = create_app(
        sqlite.engine, orders, Metrics(sqlite.engine), access, log, time.time
    )
    with serving(app, "127.0.0.1", 0) as port:
        headers = {
            "X-Feldwerk-Timestamp": str(int(time.time())),
            "X-Feldwerk-Signature": sign(hook_key("", NAME), "1", b""),
        }
        url = f"http://127.0.0.1:{port}{HOOK}"
        assert httpx.post(url, headers=headers).status_code == 404
    assert orders.orders == []


# -- what it tells


def test_calls_are_logged_without_what_was_sent(service):
    service.client.get("/status?token=g3heim", headers=bearer())
    service.client.get("/evil/Xaverine", headers={"authorization": "Bearer g3heim-2"})
    call(service, b'{"id": "Quastenhuber"}')
    lines = [json.loads(line) for line in service.log.getvalue().splitlines()]
    seen = [(line["method"], line["path"], line["status"]) for line in lines]
    assert seen == [("GET", "status", 200), ("GET", "none", 401), ("POST", "hook", 202)]
    text = service.log.getvalue()
    for hidden in ("g3heim", "Xaverine", "Quastenhuber", TOKEN, SECRET):
        assert hidden not in text


def test_a_database_that_is_away_is_said_and_nothing_else(tmp_path):
    with State(f"sqlite:///{tmp_path / 'a.db'}") as state:
        engine = state.engine
        app = create_app(
            engine,
            Known(),
            Metrics(engine),
            Access(TOKEN, SECRET),
            open_log(StringIO(), as_json=True),
            lambda: 1.8e9,
        )
        with serving(app, "127.0.0.1", 0) as port:
            engine.dispose()
            for path in tmp_path.glob("a.db*"):
                path.unlink()
            url = f"http://127.0.0.1:{port}"
            health = httpx.get(f"{url}/health")
            assert health.status_code == 503
            assert health.json() == {"status": "no database"}
            body = sign(hook_key(SECRET, NAME), "1800000000", b"")
            headers = {
                "X-Feldwerk-Timestamp": "1800000000",
                "X-Feldwerk-Signature": body,
            }
            answer = httpx.post(url + HOOK, headers=headers)
            assert (answer.status_code, answer.json()) == (503, {"error": "database"})
            figures = httpx.get(f"{url}/metrics", headers=bearer())
            assert "feldwerk_database_up 0.0" in figures.text


# -- secrets of the service


@pytest.fixture
def no_secrets(monkeypatch, tmp_path):
    monkeypatch.delenv("FELDWERK_TOKEN", raising=False)
    monkeypatch.delenv("FELDWERK_HOOK_SECRET", raising=False)
    monkeypatch.setenv("FELDWERK_SECRETS", str(tmp_path))
    return tmp_path


def test_without_a_token_nothing_is_served(no_secrets):
    with pytest.raises(SpecError) as caught:
        read_access()
    assert [p.code for p in caught.value.problems] == ["D340"]
    assert "FELDWERK_TOKEN" in str(caught.value)


def test_secrets_come_from_the_environment_or_the_secrets_directory(
    no_secrets, monkeypatch
):
    monkeypatch.setenv("FELDWERK_TOKEN", TOKEN)
    (no_secrets / "feldwerk_hook_secret").write_text(f"{SECRET}\n", "utf-8")
    assert read_access() == Access(TOKEN, SECRET)
    assert read_hook_secret() == SECRET


def test_a_short_secret_is_refused_and_not_repeated(no_secrets, monkeypatch):
    monkeypatch.setenv("FELDWERK_TOKEN", "kurz-4711")
    monkeypatch.setenv("FELDWERK_HOOK_SECRET", "auch-4711")
    with pytest.raises(SpecError) as caught:
        read_access()
    assert len(caught.value.problems) == 2
    assert "4711" not in str(caught.value)


def test_a_port_that_is_taken_is_a_problem(service):
    app = httpx.ASGITransport  # any callable will do: it is never called
    with (
        pytest.raises(SpecError, match="cannot be listened to"),
        serving(app, "127.0.0.1", service.port),
    ):
        pass
