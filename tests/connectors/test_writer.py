import itertools
import re
import time
from dataclasses import replace
from urllib.parse import unquote

import pytest

from connectors.errors import AnswerError, OutcomeUnknownError, RefusedError
from connectors.writer import Accepted, Write, Writer
from engine.errors import CredentialsError


class Partner:
    """A partner that names its records itself and pages them by three."""

    def __init__(self, server, kit):
        self.server, self.kit = server, kit
        self.items: list[dict] = []
        self.lists: dict[int, list[str]] = {}
        self.obeys_filter = True
        self.numbers = itertools.count(1)
        self.mishaps: list = []  # what the next creates do after they are done
        server.app = self

    def __call__(self, call):
        if call.path == "/login":
            return self.server.let_in()
        if call.path.endswith("/search"):
            return self.search(call)
        if call.path.endswith("/external-ids"):
            return self.external_ids(call)
        return self.create(call) if call.method == "POST" else self.update(call)

    def search(self, call):
        wanted = call.json.get("externalIds") if self.obeys_filter else None
        found = [i for i in self.items if wanted is None or self.ids_of(i) & {*wanted}]
        start = (int(call.query["pageNumber"]) - 1) * 3
        page = found[start : start + 3]
        more = start + 3 < len(found)
        return self.kit.Reply(body={"items": page, "hasNextPage": more})

    def ids_of(self, item):
        return {item.get("externalId"), *self.lists.get(item["id"], [])}

    def create(self, call):
        item = {"id": next(self.numbers), **call.json}
        self.items.append(item)
        mishap = self.mishaps.pop(0) if self.mishaps else None
        if isinstance(mishap, Exception):
            raise mishap
        return mishap or self.kit.Reply(201, item)

    def update(self, call):
        number = int(call.path.rsplit("/", 1)[1])
        item = next(i for i in self.items if i["id"] == number)
        item.update(call.json)
        return self.kit.Reply(body=item)

    def external_ids(self, call):
        number = int(re.search(r"/(\d+)/", call.path)[1])
        if call.method == "PUT":
            self.lists[number] = call.json
            return self.kit.Reply(204)
        body = {"items": self.lists.get(number, []), "hasNextPage": False}
        return self.kit.Reply(body=body)


@pytest.fixture
def partner(server, kit):
    return Partner(server, kit)


@pytest.fixture
def open_writer(open_session):
    sessions = []

    def open_(entity="buildings", **changes):
        session = open_session("named_by_partner", **changes)
        sessions.append(session)
        return Writer(session.__enter__(), entity)

    yield open_
    for session in sessions:
        session.__exit__(None, None, None)


def building(our_id="1-01", **more):
    body = {"externalId": our_id, "name": "Haus"}
    return Write(our_id, more.pop("partner_id", None), body, **more)


def person(our_id="p-1", **more):
    natural = {"name": "Frei", "mail": "frei@example.org"}
    return Write(our_id, more.pop("partner_id", None), natural, natural=natural, **more)


# Partners that keep records under our ids


@pytest.mark.parametrize(("status", "created"), [(201, True), (200, False)])
def test_an_upsert_says_whether_it_created(server, open_session, kit, status, created):
    server.app = lambda call: kit.Reply(status, {"id": "uuid-7"})
    with open_session() as session:
        change = Write(
            "1/2", None, {"a": {"x": 1}}, create_only={"a": {"y": 2}, "b": 3}
        )
        assert Writer(session, "units").write(change) == Accepted("uuid-7", created)
    (call,) = server.calls
    assert (call.method, call.path) == ("PUT", "/units/1%2F2")
    assert call.json == {"a": {"x": 1, "y": 2}, "b": 3}


def test_an_upsert_without_an_answer_is_accepted(server, open_session, kit):
    server.app = lambda call: kit.Reply(204)
    with open_session() as session:
        writer = Writer(session, "units")
        assert writer.write(Write("1", "x", {}, in_doubt=True)) == Accepted(None, False)


