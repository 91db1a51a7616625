"""Commands about plans: make one, send it, let one pass that the brake holds back."""

import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.options import (
    ACTIVATION,
    BRIEF,
    JSON,
    ROOT,
    STATE,
    is_file,
    open_activation,
    print_json,
    stopping,
)
from engine.app.plan_page import render
from engine.app.plan_report import show_plan
from engine.app.report import Watch
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation
from engine.runtime.plan import Plan
from engine.runtime.releases import Rekeying, release_plan
from engine.runtime.run import planned, synced
from engine.runtime.saved_plan import Approved, inputs_of, load, save
from engine.service.golive import need_approval

commands = typer.Typer()

HTML = Annotated[
    Path | None, typer.Option("--html", help="Write it as one HTML page, too.")
]


@commands.command()
def plan(
    activation: ACTIVATION,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save it, for `feldwerk apply`.")
    ] = None,
    html: HTML = None,
    brief: BRIEF = False,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """Show what a sync would send, and what is left out and why. Sends nothing."""
    with stopping(json):
        _need_folders(out, html)
        ready = open_activation(activation, root, database)
        inputs = inputs_of(ready) if out is not None else {}
        with Watch(Console(stderr=True)) as watch, planned(ready, watch) as made:
            watch.stage("Reporting")
            if out is not None:
                save(out, ready, made, inputs)
            code = _finish(made, ready, json, brief, "Plan", watch, html)
            if out is not None and not json:
                print(f"\nNext: feldwerk apply {shlex.quote(str(out))}")
            raise typer.Exit(code)


@commands.command()
def sync(
    activation: ACTIVATION,
    html: HTML = None,
    brief: BRIEF = False,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """Send what has changed since it was last accepted."""
    with stopping(json):
        _need_folders(html)
        ready = open_activation(activation, root, database)
        need_approval(ready)
        with Watch(Console(stderr=True)) as watch, synced(ready, watch) as done:
            watch.stage("Reporting")
            raise typer.Exit(_finish(done, ready, json, brief, "Sync", watch, html))


@commands.command()
def apply(
    plan: Annotated[Path, typer.Argument(help="What `feldwerk plan --out` wrote.")],
    html: HTML = None,
    brief: BRIEF = False,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """Send exactly a saved plan, or say what has changed since it was made."""
    with stopping(json):
        _need_folders(html)
        saved = load(plan)
        ready = open_activation(Path(saved.file), root, database)
        need_approval(ready)
        approved = Approved(saved, plan)
        with (
            Watch(Console(stderr=True)) as watch,
            synced(ready, watch, approved=approved) as done,
        ):
            watch.stage("Reporting")
            raise typer.Exit(_finish(done, ready, json, brief, "Apply", watch, html))


@commands.command()
def release(
    plan: Annotated[
        str, typer.Argument(help="A plan's file, or its name with --activation.")
    ],
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it is right.")],
    activation: Annotated[
        Path | None, typer.Option("--activation", help="The activation's YAML file.")
    ] = None,
    rekey: Annotated[
        Rekeying | None,
        typer.Option(
            "--rekey",
            help="What becomes of records that would get other IDs: `migrate` renames "
            "them at the partner, `recreate` removes and creates them. To keep the old "
            "IDs, restore the separator or the ID rule instead.",
        ),
    ] = None,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """Let one plan pass that the brake holds back; who, when and why is kept."""
    with stopping(json):
        saved = load(Path(plan)) if is_file(plan) else None
        path = Path(saved.file) if saved else activation
        if path is None:
            message = "neither a plan's file, nor a name with --activation FILE."
            raise SpecError([Problem(Origin(plan), "P003", message)])
        ready = open_activation(path, root, database)
        known = saved.plan.model_dump() if saved else plan
        name = release_plan(ready, known, by, reason, rekey)
    if json:
        print_json({"activation": ready.name, "plan": name, "by": by, "reason": reason})
    else:
        print(f"{ready.name}: plan {name} may pass.")
        print(f"\nNext: feldwerk sync {shlex.quote(str(path))}")


def _need_folders(*paths: Path | None) -> None:
    """Raise SpecError, before anything is sent, if a file cannot be written."""
    problems = [
        Problem(Origin(str(path)), "P004", "its folder is not there.")
        for path in paths
        if path is not None and not path.parent.is_dir()
    ]
    problems += [
        Problem(Origin(str(path)), "P004", "it is a folder.")
        for path in paths
        if path is not None and path.is_dir()
    ]
    if problems:
        raise SpecError(problems)


def _finish(
    made: Plan,
    activation: Activation,
    as_json: bool,
    brief: bool,
    verb: str,
    watch: Watch,
    html: Path | None,
) -> int:
    code = 3 if made.is_held else 1 if made.totals["rejected"] else 0
    watch.close()
    if html is not None:
        html.write_text(render(made.as_json(), datetime.now(UTC), verb), "utf-8")
    if as_json:
        print_json({"exit_code": code, **made.as_json()})
    else:
        path = activation.origin.file
        show_plan(Console(), made, verb, path, brief=brief)
        if not brief and made.totals["left_out"] + made.totals["rejected"]:
            print(f"\nWhy one record: feldwerk explain {path} ENTITY KEY")
    return code
