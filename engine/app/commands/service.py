"""Commands that run unattended: the service, further workers."""

import signal
import threading
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

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
from engine.errors import SpecError
from engine.problems import CATALOGUE, Origin, Problem

commands = typer.Typer()

SLOTS = Annotated[
    int,
    typer.Option("--slots", min=1, max=64, help="Runs at once; give all the same."),
]


@commands.command()
def worker(
    database: DATABASE = HERE, slots: SLOTS = 4, json: JSON = False, root: ROOT = None
) -> None:
    """
    Add a worker to a service on PostgreSQL, on any machine.

    It needs the same specs, sources and secrets as the others. SIGTERM ends it: runs
    under way stop at the next record, and go on elsewhere.
    """
    with stopping(json):
        url = get_database(database)
        if url.startswith("sqlite"):
            message = "further workers need PostgreSQL."
            problem = Problem(Origin(url), "D327", message, CATALOGUE["D327"].remedy)
            raise SpecError([problem])
        _work(url, slots, json, root)


def _work(url: str, slots: int, as_json: bool, root: Path | None) -> None:
    from engine.service.worker import Options, Worker  # noqa: PLC0415 - a slow start

    ended = threading.Event()

    def end(_: int, __: FrameType | None) -> None:
        if ended.is_set():
            raise typer.Exit(4)  # asked twice: without waiting for anything
        ended.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    with Worker(url, get_folders(root), options=Options(slots=slots)) as working:
        if as_json:
            print_json({"worker": working.id, "slots": slots})
        else:
            print(f"worker {working.id}: {slots} runs at once", flush=True)
        ended.wait()
