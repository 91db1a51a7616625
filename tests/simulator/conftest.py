"""The simulated partners that tests talk to: started once, emptied for each test."""

import json
from contextlib import ExitStack
from types import SimpleNamespace

import httpx
import pytest

from tools.simulator import Simulator

LOGIN = {
    "email": "simulated-username",
    "password": "simulated-password",
    "skipMultiFactorAuthentication": True,
}

CONNECTOR = {
    "partner": "newcomer",
    "base_url": {"production": "https://api.example.org"},
    "credentials": {"key": "Key", "secret": "Secret"},
    "authenticator": {
        "type": "static",
        "send": {"header": "X-Key", "value": "{{ credentials.key }}"},
    },
    "api_budget": {"concurrency": 4},
    "error_handler": {"message": ["message"], "fields": {"map": "errors"}},
}


@pytest.fixture(scope="session")
def running_etg24():
    headers = {"Authorization": "Bearer simulated-api_token"}
    with (
        Simulator("etg24") as simulator,
        httpx.Client(base_url=simulator.base_url, headers=headers) as http,
    ):
        yield SimpleNamespace(simulator=simulator, http=http)


@pytest.fixture(scope="session")
def running_facilioo():
    headers = {"api-version": "2.0"}
    with (
        Simulator("facilioo") as simulator,
        httpx.Client(base_url=simulator.base_url, headers=headers) as http,
    ):
        yield SimpleNamespace(simulator=simulator, http=http)


@pytest.fixture
def etg24(running_etg24):
    running_etg24.simulator.reset()
    return running_etg24


@pytest.fixture
def facilioo(running_facilioo):
    running_facilioo.simulator.reset()
    login = running_facilioo.http.post("/api/auth/login", json=LOGIN).json()
    running_facilioo.http.headers["Authorization"] = f"Bearer {login['accessToken']}"
    running_facilioo.login = login
    return running_facilioo


@pytest.fixture
def bodies():
    """Valid payloads, by entity."""
    preferences = {
        "contactViaEmail": True,
        "contactViaPush": False,
        "contactViaMail": True,
    }
    return SimpleNamespace(
        login=LOGIN,
        tenant={"name": "Nordstadt", "externalId": "1-100"},
        property={
            "tenantId": 1,
            "name": "Haus 1",
            "street": "Allee",
            "externalId": "1-100-1",
        },
        unit={"entranceId": 1, "typeId": 1, "number": "WE-1", "externalId": "u1"},
        party={
            "typeId": 7,
            "primaryName": "Ada",
            "secondaryName": "Berg",
            "externalId": "p1",
            **preferences,
        },
        contract={"unitId": 1, "partyId": 1, "typeId": 4, "externalId": "c1"},
        group={"title": "Nordstadt"},
        owner={"lastName": "Berg", "einheitExtIds": ["1", "2"]},
        building={
            "title": "Haus 1",
            "objektgruppeExtId": "1",
            "address": {"street": "Allee", "zip": "1", "city": "Kiel"},
        },
    )


@pytest.fixture
def serve(tmp_path):
    """
    Return what starts a partner named newcomer that is made of files alone.

    The key of its calls is sent by default; more parts of the connector file, schemas
    by entity and further files by their name are given.
    """
    with ExitStack() as stack:

        def start(entities, schemas, *, files=None, options=None, **parts):
            connector = {**CONNECTOR, "entities": entities, **parts}
            folder = tmp_path / "schemas" / "partners" / "newcomer"
            texts = {
                tmp_path / "connectors/partners/newcomer.yaml": json.dumps(connector),
                **{folder / f"{k}.json": json.dumps(v) for k, v in schemas.items()},
                **{tmp_path / name: text for name, text in (files or {}).items()},
            }
            for path, text in texts.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            simulator = Simulator("newcomer", tmp_path, **(options or {}))
            stack.enter_context(simulator)
            headers = {"X-Key": "simulated-key"}
            client = httpx.Client(base_url=simulator.base_url, headers=headers)
            http = stack.enter_context(client)
            return SimpleNamespace(simulator=simulator, http=http)

        yield start