def test_what_the_partner_knows_already_is_sent_as_an_update(server, open_session, kit):
    server.app = lambda call: kit.Reply(200)
    only = {"create_only": {"type": 7}, "update_only": {"moved": True}}
    with open_session() as session:
        writer = Writer(session, "units")
        assert writer.named_by_us
        writer.write(Write("1", None, {"a": 1}, **only))
        writer.write(Write("1", None, {"a": 1}, known=True, **only))
    sent = [call.json for call in server.calls]
    assert sent == [{"a": 1, "type": 7}, {"a": 1, "moved": True}]


# Create, then update


def test_a_create_links_and_an_update_keeps_the_link(partner, open_writer):
    writer = open_writer()
    created = writer.write(building(create_only={"type": 7}))
    assert created == Accepted(1, created=True)
    updated = writer.write(building(partner_id=1, create_only={"type": 8}))
    assert updated == Accepted(1, created=False)
    assert partner.items == [{"id": 1, "externalId": "1-01", "name": "Haus", "type": 7}]


def test_an_update_may_carry_what_a_create_does_not(partner, open_writer):
    writer = open_writer()
    writer.write(building(update_only={"moved": True}))
    assert partner.items == [{"id": 1, "externalId": "1-01", "name": "Haus"}]
    writer.write(building(partner_id=1, update_only={"moved": True}))
    assert partner.items[0]["moved"]
    assert not writer.named_by_us


def test_a_partner_id_keeps_its_type(server, open_writer, kit):
    def app(call):
        return (
            server.let_in() if call.path == "/login" else kit.Reply(201, {"id": "17"})
        )

    server.app = app
    assert open_writer().write(building()).partner_id == "17"


def test_a_dropped_create_is_found_and_adopted(partner, open_writer, kit):
    partner.mishaps = [kit.Dropped()]
    assert open_writer().write(building()) == Accepted(1, created=False)
    assert len(partner.items) == 1
    assert partner.server.sent("PATCH", "/buildings/1")


def test_a_create_that_was_not_done_is_sent_again(partner, server, open_writer, kit):
    failures = [kit.Reply(500)]

    def app(call):
        if call.path == "/buildings" and failures:
            return failures.pop()
        return partner(call)

    server.app = app
    assert open_writer().write(building()) == Accepted(1, created=True)
    assert len(server.sent("POST", "/buildings")) == 2


def test_a_create_that_never_answers_stays_unknown(server, partner, open_writer, kit):
    def app(call):
        return kit.Reply(500) if call.path == "/buildings" else partner(call)

    server.app = app
    with pytest.raises(OutcomeUnknownError) as caught:
        open_writer().write(building())
    assert caught.value.code == "D206"
    assert len(server.sent("POST", "/buildings")) == 3


def test_a_create_that_is_too_slow_is_found(server, partner, open_writer, kit):
    def app(call):
        reply = partner(call)
        if call.path == "/buildings":
            time.sleep(0.5)
        return reply

    server.app = app
    writer = open_writer(timeout_seconds=0.25)
    assert writer.write(building()) == Accepted(1, created=False)


def test_a_create_whose_answer_has_no_id_is_looked_up(partner, open_writer, kit):
    partner.mishaps = [kit.Reply(201, b"<html>ok</html>")]
    assert open_writer().write(building()) == Accepted(1, created=True)
    assert len(partner.items) == 1


def test_a_create_that_is_not_found_again_is_not_repeated(partner, open_writer, kit):
    partner.mishaps = [kit.Reply(201)]
    partner.ids_of = lambda item: set()
    with pytest.raises(OutcomeUnknownError, match="no id"):
        open_writer().write(building())
    assert len(partner.items) == 1


def test_what_is_in_doubt_is_looked_up_first(partner, open_writer):
    partner.items = [{"id": 5, "externalId": "1-01"}]
    accepted = open_writer().write(building(in_doubt=True))
    assert accepted == Accepted(5, created=False)
    assert partner.items == [{"id": 5, "externalId": "1-01", "name": "Haus"}]


def test_what_is_in_doubt_and_not_there_is_created(partner, open_writer):
    assert open_writer().write(building(in_doubt=True)).created


@pytest.mark.parametrize("in_doubt", [True, False])
def test_without_a_lookup_doubt_stays(server, open_writer, kit, in_doubt):
    def app(call):
        return server.let_in() if call.path == "/login" else kit.Reply(500)

    server.app = app
    create = {"method": "POST", "path": "/b"}
    entities = {"b": {"create": create, "update": {**create, "method": "PATCH"}}}
    with pytest.raises(OutcomeUnknownError):
        open_writer("b", entities=entities).write(building(in_doubt=in_doubt))
    assert len(server.sent("POST", "/b")) == (0 if in_doubt else 1)


