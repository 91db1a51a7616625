import socket
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from connectors.answers import at, read_json, read_retry_after
from connectors.errors import FieldError, OutcomeUnknownError, RefusedError
from connectors.request import Lookup, Request
from connectors.transport import Session
from engine.errors import UnreachableError
from engine.problems import CATALOGUE

PUT = Request(method="PUT", path="/units/{{ id }}")
CREATE = Request(method="POST", path="/units")
SEARCH = Lookup(method="POST", path="/units/search", match="externalId")
UNIT = {"id": "1", "body": {"number": "WE-1"}}


def in_turn(*replies):
    """Return an app that gives these replies one after the other."""
    left = list(replies)

    def app(call):
        reply = left.pop(0)
        if isinstance(reply, BaseException):
            raise reply
        return reply

    return app


def chain(error):
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def test_a_payload_arrives_with_the_key(server, open_session, kit):
    server.app = in_turn(kit.Reply(201, {"id": 7}))
    with open_session() as session:
        answer = session.send(PUT, UNIT)
    (call,) = server.calls
    assert (answer.status, answer.json) == (201, {"id": 7})
    assert (call.method, call.path, call.json) == ("PUT", "/units/1", UNIT["body"])
    assert call.headers["authorization"] == "Bearer k3y"
    assert call.headers["accept"] == "application/json"


def test_a_body_template_wraps_the_payload(server, open_session, kit):
    server.app = in_turn(kit.Reply())
    wrapped = Request(method="POST", path="/q", json={"input": "{{ body }}", "v": 1})
    with open_session() as session:
        session.send(wrapped, {"body": {"a": ["{{ b }}"]}})
    assert server.calls[0].json == {"input": {"a": ["{{ b }}"]}, "v": 1}


def test_a_form_is_sent_as_a_form(server, open_session, kit):
    server.app = in_turn(kit.Reply())
    form = Request(
        method="POST", path="/q", form={"key": "{{ credentials.api_token }}"}
    )
    with open_session() as session:
        session.send(form, {})
    assert server.calls[0].body == b"key=k3y"


