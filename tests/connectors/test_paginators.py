"""Lists that are read by offset, by cursor and by the link to the next page."""

import pytest

from connectors.errors import AnswerError, RefusedError
from connectors.paging import items
from connectors.request import Lookup, Request

SEARCH = Lookup(
    method="POST", path="/search", json={"ids": "{{ ids }}"}, match="externalId"
)
GET = Request(method="GET", path="/v1/list", query={"filter": "x"})
OFFSET = {
    "type": "offset",
    "offset": {"parameter": "offset"},
    "limit": {"parameter": "limit", "value": 100},
    "items": "items",
}
CURSOR = {"type": "cursor", "parameter": "after", "cursor": "next", "items": "items"}
LINK = {"type": "next_link", "next": "_links.next", "items": "list"}


@pytest.fixture
def read_all(open_session):
    def read_all_(paginator, request=SEARCH, **changes):
        with open_session(paginator=paginator, **changes) as session:
            return list(items(session, request, {"ids": ["a"]}))

    return read_all_


# Offset


def counted(kit, count, cap, asked, **says):
    def app(call):
        start = int(asked(call)["offset"])
        body = {"items": list(range(count))[start : start + cap]}
        return kit.Reply(body={**body, **says})

    return app


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 30])
@pytest.mark.parametrize("total", [True, False])
def test_an_offset_leads_through_a_list_whose_pages_are_capped(
    server, read_all, kit, count, total
):
    says = {"n": count} if total else {}
    server.app = counted(kit, count, 10, lambda call: call.query, **says)
    assert read_all({**OFFSET, "total": "n"}) == list(range(count))


def test_an_offset_may_stand_in_the_body(server, read_all, kit):
    place = {"in": "body", "offset": {"parameter": "variables.offset"}}
    limit = {"limit": {"parameter": "variables.limit", "value": 2}}
    server.app = counted(kit, 3, 2, lambda call: call.json["variables"], total=3)
    paginator = {**OFFSET, **place, **limit, "total": "total"}
    variables = {"query": "q", "variables": {"ids": "{{ ids }}"}}
    search = Lookup(method="POST", path="/s", json=variables, match="id")
    assert read_all(paginator, search) == [0, 1, 2]
    assert [call.json for call in server.calls] == [
        {"query": "q", "variables": {"ids": ["a"], "offset": offset, "limit": 2}}
        for offset in (0, 2)
    ]
    assert server.calls[0].query == {}


def test_the_limit_that_the_server_reports_saves_the_last_request(
    server, read_all, kit
):
    server.app = counted(kit, 5, 10, lambda call: call.query, used=10)
    limit = {"parameter": "limit", "value": 100, "reported": "used"}
    assert read_all({**OFFSET, "limit": limit}) == list(range(5))
    assert [call.query for call in server.calls] == [{"offset": "0", "limit": "100"}]


def test_a_server_that_ignores_the_offset_is_noticed(server, read_all, kit):
    server.app = lambda call: kit.Reply(body={"items": [1, 2]})
    with pytest.raises(AnswerError, match="twice"):
        read_all(OFFSET)


# Cursor


@pytest.mark.parametrize("end", [None, "", False, "absent"])
def test_a_cursor_leads_from_page_to_page(server, read_all, kit, end):
    pages = {None: ([1, 2], "c1"), "c1": ([], 7), "7": ([], "ü/&"), "ü/&": ([3], end)}

    def app(call):
        found, cursor = pages[call.query.get("after")]
        says = {} if cursor == "absent" else {"next": cursor}
        return kit.Reply(body={"items": found, **says})

    server.app = app
    assert read_all(CURSOR) == [1, 2, 3]
    assert {call.body for call in server.calls} == {b'{"ids":["a"]}'}


def test_a_cursor_may_stand_in_the_body(server, read_all, kit):
    def app(call):
        first = "after" not in call.json["v"]
        return kit.Reply(body={"items": [1], "next": "c" if first else None})

    server.app = app
    search = Lookup(method="POST", path="/s", json={"v": {"a": 1}}, match="id")
    paginator = {**CURSOR, "in": "body", "parameter": "v.after"}
    assert read_all(paginator, search) == [1, 1]
    assert server.calls[1].json == {"v": {"a": 1, "after": "c"}}


def test_a_cursor_that_comes_again_is_a_problem(server, read_all, kit):
    server.app = lambda call: kit.Reply(body={"items": [len(server.calls)], "next": 1})
    with pytest.raises(AnswerError, match="twice"):
        read_all(CURSOR)
    assert len(server.calls) == 2


