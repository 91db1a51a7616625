"""Calls lead to the partner and nowhere else: no private hosts, redirects, bad TLS."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from certificates import self_signed

from connectors.addresses import Addresses, addresses
from connectors.errors import RefusedError
from connectors.network import is_public
from connectors.request import Request
from engine.errors import SpecError, UnreachableError

GET = Request(method="GET", path="/units")
PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.3.4",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::1",
    "::",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "ff02::1",
    "2001:db8::1",
    "[::1]",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2002:a01:203::",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "10.66051",
    "0x0a.1.2.3",
    "localhost",
    "LOCALHOST.",
    "a.localhost",
]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "64:ff9b::808:808", "16843009"]


@pytest.mark.parametrize("host", PRIVATE)
def test_an_address_of_a_private_network_is_refused(open_session, host):
    literal = f"[{host.strip('[]').partition('%')[0]}]" if ":" in host else host
    address = Addresses(f"http://{literal}:9/v1")
    assert not is_public(host)
    with (
        open_session(given={"addresses": address}) as session,
        pytest.raises(SpecError) as caught,
    ):
        session.send(GET, {})
    (problem,) = caught.value.problems
    assert problem.code == "D104"
    assert "is in a private network" in problem.message


@pytest.mark.parametrize("host", PUBLIC)
def test_an_address_of_the_internet_is_not_refused(host):
    assert is_public(host)


@pytest.mark.parametrize("environment", ["test", "production"])
def test_the_environment_test_alone_may_lead_into_a_private_network(kit, environment):
    connector = kit.read("named_by_us")
    found = addresses(connector, environment, {}, "http://127.0.0.1:9")
    assert found.private is (environment == "test")


@pytest.fixture
def resolve(monkeypatch):
    """Return what lets names resolve to addresses, one after the other."""
    true = socket.getaddrinfo

    def resolve_(name, *found):
        left = list(found)

        def lookup(host, *rest, **more):
            if host in (name, name.encode()):
                host = left.pop(0) if len(left) > 1 else left[0]
            return true(host, *rest, **more)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)

    return resolve_


@pytest.mark.parametrize("name", ["partner.example", "xn--mller-kva.example"])
def test_a_name_that_resolves_to_a_private_address_is_refused(
    server, open_session, resolve, name
):
    resolve(name, "127.0.0.1")
    shown = name.encode().decode("idna")
    address = Addresses(f"http://{shown}:{server.server_port}")
    with (
        open_session(given={"addresses": address}) as session,
        pytest.raises(SpecError, match="private network"),
    ):
        session.send(GET, {})
    assert server.calls == []


def test_a_name_that_changes_its_mind_is_refused(server, open_session, resolve, kit):
    """What a name resolved to before does not count: each connection is looked at."""
    server.app = lambda call: kit.Reply(200, [])
    resolve("partner.example", "127.0.0.1")
    url = f"http://partner.example:{server.server_port}"
    with open_session(given={"addresses": Addresses(url, private=True)}) as session:
        session.send(GET, {})
    assert socket.getaddrinfo("partner.example", 80)
    with (
        open_session(given={"addresses": Addresses(url)}) as session,
        pytest.raises(SpecError, match=r"'partner\.example' is in a private network"),
    ):
        session.send(GET, {})
    assert len(server.calls) == 1


def test_the_proxy_of_the_environment_may_be_private(
    server, open_session, kit, monkeypatch
):
    server.app = lambda call: kit.Reply(200, [])
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    given = {"addresses": Addresses("http://partner.example")}
    with open_session(given=given) as session:
        session.send(GET, {})
    assert server.calls[0].headers["host"] == "partner.example"


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/x?token=t0p",
        "//evil.example",
        "http://a:b@evil.example:8/",
    ],
)
def test_a_redirect_is_not_followed_and_its_host_is_named(
    server, open_session, kit, place
):
    server.app = lambda call: kit.Reply(307, headers={"Location": place})
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(GET, {})
    assert caught.value.message == "GET /units: redirect refused (to evil.example)."
    assert len(server.calls) == 1


def test_a_redirect_to_the_same_host_is_not_followed(server, open_session, kit):
    server.app = lambda call: kit.Reply(302, headers={"Location": "/elsewhere"})
    with open_session() as session, pytest.raises(RefusedError, match="redirect"):
        session.send(GET, {})
    assert len(server.calls) == 1


def test_a_redirect_whose_host_is_a_secret_does_not_tell_it(server, open_session, kit):
    place = f"https://{kit.SECRETS['api_token']}.evil.example/"
    server.app = lambda call: kit.Reply(302, headers={"Location": place})
    with open_session() as session, pytest.raises(RefusedError) as caught:
        session.send(GET, {})
    assert "***.evil.example" in caught.value.message


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls") / "partner.pem")


@pytest.fixture
def over_tls(server, certificate):
    """Let the server speak TLS; returns its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    # A refused handshake must not end the thread that accepts connections.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    assert threading.active_count() > 1
    return server.server_port


def test_a_certificate_that_nobody_trusts_is_refused(server, open_session, over_tls):
    url = f"https://127.0.0.1:{over_tls}"
    with (
        open_session(given={"addresses": url}) as session,
        pytest.raises(UnreachableError, match=r"certificate is refused \(self.signed"),
    ):
        session.send(GET, {})
    assert server.calls == []


def test_a_certificate_that_the_operator_trusts_is_accepted(
    server, open_session, over_tls, certificate, monkeypatch, kit
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server.app = lambda call: kit.Reply(200, [])
    with open_session(given={"addresses": f"https://127.0.0.1:{over_tls}"}) as session:
        assert session.send(GET, {}).status == 200


def test_a_certificate_of_another_host_is_refused(
    server, open_session, over_tls, certificate, monkeypatch, resolve
):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    resolve("other.example", "127.0.0.1")
    url = f"https://other.example:{over_tls}"
    with (
        open_session(given={"addresses": url}) as session,
        pytest.raises(UnreachableError, match="certificate is refused"),
    ):
        session.send(GET, {})
    assert server.calls == []


@pytest.mark.parametrize("word", ["verify", "tls", "insecure", "verify_tls"])
def test_no_connector_file_switches_the_verification_off(kit, word):
    with pytest.raises(ValueError, match=word):
        kit.read("named_by_us", **{word: False})
