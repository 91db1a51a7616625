"""Properties name their units and units stand in their properties: two phases."""

import pytest
from test_kills import Runner

REFUSED = {"entity": "units", "field": "number", "value": "0002"}


@pytest.fixture
def casavi(open_desk, town):
    desk = open_desk("casavi", source=town.folder)
    desk.in_a_hurry()
    return desk


def units_of(desk, property_id="1-9001"):
    """Return the units that a property names, of all its addresses."""
    addresses = desk.records("properties")[property_id]["addresses"]
    return {unit for one in addresses for unit in one.get("units") or ()}


def in_all(desk):
    return {unit for key in desk.records("properties") for unit in units_of(desk, key)}


def puts(desk, resource):
    """Return how many PUTs went to one kind of record."""
    return sum(
        number
        for label, number in desk.simulator.calls.items()
        if label.startswith(f"PUT /{resource}/") and "contracts" not in label
    )


def test_a_property_is_sent_before_its_units_and_again_with_them(casavi):
    seen = []
    special = casavi.simulator._simulation.special
    whole = special.saved

    def saved(store, entity, record, *, is_new):
        seen.append((entity, record))
        whole(store, entity, record, is_new=is_new)

    special.saved = saved
    try:
        casavi.sync()
    finally:
        del special.saved
    kinds = [entity for entity, _ in seen]
    assert [kind for kind in kinds if kind in ("properties", "units")] == (
        ["properties"] * 2 + ["units"] * 4 + ["properties"] * 2
    )
    first, last = seen[:2], seen[-2:]
    for (_, without), (_, with_units) in zip(first, last, strict=True):
        assert not any(one.get("units") for one in without["addresses"])
        assert all(one["units"] for one in with_units["addresses"])


def test_buildings_with_one_street_are_one_address_with_all_units(casavi):
    casavi.sync()
    (address,) = casavi.records("properties")["1-9001"]["addresses"]
    assert address["street"] == "Lindenweg 4"
    assert sorted(address["units"]) == [
        "1-9001-01-0001",
        "1-9001-01-0002",
        "1-9001-02-0001",
    ]


def test_what_was_sent_twice_counts_once(casavi):
    result = casavi.sync()
    properties = result["entities"]["properties"]
    assert (properties["create"], properties["update"]) == (2, 0)
    assert puts(casavi, "properties") == 4


def test_a_property_goes_without_a_unit_that_the_partner_refuses(casavi):
    casavi.simulator.faults(refuse=[REFUSED])
    result = casavi.sync()
    (unit,) = result["entities"]["units"]["rejected_records"]
    assert unit["key"] == "1/9001/01/0002"
    assert result["entities"]["properties"]["rejected"] == 0
    assert units_of(casavi) == {"1-9001-01-0001", "1-9001-02-0001"}


def test_a_property_is_completed_when_its_unit_passes(casavi):
    casavi.simulator.faults(refuse=[REFUSED])
    casavi.sync()
    casavi.simulator.faults(refuse=[])
    result = casavi.sync()
    assert result["totals"]["rejected"] == 0
    assert units_of(casavi) == {"1-9001-01-0001", "1-9001-01-0002", "1-9001-02-0001"}
    casavi.simulator.calls.clear()
    casavi.sync()
    assert not casavi.simulator.calls


def test_a_run_in_which_the_unit_is_refused_again_leaves_the_property_alone(casavi):
    casavi.simulator.faults(refuse=[REFUSED])
    casavi.sync()
    before = casavi.picture()
    casavi.simulator.calls.clear()
    result = casavi.sync()
    assert result["totals"]["rejected"] > 0
    assert puts(casavi, "units") == 1
    assert casavi.picture() == before


def test_a_property_that_is_refused_with_its_units_is_tried_again(casavi):
    rule = {"entity": "properties", "field": "addresses.units", "pattern": "9001"}
    casavi.simulator.faults(refuse=[rule])
    result = casavi.sync()
    assert result["entities"]["properties"]["rejected"] == 1
    assert units_of(casavi) == set()
    casavi.simulator.faults(refuse=[])
    assert casavi.sync()["totals"]["rejected"] == 0
    assert len(units_of(casavi)) == 3


def test_a_new_unit_is_added_to_a_property_that_is_known(casavi):
    casavi.sync()
    vacant = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0003"}
    for file in ("mietvertrag", "mietvertrag_mieter"):
        casavi.edit(file, lambda rows: [*rows, {**rows[0], **vacant}])
    casavi.simulator.calls.clear()
    result = casavi.sync()
    assert result["totals"]["rejected"] == 0
    assert "1-9001-01-0003" in units_of(casavi)
    assert result["entities"]["properties"]["update"] == 1


@pytest.mark.parametrize("more", [-1, 0])
def test_killed_between_the_phases_all_properties_are_completed(casavi, more):
    casavi.change(state="undisturbed.db")
    casavi.sync()
    wanted = casavi.picture()
    whole = casavi.simulator.calls.total()
    casavi.simulator.reset()
    casavi.change(state="disturbed.db")
    casavi.simulator.faults(latency_seconds=0.01)
    runner = Runner(casavi)
    # The last two calls are the second phase.
    most = whole - 2 + more
    assert runner.run(most_calls=most) is None
    assert not in_all(casavi) or most >= whole - 2
    runner.sync_until_done()
    assert casavi.picture() == wanted


@pytest.mark.parametrize("fault", ["drop_after", "500_after"])
def test_an_answer_lost_in_the_second_phase_costs_nothing(casavi, fault):
    casavi.sync()
    wanted = casavi.picture()
    casavi.simulator.reset()
    casavi.lose_the_state()
    casavi.simulator.faults({fault: 0.3})
    while casavi.sync()["totals"]["rejected"]:
        pass
    assert casavi.picture() == wanted