def test_a_refusal_is_told(partner, open_writer, kit):
    partner.mishaps = [kit.Reply(409, {"detail": "number is not unique"})]
    with pytest.raises(RefusedError, match="not unique") as caught:
        open_writer().write(building())
    assert caught.value.code == "D204"


def test_a_refused_change_of_what_was_found_still_gives_the_link(
    server, partner, open_writer, kit
):
    def app(call):
        return kit.Reply(422) if call.method == "PATCH" else partner(call)

    server.app = app
    partner.mishaps = [kit.Dropped()]
    with pytest.raises(RefusedError) as caught:
        open_writer().write(building())
    assert caught.value.partner_id == 1


def test_a_conflict_after_a_dropped_create_may_be_our_own_record(
    server, partner, open_writer, kit
):
    looked_up = []

    def app(call):
        if call.path == "/buildings/search" and not looked_up:
            looked_up.append(call)  # the partner is not ready to find it yet
            return kit.Reply(body={"items": [], "hasNextPage": False})
        if call.path == "/buildings" and partner.items:
            return kit.Reply(409, {"detail": "not unique"})
        return partner(call)

    server.app = app
    partner.mishaps = [kit.Dropped()]
    assert open_writer().write(building()) == Accepted(1, created=False)


def test_doubt_stays_if_the_lookup_is_refused(server, open_writer, kit):
    def app(call):
        return server.let_in() if call.path == "/login" else kit.Reply(403)

    server.app = app
    with pytest.raises(OutcomeUnknownError, match="cannot be looked up"):
        open_writer().write(building(in_doubt=True))


def test_wrong_credentials_end_the_run(server, open_writer, kit):
    server.app = lambda call: kit.Reply(401)
    with pytest.raises(CredentialsError):
        open_writer().write(building())


# Find


def test_find_asks_for_a_hundred_at_a_time_through_all_pages(partner, open_writer):
    ids = [f"1-{n}" for n in range(205)]
    partner.items = [{"id": n, "externalId": id_} for n, id_ in enumerate(ids[:200])]
    wanted = {id_: {} for id_ in ids}
    assert open_writer().find(wanted) == {id_: n for n, id_ in enumerate(ids[:200])}
    asked = [c.json["externalIds"] for c in partner.server.calls[1:]]
    assert max(map(len, asked)) == 100
    assert len({tuple(chunk) for chunk in asked}) == 3


def test_an_ignored_filter_is_noticed_and_the_list_is_read_once(partner, open_writer):
    partner.obeys_filter = False
    partner.items = [{"id": n, "externalId": f"1-{n}"} for n in range(7)]
    writer = open_writer()
    assert writer.find({"1-6": {}, "nobody": {}}) == {"1-6": 6}
    calls = len(partner.server.calls)
    assert writer.find({"1-0": {}, "1-5": {}}) == {"1-0": 0, "1-5": 5}
    assert len(partner.server.calls) == calls


def test_a_filter_that_finds_too_much_is_not_taken_for_everything(
    server, partner, open_writer, kit
):
    partner.items = [{"id": 1, "externalId": "1-1"}, {"id": 2, "externalId": "1-10"}]
    partner.items += [{"id": 3, "externalId": "2-1"}]

    def starts_with(call):
        if call.path == "/login" or not call.json.get("externalIds"):
            return partner(call)
        wanted = tuple(call.json["externalIds"])
        found = [i for i in partner.items if i["externalId"].startswith(wanted)]
        return kit.Reply(body={"items": found, "hasNextPage": False})

    server.app = starts_with
    writer = open_writer()
    assert writer.find({"1-1": {}}) == {"1-1": 1}
    assert writer.find({"2-1": {}}) == {"2-1": 3}


