import pytest

from connectors.errors import AnswerError, FieldError, RefusedError
from connectors.writer import Accepted, Write, Writer

REJECTED = {
    "items": "rejected",
    "index": "index",
    "fields": {"map": "errors"},
    "message": "message",
}
UPSERT = {"method": "PUT", "path": "/units", "json": "{{ bodies }}"}


@pytest.fixture
def open_writer(open_session):
    sessions = []

    def open_(rejected=REJECTED, size=3, upsert=UPSERT):
        batch = {"size": size, **({"rejected": rejected} if rejected else {})}
        entities = {"units": {"upsert": upsert, "batch": batch}}
        sessions.append(open_session(entities=entities))
        return Writer(sessions[-1].__enter__(), "units")

    yield open_
    for session in sessions:
        session.__exit__(None, None, None)


def unit(number, **more):
    return Write(str(number), None, {"number": number}, **more)


UNITS = [unit(number) for number in range(3)]


def test_a_batch_is_one_request(server, open_writer, kit):
    server.app = lambda call: kit.Reply(200, {})
    changes = [
        unit(1, create_only={"new": True}, update_only={"old": True}),
        unit(2, create_only={"new": True}, update_only={"old": True}, known=True),
    ]
    expected = [Accepted(None, created=True), Accepted(None, created=False)]
    assert open_writer().write_batch(changes) == expected
    (call,) = server.calls
    assert call.json == [{"number": 1, "new": True}, {"number": 2, "old": True}]


def test_what_a_batch_rejects_is_said_record_by_record(server, open_writer, kit):
    items = [
        {"index": 2, "message": "k3y is wrong", "errors": {"name": ["fehlt", "x"]}},
        {"index": 0, "errors": {"zip": "?"}},
        {"index": 2, "message": "again", "errors": {"city": "?"}},
    ]
    server.app = lambda call: kit.Reply(207, {"rejected": items})
    first, second, third = open_writer().write_batch(UNITS)
    assert second == Accepted(None, created=True)
    assert isinstance(first, RefusedError)
    assert isinstance(third, RefusedError)
    assert (first.code, first.message) == ("D201", "The partner rejects it.")
    assert first.fields == (FieldError("zip", "?"),)
    assert (third.code, third.message) == ("D201", "*** is wrong")
    assert third.fields == (("name", "fehlt"), ("name", "x"), ("city", "?"))


def test_one_reject_may_come_without_a_list(server, open_writer, kit):
    item = {"index": 1, "message": "nein"}
    server.app = lambda call: kit.Reply(200, {"rejected": item})
    results = open_writer().write_batch(UNITS)
    assert [isinstance(result, Accepted) for result in results] == [True, False, True]


@pytest.mark.parametrize("body", [{}, {"rejected": None}, {"rejected": []}, []])
def test_without_rejects_all_are_accepted(server, open_writer, kit, body):
    server.app = lambda call: kit.Reply(200, body)
    assert open_writer().write_batch(UNITS) == [Accepted(None, created=True)] * 3


def test_without_a_place_for_rejects_a_success_takes_all(server, open_writer, kit):
    server.app = lambda call: kit.Reply(200, {"rejected": [{"index": 0}]})
    writer = open_writer(rejected=None)
    assert writer.write_batch(UNITS) == [Accepted(None, created=True)] * 3


@pytest.mark.parametrize(
    "items",
    [
        [{"index": 3}],
        [{"index": -1}],
        [{"index": "0"}],
        [{"index": True}],
        [{"index": 1.0}],
        [{"message": "which one?"}],
        ["odd"],
        "odd",
        7,
    ],
)
def test_a_place_that_is_none_leaves_the_whole_batch_open(
    server, open_writer, kit, items
):
    server.app = lambda call: kit.Reply(200, {"rejected": items})
    with pytest.raises(AnswerError) as caught:
        open_writer().write_batch(UNITS)
    assert caught.value.code == "D208"


def test_a_batch_that_is_refused_as_a_whole_says_so(server, open_writer, kit):
    server.app = lambda call: kit.Reply(413, {"error": {"message": "too large"}})
    with pytest.raises(RefusedError, match="too large"):
        open_writer().write_batch(UNITS)


def test_one_record_is_a_batch_of_one(server, open_writer, kit):
    rejected = [{"index": 0, "message": "nein"}]
    replies = [kit.Reply(200, {}), kit.Reply(200, {"rejected": rejected})]
    server.app = lambda call: replies.pop(0)
    writer = open_writer()
    assert writer.write(UNITS[0]) == Accepted(None, created=True)
    with pytest.raises(RefusedError, match="nein"):
        writer.write(UNITS[0])
    assert [call.json for call in server.calls] == [[{"number": 0}]] * 2


def test_a_batch_knows_its_size(open_writer, open_session):
    writer = open_writer(size=2)
    assert writer.batch_size == 2
    with pytest.raises(ValueError, match="2 records at most"):
        writer.write_batch(UNITS)
    assert writer.write_batch([]) == []


def test_without_batches_their_size_is_one(server, open_session, kit):
    server.app = lambda call: kit.Reply(201)
    with open_session() as session:
        writer = Writer(session, "units")
        assert writer.batch_size == 1
        assert writer.write_batch(UNITS[:1]) == [Accepted(None, created=True)]


def test_a_batch_is_sent_again_after_an_error_of_the_server(server, open_writer, kit):
    replies = [kit.Reply(500), kit.Dropped(), kit.Reply(200, {})]

    def app(call):
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return reply

    server.app = app
    upsert = {**UPSERT, "method": "POST", "json": {"items": "{{ bodies }}"}}
    results = open_writer(upsert=upsert).write_batch(UNITS)
    assert all(isinstance(result, Accepted) for result in results)
    assert server.calls[2].json == {"items": [{"number": n} for n in range(3)]}
