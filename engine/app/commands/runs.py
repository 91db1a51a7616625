"""Commands about runs: explain a record, show what came of the last ones."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from engine.app.explain import explain as explain_record
from engine.app.options import (
    ACTIVATION,
    HERE,
    JSON,
    ROOT,
    STATE,
    get_database,
    open_activation,
    print_json,
    stopping,
)
from engine.app.record_report import show_explanation
from engine.app.status import show_status, status_of
from engine.runtime.state import State
from engine.service.overview import overview

commands = typer.Typer()


@commands.command()
def explain(
    activation: ACTIVATION,
    entity: Annotated[str, typer.Argument(help="A partner's or a Standard entity.")],
    key: Annotated[str, typer.Argument(help="Our ID, or the ERP key: 1/1001/01.")],
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """Show where each field of a record comes from, or why it is not sent."""
    with stopping(json):
        ready = open_activation(activation, root, database)
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
        str | None,
        typer.Option(
            "--state",
            "--database",
            envvar="FELDWERK_DATABASE",
            help="A state database: a path or a URL.",
        ),
    ] = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show activations: last and next run, open rejects, what is held back."""
    found: list[dict[str, Any]] = []
    with stopping(json):
        if activations:
            for path in activations:
                ready = open_activation(path, root, state)
                found += _status(ready.state_url, ready.name, str(path))
        else:
            found = _status(get_database(state or HERE), None)
    if json:
        print_json({"activations": found})
    else:
        show_status(Console(), found)


def _status(url: str, name: str | None, file: str = "") -> list[dict[str, Any]]:
    with State(url) as state:
        names = [name] if name else state.activations()
        served = {row["activation"]: row for row in overview(state.engine)}
        return [
            {
                **status_of(state, known, file),
                **({"service": served[known]} if known in served else {}),
            }
            for known in names
        ]
