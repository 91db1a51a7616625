"""Each target hears of each change of state once; one that is down hears it later."""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from certificates import self_signed

from engine.errors import SpecError
from engine.service.alerts import CLAIM_SECONDS, Alerts, read_channels
from engine.service.channels import Notice, NotSentError
from engine.service.signing import is_signed

NAME = "muster/etg24/stammdaten/test"
SECRET = "ein-geheimnis-fuer-aufrufe"
NOW = 1_800_000_000.0


@pytest.fixture
def post(new_listener, tmp_path, monkeypatch):
    """Return what writes an alerts.yaml with webhooks, and reads it."""
    monkeypatch.setenv("ALERT_SECRET", SECRET)

    def post_(**levels):
        found = {}
        webhooks = {}
        for name, wanted in levels.items():
            found[name] = new_listener()
            monkeypatch.setenv(f"ALERT_URL_{name.upper()}", found[name].url)
            webhooks[name] = {
                "url": f"env:ALERT_URL_{name.upper()}",
                "secret": "env:ALERT_SECRET",
                **({"levels": wanted} if wanted else {}),
            }
        path = tmp_path / "alerts.yaml"
        path.write_text(yaml.safe_dump({"webhooks": webhooks}), "utf-8")
        return read_channels(path), found

    return post_


class Desk:
    """Alerts of one process, with a clock that goes on when it is told."""

    def __init__(self, engine, channels):
        self.now = NOW
        self.tries = []
        self.alerts = Alerts(engine, channels, lambda: self.now, self._told)

    def _told(self, target, notice, why):
        self.tries.append((target, notice.level, why))

    def set(self, level, code="D102", subject=NAME):
        changed = self.alerts.set_level(subject, level, code)
        self.alerts.deliver()
        return changed


def test_each_change_is_told_once(state, post):
    channels, found = post(ops=None)
    desk = Desk(state.engine, channels)
    for level in ("ok", "ok", "warning", "warning", "critical", "critical", "ok", "ok"):
        desk.set(level)
        desk.alerts.deliver()
    assert [level for _, level in found["ops"].told] == [
        "warning",
        "critical",
        "recovered",
    ]
    assert len({one.body["id"] for one in found["ops"].got}) == 3


def test_a_subject_that_was_always_well_is_not_told_of(state, post):
    channels, found = post(ops=None)
    desk = Desk(state.engine, channels)
    assert desk.set("ok")
    assert not desk.set("ok")
    assert found["ops"].got == []


def test_each_subject_is_told_of_by_itself(state, post):
    channels, found = post(ops=None)
    desk = Desk(state.engine, channels)
    for name in ("a/p/u/test", "b/p/u/test"):
        desk.set("critical", subject=name)
    desk.set("ok", subject="a/p/u/test")
    assert found["ops"].told == [
        ("a/p/u/test", "critical"),
        ("b/p/u/test", "critical"),
        ("a/p/u/test", "recovered"),
    ]
    assert desk.alerts.levels() == {"a/p/u/test": "ok", "b/p/u/test": "critical"}


def test_a_target_hears_the_levels_that_it_wants(state, post):
    channels, found = post(
        loud=None, serious=["critical", "recovered"], bad=["warning"]
    )
    desk = Desk(state.engine, channels)
    for level in ("warning", "critical", "warning", "critical", "ok", "warning", "ok"):
        desk.set(level)
    told = {name: [level for _, level in at.told] for name, at in found.items()}
    assert told["serious"] == ["critical", "recovered"]
    assert told["bad"] == ["warning", "warning"]
    assert told["loud"] == [
        "warning",
        "critical",
        "warning",
        "critical",
        "recovered",
        "warning",
        "recovered",
    ]


def test_a_target_that_is_down_hears_it_at_the_next_tick(state, post):
    channels, found = post(down=None, up=None)
    found["down"].status = 503
    desk = Desk(state.engine, channels)
    desk.set("critical")
    assert found["up"].told == [(NAME, "critical")]
    assert desk.tries[0] == ("down", "critical", "the target answers 503")
    found["down"].status = 200
    for _ in range(3):
        desk.alerts.deliver()
    assert found["down"].told == [(NAME, "critical")] * 2  # refused once, taken once
    assert found["up"].told == [(NAME, "critical")]
    assert len({one.body["id"] for one in found["down"].got}) == 1


def test_what_passed_while_a_target_was_down_is_not_told(state, post):
    channels, found = post(down=None)
    found["down"].status = 500
    desk = Desk(state.engine, channels)
    desk.set("critical")
    found["down"].got.clear()
    found["down"].status = 200
    desk.set("ok")
    assert found["down"].got == []


