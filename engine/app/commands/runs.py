"""Commands about runs: plan, sync, explain a record, show what came of it."""

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from engine.app.explain import explain as explain_record
from engine.app.options import (
    ACTIVATION,
    BRIEF,
    JSON,
    ROOT,
    get_folders,
    print_json,
    stopping,
)
from engine.app.report import Watch, show_explanation, show_plan, show_status
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation, read_activation
from engine.runtime.plan import Plan
from engine.runtime.run import planned, synced
from engine.runtime.state import State

commands = typer.Typer()


@commands.command()
def plan(
    activation: ACTIVATION,
    brief: BRIEF = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show what a sync would send, and what is left out and why. Sends nothing."""
    with stopping(json):
        ready = read_activation(activation, get_folders(root))
        with Watch(Console(stderr=True)) as watch, planned(ready, watch) as made:
            watch.stage("Reporting")
            raise typer.Exit(_finish(made, ready, json, brief, "Plan", watch))


@commands.command()
def sync(
    activation: ACTIVATION,
    brief: BRIEF = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Send what has changed since it was last accepted."""
    with stopping(json):
        ready = read_activation(activation, get_folders(root))
        with Watch(Console(stderr=True)) as watch, synced(ready, watch) as done:
            watch.stage("Reporting")
            raise typer.Exit(_finish(done, ready, json, brief, "Sync", watch))


def _finish(
    made: Plan,
    activation: Activation,
    as_json: bool,
    brief: bool,
    verb: str,
    watch: Watch,
) -> int:
    code = 1 if made.totals["rejected"] else 0
    watch.close()
    if as_json:
        print_json({"exit_code": code, **made.as_json()})
    else:
        show_plan(Console(), made, verb, brief=brief)
        if not brief and made.totals["left_out"] + made.totals["rejected"]:
            path = activation.origin.file
            print(f"\nWhy one record: feldwerk explain {path} ENTITY KEY")
    return code


@commands.command()
def explain(
    activation: ACTIVATION,
    entity: Annotated[str, typer.Argument(help="A partner's or a Standard entity.")],
    key: Annotated[str, typer.Argument(help="Our ID, or the ERP key: 1/1001/01.")],
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show where each field of a record comes from, or why it is not sent."""
    with stopping(json):
        ready = read_activation(activation, get_folders(root))
        found = explain_record(ready, entity, key)
    if json:
        print_json(found)
    else:
        for item in found:
            show_explanation(Console(), item)


@commands.command()
def status(
    activations: Annotated[
        list[Path] | None, typer.Argument(help="Activation files.")
    ] = None,
    state: Annotated[
        str, typer.Option("--state", help="A state database: a path or a URL.")
    ] = "feldwerk.db",
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show activations, their last run, and their open rejects."""
    found: list[dict[str, Any]] = []
    with stopping(json):
        if activations:
            for path in activations:
                ready = read_activation(path, get_folders(root))
                found += _status(ready.state_url, ready.name)
        else:
            found = _status(state if "://" in state else _state_file(state), None)
    if json:
        print_json({"activations": found})
    else:
        show_status(Console(), found)


def _state_file(path: str) -> str:
    if not Path(path).is_file():
        message = "not found; name an activation, or a database with --state."
        raise SpecError([Problem(Origin(path), "T307", message)])
    return f"sqlite:///{Path(path).resolve()}"


def _status(url: str, name: str | None) -> list[dict[str, Any]]:
    with State(url) as state:
        names = [name] if name else state.activations()
        found = []
        for known in names:
            own = state.activation(known)
            run = own.last_run()
            rejects = own.rejects()
            hidden = ("activation_id", "id")
            found.append(
                {
                    "activation": known,
                    "last_run": run and _without(run, hidden),
                    "rejects": [_without(reject, hidden) for reject in rejects],
                }
            )
        return found


def _without(row: Mapping[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    shown = {str(name): value for name, value in row.items() if name not in hidden}
    for name in ("started_at", "finished_at"):
        if shown.get(name) is not None:
            # SQLite keeps no zone; what is kept is UTC.
            moment = shown[name].replace(tzinfo=UTC)
            shown[name] = moment.isoformat(timespec="seconds")
    return shown
