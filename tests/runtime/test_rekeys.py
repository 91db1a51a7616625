"""Records that would get other IDs: an alarm first, then what a person decides."""

import json

import pytest


@pytest.fixture
def facilioo_desk(open_desk):
    return rekeyed(open_desk("facilioo", units=6))


@pytest.fixture
def etg24_desk(open_desk):
    return rekeyed(open_desk("etg24", units=6))


def rekeyed(desk):
    """Sync, then change the separator of its IDs."""
    desk.in_a_hurry()
    desk.sync()
    desk.choose(separator="_")
    return desk


def alarm(desk):
    """Return the plan's name from the alarm, which sends nothing."""
    before = desk.simulator.calls.copy()
    done = desk.invoke("sync", "activation")
    assert done.code == 3
    assert "D303" in done.err
    assert desk.simulator.calls == before
    plan = desk.plan()
    assert plan["brake"]["plan"] in done.err
    return plan


def decide(desk, plan, *rekey):
    words = ["--by", "Anna", "--reason", "neue Trenner", "--activation", str(desk.path)]
    return desk.invoke("release", plan["brake"]["plan"], *words, *rekey)


def test_alarm_lists_old_and_new_ids(facilioo_desk):
    (first, *_) = alarm(facilioo_desk)["rekeys"]
    assert first["new_id"] == first["old_id"].replace("-", "_") != first["old_id"]


def test_restored_separator_ends_the_alarm(facilioo_desk):
    alarm(facilioo_desk)
    facilioo_desk.choose(separator="-")
    assert facilioo_desk.sync()["totals"]["update"] == 0


def test_partner_that_names_records_renames_them(facilioo_desk):
    before = {
        n: facilioo_desk.simulator.records(n)
        for n in set(facilioo_desk.resources.values())
    }
    plan = alarm(facilioo_desk)
    assert decide(facilioo_desk, plan, "--rekey", "migrate").code == 0
    result = facilioo_desk.sync()
    assert result["totals"]["create"] == result["totals"]["remove"] == 0
    after = {
        n: facilioo_desk.simulator.records(n)
        for n in set(facilioo_desk.resources.values())
    }
    assert {n: len(r) for n, r in after.items()} == {
        n: len(r) for n, r in before.items()
    }
    assert all("-" not in our_id for our_id in facilioo_desk.records("units"))
    assert facilioo_desk.sync()["totals"]["update"] == 0


def test_partner_that_keeps_our_ids_removes_and_creates(etg24_desk):
    plan = alarm(etg24_desk)
    refused = decide(etg24_desk, plan, "--rekey", "migrate")
    assert refused.code == 2
    assert "cannot be renamed" in refused.err


def test_decision_that_cannot_be_carried_out_names_every_entity(etg24_desk):
    plan = alarm(etg24_desk)
    refused = decide(etg24_desk, plan, "--rekey", "recreate")
    assert "objekte cannot be removed" in refused.err


def test_no_decision_is_no_release(facilioo_desk):
    refused = decide(facilioo_desk, alarm(facilioo_desk))
    assert refused.code == 2
    assert "--rekey" in refused.err


def test_records_are_removed_and_made_anew(open_desk, town):
    desk = rekeyed(open_desk("wohnungshelden", source=town.folder))
    before = len(desk.records("leerstaende"))
    plan = alarm(desk)
    assert decide(desk, plan, "--rekey", "recreate").code == 0
    result = desk.sync()
    assert result["totals"]["replace"] == before > 0
    assert len(desk.records("leerstaende")) == before
    assert all("-" not in our_id for our_id in desk.records("leerstaende"))
    assert desk.sync()["totals"]["replace"] == 0


def test_decision_stands_when_its_run_is_broken_off(facilioo_desk):
    decide(facilioo_desk, alarm(facilioo_desk), "--rekey", "migrate")
    facilioo_desk.simulator.faults(
        next=["ok"] * 9, retry_after_seconds=7200, **{"429": 1}
    )
    assert facilioo_desk.invoke("sync", "activation").code == 4
    facilioo_desk.simulator.faults(replace=True)
    assert facilioo_desk.sync()["totals"]["create"] == 0
    assert all("-" not in our_id for our_id in facilioo_desk.records("units"))


def test_release_without_a_decision_lets_no_other_id_pass(etg24_desk):
    file = etg24_desk.folder / "plan.json"
    etg24_desk.invoke("plan", "activation", "--out", str(file))
    saved = json.loads(file.read_text("utf-8"))
    saved["plan"]["rekeys"] = []  # somebody has edited it
    file.write_text(json.dumps(saved), "utf-8")
    words = ("release", str(file), "--by", "Eve", "--reason", "x")
    assert etg24_desk.invoke(*words).code == 0
    before = etg24_desk.simulator.calls.copy()
    done = etg24_desk.invoke("sync", "activation")
    assert (done.code, "D303" in done.err) == (3, True)
    assert etg24_desk.simulator.calls == before


def test_broken_off_decision_is_good_for_its_separator_alone(facilioo_desk):
    decide(facilioo_desk, alarm(facilioo_desk), "--rekey", "migrate")
    facilioo_desk.simulator.faults(
        next=["ok"] * 9, retry_after_seconds=7200, **{"429": 1}
    )
    assert facilioo_desk.invoke("sync", "activation").code == 4
    facilioo_desk.simulator.faults(replace=True)
    facilioo_desk.choose(separator=".")
    assert facilioo_desk.invoke("sync", "activation").code == 3
