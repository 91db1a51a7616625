"""A saved plan is sent exactly, or it says what has changed since."""

import json

import pytest


@pytest.fixture
def desk(open_desk):
    desk = open_desk("etg24", units=12)
    desk.in_a_hurry()
    return desk


@pytest.fixture
def plan(desk):
    path = desk.folder / "plan.json"
    assert desk.invoke("plan", "activation", "--out", str(path)).code == 0
    return path


def refused(desk, plan):
    before = desk.simulator.calls.total()
    done = desk.invoke("apply", str(plan))
    assert done.code == 2, done.out
    assert "P002" in done.err
    assert desk.simulator.calls.total() == before
    return done.err


def test_saved_plan_is_sent(desk, plan):
    planned = json.loads(plan.read_text())["plan"]["totals"]
    done = desk.invoke("apply", str(plan), "--json")
    assert done.json()["totals"] == planned
    with desk.own_state() as own:
        assert own.last_run()["kind"] == "apply"
    assert desk.plan()["totals"]["create"] == 0


def test_applied_plan_is_out_of_date(desk, plan):
    desk.invoke("apply", str(plan))
    assert "the partner's state" in refused(desk, plan)


def test_changed_source_is_named(desk, plan):
    (first, *_) = desk.rows("geschaeftspartner")
    desk.set("geschaeftspartner", {"gp_nr": first["gp_nr"]}, nachname="Anders")
    assert "source: geschaeftspartner.csv has changed" in refused(desk, plan)


def test_all_that_has_changed_is_named_at_once(desk, plan):
    (desk.erp / "interessent.csv").write_text("partner;externe_id\n")
    table = desk.root / "mappings/partners/etg24/stammdaten/objekte.csv"
    table.write_text(table.read_text("utf-8") + "\n", "utf-8")
    desk.change(settings={"separator": "_"}, gone_after_runs=5)
    said = refused(desk, plan)
    assert "source: interessent.csv is new" in said
    assert "spec: mappings/partners/etg24/stammdaten/objekte.csv has changed" in said
    assert "settings: separator has changed" in said
    assert "activation: gone_after_runs has changed" in said


def test_plan_killed_in_the_middle_is_finished_by_a_sync(desk, plan):
    desk.simulator.faults(next=["ok"] * 7, retry_after_seconds=7200, **{"429": 1})
    assert desk.invoke("apply", str(plan)).code == 4
    desk.simulator.faults(replace=True)
    assert "create -> nothing" in refused(desk, plan)
    desk.sync()
    assert desk.plan()["totals"]["create"] == 0


@pytest.mark.parametrize("content", ["", "{}", '{"feldwerk_plan": 1}', "\x00", "[]"])
def test_file_that_is_no_plan_is_refused(desk, content):
    path = desk.folder / "other.json"
    path.write_text(content)
    done = desk.invoke("apply", str(path))
    assert (done.code, "P001" in done.err) == (2, True)


def test_plan_that_is_not_there_or_of_a_later_version_is_refused(desk, plan):
    assert "P001" in desk.invoke("apply", str(desk.folder / "nowhere")).err
    saved = {**json.loads(plan.read_text()), "feldwerk_plan": 99}
    plan.write_text(json.dumps(saved))
    assert "another version" in desk.invoke("apply", str(plan)).err


def test_plan_says_field_by_field_what_changes(desk):
    desk.sync()
    (first, *_) = desk.rows("gebaeude")
    where = {name: first[name] for name in ("mandant_nr", "we_nr", "geb_nr")}
    desk.set("gebaeude", where, strasse="Neue Straße", hausnummer="7")
    part = desk.plan()["entities"]["objekte"]
    (change,) = [c for c in part["changes"] if c["operation"] == "update"]
    assert sorted(change["fields"]) == sorted(part["fields"])
    assert change["fields"]
    assert part["mandanten"][first["mandant_nr"]]["update"] == 1


def test_plan_says_calls_minutes_and_what_it_cannot_know(desk):
    first = desk.plan()["forecast"]
    assert first["calls"]["total"] > 20
    assert first["minutes"] is None
    assert "no earlier run" in first["minutes_from"]
    calls = desk.simulator.calls
    calls.clear()
    desk.sync()
    assert desk.writes == first["calls"]["total"]
    desk.edit("gebaeude", lambda rows: [{**r, "strasse": "Anger"} for r in rows])
    later = desk.plan()["forecast"]
    assert later["minutes"] is not None
    assert later["minutes_from"] == "earlier runs"
    assert {s["certainty"] for s in later["sections"]} == {"known"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"plan": {}}, "P001"),
        ({"file": "a\0b"}, "P001"),
        ({"inputs": {}}, "P002"),
        ({"activation": "muster/etg24/stammdaten/production"}, "P002"),
        ({"changes": {}}, "P002"),
    ],
)
def test_edited_plan_is_refused(desk, plan, change, code):
    saved = {**json.loads(plan.read_text()), **change}
    plan.write_text(json.dumps(saved))
    done = desk.invoke("apply", str(plan))
    assert (done.code, code in done.err) == (2, True)
    assert not desk.simulator.calls


def test_applied_and_released_plans_say_so(desk, plan):
    desk.invoke("apply", str(plan))
    assert "have been sent already" in refused(desk, plan)


def test_report_into_a_folder_is_refused_before_anything_is_sent(desk):
    done = desk.invoke("sync", "activation", "--html", str(desk.folder))
    assert (done.code, "P004" in done.err) == (2, True)
    assert not desk.simulator.calls
