"""Commands that run unattended: the service, further workers."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
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
ALERTS = Annotated[
    Path | None,
    typer.Option("--alerts", help="The file that names who is told of trouble."),
]


@commands.command()
def serve(
    database: DATABASE = HERE,
    slots: SLOTS = 4,
    host: Annotated[
        str, typer.Option("--host", help="Where to listen: 0.0.0.0 for everywhere.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")
    ] = 8080,
    http: Annotated[
        bool, typer.Option("--http/--no-http", help="Whether to listen at all.")
    ] = True,
    alerts: ALERTS = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Run the registered activations at their times, until it is ended.

    Schedules, queue, workers and the HTTP endpoints in one process; with PostgreSQL
    `feldwerk worker` adds more. SIGTERM ends it: runs under way stop at the next
    record, and the next start goes on with them.
    """
    with stopping(json):
        url = get_database(database, new=True)
        _work(url, slots, json, root, alerts, (host, port) if http else None)


@commands.command()
def worker(
    database: DATABASE = HERE,
    slots: SLOTS = 4,
    alerts: ALERTS = None,
    json: JSON = False,
    root: ROOT = None,
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
        _work(url, slots, json, root, alerts, None)


def _work(
    url: str,
    slots: int,
    as_json: bool,
    root: Path | None,
    alerts: Path | None,
    address: tuple[str, int] | None,
) -> None:
    """Work until a signal comes; a second one ends the process at once."""
    # Loading all this takes a while, and only these two commands need it.
    from engine.service.front import read_access, serving  # noqa: PLC0415
    from engine.service.observing import RegistryOrders, observed  # noqa: PLC0415
    from engine.service.worker import Options, Worker  # noqa: PLC0415

    access = read_access() if address else None
    ended = threading.Event()
    with ExitStack() as stack:
        seen = stack.enter_context(observed(url, alerts))
        options = Options(slots=slots)
        worker_ = Worker(url, get_folders(root), seen.signals, options)
        stack.enter_context(_ending(ended))
        stack.enter_context(worker_)
        told = {"worker": worker_.id, "slots": slots}
        if address and access:
            app = seen.app(RegistryOrders(worker_.registry), access)
            told["port"] = stack.enter_context(serving(app, *address))
        if as_json:
            print_json(told)
        else:
            print(", ".join(f"{name} {value}" for name, value in told.items()))
            sys.stdout.flush()
        ended.wait()


@contextmanager
def _ending(ended: threading.Event) -> Iterator[None]:
    """Set an event at the first signal; the second one has its usual effect."""
    numbers = (signal.SIGTERM, signal.SIGINT)

    def end(_: int, __: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        ended.set()

    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
