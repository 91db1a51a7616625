"""Shared sheets by their links: what is read of them, and what is refused and why."""

import socket
import threading
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest
from google import SHEET, Google

from engine.app.workbench.sheets.fetching import (
    Fetcher,
    Limits,
    NotFetchedError,
    guard,
)
from engine.app.workbench.sheets.shared_sheet import (
    MOST_TABS,
    listed_tabs,
    read_shared,
)
from engine.app.workbench.sheets.sheet_link import sheet_link
from engine.errors import SpecError, UnreachableError

QUICK = Limits(silence=2, seconds=2, size=500_000, first_wait=0.001, longest_wait=0.01)
ROWS = [["etg24/stammdaten/objekte", "x"], ["Partnerfeld", "ERP-Feld"], ["id", "we_nr"]]
DOCS = "https://docs.google.com/spreadsheets"


@pytest.fixture
def google():
    with Google() as google:
        google.put("0", "objekte", ROWS)
        google.put("7", 'Mieter & Größe / "neu"', [["b"]])
        google.put("99", "Übersicht", [["c"]])
        yield google


@pytest.fixture
def read(google):
    """Return what reads links, quickly."""

    def read_(*links, gids=(), limits=QUICK, passed_over=("Übersicht",)):
        with Fetcher(limits) as fetcher:
            return read_shared(links, gids, fetcher=fetcher, passed_over=passed_over)

    return read_


def problems_of(read, *links, kind=SpecError, **more):
    with pytest.raises(kind) as caught:
        read(*links, **more)
    return caught.value.problems


class TestLinks:
    """A link of a sheet says where it is, in all the shapes that browsers show."""

    @pytest.mark.parametrize(
        ("link", "gid"),
        [
            (f"{DOCS}/d/{SHEET}/edit?gid=12#gid=12", "12"),
            (f"{DOCS}/d/{SHEET}/edit#gid=12", "12"),
            (f"{DOCS}/d/{SHEET}/edit?gid=12", "12"),
            (f"{DOCS}/d/{SHEET}/edit?gid=3#gid=12&range=A5", "12"),
            (f"{DOCS}/d/{SHEET}/edit?gid=12&fvid=1993#gid=12&fvid=1993", "12"),
            (f"{DOCS}/d/{SHEET}/edit?usp=sharing", ""),
            (f"{DOCS}/d/{SHEET}", ""),
            (f"{DOCS}/d/{SHEET}/export?format=csv&gid=12", "12"),
            (f"{DOCS}/u/1/d/{SHEET}/edit#gid=12", "12"),
            (f"  {DOCS}/d/{SHEET}/edit#gid=12\n", "12"),
            (f"https://docs.google.com/a/domus.de/spreadsheets/d/{SHEET}/edit", ""),
        ],
    )
    def test_a_link_names_server_sheet_and_tab(self, link, gid):
        found = sheet_link(link)
        assert (found.server, found.id, found.gid) == (
            "https://docs.google.com",
            SHEET,
            gid,
        )

    def test_the_addresses_are_those_of_the_server_of_the_link(self, google):
        found = sheet_link(google.link("7"))
        assert found.export("7") == (
            f"{google.url}/spreadsheets/d/{SHEET}/export?format=csv&gid=7"
        )
        assert found.page == f"{google.url}/spreadsheets/d/{SHEET}/htmlview"
        assert found.of("7") == f"{google.url}/spreadsheets/d/{SHEET}/edit#gid=7"

    @pytest.mark.parametrize(
        "link",
        [
            "",
            "Feld Mapping",
            "book.xlsx",
            f"docs.google.com/spreadsheets/d/{SHEET}/edit",
            f"ftp://docs.google.com/spreadsheets/d/{SHEET}/edit",
            f"file:///spreadsheets/d/{SHEET}/edit",
            f"https://anna:geheim@docs.google.com/spreadsheets/d/{SHEET}/edit",
            f"https://docs.google.com/document/d/{SHEET}/edit",
            f"{DOCS}/d/kurz/edit",
            f"{DOCS}/d/{SHEET}/edit#gid=x",
            f"{DOCS}/d/{SHEET}/edit#gid=-1",
            "https://[::1/spreadsheets",
            f"https://xn--/spreadsheets/d/{SHEET}/edit",
            f"https://{'a' * 300}/spreadsheets/d/{SHEET}/edit",
            f"//anna:ge//heim@docs.google.com/spreadsheets/d/{SHEET}/edit",
        ],
    )
    def test_what_is_no_link_of_a_sheet_is_refused(self, link):
        with pytest.raises(SpecError) as caught:
            sheet_link(link)
        assert [problem.code for problem in caught.value.problems] == ["S040"]
        assert "heim" not in str(caught.value)

    def test_a_published_page_is_told_from_a_shared_sheet(self):
        with pytest.raises(SpecError, match="take the link that Share gives"):
            sheet_link(f"{DOCS}/d/e/2PACX-1vSxf9M4hKKQdF8/pubhtml")

    def test_all_wrong_links_are_told_at_once(self, read):
        found = problems_of(read, "a", "b", gids=["x"])
        assert [str(problem.origin) for problem in found] == ["--gid x", "a", "b"]

    def test_a_number_of_a_tab_belongs_to_one_sheet(self, read, google):
        other = google.link(sheet="1zzzzzzzzzzzzzzzzzzz")
        (problem,) = problems_of(read, google.link(), other, gids=["0"])
        assert problem.code == "S040"


