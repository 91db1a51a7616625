"""Commands about registered activations: add, list, pause, approve, remove them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.options import (
    DATABASE,
    HERE,
    JSON,
    ROOT,
    get_database,
    get_folders,
    print_json,
    stopping,
)
from engine.app.report import Watch
from engine.runtime.run import planned
from engine.runtime.state import State
from engine.service.dispatcher import now_utc
from engine.service.golive import TEST, make_check_list, markdown
from engine.service.golive import approve as approve_activation
from engine.service.registry import Registry

commands = typer.Typer()
activation = typer.Typer(
    help="Register activations for `feldwerk serve`.", no_args_is_help=True
)
commands.add_typer(activation, name="activation")

NAME = Annotated[
    str, typer.Argument(help="customer/partner/use_case/environment, as listed.")
]


@contextmanager
def _registry(
    database: str, root: Path | None, *, new: bool = False
) -> Iterator[Registry]:
    with State(get_database(database, new=new)) as state:
        yield Registry(state, get_folders(root))


@activation.command()
def add(
    files: Annotated[list[Path], typer.Argument(help="Activation files.")],
    database: DATABASE = HERE,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Register activations, or take over what their files say now.

    All files are checked first; with one error nothing is changed. The database keeps
    the content of the files: it goes before them, and their `state` is not used.
    """
    with stopping(json), _registry(database, root, new=True) as registry:
        done = registry.add(files, now_utc())
        warnings = [text for name, _ in done if (text := registry.left_behind(name))]
    if json:
        rows = [{"activation": name, "new": is_new} for name, is_new in done]
        print_json({"activations": rows, "warnings": warnings})
        return
    for text in warnings:
        print(f"warning: {text}", file=sys.stderr)
    for name, is_new in done:
        print(f"{name}: {'added' if is_new else 'updated'}")
        if is_new and not name.endswith(f"/{TEST}"):
            print(f"\nNext: feldwerk activation check-list {name}")


@activation.command("list")
def list_(database: DATABASE = HERE, json: JSON = False, root: ROOT = None) -> None:
    """Show the registered activations: when they run, and who approved them."""
    with stopping(json), _registry(database, root) as registry:
        found = registry.overview()
    if json:
        print_json({"activations": found})
        return
    for row in found:
        print(row["activation"])
        due = (row["next_run"] or "")[:16].replace("T", " ")
        days = ", ".join(day.capitalize() for day in row["days"])
        print(f"  {days} at {row['at']}; {f'next {due}' if due else row['state']}")
        if row["approved_at"]:
            day, by = row["approved_at"][:10], row["approved_by"]
            print(f"  approved {day} by {by}, spec {row['approved_version']}")
        elif not row["activation"].endswith(f"/{TEST}"):
            print("  not approved: it does not run")


@activation.command()
def pause(
    name: NAME, database: DATABASE = HERE, json: JSON = False, root: ROOT = None
) -> None:
    """Start no runs of an activation; one under way goes on to its end."""
    with stopping(json), _registry(database, root) as registry:
        registry.pause(name, now_utc())
    _say(name, "paused", json)


@activation.command()
def resume(
    name: NAME, database: DATABASE = HERE, json: JSON = False, root: ROOT = None
) -> None:
    """Start runs of a paused activation again; missed ones are caught up once."""
    with stopping(json), _registry(database, root) as registry:
        registry.resume(name)
    _say(name, "resumed", json)


@activation.command()
def run(
    name: NAME, database: DATABASE = HERE, json: JSON = False, root: ROOT = None
) -> None:
    """Let the service run an activation as soon as it can, beside its slots."""
    with stopping(json), _registry(database, root) as registry:
        registry.run_now(name, now_utc())
        is_paused = registry.get(name).paused_at is not None
    _say(name, "due when it is resumed" if is_paused else "due", json)


@activation.command()
def remove(
    name: NAME,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Forget which records at the partner are ours."),
    ] = False,
    database: DATABASE = HERE,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Forget an activation and all that is kept of it: links, runs, rejects, approvals.

    Nothing is changed at the partner. With records there it wants --yes; to only stop
    the runs, pause it.
    """
    with stopping(json), _registry(database, root) as registry:
        links = registry.remove(name, yes=yes)
    if json:
        print_json({"activation": name, "state": "removed", "links": links})
    else:
        print(f"{name}: removed; {links} records stay at the partner")


@activation.command("check-list")
def check_list(
    name: NAME,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write it into a Markdown file.")
    ] = None,
    database: DATABASE = HERE,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Write what to check before production, in German, from a plan made now.

    Figures, what is left out and why, settings, prerequisites, and records to look at.
    """
    with stopping(json), _registry(database, root) as registry:
        ready = registry.activation(name)
        with Watch(Console(stderr=True)) as watch, planned(ready, watch) as plan:
            engine = registry.state.engine
            found = make_check_list(ready, plan, engine, now_utc())
    text = markdown(found)
    if out is not None:
        out.write_text(text, "utf-8")
    if json:
        print_json(found.as_json())
    elif out is None:
        print(text)
    else:
        print(f"{out}\n\nNext: feldwerk activation approve {name} --by NAME")


@activation.command()
def approve(
    name: NAME,
    by: Annotated[str, typer.Option("--by", help="Who has checked the list.")],
    note: Annotated[str, typer.Option("--note", help="What else is to be kept.")] = "",
    database: DATABASE = HERE,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Record that a person has checked an activation; production runs only then.

    It holds for the major version of the spec, the settings and the address as they
    are now.
    """
    if not by.strip() or not by.isprintable():
        raise typer.BadParameter("a name is needed", param_hint="--by")
    with stopping(json), _registry(database, root) as registry:
        known, ready = registry.get(name), registry.activation(name)
        engine = registry.state.engine
        approve_activation(engine, known.number, ready, by, note, now_utc())
    _say(name, f"approved by {by}", json)


def _say(name: str, state: str, as_json: bool) -> None:
    if as_json:
        print_json({"activation": name, "state": state})
    else:
        print(f"{name}: {state}")
