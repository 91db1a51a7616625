"""Settings and prerequisites: which records go, and what a plan says of the others."""

import pytest

COUNTS = (
    "held",
    *("create", "update", "replace", "remove"),
    *("unchanged", "left_out", "rejected"),
)


@pytest.fixture(params=["etg24", "facilioo"])
def here(request):
    """The village at each partner in turn."""
    return request.getfixturevalue(request.param)


def left_out(plan, entity, key):
    items = plan["entities"][entity]["left_out_records"]
    (item,) = [item for item in items if item["key"] == key]
    return item


def tenants(desk):
    return {"etg24": "mieter", "facilioo": "parties"}[desk.partner]


@pytest.mark.parametrize("separator", ["-", "_", ".", "/", "|"])
def test_separator_stands_between_the_numbers(here, separator):
    here.change(settings={"separator": separator})
    here.sync()
    units = {"etg24": "einheiten", "facilioo": "units"}[here.partner]
    assert separator.join(["1", "9001", "02", "0001"]) in here.records(units)


def test_number_that_holds_the_separator_is_rejected_and_no_other(here):
    here.set("verwaltungseinheit", {"we_nr": "9003"}, ve_nr="A.1")
    for entity in ("eigentuemervertrag", "eigentuemervertrag_eigentuemer"):
        here.set(entity, {"we_nr": "9003"}, ve_nr="A.1")
    here.change(settings={"separator": "."})
    plan = here.plan()
    units = {"etg24": "einheiten", "facilioo": "units"}[here.partner]
    (item,) = plan["entities"][units]["rejected_records"]
    assert (item["key"], item["code"]) == ("1/9003/01/A.1", "R202")
    assert plan["entities"][units]["create"] == 4


def test_only_the_chosen_mandanten_are_sent(here):
    here.change(settings={"mandanten_nummern": "2"})
    here.sync()
    groups = {"etg24": "objektgruppen", "facilioo": "tenants"}[here.partner]
    assert here.records(groups).keys() == {"2-9002"}
    assert not here.records(tenants(here))


@pytest.mark.parametrize("typed", ["1, 2", "1;2", "1 2", [1, 2], ["1", "2"]])
def test_mandanten_may_be_typed_in_any_way(here, typed):
    here.change(settings={"mandanten_nummern": typed})
    plan = here.plan()
    assert plan["warnings"] == []
    assert plan["totals"] == here_without_filter(here)


def here_without_filter(desk):
    desk.change(settings={})
    return desk.plan()["totals"]


def test_number_of_no_mandant_is_a_warning(here):
    here.change(settings={"mandanten_nummern": "1, 77"})
    plan = here.plan()
    assert plan["warnings"] == [
        "setting mandanten_nummern: '77' does not occur in the source"
    ]


def test_zeros_of_a_mandant_count(here):
    here.change(settings={"mandanten_nummern": "01"})
    plan = here.plan()
    assert plan["totals"]["create"] == 0
    assert len(plan["warnings"]) == 1


def test_tenant_without_email_is_left_out_by_its_rule(here, village):
    item = left_out(here.plan(), tenants(here), village.theo)
    assert (item["code"], item["rule"]) == ("R301", "mieter_email")
    assert item["chain"] == []
    assert item["reason"].startswith("Es werden nur Mieter mit einer hinterlegten")


@pytest.mark.parametrize("written", ["keine", "theo(at)example.org", "theo@", "*---*"])
def test_text_that_is_no_email_counts_as_none(here, village, written):
    here.set("geschaeftspartner", {"gp_nr": village.theo}, emails=written)
    item = left_out(here.plan(), tenants(here), village.theo)
    assert item["rule"] == "mieter_email"