def test_a_target_that_is_down_is_tried_once_at_a_time(state, post):
    channels, found = post(down=None)
    found["down"].status = 500
    desk = Desk(state.engine, channels)
    for number in range(5):
        desk.alerts.set_level(f"a{number}/p/u/test", "critical", "")
    desk.alerts.deliver()
    assert len(found["down"].got) == 1


def test_several_processes_tell_it_once(state, post):
    channels, found = post(ops=None)
    desks = [Desk(state.engine, channels) for _ in range(4)]
    desks[0].alerts.set_level(NAME, "critical", "")
    ready = threading.Barrier(4)

    def deliver(desk):
        ready.wait()
        desk.alerts.deliver()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(deliver, desks))
    assert found["ops"].told == [(NAME, "critical")]


class Dying:
    """A target at which the process ends while it tells it something."""

    name = "ops"
    levels = ("warning", "critical", "recovered")

    def send(self, notice, now):
        raise SystemExit


def test_a_process_that_died_telling_is_followed_by_another(state, post):
    with pytest.raises(SystemExit):
        Desk(state.engine, [Dying()]).set("critical")
    channels, found = post(ops=None)
    desk = Desk(state.engine, channels)
    desk.alerts.deliver()
    assert found["ops"].got == []
    desk.now += CLAIM_SECONDS
    desk.alerts.deliver()
    assert found["ops"].told == [(NAME, "critical")]


def test_without_the_database_targets_are_told_too(sqlite, post):
    channels, found = post(ops=None)
    desk = Desk(sqlite.engine, channels)
    for level in ("ok", "critical", "critical", "ok", "ok"):
        desk.alerts.tell_aside("service on here", level, "D302", NOW)
    assert [level for _, level in found["ops"].told] == ["critical", "recovered"]


# -- the webhook


def test_a_webhook_is_signed_and_says_what_to_do(sqlite, post):
    channels, found = post(ops=None)
    Desk(sqlite.engine, channels).set("critical", "D101")
    (call,) = found["ops"].got
    stamp = call.headers["X-Feldwerk-Timestamp"]
    assert stamp == str(int(NOW))
    assert is_signed(SECRET, stamp, call.raw, call.headers["X-Feldwerk-Signature"])
    assert not is_signed("wrong", stamp, call.raw, call.headers["X-Feldwerk-Signature"])
    assert {**call.body, "id": ""} == {
        "id": "",
        "subject": NAME,
        "level": "critical",
        "code": "D101",
        "since": "2027-01-15T08:00:00+00:00",
        "title": "Partner refuses the credentials",
        "what_to_do": "Check the credentials of the activation, and that their user is "
        "not blocked.",
    }


def test_a_webhook_that_redirects_is_not_followed(sqlite, post, listener):
    channels, found = post(ops=None)
    found["ops"].status = 307
    found["ops"].headers = {"location": listener.url}
    desk = Desk(sqlite.engine, channels)
    desk.set("critical")
    assert desk.tries == [("ops", "critical", "the target answers 307")]
    assert listener.got == []


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://alerts.example/x", "its address is not https"),
        ("ftp://127.0.0.1/x", "its address is not https"),
        ("https://[::1/x", "its address is not valid"),
        ("http://127.0.0.1:9/s3cret", "ConnectError"),
    ],
)
def test_a_wrong_address_is_not_repeated(sqlite, post, monkeypatch, url, why):
    channels, _ = post(ops=None)
    monkeypatch.setenv("ALERT_URL_OPS", url)
    desk = Desk(sqlite.engine, channels)
    desk.set("critical")
    assert desk.tries == [("ops", "critical", why)]


def test_a_missing_secret_is_named_by_its_place(sqlite, post, monkeypatch):
    channels, _ = post(ops=None)
    monkeypatch.delenv("ALERT_SECRET")
    desk = Desk(sqlite.engine, channels)
    desk.set("critical")
    assert desk.tries == [("ops", "critical", "a secret is not in env:ALERT_SECRET")]


# -- the mail


class Mailbox:
    """What a mail server does with mails and logins."""

    def __init__(self):
        self.mails = []
        self.logins = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        await asyncio.sleep(0)
        self.mails.append(envelope)
        return "250 OK"

    def let_in(self, server, session, envelope, mechanism, data):
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"pass wort", handled=False)


