"""Measure speed and memory as ratios within one run: nothing in, a table out.

Absolute figures depend on the machine and its neighbours; the ratios do not.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.table import Table

from engine.compiler import compile_entity
from engine.errors import RecordError
from engine.examples import default_settings
from engine.ids import compose
from engine.interpreter import interpret
from engine.problems import Origin
from engine.runtime.activation import read_activation
from engine.runtime.library import INSTALLED, get_use_case
from engine.runtime.links import Link
from engine.runtime.run import planned
from engine.runtime.state import State
from engine.spec import Folders
from engine.values import floor_number
from tools.bench_delivery import bench_delivery
from tools.bench_service import bench_service
from tools.bench_workbench import bench_workbench
from tools.portfolio import write

FOLDERS = Folders(INSTALLED)
Record = dict[str, Any]


def main() -> int:
    """Run all measurements, or the ones named."""
    parser = argparse.ArgumentParser(description=__doc__)
    known = {
        "transform": bench_transform,
        "plan": bench_plan,
        "deliver": bench_delivery,
        "service": bench_service,
        "workbench": bench_workbench,
    }
    parser.add_argument("what", nargs="*", help=", ".join(known))
    parser.add_argument("--units", type=int, default=100_000)
    arguments = parser.parse_args()
    table = Table("measured", "figure", title="make bench", title_justify="left")
    for name in arguments.what or known:
        for row in known[name](arguments.units):
            table.add_row(*row)
    Console().print(table)
    return 0


def bench_transform(_: int) -> Iterator[tuple[str, str]]:
    """Compare the generated transformer of facilioo's units with code by hand."""
    use_case = get_use_case(FOLDERS, "facilioo", "stammdaten", Origin("bench"))
    work = use_case.work.entity("units")
    settings = default_settings(use_case.spec.use_case)
    generated = compile_entity(work, settings)
    types = _numbers(use_case.spec.lists["nutzungsart"].entries)
    records = _units(20_000)

    def by_hand(record: Record) -> Any:
        return hand_written(record, settings.separator, types)

    for record in records[:500]:
        body = by_hand(record)
        assert generated(record).body == body == interpret(work, record, settings).body
    ways: dict[str, Callable[[Record], Any]] = {
        "generated": generated,
        "by hand": by_hand,
        "interpreted": lambda record: interpret(work, record, settings),
    }
    times = _paired(ways, records)
    base = times["by hand"]
    for name, seconds in times.items():
        rate = len(records) / seconds
        yield (
            f"transform facilioo units, {name}",
            f"{rate:,.0f} a second, {base / seconds:.2f} of by hand",
        )


def _numbers(entries: Any) -> dict[str, int]:
    return {key: int(value) for key, value in entries.items()}


def hand_written(record: Record, separator: str, types: dict[str, int]) -> Record:
    """Do what the table says, as a careful engineer would write it."""
    mandant, we = record.get("mandant_nr"), record.get("we_nr")
    geb, ve = record.get("geb_nr"), record.get("ve_nr")
    if not (mandant and geb and ve):
        raise RecordError("R204", "an ID part is missing")
    above = [mandant, we, geb] if we else [mandant, geb]
    body: Record = {
        "externalId": compose([*above, ve], separator),
        "entranceId": compose(above, separator),
    }
    usage = record.get("nutzungsart")
    found = types.get(usage.strip().casefold(), types["*"]) if usage else None
    body["typeId"] = found or types["*"]
    body["number"] = ve
    place = [record.get("etage_text"), record.get("lage")]
    body["position"] = " ".join(part for part in place if part) or None
    floor = record.get("etage_nr")
    if floor is None and record.get("etage_text"):
        floor = floor_number(record["etage_text"])
    body["floor"] = floor
    body["livingArea"] = record.get("wohnflaeche")
    return body


def _units(count: int) -> list[Record]:
    pick = random.Random(1)
    return [
        {
            "mandant_nr": str(pick.randint(1, 3)),
            "we_nr": f"{pick.randint(1, 900):04}",
            "geb_nr": f"{pick.randint(1, 9):02}",
            "ve_nr": f"{number:05}",
            "bezeichnung": "Wohnung",
            "nutzungsart": pick.choice(["wohnen", "gewerbe", "stellplatz", "lager"]),
            "etage_text": pick.choice(["EG", "1. OG", "Erdgeschoss", "3. Etage"]),
            "lage": pick.choice(["links", "rechts", "mitte"]),
            "wohnflaeche": round(pick.uniform(20, 140), 2),
            "zimmer": 2.5,
            "balkon": True,
        }
        for number in range(count)
    ]


def _paired(
    ways: dict[str, Callable[[Record], Any]], records: list[Record], rounds: int = 7
) -> dict[str, float]:
    """Time each way in turn, several rounds, and return the medians."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            start = time.perf_counter()
            for record in records:
                way(record)
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def bench_plan(units: int) -> Iterator[tuple[str, str]]:
    """Plan a portfolio twice: all new, then unchanged; in processes of their own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder / "erp", units=units, seed=1, traps=False)
        activation = _activation(folder, "http://127.0.0.1:9")
        first = _measured(activation)
        yield f"plan {units:,} new units", first
        records = _accept_all(activation)
        yield f"plan {units:,} unchanged units", _measured(activation)
        yield "records in that plan", f"{records:,}"


def _activation(folder: Path, base_url: str) -> Path:
    path = folder / "facilioo.yaml"
    content = {
        "customer": "bench",
        "partner": "facilioo",
        "use_case": "stammdaten",
        "environment": "test",
        "base_url": base_url,
        "source": {"kind": "files", "path": "erp"},
        "credentials": {"username": "env:BENCH_USER", "password": "env:BENCH_PASSWORD"},
    }
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


def _measured(activation: Path) -> str:
    """Run a plan in a process of its own; returns seconds and its peak memory."""
    command = [sys.executable, "-m", "tools.bench_plan", str(activation)]
    environment = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def _accept_all(path: Path) -> int:
    """Keep every planned change as accepted, as a sync would, without sending it."""
    activation = read_activation(path, FOLDERS)
    count = 0
    with planned(activation) as plan, State(activation.state_url) as state:
        own = state.activation(activation.name)
        run = own.start_run(activation.use_case.work.version, "sync")
        for name, part in plan.entities.items():
            changes = part.changes()
            while some := list(islice(changes, 5000)):
                links = [Link(c.key, c.id, count, c.digest) for c in some]
                run.settle(name, links, {})
                count += len(some)
    return count


if __name__ == "__main__":
    sys.exit(main())
