"""Each partner with the engine and its own files: what holds for all of them."""

import csv
from itertools import count

import pytest
import sqlalchemy as sa

from engine.errors import UnreachableError
from engine.runtime.run import planned
from tools.simulator.templates import at

TROUBLE = {
    "drop_after": 0.05,
    "drop_before": 0.03,
    "500_after": 0.03,
    "500": 0.03,
    "429": 0.05,
    "expire_after_calls": 20,
}
MOST_RUNS = 30
LOOKED_UP = ["facilioo", "plentific", "idwell", "dormakaba", "pricehubble", "quis"]
SAID = "gibt es schon"


def tables(desk):
    return desk.simulator._simulation.store.tables


def accepted(result):
    """Return how many records of each entity are at the partner."""
    return {
        name: part["create"] + part["update"] + part["unchanged"]
        for name, part in result["entities"].items()
    }


def sync_until_done(desk):
    """Run until everything is accepted, as an operator whose partner is in trouble."""
    for _ in range(MOST_RUNS):
        try:
            if desk.sync()["totals"]["rejected"] == 0:
                return
        except UnreachableError:
            continue
    pytest.fail("is not done")


def test_something_is_accepted_in_every_entity_and_no_secret_is_left(town_desk):
    found = town_desk.invoke("sync", "activation", "--json")
    assert found.code == 0, found.out + found.err
    shown = town_desk.invoke("status", "activation", "--json")
    kept = b"".join(path.read_bytes() for path in town_desk.folder.glob("feldwerk.db*"))
    everything = (found.out + found.err + shown.out + shown.err).encode() + kept
    assert b"simulated-" not in everything
    for token in town_desk.simulator._simulation.gate._ends:
        assert token.removeprefix("Bearer ").encode() not in everything
    result = accepted(found.json())
    if town_desk.partner == "everreal":  # the settings take one of two
        assert result.pop("properties_wirtschaftseinheit") == 0
    assert min(result.values()) > 0, result
    assert set(town_desk.simulator.statuses) <= {200, 201, 204}


def test_second_sync_and_plan_call_nobody_and_a_lost_state_doubles_nothing(town_desk):
    first = town_desk.sync()
    before = town_desk.picture()
    town_desk.simulator.calls.clear()
    second = town_desk.sync()
    plan = town_desk.plan()
    assert not town_desk.simulator.calls
    assert second["totals"]["unchanged"] == sum(accepted(first).values())
    assert second["totals"] == plan["totals"]
    town_desk.lose_the_state()
    assert town_desk.sync()["totals"]["rejected"] == 0
    assert town_desk.picture() == before


def test_trouble_leaves_what_a_quiet_run_leaves(town_desk):
    town_desk.sync()
    wanted = town_desk.picture()
    town_desk.simulator.reset()
    town_desk.lose_the_state()
    town_desk.in_a_hurry()
    town_desk.simulator.faults(TROUBLE)
    sync_until_done(town_desk)
    assert town_desk.picture() == wanted


@pytest.mark.parametrize("partner", LOOKED_UP, indirect=True)
def test_ignored_filters_double_nothing(town_desk):
    town_desk.sync()
    wanted = town_desk.picture()
    town_desk.lose_the_state()
    town_desk.simulator.faults(ignore_filters=True, drop_after=0.1)
    sync_until_done(town_desk)
    assert town_desk.picture() == wanted


def test_those_with_a_lookup_are_all_tested(listening):
    for partner in LOOKED_UP:
        entities = listening(partner)._simulation.partner.entities.values()
        assert any("lookup" in entity.requests for entity in entities)


# -- refused by the partner


def forget_what_was_sent(desk):
    """Let every record look changed, though the partner has it."""
    engine = sa.create_engine(f"sqlite:///{desk.database}")
    with engine.begin() as db:
        assert db.execute(sa.text("UPDATE link SET digest = ''")).rowcount
    engine.dispose()


def rows_of(desk, entity):
    """Return the rows of a field table with their lines."""
    folder = desk.root / "mappings" / "partners" / desk.partner / "stammdaten"
    with (folder / f"{entity}.csv").open(encoding="utf-8", newline="") as file:
        return list(zip(count(2), csv.DictReader(file)))


def refusals(desk, plan):
    """Choose a record and a field for each entity, a personal one if there is one."""
    work = desk.activation().use_case.work
    for entity, part in plan["entities"].items():
        if not part["changes"]:
            continue
        fields = work.entity(entity).fields
        personal = {field.name for field in fields if getattr(field, "personal", False)}
        change = part["changes"][0]
        record = desk.records(desk.resources[entity])[change["id"]]
        names = [
            row["partner_field"]
            for _, row in rows_of(desk, entity)
            if not row["id_parts"] and not row["reference"]
        ]
        held = [n for n in names if type(at(record, n)) in (str, int)]
        name = min(held, key=lambda n: (n not in personal, held.index(n)))
        rule = {
            "entity": desk.resources[entity],
            "field": name,
            "value": at(record, name),
        }
        yield entity, change["key"], name in personal, rule


