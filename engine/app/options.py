"""What all commands share: options, the printing of results, errors into exit codes."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from engine.app.visible import plain
from engine.errors import SpecError, StopError
from engine.problems import CATALOGUE, Origin, Problem
from engine.runtime.activation import Activation, read_activation
from engine.runtime.library import INSTALLED
from engine.spec import Folders

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ROOT = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="FELDWERK_ROOT",
        help="The folder with connectors, mappings and schemas; by default the current "
        "one if it has mappings, else the one that Feldwerk is installed from.",
    ),
]
BRIEF = Annotated[bool, typer.Option("--brief", help="Print the figures only.")]
DATABASE = Annotated[
    str,
    typer.Option(
        "--database",
        envvar="FELDWERK_DATABASE",
        help="The service's database: a path, or a URL.",
    ),
]
STATE = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="FELDWERK_DATABASE",
        help="The service's database, instead of the activation's `state`.",
    ),
]
HERE = "feldwerk.db"
"""The database if none is named."""

ACTIVATION = Annotated[Path, typer.Argument(help="The activation's YAML file.")]


def get_folders(root: Path | None) -> Folders:
    """Return the folders of the specs."""
    here = Path.cwd()
    if root is None:
        root = here if (here / "mappings" / "partners").is_dir() else INSTALLED
    return Folders(root.resolve())


def get_database(database: str, *, new: bool = False) -> str:
    """Return the URL of a database; raises SpecError if its file has to be there."""
    if "://" in database:
        return database
    if not new and not Path(database).is_file():
        message = "not found; name a database with --database."
        raise SpecError([Problem(Origin(database), "T307", message)])
    return f"sqlite:///{Path(database).resolve()}"


def open_activation(path: Path, root: Path | None, database: str | None) -> Activation:
    """Read an activation's file; a database goes before the state that it names."""
    state = None if database is None else get_database(database, new=True)
    return read_activation(path, get_folders(root), state_url=state)


def is_file(path: str) -> bool:
    """Say whether a word names a file; one that no file can have names none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def print_json(value: Any) -> None:
    """Print a result as one JSON object."""
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(value, option=option, default=str))
    sys.stdout.flush()


@contextmanager
def stopping(as_json: bool) -> Iterator[None]:
    """Turn an error that ends the run into its message and its exit code."""
    try:
        yield
    except StopError as error:
        report(error.problems, as_json, error.exit_code)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None


def report(problems: Sequence[Problem], as_json: bool, exit_code: int) -> None:
    if as_json:
        found = [problem.as_json() for problem in problems]
        print_json({"exit_code": exit_code, "problems": found})
    else:
        show_problems(problems, to_stderr=True)


def show_problems(problems: Iterable[Problem], *, to_stderr: bool = False) -> None:
    """Print problems one per line, with what to do, as editors and people read them."""
    color = False if os.environ.get("NO_COLOR") else None
    for problem in problems:
        is_error = problem.level == "error"
        style = typer.colors.RED if is_error else typer.colors.YELLOW
        code = f" {problem.code}:"
        shown = code if is_error else f"{code} warning:"
        line = plain(str(problem)).replace(code, typer.style(shown, fg=style), 1)
        remedy = "" if problem.suggestion else f" {CATALOGUE[problem.code].remedy}"
        typer.echo(line + remedy, err=to_stderr, color=color)
