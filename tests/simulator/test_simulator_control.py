"""The control address, the command and the store."""

import json
import signal
import subprocess
import sys

import httpx
import pytest

from tools.simulator import Simulator

KEY = {"Authorization": "Bearer simulated-api_token"}


@pytest.fixture
def control(etg24):
    etg24.http.put("/objektgruppen/1%2F2", json={"title": "a"})
    with httpx.Client(base_url=etg24.simulator.control_url) as http:
        yield http


def test_overview_counts_records_calls_and_answers(control):
    overview = control.get("").json()
    assert overview["records"]["objektgruppen"] == 1
    assert overview["calls"] == {"PUT /objektgruppen/{{ id }}": 1}
    assert overview["answers"] == {"201": 1}


def test_overview_is_a_page_for_people(control):
    answer = control.get("", headers={"Accept": "text/html,*/*"})
    assert answer.headers["content-type"].startswith("text/html")
    assert '<a href="/_simulator/records/objektgruppen">' in answer.text


def test_records_can_be_read(control):
    (record,) = control.get("/records/objektgruppen").json()
    assert record["extId"] == "1/2"


def test_records_of_an_unknown_entity_are_not_found(control):
    assert control.get("/records/nothing").status_code == 404


def test_record_can_vanish(control, etg24):
    assert control.delete("/records/objektgruppen/1%2F2").status_code == 204
    assert etg24.simulator.records("objektgruppen") == []


def test_record_that_is_not_there_cannot_vanish(control):
    assert control.delete("/records/objektgruppen/9").status_code == 404


def test_faults_are_merged(control):
    control.post("/faults", json={"429": 0.1})
    settings = control.post("/faults", json={"500": 0.2, "page_cap": 5}).json()
    assert settings["rates"] == {"429": 0.1, "500": 0.2}
    assert settings["page_cap"] == 5


def test_faults_are_replaced(control):
    control.post("/faults", json={"429": 0.1})
    settings = control.post("/faults", json={"replace": True}).json()
    assert settings["rates"] == {}


def test_unknown_fault_is_refused_with_the_known_ones(control):
    answer = control.post("/faults", json={"flood": 1})
    assert answer.status_code == 400
    assert "drop_after" in answer.json()["message"]


def test_reset_forgets_everything(control, etg24):
    control.post("/faults", json={"429": 1})
    control.post("/reset")
    assert etg24.simulator.records("objektgruppen") == []
    assert etg24.simulator.calls == {}
    assert etg24.http.put("/objektgruppen/1", json={"title": "a"}).is_success


def test_ids_start_anew_after_a_reset(facilioo, bodies):
    facilioo.http.post("/api/tenants", json=bodies.tenant)
    facilioo.simulator.reset()
    answer = facilioo.http.post("/api/tenants", json=bodies.tenant)
    assert answer.json()["id"] == 1


def test_store_keeps_records_between_runs(tmp_path):
    store = tmp_path / "store.json"
    for _ in range(2):
        with Simulator("etg24", store=store) as simulator:
            url = f"{simulator.base_url}/objektgruppen/1"
            answer = httpx.put(url, json={"title": "a"}, headers=KEY)
    assert answer.status_code == 200


def test_command_prints_one_line_and_ends_with_a_signal(tmp_path):
    store = tmp_path / "store.json"
    arguments = ["etg24", "--quiet", "--fault", "429=0.5", "--store", str(store)]
    command = [sys.executable, "-m", "tools.simulator", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        facts = json.loads(process.stdout.readline())
        overview = httpx.get(facts["control"]).json()
        process.send_signal(signal.SIGTERM)
    assert facts["base_url"].endswith("/v1")
    assert facts["credentials"] == {"api_token": "simulated-api_token"}
    assert overview["faults"]["rates"] == {"429": 0.5}
    assert process.returncode == 0
    assert store.exists()


def test_command_says_what_is_wrong():
    command = [sys.executable, "-m", "tools.simulator", "nobody"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("simulator: ")
