"""What the ERP no longer has is removed after some complete runs without it."""

from collections import Counter

import pytest


@pytest.fixture
def plentific(open_desk):
    desk = open_desk("plentific", units=12)
    desk.in_a_hurry()
    desk.sent = desk.sync()
    return desk


def drop_lease(desk):
    """Take a lease and its one tenant out of the source; return the tenant's key."""
    names = ("mandant_nr", "we_nr", "geb_nr", "ve_nr", "folge_nr")
    changes = desk.sent["entities"]["tenants"]["changes"]
    sent = {change["key"].rsplit("/", 3)[0]: change["key"] for change in changes}
    persons = Counter(change["key"].rsplit("/", 3)[0] for change in changes)
    leases = desk.rows("mietvertrag")
    alone = [r for r in leases if persons["/".join(r[n] for n in names)] == 1]
    last = alone[-1]

    def others(rows):
        return [row for row in rows if any(row[n] != last[n] for n in names)]

    desk.edit("mietvertrag", others)
    desk.edit("mietvertrag_mieter", others)
    return sent["/".join(last[name] for name in names)]


def gone(result, entity="tenants"):
    return {i["key"]: i for i in result["entities"][entity]["gone_records"]}


def test_gone_record_ends_in_the_second_complete_run(plentific):
    key = drop_lease(plentific)
    first = plentific.sync()
    assert first["entities"]["tenants"]["remove"] == 0
    assert gone(first)[key]["runs"] == 1
    assert "1 of 2 complete runs" in gone(first)[key]["reason"]
    second = plentific.sync()
    assert second["entities"]["tenants"]["remove"] == 1
    assert gone(second)[key]["reason"] == ""
    plentific.simulator.calls.clear()
    third = plentific.sync()
    assert third["totals"]["remove"] == third["entities"]["tenants"]["gone"] == 0
    assert plentific.writes == 0


def test_plan_counts_no_run(plentific):
    drop_lease(plentific)
    for _ in range(3):
        assert plentific.plan()["entities"]["tenants"]["remove"] == 0


def test_record_that_comes_back_is_not_gone_and_starts_anew(plentific, portfolio):
    kept = plentific.rows("mietvertrag"), plentific.rows("mietvertrag_mieter")
    drop_lease(plentific)
    plentific.sync()
    plentific.edit("mietvertrag", lambda _: kept[0])
    plentific.edit("mietvertrag_mieter", lambda _: kept[1])
    assert plentific.sync()["entities"]["tenants"]["gone"] == 0
    drop_lease(plentific)
    assert plentific.sync()["entities"]["tenants"]["remove"] == 0


def test_run_that_cannot_read_a_row_does_not_count(plentific):
    key = drop_lease(plentific)
    plentific.sync()
    broken = {**plentific.rows("mietvertrag_mieter")[0], "ve_nr": ""}
    plentific.edit("mietvertrag_mieter", lambda rows: [*rows, broken])
    result = plentific.sync()
    assert result["entities"]["tenants"]["remove"] == 0
    assert not result["entities"]["tenants"]["complete"]
    assert "cannot be read" in gone(result)[key]["reason"]
    plentific.edit("mietvertrag_mieter", lambda rows: rows[:-1])
    assert plentific.sync()["entities"]["tenants"]["remove"] == 1


def test_run_that_stops_does_not_count(plentific):
    drop_lease(plentific)
    plentific.sync()
    text = (plentific.erp / "verwaltungseinheit.csv").read_bytes()
    (plentific.erp / "verwaltungseinheit.csv").unlink()
    assert plentific.invoke("sync", "activation").code == 2
    (plentific.erp / "verwaltungseinheit.csv").write_bytes(text)
    with plentific.own_state() as own:
        portions = list(own.link_keys("tenants"))
        counted = [own.missing_runs("tenants", keys) for keys in portions]
    assert [n for runs in counted for n in runs.values() if n] == [1]


