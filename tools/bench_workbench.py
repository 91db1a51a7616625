"""Measure the analyst's workbench: nothing in, rows of figures out.

Each figure but `warm` is that of a process of its own, from the key to the prompt, on a
copy of all specs.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl

from engine.runtime.library import INSTALLED, check_partner
from engine.spec import Folders
from tools.portfolio import write

TABLE = "mappings/partners/etg24/stammdaten/objekte.csv"
ROUNDS = 5
SAVES = 20
COMMAND = [sys.executable, "-c", "from engine.app.cli import main; main()"]


def bench_workbench(_: int) -> Iterator[tuple[str, str]]:
    """Measure check, workbook and watch, of all specs and of one table."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "root"
        for part in ("connectors/partners", "mappings", "schemas"):
            shutil.copytree(INSTALLED / part, root / part)
        yield from _checks(root)
        yield from _sheets(root, Path(name) / "book.xlsx")
        write(Path(name) / "erp", units=200, seed=1, traps=False)
        yield "from a save to its payload, `try --watch`", _watch(root, Path(name))


def _checks(root: Path) -> Iterator[tuple[str, str]]:
    folders = Folders(root)
    yield "python, which does nothing", _cold([sys.executable, "-c", "pass"], root)
    yield "feldwerk --help", _cold([*COMMAND, "--help"], root)
    yield "feldwerk check, one table", _cold([*COMMAND, "check", TABLE], root)
    yield "feldwerk check, all specs", _cold([*COMMAND, "check"], root)
    partners = folders.partners()
    yield "the same, one table, warm", _warm(lambda: check_partner(folders, "etg24"))
    yield (
        f"the same, {len(partners)} partners, warm",
        _warm(lambda: [check_partner(folders, partner) for partner in partners]),
    )


def _sheets(root: Path, book: Path) -> Iterator[tuple[str, str]]:
    marked = book.with_stem("marked")
    sheet = [*COMMAND, "sheet"]
    forced = ["-o", str(book), "--force"]
    yield "sheet export, all specs", _cold([*sheet, "export", *forced], root)
    yield "sheet import, nothing changed", _cold([*sheet, "import", str(book)], root)
    _edit(book)
    shown = [*sheet, "check", str(book), "-o", str(marked), "--force"]
    yield "sheet check, all specs, marked", _cold(shown, root)
    once = [*sheet, "import", str(book)]
    yield "sheet import, one cell of each table", _cold(once, root, rounds=1)


def _edit(book: Path) -> None:
    """Write a note into each table of a workbook."""
    known = openpyxl.load_workbook(book)
    for tab in known.worksheets:
        titles = {cell.value: cell.column for row in tab["1:2"] for cell in row}
        if tab.sheet_state == "visible" and "Notiz" in titles:
            tab.cell(3, titles["Notiz"]).value = "gemessen"
    known.save(book)


def _watch(root: Path, folder: Path) -> str:
    """Save a table again and again; return how long its payload takes to come."""
    words = ["try", "etg24", "objekte", "--source", str(folder / "erp")]
    path = root / TABLE
    texts = [path.read_text("utf-8")]
    texts.append(texts[0].replace("title,bezeichnung,", "title,ort,"))
    times = []
    with subprocess.Popen(
        [*COMMAND, *words, "--watch", "--json"],
        env=_environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        for number in range(SAVES):
            time.sleep(0.2 + number % 7 / 100)  # people do not save in step with us
            began = time.perf_counter()
            path.write_text(texts[(number + 1) % 2], "utf-8")
            answer = json.loads(process.stdout.readline())
            times.append(time.perf_counter() - began)
            assert answer["changes"], answer
        process.terminate()
    middle, worst = statistics.median(times), max(times)
    return f"{middle:.2f} s, the worst of {SAVES}: {worst:.2f} s"


def _cold(command: list[str], root: Path, rounds: int = ROUNDS) -> str:
    """Run a command several times; return its median and its best time."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        done = subprocess.run(
            command, env=_environment(root), capture_output=True, check=False
        )
        times.append(time.perf_counter() - began)
        assert done.returncode in (0, 2), done.stderr.decode()
    return _shown(times)


def _warm(work: Callable[[], object]) -> str:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return _shown(times[1:])


def _shown(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} s, at best {min(times):.2f} s"


def _environment(root: Path) -> dict[str, str]:
    known = {**os.environ, "PYTHONPATH": str(INSTALLED), "FELDWERK_ROOT": str(root)}
    known.pop("PYTHONDONTWRITEBYTECODE", None)  # people have their modules compiled
    return known
