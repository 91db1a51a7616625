"""Run the main job for people to watch: an empty folder in, two partners in step out.

Makes a portfolio, starts each partner as a real HTTP server on this machine, and calls
the same commands that an operator calls.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console

from tools.portfolio import change, write

FELDWERK = str(Path(sys.executable).with_name("feldwerk"))
ROOT = Path(__file__).parents[1]
PARTNERS = ("etg24", "facilioo")
SEED = 2024


@dataclass(frozen=True)
class Simulated:
    """A running simulator, and the activation that points to it."""

    partner: str
    activation: Path
    port: int
    control: str
    environment: dict[str, str]


def main() -> int:
    """Run the demo; returns the exit code of the first command that went wrong."""
    parser = argparse.ArgumentParser(prog="feldwerk demo", description=__doc__)
    parser.add_argument("partners", nargs="*", default=list(PARTNERS))
    parser.add_argument("--units", type=int, default=200, help="size of the portfolio")
    parser.add_argument("--folder", type=Path, default=Path("demo"))
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    known = sorted(path.stem for path in (ROOT / "connectors/partners").glob("*.yaml"))
    if unknown := [name for name in arguments.partners if name not in known]:
        parser.error(f"no partner {', '.join(unknown)}; there are {', '.join(known)}")
    console = Console(highlight=False, stderr=arguments.json)
    folder: Path = arguments.folder
    shutil.rmtree(folder / "erp", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feldwerk.db").unlink(missing_ok=True)
    _title(console, f"A portfolio of {arguments.units:,} units, traps included")
    write(folder / "erp", units=arguments.units, seed=SEED)
    _show_files(console, folder / "erp")
    with ExitStack() as stack:
        running = [
            stack.enter_context(_simulated(console, partner, folder))
            for partner in arguments.partners
        ]
        code = _main_job(console, running, folder)
        held = {simulated.partner: _held(simulated) for simulated in running}
        _report(console, held)
        if arguments.json:
            print(json.dumps({"exit_code": code, "partners": held}, indent=2))
    if code == 0:
        _next_steps(console, running, folder)
    return code


def _main_job(console: Console, running: Sequence[Simulated], folder: Path) -> int:
    steps = (
        ("The plan: what a sync would send, and what is left out and why", ("plan",)),
        ("Sync", ("sync", "--brief")),
        ("Sync again: nothing is sent", ("sync", "--brief")),
    )
    for title, command in steps:
        for simulated in running:
            _title(console, f"{title} ({simulated.partner})")
            if _feldwerk(console, simulated, *command) > 1:
                return 1
    changed = change(folder / "erp", seed=SEED, count=10)
    _title(console, f"{len(changed)} records change in the ERP")
    for record in changed:
        key = "/".join(str(part) for part in dict(record["key"]).values())  # type: ignore[call-overload]
        console.print(f"  {record['entity']} {key}")
    for simulated in running:
        _title(console, f"Sync: only those go out ({simulated.partner})")
        if _feldwerk(console, simulated, "sync", "--brief") > 1:
            return 1
    return 0


@contextmanager
def _simulated(console: Console, partner: str, folder: Path) -> Iterator[Simulated]:
    store = folder / f"{partner}.json"
    store.unlink(missing_ok=True)
    command = [FELDWERK, "simulate", partner, "--quiet", "--store", str(store)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        console.print(f"  {partner} is simulated at {said['base_url']}")
        names = {name: f"{partner}_{name}".upper() for name in said["credentials"]}
        activation = folder / f"{partner}.yaml"
        _write_activation(activation, partner, said["base_url"], names)
        secrets = {names[k]: v for k, v in said["credentials"].items()}
        yield Simulated(
            partner=partner,
            activation=activation,
            port=int(said["control"].split(":")[2].split("/")[0]),
            control=said["control"],
            environment=secrets,
        )
    finally:
        process.terminate()
        process.wait(timeout=10)


def _write_activation(
    path: Path, partner: str, base_url: str, names: dict[str, str]
) -> None:
    content = {
        "customer": "musterbau",
        "partner": partner,
        "use_case": "stammdaten",
        "environment": "test",
        "base_url": base_url,
        "source": {"kind": "files", "path": "erp"},
        "settings": _settings(partner),
        "credentials": {name: f"env:{variable}" for name, variable in names.items()},
        "state": "feldwerk.db",
    }
    path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")


def _settings(partner: str) -> dict[str, Any]:
    """Return the examples of a use case's settings."""
    path = ROOT / "mappings" / "partners" / partner / "stammdaten" / "use_case.yaml"
    settings = yaml.safe_load(path.read_text("utf-8")).get("settings", {})
    return {
        n: s["example"] for n, s in settings.items() if s.get("example") is not None
    }


