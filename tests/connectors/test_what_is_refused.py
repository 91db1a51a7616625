import pytest

from connectors.errors import FieldError, RefusedError
from connectors.request import Lookup, Request
from connectors.writer import Accepted, Write, Writer

QUERY = Request(method="POST", path="/graphql", json={"input": "{{ body }}"})
GRAPHQL = {
    "message": ["errors.0.message"],
    "fields": {
        "items": "errors.0.extensions",
        "field": "field",
        "message": "problem",
    },
    "refused_by": "errors",
    "max_attempts": 1,
}


@pytest.fixture
def refuse(server, open_session, kit):
    def refuse_(status, body, handler):
        server.app = lambda call: kit.Reply(status, body)
        with (
            open_session(error_handler=handler) as session,
            pytest.raises(RefusedError) as caught,
        ):
            session.send(QUERY, {"body": {}})
        return caught.value

    return refuse_


def test_a_success_with_errors_is_a_refusal(refuse):
    extensions = {"field": "name", "problem": "fehlt"}
    body = {"data": None, "errors": [{"message": "Nein", "extensions": extensions}]}
    error = refuse(200, body, GRAPHQL)
    assert (error.status, error.code, error.message) == (422, "D201", "Nein")
    assert error.fields == (FieldError("name", "fehlt"),)


def test_a_refusal_without_a_message_names_the_request(refuse):
    error = refuse(200, {"errors": {"code": 7}}, GRAPHQL)
    assert error.message == "POST /graphql: the partner answers 200."


@pytest.mark.parametrize("errors", [None, [], {}, "", False])
def test_a_success_without_errors_is_one(server, open_session, kit, errors):
    body = {"data": {"save": {"id": "x-1"}}, "errors": errors}
    server.app = lambda call: kit.Reply(200, body)
    upsert = {"method": "POST", "path": "/graphql", "json": {"input": "{{ body }}"}}
    entities = {"units": {"upsert": upsert, "ids": {"path": "data.save.id"}}}
    with open_session(error_handler=GRAPHQL, entities=entities) as session:
        accepted = Writer(session, "units").write(Write("1", None, {"a": 1}))
    assert accepted == Accepted("x-1", created=False)


def test_an_error_of_the_server_stays_one(refuse):
    assert refuse(404, {"errors": [{"message": "no"}]}, GRAPHQL).code == "D203"


PATTERN = r"^(?P<field>\w+): (?P<message>.*)$"


@pytest.mark.parametrize(
    ("message", "fields"),
    [
        ("email: ist vergeben", (("email", "ist vergeben"),)),
        ("Etwas ging schief", ()),
        ("", ()),
        (7, ()),
    ],
)
def test_a_field_may_be_named_in_the_message(refuse, message, fields):
    handler = {"message": ["text"], "fields": {"pattern": PATTERN}}
    assert refuse(400, {"text": message}, handler).fields == fields


def test_a_pattern_finds_every_field_of_a_message(refuse):
    pattern = r"(?P<field>\w+) (?P<message>fehlt|ist leer)"
    handler = {"message": ["text"], "fields": {"pattern": pattern}}
    error = refuse(400, {"text": "name fehlt, ort ist leer"}, handler)
    assert error.fields == (("name", "fehlt"), ("ort", "ist leer"))


def test_problems_of_fields_may_be_one_object(refuse):
    fields = {"items": "error", "field": "field", "message": "text"}
    handler = {"message": ["error.text"], "fields": fields}
    error = refuse(400, {"error": {"field": "name", "text": "fehlt"}}, handler)
    assert error.fields == (("name", "fehlt"),)


def test_the_whole_answer_may_lead_from_fields_to_messages(refuse):
    handler = {"message": ["detail"], "fields": {"map": ""}}
    error = refuse(400, {"email": ["fehlt", "x"], "zip": ["?"]}, handler)
    assert error.fields == (("email", "fehlt"), ("email", "x"), ("zip", "?"))


def test_a_flood_of_problems_is_cut(refuse):
    handler = {"fields": {"map": "errors"}}
    errors = {f"f{n}": ["x"] * 40 for n in range(40)}
    assert len(refuse(400, {"errors": errors}, handler).fields) == 50


def test_a_lookup_that_is_refused_in_a_success_is_refused(server, open_session, kit):
    server.app = lambda call: kit.Reply(200, {"errors": ["x"], "items": []})
    search = Lookup(method="POST", path="/s", match="id")
    with (
        open_session(error_handler={"refused_by": "errors"}) as session,
        pytest.raises(RefusedError),
    ):
        session.send(search, {})
