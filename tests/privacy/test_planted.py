"""Planted secrets and planted persons: nothing of them shows anywhere afterwards."""

import base64
import html
import json
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import quote, quote_plus

import pytest
import sqlalchemy as sa

from connectors.redaction import Secrets
from engine.problems import Origin, Problem
from engine.runtime.masking import _anywhere
from engine.runtime.state import State
from engine.service.alerts import Alerts
from engine.service.logs import open_log
from engine.service.metrics import Metrics
from engine.service.watching import Watching
from tools.simulator import Simulator

PASSWORD = "pl4nted  Größe/&<'\"+="
USER = "pl4nted.user@example.org"
PERSON = {
    "vorname": "Änne-Xaverine",
    "nachname": "Quastenhüber O'Zwirn",
    "emails": "aenne.q@planted.example",
    "telefone": "0171 3920077",
}
FIRST, LAST, MAIL = PERSON["vorname"], PERSON["nachname"], PERSON["emails"]


def secret_forms(secret):
    pair = base64.b64encode(f"{USER}:{secret}".encode()).decode()
    return {
        "plain": secret,
        "collapsed": " ".join(secret.split()),
        "in an address": quote(secret, safe=""),
        "in an address, small": quote(secret, safe="").replace("%C3", "%c3"),
        "in a path": quote(secret),
        "in a form": quote_plus(secret),
        "in JSON": json.dumps(secret)[1:-1],
        "in JSON, capital": json.dumps(secret)[1:-1].replace("00f6", "00F6"),
        "in HTML": html.escape(secret),
        "in XML": html.escape(secret).replace("&#x27;", "&apos;"),
        "in ASCII XML": html.escape(secret)
        .encode("ascii", "xmlcharrefreplace")
        .decode(),
        "base64": base64.b64encode(secret.encode()).decode(),
        "base64 for addresses": base64.urlsafe_b64encode(secret.encode()).decode(),
        "in basic": pair,
        "wrong encoding": secret.encode().decode("latin-1"),
        "in a URL": f"https://{quote(USER)}:{quote(secret, safe='')}@partner.example/x",
    }


FORMS = secret_forms(PASSWORD)
PIECES = ("pl4nted", "Größe", "Gr%C3", base64.b64encode(b"pl4nted").decode()[:-4])

PERSON_FORMS = {
    "plain": f"{FIRST} {LAST} {MAIL} 0171 3920077",
    "capital": f"{FIRST} {LAST} {MAIL}".upper(),
    "entities": "&Auml;nne-Xaverine Quastenh&uuml;ber O&#x27;Zwirn",
    "numbers": "&#196;nne Quastenh&#252;ber O&apos;Zwirn",
    "JSON": json.dumps(f"{FIRST} {LAST}"),
    "address": quote(f"{FIRST} {LAST} {MAIL} +491713920077"),
    "spelled": "Aenne Xaverine QUASTENHUEBER",
    "wrong encoding": f"{FIRST} {LAST}".encode().decode("latin-1"),
    "phones": "0171/3920077, 0171 392 00 77, +49 (0)171-3920077, 0049 171 39 20 07 7, "
    "1713920077, 491713920077",
}
PERSONAL = (
    "xaverine",
    "quastenh",
    "zwirn",
    "aenne",
    "änne",
    "planted.example",
    "3920077",
    "392 00 77",
    "39 20 07 7",
)


@pytest.fixture
def desk(tmp_path, village, new_desk, monkeypatch):
    """An activation of facilioo with planted credentials, and a planted person."""
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / "erp").symlink_to(tmp_path / "erp")
    (tmp_path / "erp").mkdir()
    for path in village.folder.iterdir():
        (tmp_path / "erp" / path.name).write_bytes(path.read_bytes())
    with Simulator("facilioo") as simulator:
        planted = {"username": USER, "password": PASSWORD}
        simulator._simulation.partner.credentials.update(planted)
        monkeypatch.setenv("FACILIOO_USER", USER)
        monkeypatch.setenv("FACILIOO_PASSWORD", PASSWORD)
        desk = new_desk(folder, simulator)
        known = desk.rows("geschaeftspartner")[0].keys()
        person = {name: value for name, value in PERSON.items() if name in known}
        desk.set("geschaeftspartner", {"gp_nr": village.eva}, **person)
        desk.in_a_hurry()
        yield desk


