import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from connectors.clock import Clock
from connectors.errors import RefusedError
from connectors.request import Request
from connectors.sealing import KeptToken
from connectors.tokens import Token
from engine.errors import CredentialsError

UNIT = Request(method="GET", path="/units")
CREDENTIALS = {"username": "anna@example.org", "password": "s3cret/ä"}
PLACE = ["example", "https://api.example.org"]


class Vault:
    def __init__(self, sealed=None):
        self.sealed = sealed
        self.saves = 0

    def load(self):
        return self.sealed

    def save(self, sealed):
        self.sealed = sealed
        self.saves += 1


@pytest.fixture
def partner(server, kit):
    """A partner that takes only the token that it gave last."""
    server.valid = None

    def app(call):
        if call.path in ("/login", "/refresh"):
            if call.path == "/refresh" and not server.refreshes:
                return kit.Reply(401)
            reply = server.let_in()
            server.valid = f"Bearer {reply.body['accessToken']}"
            return reply
        known = call.headers["authorization"] == server.valid
        return kit.Reply(200 if known else 401, [])

    server.refreshes = True
    server.app = app
    return server


@pytest.fixture
def run(open_session, kit):
    """One run that sends one request, with a vault; the token is kept."""

    def run_(vault, **given):
        kept = kit.read("named_by_partner").authenticator.model_dump(
            by_alias=True, exclude_none=True
        )
        changes = {"authenticator": {**kept, "keep": True}}
        given = {"vault": vault, **given}
        with open_session("named_by_partner", given=given, **changes) as session:
            return session.send(UNIT, {}).status

    return run_


def paths(server):
    return [call.path for call in server.calls]


def test_a_second_run_needs_no_login(partner, run):
    vault = Vault()
    assert (run(vault), run(vault)) == (200, 200)
    assert paths(partner) == ["/login", "/units", "/units"]


def test_without_keep_the_vault_stays_empty(partner, open_session):
    vault = Vault()
    with open_session("named_by_partner", given={"vault": vault}) as session:
        session.send(UNIT, {})
    assert vault.saves == 0


def test_no_token_stands_in_the_vault_in_clear(partner, run):
    vault = Vault()
    run(vault)
    token = partner.valid.removeprefix("Bearer ")
    for secret in (token, "refresh-0", *CREDENTIALS.values()):
        assert secret.encode() not in vault.sealed


def test_a_kept_token_that_is_refused_is_refreshed(partner, run):
    vault = Vault()
    run(vault)
    partner.valid = "Bearer of somebody else"
    assert run(vault) == 200
    assert paths(partner)[2:] == ["/units", "/refresh", "/units"]
    run(vault)
    assert paths(partner)[5:] == ["/units"]


def test_a_kept_token_whose_refresh_is_refused_too_leads_to_a_login(partner, run):
    vault = Vault()
    run(vault)
    partner.valid, partner.refreshes = None, False
    assert run(vault) == 200
    assert paths(partner)[2:] == ["/units", "/refresh", "/login", "/units"]


def test_a_refreshed_token_that_is_refused_leads_to_a_login(partner, run, kit):
    vault = Vault()
    run(vault)
    whole = partner.app

    def app(call):
        reply = whole(call)
        if call.path == "/refresh":
            partner.valid = None  # it gives a token that it does not take
        return reply

    partner.valid, partner.app = None, app
    assert run(vault) == 200
    assert paths(partner)[2:] == ["/units", "/refresh", "/units", "/login", "/units"]


def test_a_kept_token_that_has_ended_is_refreshed_first(partner, run):
    vault = Vault()
    run(vault)
    later = Clock(epoch=lambda: time.time() + 2 * partner.lifetime)
    assert run(vault, clock=later) == 200
    assert paths(partner)[2:] == ["/refresh", "/units"]


def test_credentials_that_are_refused_empty_the_vault(partner, run, kit):
    vault = Vault()
    run(vault)
    partner.app = lambda call: kit.Reply(401)
    with pytest.raises(CredentialsError):
        run(vault)
    assert vault.sealed is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda sealed: b"",
        lambda sealed: b"not ours \xff",
        lambda sealed: sealed[:-9],
        lambda sealed: sealed[:40] + b"AAAA" + sealed[44:],
    ],
)
def test_a_damaged_vault_means_a_new_login(partner, run, damage):
    vault = Vault()
    run(vault)
    vault.sealed = damage(vault.sealed)
    assert run(vault) == 200
    assert paths(partner)[2:] == ["/login", "/units"]
    assert run(vault) == 200
    assert paths(partner)[4:] == ["/units"]


def test_a_changed_password_means_a_new_login(partner, run):
    vault = Vault()
    run(vault)
    assert run(vault, credentials={**CREDENTIALS, "password": "new"}) == 200
    assert paths(partner)[2:] == ["/login", "/units"]


@pytest.mark.parametrize(
    ("credentials", "place"),
    [
        ({**CREDENTIALS, "password": "S3cret/ä"}, PLACE),
        (CREDENTIALS, ["example", "https://evil.example.org"]),
        (CREDENTIALS, ["other", "https://api.example.org"]),
    ],
)
def test_a_token_is_sealed_for_its_account_and_its_address(credentials, place):
    vault = Vault()
    KeptToken(vault, CREDENTIALS, PLACE).save(Token("t", None))
    assert KeptToken(vault, credentials, place).load() is None


@pytest.mark.parametrize("renew_at", [12.5, float("inf")])
def test_a_kept_token_comes_back_as_it_was(renew_at):
    kept = KeptToken(Vault(), CREDENTIALS, PLACE)
    kept.save(Token("t", {"refreshToken": "r"}, renew_at))
    assert kept.load() == Token("t", {"refreshToken": "r"}, renew_at, "vault")


@pytest.mark.parametrize(
    "said", [b"[]", b"{}", b"no", b'{"text": 7}', b'{"text": "t", "renew_at": "x"}']
)
def test_what_is_sealed_but_no_token_reads_as_nothing(said):
    kept = KeptToken(Vault(), CREDENTIALS, PLACE)
    kept._vault.save(kept._fernet.encrypt(said))
    assert kept.load() is None


def test_a_token_from_the_vault_is_redacted(partner, run, kit):
    vault = Vault()
    run(vault)

    def app(call):
        said = call.headers["authorization"] + " refresh-00000000000000000001"
        return kit.Reply(400, {"detail": said})

    partner.app = app
    with pytest.raises(RefusedError) as caught:
        run(vault)
    assert caught.value.message == "Bearer *** ***"


def test_the_vault_and_the_count_of_the_day_are_asked_one_at_a_time(
    partner, open_session, kit
):
    class State(Vault):
        """Both in one, as a connection to a database is."""

        inside = 0

        def spend(self, calls):
            self.ask()
            return 1

        def save(self, sealed):
            self.ask()

        def ask(self):
            self.inside += 1
            assert self.inside == 1
            time.sleep(0.005)
            self.inside -= 1

    state = State()
    kept = kit.read("named_by_partner").authenticator.model_dump(
        by_alias=True, exclude_none=True
    )
    changes = {
        "authenticator": {**kept, "keep": True, "expires": {"after_seconds": 0.02}},
        "api_budget": {"concurrency": 4, "per_day": 99},
    }
    given = {"vault": state, "spent": state}
    partner.app = lambda call: (
        partner.let_in() if call.method == "POST" else kit.Reply(200, [])
    )
    with (
        open_session("named_by_partner", given=given, **changes) as session,
        ThreadPoolExecutor(4) as pool,
    ):
        sent = pool.map(lambda _: session.send(UNIT, {}).status, range(12))
        assert set(sent) == {200}