class TestReading:
    """Tabs come as rows of text, through the redirect of the export."""

    def test_the_tab_of_a_link_is_read(self, read, google):
        (tab,) = read(google.link("0"), gids=["0"]).tabs
        assert tab.rows == ROWS
        assert (tab.gid, tab.name) == ("0", "objekte")
        assert tab.source == f"{google.url}/spreadsheets/d/{SHEET}/edit#gid=0"

    def test_the_export_is_asked_and_its_redirect_to_another_host_followed(
        self, read, google
    ):
        read(google.link("0"), gids=["0"])
        first, second = google.calls
        assert first.url.path.endswith("/export")
        assert dict(first.query_params) == {"format": "csv", "gid": "0"}
        assert (first.url.hostname, second.url.hostname) == ("127.0.0.1", "localhost")
        assert second.url.path.startswith("/export/t0/")

    def test_no_cookie_and_no_credential_is_sent(self, read, google):
        read(google.link("0"))
        assert len(google.calls) > 3
        for call in google.calls:
            assert not {"cookie", "authorization", "referer"} & set(call.headers)

    def test_cells_keep_quotes_line_breaks_umlauts_and_blanks(self, read, google):
        cells = ['"', "a\r\nb", "a\nb", "Größe 😀", " x ", ",", ";", "=1+1", "0081"]
        google.put("0", "objekte", [cells, ["", ""], ["a,b", '"x"']])
        (tab,) = read(google.link("0"), gids=["0"]).tabs
        assert tab.rows == [cells, ["", ""], ["a,b", '"x"']]

    def test_an_empty_tab_has_no_rows(self, read, google):
        google.put("0", "objekte", [])
        (tab,) = read(google.link("0"), gids=["0"]).tabs
        assert tab.rows == []

    def test_all_tabs_that_the_page_lists_are_read_beside_that_of_the_link(
        self, read, google
    ):
        found = read(google.link("7"))
        assert [tab.gid for tab in found.tabs] == ["0", "7"]
        assert {tab.name for tab in found.tabs} == {"objekte", google.names["7"]}
        assert found.problems == []

    def test_a_link_without_a_tab_means_all_of_them(self, read, google):
        assert [tab.gid for tab in read(google.link()).tabs] == ["0", "7"]

    def test_numbers_of_tabs_mean_these_alone(self, read, google):
        found = read(google.link(), gids=["99", "7"])
        assert [tab.gid for tab in found.tabs] == ["99", "7"]
        assert google.asked(f"/spreadsheets/d/{SHEET}/htmlview") == []

    def test_several_links_are_read_each_tab_once(self, read, google):
        google.listing = False
        links = (google.link("7"), google.link("0"), google.link("7"))
        assert [tab.gid for tab in read(*links).tabs] == ["7", "0"]

    def test_a_page_that_lists_no_tabs_is_a_notice(self, read, google):
        google.listing = False
        found = read(google.link("7"))
        assert [tab.gid for tab in found.tabs] == ["7"]
        assert found.tabs[0].name == google.names["7"]
        (notice,) = found.problems
        assert (notice.code, notice.level) == ("S049", "warning")

    def test_without_a_list_a_link_without_a_tab_means_the_first(self, read, google):
        google.listing = False
        (tab,) = read(google.link()).tabs
        assert (tab.rows, tab.name) == (ROWS, "objekte")

    def test_a_tab_that_waits_its_turn_is_read_after_the_wait(self, read, google):
        google.later = 2
        (tab,) = read(google.link("0"), gids=["0"]).tabs
        assert tab.rows == ROWS
        assert len(google.asked(f"/spreadsheets/d/{SHEET}/export")) == 3

    def test_the_names_of_tabs_are_unescaped(self):
        page = (
            r'items.push({name: "A \x26 B \u00fc \"C\" 7\/8", pageUrl: "x", gid: "5"});'
            r'items.push({initialSheet: ("7" == gid), gid: "7", name: "}) {"});'
            r'items.push({name: "ohne"});items.push({gid: "3"});'
            r'items.push({name: "zweimal", gid: "5"});'
            r'items.push({name: "krumm", gid: "x"});'
        )
        assert listed_tabs(page) == {"5": 'A & B ü "C" 7/8', "7": "}) {"}

    @pytest.mark.parametrize("page", ["", "<html>Sign in</html>", 'items.push({"' * 99])
    def test_other_pages_list_no_tabs(self, page):
        assert listed_tabs(page) == {}