def refuse(desk, message):
    rule = {"entity": "parties", "pattern": "Quasten", "message": message}
    desk.simulator.faults(refuse=[{**rule, "field": "secondaryName"}])


def everything_kept(desk):
    """Return all rows of all tables, and the bytes of all files of the database."""
    found = []
    activation = desk.activation()
    with State(activation.state_url) as state, state.engine.connect() as db:
        for name in sa.inspect(state.engine).get_table_names():
            query = sa.select(sa.text("*")).select_from(sa.table(name))
            found += [str(row) for row in db.execute(query)]
    for path in desk.folder.glob("feldwerk.db*"):
        found.append(path.read_bytes().decode("utf-8", "replace"))
    return "\n".join(found)


def everything_told(desk, tmp_path):
    """Run every command that tells of a run; return all that they print and write."""
    page, saved = tmp_path / "plan.html", tmp_path / "plan.json"
    commands = [
        ("plan", "activation"),
        ("plan", "activation", "--json", "--html", page, "--out", saved),
        ("status", "activation"),
        ("status", "activation", "--json"),
        ("rejects", "activation"),
        ("rejects", "activation", "--json"),
    ]
    found = []
    for words in commands:
        result = desk.invoke(*map(str, words))
        assert result.code in (0, 1), result.err
        found += [result.out, result.err]
    return "\n".join([*found, page.read_text("utf-8"), saved.read_text("utf-8")])


def shown(text, marks):
    small = text.casefold()
    return [mark for mark in marks if mark.casefold() in small]


def test_no_form_of_a_secret_is_told_or_kept(desk, tmp_path):
    told = []
    for form in FORMS.values():
        refuse(desk, f"Abgelehnt: {form}.")
        result = desk.invoke("sync", "activation", "--json")
        assert result.code == 1
        assert "***" in result.out, (form, result.json()["entities"]["parties"])
        told += [result.out, result.err]
    explained = desk.invoke("explain", "activation", "parties", "P", "--json")
    told += [explained.out, explained.err, everything_told(desk, tmp_path)]
    assert shown("\n".join(told), PIECES) == []
    assert shown(everything_kept(desk), PIECES) == []


def test_no_form_of_a_person_is_told_or_kept(desk, tmp_path):
    told = []
    for form in PERSON_FORMS.values():
        refuse(desk, f"Abgelehnt: {form}.")
        result = desk.invoke("sync", "activation", "--json")
        assert result.code == 1
        told += [result.out, result.err]
        assert shown("\n".join(told), PERSONAL) == []
    told.append(everything_told(desk, tmp_path))
    assert shown("\n".join(told), PERSONAL) == []
    assert shown(everything_kept(desk), PERSONAL) == []


def test_nothing_of_both_is_logged_counted_or_sent_as_an_alert(desk):
    forms = [*FORMS.values(), *PERSON_FORMS.values()]
    refuse(desk, " ".join(forms))
    log, sent = StringIO(), []
    channel = SimpleNamespace(
        name="ops",
        levels=("warning", "critical", "recovered"),
        send=lambda notice, now: sent.append(f"{notice} {notice.what_to_do}"),
    )
    with State(desk.activation().state_url) as state:
        metrics = Metrics(state.engine)
        alerts = Alerts(state.engine, [channel], lambda: 1.8e9, lambda *_: None)
        opened = open_log(log, as_json=True)
        with Watching(
            state.engine, opened, metrics, alerts, dict, lambda: 1.8e9
        ) as signals:
            signals.run_started(desk.name)
            totals = desk.sync()["totals"]
            signals.run_finished(desk.name, "done", totals, 1.0)
            said = Problem(Origin("x"), "D102", " ".join(forms))
            signals.run_stopped(desk.name, said, again=False)
            signals.trouble(said)
        text = "\n".join([log.getvalue(), *sent, metrics.text().decode()])
    assert '"event": "record_rejected"' in text
    assert desk.name in text
    assert len(sent) >= 2
    assert shown(text, [*PIECES, *PERSONAL]) == []


