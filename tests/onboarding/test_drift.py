"""Drift: what differs at the partner from what it accepted."""

import json

import pytest


def drift(desk, *words, code=1):
    found = desk.invoke("drift", "activation", "--json", *words)
    assert found.code == code, found.out + found.err
    return found.json()


def findings(report, state):
    return [item for item in report["findings"] if item["state"] == state]


@pytest.fixture
def synced(facilioo, own):
    """The village at facilioo, in step, and what changes it behind our back."""
    facilioo.in_a_hurry()
    facilioo.sync()
    facilioo.simulator.calls.clear()
    return facilioo, own(facilioo)


def test_what_somebody_edits_there_is_named_with_its_fields(synced):
    desk, own = synced
    key, unit = own.find("units", externalId="1-9001-01-0001")
    own.tables["units"].put(key, {**unit, "number": "WE 1", "livingArea": 7})
    report = drift(desk)
    (item,) = report["findings"]
    assert item["state"] == "changed_there"
    assert (item["entity"], item["our_id"]) == ("units", "1-9001-01-0001")
    assert [field["field"] for field in item["fields"]] == ["number", "livingArea"]
    assert item["fields"][0] == {"field": "number", "sent": "0001", "there": "WE 1"}
    assert report["entities"]["units"]["same"] == 4
    assert desk.writes == 0


def test_personal_values_are_masked_everywhere(synced, tmp_path):
    desk, own = synced
    own.edit("parties", lambda _: {"email": "neu@example.net", "city": "Neustadt"})
    out = tmp_path / "drift.json"
    report = drift(desk, "--out", str(out))
    fields = {f["field"]: f for i in report["findings"] for f in i["fields"]}
    assert fields["email"]["there"] == "***"
    shown = desk.invoke("drift", "activation").out
    for personal in ("neu@example.net", "Neustadt", "example.org", "Dorf"):
        assert personal not in out.read_text("utf-8") + json.dumps(report) + shown
    assert json.loads(out.read_text("utf-8")) == report


def test_what_is_deleted_there_is_missing_and_what_is_new_there_is_not_ours(synced):
    desk, own = synced
    key, unit = own.find("units", externalId="1-9001-01-0001")
    own.tables["units"].remove(key)
    other = own.copy("units", unit, externalId=None)
    report = drift(desk)
    assert [i["our_id"] for i in findings(report, "missing_there")] == [
        "1-9001-01-0001"
    ]
    assert [i["partner_id"] for i in findings(report, "only_there")] == [other]


def test_a_record_that_is_deleted_softly_is_missing(synced):
    desk, own = synced
    key, unit = own.find("units", externalId="1-9001-01-0001")
    own.tables["units"].put(key, {**unit, "deleted": "2026-01-01T00:00:00Z"})
    assert len(findings(drift(desk), "missing_there")) == 1


def test_another_spelling_is_no_drift(synced):
    desk, own = synced
    own.edit("unit_contracts", lambda c: {"start": (c.get("start") or "")[:10] or None})
    own.edit("units", lambda unit: {"livingArea": f"{unit['livingArea']:.2f}"})
    own.edit("parties", lambda party: {"mobile": party.get("mobile") or ""})
    assert drift(desk, code=0)["findings"] == []


def test_a_record_that_points_elsewhere_has_drifted(synced):
    desk, own = synced
    key, unit = own.find("units", externalId="1-9001-01-0001")
    sent = unit["entranceId"]
    there = next(other for other in own.tables["entrances"].records if other != sent)
    own.tables["units"].put(key, {**unit, "entranceId": there})
    (item,) = drift(desk)["findings"]
    assert item["fields"] == [{"field": "entranceId", "sent": sent, "there": there}]


def test_what_the_erp_has_changed_since_is_pending_and_no_drift(synced):
    desk, _ = synced
    where = {"mandant_nr": "1", "we_nr": "9001", "geb_nr": "01", "ve_nr": "0001"}
    desk.set("verwaltungseinheit", where, wohnflaeche="99,5")
    report = drift(desk, code=0)
    assert report["entities"]["units"]["pending"] == 1
    assert report["entities"]["units"]["same"] == 4


