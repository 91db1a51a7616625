"""The command about open rejects: a worklist for who looks after the records."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.options import (
    HERE,
    JSON,
    ROOT,
    get_database,
    get_folders,
    open_activation,
    print_json,
    stopping,
)
from engine.app.rejects import (
    OpenReject,
    as_json,
    groups,
    open_rejects,
    show_rejects,
)
from engine.app.rejects_book import key_names, write_book
from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.state import State

commands = typer.Typer()


@commands.command()
def rejects(
    activations: Annotated[
        list[str] | None,
        typer.Argument(help="Activation files, or names in the database."),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option(
            "--database",
            "--state",
            envvar="FELDWERK_DATABASE",
            help="A database: a path or a URL.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write them as a workbook, too: .xlsx.")
    ] = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Show open rejects as a worklist: by cause, with age and what to do.

    Of activation files their own states are read if no database is named. There is
    nothing to retry by hand: each sync tries them again, and closes those that pass.
    """
    with stopping(json):
        if out is not None and out.suffix.lower() != ".xlsx":
            message = "its name must end in .xlsx."
            raise SpecError([Problem(Origin(str(out)), "P004", message)])
        found = groups(_open(activations or [], database, root, datetime.now(UTC)))
        if out is not None:
            write_book(out, found, key_names(get_folders(root), found))
    code = 1 if found else 0
    if json:
        print_json({"exit_code": code, **as_json(found)})
    else:
        show_rejects(Console(), found)
        if out is not None:
            print(f"\nWritten: {out}")
    raise typer.Exit(code)


def _open(
    activations: list[str], database: str | None, root: Path | None, now: datetime
) -> list[OpenReject]:
    files = [Path(word) for word in activations if Path(word).is_file()]
    names = [word for word in activations if not Path(word).is_file()]
    found: list[OpenReject] = []
    for path in files:
        ready = open_activation(path, root, database)
        with State(ready.state_url) as state:
            found += open_rejects(state, now, [ready.name])
    if names or not activations:
        with State(get_database(database or HERE)) as state:
            _need_names(names, state.activations())
            found += open_rejects(state, now, names or None)
    return found


def _need_names(names: list[str], known: list[str]) -> None:
    """Raise SpecError with each name that no activation of the database has."""
    problems = [
        Problem(
            Origin(name),
            "T001",
            "neither a file nor an activation of the database.",
            did_you_mean(name, known),
        )
        for name in names
        if name not in known
    ]
    if problems:
        raise SpecError(problems)
