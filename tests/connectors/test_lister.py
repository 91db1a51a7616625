"""Read all records back: by the `list` of the file, or its lookup without filter."""

import pytest
from pydantic import ValidationError

from connectors.errors import AnswerError, RefusedError
from connectors.lister import Lister
from connectors.writer import Writer

PAGES = {"type": "cursor", "parameter": "after", "cursor": "next", "items": "list"}
LISTED = {
    "upsert": {"method": "PUT", "path": "/units/{{ id }}"},
    "list": {"method": "GET", "path": "/units", "match": "ours", "paginator": PAGES},
}


def in_pages(kit, *pages):
    """Answer each call for a page; the cursor is its number."""

    def app(call):
        number = int(call.query.get("after", 0))
        more = {"next": number + 1} if number + 1 < len(pages) else {}
        return kit.Reply(body={"list": pages[number], **more})

    return app


def read(session, entity="units", path=None):
    return list(Lister(session, entity).read(path or {}))


def test_all_pages_are_read_with_both_ids(kit, server, open_session):
    server.app = in_pages(
        kit, [{"ours": "1-1", "id": 7, "rooms": 3}], [], [{"ours": "1-2", "id": "x"}]
    )
    with open_session(entities={"units": LISTED}) as session:
        first, second = read(session)
    assert (first.partner_id, first.our_ids, first.body["rooms"]) == (7, ("1-1",), 3)
    assert (second.partner_id, second.our_ids) == ("x", ("1-2",))
    assert [call.query for call in server.calls] == [{}, {"after": "1"}, {"after": "2"}]


def test_a_record_without_an_id_of_the_partner_has_ours(kit, server, open_session):
    server.app = in_pages(kit, [{"ours": "1-1"}])
    with open_session(entities={"units": LISTED}) as session:
        (item,) = read(session)
    assert (item.partner_id, item.our_ids) == (None, ("1-1",))


@pytest.mark.parametrize("item", [{}, {"ours": None, "id": ""}, "x", None])
def test_an_item_without_any_id_is_no_record(kit, server, open_session, item):
    server.app = in_pages(kit, [item])
    with (
        open_session(entities={"units": LISTED}) as session,
        pytest.raises(AnswerError),
    ):
        read(session)


def test_deleted_records_are_left_out(kit, server, open_session):
    gone = {"ours": "1-1", "id": 1, "deleted": "2025-01-01"}
    server.app = in_pages(kit, [gone, {"ours": "1-2", "id": 2, "deleted": None}])
    ids = {"path": "id", "deleted": "deleted"}
    with open_session(entities={"units": LISTED}, ids=ids) as session:
        assert [item.partner_id for item in read(session)] == [2]


def test_the_list_may_say_where_an_item_has_the_partners_id(kit, server, open_session):
    entity = {**LISTED, "ids": {"path": "result.id"}}
    entity["list"] = {**LISTED["list"], "id": "uuid"}
    server.app = in_pages(kit, [{"ours": "1-1", "uuid": "u-1"}])
    with open_session(entities={"units": entity}) as session:
        assert read(session)[0].partner_id == "u-1"


def below_sites():
    listing = {"method": "GET", "path": "/sites/{{ path.site }}/units", "match": "ours"}
    return {
        "create": {"method": "POST", "path": "/sites/{{ path.site }}/units"},
        "update": {"method": "PATCH", "path": "/units/{{ partner_id }}"},
        "list": listing,
    }


def test_records_below_others_are_read_there_and_know_it(kit, server, open_session):
    server.app = lambda call: kit.Reply(body=[{"id": 1, "ours": "1-1"}])
    with open_session(entities={"units": below_sites()}) as session:
        lister = Lister(session, "units")
        assert lister.places == ("site",)
        (item,) = lister.read({"site": "s/1"})
    assert item.body["site"] == "s/1"
    assert server.calls[0].path == "/sites/s%2F1/units"


@pytest.mark.parametrize(
    ("status", "refused"), [(404, False), (410, False), (403, True)]
)
def test_a_place_that_is_gone_is_empty(kit, server, open_session, status, refused):
    server.app = lambda call: kit.Reply(status)
    with open_session(entities={"units": below_sites()}) as session:
        if refused:
            with pytest.raises(RefusedError):
                read(session, path={"site": 1})
        else:
            assert read(session, path={"site": 1}) == []


def test_a_list_that_is_not_there_is_refused(kit, server, open_session):
    with (
        open_session(entities={"units": LISTED}) as session,
        pytest.raises(RefusedError),
    ):
        read(session)


def by_lookup(**more):
    lookup = {"method": "GET", "path": "/units", "query": {"ours": "{{ ids[0] }}"}}
    return {
        "create": {"method": "POST", "path": "/units"},
        "update": {"method": "PATCH", "path": "/units/{{ partner_id }}"},
        "lookup": {**lookup, "at_once": 1, "match": "ours", **more},
    }


def test_a_lookup_without_its_filter_is_the_list(kit, server, open_session):
    server.app = lambda call: kit.Reply(body=[{"id": 1, "ours": "1-1"}])
    with open_session(entities={"units": by_lookup()}) as session:
        assert read(session)[0].our_ids == ("1-1",)
    assert server.calls[0].query == {}


def test_a_search_in_texts_is_no_list(open_session):
    with (
        open_session(entities={"units": by_lookup(fuzzy=True)}) as session,
        pytest.raises(ValueError, match="names no list"),
    ):
        Lister(session, "units")


def test_a_search_whose_filter_is_ignored_reads_the_list_instead(
    kit, server, open_session
):
    def app(call):
        if call.path == "/all":
            return kit.Reply(body={"list": [{"id": 3, "ours": "1-3"}]})
        return kit.Reply(body=[{"id": 9, "ours": "other"}])

    entity = by_lookup()
    entity["list"] = {**LISTED["list"], "path": "/all"}
    server.app = app
    with open_session(entities={"units": entity}) as session:
        assert Writer(session, "units").find({"1-3": {}}) == {"1-3": 3}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"path": "/units/{{ id }}"}, "entities.units.list: no value for id"),
        ({"match": ""}, "match"),
        ({"paginator": {"type": "magic"}}, "magic"),
        ({"at_once": 1}, "at_once"),
    ],
)
def test_what_is_wrong_in_a_list_is_said(kit, changes, said):
    entity = {**LISTED, "list": {**LISTED["list"], **changes}}
    with pytest.raises(ValidationError) as caught:
        kit.read("named_by_us", entities={"units": entity})
    assert said in str(caught.value)
