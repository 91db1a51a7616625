"""The command line: words in, exit codes out.

Results go to standard output, progress and problems to standard error. Exit codes:
0 done, 1 done but records were rejected, 2 wrong use or wrong spec, 3 stopped by a
brake, 4 partner or source unreachable.

A command's module is read when the command is called, so that each starts as quickly
as it can; a test holds the table equal to what the modules declare.
"""

import gc
import os
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class Command(NamedTuple):
    """Where a command stands in `engine.app.commands`, and its line of the help."""

    module: str
    help: str


COMMANDS: Mapping[str, Command] = {
    "check": Command(
        "checks", "Check specs: every problem of every file, and every example."
    ),
    "diff": Command(
        "changes",
        "Say in plain words what two versions of the specs differ in, by row.",
    ),
    "impact": Command(
        "changes",
        "Run the old and the new spec over the source and show what changes. Sends "
        "nothing.",
    ),
    "coverage": Command(
        "coverage",
        "Show what tables leave open: fields, list entries, examples, rows that never "
        "fire.",
    ),
    "suggest": Command(
        "coverage",
        "Propose rows for partner fields that have none; nothing is changed.",
    ),
    "sheet": Command(
        "sheets", "Take specs into spreadsheets, and what was changed there back."
    ),
    "try": Command(
        "trials",
        "Try a table on one record: the payload, each step, and what a changed row "
        "does.",
    ),
    "partners": Command(
        "specs",
        "Show each partner, and how well the fields of its payloads are founded.",
    ),
    "docs": Command(
        "specs",
        "Write the documentation of all partners in German, for GitBook and MkDocs.",
    ),
    "new": Command("specs", "Add something by files."),
    "plan": Command(
        "plans",
        "Show what a sync would send, and what is left out and why. Sends nothing.",
    ),
    "sync": Command("plans", "Send what has changed since it was last accepted."),
    "apply": Command(
        "plans", "Send exactly a saved plan, or say what has changed since it was made."
    ),
    "release": Command(
        "plans",
        "Let one plan pass that the brake holds back; who, when and why is kept.",
    ),
    "explain": Command(
        "runs", "Show where each field of a record comes from, or why it is not sent."
    ),
    "status": Command(
        "runs", "Show activations: last and next run, open rejects, what is held back."
    ),
    "rejects": Command(
        "rejects", "Show open rejects as a worklist: by cause, with age and what to do."
    ),
    "match": Command(
        "onboarding",
        "Compare our records with those that the partner has already. Changes nothing.",
    ),
    "adopt": Command(
        "onboarding",
        "Link the records of a match report: the next sync updates them and creates "
        "none.",
    ),
    "drift": Command(
        "onboarding",
        "Read the partner back and say what differs from what it accepted.",
    ),
    "simulate": Command(
        "simulated",
        "Run a partner as a real HTTP server on this machine; prints its address as "
        "JSON.",
    ),
    "demo": Command(
        "simulated",
        "Run the main job against simulated partners, from portfolio to report.",
    ),
    "activation": Command("activations", "Register activations for `feldwerk serve`."),
    "serve": Command(
        "service",
        "Run the registered activations at their times, until it is ended.",
    ),
    "worker": Command(
        "service", "Add a worker to a service on PostgreSQL, on any machine."
    ),
    "forget": Command(
        "privacy",
        "Remove what is kept of a person, and list the partners that have the record.",
    ),
    "purge": Command(
        "privacy",
        "Remove runs that ended long ago, their journal, old plans and closed alerts.",
    ),
    "hook-key": Command(
        "privacy",
        "Print the key that the ERP signs its calls of an activation's hook with.",
    ),
}


def get_command(name: str) -> Any:
    """Return a command as its module declares it."""
    module = import_module(f"engine.app.commands.{COMMANDS[name].module}")
    return get_group(module.commands).commands[name]


class _Commands(TyperGroup):
    """All commands: by name and help for who looks, read when one is called."""

    def __init__(self, **settings: Any) -> None:
        known = {n: TyperCommand(n, help=c.help) for n, c in COMMANDS.items()}
        super().__init__(**{**settings, "commands": known})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name, command, rest = super().resolve_command(ctx, args)
        return name, command and get_command(str(name)), rest


app = typer.Typer(
    cls=_Commands,
    help="Keep ERPs and partner systems in step, driven by mapping tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _start() -> None:
    """Begin; every command is one of the group's."""


def main() -> None:
    """Run the command line."""
    # Modules are no garbage: at the usual threshold the collector would look through
    # them again and again while they are read.
    gc.set_threshold(50_000, 20, 20)
    # There are no plugins of pydantic here; to look for them reads every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    app()