def test_wrong_credentials_are_not_told_by_who_refuses_them(desk, monkeypatch):
    monkeypatch.setenv("FACILIOO_PASSWORD", f"{PASSWORD}falsch")
    for words in (("sync", "activation"), ("sync", "activation", "--json")):
        result = desk.invoke(*words)
        assert result.code == 4
        assert "D101" in result.out + result.err
        assert shown(result.out + result.err, PIECES) == []
    assert shown(everything_kept(desk), PIECES) == []


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://pl4nted:pl4nted%20%20x@127.0.0.1:9/x",
        "postgresql://u:pl4nted@[::1/x",
        "pl4nted://u:pl4nted@h/x",
        "postgresql://u:pl4nted@127.0.0.1:port/x",
    ],
)
def test_the_password_of_a_database_is_not_told(desk, url):
    desk.change(state=url)
    for words in (("sync", "activation"), ("status", "activation", "--json")):
        result = desk.invoke(*words)
        assert result.code in (2, 4)
        told = (result.out + result.err).replace("pl4nted://", "").replace(":pl4", "")
        assert "pl4nted@" not in told
        assert "nted%20" not in told


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_secret_is_hidden_however_it_is_written(form):
    hidden = Secrets([PASSWORD, USER]).redact(f"vorher {form} nachher")
    assert shown(hidden, PIECES) == []
    assert hidden.startswith("vorher ")
    assert hidden.endswith(" nachher")


def test_what_is_no_secret_stays():
    text = "Die Wohnung 1001 hat keine Größe."
    assert Secrets([PASSWORD, USER, ""]).redact(text) == text


MASKED = {
    "+491713920077": [
        "0171/3920077",
        "0171 392 00 77",
        "+49 (0)171 3920077",
        "0049 171-3920077",
        "491713920077",
        "1713920077",
    ],
    "+43 1 5123456": ["0043 1 512 34 56", "+43 1 5123456", "01 5123456"],
    "1966-07-13": ["13.07.1966", "13.7.66", "13. 7. 1966", "19660713", "07/13/1966"],
    "13.07.1966": ["1966-07-13", "13.07.66"],
    "Müller": ["M&uuml;ller", "MUELLER", "Mu\u0308ller", "M%C3%BCller", "M\\u00fcller"],
    "O'Neil & Söhne": ["O&#x27;Neil &amp; S&ouml;hne", "O&apos;Neil  & Soehne"],
}


@pytest.mark.parametrize(
    ("value", "form"), [(v, form) for v, forms in MASKED.items() for form in forms]
)
def test_a_personal_value_is_hidden_however_it_is_written(value, form):
    assert _anywhere(value).sub("***", f"({form})") in ("(***)", "(+***)", "(00***)")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("+491713920077", "01713920078"),
        ("+491713920077", "90171392007712"),
        ("1966-07-13", "1966-07-14"),
        ("Bo", "Boden"),
    ],
)
def test_other_values_stay(value, text):
    assert _anywhere(value).sub("***", text) == text


def test_no_message_of_ours_quotes_a_value():
    """The log has no field for texts; who adds one has to think of this test."""
    source = Path("engine/service/logs.py").read_text("utf-8")
    for name in ("message", "body", "text", "payload", "value"):
        assert f'    "{name}",' not in source
