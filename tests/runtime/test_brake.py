"""What would remove too much at once waits for a person; all else is sent."""

import json

import pytest


@pytest.fixture
def desk(open_desk):
    """A partner that ends tenancies, and a source that has lost half of them twice."""
    desk = open_desk("plentific", units=40)
    desk.in_a_hurry()
    desk.change(gone_after_runs=1)
    desk.sync()
    kept = desk.rows("mietvertrag_mieter")
    desk.edit("mietvertrag_mieter", lambda rows: rows[::2])
    desk.kept = kept
    return desk


def tenants(result):
    return result["entities"]["tenants"]


def stop_after(desk, calls):
    """Run until the partner lets nobody in any more, after some calls."""
    desk.simulator.faults(next=["ok"] * calls, retry_after_seconds=7200, **{"429": 1})
    assert desk.invoke("sync", "activation").code == 4
    desk.simulator.faults(replace=True)


def release(desk, plan, *more):
    words = ("release", plan, "--by", "Anna", "--reason", "Bestand verkauft", *more)
    return desk.invoke(*words)


def test_verdict_stands_in_the_plan(desk):
    plan = desk.plan()
    assert tenants(plan)["remove"] == 0
    assert tenants(plan)["held"] == len(tenants(plan)["held_changes"]) > 6
    assert plan["brake"]["held"]
    (first, *_) = plan["brake"]["verdicts"]
    assert (first["entity"], first["operation"]) == ("tenants", "remove")
    assert first["why"].startswith("more than 10% of")
    assert desk.invoke("plan", "activation").code == 3


def test_sync_sends_all_but_what_is_held(desk):
    desk.set("geschaeftspartner", {}, nachname="Neumann")
    result = desk.sync()
    assert tenants(result)["held"] > 6
    assert tenants(result)["update"] > 0
    assert any(r["last_name"] == "Neumann" for r in desk.records("tenants").values())
    with desk.own_state() as own:
        assert own.last_run()["state"] == "braked"
    assert desk.invoke("sync", "activation").code == 3


def test_released_plan_passes_once_and_who_let_it_is_kept(desk):
    plan = desk.sync()["brake"]["plan"]
    done = release(desk, plan, "--activation", str(desk.path))
    assert done.code == 0, done.err
    result = desk.sync()
    assert tenants(result)["held"] == 0
    assert tenants(result)["remove"] > 6
    assert result["brake"]["release"]["by"] == "Anna"
    assert result["brake"]["release"]["reason"] == "Bestand verkauft"
    desk.edit("mietvertrag_mieter", lambda rows: rows[::2])
    assert tenants(desk.sync())["held"] > 6


def test_release_is_good_for_that_plan_alone(desk):
    plan = desk.sync()["brake"]["plan"]
    release(desk, plan, "--activation", str(desk.path))
    desk.edit("mietvertrag_mieter", lambda rows: rows[::2])
    result = desk.sync()
    assert tenants(result)["held"] > 6
    assert result["brake"]["plan"] != plan


def test_saved_plan_can_be_released_and_applied(desk):
    file = desk.folder / "plan.json"
    assert desk.invoke("plan", "activation", "--out", str(file)).code == 3
    assert release(desk, str(file)).code == 0
    again = desk.folder / "released.json"
    assert desk.invoke("plan", "activation", "--out", str(again)).code == 0
    assert desk.invoke("apply", str(again)).code == 0
    assert tenants(desk.sync())["remove"] == tenants(desk.plan())["held"] == 0


def test_begun_release_still_counts_after_a_kill(desk):
    plan = desk.sync()["brake"]["plan"]
    release(desk, plan, "--activation", str(desk.path))
    stop_after(desk, 3)
    result = desk.sync()
    assert tenants(result)["held"] == 0
    assert tenants(result)["remove"] > 0


@pytest.mark.parametrize(
    ("limit", "held"),
    [
        ({"share": 1, "count": 1000}, False),
        ({"share": 0.01, "count": 1000, "at_least": 1000}, False),
        ({"share": 1, "count": 3}, True),
        ({"share": 0.01, "count": 1000}, True),
    ],
)
def test_activation_sets_share_and_count(desk, limit, held):
    desk.change(brake={"remove": limit})
    assert bool(tenants(desk.plan())["held"]) == held


def test_updates_are_limited_if_the_activation_says_so(desk):
    desk.edit("mietvertrag_mieter", lambda _: desk.kept)
    desk.edit(
        "geschaeftspartner", lambda rows: [{**r, "nachname": "Neu"} for r in rows]
    )
    assert desk.plan()["totals"]["held"] == 0
    desk.change(brake={"update": {"share": 0.2}})
    assert tenants(desk.plan())["held"] > 6


