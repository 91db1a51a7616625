import base64
from datetime import datetime

import pytest

from connectors.addresses import Addresses
from connectors.clock import Clock
from connectors.errors import AddressError, DocumentError, RefusedError
from connectors.request import Request
from engine.errors import CredentialsError

LOGIN = {
    "type": "login",
    "login": {
        "method": "POST",
        "host": "portal",
        "path": "/oauth/token",
        "basic": {
            "username": "{{ credentials.client_id }}",
            "password": "{{ credentials.client_secret }}",
        },
        "headers": {"X-Tenant": "{{ settings.tenant }}"},
        "form": {"grant_type": "client_credentials"},
    },
    "token": "access_token",
    "expires": {"in_seconds": "expires_in", "after_seconds": 300},
    "send": {"header": "token", "value": "{{ token }}"},
}
CHANGES = {
    "settings": ["tenant"],
    "hosts": {"portal": "https://portal.example.org"},
    "credentials": {"client_id": "Client", "client_secret": "Secret"},
    "headers": {"api-version": "2.0"},
    "authenticator": LOGIN,
}
PAIR = base64.b64encode(b"feldwerk-client:cl13nt-s3cret").decode()


def request(**parts):
    return Request.model_validate({"method": "POST", "path": "/x", **parts})


@pytest.fixture
def send(server, open_session, kit):
    def send_(variables=None, *, given=None, changes=None, **parts):
        arguments = {"settings": {"tenant": "haus-1", "none": None}, **(given or {})}
        with open_session(given=arguments, **(changes or {})) as session:
            session.send(request(**parts), variables or {})
        return server.calls[-1]

    server.app = lambda call: kit.Reply(200, [])
    return send_


def test_a_login_may_have_its_own_host_headers_and_basic(server, open_session, kit):
    def app(call):
        if call.path == "/portal/oauth/token":
            return kit.Reply(body={"access_token": "t0ken"})
        return kit.Reply(body=[])

    server.app = app
    portal = {"portal": f"{server.url}/portal"}
    places = Addresses(f"{server.url}/api", portal, private=True)
    given = {"addresses": places, "settings": {"tenant": "haus-1"}}
    with open_session(given=given, **CHANGES) as session:
        session.send(request(), {})
    login, call = server.calls
    assert login.headers["authorization"] == f"Basic {PAIR}"
    assert login.headers["x-tenant"] == "haus-1"
    assert login.body == b"grant_type=client_credentials"
    assert (call.path, call.headers["token"]) == ("/api/x", "t0ken")
    assert "authorization" not in call.headers


def test_the_basic_header_is_redacted(server, open_session, kit):
    def app(call):
        if call.path == "/oauth/token":
            return kit.Reply(body={"access_token": "t0ken-t0ken-t0ken"})
        return kit.Reply(400, {"error": {"message": f"{PAIR} cl13nt-s3cret"}})

    server.app = app
    given = {"settings": {"tenant": "haus-1"}}
    with (
        open_session(given=given, **CHANGES) as session,
        pytest.raises(RefusedError) as caught,
    ):
        session.send(request(), {})
    assert caught.value.message == "*** ***"


def test_a_login_that_lacks_a_value_ends_the_run(open_session):
    with (
        open_session(given={"settings": {}}, **CHANGES) as session,
        pytest.raises(CredentialsError, match="The login cannot be sent"),
    ):
        session.send(request(), {})


def test_headers_of_a_request_go_over_those_of_all(send):
    changes = {"headers": {"Api-Version": "1", "X-Tenant": "{{ settings.tenant }}"}}
    changes["settings"] = ["tenant"]
    call = send(headers={"api-version": "2", "Accept": "text/xml"}, changes=changes)
    assert call.headers["api-version"] == "2"
    assert call.headers["x-tenant"] == "haus-1"
    assert call.headers["accept"] == "text/xml"


def test_a_header_without_a_value_is_left_out(send):
    call = send(headers={"X-None": "{{ settings.none }}"})
    assert "x-none" not in call.headers


def test_a_parameter_without_a_value_is_left_out(send):
    query = {"a": "{{ settings.none }}", "b": "{{ settings.tenant }}"}
    assert send(query=query).query == {"b": "haus-1"}


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "größe"])
def test_a_header_that_cannot_be_is_refused(server, send, value):
    with pytest.raises(AddressError, match="'x-id' gets a character"):
        send({"id": value}, headers={"x-id": "{{ id }}"})
    assert server.calls == []


def test_an_xml_body_is_sent_as_a_document(send):
    clock = Clock(epoch=lambda: datetime.fromisoformat("2025-03-01T12:00Z").timestamp())
    tree = {
        "openimmo": {
            "uebertragung": {"@art": "ONLINE", "@timestamp": "{{ now }}"},
            "anbieter": {"firma": "{{ settings.tenant }}", "immobilie": "{{ body }}"},
        }
    }
    body = {"name": "A & B", "etage": 3, "leer": None}
    call = send({"body": body}, xml=tree, given={"clock": clock})
    assert call.headers["content-type"] == "application/xml"
    assert call.body.decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<openimmo><uebertragung art="ONLINE" timestamp="2025-03-01T12:00:00Z"/>'
        "<anbieter><firma>haus-1</firma>"
        "<immobilie><name>A &amp; B</name><etage>3</etage></immobilie>"
        "</anbieter></openimmo>"
    )


def test_a_value_that_no_document_holds_is_refused(server, send):
    with pytest.raises(DocumentError):
        send({"body": {"a": "\x00"}}, xml={"r": "{{ body }}"})
    assert server.calls == []


def test_values_of_the_path_stand_in_the_address(send):
    path = {"items": "a/b", "site": 7}
    call = send({"path": path}, path="/s/{{ path.site }}/{{ path.items }}")
    assert call.path == "/s/7/a%2Fb"


@pytest.mark.parametrize("path", [{}, {"site": None}, {"site": ""}, {"site": ".."}])
def test_a_path_that_lacks_a_value_is_refused(server, send, path):
    with pytest.raises(AddressError):
        send({"path": path}, path="/s/{{ path.site }}")
    assert server.calls == []