def test_foreign_hits_of_a_search_in_texts_say_nothing(server, open_writer, kit):
    hits = [{"id": 1, "externalId": "1-10"}, {"id": 2, "externalId": "1-1"}]

    def app(call):
        if call.path == "/login":
            return kit.Reply(body={"accessToken": "t"})
        return kit.Reply(body={"items": hits, "hasNextPage": False})

    server.app = app
    lookup = {"method": "GET", "path": "/buildings", "query": {"text": "{{ ids[0] }}"}}
    lookup |= {"match": "externalId", "at_once": 1, "fuzzy": True}
    requests = {
        "create": {"method": "POST", "path": "/buildings"},
        "update": {"method": "PATCH", "path": "/buildings/{{ partner_id }}"},
    }
    writer = open_writer(entities={"buildings": {**requests, "lookup": lookup}})
    assert writer.find({"1-1": {}, "1": {}}) == {"1-1": 2}
    searches = [call for call in server.calls if call.path == "/buildings"]
    assert [call.query["text"] for call in searches] == ["1-1", "1"]


def test_a_remembered_list_is_read_anew_after_a_dropped_create(
    partner, open_writer, kit
):
    partner.obeys_filter = False
    partner.items = [{"id": 90, "externalId": "other"}]
    partner.mishaps = [kit.Dropped()]
    writer = open_writer()
    assert writer.find({"1-01": {}}) == {}
    assert writer.write(building()) == Accepted(1, created=False)
    assert len(partner.items) == 2


def test_of_duplicates_the_lowest_id_counts(partner, open_writer):
    partner.items = [{"id": n, "externalId": "1-01"} for n in (12, 9, 10, 11)]
    assert open_writer().find({"1-01": {}}) == {"1-01": 9}


def test_deleted_records_do_not_count(partner, open_writer):
    partner.items = [
        {"id": 1, "externalId": "a", "deleted": "2025-01-01T00:00:00Z"},
        {"id": 2, "externalId": "a", "deleted": None},
        {"id": 3, "externalId": "b", "deleted": "2025-01-01T00:00:00Z"},
    ]
    assert open_writer().find({"a": {}, "b": {}}) == {"a": 2}


def test_ids_are_compared_exactly(partner, open_writer):
    partner.obeys_filter = False
    values = ["a", "A ", 17, None, True, {"a": 1}, ""]
    partner.items = [{"id": n, "externalId": value} for n, value in enumerate(values)]
    partner.items.append({"id": 99})
    assert open_writer().find(
        {"A": {}, "a": {}, "17": {}, "True": {}, "": {}, "None": {}}
    ) == {"a": 0, "17": 2}


def test_a_writer_says_how_many_it_finds_at_once(open_session, open_writer):
    assert open_writer().found_at_once == 100
    with open_session() as session:
        assert Writer(session, "units").found_at_once == 0


def test_an_item_without_an_id_is_a_problem(server, partner, open_writer, kit):
    partner.items = [{"externalId": "a"}]
    partner.obeys_filter = False
    with pytest.raises(AnswerError, match="no 'id'"):
        open_writer().find({"a": {}})


# Records below others


PATHS = {
    "create": {"method": "POST", "path": "/sites/{{ path.siteId }}/flats"},
    "update": {
        "method": "PATCH",
        "path": "/sites/{{ path.siteId }}/flats/{{ partner_id }}",
    },
    "lookup": {
        "method": "POST",
        "path": "/sites/{{ path.siteId }}/flats/search",
        "json": {"externalIds": "{{ ids }}"},
        "match": "externalId",
    },
}


class Sites:
    """A partner with a list of flats for each site."""

    def __init__(self, server, kit):
        self.server, self.kit = server, kit
        self.flats: dict[str, list[dict]] = {"7": [], "8": [], "a/b": []}
        self.obeys_filter = True
        server.app = self

    def __call__(self, call):
        if call.path == "/login":
            return self.server.let_in()
        site = unquote(call.path.split("/")[2])
        if call.path.endswith("/search"):
            wanted = call.json.get("externalIds") if self.obeys_filter else None
            found = self.flats[site]
            found = [f for f in found if wanted is None or f["externalId"] in wanted]
            return self.kit.Reply(body={"items": found, "hasNextPage": False})
        if call.method == "PATCH":
            known = {str(flat["id"]) for flat in self.flats[site]}
            there = call.path.rsplit("/", 1)[1] in known
            return self.kit.Reply(200 if there else 404, {})
        flat = {"id": f"{site}-{len(self.flats[site])}", **call.json}
        self.flats[site].append(flat)
        return self.kit.Reply(201, flat)

    def searches(self):
        calls = [c for c in self.server.calls if c.path.endswith("/search")]
        return [(c.path, c.json.get("externalIds")) for c in calls]


