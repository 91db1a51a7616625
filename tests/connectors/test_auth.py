import base64
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.answers import Answer
from connectors.auth import Authenticator, renewal
from connectors.login import Expiry
from connectors.message import Page
from connectors.redaction import Secrets
from connectors.request import Request
from connectors.tokens import Token, expires_at
from engine.errors import CredentialsError, UnreachableError

UNIT = Request(method="GET", path="/units")


def jwt(claims):
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{body}.signature"


def finish(flow, *answers):
    """Run a flow with the answers; return the paths it asked for and its token."""
    asked = [next(flow).request.path]
    for answer in answers:
        try:
            asked.append(flow.send(answer).request.path)
        except StopIteration as done:
            return asked, done.value
    raise AssertionError("the flow asks for more")


def flow(kit, old=None):
    connector = kit.read("named_by_partner")
    login = connector.authenticator
    variables = {"credentials": kit.SECRETS, "settings": {}}
    return renewal(connector, login, variables, old, lambda: 1000.0)


def test_a_login_gives_a_token_that_is_renewed_before_it_ends(kit):
    answer = Answer(200, {"accessToken": jwt({"exp": 4600})})
    asked, token = finish(flow(kit), answer)
    assert asked == ["/login"]
    assert token.renew_at == 4600 - 60


def test_a_short_life_has_a_margin_of_a_tenth(kit):
    _, token = finish(flow(kit), Answer(200, {"accessToken": jwt({"exp": 1100})}))
    assert token.renew_at == 1100 - 10


@pytest.mark.parametrize(
    "text",
    ["opaque", "a.b.c", "a.W10.c", jwt({}), jwt({"exp": "soon"}), jwt({"exp": 1})],
)
def test_a_token_whose_end_is_unknown_waits_for_the_401(kit, text):
    _, token = finish(flow(kit), Answer(200, {"accessToken": text}))
    assert token.renew_at == float("inf")


def test_a_refresh_keeps_the_refresh_token_that_it_does_not_repeat(kit):
    old = Token("old", {"refreshToken": "r1"})
    asked, token = finish(flow(kit, old), Answer(200, {"accessToken": "new"}))
    assert asked == ["/refresh"]
    assert token.answer == {"refreshToken": "r1", "accessToken": "new"}


@pytest.mark.parametrize("status", [400, 401, 500])
def test_a_failed_refresh_is_followed_by_a_login(kit, status):
    old = Token("old", {"refreshToken": "r1"})
    answers = Answer(status, None), Answer(200, {"accessToken": "new"})
    asked, token = finish(flow(kit, old), *answers)
    assert asked == ["/refresh", "/login"]
    assert token.text == "new"


def test_without_a_refresh_token_the_login_follows(kit):
    asked, _ = finish(flow(kit, Token("old", {})), Answer(200, {"accessToken": "new"}))
    assert asked == ["/login"]


@pytest.mark.parametrize("status", [400, 401, 403, 200])
def test_a_login_without_a_token_names_the_credentials_not_their_values(kit, status):
    with pytest.raises(CredentialsError) as caught:
        finish(flow(kit), Answer(status, {"detail": "s3cret/ä"}))
    text = str(caught.value)
    assert "example" in text
    assert "username, password" in text
    assert not any(secret in text for secret in kit.SECRETS.values())


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_login_that_is_not_there_is_unreachable(kit, status):
    with pytest.raises(UnreachableError, match=str(status)):
        finish(flow(kit), Answer(status, None))


@pytest.mark.parametrize(
    ("expiry", "answer", "end"),
    [
        ({"in_seconds": "expires_in"}, {"expires_in": 300}, 1300.0),
        ({"in_seconds": "expires_in"}, {}, None),
        ({"in_seconds": "expires_in"}, {"expires_in": 10**400}, None),
        ({"in_seconds": "expires_in"}, {"expires_in": True}, None),
        ({"at": "expiresAt"}, {"expiresAt": "1970-01-01T01:00:00Z"}, 3600.0),
        ({"at": "expiresAt"}, {"expiresAt": "1970-01-01T01:00:00"}, 3600.0),
        ({"at": "expiresAt"}, {"expiresAt": "later"}, None),
        ({"after_seconds": 60}, {}, 1060.0),
        ({"in_seconds": "expires_in", "after_seconds": 60}, {"expires_in": 9}, 1009.0),
        ({"in_seconds": "expires_in", "after_seconds": 60}, {}, 1060.0),
        ({"jwt": "exp", "after_seconds": 60}, {}, 1060.0),
        ({"at": "expiresAt", "after_seconds": 60}, {"expiresAt": "later"}, 1060.0),
        ({"jwt": "exp"}, {}, None),
    ],
)
def test_the_end_of_a_token_is_read_where_the_file_says(expiry, answer, end):
    assert expires_at(Expiry(**expiry), "token", answer, 1000.0) == end