@pytest.mark.parametrize(
    ("identifier", "segment"),
    [
        ("1/1001/01", "1%2F1001%2F01"),
        ("1.1001", "1.1001"),
        ("1|1001", "1%7C1001"),
        ("Nürnberg 3", "N%C3%BCrnberg%203"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("50%2F?x#y", "50%252F%3Fx%23y"),
        (17, "17"),
    ],
)
def test_an_identifier_stays_in_its_segment(
    server, open_session, kit, identifier, segment
):
    server.app = in_turn(kit.Reply(204))
    with open_session() as session:
        session.send(PUT, {"id": identifier, "body": {}})
    assert server.calls[0].path == f"/units/{segment}"


@pytest.mark.parametrize("body", [None, b"<html>ok</html>"])
def test_a_success_without_json_has_none(server, open_session, kit, body):
    server.app = in_turn(kit.Reply(200, body))
    with open_session() as session:
        assert session.send(PUT, UNIT).json is None


def test_too_many_requests_wait_as_long_as_the_partner_says(server, open_session, kit):
    wait = {"Retry-After": "1"}
    server.app = in_turn(kit.Reply(429, headers=wait), kit.Reply(201, {"id": 1}))
    begin = time.monotonic()
    with open_session() as session:
        assert session.send(CREATE, UNIT).status == 201
    assert 1.0 <= time.monotonic() - begin < 2.0


def test_too_many_requests_in_every_attempt_are_unreachable(server, open_session, kit):
    server.app = lambda call: kit.Reply(429, headers={"Retry-After": "0"})
    with (
        open_session() as session,
        pytest.raises(UnreachableError, match="too many requests"),
    ):
        session.send(CREATE, UNIT)
    assert len(server.calls) == 3


@pytest.mark.parametrize("request_", [PUT, SEARCH], ids=["put", "search"])
def test_an_error_of_the_server_is_tried_again(server, open_session, kit, request_):
    server.app = in_turn(kit.Reply(500), kit.Dropped(), kit.Reply(200, []))
    with open_session() as session:
        assert session.send(request_, UNIT).status == 200
    assert len(server.calls) == 3


def test_an_error_of_the_server_that_stays_is_refused(server, open_session, kit):
    server.app = lambda call: kit.Reply(503, b"<html>down</html>")
    with open_session() as session, pytest.raises(RefusedError, match="503") as caught:
        session.send(PUT, UNIT)
    assert caught.value.code == "D205"
    assert len(server.calls) == 3


@pytest.mark.parametrize("how", ["500", "dropped"])
def test_a_create_of_unknown_outcome_is_not_repeated(server, open_session, kit, how):
    server.app = in_turn(kit.Reply(500) if how == "500" else kit.Dropped())
    with (
        open_session() as session,
        pytest.raises(OutcomeUnknownError, match="POST /units"),
    ):
        session.send(CREATE, UNIT)
    assert len(server.calls) == 1


def test_an_answer_that_breaks_off_leaves_a_create_unknown(server, open_session, kit):
    server.app = in_turn(
        kit.Reply(201, b"{", {"Content-Length": "9", "Connection": "close"})
    )
    with open_session() as session, pytest.raises(OutcomeUnknownError):
        session.send(CREATE, UNIT)


@pytest.mark.parametrize(
    ("request_", "error", "calls"),
    [(PUT, UnreachableError, 3), (CREATE, OutcomeUnknownError, 1)],
)
def test_no_answer_in_time(server, open_session, kit, request_, error, calls):
    def app(call):
        time.sleep(0.3)
        return kit.Reply()

    server.app = app
    with (
        open_session(timeout_seconds=0.1) as session,
        pytest.raises(error, match="no answer in time"),
    ):
        session.send(request_, UNIT)
    assert len(server.calls) == calls


def test_a_partner_that_is_not_there_is_unreachable(kit):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with (
        Session(kit.read("named_by_us"), url, kit.SECRETS) as session,
        pytest.raises(UnreachableError, match="no connection"),
    ):
        session.send(CREATE, UNIT)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://127.0.0.1:port", "ftp://127.0.0.1/"]
)
def test_a_base_url_that_is_none_is_unreachable(kit, url):
    with (
        Session(kit.read("named_by_us"), url, kit.SECRETS) as session,
        pytest.raises(UnreachableError),
    ):
        session.send(PUT, UNIT)


def test_a_login_that_is_always_too_busy_is_unreachable(server, open_session, kit):
    server.app = lambda call: kit.Reply(429, headers={"Retry-After": "0"})
    with (
        open_session("named_by_partner") as session,
        pytest.raises(UnreachableError, match="POST /login"),
    ):
        session.send(PUT, UNIT)
    assert {call.path for call in server.calls} == {"/login"}


def test_an_error_body_that_breaks_off_leaves_the_status(server, open_session, kit):
    broken = {"Content-Length": "900", "Connection": "close"}
    server.app = in_turn(kit.Reply(409, b'{"error": {"mess', broken))
    with open_session() as session, pytest.raises(RefusedError, match="409"):
        session.send(CREATE, UNIT)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused(server, open_session, kit, status):
    elsewhere = {"Location": f"{server.url}/login?next=k3y"}
    server.app = lambda call: kit.Reply(status, headers=elsewhere)
    with (
        open_session() as session,
        pytest.raises(RefusedError, match="redirect refused"),
    ):
        session.send(PUT, UNIT)
    assert len(server.calls) == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "D201"), (422, "D201"), (403, "D202"), (404, "D203"), (409, "D204"),
        (405, "D205"), (418, "D205"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_code_of_its_kind(server, open_session, kit, status, code):
    server.app = in_turn(kit.Reply(status, {"error": {"message": "Nein,\n danke"}}))
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(CREATE, UNIT)
    error = caught.value
    assert (error.status, error.code, error.message) == (status, code, "Nein, danke")
    assert code in CATALOGUE


def test_problems_of_fields_are_read_from_a_list(server, open_session, kit):
    fields = [{"field": "title", "message": "fehlt"}, "odd", {"field": 7}]
    server.app = in_turn(kit.Reply(422, {"error": {"message": "x", "fields": fields}}))
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(PUT, UNIT)
    assert caught.value.fields[0] == FieldError("title", "fehlt")


def test_problems_of_fields_are_read_from_an_object(server, open_session, kit):
    body = {"title": "Ungültig", "errors": {"name": ["a", "b"], "zip": "c"}}
    server.app = in_turn(kit.Reply(400, body))
    handler = {"message": ["detail", "title"], "fields": {"map": "errors"}}
    with (
        open_session(error_handler=handler) as session,
        pytest.raises(RefusedError, match="Ungültig") as caught,
    ):
        session.send(PUT, UNIT)
    assert caught.value.fields == (("name", "a"), ("name", "b"), ("zip", "c"))


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"<html><h1>Bad Request</h1></html>",
        b"\xff\xfe\x00",
        b"[" * 60_000,
        b"[1, 2]",
        b'"text"',
        b"null",
        b'{"error": "no object"}',
        b'{"error": {"message": 7, "fields": {}}}',
        b'{"error": {"message": "' + b"x" * 10_000_000 + b'"}}',
    ],
    ids=lambda body: repr(body)[:24],
)
def test_a_strange_error_body_is_survived(server, open_session, kit, body):
    server.app = in_turn(kit.Reply(400, body, {"Content-Type": "text/html"}))
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(PUT, UNIT)
    assert caught.value.message == "PUT /units/{{ id }}: the partner answers 400."
    assert caught.value.fields == ()


