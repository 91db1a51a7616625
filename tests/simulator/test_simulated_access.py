"""Logins, tokens and headers."""

import base64
import json

import httpx
import pytest

from tools.simulator import Simulator


def get(facilioo, **headers):
    headers = {"api-version": "2.0", **headers}
    return httpx.get(f"{facilioo.simulator.base_url}/api/tenants", headers=headers)


def test_call_without_a_token_is_refused(facilioo):
    assert get(facilioo).status_code == 401


def test_call_with_its_token_is_let_in(facilioo):
    token = facilioo.http.headers["Authorization"]
    assert get(facilioo, Authorization=token).status_code == 200


@pytest.mark.parametrize("change", [{"password": "wrong"}, {"email": "wrong"}])
def test_wrong_credentials_are_refused(facilioo, bodies, change):
    answer = facilioo.http.post("/api/auth/login", json={**bodies.login, **change})
    assert answer.status_code == 401


def test_token_is_a_jwt_that_says_when_it_ends(facilioo):
    head, body, signature = facilioo.login["accessToken"].split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    assert isinstance(claims["exp"], int)
    assert head
    assert signature


def test_refresh_gives_a_new_token(facilioo):
    body = {"refreshToken": facilioo.login["refreshToken"]}
    answer = facilioo.http.post("/api/auth/refresh", json=body)
    assert answer.json()["accessToken"] != facilioo.login["accessToken"]


def test_refresh_token_serves_once(facilioo):
    body = {"refreshToken": facilioo.login["refreshToken"]}
    facilioo.http.post("/api/auth/refresh", json=body)
    assert facilioo.http.post("/api/auth/refresh", json=body).status_code == 401


def test_tokens_can_end_in_the_middle_of_a_run(facilioo):
    httpx.post(f"{facilioo.simulator.control_url}/expire-tokens")
    assert facilioo.http.get("/api/tenants").status_code == 401


def test_tokens_can_end_after_some_calls(facilioo):
    facilioo.simulator.faults(expire_after_calls=2)
    statuses = [facilioo.http.get("/api/tenants").status_code for _ in range(3)]
    assert statuses == [200, 200, 401]


def test_token_ends_with_its_lifetime(bodies):
    headers = {"api-version": "2.0"}
    with (
        Simulator("facilioo", token_lifetime=0) as simulator,
        httpx.Client(base_url=simulator.base_url, headers=headers) as http,
    ):
        answer = http.post("/api/auth/login", json=bodies.login).json()
        token = {"Authorization": f"Bearer {answer['accessToken']}"}
        assert http.get("/api/tenants", headers=token).status_code == 401


@pytest.mark.parametrize("version", ["1.0", ""])
def test_wrong_version_header_is_refused(facilioo, version):
    answer = facilioo.http.get("/api/tenants", headers={"api-version": version})
    assert answer.status_code == 400
