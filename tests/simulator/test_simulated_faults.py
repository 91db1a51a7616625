"""What goes wrong on purpose."""

import socket
import time

import httpx
import pytest

from tools.simulator import Simulator
from tools.simulator.faults import Faults, Settings, changed


def put(etg24, id_="1", **options):
    return etg24.http.put(f"/objektgruppen/{id_}", json={"title": "a"}, **options)


def count(etg24):
    return len(etg24.simulator.records("objektgruppen"))


def test_429_says_when_to_come_back(etg24):
    etg24.simulator.faults({"429": 1})
    answer = put(etg24)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "0")
    assert count(etg24) == 0


def test_500_is_json_in_the_partners_shape(etg24):
    etg24.simulator.faults({"500": 1})
    answer = put(etg24)
    assert (answer.status_code, count(etg24)) == (500, 0)
    assert answer.json()["error"]["message"]


def test_html_is_a_500_that_is_not_json(etg24):
    etg24.simulator.faults({"html": 1})
    answer = put(etg24)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/html"


def test_500_can_come_after_the_write(etg24):
    etg24.simulator.faults({"500_after": 1})
    assert put(etg24).status_code == 500
    assert count(etg24) == 1


@pytest.mark.parametrize(("fault", "written"), [("drop_before", 0), ("drop_after", 1)])
def test_connection_closes_without_an_answer(etg24, fault, written):
    etg24.simulator.faults({fault: 1})
    with pytest.raises(httpx.TransportError):
        put(etg24)
    assert count(etg24) == written


def test_drop_comes_before_or_after_the_write(etg24):
    etg24.simulator.faults(next=["drop"] * 20)
    for number in range(20):
        with pytest.raises(httpx.TransportError):
            put(etg24, str(number))
    assert 0 < count(etg24) < 20


@pytest.mark.parametrize(("fault", "written"), [("timeout", 0), ("timeout_after", 1)])
def test_client_that_waits_gives_up(etg24, fault, written):
    etg24.simulator.faults({fault: 1})
    with pytest.raises(httpx.ReadTimeout):
        put(etg24, timeout=0.05)
    assert count(etg24) == written


def test_silence_ends_with_the_connection(etg24):
    etg24.simulator.faults({"timeout": 1}, timeout_seconds=0.01)
    with pytest.raises(httpx.RemoteProtocolError):
        put(etg24)


def test_faults_of_the_next_calls_are_used_up(etg24):
    etg24.simulator.faults(next=["ok", "500"])
    statuses = [put(etg24).status_code for _ in range(3)]
    assert statuses == [201, 500, 200]


def test_faults_can_be_for_one_route_only(etg24):
    etg24.simulator.faults({"500": 1}, only=["PUT /objekte/{{ id }}"])
    assert put(etg24).status_code == 201


def test_logins_meet_no_faults(facilioo, bodies):
    facilioo.simulator.faults({"500": 1})
    answer = facilioo.http.post("/api/auth/login", json=bodies.login)
    assert answer.status_code == 200


def test_one_record_can_be_refused(etg24):
    rule = {"entity": "objektgruppen", "field": "extId", "value": "2", "message": "No!"}
    etg24.simulator.faults(refuse=[rule])
    assert put(etg24, "1").status_code == 201
    error = put(etg24, "2").json()["error"]
    assert error["fields"] == [{"field": "extId", "message": "No!"}]


def test_records_can_be_refused_by_a_pattern(etg24):
    rule = {"entity": "objektgruppen", "field": "title", "pattern": "^a"}
    etg24.simulator.faults(refuse=[rule])
    assert put(etg24).status_code == 422


def test_one_request_too_many_is_429(etg24):
    etg24.simulator.faults(next=["timeout", "timeout"])
    port = etg24.simulator.port
    lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
    for line in lines:
        line.sendall(b"PUT /v1/objektgruppen/1 HTTP/1.1\r\nHost: x\r\n\r\n")
    deadline = time.monotonic() + 5
    while etg24.simulator.peak < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    answer = put(etg24)
    for line in lines:
        line.close()
    assert answer.status_code == 429
    assert "retry-after" in answer.headers


def test_latency_delays_the_answer(etg24):
    etg24.simulator.faults(latency_seconds=0.01)
    assert put(etg24).elapsed.total_seconds() >= 0.01


def test_same_seed_gives_the_same_faults():
    settings = changed(Settings(), {"429": 0.3, "drop": 0.3})
    one, other = Faults(settings, 7), Faults(settings, 7)
    assert [one.draw("x") for _ in range(50)] == [other.draw("x") for _ in range(50)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"428": 1},
        {"500": 0.6, "429": 0.6},
        {"next": ["sleep"]},
        {"next": "500"},
        {"refuse": [{"field": "title"}]},
    ],
)
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises((TypeError, ValueError)):
        changed(Settings(), wrong)


def test_faults_of_the_start_hold(tmp_path):
    with Simulator("etg24", faults={"503": "1"}) as simulator:
        url = f"{simulator.base_url}/objektgruppen/1"
        assert httpx.put(url, json={}).status_code == 503