@pytest.fixture
def sites(server, kit):
    return Sites(server, kit)


def test_records_below_one_site_are_searched_together(sites, open_writer):
    sites.flats["7"] = [{"id": 1, "externalId": "a"}, {"id": 2, "externalId": "c"}]
    sites.flats["8"] = [{"id": 3, "externalId": "b"}, {"id": 4, "externalId": "a"}]
    writer = open_writer("flats", entities={"flats": PATHS})
    wanted = {
        "a": {"siteId": 7, "note": "x"},
        "b": {"siteId": 8},
        "c": {"siteId": 7, "note": "y"},
    }
    assert writer.find(wanted) == {"a": 1, "b": 3, "c": 2}
    assert sites.searches() == [
        ("/sites/7/flats/search", ["a", "c"]),
        ("/sites/8/flats/search", ["b"]),
    ]


def test_a_lookup_without_a_path_searches_everywhere_at_once(partner, open_writer):
    partner.items = [{"id": 1, "externalId": "a"}]
    writer = open_writer()
    assert writer.find({"a": {"siteId": 7}, "b": {"siteId": 8}}) == {"a": 1}
    assert len(partner.server.calls) == 2


def test_what_one_site_ignores_is_read_once_and_for_that_site(sites, open_writer):
    sites.obeys_filter = False
    sites.flats["7"] = [{"id": 1, "externalId": "a"}, {"id": 2, "externalId": "b"}]
    sites.flats["8"] = [{"id": 3, "externalId": "a"}]
    writer = open_writer("flats", entities={"flats": PATHS})
    assert writer.find({"a": {"siteId": "7"}}) == {"a": 1}
    calls = len(sites.searches())
    assert writer.find({"b": {"siteId": "7"}}) == {"b": 2}
    assert len(sites.searches()) == calls
    assert writer.find({"a": {"siteId": "8"}}) == {"a": 3}


def test_a_record_is_created_updated_and_found_below_its_site(sites, open_writer):
    writer = open_writer("flats", entities={"flats": PATHS})
    change = Write("a", None, {"externalId": "a"}, path={"siteId": "a/b"})
    assert writer.write(change) == Accepted("a/b-0", created=True)
    assert sites.server.calls[-1].path == "/sites/a%2Fb/flats"
    doubtful = replace(change, in_doubt=True)
    with pytest.raises(RefusedError):  # the id has a slash, the partner reads half
        writer.write(doubtful)
    assert sites.searches()[-1] == ("/sites/a%2Fb/flats/search", ["a"])


def test_a_linked_record_that_is_gone_is_made_anew_below_its_site(sites, open_writer):
    writer = open_writer("flats", entities={"flats": PATHS})
    change = Write("a", "7-9", {"externalId": "a"}, path={"siteId": "7"})
    assert writer.write(change) == Accepted("7-0", created=True)


def test_an_entity_may_carry_its_id_elsewhere(server, open_writer, kit):
    server.app = lambda call: (
        server.let_in()
        if call.path == "/login"
        else kit.Reply(201, {"id": "envelope", "data": {"uuid": "u-1"}})
    )
    entities = {"flats": {**PATHS, "ids": {"path": "data.uuid"}}}
    change = Write("a", None, {}, path={"siteId": 7})
    assert open_writer("flats", entities=entities).write(change).partner_id == "u-1"


# Ids in a list beside the record


def test_our_id_is_added_after_a_create(partner, open_writer):
    assert open_writer("people").write(person()) == Accepted(1, created=True)
    assert partner.lists == {1: ["p-1"]}


def test_an_update_leaves_the_list_alone(partner, open_writer):
    partner.items = [{"id": 1}]
    open_writer("people").write(person(partner_id=1))
    assert [c.method for c in partner.server.calls] == ["POST", "PATCH"]


def test_the_ids_of_others_stay_in_the_list(partner, open_writer):
    person_ = person(in_doubt=True)
    partner.items = [{"id": 4, "externalId": "p-1"}]
    partner.lists = {4: ["other:1", "other:2"]}
    assert open_writer("people").write(person_) == Accepted(4, created=False)
    assert partner.lists == {4: ["other:1", "other:2", "p-1"]}