@pytest.mark.parametrize(("runs", "in_run"), [(1, 1), (3, 3)])
def test_activation_says_after_how_many_runs(plentific, runs, in_run):
    plentific.change(gone_after_runs=runs)
    drop_lease(plentific)
    removed = [plentific.sync()["entities"]["tenants"]["remove"] for _ in range(3)]
    assert removed.index(1) + 1 == in_run


def test_activation_may_remove_nothing_that_is_gone(plentific):
    plentific.change(gone_after_runs=0)
    drop_lease(plentific)
    assert [plentific.sync()["totals"]["remove"] for _ in range(3)] == [0, 0, 0]


def test_what_the_source_still_points_to_stays(open_desk, town):
    desk = open_desk("wohnungshelden", source=town.folder)
    desk.in_a_hurry()
    desk.change(gone_after_runs=1)
    desk.sync()
    offered = {"we_nr": "9001", "ve_nr": "0003"}
    like = next(row for row in desk.rows("mietvertrag") if row["ende"])
    desk.edit("mietvertrag", lambda rows: [*rows, {**like, **offered}])
    desk.edit(
        "verwaltungseinheit",
        lambda rows: [r for r in rows if any(r[n] != v for n, v in offered.items())],
    )
    result = desk.sync()
    (item,) = (i for e in result["entities"] for i in gone(result, e).values())
    assert "point to it" in item["reason"]


def test_left_out_by_a_rule_is_not_gone(plentific):
    plentific.change(settings={**plentific.examples, "mandanten_nummern": ["99"]})
    result = plentific.plan()
    assert result["totals"]["left_out"] > 0
    assert all(part["gone"] == 0 for part in result["entities"].values())


@pytest.mark.parametrize(
    ("partner", "entity", "lacks"),
    [
        ("kiwi", "tenancies", "starts_on"),
        ("spiribo", "contracts", "startDate"),
    ],
)
def test_what_cannot_be_ended_without_the_record_is_left_to_people(
    open_desk, partner, entity, lacks
):
    desk = open_desk(partner, units=12)
    desk.in_a_hurry()
    desk.change(gone_after_runs=1)
    desk.sync()
    lost = desk.rows("mietvertrag")[:3]
    names = ("mandant_nr", "we_nr", "geb_nr", "ve_nr", "folge_nr")
    keys = {tuple(row[name] for name in names) for row in lost}

    def others(rows):
        return [row for row in rows if tuple(row[n] for n in names) not in keys]

    desk.edit("mietvertrag", others)
    desk.edit("mietvertrag_mieter", others)
    result = desk.sync()
    reasons = [item["reason"] for item in gone(result, entity).values()]
    assert reasons
    assert all("by hand" in reason and lacks in reason for reason in reasons)
    assert result["totals"]["rejected"] == 0


def test_record_that_goes_on_under_another_key_is_not_removed(plentific):
    """The key of a tenant has the begin of his tenancy, his ID has not."""
    sent = plentific.records("tenants")
    plentific.edit(
        "mietvertrag_mieter",
        lambda rows: [
            {**row, "gueltig_von": row["gueltig_von"] and "02.01.2001"} for row in rows
        ],
    )
    for _ in range(3):
        result = plentific.sync()
        assert result["entities"]["tenants"]["remove"] == 0
        assert result["entities"]["tenants"]["gone"] == 0
    now = plentific.records("tenants")
    assert now.keys() == sent.keys()
    ends = [{key: row.get("end_date") for key, row in r.items()} for r in (sent, now)]
    assert ends[0] == ends[1]
    assert plentific.sync()["totals"]["update"] == 0


def test_changed_role_does_not_delete_the_person(open_desk, town):
    desk = open_desk("aktivbo", source=town.folder)
    desk.in_a_hurry()
    desk.sync()
    before = desk.records("tenants").keys()
    ended = {"gueltig_bis": "31.12.2024"}

    other = {"rolle": "mitmieter", "gueltig_von": "01.01.2025"}

    def other_role(rows):
        old, new = ([{**row, **change} for row in rows] for change in (ended, other))
        return [*old, *new]

    desk.edit("mietvertrag_mieter", other_role)
    for _ in range(3):
        assert desk.sync()["totals"]["remove"] == 0
    assert desk.records("tenants").keys() == before
