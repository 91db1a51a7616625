"""Run the command line in a process that a test may kill, without a long start."""

import multiprocessing
import os
from pathlib import Path

from engine.app.cli import app

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["engine.app.commands.plans"])


def start(arguments: list[str], output: Path, environment: dict[str, str]):
    """Start a command; what it prints goes to the end of a file."""
    process = _context.Process(target=_run, args=(arguments, output, environment))
    process.start()
    return process


def _run(arguments: list[str], output: Path, environment: dict[str, str]) -> None:
    os.environ.update(environment)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    app(arguments)