def test_a_list_that_has_our_id_is_not_written(partner, open_writer):
    partner.items = [{"id": 4}]
    partner.lists = {4: ["other:1", "p-1"]}
    assert open_writer("people").write(person(in_doubt=True)).partner_id == 4
    assert not partner.server.sent("PUT", "/people/4/external-ids")


def test_a_list_is_read_where_the_item_does_not_carry_its_id(partner, open_writer):
    partner.items = [{"id": 1, "externalId": "p-1"}, {"id": 3}]
    partner.lists = {3: ["p-3"]}
    partner.obeys_filter = False
    assert open_writer("people").find({"p-1": {}, "p-3": {}}) == {"p-1": 1, "p-3": 3}
    reads = [c.path for c in partner.server.calls if c.method == "GET"]
    assert reads == ["/people/3/external-ids"]


def test_an_item_is_found_by_an_id_that_stands_second_in_its_list(partner, open_writer):
    partner.items = [{"id": 1, "externalId": "other:1"}]
    partner.lists = {1: ["other:1", "p-1"]}
    partner.obeys_filter = False  # it returns the item, as it would by its list
    assert open_writer("people").find({"p-1": {}}) == {"p-1": 1}


def test_an_ignored_filter_does_not_lead_to_a_call_for_each_item(partner, open_writer):
    partner.items = [{"id": n, "externalId": f"other:{n}"} for n in range(1, 9)]
    partner.obeys_filter = False
    assert open_writer("people").find({"p-1": {}}) == {}
    assert len([c for c in partner.server.calls if c.method == "GET"]) <= 1


def test_a_list_may_come_without_an_envelope(server, partner, open_writer, kit):
    def app(call):
        if call.method == "GET":
            return kit.Reply(body=["other:1"])
        return partner(call)

    server.app = app
    open_writer("people").write(person())
    assert partner.lists == {1: ["other:1", "p-1"]}


def test_a_dropped_create_is_known_by_its_fields(partner, open_writer, kit):
    partner.mishaps = [kit.Dropped()]
    assert open_writer("people").write(person()) == Accepted(1, created=False)
    assert len(partner.items) == 1
    assert partner.lists == {1: ["p-1"]}


ALIKE = {"name": "Frei", "mail": "frei@example.org"}


@pytest.mark.parametrize(
    ("there", "lists", "found"),
    [
        ([{"id": 1, **ALIKE, "phone": "1"}], {}, 1),
        ([{"id": 1, **ALIKE, "externalId": None}], {}, 1),
        ([{"id": 1, **ALIKE}], {1: ["other:1"]}, None),
        ([{"id": 1, **ALIKE, "externalId": "x"}], {}, None),
        ([{"id": 1, **ALIKE, "externalId": None}], {1: ["other:1"]}, None),
        ([{"id": 1, **ALIKE}, {"id": 2, **ALIKE}], {}, None),
        ([{"id": 1, **ALIKE, "deleted": "2025"}, {"id": 2, **ALIKE}], {}, 2),
        ([{"id": 1, "name": "Frei"}], {}, None),
        ([], {}, None),
    ],
)
def test_one_record_with_the_same_fields_and_no_id_is_ours(
    partner, open_writer, there, lists, found
):
    partner.items, partner.lists = there, lists
    assert open_writer("people").find_alike(ALIKE) == found


def test_without_fields_nothing_is_alike(partner, open_writer):
    partner.items = [{"id": 1}]
    assert open_writer("people").find_alike({}) is None
    assert open_writer("buildings").find_alike(ALIKE) is None


def test_a_create_whose_id_cannot_be_added_is_in_doubt(
    server, partner, open_writer, kit
):
    def app(call):
        return kit.Reply(403) if call.method == "PUT" else partner(call)

    server.app = app
    writer = open_writer("people")
    with pytest.raises(OutcomeUnknownError, match="our id was not added"):
        writer.write(person())
    server.app = partner
    assert writer.write(person(in_doubt=True)) == Accepted(1, created=False)
    assert (len(partner.items), partner.lists) == (1, {1: ["p-1"]})
