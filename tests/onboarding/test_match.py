"""Matching with records that the partner has of its own."""

import json

import openpyxl
import pytest

from engine.runtime.alike import differing, folded, spelled
from tools.simulator.answers import Refusal


def figures(report, name):
    """Return the figures of an entity that are not 0."""
    counts = report["entities"][name]
    return {k: v for k, v in counts.items() if v and not isinstance(v, bool | str)}


def rows(report, state, entity=None):
    return [
        row
        for row in report["rows"]
        if row["state"] == state and entity in (None, row["entity"])
    ]


@pytest.fixture
def foreign(facilioo, own):
    """The village at facilioo, where somebody has typed all of it in."""
    facilioo.sync()
    partner = own(facilioo)
    partner.forget_our_ids()
    facilioo.lose_the_state()
    facilioo.simulator.calls.clear()
    return facilioo, partner


def test_records_without_our_ids_are_found_by_their_fields(foreign, match):
    desk, _ = foreign
    _, report = match(desk)
    for name in report["entities"]:
        assert set(figures(report, name)) == {"probable"}, name
    assert desk.writes == 0
    eva = next(r for r in rows(report, "probable", "parties") if r["partner_id"] == 3)
    assert eva["fields"] == ["email", "secondaryName"]


def test_another_spelling_is_the_same(foreign, match):
    desk, own = foreign

    def typed_in(party):
        return {
            "email": (party.get("email") or "").upper() or None,
            "secondaryName": f"  {party['secondaryName'].upper()} ",
        }

    own.edit("parties", typed_in)
    own.edit("properties", lambda p: {"street": p["street"].replace("ß", "ss")})
    own.edit("tenants", lambda tenant: {"name": tenant["name"].lower()})
    _, report = match(desk)
    assert set(figures(report, "parties")) == {"probable"}
    assert set(figures(report, "properties")) == {"probable"}
    assert set(figures(report, "tenants")) == {"probable"}


def test_what_carries_our_id_is_exact_whatever_else_it_says(facilioo, own, match):
    facilioo.sync()
    own(facilioo).edit("units", lambda _: {"number": "?", "entranceId": 1})
    facilioo.lose_the_state()
    _, report = match(facilioo)
    assert figures(report, "units") == {"exact": 5}
    assert rows(report, "exact", "units")[0]["fields"] == ["externalId"]


def test_a_twin_there_is_ambiguous_and_names_both(foreign, match):
    desk, own = foreign
    key, record = own.find("parties", email="eva@example.org")
    twin = own.copy("parties", record)
    _, report = match(desk)
    (row,) = rows(report, "ambiguous", "parties")
    assert row["our_id"] == "0000900003"
    assert sorted(row["candidates"]) == [key, twin]
    # Of her contract nobody knows whose it is before that is decided.
    assert figures(report, "unit_contracts_eigentuemer") == {
        "probable": 1,
        "only_here": 1,
        "only_there": 2,  # hers as an owner, and hers as a tenant
    }


def test_two_records_with_one_id_of_ours_are_ambiguous(facilioo, own, match):
    facilioo.sync()
    partner = own(facilioo)
    key, record = partner.find("units", externalId="1-9001-01-0001")
    twin = partner.copy("units", record)
    facilioo.lose_the_state()
    _, report = match(facilioo)
    (row,) = rows(report, "ambiguous", "units")
    assert (row["fields"], sorted(row["candidates"])) == (["externalId"], [key, twin])


def test_a_surer_alternative_goes_before_a_weaker_one(foreign, match):
    desk, own = foreign
    _, ada = own.find("parties", email="ada@example.org")
    # Somebody else with her address: only the name tells them apart.
    own.copy("parties", ada, secondaryName="Sonst", primaryName="Wer")
    _, report = match(desk)
    assert figures(report, "parties") == {"probable": 5, "only_there": 1}


def test_records_below_others_are_found_where_their_parents_match(
    open_desk, town, own, match
):
    desk = open_desk("dormakaba", source=town.folder)
    desk.sync()
    partner = own(desk)
    partner.forget_our_ids()
    desk.lose_the_state()
    _, report = match(desk)
    for name in report["entities"]:
        assert set(figures(report, name)) == {"probable"}, name


def test_records_below_what_does_not_match_are_only_here(open_desk, town, own, match):
    desk = open_desk("dormakaba", source=town.folder)
    desk.sync()
    partner = own(desk)
    partner.forget_our_ids()
    partner.edit("sites", lambda _: {"displayName": "anders"})
    desk.lose_the_state()
    _, report = match(desk)
    assert set(figures(report, "sites")) == {"only_here", "only_there"}
    for name in set(report["entities"]) - {"sites"}:
        assert set(figures(report, name)) == {"only_here"}, name


def test_records_named_by_us_under_other_ids_are_told_apart(etg24, own, match):
    etg24.sync()
    partner = own(etg24)
    partner.rename("objekte", lambda our_id: our_id.replace("-", "/"))
    partner.edit(
        "einheiten",
        lambda unit: {"objektExtId": unit["objektExtId"].replace("-", "/")},
    )
    partner.rename("einheiten", lambda our_id: our_id.replace("-", "/"))
    etg24.lose_the_state()
    _, report = match(etg24)
    assert set(figures(report, "objektgruppen")) == {"exact"}
    assert set(figures(report, "objekte")) == {"probable"}
    # A unit there points to the id that its building has there.
    assert set(figures(report, "einheiten")) == {"probable"}
    shown = etg24.invoke("match", "activation")
    assert "objekte: kept under our IDs" in shown.out
    assert "cannot be renamed" in " ".join(shown.out.split())


