import pytest

from connectors.errors import AnswerError, RefusedError
from connectors.paging import items
from connectors.request import Lookup

SEARCH = Lookup(
    method="POST", path="/search", json={"ids": "{{ ids }}"}, match="externalId"
)
PAGES = {
    "type": "page_number",
    "page": {"parameter": "page", "start": 1},
    "size": {"parameter": "limit", "value": 100},
    "items": "items",
}


def listing(kit, count, cap, *, has_next=False, total=False, size=False):
    """Return an app with so many items that gives at most `cap` of them per page."""

    def app(call):
        start = (int(call.query["page"]) - 1) * cap
        body = {"items": list(range(count))[start : start + cap]}
        if has_next:
            body["hasNext"] = start + cap < count
        if total:
            body["total"] = count
        if size:
            body["limit"] = cap
        return kit.Reply(body=body)

    return app


def read_all(open_session, **more):
    with open_session(paginator={**PAGES, **more}) as session:
        return list(items(session, SEARCH, {"ids": ["a"]}))


SAYS = [
    ({"has_next": "hasNext"}, {"has_next": True}),
    ({"total": "total"}, {"total": True}),
    ({"has_next": "hasNext", "total": "total"}, {"total": True}),
    ({}, {}),
]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25, 30])
@pytest.mark.parametrize(("paths", "says"), SAYS)
def test_a_server_that_caps_the_size_loses_no_item(
    server, open_session, kit, count, paths, says
):
    server.app = listing(kit, count, 10, **says)
    assert read_all(open_session, **paths) == list(range(count))


def test_the_pages_are_asked_for_in_the_query_of_the_search(server, open_session, kit):
    server.app = listing(kit, 12, 10, has_next=True)
    read_all(open_session, has_next="hasNext")
    assert [c.query for c in server.calls] == [
        {"page": "1", "limit": "100"},
        {"page": "2", "limit": "100"},
    ]
    assert {c.body for c in server.calls} == {b'{"ids":["a"]}'}


def test_the_size_that_the_server_reports_saves_the_last_request(
    server, open_session, kit
):
    server.app = listing(kit, 5, 10, size=True)
    size = {**PAGES["size"], "reported": "limit"}
    assert read_all(open_session, size=size) == list(range(5))
    assert len(server.calls) == 1


def test_a_total_that_counts_too_much_ends_at_an_empty_page(server, open_session, kit):
    pages = {"1": [1, 2], "2": []}
    server.app = lambda call: kit.Reply(
        body={"items": pages[call.query["page"]], "total": 99}
    )
    assert read_all(open_session, total="total") == [1, 2]


def test_a_plain_list_is_one_page(server, open_session, kit):
    server.app = lambda call: kit.Reply(body=[1, 2, 3])
    assert read_all(open_session) == [1, 2, 3]
    assert len(server.calls) == 1


def test_without_a_paginator_there_is_one_request(server, open_session, kit):
    server.app = lambda call: kit.Reply(body=[1, 2])
    with open_session() as session:
        assert list(items(session, SEARCH, {"ids": []})) == [1, 2]
    assert server.calls[0].query == {}


@pytest.mark.parametrize("body", [None, {}, {"items": None}, {"items": {}}, "text"])
def test_an_answer_without_a_list_is_a_problem(server, open_session, kit, body):
    server.app = lambda call: kit.Reply(body=body)
    with pytest.raises(AnswerError, match="no list"):
        read_all(open_session)


@pytest.mark.parametrize("page", [[1, 2], []])
def test_the_same_page_twice_is_a_problem(server, open_session, kit, page):
    server.app = lambda call: kit.Reply(body={"items": page, "hasNext": True})
    with pytest.raises(AnswerError, match="twice"):
        read_all(open_session, has_next="hasNext")
    assert len(server.calls) == 2


def test_a_list_that_breaks_off_is_no_list(server, open_session, kit):
    app = listing(kit, 30, 10, has_next=True)
    server.app = lambda call: kit.Reply(403) if call.query["page"] == "2" else app(call)
    with pytest.raises(RefusedError):
        read_all(open_session, has_next="hasNext")
