"""Lines for a terminal: texts in, printed lines that never run over its edge out."""

import csv
import io
import sys
from collections.abc import Iterable, Mapping, Sequence
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

NARROWEST = 40
"""Below this width nothing is wrapped any more."""

WIDE = 100
"""The width of a table in a file or a pipe."""


def wide_console() -> Console:
    """Return a console of the terminal's width, or wide enough where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=WIDE)


def say(
    console: Console, text: str, indent: int = 0, hang: int = 0, style: str = ""
) -> None:
    """
    Print a text, wrapped at the edge of the terminal.

    `hang` more blanks stand before each line but the first.
    """
    for line in _wrapped(console, text, indent, hang):
        console.print(Text(line, style), soft_wrap=True)


def head(console: Console, title: str, more: str = "", style: str = "bold") -> None:
    """Print the title of a section, an empty line before it."""
    console.print()
    first, *rest = _wrapped(console, f"{title} {more}".rstrip())
    line = Text(first)
    line.stylize(style, 0, len(title))
    for text in (line, *map(Text, rest)):
        console.print(text, soft_wrap=True)


def _wrapped(console: Console, text: str, indent: int = 0, hang: int = 0) -> list[str]:
    blanks = " " * indent
    lines = wrap(
        text,
        max(console.width, NARROWEST),
        initial_indent=blanks,
        subsequent_indent=blanks + " " * hang,
        break_on_hyphens=False,
    )
    return lines or [""]


def command(console: Console, words: Iterable[str], indent: int = 2) -> None:
    """Print a command to copy; a long one goes on after a backslash."""
    width = max(console.width, NARROWEST)
    lines: list[str] = []
    for word in words:
        room = width - indent - 6
        if lines and len(lines[-1]) + len(word) + 1 <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    for number, line in enumerate(lines):
        blanks = " " * (indent + (4 if number else 0))
        more = " \\" if number < len(lines) - 1 else ""
        console.print(Text(f"{blanks}{line}{more}"), soft_wrap=True)


def figures(
    console: Console,
    names: list[str],
    columns: list[str],
    rows: list[tuple[list[str], list[int]]],
    *,
    title: str = "",
    total: list[int] | None = None,
) -> None:
    """
    Print a table of numbers; where it does not fit, a few lines for each row.

    `names` are the columns that say what a row is, `columns` those of numbers.
    """
    table = Table(
        title=title or None,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in names:
        table.add_column(name, no_wrap=True)
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for words, numbers in rows:
        table.add_row(*map(Text, words), *map(_figure, numbers))
    if total is not None:
        table.add_section()
        blanks = [""] * (len(names) - 1)
        table.add_row("total", *blanks, *map(_figure, total), style="bold")
    wide = console.options.update(width=10_000)
    if Measurement.get(console, wide, table).maximum <= console.width:
        console.print(table)
        return
    if title:
        console.print()
        say(console, title, style="bold")
    lines = [*rows, *([(["total"], total)] if total is not None else [])]
    for words, numbers in lines:
        say(console, f"  {' '.join(filter(None, words))}", hang=2)
        told = [
            f"{number:,} {name}"
            for name, number in zip(columns, numbers, strict=True)
            if number
        ]
        say(console, ", ".join(told) or "nothing", indent=6, style="dim")


def show_csv(
    console: Console, columns: Sequence[str], rows: Iterable[Mapping[str, str]]
) -> None:
    """Print rows as the lines of a CSV file, ready to paste into one."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    for line in text.getvalue().splitlines():
        console.print(Text(line), soft_wrap=True)


def _figure(number: int) -> str:
    return f"{number:,}" if number else "·"


def counted(number: int, one: str, several: str = "") -> str:
    """
    Return a number with its noun.

    >>> counted(1, "record"), counted(1200, "record"), counted(2, "entry", "entries")
    ('1 record', '1,200 records', '2 entries')
    """
    return f"{number:,} {one if number == 1 else several or one + 's'}"
