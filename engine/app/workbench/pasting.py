"""Rows to paste into a tab: cells by column in, tab-separated lines out."""

from collections.abc import Iterable, Mapping, Sequence

from engine.runtime.text_cell import BEGINNINGS

TEXT_MARK = "'"
"""Before a cell it tells a spreadsheet that the rest is a text, and no part of it."""

_QUOTED = ("\t", "\r", "\n")


def to_paste(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> str:
    r"""
    Return rows as a spreadsheet takes them from the clipboard, without titles.

    What it would take for a formula has an apostrophe in front.

    >>> to_paste(["a", "b", "c"], [{"a": "=1+1", "c": 'date("D")'}])
    '\'=1+1\t\tdate("D")\n'
    """
    lines = ("\t".join(_cell(row.get(c, "")) for c in columns) for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _cell(text: str) -> str:
    if text.startswith(BEGINNINGS):
        text = TEXT_MARK + text
    if text.startswith('"') or any(sign in text for sign in _QUOTED):
        doubled = text.replace('"', '""')
        return f'"{doubled}"'
    return text