def test_brake_judges_each_mandant(open_desk):
    desk = open_desk("plentific", units=60, seed=7)
    desk.in_a_hurry()
    desk.change(gone_after_runs=1)
    desk.sync()
    rows = desk.rows("mietvertrag_mieter")
    mandanten = sorted({row["mandant_nr"] for row in rows})
    assert len(mandanten) > 1
    lost = mandanten[0]
    desk.edit(
        "mietvertrag_mieter", lambda rows: [r for r in rows if r["mandant_nr"] != lost]
    )
    desk.change(brake={"remove": {"share": 0.9, "at_least": 2}})
    plan = desk.plan()
    assert {v["mandant"] for v in plan["brake"]["verdicts"]} == {lost}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("release", "abc", "--by", "A", "--reason", "x"), "--activation"),
        (("release", "abc", "--by", "A", "--reason", "x", "--activation"), "no such"),
        (("release", "abc", "--by", " ", "--reason", "x", "--activation"), "a name"),
    ],
)
def test_wrong_release_is_refused(desk, words, says):
    path = [str(desk.path)] if words[-1] == "--activation" else []
    done = desk.invoke(*words, *path)
    assert done.code == 2
    assert "P003" in done.err
    assert says in done.err


def test_nothing_personal_stands_in_what_is_kept_of_a_plan(desk):
    desk.set("geschaeftspartner", {}, nachname="Unverwechselbar")
    file = desk.folder / "plan.json"
    desk.invoke("plan", "activation", "--out", str(file))
    desk.sync()
    assert b"Unverwechselbar" not in file.read_bytes()
    assert json.loads(file.read_text())["plan"]["totals"]["update"] > 0
    assert b"Unverwechselbar" not in desk.database.read_bytes()


def test_open_reject_of_a_record_that_is_held_stays_open(desk):
    plan = desk.sync()["brake"]["plan"]
    release(desk, plan, "--activation", str(desk.path))
    refuse = {"entity": "tenants", "field": "end_date", "pattern": ".", "message": "no"}
    desk.simulator.faults(refuse=[refuse])
    refused = tenants(desk.sync())["rejected"]
    assert refused > 6
    assert tenants(desk.sync())["held"] == refused
    with desk.own_state() as own:
        assert len(own.rejects()) == refused


def test_report_that_cannot_be_written_is_refused_before_anything_is_sent(desk):
    before = desk.simulator.calls.copy()
    done = desk.invoke("sync", "activation", "--html", str(desk.folder / "no" / "x"))
    assert (done.code, "P004" in done.err) == (2, True)
    assert desk.simulator.calls == before


def test_release_is_used_up_by_its_run(desk):
    lost = desk.rows("mietvertrag_mieter")
    release(desk, desk.sync()["brake"]["plan"], "--activation", str(desk.path))
    assert tenants(desk.sync())["remove"] > 6
    desk.edit("mietvertrag_mieter", lambda _: desk.kept)
    desk.sync()
    desk.edit("mietvertrag_mieter", lambda _: lost)
    again = desk.sync()
    assert (tenants(again)["remove"], again["brake"]["held"]) == (0, True)
    done = release(desk, again["brake"]["plan"], "--activation", str(desk.path))
    assert done.code == 0, done.err
    assert tenants(desk.sync())["remove"] > 6


def test_rest_of_a_released_run_takes_nothing_else_along(desk):
    desk.set("geschaeftspartner", {}, nachname="Neumann")
    file = desk.folder / "plan.json"
    desk.invoke("plan", "activation", "--out", str(file))
    assert release(desk, str(file)).code == 0
    stop_after(desk, 12)
    desk.edit("mietvertrag_mieter", lambda rows: rows[:2])
    assert tenants(desk.sync())["remove"] == 0


def test_what_has_ended_already_does_not_count_for_the_share(desk):
    release(desk, desk.sync()["brake"]["plan"], "--activation", str(desk.path))
    ended = tenants(desk.sync())["remove"]
    desk.edit("mietvertrag_mieter", lambda rows: rows[::2])
    (verdict, *_) = desk.plan()["brake"]["verdicts"]
    with desk.own_state() as own:
        assert verdict["of"] <= own.count_links("tenants") - ended


def test_released_plan_in_a_file_says_how_it_is_sent(desk):
    file = desk.folder / "plan.json"
    desk.invoke("plan", "activation", "--out", str(file))
    release(desk, str(file))
    done = desk.invoke("apply", str(file))
    assert (done.code, "feldwerk sync" in done.err) == (2, True)


def test_all_that_an_entity_has_is_held_if_it_is_gone_however_few(open_desk, town):
    desk = open_desk("plentific", source=town.folder)
    desk.in_a_hurry()
    desk.change(gone_after_runs=1)
    desk.sync()
    desk.edit("mietvertrag_mieter", lambda rows: [])
    verdicts = desk.plan()["brake"]["verdicts"]
    (why,) = (v["why"] for v in verdicts if v["entity"] == "tenants")
    assert why == "all 5 of them are gone"
