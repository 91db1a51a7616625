"""Pieces of Markdown for a comment: texts in, lines that nothing breaks out."""

import html
from collections.abc import Iterable, Iterator, Sequence

from engine.app.visible import plain

MARKUP = frozenset("`|*_~[]#!\\@")
"""Characters that mean something in Markdown, or to the site that shows it."""


def escaped(text: str) -> str:
    """
    Return a text that stays as it is in Markdown, in the cell of a table too.

    >>> escaped("a|b")
    'a&#124;b'
    """
    return "".join(
        f"&#{ord(c)};" if c in MARKUP else html.escape(c, quote=False)
        for c in plain(text)
    )


def code(text: str) -> str:
    """Return a text as code; pipes and backticks in it are only themselves."""
    return f"<code>{escaped(text)}</code>" if text else ""


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table; its cells are Markdown already."""
    yield f"| {' | '.join(titles)} |"
    yield f"|{' --- |' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def details(summary: str, lines: Iterable[str]) -> Iterator[str]:
    """Yield a block that opens when one clicks it; its summary is HTML already."""
    yield f"<details><summary>{summary}</summary>"
    yield ""
    yield from lines
    yield ""
    yield "</details>"
