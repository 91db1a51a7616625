"""Commands that become a tool: a simulated partner, the demo."""

import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from engine.app.options import JSON, ROOT, get_folders, show_problems
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.library import INSTALLED

commands = typer.Typer()


@commands.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def simulate(
    context: typer.Context,
    partner: Annotated[str, typer.Argument(help="A partner with a connector file.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Its one line is JSON in any case.")
    ] = False,
    root: ROOT = None,
) -> None:
    """
    Run a partner as a real HTTP server on this machine; prints its address as JSON.

    More options: `--store FILE` keeps its records, `--fault 500=0.1` lets it fail,
    `--quiet` prints no line for each call.
    """
    del json
    folders = get_folders(root)
    if partner not in folders.partners():
        hint = did_you_mean(partner, folders.partners())
        problem = Problem(Origin(partner), "T301", "no such partner.", hint)
        show_problems([problem], to_stderr=True)
        raise typer.Exit(2)
    options = ["--port", str(port), "--root", str(folders.root)]
    _become("simulator", [partner, *options, *context.args])


@commands.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def demo(context: typer.Context, json: JSON = False) -> None:
    """
    Run the main job against simulated partners, from portfolio to report.

    More words: the partners to take instead of the usual ones, `--units 200`,
    `--folder demo`.
    """
    _become("demo", [*context.args, *["--json"] * json])


def _become(name: str, arguments: Sequence[str]) -> NoReturn:
    """
    Become a tool: nothing imports the tools.

    The process stays the same, so that a signal to it reaches the tool.
    """
    environment = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own tool
