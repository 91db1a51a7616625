"""Workers of the service as processes of their own, which a test may kill or freeze."""

import multiprocessing
import os
import signal
import threading
from pathlib import Path

from engine.runtime import state
from engine.service.worker import Options, Worker
from engine.spec import Folders

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["engine.service.worker", "engine.app.commands.plans"])


class Logged(Worker):
    """A worker that writes how each of its runs ended."""

    output: Path

    def run(self, name: str, workflow: str) -> str:
        ended = super().run(name, workflow)
        say(self.output, f"{ended} {workflow}")
        return ended


def say(output: Path, text: str) -> None:
    with output.open("a") as file:
        file.write(f"{os.getpid()} {text}\n")


def start(url: str, root: Path, output: Path, ttl: float, lease: float, slots: int = 1):
    """Start a worker; its output says `ready`, and how its runs ended."""
    environment = {k: v for k, v in os.environ.items() if k.isupper()}
    arguments = (url, root, output, ttl, lease, slots, environment)
    process = _context.Process(target=_work, args=arguments)
    process.start()
    return process


def _work(
    url: str,
    root: Path,
    output: Path,
    ttl: float,
    lease: float,
    slots: int,
    environment: dict[str, str],
) -> None:
    os.environ.update(environment)
    errors = os.open(output.with_suffix(".err"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(errors, 2)
    state.LEASE_SECONDS = lease
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    Logged.output = output
    options = Options(slots=slots, ttl=ttl, tick=0.05, poll=0.02, chores=1)
    with Logged(url, Folders(root), options=options):
        say(output, "ready")
        ended.wait()
    say(output, "ended")