class OnAnyPort(Controller):
    def _trigger_server(self):
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@pytest.fixture
def mailbox(tmp_path, monkeypatch):
    """A mail server with STARTTLS, and an alerts.yaml that names it."""
    certificate = self_signed(tmp_path / "mail.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    box = Mailbox()
    controller = OnAnyPort(
        box,
        hostname="127.0.0.1",
        port=0,
        tls_context=context,
        require_starttls=True,
        authenticator=box.let_in,
        auth_required=True,
    )
    controller.start()
    box.certificate = certificate
    monkeypatch.setenv("MAIL_USER", "feldwerk")
    monkeypatch.setenv("MAIL_PASSWORD", "pass wort")
    mail = {
        "host": "127.0.0.1",
        "port": controller.port,
        "username": "env:MAIL_USER",
        "password": "env:MAIL_PASSWORD",
        "sender": "feldwerk@example.org",
        "recipients": ["a@example.org", "b@example.org"],
    }
    path = tmp_path / "alerts.yaml"
    path.write_text(yaml.safe_dump({"mails": {"team": mail}}), "utf-8")
    box.channels = read_channels(path)
    yield box
    controller.stop()


def test_a_mail_goes_to_everybody_encrypted(sqlite, mailbox, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mailbox.certificate))
    desk = Desk(sqlite.engine, mailbox.channels)
    desk.set("warning", "D102")
    assert desk.tries == [("team", "warning", "")]
    (mail,) = mailbox.mails
    assert mail.rcpt_tos == ["a@example.org", "b@example.org"]
    text = mail.content.decode()
    assert f"Subject: Feldwerk: warning: {NAME}" in text
    assert "D102 Partner cannot be reached" in text
    assert mailbox.logins == [("feldwerk", "pass wort")]


def test_a_mail_server_that_nobody_trusts_gets_nothing(sqlite, mailbox):
    desk = Desk(sqlite.engine, mailbox.channels)
    desk.set("critical")
    assert desk.tries == [("team", "critical", "SSLCertVerificationError")]
    assert mailbox.logins == []
    assert mailbox.mails == []


def test_a_refused_login_is_told_without_the_password(sqlite, mailbox, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(mailbox.certificate))
    monkeypatch.setenv("MAIL_PASSWORD", "falsch")
    desk = Desk(sqlite.engine, mailbox.channels)
    desk.set("critical")
    assert desk.tries == [("team", "critical", "SMTPAuthenticationError")]
    assert mailbox.mails == []


def test_a_mail_cannot_be_given_further_headers(mailbox):
    (channel,) = mailbox.channels
    notice = Notice("1", "a\r\nBcc: evil@example.org", "critical", "", NOW)
    with pytest.raises((NotSentError, ValueError)):
        channel.send(notice, NOW)
    assert mailbox.mails == []


# -- the file

WRONG = """
webhooks:
  ops:
    url: https://alerts.example/t0ken
    secret: env:ALERT_SECRET
    levels: [critical, panic]
  more: {url: "env:URL", secrt: "env:S"}
mails:
  team:
    host: mail.example
    encryption: none
    password: env:P
    sender: nobody
    recipients: []
"""


def test_all_that_is_wrong_is_said_at_once_with_its_line(tmp_path):
    path = tmp_path / "alerts.yaml"
    path.write_text(WRONG, "utf-8")
    with pytest.raises(SpecError) as caught:
        read_channels(path)
    found = {
        (p.origin.line, p.origin.column.rpartition(".")[2])
        for p in caught.value.problems
    }
    lines = dict(zip(WRONG.splitlines(), count(1), strict=False))
    assert {
        (lines["    url: https://alerts.example/t0ken"], "url"),
        (lines["    encryption: none"], "encryption"),
        (lines["    sender: nobody"], "sender"),
        (lines["    recipients: []"], "recipients"),
    } <= found
    text = str(caught.value)
    assert "t0ken" not in text
    assert "unknown key 'secrt'. Did you mean 'secret'?" in text
    assert "panic" not in text or "levels" in text


def test_a_missing_file_is_a_problem(tmp_path):
    with pytest.raises(SpecError, match="not found"):
        read_channels(tmp_path / "alerts.yaml")


def test_a_name_stands_for_one_target(tmp_path):
    path = tmp_path / "alerts.yaml"
    hook = {"url": "env:U", "secret": "env:S"}
    mail = {"host": "h", "sender": "a@b", "recipients": ["c@d"]}
    file = {"webhooks": {"ops": hook}, "mails": {"ops": mail}}
    path.write_text(yaml.safe_dump(file), "utf-8")
    with pytest.raises(SpecError, match="the name ops is used twice"):
        read_channels(path)
