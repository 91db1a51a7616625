import pytest

from connectors.errors import RefusedError
from connectors.writer import Write, Writer

UNITS = {
    "upsert": {"method": "PUT", "path": "/units/{{ id }}"},
    "remove": {"method": "DELETE", "path": "/houses/{{ path.house }}/units/{{ id }}"},
}
GONE = Write("1/2", None, {"name": "WE"}, path={"house": 7})


@pytest.fixture
def remove(open_session):
    def remove_(change=GONE, **parts):
        entity = {**UNITS, **parts}
        with open_session(entities={"units": entity}) as session:
            Writer(session, "units").remove(change)

    return remove_


@pytest.mark.parametrize("status", [200, 204, 404, 410])
def test_what_is_removed_or_not_there_is_done(server, remove, kit, status):
    server.app = lambda call: kit.Reply(status)
    remove()
    (call,) = server.calls
    assert (call.method, call.path) == ("DELETE", "/houses/7/units/1%2F2")
    assert call.body == b""


def test_a_removal_carries_the_body_that_it_names(server, remove, kit):
    server.app = lambda call: kit.Reply(200)
    request = {
        "method": "POST",
        "path": "/archive",
        "json": {"id": "{{ partner_id }}", "name": "{{ body.name }}", "ours": "{{id}}"},
    }
    remove(Write("1", 17, {"name": "WE", "items": 1}), remove=request)
    assert server.calls[0].json == {"id": 17, "name": "WE", "ours": "1"}


def test_a_removal_is_sent_again_when_its_outcome_is_unknown(server, remove, kit):
    replies = [kit.Reply(500), kit.Reply(404)]
    server.app = lambda call: replies.pop(0)
    remove(remove={"method": "POST", "path": "/units/{{ id }}/remove"})
    assert len(server.calls) == 2


def test_a_removal_that_is_refused_is_told(server, remove, kit):
    server.app = lambda call: kit.Reply(409, {"error": {"message": "has contracts"}})
    with pytest.raises(RefusedError, match="has contracts"):
        remove()


def test_what_cannot_be_removed_is_said(open_session):
    with open_session() as session, pytest.raises(ValueError, match="no request"):
        Writer(session, "units").remove(GONE)


def test_the_partners_own_records_are_removed_by_its_id(server, open_session, kit):
    server.app = lambda call: (
        server.let_in() if call.path == "/login" else kit.Reply(204)
    )
    entity = {
        "create": {"method": "POST", "path": "/b"},
        "update": {"method": "PATCH", "path": "/b/{{ partner_id }}"},
        "remove": {"method": "DELETE", "path": "/b/{{ partner_id }}"},
    }
    with open_session("named_by_partner", entities={"b": entity}) as session:
        Writer(session, "b").remove(Write("1", "x-9", {}))
    assert server.calls[-1].path == "/b/x-9"