def test_a_long_message_is_cut_after_the_secrets_are_out(server, open_session, kit):
    text = "x" * 498 + "k3y" + "y" * 100
    server.app = in_turn(kit.Reply(400, {"error": {"message": text}}))
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(PUT, UNIT)
    assert caught.value.message == "x" * 498 + "**"


def test_what_the_partner_echoes_of_us_is_redacted(server, open_session, kit):
    tokens = {}

    def app(call):
        if call.path == "/login":
            reply = server.let_in()
            tokens.update(reply.body)
            return reply
        said = f"{call.headers['authorization']} {tokens['refreshToken']} "
        said += "s3cret/ä s3cret%2F%C3%A4 s3cret/\\u00e4 anna@example.org"
        return kit.Reply(400, {"detail": said, "errors": {"s3cret/ä": ["s3cret/ä"]}})

    server.app = app
    with (
        open_session("named_by_partner") as session,
        pytest.raises(RefusedError) as caught,
    ):
        session.send(PUT, UNIT)
    assert caught.value.message == "Bearer *** *** *** *** *** ***"
    assert caught.value.fields == (("***", "***"),)


@pytest.mark.parametrize("how", ["dropped", "refused", "unreachable"])
def test_no_error_of_the_http_library_stays_in_the_chain(
    server, open_session, kit, how
):
    replies = {"dropped": kit.Dropped(), "refused": kit.Reply(409)}
    server.app = in_turn(replies.get(how, kit.Reply(429, headers={"Retry-After": "0"})))
    handler = {"max_attempts": 1}
    with (
        open_session(error_handler=handler) as session,
        pytest.raises(Exception, match="POST") as caught,
    ):
        session.send(CREATE, UNIT)
    modules = {type(error).__module__ for error in chain(caught.value)}
    assert modules <= {"connectors.errors", "engine.errors"}


def test_no_more_requests_at_once_than_the_partner_allows(server, open_session, kit):
    at_once, most = 0, 0

    def app(call):
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        time.sleep(0.02)
        at_once -= 1
        return kit.Reply(204)

    server.app = app
    with open_session() as session, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: session.send(PUT, UNIT), range(12)))
    assert most == 2


NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0", 0.0),
        ("86400", 86400.0),
        ("9" * 5000, 999999999.0),
        (format_datetime(NOW + timedelta(seconds=20), usegmt=True), 20.0),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), 0.0),
        ("Sat, 01 Mar 2025 12:00:30", 30.0),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after_is_read(header, seconds):
    assert read_retry_after(header, NOW) == seconds


def test_a_dotted_path_finds_its_way():
    document = {"a": [{"b": None}, {"b": 2}]}
    assert at(document, "a.1.b") == 2
    assert at(document, "a.0.b", "absent") is None
    assert at(document, "a.2.b", "absent") == "absent"
    assert at(document, "a.b", "absent") == "absent"
    assert at("text", "0", "absent") == "absent"


def test_a_byte_order_mark_is_no_obstacle():
    assert read_json(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}
