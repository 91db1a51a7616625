"""Lists in pages of all kinds, and searches in the query."""

import pytest

UNITS = {
    "create": {"method": "POST", "path": "/units"},
    "update": {"method": "PATCH", "path": "/units/{{ partner_id }}"},
    "lookup": {
        "method": "GET",
        "path": "/units",
        "query": {"refs": "{{ ids | join(',') }}"},
        "match": "externalId",
    },
}
UNIT = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True},
        "externalId": {"type": "string"},
        "floor": {"type": "integer"},
        "isLet": {"type": "boolean"},
    },
}
OFFSET = {
    "type": "offset",
    "offset": {"parameter": "offset"},
    "limit": {"parameter": "limit", "value": 100},
    "items": "data.rows",
    "total": "data.total",
}
CURSOR = {"type": "cursor", "parameter": "after", "cursor": "next", "items": "rows"}
LINK = {"type": "next_link", "next": "_links.next", "items": "list"}


@pytest.fixture
def start(serve):
    def start_(paginator, lookup=UNITS["lookup"]):
        entities = {"units": {**UNITS, "lookup": lookup}}
        http = serve(entities, {"units": UNIT}, paginator=paginator).http
        for n in range(12):
            body = {"externalId": f"u{n}", "floor": n % 3, "isLet": n == 5}
            http.post("/units", json=body)
        return http

    return start_


def ids(items):
    return [one["id"] for one in items]


def test_offset_and_limit_stand_in_the_query(start):
    http = start(OFFSET)
    page = http.get("/units", params={"offset": 10, "limit": 5}).json()["data"]
    assert (ids(page["rows"]), page["total"]) == ([11, 12], 12)
    assert len(http.get("/units").json()["data"]["rows"]) == 10


def test_offset_and_limit_stand_in_the_body(start):
    lookup = {
        "method": "POST",
        "path": "/units/search",
        "json": {"in": "{{ ids }}", "page": {"from": 0, "size": 9}},
        "match": "externalId",
    }
    names = {"offset": {"parameter": "page.from"}, "in": "body"}
    http = start({**OFFSET, **names, "limit": {"parameter": "page.size"}}, lookup)
    body = {"in": ["u1", "u2", "u3"], "page": {"from": 1, "size": 1}}
    page = http.post("/units/search", json=body).json()["data"]
    assert (ids(page["rows"]), page["total"]) == ([3], 3)


@pytest.mark.parametrize("wrong", [{"offset": -1}, {"limit": 0}, {"limit": "x"}])
def test_place_that_is_none_is_refused(start, wrong):
    assert start(OFFSET).get("/units", params=wrong).status_code == 400


def test_cursor_leads_to_the_next_page_and_is_empty_on_the_last(start):
    http = start(CURSOR)
    first = http.get("/units").json()
    last = http.get("/units", params={"after": first["next"]}).json()
    assert [len(first["rows"]), len(last["rows"]), last["next"]] == [10, 2, None]


def test_cursor_of_somebody_else_is_refused(start):
    assert start(CURSOR).get("/units", params={"after": "x"}).status_code == 400


def test_link_leads_to_the_next_page_with_the_same_filter(start):
    http = start(LINK)
    refs = ",".join(f"u{n}" for n in range(1, 12))
    first = http.get("/units", params={"refs": refs}).json()
    link = first["_links"]["next"]
    assert link.startswith(str(http.base_url))
    last = http.get(link).json()
    assert ids(last["list"]) == [12]
    assert last["_links"]["next"] is None


def test_search_in_the_query_is_by_our_ids(start):
    found = start(None).get("/units", params={"refs": "u3,u9,x"}).json()
    assert ids(found) == [4, 10]


def test_fields_are_compared_as_texts_in_the_query(start):
    http = start(None)
    assert ids(http.get("/units", params={"isLet": "true"}).json()) == [6]
    found = http.get("/units", params={"floor": "1", "refs": "u1,u2"}).json()
    assert ids(found) == [2]


def test_search_may_stand_in_the_address(start):
    lookup = {
        "method": "GET",
        "path": "/units/by-ref/{{ ids[0] }}",
        "at_once": 1,
        "match": "externalId",
    }
    http = start(None, lookup)
    assert ids(http.get("/units/by-ref/u3").json()) == [4]
    assert len(http.get("/units").json()) == 12


def test_text_around_an_id_is_part_of_the_filter(start):
    query = {"filter": "externalId eq '{{ ids[0] }}'"}
    lookup = {**UNITS["lookup"], "query": query, "at_once": 1}
    http = start(None, lookup)
    assert ids(http.get("/units", params={"filter": "externalId eq 'u3'"}).json()) == [
        4
    ]
    assert http.get("/units", params={"filter": "ref is u3"}).status_code == 400