def test_lease_without_a_mailable_tenant_is_left_out_with_its_chain(etg24, village):
    item = left_out(etg24.plan(), "mietvertraege", "1/9001/01/0002/01")
    assert (item["code"], item["rule"]) == ("R302", "mieter_email")
    assert item["chain"] == [
        f"mietvertrag_mieter 1/9001/01/0002/01/{village.theo}/hauptmieter/",
        f"mieter {village.theo}",
    ]


def test_contract_of_a_tenant_without_email_is_left_out_with_its_chain(
    facilioo, village
):
    key = f"1/9001/01/0002/01/{village.theo}/hauptmieter/"
    item = left_out(facilioo.plan(), "unit_contracts_mieter", key)
    assert (item["code"], item["rule"]) == ("R302", "mieter_email")
    assert item["chain"] == [f"mieter {village.theo}"]


def test_lease_with_one_mailable_tenant_stays(etg24, village):
    etg24.sync()
    assert "1-9001-01-0003-01" in etg24.records("mietvertraege")
    assert village.mia in etg24.records("mieter")
    assert village.tim not in etg24.records("mieter")


def test_other_tenant_of_a_lease_has_no_contract_without_email(facilioo, village):
    facilioo.sync()
    contracts = facilioo.records("unit_contracts")
    assert f"1-9001-01-0003-01-{village.mia}" in contracts
    assert f"1-9001-01-0003-01-{village.tim}" not in contracts


def test_owner_without_email_is_sent(here, village):
    here.sync()
    owners = {"etg24": "eigentuemer", "facilioo": "parties"}[here.partner]
    assert "email" not in here.records(owners)[village.otto]
    assert "emailAddress" not in here.records(owners)[village.otto]


def test_unit_without_a_tenant_is_sent(here):
    here.sync()
    units = {"etg24": "einheiten", "facilioo": "units"}[here.partner]
    assert "1-9001-01-0002" in here.records(units)


def test_owner_who_is_a_tenant_without_email_goes_as_owner_alone(facilioo, village):
    facilioo.set("geschaeftspartner", {"gp_nr": village.eva}, emails="")
    facilioo.sync()
    eva = facilioo.records("parties")[village.eva]
    contracts = facilioo.records("unit_contracts").values()
    assert [c["typeId"] for c in contracts if c["partyId"] == eva["id"]] == [3]


def test_tenant_who_loses_the_email_later_stays_at_the_partner(here, village):
    here.sync()
    here.simulator.calls.clear()
    here.set("geschaeftspartner", {"gp_nr": village.ada}, emails="")
    plan = here.sync()
    assert left_out(plan, tenants(here), village.ada)["rule"] == "mieter_email"
    assert plan["totals"]["remove"] == 0
    assert village.ada in here.records(tenants(here))


def test_tenant_who_gets_an_email_goes_with_lease_and_all(here, village):
    here.sync()
    here.set("geschaeftspartner", {"gp_nr": village.theo}, emails="theo@example.org")
    plan = here.sync()
    assert plan["totals"]["create"] == 2
    assert village.theo in here.records(tenants(here))


@pytest.mark.parametrize("verb", ["plan", "sync"])
def test_plan_and_sync_have_one_shape(here, verb):
    found = here.plan() if verb == "plan" else here.sync()
    assert found["activation"] == here.name
    assert set(found["totals"]) == set(COUNTS)
    for part in found["entities"].values():
        assert {*COUNTS, "label", "gone"} <= part.keys()
        sent = [c["operation"] for c in part["changes"]]
        assert sent.count("create") == part["create"]
        assert sent.count("update") == part["update"]
        for name in ("left_out", "rejected"):
            assert len(part[f"{name}_records"]) == part[name]
            for item in part[f"{name}_records"]:
                assert {"key", "code", "rule", "reason", "chain"} <= item.keys()
    for name in COUNTS:
        total = sum(part[name] for part in found["entities"].values())
        assert found["totals"][name] == total


def test_what_a_sync_reports_is_what_its_plan_said(here):
    planned = here.plan()
    assert here.sync() == planned
