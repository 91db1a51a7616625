"""
A partner that fails in the middle of a run: the run says so and ends, and the next one
brings partner and source into step, with nothing lost and nothing doubled.
"""

from functools import cache, partial

import pytest
import yaml

from connectors.clock import Clock
from connectors.transport import Session

FIRST = 6
"""The calls from this one on are the partner's bad time."""
HOURS = 10 * 3600.0
ANSWERS = [
    ("slow_head", True), ("slow_head", False), ("slow_body", True),
    ("slow_error", True), ("slow_error", False), ("large_error", False),
    ("endless_error", True), ("endless_body", True), ("bomb", True),
    ("many_headers", True), ("no_http", False), ("dropped", True), ("dropped", False),
]  # fmt: skip
"""What the partner says, and whether it has done what it was asked to."""
MUCH = {"endless_body", "bomb"}


def impatient(desk, **changes):
    """Let the connector file give up soon."""
    desk.in_a_hurry()
    path = desk.root / "connectors" / "partners" / f"{desk.partner}.yaml"
    connector = yaml.safe_load(path.read_text("utf-8"))
    connector["error_handler"]["max_attempts"] = 2
    path.write_text(yaml.safe_dump({**connector, **changes}), "utf-8")


def budget(desk):
    path = desk.root / "connectors" / "partners" / f"{desk.partner}.yaml"
    return yaml.safe_load(path.read_text("utf-8"))["api_budget"]


@pytest.fixture(scope="module")
def undisturbed(set_up, tmp_path_factory, village):
    """Return what a partner holds of the village when nothing went wrong."""

    @cache
    def found(partner):
        desk = set_up(tmp_path_factory.mktemp("good"), partner, source=village.folder)
        desk.sync()
        return desk.picture()

    return found


@pytest.fixture(params=["etg24", "facilioo"])
def troubled(request, open_desk, village, wire_kit, undisturbed):
    """An activation whose calls take a middleman, and what the partner is to hold."""
    expected = undisturbed(request.param)
    desk = open_desk(request.param, source=village.folder)
    impatient(desk)
    with wire_kit.between(desk.simulator.base_url) as middleman:
        desk.change(base_url=middleman.base_url)
        yield desk, middleman, expected
    desk.simulator.reset()


def assert_in_step(desk, middleman, expected):
    """Run once more, undisturbed: now the partner holds everything, once."""
    middleman.script_of = lambda _: None
    impatient(desk)
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == 0, found.err
    assert desk.picture() == expected
    totals = desk.plan()["totals"]
    sent = ("create", "update", "replace", "remove", "rejected")
    assert [totals[name] for name in sent] == [0] * 5


def assert_told(found, *words):
    """The command says what happened, to people."""
    assert "Traceback" not in found.out + found.err
    for word in words:
        assert word in found.err


@pytest.mark.parametrize(("name", "done"), ANSWERS)
def test_wicked_answers_in_mid_run_lose_and_double_nothing(
    troubled, wire_kit, name, done
):
    desk, middleman, expected = troubled
    if name.startswith("slow"):
        impatient(desk, timeout_seconds=0.05)
    script = wire_kit.scripts[name]
    bad = range(FIRST, FIRST + (1 if name in MUCH else 3))
    middleman.script_of = lambda n: (script, done) if n in bad else None
    found = desk.invoke("sync", "activation")
    assert found.code in (0, 1, 4)
    assert_told(found)
    assert_in_step(desk, middleman, expected)


def test_a_partner_that_is_gone_for_hours_ends_the_run(troubled, wire_kit):
    desk, middleman, expected = troubled
    port = middleman.server_port

    def gone(_wicked, _send):
        middleman.socket.close()  # who connects now is refused

    middleman.script_of = lambda n: (gone, False) if n >= FIRST else None
    found = desk.invoke("sync", "activation")
    assert found.code == 4
    assert_told(found, "D102")
    with desk.own_state() as state:
        assert state.last_run()["state"] == "stopped"
    kept = desk.simulator.writes
    assert kept > 0
    again = desk.invoke("sync", "activation")
    assert again.code == 4
    assert_told(again, "D102", "no connection", "Check the base URL and the network")
    assert desk.simulator.writes == kept
    with wire_kit.between(desk.simulator.base_url, port) as back:
        assert_in_step(desk, back, expected)


def test_a_partner_that_asks_for_hours_is_left_in_peace(troubled, wire_kit):
    desk, middleman, expected = troubled
    concurrency = budget(desk)["concurrency"]
    pause = wire_kit.answering(503, b"", "Retry-After: 7200", "Connection: close")
    middleman.script_of = lambda n: (pause, False) if n >= FIRST else None
    found = desk.invoke("sync", "activation")
    assert found.code == 4
    assert_told(found, "D102", "asks to wait 120 minutes")
    assert middleman.calls < FIRST + concurrency
    assert_in_step(desk, middleman, expected)