def test_a_refused_field_of_each_entity_is_a_reject_of_its_row(town_desk):
    first = town_desk.sync()
    chosen = list(refusals(town_desk, first))
    assert len(chosen) == sum(1 for part in accepted(first).values() if part)
    forget_what_was_sent(town_desk)
    rules = [{**rule, "message": f"{rule['value']} {SAID}"} for *_, rule in chosen]
    town_desk.simulator.faults(refuse=rules)
    second = town_desk.sync()
    for entity, key, is_personal, rule in chosen:
        rejected = second["entities"][entity]["rejected_records"]
        item = {item["key"]: item for item in rejected}[key]
        assert item["code"] == "D201"
        assert SAID in item["reason"]
        place, _, line = item["origin"].split(" ")[0].rpartition(":")
        assert place.endswith(f"/stammdaten/{entity}.csv"), item
        rows = dict(rows_of(town_desk, entity))
        assert rows[int(line)]["partner_field"] == rule["field"]
        assert (str(rule["value"]) not in item["reason"]) == is_personal, item


@pytest.mark.parametrize(
    "partner", ["aktivbo", "casavi", "dormakaba", "everreal", "idwell"], indirect=True
)
def test_refused_fields_go_when_they_may(town_desk):
    first = town_desk.sync()
    wanted = town_desk.picture()
    rules = [rule for *_, rule in refusals(town_desk, first)]
    town_desk.simulator.reset()
    town_desk.lose_the_state()
    town_desk.in_a_hurry()
    town_desk.simulator.faults(refuse=rules)
    assert town_desk.sync()["totals"]["rejected"] >= len(rules) // 2
    town_desk.simulator.faults(refuse=[])
    assert town_desk.sync()["totals"]["rejected"] == 0
    assert town_desk.picture() == wanted


@pytest.mark.parametrize("partner", ["everreal"], indirect=True)
def test_entities_of_one_resource_can_be_planned_any_number_of_times(town_desk):
    activation = town_desk.activation()
    totals = []
    for _ in range(12):
        with planned(activation) as plan:
            totals.append(plan.totals)
    assert all(total == totals[0] for total in totals)


# -- credentials


def test_wrong_credentials_end_the_run_and_stay_secret(town_desk, monkeypatch):
    file = town_desk.activation().file
    for reference in file.credentials.values():
        monkeypatch.setenv(reference.removeprefix("env:"), "geheim-4711")
    found = town_desk.invoke("sync", "activation", "--json")
    assert found.code == 4, found.out
    assert {problem["code"] for problem in found.json()["problems"]} == {"D101"}
    assert not town_desk.writes or set(town_desk.simulator.statuses) == {401}
    assert not any(table.records for table in tables(town_desk).values())
    assert "geheim-4711" not in found.out + found.err
    for path in town_desk.folder.glob("feldwerk.db*"):
        assert b"geheim-4711" not in path.read_bytes()


# -- more of the settings


def test_a_separator_that_addresses_know_arrives_as_it_is(town_desk):
    if "separator" not in (town_desk.use_case.get("settings") or {}):
        return
    town_desk.choose(separator="/")
    first = town_desk.sync()
    assert first["totals"]["rejected"] == 0
    assert set(town_desk.simulator.statuses) <= {200, 201, 204}
    for entity, part in first["entities"].items():
        ids = {change["id"] for change in part["changes"]}
        assert ids <= town_desk.records(town_desk.resources[entity]).keys()
    town_desk.simulator.calls.clear()
    town_desk.sync()
    assert not town_desk.simulator.calls


@pytest.mark.parametrize("partner", ["everreal"], indirect=True)
def test_wirtschaftseinheiten_are_properties_where_buildings_are_not(town_desk):
    town_desk.choose(erp_gebaeude_importieren=False)
    result = town_desk.sync()
    found = accepted(result)
    assert found.pop("properties_wirtschaftseinheit") == 3
    assert found.pop("properties") == found.pop("property_groups") == 0
    assert min(found.values()) > 0
    assert result["totals"]["rejected"] == 0


@pytest.mark.parametrize("partner", ["quis"], indirect=True)
def test_only_buildings_are_paid_for_where_no_more_is_wanted(town_desk):
    town_desk.choose(weitere_entitaeten=False)
    town_desk.sync()
    assert town_desk.records("property_groups").keys() == {
        "1-9001-01",
        "1-9001-02",
        "2-9002-01",
        "1-9003-01",
    }
    assert not town_desk.records("properties")


@pytest.mark.parametrize("partner", ["aktivbo"], indirect=True)
@pytest.mark.parametrize("size", [1, 2, 3, 500])
def test_a_batch_may_have_any_size(town_desk, size):
    path = town_desk.root / "connectors" / "partners" / "aktivbo.yaml"
    text = path.read_text("utf-8")
    assert "size: 500" in text
    path.write_text(text.replace("size: 500", f"size: {size}"), "utf-8")
    found = town_desk.sync()
    assert min(accepted(found).values()) > 3
    assert found["totals"]["rejected"] == 0
    assert town_desk.writes == sum(-(-n // size) for n in accepted(found).values())


# -- records of every kind of trap


def test_a_partner_refuses_nothing_of_what_the_traps_leave(partner, open_desk):
    desk = open_desk(partner, units=40, traps=True)
    desk.in_a_hurry()
    first = desk.sync()
    refused = {
        item["key"]: item["reason"]
        for part in first["entities"].values()
        for item in part["rejected_records"]
        if item["code"].startswith("D")
    }
    if partner == "idwell":  # three planted persons have the e-mail of another one
        assert all("this e-mail" in reason for reason in refused.values())
        assert len(refused) == 3
        return
    assert not refused
    desk.simulator.calls.clear()
    second = desk.sync()
    assert not desk.simulator.calls
    assert second["totals"]["rejected"] == first["totals"]["rejected"]