class TestRefused:
    """Everything else that a server may answer has a clear reason."""

    @pytest.mark.parametrize(
        ("mood", "code", "told"),
        [
            ("to_login", "S041", "those who log in only"),
            ("status_401", "S041", "not shared (401)"),
            ("status_403", "S041", "not shared (403)"),
            ("login", "S041", "a login page"),
            ("other_page", "S045", "a web page"),
            ("page_as_csv", "S045", "a web page"),
            ("status_204", "S045", "answers 204"),
            ("endless", "S086", "more than 500,000 bytes"),
            ("broken", "S045", "cannot be read"),
            ("latin", "S045", "cannot be read"),
            ("packed", "S045", "packed as 'br'"),
            ("too_many_rows", "S086", "more than 100,000 rows"),
            ("too_many_columns", "S086", "or 1,000 columns"),
            ("too_long", "S086", "more than 100,000 characters"),
            ("to_bad_host", "S087", "leads nowhere"),
            ("to_private", "S087", "in a private network"),
            ("to_plain", "S087", "is not https"),
            ("to_password", "S087", "a name or a password"),
            ("to_nowhere", "S087", "leads nowhere"),
            ("around", "S087", "more than 5 times"),
        ],
    )
    def test_an_answer_that_is_no_table(self, read, google, mood, code, told):
        google.mood = mood
        (problem,) = problems_of(read, google.link("0"), gids=["0"])
        assert problem.code == code
        assert told in problem.message
        assert "gid=0" in problem.origin.file

    @pytest.mark.parametrize(
        ("mood", "told"),
        [("status_500", "answers 500"), ("drips", "longer than"), ("never", "in time")],
    )
    def test_a_server_that_does_not_answer(self, read, google, mood, told):
        google.mood = mood
        limits = Limits(0.2, 0.5, 10_000, first_wait=0.001, longest_wait=0.01)
        (problem,) = problems_of(
            read, google.link("0"), gids=["0"], kind=UnreachableError, limits=limits
        )
        assert problem.code == "S044"
        assert told in problem.message

    def test_a_port_on_which_nobody_listens(self, read, google):
        link = google.link("0")
        google.__exit__()
        (problem,) = problems_of(read, link, gids=["0"], kind=UnreachableError)
        assert problem.code == "S044"

    @pytest.mark.parametrize("told", ["3600", "Fri, 01 Jan 2100 00:00:00 GMT"])
    def test_a_long_wait_is_not_waited(self, read, google, told):
        google.later, google.retry_after = 9, told
        (problem,) = problems_of(
            read, google.link("0"), gids=["0"], kind=UnreachableError
        )
        assert (problem.code, "429" in problem.message) == ("S044", True)
        assert len(google.calls) == 1

    def test_a_server_that_goes_on_refusing_is_left_in_peace(self, read, google):
        google.later, google.retry_after = 9, None
        problems_of(read, google.link("0"), gids=["0"], kind=UnreachableError)
        assert len(google.calls) == QUICK.attempts

    def test_an_unknown_sheet(self, read, google):
        link = google.link("0", sheet="1unknown-unknown")
        (problem,) = problems_of(read, link, gids=["0"])
        assert problem.code == "S042"

    def test_an_unknown_tab_is_told_with_those_that_there_are(self, read, google):
        (problem,) = problems_of(read, google.link("8"))
        assert problem.code == "S043"
        assert "objekte (gid=0)" in problem.suggestion

    def test_everything_that_is_wrong_is_told_at_once(self, read, google):
        found = problems_of(read, google.link(), gids=["0", "8", "9"])
        assert [problem.code for problem in found] == ["S043", "S043"]

    def test_what_is_not_shared_lists_no_tabs_and_says_so_once(self, read, google):
        google.mood, google.listing = "status_401", False
        found = problems_of(read, google.link("0"))
        assert [problem.code for problem in found] == ["S041"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://10.0.0.7/spreadsheets/d/1AbCdEfGhIj/edit",
            "https://169.254.169.254/spreadsheets/d/1AbCdEfGhIj/edit",
            "http://93.184.216.34/spreadsheets/d/1AbCdEfGhIj/edit",
            "http://docs.google.com/spreadsheets/d/1AbCdEfGhIj/edit",
        ],
    )
    def test_only_https_and_only_the_internet(self, read, url):
        (problem,) = problems_of(read, url, gids=["0"])
        assert problem.code == "S087"

    @pytest.mark.parametrize("here", ["http://127.0.0.1:9/", "https://localhost:9/"])
    def test_the_internet_never_leads_to_this_machine(self, here):
        with pytest.raises(NotFetchedError) as caught:
            guard(httpx.URL(here), begins_here=False)
        assert caught.value.code == "S087"

    def test_a_sheet_of_too_many_tabs_is_not_read(self, read, google):
        for gid in range(100, 101 + MOST_TABS):
            google.put(str(gid), f"Tab {gid}", [["a"]])
        (problem,) = problems_of(read, google.link())
        assert problem.code == "S086"
        assert f"at most {MOST_TABS} are read" in problem.message
        assert not [one for one in google.calls if one.url.path.endswith("/export")]

    def test_all_tabs_together_have_an_end(self, read, google):
        limits = replace(QUICK, all_seconds=0.0)
        (problem,) = problems_of(
            read, google.link("0"), gids=["0"], kind=UnreachableError, limits=limits
        )
        assert "all of it takes longer than 0 seconds" in problem.message
        assert google.calls == []

    def test_a_server_that_never_ends_its_headers_is_left(self, read):
        with socket.create_server(("127.0.0.1", 0)) as server:

            def drip():
                with suppress(OSError):
                    while True:
                        person, _ = server.accept()
                        with person, suppress(OSError):
                            person.sendall(b"HTTP/1.1 200 OK\r\n")
                            while not ended.wait(0.02):
                                person.sendall(b"x-a: b\r\n")

            ended = threading.Event()
            thread = threading.Thread(target=drip, daemon=True)
            thread.start()
            port = server.getsockname()[1]
            link = f"http://127.0.0.1:{port}/spreadsheets/d/{SHEET}/edit#gid=0"
            limits = replace(QUICK, seconds=0.3)
            (problem,) = problems_of(
                read, link, gids=["0"], kind=UnreachableError, limits=limits
            )
            ended.set()
            server.shutdown(socket.SHUT_RDWR)
            thread.join(5)
        assert "longer than 0.3 seconds" in problem.message