def test_a_login_that_failed_once_is_not_tried_again(kit):
    asked = []

    def refuse(step):
        asked.append(step)
        return Answer(401, None)

    variables = {"credentials": kit.SECRETS, "settings": {}}
    connector = kit.read("named_by_partner")
    authenticator = Authenticator(connector, variables, Secrets([]))
    for _ in range(3):
        with pytest.raises(CredentialsError, match="username, password"):
            authenticator.token(refuse)
    assert len(asked) == 1


@pytest.mark.parametrize("value", ["k3y\n", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_not_shown(kit, value):
    connector = kit.read("named_by_us")
    variables = {"credentials": {"api_token": value}, "settings": {}}
    authenticator = Authenticator(connector, variables, Secrets([]))
    with pytest.raises(CredentialsError) as caught:
        authenticator.carried(Token("", None))
    assert value.strip() not in str(caught.value)


def test_a_token_that_ends_in_mid_run_is_refreshed(server, open_session, kit):
    def app(call):
        if call.path in ("/login", "/refresh"):
            return server.let_in()
        return kit.Reply(body=[])

    server.app, server.lifetime = app, 0.2
    with open_session("named_by_partner") as session:
        session.send(UNIT, {})
        session.send(UNIT, {})
        time.sleep(0.25)
        session.send(UNIT, {})
    assert [c.path for c in server.calls] == [
        "/login", "/units", "/units", "/refresh", "/units",
    ]  # fmt: skip
    (refresh,) = server.sent("POST", "/refresh")
    assert refresh.json == {"refreshToken": "refresh-00000000000000000001"}
    assert server.calls[-1].headers["api-version"] == "2.0"


def test_threads_that_all_get_401_log_in_once(server, open_session, kit):
    together = threading.Barrier(4)
    valid = "Bearer nobody"

    def app(call):
        nonlocal valid
        if call.path == "/login":
            reply = server.let_in()
            if server.logins > 1:
                valid = f"Bearer {reply.body['accessToken']}"
            return reply
        if call.headers["authorization"] != valid:
            together.wait(5)  # all four are refused at the same time
            return kit.Reply(401)
        return kit.Reply(body=[])

    server.app = app
    with open_session("named_by_partner") as session, ThreadPoolExecutor(4) as pool:
        statuses = pool.map(lambda _: session.send(UNIT, {}).status, range(4))
        assert list(statuses) == [200] * 4
    assert server.logins == 2


def test_401_right_after_a_login_ends_the_run(server, open_session, kit):
    def app(call):
        return server.let_in() if call.path == "/login" else kit.Reply(401)

    server.app = app
    with (
        open_session("named_by_partner") as session,
        pytest.raises(CredentialsError, match="right after the login"),
    ):
        session.send(UNIT, {})
    assert server.logins == 2


def test_a_wrong_key_ends_the_run(server, open_session, kit):
    server.app = lambda call: kit.Reply(401, {"error": {"message": "k3y is wrong"}})
    with open_session() as session, pytest.raises(CredentialsError) as caught:
        session.send(UNIT, {})
    assert "api_token" in str(caught.value)
    assert "k3y" not in str(caught.value)
    assert len(server.calls) == 1


def test_a_credential_without_a_value_is_named(open_session, kit, monkeypatch):
    monkeypatch.setitem(kit.SECRETS, "api_token", "")
    with pytest.raises(CredentialsError, match="api_token"), open_session():
        pass


def test_a_key_in_the_query_is_carried_and_never_logged(
    server, open_session, kit, caplog
):
    caplog.set_level("INFO")
    server.app = lambda call: kit.Reply(500)
    send = {"query": "api_key", "value": "{{ credentials.api_token }}"}
    authenticator = {"type": "static", "send": send}
    with (
        open_session(authenticator=authenticator) as session,
        pytest.raises(Exception, match="500") as caught,
    ):
        session.send(UNIT, {}, Page({"page": 1}))
    assert server.calls[0].query == {"page": "1", "api_key": "k3y"}
    assert "k3y" not in str(caught.value)
    assert caplog.records == []