def _feldwerk(
    console: Console, simulated: Simulated, command: str, *options: str
) -> int:
    arguments = [command, str(simulated.activation), *options]
    console.print(f"$ feldwerk {' '.join(arguments)}\n", style="dim")
    environment = {**os.environ, **simulated.environment}
    return subprocess.run(
        [FELDWERK, *arguments],
        env=environment,
        stdout=sys.stderr if console.stderr else None,
        check=False,
    ).returncode


def _title(console: Console, text: str) -> None:
    console.print()
    console.rule(f"[bold]{text}[/]", align="left")


def _show_files(console: Console, folder: Path) -> None:
    for path in sorted(folder.glob("*.csv")):
        with path.open("rb") as file:
            rows = sum(1 for _ in file) - 1
        console.print(f"  {rows:>6,} rows  {path}")


def _held(simulated: Simulated) -> dict[str, Any]:
    with urllib.request.urlopen(simulated.control, timeout=10) as answer:  # noqa: S310 - loopback
        found = json.load(answer)
    return {"records": found["records"], "calls": found["calls"]}


def _report(console: Console, held: dict[str, dict[str, Any]]) -> None:
    _title(console, "What the partners hold now, by their own account")
    for partner, found in held.items():
        calls: dict[str, int] = found["calls"]
        console.print(f"\n[bold]{partner}[/]")
        for entity, count in found["records"].items():
            console.print(f"  {count:>6,} {entity}")
        console.print(f"  {sum(calls.values()):,} calls in three syncs, of these")
        for name, count in calls.items():
            if name.startswith(("PUT", "POST", "PATCH")) and "search" not in name:
                console.print(f"  {count:>6,} {name}", soft_wrap=True)


def _next_steps(console: Console, running: Sequence[Simulated], folder: Path) -> None:
    _title(console, "Try next")
    first = running[0]
    entities = _planned(first)
    key = _left_out_tenant(entities)
    entity, record = _some_record(first.partner, folder / "erp")
    lines = [
        "# where does each field of a record come from?",
        f".venv/bin/feldwerk explain {first.activation} {entity} {record}",
    ]
    if key:
        lines += [
            "# why is this tenant not at the partner?",
            f".venv/bin/feldwerk explain {first.activation} mieter {key}",
        ]
    book = folder / f"{first.partner}.xlsx"
    lines += [
        "# last runs and open rejects",
        f".venv/bin/feldwerk status {' '.join(str(s.activation) for s in running)}",
        "# change a mapping table in a spreadsheet, see what it would do, take it over",
        f".venv/bin/feldwerk sheet export {first.partner} -o {book}",
        f".venv/bin/feldwerk sheet check {book}",
        f".venv/bin/feldwerk impact {book} {first.activation}",
        f".venv/bin/feldwerk sheet import {book}",
        "# bring the simulated partner back, in a second terminal, then sync",
        f".venv/bin/feldwerk simulate {first.partner} --port {first.port}"
        f" --store {folder / first.partner}.json",
        " ".join(f"{k}={v}" for k, v in first.environment.items())
        + f" .venv/bin/feldwerk sync {first.activation}",
    ]
    for line in lines:
        console.print(line, style="dim" if line.startswith("#") else "", soft_wrap=True)


def _planned(simulated: Simulated) -> dict[str, Any]:
    command = [FELDWERK, "plan", str(simulated.activation), "--json"]
    done = subprocess.run(command, capture_output=True, check=False)
    entities: dict[str, Any] = json.loads(done.stdout)["entities"]
    return entities


def _left_out_tenant(entities: dict[str, Any]) -> str:
    for part in entities.values():
        for item in part["left_out_records"]:
            if item["rule"] == "mieter_email" and not item["chain"]:
                return str(item["key"])
    return ""


def _some_record(partner: str, folder: Path) -> tuple[str, str]:
    """Return a partner entity and the ERP key of the first record it is made of."""
    path = ROOT / "mappings" / "partners" / partner / "stammdaten" / "use_case.yaml"
    entities = yaml.safe_load(path.read_text("utf-8"))["entities"]
    made_of = {e["name"]: e["erp"] for e in entities if isinstance(e["erp"], str)}
    files = {name: folder / f"{erp}.csv" for name, erp in made_of.items()}
    entity = next(name for name, file in files.items() if file.exists())
    schema = ROOT / "schemas" / "standard" / f"{made_of[entity]}.json"
    key = json.loads(schema.read_text("utf-8"))["x-key"]
    with files[entity].open(encoding="utf-8-sig", newline="") as file:
        first = next(csv.DictReader(file, delimiter=";"))
    return entity, "/".join(first[name] for name in key)


if __name__ == "__main__":
    sys.exit(main())
