"""The simulated partners that tests talk to: started once, emptied for each test."""

from types import SimpleNamespace

import httpx
import pytest

from tools.simulator import Simulator

LOGIN = {
    "email": "simulated-username",
    "password": "simulated-password",
    "skipMultiFactorAuthentication": True,
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
