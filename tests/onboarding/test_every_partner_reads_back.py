"""Every partner with its own files: what can be read back, and what that says."""

from engine.runtime.library import INSTALLED
from engine.runtime.reading_back import NO_LIST

UNREADABLE = {
    "casavi": {"contracts_mieter", "contracts_eigentuemer"},
    "everreal": {
        *("owners", "owners_ersatz", "property_groups"),
        *("properties", "properties_wirtschaftseinheit", "tenants"),
    },
    "immomio": {"economic_units", "units"},
    "quis": {"bestaende", "exposes", "hauseingaenge", "wohnungen"},
    "wohnungshelden": {"leerstaende"},
}
"""Entities of which no list is known; `connectors/partners/*.yaml` say why."""


def unread(desk):
    return UNREADABLE.get(desk.partner, set())


def test_what_cannot_be_read_is_named_for_partners_that_exist():
    folder = INSTALLED / "mappings" / "partners"
    assert all((folder / name).is_dir() for name in UNREADABLE)


def test_after_a_sync_nothing_has_drifted_and_what_is_not_read_is_said(town_desk):
    sent = town_desk.sync()
    found = town_desk.invoke("drift", "activation", "--json")
    assert found.code == 0, found.out + found.err
    drift = found.json()
    assert drift["findings"] == []
    for name, entity in drift["entities"].items():
        linked = sent["entities"][name]["create"] + sent["entities"][name]["update"]
        if name in unread(town_desk):
            assert entity["cannot_be_known"] == NO_LIST
            assert entity["unknown"] == linked
        else:
            assert entity["cannot_be_known"] is None
            assert (entity["same"], entity["not_shown"]) == (linked, []), (name, entity)


def test_with_a_lost_state_all_that_can_be_read_is_exact(town_desk, match):
    sent = town_desk.sync()
    town_desk.lose_the_state()
    town_desk.simulator.calls.clear()
    _, report = match(town_desk)
    assert town_desk.writes == 0
    for name, entity in report["entities"].items():
        new = sent["entities"][name]["create"] + sent["entities"][name]["update"]
        state = "unknown" if name in unread(town_desk) else "exact"
        states = ("exact", "probable", "ambiguous", "only_here", "only_there")
        counted = {s: entity[s] for s in (*states, "unknown") if entity[s]}
        assert counted == ({state: new} if new else {}), (name, entity)


def test_an_empty_partner_has_nothing_that_matches(town_desk, match):
    planned = town_desk.plan()
    _, report = match(town_desk)
    for name, entity in report["entities"].items():
        part = planned["entities"][name]
        state = "unknown" if name in unread(town_desk) else "only_here"
        # What comes into being with another record is an update of it.
        assert entity[state] == part["create"] + part["update"]
        assert entity["only_there"] == 0


def test_adopted_records_are_updated_and_none_is_created(town_desk, match):
    town_desk.sync()
    before = town_desk.picture()
    town_desk.lose_the_state()
    path, report = match(town_desk)
    adopted = town_desk.invoke("adopt", str(path), "--by", "Ada", "--json")
    assert adopted.code == 0, adopted.out + adopted.err
    done = adopted.json()["entities"]
    result = town_desk.sync()
    for name, part in result["entities"].items():
        if name not in unread(town_desk):
            exact = report["entities"][name]["exact"]
            assert (part["create"], part["update"]) == (0, exact), (name, part)
            assert done[name]["exact"] == exact
    assert town_desk.picture() == before
    assert town_desk.sync()["totals"]["update"] == 0
