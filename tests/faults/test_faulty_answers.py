"""Answers that are none: each ends in time, in little memory, with a clear word."""

import gzip
import json
import tracemalloc
import zlib

import pytest

from connectors.errors import AddressError, OutcomeUnknownError, RefusedError
from connectors.request import Request
from engine.errors import CredentialsError, UnreachableError

PUT = Request(method="PUT", path="/units/{{ id }}")
CREATE = Request(method="POST", path="/units")
UNIT = {"id": "1", "body": {"number": "WE-1"}}
NO_ANSWER = {
    "slow_head": "no answer in time",
    "slow_body": "no answer in time",
    "only_continues": "no answer in time",
    "endless_body": "the answer is longer than 64 MB",
    "bomb": "the answer is longer than 64 MB",
    "no_gzip": "the answer cannot be unpacked",
    "many_headers": "the connection was dropped, or speaks no HTTP",
    "no_http": "the connection was dropped, or speaks no HTTP",
    "cut_off": "the connection was dropped, or speaks no HTTP",
}
REFUSALS = ["slow_error", "endless_error", "large_error", "bomb_as_error"]
PATIENCE = {
    "slow_head": 0.05,
    "slow_body": 0.05,
    "only_continues": 0.05,
    "slow_error": 0.2,  # its head has to come in time
}
"""Seconds of silence that are borne, where nothing but waiting is to be seen."""


@pytest.mark.parametrize(("name", "why"), NO_ANSWER.items())
@pytest.mark.parametrize(
    ("request_", "error"),
    [(PUT, UnreachableError), (CREATE, OutcomeUnknownError)],
    ids=["put", "create"],
)
def test_an_answer_that_is_none_says_what_it_was(
    listener, session, wire_kit, name, why, request_, error
):
    listener.script = wire_kit.scripts[name]
    with (
        session(timeout_seconds=PATIENCE.get(name, 5)) as found,
        pytest.raises(error) as caught,
    ):
        found.send(request_, UNIT)
    assert why in str(caught.value)
    assert request_.path in str(caught.value)
    assert listener.requests == 1


@pytest.mark.parametrize("name", REFUSALS)
def test_of_a_refusal_only_the_beginning_is_read(listener, session, wire_kit, name):
    listener.script = wire_kit.scripts[name]
    with session(timeout_seconds=PATIENCE.get(name, 5)) as found:
        with pytest.raises(RefusedError) as caught:
            found.send(PUT, UNIT)
        tracemalloc.start()  # what is made once has been made
        try:
            with pytest.raises(RefusedError):
                found.send(PUT, UNIT)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.message == "PUT /units/{{ id }}: the partner answers 400."
    assert most < wire_kit.MEGABYTE


def test_a_partner_that_does_not_listen_is_left(listener, session, wire_kit):
    """A request that fits into no buffer, to a server that reads none of it."""
    listener.reads = False
    large = {"id": "1", "body": {"text": "x" * 16 * wire_kit.MEGABYTE}}
    with (
        session(timeout_seconds=0.05) as found,
        pytest.raises(UnreachableError, match="no answer in time"),
    ):
        found.send(PUT, large)


def test_a_refusal_that_comes_before_the_end_of_the_request_is_read(
    listener, session, wire_kit
):
    """A server may answer 413, and close, without taking the whole body."""
    body = b'{"error": {"message": "zu lang"}}'
    answer = wire_kit.head(413, f"Content-Length: {len(body)}") + body
    listener.script = lambda _, send: send(answer)
    with session() as found, pytest.raises(RefusedError, match="zu lang"):
        found.send(PUT, UNIT)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "deflate"])
def test_a_packed_answer_is_read(listener, session, wire_kit, encoding):
    text = json.dumps({"error": {"message": "Nein"}}).encode()
    body = zlib.compress(text) if encoding == "deflate" else gzip.compress(text)
    top = (f"Content-Encoding: {encoding}", f"Content-Length: {len(body)}")
    listener.script = lambda _, send: send(wire_kit.head(400, *top) + body)
    with session() as found, pytest.raises(RefusedError, match=r"^Nein$"):
        found.send(PUT, UNIT)


XML = b"""<?xml version="1.0"?>
<e:fault xmlns:e="urn:example" code="7">
  <e:text>Die Wohnung fehlt</e:text>
  <e:field><e:name>title</e:name><e:why>ist leer</e:why></e:field>
  <e:field><e:name>rooms</e:name><e:why>zu viele</e:why></e:field>
</e:fault>"""
FAULT = {
    "message": ["fault.text"],
    "fields": {"items": "fault.field", "field": "name", "message": "why"},
}


def test_a_refusal_in_xml_is_read(listener, session, wire_kit):
    listener.script = wire_kit.answering(422, XML, "Content-Type: application/xml")
    with session(error_handler=FAULT) as found, pytest.raises(RefusedError) as caught:
        found.send(PUT, UNIT)
    assert caught.value.message == "Die Wohnung fehlt"
    assert caught.value.fields == (("title", "ist leer"), ("rooms", "zu viele"))