def test_a_record_that_was_merged_into_another_one_is_named(synced):
    desk, own = synced
    keep, _ = own.find("parties", email="ada@example.org")
    drop, _ = own.find("parties", email="max@example.org")
    simulation = desk.simulator._simulation
    simulation.special.operations["merge"](
        simulation.store, {"keep": keep, "drop": drop}
    )
    (item,) = findings(drift(desk), "changed_there")
    assert item["fields"][0] == {"field": "partner_id", "there": keep}


def test_after_a_lost_state_what_was_withdrawn_is_only_there(open_desk, town):
    desk = open_desk("aktivbo", source=town.folder)
    desk.sync()
    desk.lose_the_state()
    withdrawn = '[{"zweck": "analyse", "erteilt": false, "am": "2025-02-15"}]'
    desk.set("geschaeftspartner", {"gp_nr": town.ada}, einwilligungen=withdrawn)
    desk.sync()
    report = drift(desk)
    (item,) = findings(report, "only_there")
    assert item["entity"] == "tenants"
    assert town.ada in item["our_id"]
    assert report["entities"]["tenants"]["missing_there"] == 0


def test_repair_lets_the_next_sync_mend_it_and_nothing_else(synced):
    desk, own = synced
    fresh = desk.picture()
    key, unit = own.find("units", externalId="1-9001-01-0001")
    own.tables["units"].put(key, {**unit, "number": "WE 1"})
    gone, _ = own.find("units", externalId="1-9001-01-0002")
    own.tables["units"].remove(gone)
    assert drift(desk, "--repair")["repaired"] == 2
    with desk.own_state() as state:
        last = state.last_run()
    assert (last["kind"], last["state"]) == ("repair", "done")
    assert last["totals"] == {"missing_there": 1, "changed_there": 1}
    result = desk.sync()["totals"]
    assert (result["create"], result["update"]) == (1, 1)
    assert drift(desk, code=0)["entities"]["units"]["same"] == 5
    assert desk.picture() == fresh


def test_a_partner_that_fails_while_it_is_read_leaves_all_as_it_was(synced):
    desk, own = synced
    own.edit("tenants", lambda _: {"name": "anders"})
    only = {"only": ["POST /api/unit-contracts/search"]}
    desk.simulator.faults(only, page_cap=2, next=["ok", *["500"] * 20])
    found = desk.invoke("drift", "activation", "--repair")
    assert found.code == 4
    assert "D314" in found.err
    desk.simulator.faults(replace=True)
    assert desk.sync()["totals"]["update"] == 0


def test_records_named_by_us_are_compared_too(etg24, own):
    etg24.sync()
    partner = own(etg24)
    table = partner.tables["objektgruppen"]
    first, second, *_ = table.records
    table.put(first, {**table.records[first], "title": "anders"})
    table.remove(second)
    report = drift(etg24)
    changed, missing = (
        findings(report, state)[0] for state in ("changed_there", "missing_there")
    )
    assert (changed["our_id"], changed["fields"][0]["field"]) == (first, "title")
    assert missing["our_id"] == second
    assert drift(etg24, "--repair")["repaired"] == 2
    etg24.sync()
    assert drift(etg24, code=0)["findings"] == []


def test_records_below_others_are_compared_where_they_stand(open_desk, town, own):
    desk = open_desk("dormakaba", source=town.folder)
    desk.sync()
    partner = own(desk)
    key, tenant = next(iter(partner.tables["tenants"].records.items()))
    partner.tables["tenants"].put(key, {**tenant, "locale": "xx"})
    (item,) = drift(desk)["findings"]
    assert (item["entity"], item["partner_id"]) == ("tenants", key)
    assert [field["field"] for field in item["fields"]] == ["locale"]


def test_a_field_that_no_record_there_shows_is_no_drift(synced):
    desk, own = synced
    for key, unit in list(own.tables["units"].records.items()):
        hidden = {name: v for name, v in unit.items() if name != "livingArea"}
        own.tables["units"].put(key, hidden)
    report = drift(desk, code=0)
    assert report["entities"]["units"]["not_shown"] == ["livingArea"]
    assert (
        "not shown by the partner: livingArea" in desk.invoke("drift", "activation").out
    )