@pytest.mark.parametrize("cursor", [True, ["a"], {"a": 1}, 1.5])
def test_a_cursor_that_is_none_is_a_problem(server, read_all, kit, cursor):
    server.app = lambda call: kit.Reply(body={"items": [1], "next": cursor})
    with pytest.raises(AnswerError, match="where the next page is"):
        read_all(CURSOR)


# Link to the next page


@pytest.mark.parametrize(
    ("link", "path"),
    [
        ("{url}/v1/list?page=2&a=%2Fb+c", "/v1/list"),
        ("/v1/list?page=2&a=%2Fb+c", "/v1/list"),
        ("?page=2&a=%2Fb+c", "/v1/list"),
        ("other?page=2&a=%2Fb+c", "/v1/other"),
    ],
)
def test_a_link_is_followed_as_it_is(server, read_all, kit, link, path):
    def app(call):
        if "page" in call.query:
            return kit.Reply(body={"list": [2], "_links": {"next": None}})
        following = link.format(url=server.url)
        return kit.Reply(body={"list": [1], "_links": {"next": following}})

    server.app = app
    assert read_all(LINK, GET) == [1, 2]
    first, second = server.calls
    assert first.query == {"filter": "x"}
    assert (second.path, second.query) == (path, {"page": "2", "a": "/b c"})
    assert second.headers["authorization"] == "Bearer k3y"


def test_a_link_is_followed_with_the_key_in_its_query(server, read_all, kit):
    def app(call):
        more = "/v1/list?page=2" if len(server.calls) == 1 else ""
        return kit.Reply(body={"list": [1], "_links": {"next": more}})

    server.app = app
    send = {"query": "key", "value": "{{ credentials.api_token }}"}
    read_all(LINK, GET, authenticator={"type": "static", "send": send})
    assert server.calls[1].query == {"page": "2", "key": "k3y"}


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example.org/v1/list",
        "//evil.example.org/v1/list",
        "https://127.0.0.1:{port}/v1/list",
        "http://127.0.0.1:1/v1/list",
        "http://127.0.0.1/v1/list",
        "http://localhost:{port}/v1/list",
        "http://127.0.0.1:{port}@evil.example.org/",
        "http://evil.example.org\\@127.0.0.1:{port}/",
        "http://user:pw@127.0.0.1:{port}/v1/list",
        "file:///etc/passwd",
        "http://[::1",
        "http://127.0.0.1:x/",
        "http://\x00/",
    ],
)
def test_a_link_to_another_host_is_not_followed(server, read_all, kit, link):
    following = link.format(port=server.server_port)
    body = {"list": [1], "_links": {"next": following}}
    server.app = lambda call: kit.Reply(body=body)
    with pytest.raises(AnswerError, match="link to the next page"):
        read_all(LINK, GET)
    assert len(server.calls) == 1


def test_a_link_that_comes_again_is_a_problem(server, read_all, kit):
    body = {"list": [1], "_links": {"next": "?page=2"}}
    server.app = lambda call: kit.Reply(body=body)
    with pytest.raises(AnswerError, match="twice"):
        read_all(LINK, GET)


@pytest.mark.parametrize("link", [{"href": "/x"}, ["/x"], True])
def test_a_link_that_is_none_is_a_problem(server, read_all, kit, link):
    body = {"list": [1], "_links": {"next": link}}
    server.app = lambda call: kit.Reply(body=body)
    with pytest.raises(AnswerError, match="where the next page is"):
        read_all(LINK, GET)


# All of them


@pytest.mark.parametrize("paginator", [OFFSET, CURSOR, LINK], ids=lambda p: p["type"])
@pytest.mark.parametrize("body", [None, {}, {"items": None, "list": {}}, "text"])
def test_an_answer_without_a_list_is_a_problem(server, read_all, kit, paginator, body):
    server.app = lambda call: kit.Reply(body=body)
    with pytest.raises(AnswerError, match="no list"):
        read_all(paginator)


@pytest.mark.parametrize("paginator", [OFFSET, CURSOR, LINK], ids=lambda p: p["type"])
def test_a_plain_list_is_one_page(server, read_all, kit, paginator):
    server.app = lambda call: kit.Reply(body=[1, 2])
    assert read_all(paginator) == [1, 2]
    assert len(server.calls) == 1


@pytest.mark.parametrize("paginator", [OFFSET, CURSOR, LINK], ids=lambda p: p["type"])
def test_a_list_that_breaks_off_is_no_list(server, read_all, kit, paginator):
    body = {"items": [1], "list": [1], "next": "c", "_links": {"next": "?page=2"}}
    replies = [kit.Reply(body=body), kit.Reply(403)]
    server.app = lambda call: replies.pop(0)
    with pytest.raises(RefusedError):
        read_all(paginator)
