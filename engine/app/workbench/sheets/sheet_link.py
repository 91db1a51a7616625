"""Know the links of shared Google Sheets: what a browser shows in, addresses out."""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs

import httpx

from engine.errors import SpecError
from engine.problems import CATALOGUE, Origin, Problem

_PATH = re.compile(
    r"(?:/a/[^/]+)?/spreadsheets/(?:u/\d+/)?d/(?P<id>[\w-]{10,})(?:/.*)?"
)
GID = re.compile(r"\d{1,12}")
NO_GID = "the tab is named by gid=NUMBER."


@dataclass(frozen=True)
class SheetLink:
    """Which sheet a link names, at which server, and which tab, if it does."""

    server: str
    id: str
    gid: str = ""

    def of(self, gid: str) -> str:
        """Return the link of a tab, as people open it."""
        tab = f"#gid={gid}" if gid else ""
        return f"{self.server}/spreadsheets/d/{self.id}/edit{tab}"

    def export(self, gid: str) -> str:
        """Return the address of a tab's rows; without a gid it is the first tab."""
        tab = f"&gid={gid}" if gid else ""
        return f"{self.server}/spreadsheets/d/{self.id}/export?format=csv{tab}"

    @property
    def page(self) -> str:
        """Return the address of the page that visitors see."""
        return f"{self.server}/spreadsheets/d/{self.id}/htmlview"


def sheet_link(text: str) -> SheetLink:
    """
    Return what a link names; raises SpecError if it is none of a shared sheet.

    >>> sheet_link("https://docs.google.com/spreadsheets/d/1AbcDefGhij/edit#gid=7").gid
    '7'
    """
    try:
        url = httpx.URL(text.strip())
        need_host(url)
    except (httpx.InvalidURL, ValueError):
        raise _no_link(text, "is no address.") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise _no_link(text, "is no https address of a sheet.")
    found = _PATH.fullmatch(url.path)
    if found is None:
        why = "is a published page; take the link that Share gives."
        if "/spreadsheets/d/e/" not in url.path:
            why = "has no /spreadsheets/d/ID in it."
        raise _no_link(text, why)
    named = parse_qs(url.fragment).get("gid") or parse_qs(url.query.decode()).get("gid")
    gid = named[0] if named else ""
    if gid and not GID.fullmatch(gid):
        raise _no_link(text, NO_GID)
    server = str(url.copy_with(raw_path=b"/", fragment=None)).rstrip("/")
    return SheetLink(server, found["id"], gid)


def need_host(url: httpx.URL) -> None:
    """Raise ValueError if the host of an address is none that can be looked up."""
    url.host.encode("idna")


def _no_link(text: str, why: str) -> SpecError:
    start, slashes, rest = text.strip().rpartition("//")
    if "@" in text:  # what stands before it may be a password
        start, slashes, rest = "", "...@", text.strip().rpartition("@")[2]
    return SpecError([link_problem(start + slashes + rest or "''", "S040", why)])


def link_problem(place: str, code: str, why: str, hint: str = "") -> Problem:
    """Return a problem that says what to do: who shares a sheet, knows no catalogue."""
    return Problem(Origin(place), code, why, hint or CATALOGUE[code].remedy)
