"""Show a trial to people: an attempt in, console lines out."""

from collections.abc import Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.text import Text

from engine.app.options import show_problems
from engine.app.record_report import show_explanation
from engine.app.visible import plain
from engine.app.workbench.impact.shapes import shown
from engine.app.workbench.tables.tablefile import TableFile
from engine.app.workbench.trial.attempt import OF_EXAMPLES, Attempt


def show_attempt(console: Console, attempt: Attempt) -> None:
    """Print the way of each field, the payload, and what has changed in it."""
    examples = [one for one in attempt.problems if one.code in OF_EXAMPLES]
    others = [one for one in attempt.problems if one.code not in OF_EXAMPLES]
    show_problems(others, to_stderr=True)
    for problem in examples:
        line = Text(f"warning: {plain(str(problem))}", "yellow")
        Console(stderr=True).print(line, soft_wrap=True)
    if attempt.answer is None:
        return
    if attempt.errors:
        console.print("\nAs it was before:", style="bold yellow")
    show_explanation(console, attempt.answer)
    payload, in_address = attempt.answer["payload"], attempt.answer["in_address"]
    if payload:
        console.print("\nPayload", style="bold")
        body = {name: payload[name] for name in payload if name not in in_address}
        console.print(Text(_json(body)), soft_wrap=True)
    if in_address:
        told = ", ".join(f"{name} = {value}" for name, value in in_address.items())
        console.print(Text(f"In the address: {told}"), soft_wrap=True)
    for operation, part in attempt.answer["only"].items():
        console.print(f"\nPayload of {operation} only", style="bold")
        console.print(Text(_json(part)), soft_wrap=True)
    if attempt.changes:
        console.print("\nChanged", style="bold")
    for one in attempt.changes:
        line = Text(f"  {one.name}: ", style="bold")
        line.append(shown(one.old, masked=False), style="not bold red")
        line.append(" -> ", style="not bold")
        line.append(shown(one.new, masked=False), style="not bold green")
        console.print(line, soft_wrap=True)


def show_rows(console: Console, table: TableFile) -> None:
    """Print the rows of a table by their lines, each with what fills it."""
    for line, row in zip(table.lines(), table.rows, strict=True):
        cells = {**row.cells}
        name = cells.pop("partner_field", "")
        for left in ("example", "expected", "note"):
            cells.pop(left, None)
        told = ", ".join(f"{column}={cell}" for column, cell in cells.items())
        console.print(Text(f"{line:4}  {name}  {told}"), soft_wrap=True)


def show_row(console: Console, table: TableFile, line: int) -> None:
    """Print the cells of a row, one in a line."""
    row = table.rows[table.lines().index(line)]
    for column in table.header:
        console.print(Text(f"      {column} = {row.cells.get(column, '')}"))


def show_candidates(console: Console, found: Sequence[tuple[str, str]]) -> None:
    """Print a numbered list of records to pick from."""
    for number, (key, words) in enumerate(found, 1):
        line = Text(f"{number:4}  ")
        line.append(key, style="bold")
        line.append(f"  {words}")
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)


def _json(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
