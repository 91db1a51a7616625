"""Small pieces of Markdown that GitBook and MkDocs read alike: text in, text out."""

import html
import re

from engine.model import Evidence

EVIDENCE: dict[Evidence, str] = {
    "seen": "gesehen",
    "doc": "dokumentiert",
    "inferred": "erschlossen",
    "proposed": "vorgeschlagen",
}
"""How each mark is written."""

MEANINGS: dict[Evidence, str] = {
    "seen": "auf einer Seite oder an der Schnittstelle des Partners gesehen",
    "doc": "aus einer öffentlichen Dokumentation",
    "inferred": "aus Gesehenem oder Dokumentiertem erschlossen",
    "proposed": "von Feldwerk vorgeschlagen, beim Partner nicht geprüft",
}
"""What each mark means."""

LETTERS: dict[Evidence, str] = {
    "seen": "G",
    "doc": "D",
    "inferred": "E",
    "proposed": "V",
}
"""The marks where there is little room."""

_TEMPLATE = re.compile(r"\{\{\s*(?:\w+\.)*(\w+)[^}]*\}\}")
_ADDRESS = re.compile(r"https?://[^\s()<>|]+")


def code(text: object) -> str:
    """
    Write a value as code; a pipe would end the cell of a table, so it is escaped.

    >>> code("a|b")
    '<code>a&#124;b</code>'
    """
    written = str(text)
    if not written:
        return "„“"
    if "|" in written or "`" in written:
        return html_code(written)
    return f"`{written}`"


def html_code(text: object) -> str:
    """Write a value as code inside of HTML."""
    escaped = html.escape(str(text), quote=False).replace("|", "&#124;")
    return f"<code>{escaped}</code>"


def cell(text: str) -> str:
    """Write plain text so that it stays in its cell: one line, no pipe, no tag."""
    flat = " ".join(text.split())
    return flat.replace("<", "&lt;").replace("|", "\\|")


def without_braces(text: str) -> str:
    """
    Write the places of a template so that no site generator fills them.

    >>> without_braces("https://{{ settings.subdomain }}.example.com")
    'https://‹subdomain›.example.com'
    """
    return _TEMPLATE.sub(r"‹\1›", text)


def address_in(text: str) -> str:
    """Return the first address in a text, or nothing."""
    found = _ADDRESS.search(text)
    return found.group().rstrip(".,;") if found else ""


def sentence(text: str) -> str:
    """Return a text as one line without its final stop, as bullets have it."""
    return " ".join(text.split()).rstrip(".")