def test_one_of_many_ids_beside_a_record_is_found_although_no_list_shows_it(
    facilioo, own, match
):
    facilioo.sync()
    parties = own(facilioo).tables["parties"]
    for key, ours in list(parties.lists.items()):
        parties.set_list(key, ["CRM-1", *ours])
    facilioo.lose_the_state()
    _, report = match(facilioo)
    assert figures(report, "parties") == {"exact": 5}


def test_linked_records_are_no_candidates(facilioo, match):
    facilioo.sync()
    _, report = match(facilioo)
    assert figures(report, "units") == {"linked": 5}
    assert report["rows"] == []


def test_a_report_has_no_personal_values(foreign, match, tmp_path):
    desk, own = foreign
    _, eva = own.find("parties", email="eva@example.org")
    own.copy("parties", eva)
    for suffix in (".json", ".xlsx"):
        path, report = match(desk, suffix)
        found = json.dumps(report)
        if suffix == ".xlsx":
            sheets = openpyxl.load_workbook(path).worksheets
            found += str([[c.value for row in s for c in row] for s in sheets])
        for personal in ("Dorf", "example.org", "Ada", "3920011"):
            assert personal not in found


def test_a_key_that_looks_like_a_formula_is_text_in_a_workbook(facilioo, own, match):
    facilioo.sync()
    partner = own(facilioo)
    _, unit = partner.find("units", externalId="1-9001-01-0001")
    partner.copy("units", unit, externalId="1-9001-01-0001")
    facilioo.set("verwaltungseinheit", {"ve_nr": "0002"}, ve_nr="=1+1")
    facilioo.lose_the_state()
    path, _ = match(facilioo, ".xlsx")
    sheet = openpyxl.load_workbook(path)["records"]
    cells = [cell for row in sheet for cell in row if "=1+1" in str(cell.value)]
    assert cells
    assert {cell.data_type for cell in cells} == {"s"}


def test_a_partner_that_fails_between_two_pages_is_no_report(facilioo, tmp_path):
    facilioo.in_a_hurry()
    facilioo.sync()
    facilioo.lose_the_state()
    pages = {"page_cap": 2, "only": ["POST /api/units/search"]}
    facilioo.simulator.faults(pages, next=["ok", *["500"] * 20])
    path = tmp_path / "report.json"
    found = facilioo.invoke("match", "activation", "--out", str(path))
    assert found.code == 4
    said = " ".join(found.err.split())
    assert "[units] D314: muster/facilioo/stammdaten/test: reading units back" in said
    assert "it answers 500" in said
    assert not path.exists()


def test_a_partner_that_lets_nobody_read_is_said_for_that_entity(facilioo, match):
    facilioo.sync()
    facilioo.lose_the_state()
    special = facilioo.simulator._simulation.special

    def refuse(entity, record):
        if entity == "units":
            raise Refusal(403, "FORBIDDEN", "Not for you.")
        return record

    special.show = refuse
    try:
        _, report = match(facilioo)
    finally:
        del special.show
    assert report["entities"]["units"]["cannot_be_read"] == "the partner answers 403"
    assert figures(report, "units") == {"unknown": 5}
    assert figures(report, "tenants") == {"exact": 3}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Straße 1 a", "strasse1a"),
        ("STRASSE 1A", "strasse1a"),
        ("Mu\u0308ller", "mueller"),
        ("+49 (171) 1234567", "+491711234567"),
        ("01067", "01067"),
        (1.50, "1.5"),
        ("2020-01-01T00:00:00Z", "2020-01-01"),
        ("", None),
        (None, None),
        (False, "false"),
    ],
)
def test_a_value_is_folded_to_what_people_mean(value, expected):
    assert folded(value) == expected


@pytest.mark.parametrize(
    ("sent", "there", "same"),
    [
        (1, 1.0, True),
        (1, "1.00", True),
        ("007", "7", False),
        ("007", 7, False),
        ("2020-01-01", "2020-01-01T00:00:00.000Z", True),
        ("2020-01-01T00:00:00+01:00", "2020-01-01", True),
        ("2020-01-01T10:00:00Z", "2020-01-01T11:00:00+01:00", True),
        ("2020-01-01", "2020-01-02", False),
        (None, "", True),
        ([], None, True),
        ([1, 2], [2, 1], True),
        ([1], [1, 1], False),
        ([{"a": 1}], [{"a": 1, "id": 9}], True),
        ("Ada", "ada", False),
    ],
)
def test_another_spelling_of_a_value_is_no_drift(sent, there, same):
    assert (not list(differing({"x": sent}, {"x": there}))) is same


def test_a_missing_field_is_a_null():
    assert list(differing({"a": None, "b": {"c": None}}, {})) == []
    assert spelled(" ") is None
