"""Read shared Google Sheets without an account: their links in, rows of their tabs out.

A tab is read through its CSV export, as everybody may who has the link. That address
is known from use, as is what it answers: Google documents neither. The list of all
tabs is taken from the page that shows the sheet to visitors; where that does not say
it any more, only the tabs that are named are read, and a notice says so.
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

import httpx

from engine.app.workbench.sheets.fetching import Fetched, Fetcher, NotFetchedError
from engine.app.workbench.sheets.sheet_link import (
    GID,
    NO_GID,
    SheetLink,
    link_problem,
    sheet_link,
)
from engine.app.workbench.sheets.xml_stream import LONGEST_TEXT, TooLargeError
from engine.errors import SpecError, UnreachableError
from engine.problems import Problem, errors

MOST_TABS = 200
MOST_ROWS = 100_000
MOST_COLUMNS = 1_000
MOST_PLACES = 1_000_000
"""So much of one sheet or one tab is read; empty cells count."""

# items.push({name: "Objekte", pageUrl: "...", gid: "7", ...}) stands once for each tab.
_ITEM = re.compile(r'items\.push\(\{((?:[^"{}]++|"(?:[^"\\]|\\.)*+")*+)\}')
_PART = re.compile(r'\b(name|gid)\s*:\s*"((?:[^"\\]|\\.)*+)"')
_ESCAPED = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_TITLE = re.compile(r"filename\*=UTF-8''([^;]+)")
_LOGIN = ("/ServiceLogin", "/v3/signin", "/signin")

_NOT_SHARED = "not shared ({status}), or visitors may not download it."
_NO_SHEET = "there is no such sheet ({status}), or it has no tab {tab}."
_ANSWERS = "the server answers {status}."
_THEIRS = range(500, 600)
_REFUSALS: Mapping[int, tuple[str, str]] = {
    400: ("S043", "it has no tab {tab} ({status})."),
    401: ("S041", _NOT_SHARED),
    403: ("S041", _NOT_SHARED),
    404: ("S042", _NO_SHEET),
    410: ("S042", _NO_SHEET),
    429: ("S044", "it was asked too often ({status}); wait some minutes."),
}
"""What the export says with a status: code and reason."""


@dataclass(frozen=True)
class SharedTab:
    """The rows of a tab."""

    link: SheetLink
    gid: str
    name: str
    rows: Sequence[Sequence[str]]

    @property
    def source(self) -> str:
        return self.link.of(self.gid)


@dataclass
class SharedSheets:
    """What was read, and what was noticed on the way."""

    tabs: list[SharedTab] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def read_shared(
    links: Sequence[str],
    gids: Sequence[str] = (),
    *,
    fetcher: Fetcher,
    passed_over: Iterable[str] = (),
) -> SharedSheets:
    """
    Read tabs of shared sheets: those of `gids`, or else all that the sheets list.

    The tab of each link is read in any case. Listed ones whose name is in
    `passed_over` are not. Raises SpecError, or UnreachableError, with all problems.
    """
    problems = [
        link_problem(f"--gid {gid}", "S040", NO_GID)
        for gid in gids
        if not GID.fullmatch(gid)
    ]
    found = []
    for text in links:
        try:
            found.append(sheet_link(text))
        except SpecError as error:
            problems += error.problems
    if len({link.id for link in found}) > 1 and gids:
        why = "one sheet only can be meant by --gid; give the link of each tab."
        problems.append(link_problem("--gid", "S040", why))
    if problems:
        raise SpecError(problems)
    reading = _Reading(fetcher, frozenset(passed_over))
    by_sheet: dict[tuple[str, str], list[str]] = {}
    for link in found:
        named = by_sheet.setdefault((link.server, link.id), [])
        named += [gid for gid in (link.gid, *gids) if gid]
    for (server, sheet), named in by_sheet.items():
        reading.read(SheetLink(server, sheet), named, only=bool(gids))
    return reading.result()


class _Reading:
    """The reading of some sheets, with everything that goes wrong."""

    def __init__(self, fetcher: Fetcher, passed_over: frozenset[str]) -> None:
        self.fetcher = fetcher
        self.passed_over = passed_over
        self.found = SharedSheets()
        self.places = 0
        """Cells that were read, empty ones too."""

    def result(self) -> SharedSheets:
        wrong = errors(self.found.problems)
        if wrong and all(problem.code == "S044" for problem in wrong):
            raise UnreachableError(wrong)
        if wrong:
            raise SpecError(wrong)
        return self.found

    def read(self, link: SheetLink, named: Iterable[str], *, only: bool) -> None:
        wanted, names = dict.fromkeys(named), {}
        if not only:
            names = self._listed(link)
            others = [gid for gid, n in names.items() if n not in self.passed_over]
            wanted = dict.fromkeys([*others, *wanted] or [""])
        if len(wanted) > MOST_TABS:
            why = f"it has {len(wanted):,} tabs; at most {MOST_TABS} are read."
            self._tell(link.of(""), "S086", why)
            return
        for gid in wanted:
            try:
                tab = self._tab(link, gid, names)
            except NotFetchedError as error:
                self._tell(link.of(gid), error.code, str(error))
            else:
                if tab is not None:
                    self.found.tabs.append(tab)

    def _tell(self, place: str, code: str, why: str, hint: str = "") -> None:
        self.found.problems.append(link_problem(place, code, why, hint))

    def _listed(self, link: SheetLink) -> dict[str, str]:
        """Return the names of a sheet's tabs by gid, as far as its page says them."""
        try:
            page = self.fetcher.fetch(link.page, is_login)
        except NotFetchedError:
            tabs: dict[str, str] = {}
        else:
            tabs = listed_tabs(page.content.decode("utf-8", errors="replace"))
        if not tabs:
            why = "its page does not say which tabs it has; only those named are read."
            self._tell(link.of(""), "S049", why)
        return tabs

    def _tab(
        self, link: SheetLink, gid: str, names: Mapping[str, str]
    ) -> SharedTab | None:
        answer = self.fetcher.fetch(link.export(gid), is_login)
        place = link.of(gid)
        wrong = _wrong(answer, gid)
        if wrong is not None:
            known = [f"{name} (gid={one})" for one, name in names.items()]
            code, why = wrong
            hint = f"Its tabs: {', '.join(known)}." if known and code == "S043" else ""
            self._tell(place, code, why, hint)
            return None
        try:
            rows = self._rows(answer.content.decode("utf-8-sig"))
        except TooLargeError as error:
            self._tell(place, "S086", f"{error}.")
            return None
        except (UnicodeDecodeError, csv.Error) as error:
            self._tell(place, "S045", f"its rows cannot be read: {error}.")
            return None
        name = names.get(gid) or _name(answer) or f"gid={gid or 0}"
        return SharedTab(link, gid, name, rows)

    def _rows(self, text: str) -> list[list[str]]:
        """Read the rows of a tab; raises TooLargeError as a workbook does."""
        rows: list[list[str]] = []
        for row in csv.reader(io.StringIO(text, newline=""), strict=True):
            rows.append(row)
            self.places += max(len(row), 1)
            if len(rows) > MOST_ROWS or len(row) > MOST_COLUMNS:
                most = f"{MOST_ROWS:,} rows or {MOST_COLUMNS:,} columns"
                raise TooLargeError(f"it has more than {most}")
            if self.places > MOST_PLACES:
                raise TooLargeError(f"all tabs have more than {MOST_PLACES:,} cells")
            if any(len(cell) > LONGEST_TEXT for cell in row):
                raise TooLargeError(f"a cell has more than {LONGEST_TEXT:,} characters")
        return rows