def test_a_file_that_an_xml_refusal_names_is_not_read(
    listener, session, wire_kit, tmp_path
):
    secret = tmp_path / "secret.txt"
    secret.write_text("geheim", "utf-8")
    body = f"""<!DOCTYPE fault [<!ENTITY x SYSTEM "file://{secret}">]>
        <fault><text>nein &x;</text></fault>"""
    listener.script = wire_kit.answering(422, body.encode())
    with session(error_handler=FAULT) as found, pytest.raises(RefusedError) as caught:
        found.send(PUT, UNIT)
    assert caught.value.message == "nein"


def test_the_billion_laughs_of_an_xml_refusal_are_not_heard(
    listener, session, wire_kit
):
    more = "".join(f"<!ENTITY l{n + 1} '{f'&l{n};' * 10}'>" for n in range(9))
    body = f"""<!DOCTYPE fault [<!ENTITY l0 'ha'>{more}]>
        <fault><text>&l9;</text></fault>"""
    listener.script = wire_kit.answering(422, body.encode())
    with session(error_handler=FAULT) as found, pytest.raises(RefusedError) as caught:
        found.send(PUT, UNIT)
    assert "haha" not in caught.value.message


@pytest.mark.parametrize("body", [b"<fault><text>", b"<a/>" * 3, b"<" * 70_000])
def test_an_xml_refusal_that_is_broken_leaves_the_status(
    listener, session, wire_kit, body
):
    listener.script = wire_kit.answering(422, body)
    with (
        session(error_handler=FAULT) as found,
        pytest.raises(RefusedError, match="answers 422"),
    ):
        found.send(PUT, UNIT)


SHUT_OUT = (
    b'{"errors": [{"message": "Log in", "extensions": {"code": "NOT_LOGGED_IN"}}]}'
)
GRAPHQL = {
    "refused_by": "errors",
    "message": ["errors.0.message"],
    "not_logged_in": {
        "path": "errors.0.extensions.code",
        "texts": ["NOT_LOGGED_IN", "FORBIDDEN_TOKEN"],
    },
}


@pytest.mark.parametrize("status", [200, 400, 401])
def test_not_logged_in_is_read_whatever_the_status(listener, session, wire_kit, status):
    listener.script = wire_kit.answering(status, SHUT_OUT)
    with session(error_handler=GRAPHQL) as found, pytest.raises(CredentialsError):
        found.send(CREATE, UNIT)


def test_an_id_that_no_address_can_carry_concerns_its_record_only(
    listener, session, wire_kit
):
    listener.script = wire_kit.answering(200, b"{}", "Connection: close")
    with session() as found:
        for length in (8_000, 70_000, 3_000_000):
            with pytest.raises(AddressError, match="too long"):
                found.send(PUT, {"id": "x" * length, "body": {}})
        assert found.send(PUT, {"id": "x" * 7_000, "body": {}}).status == 200
    assert listener.requests == 1


def test_a_header_that_cannot_be_sent_concerns_its_record_only(
    listener, session, wire_kit
):
    listener.script = wire_kit.answering(200, b"{}")
    named = Request(method="PUT", path="/units", headers={"x-id": "{{ id }}"})
    with session() as found, pytest.raises(AddressError, match="cannot carry"):
        found.send(named, {"id": " 1 ", "body": {}})


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_login_that_is_refused_tells_what_the_partner_says(
    listener, session, wire_kit, status
):
    body = b'{"detail": "Konto anna gesperrt, s3cret ist abgelaufen"}'
    listener.script = wire_kit.answering(status, body)
    with (
        session("named_by_partner") as found,
        pytest.raises(CredentialsError) as caught,
    ):
        found.send(PUT, UNIT)
    text = str(caught.value)
    assert f"answers {status} and says 'Konto *** gesperrt, *** ist abgelaufen'" in text


@pytest.mark.parametrize("request_", [PUT, CREATE], ids=["put", "create"])
def test_a_partner_that_asks_for_a_long_pause_is_asked_once(
    listener, session, wire_kit, request_
):
    listener.script = wire_kit.answering(503, b"", "Retry-After: 7200")
    with (
        session(error_handler={"max_attempts": 5}) as found,
        pytest.raises(UnreachableError, match="asks to wait 120 minutes"),
    ):
        found.send(request_, UNIT)
    assert listener.requests == 1


def test_a_login_that_asks_for_a_long_pause_is_asked_once(listener, session, wire_kit):
    listener.script = wire_kit.answering(503, b"", "Retry-After: 7200")
    with (
        session("named_by_partner", error_handler={"max_attempts": 5}) as found,
        pytest.raises(UnreachableError, match="asks to wait 120 minutes"),
    ):
        found.send(PUT, UNIT)
    assert listener.requests == 1
