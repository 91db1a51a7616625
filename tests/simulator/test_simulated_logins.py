"""Logins of all kinds, and settings in templates."""

import time

import pytest

from tools.simulator.partner import read

UNITS = {"units": {"upsert": {"method": "PUT", "path": "/units/{{ id }}"}}}
UNIT = {
    "type": "object",
    "properties": {"extId": {"type": "string", "x-in": "path"}, "name": {}},
}
SCHEMAS = {"units": UNIT}
BASIC = {"username": "{{ credentials.key }}", "password": "{{ credentials.secret }}"}
SESSION = {
    "type": "login",
    "login": {
        "method": "POST",
        "host": "portal",
        "path": "/login",
        "basic": BASIC,
        "headers": {"X-Client": "feldwerk"},
        "query": {"lang": "de"},
        "form": {"grant_type": "client_credentials"},
    },
    "token": "result.session_key",
    "expires": {"at": "result.session.expires", "after_seconds": 300},
    "keep": True,
    "send": {"query": "session", "value": "{{ token }}"},
}
USE_CASE = """
settings:
  area: {type: text, default: nord, example: west}
  limit: {type: text, example: 7}
"""


@pytest.fixture
def session(serve):
    hosts = {"portal": "https://portal.example.org"}
    return serve(UNITS, SCHEMAS, authenticator=SESSION, hosts=hosts)


def log_in(session, *, password="simulated-secret", client="feldwerk", lang="de"):
    return session.http.post(
        "/login",
        auth=("simulated-key", password),
        headers={"X-Client": client},
        params={"lang": lang},
        data={"grant_type": "client_credentials"},
    )


def test_session_is_in_the_envelope_and_serves_in_the_query(session):
    key = log_in(session).json()["result"]["session_key"]
    for token, status in ((key, 201), ("wrong", 401)):
        answer = session.http.put("/units/1", json={}, params={"session": token})
        assert answer.status_code == status
        session.simulator.reset()


def test_session_says_when_it_ends(session):
    expires = log_in(session).json()["result"]["session"]["expires"]
    assert expires.endswith("+00:00")


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"password": "x"}, 401), ({"client": "x"}, 400), ({"lang": "en"}, 401)],
)
def test_login_that_differs_is_refused(session, wrong, status):
    assert log_in(session, **wrong).status_code == status


def test_token_lives_as_long_as_the_file_says(session, monkeypatch):
    key = log_in(session).json()["result"]["session_key"]
    later = time.time() + 301
    monkeypatch.setattr(session.simulator._simulation.gate, "_now", lambda: later)
    answer = session.http.put("/units/1", json={}, params={"session": key})
    assert answer.status_code == 401


def test_login_and_refresh_may_have_one_address(serve):
    grant = {"method": "POST", "path": "/token"}
    secret = {"secret": "{{ credentials.secret }}"}
    refresh = {"grant": "refresh", "token": "{{ answer.refresh }}"}
    authenticator = {
        "type": "login",
        "login": {**grant, "form": {"grant": "password", **secret}},
        "refresh": {**grant, "form": refresh},
        "token": "access",
        "expires": {"in_seconds": "seconds"},
        "send": {"header": "Authorization", "value": "Bearer {{ token }}"},
    }
    http = serve(UNITS, SCHEMAS, authenticator=authenticator).http
    form = {"grant": "password", "secret": "simulated-secret"}
    answer = http.post("/token", data=form).json()
    assert answer["seconds"] == 3600
    again = {"grant": "refresh", "token": answer["refresh"]}
    assert http.post("/token", data=again).json()["access"] != answer["access"]
    assert http.post("/token", data={**form, "secret": "x"}).status_code == 401


def with_settings(serve, **options):
    return serve(
        UNITS,
        SCHEMAS,
        settings=["area", "limit"],
        base_url={"production": "https://{{ settings.area }}.example.org/v1"},
        headers={"X-Area": "{{ settings.area }}-{{ settings.limit }}"},
        files={"mappings/partners/newcomer/basis/use_case.yaml": USE_CASE},
        options=options,
    )


@pytest.mark.parametrize(
    ("given", "area"), [({}, "nord-7"), ({"area": "süd", "limit": 5}, "süd-5")]
)
def test_settings_are_those_given_then_default_then_example(serve, given, area):
    running = with_settings(serve, settings=given)
    assert running.simulator.base_url.endswith("/v1")
    for value, status in ((area, 201), ("x", 400)):
        headers = {"X-Area": value.encode("latin-1")}
        answer = running.http.put("/units/1", json={}, headers=headers)
        assert answer.status_code == status
        running.simulator.reset()


def test_setting_without_a_value_is_an_error(serve):
    with pytest.raises(ValueError, match="area"):
        serve(UNITS, SCHEMAS, settings=["area"])


def test_files_of_a_partner_say_its_settings(serve, tmp_path):
    with_settings(serve)
    assert read("newcomer", tmp_path).settings == {"area": "nord", "limit": 7}