def listed_tabs(page: str) -> dict[str, str]:
    """Return the names of the tabs by gid, as the page for visitors has them."""
    tabs: dict[str, str] = {}
    for item in _ITEM.finditer(page):
        parts = {part[1]: _unescaped(part[2]) for part in _PART.finditer(item[1])}
        if GID.fullmatch(parts.get("gid", "")) and parts.get("name"):
            tabs.setdefault(parts["gid"], parts["name"])
    return tabs


def _unescaped(text: str) -> str:
    """Return what a string of JavaScript says."""

    def shown(found: re.Match[str]) -> str:
        code = found[1] or found[2]
        plain: str = found[3]
        return chr(int(code, 16)) if code else {"n": "\n", "t": "\t"}.get(plain, plain)

    return _ESCAPED.sub(shown, text)


def is_login(url: httpx.URL) -> bool:
    """Say whether an address asks who one is."""
    return url.host.startswith("accounts.") or url.path.startswith(_LOGIN)


def _wrong(answer: Fetched, gid: str) -> tuple[str, str] | None:
    """Return the code and the reason of an answer that is no table."""
    tab = f"gid={gid}" if gid else "its first tab"
    if answer.leads_to is not None:
        return "S041", "it is shown to those who log in only."
    if answer.status != httpx.codes.OK:
        other = ("S044" if answer.status in _THEIRS else "S045", _ANSWERS)
        code, why = _REFUSALS.get(answer.status, other)
        return code, why.format(status=answer.status, tab=tab)
    start = answer.content[:2000].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/html" and not start.startswith((b"<!doctype", b"<html")):
        return None
    if b"servicelogin" in answer.content.lower():
        return "S041", "a login page comes instead of the table."
    return "S045", "a web page comes instead of the table."


def _name(answer: Fetched) -> str:
    """Return the tab's name: what stands last in the name of the file."""
    found = _TITLE.search(answer.headers.get("content-disposition", ""))
    if found is None:
        return ""
    title = unquote(found[1], errors="replace").removesuffix(".csv")
    return title.rpartition(" - ")[2]