UNITS = {"etg24": "PUT /einheiten/{{ id }}", "facilioo": "POST /api/units"}


@pytest.mark.parametrize(("name", "route"), UNITS.items())
def test_a_partner_that_fails_at_everything_is_not_hammered(open_desk, name, route):
    desk = open_desk(name)
    impatient(desk)
    desk.simulator.faults({"500": 1.0}, only=[route])
    found = desk.invoke("sync", "activation")
    assert found.code == 4
    assert_told(found, "D102", "fails at every record")
    assert desk.simulator.calls[route] < 30
    desk.simulator.faults(replace=True)
    assert desk.invoke("sync", "activation").code == 0
    totals = desk.plan()["totals"]
    assert [totals[name] for name in ("create", "update", "remove")] == [0] * 3


def test_access_that_is_taken_away_in_mid_run_ends_it(troubled, wire_kit):
    desk, middleman, expected = troubled
    concurrency = budget(desk)["concurrency"]
    no = wire_kit.answering(401, b"{}", "Connection: close")
    middleman.script_of = lambda n: (no, False) if n >= FIRST else None
    found = desk.invoke("sync", "activation")
    assert found.code == 4
    assert_told(found, "D101", "refuses the credentials")
    # Each thread may have a call under way; one logs in, and that is all.
    assert middleman.calls <= FIRST + concurrency + 1
    assert_in_step(desk, middleman, expected)


def test_a_token_that_is_revoked_in_mid_run_is_followed_by_a_login(troubled, wire_kit):
    desk, middleman, expected = troubled
    if desk.partner == "etg24":
        return  # its key never changes
    told = []

    def revoked(n):
        if n == FIRST:
            desk.simulator.expire_tokens()
            told.append(n)

    middleman.script_of = revoked
    assert desk.invoke("sync", "activation").code == 0
    assert told
    assert desk.simulator.calls["POST /api/auth/login"] == 2
    assert_in_step(desk, middleman, expected)


@pytest.fixture
def jumping(monkeypatch):
    """Return the hours by which the clock of the calls is wrong, to be changed."""
    wrong = {"seconds": 0.0}
    true = Clock()
    clock = Clock(epoch=lambda: true.epoch() + wrong["seconds"])
    session = partial(Session, clock=clock)
    monkeypatch.setattr("engine.runtime.run.Session", session)
    return wrong


@pytest.mark.parametrize("seconds", [HOURS, -HOURS], ids=["forward", "back"])
def test_a_clock_that_jumps_in_mid_run_changes_nothing(troubled, jumping, seconds):
    desk, middleman, expected = troubled

    def jump(n):
        jumping["seconds"] = seconds if n >= FIRST else 0.0

    middleman.script_of = jump
    found = desk.invoke("sync", "activation")
    assert found.code == 0, found.err
    assert desk.picture() == expected
    logins = desk.simulator.calls["POST /api/auth/login"]
    renewed = logins + desk.simulator.calls["POST /api/auth/refresh"]
    assert renewed == (0 if desk.partner == "etg24" else 1 + (seconds > 0))
    assert_in_step(desk, middleman, expected)


@pytest.mark.parametrize("seconds", [HOURS, -HOURS], ids=["fast", "slow"])
def test_a_wait_until_a_moment_is_that_of_the_partners_clock(
    troubled, wire_kit, jumping, seconds
):
    """Retry-After as a date is no longer a wait because our clock is wrong."""
    desk, middleman, expected = troubled
    jumping["seconds"] = seconds
    date = "Sat, 01 Mar 2025 12:00:00 GMT"
    busy = wire_kit.answering(
        429, b"", f"Date: {date}", f"Retry-After: {date}", "Connection: close"
    )
    middleman.script_of = lambda n: (busy, False) if n == FIRST else None
    found = desk.invoke("sync", "activation")
    assert found.code == 0, found.err
    assert_in_step(desk, middleman, expected)


def test_a_record_with_an_absurd_id_is_rejected_alone(open_desk, village):
    desk = open_desk("etg24", source=village.folder)
    desk.edit("verwaltungseinheit", lambda rows: [*rows, absurd(rows[0])])
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == 1, found.err
    assert found.json()["totals"]["rejected"] == 1
    with desk.own_state() as state:
        (reject,) = state.rejects()
    assert reject["code"] == "D207"
    assert "too long" in reject["message"]
    assert len(desk.records("einheiten")) == len(desk.rows("verwaltungseinheit")) - 1


def absurd(row):
    return {**row, "ve_nr": "9" * 9_000}
