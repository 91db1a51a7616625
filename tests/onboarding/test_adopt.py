"""Adoption: what a person accepts is linked, and never created again."""

import openpyxl
import pytest
import sqlalchemy as sa

from engine.runtime.database import run_table
from tools.portfolio.site import BUILDING


def links(desk):
    with desk.own_state() as state:
        names = [entity["name"] for entity in desk.use_case["entities"]]
        return {name: state.count_links(name) for name in names}


def runs(desk):
    with desk.own_state() as state, state.engine.connect() as db:
        query = sa.select(run_table).order_by(run_table.c.id)
        return [dict(row) for row in db.execute(query).mappings()]


def adopted(desk, path, *words, code=0):
    found = desk.invoke("adopt", str(path), "--by", "Ada Beck", "--json", *words)
    assert found.code == code, found.out + found.err
    return found.json()["entities"] if code == 0 else found.json()["problems"]


def decide(path, decisions):
    """Write into the columns of a workbook, by entity and our id."""
    book = openpyxl.load_workbook(path)
    sheet = book["records"]
    names = [cell.value for cell in sheet[1]]
    left = dict(decisions)
    for row in sheet.iter_rows(min_row=2):
        cells = dict(zip(names, row, strict=True))
        said = left.pop((cells["entity"].value, cells["our_id"].value), {})
        for name, value in said.items():
            cells[name].value = value
    assert not left
    book.save(path)


@pytest.fixture
def foreign(facilioo, own):
    """The village at facilioo, typed in by hand; also what a sync made of it before."""
    facilioo.in_a_hurry()
    facilioo.sync()
    fresh = facilioo.picture()
    partner = own(facilioo)
    units = partner.tables["units"].records
    facilioo.unit_keys = {unit["externalId"]: key for key, unit in units.items()}
    partner.forget_our_ids()
    partner.edit("units", lambda unit: {"livingArea": 1})
    partner.edit("parties", lambda p: {"secondaryName": p["secondaryName"].upper()})
    facilioo.lose_the_state()
    facilioo.simulator.calls.clear()
    return facilioo, partner, fresh


def test_adopted_records_end_as_those_of_an_empty_partner(foreign, match, state_url):
    desk, _, fresh = foreign
    desk.change(state=state_url)
    path, _ = match(desk)
    adopted(desk, path, "--probable")
    assert desk.writes == 0
    result = desk.sync()
    assert result["totals"]["create"] == 0
    assert result["totals"]["update"] == sum(links(desk).values())
    assert desk.picture() == fresh
    assert desk.sync()["totals"]["update"] == 0


def test_without_probable_only_exact_ones_are_adopted(foreign, match, own):
    desk, partner, _ = foreign
    table = partner.tables["units"]
    key = desk.unit_keys["1-9001-01-0001"]
    table.put(key, {**table.records[key], "externalId": "1-9001-01-0001"})
    path, _ = match(desk)
    done = adopted(desk, path)
    assert (done["units"]["exact"], done["units"]["not_accepted"]) == (1, 4)
    assert links(desk)["units"] == 1
    assert sum(links(desk).values()) == 1


def test_who_has_adopted_how_many_is_recorded(foreign, match):
    desk, _, _ = foreign
    path, report = match(desk)
    adopted(desk, path, "--probable")
    (run,) = runs(desk)
    assert (run["kind"], run["state"]) == ("adopt", "done")
    assert (run["plan_id"], run["person"]) == (report["digest"], "Ada Beck")
    assert run["totals"]["probable"] == sum(links(desk).values())
    assert desk.invoke("status", "activation").code == 0


def test_a_person_decides_in_the_workbook(foreign, match):
    desk, partner, _ = foreign
    key, eva = partner.find("parties", email="eva@example.org")
    twin = partner.copy("parties", eva)
    path, _ = match(desk, ".xlsx")
    decisions = {
        ("parties", "0000900003"): {"partner_id": str(twin)},
        ("parties", "0000900001"): {"accept": "yes"},
        ("parties", "0000900002"): {"accept": "no"},
    }
    decide(path, decisions)
    done = adopted(desk, path)
    assert done["parties"]["decided"] == 1
    assert done["parties"]["probable"] == 1
    assert done["parties"]["refused"] == 1
    assert done["parties"]["not_accepted"] == 2
    with desk.own_state() as state:
        found = state.links("parties", ["0000900001", "0000900003"])
    assert found["0000900003"].partner_id == twin != key
    assert found["0000900001"].partner_id == 1


def test_no_refuses_even_with_probable(foreign, match):
    desk, _, _ = foreign
    path, _ = match(desk, ".xlsx")
    decide(path, {("tenants", "1-9001"): {"accept": "Nein"}})
    done = adopted(desk, path, "--probable")
    assert (done["tenants"]["refused"], done["tenants"]["probable"]) == (1, 2)


def test_all_decisions_that_cannot_be_used_are_said_at_once(foreign, match):
    desk, partner, _ = foreign
    _, eva = partner.find("parties", email="eva@example.org")
    partner.copy("parties", eva)
    _, mia = partner.find("parties", email="mia@example.org")
    partner.copy("parties", mia)
    path, _ = match(desk, ".xlsx")
    decide(path, {("parties", "0000900003"): {"accept": "perhaps"}})
    (problem,) = adopted(desk, path, code=2)
    assert (problem["code"], problem["column"]) == ("D313", "accept")
    said = {"accept": None, "partner_id": "4711"}
    decide(
        path,
        {("parties", "0000900003"): said, ("parties", "0000900004"): said},
    )
    problems = adopted(desk, path, code=2)
    assert {problem["code"] for problem in problems} == {"D313"}
    assert len(problems) == 3  # no candidate, and twice the same
    assert sum(links(desk).values()) == 0


def test_two_of_ours_cannot_become_one_of_theirs(open_desk, match, village, own):
    desk = open_desk("facilioo", source=village.folder)
    desk.sync()
    partner = own(desk)
    partner.forget_our_ids("units")
    # Two units of ours with one number, and two there.
    partner.edit("units", lambda unit: {"number": "1", "entranceId": 1})
    desk.lose_the_state()
    desk.set("verwaltungseinheit", {}, bezeichnung="x")
    path, report = match(desk, ".xlsx")
    assert report["entities"]["units"]["only_here"] == 5
    assert adopted(desk, path)["units"]["exact"] == 0


@pytest.mark.parametrize("kind", ["deleted", "added", "changed"])
def test_a_report_of_another_day_at_the_partner_is_refused(foreign, match, kind):
    desk, partner, _ = foreign
    path, _ = match(desk)
    key, eva = partner.find("parties", email="eva@example.org")
    match kind:
        case "deleted":
            partner.tables["parties"].remove(key)
        case "added":
            partner.copy("parties", eva)
        case "changed":
            partner.tables["parties"].put(key, {**eva, "email": "other@example.org"})
    (problem,) = adopted(desk, path, "--probable", code=3)
    assert problem["code"] == "D312"
    assert "have changed since" in problem["message"]
    assert runs(desk) == []
    assert sum(links(desk).values()) == 0


def test_a_report_of_another_activation_or_spec_is_refused(foreign, match):
    desk, _, _ = foreign
    path, _ = match(desk)
    desk.change(customer="another")
    (problem,) = adopted(desk, path, code=3)
    assert "made for activation muster/facilioo/stammdaten/test" in problem["message"]
    desk.change(customer="muster")
    spec = desk.root / "mappings/partners/facilioo/stammdaten/use_case.yaml"
    text = spec.read_text("utf-8").replace("version: 1.", "version: 2.", 1)
    spec.write_text(text, "utf-8")
    (problem,) = adopted(desk, path, code=3)
    assert "made for version 1." in problem["message"]


@pytest.mark.parametrize(
    "content", [b"{}", b"[", b'{"report": "feldwerk match", "rows": [1]}']
)
@pytest.mark.parametrize("suffix", [".json", ".xlsx"])
def test_what_is_no_report_is_refused(facilioo, tmp_path, content, suffix):
    path = tmp_path / f"other{suffix}"
    path.write_bytes(content)
    (problem,) = adopted(facilioo, path, code=2)
    assert problem["code"] == "D311"
    (problem,) = adopted(facilioo, tmp_path / "none.json", code=2)
    assert "no such file" in problem["message"]


def test_what_the_erp_has_changed_since_is_not_adopted(foreign, match):
    desk, _, _ = foreign
    path, _ = match(desk)
    desk.edit(
        "wirtschaftseinheit",
        lambda rows: [
            {**row, "bezeichnung": "neu"} if row["we_nr"] == "9002" else row
            for row in rows
        ],
    )
    done = adopted(desk, path, "--probable")["tenants"]
    assert (done["probable"], done["known"]) == (2, 1)


def test_a_partner_that_fails_while_it_is_read_leaves_nothing_adopted(foreign, match):
    desk, _, _ = foreign
    path, _ = match(desk)
    only = {"only": ["POST /api/unit-contracts/search"]}
    desk.simulator.faults(only, page_cap=2, next=["ok", *["500"] * 20])
    (problem,) = adopted(desk, path, "--probable", code=4)
    assert problem["code"] == "D314"
    assert runs(desk) == []
    assert sum(links(desk).values()) == 0
    desk.simulator.faults(replace=True)
    adopted(desk, path, "--probable")
    assert desk.sync()["totals"]["create"] == 0


def test_an_adoption_that_dies_in_the_middle_is_repeated(foreign, match):
    desk, _, fresh = foreign
    path, _ = match(desk)
    stop = (
        "CREATE TRIGGER stop BEFORE INSERT ON link WHEN NEW.entity = 'units' AND"
        " (SELECT COUNT(*) FROM link WHERE entity = 'units') >= 2"
        " BEGIN SELECT RAISE(ABORT, 'the plug is pulled'); END"
    )
    with desk.own_state() as state, state.engine.begin() as db:
        db.exec_driver_sql(stop)
    adopted(desk, path, "--probable", code=4)
    half = links(desk)
    assert (half["tenants"], half["units"]) == (3, 0)
    with desk.own_state() as state, state.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER stop")
    done = adopted(desk, path, "--probable")
    assert (done["tenants"]["known"], done["units"]["probable"]) == (3, 5)
    assert [run["state"] for run in runs(desk)] == ["broken_off", "done"]
    assert desk.sync()["totals"]["create"] == 0
    assert desk.picture() == fresh


def test_it_is_repeated_where_records_stand_below_others_too(
    open_desk, town, own, match
):
    desk = open_desk("dormakaba", source=town.folder)
    desk.sync()
    own(desk).forget_our_ids()
    desk.lose_the_state()
    path, report = match(desk)
    stop = (
        "CREATE TRIGGER stop BEFORE INSERT ON link WHEN NEW.entity = 'contracts'"
        " BEGIN SELECT RAISE(ABORT, 'the plug is pulled'); END"
    )
    with desk.own_state() as state, state.engine.begin() as db:
        db.exec_driver_sql(stop)
    adopted(desk, path, "--probable", code=4)
    with desk.own_state() as state, state.engine.begin() as db:
        db.exec_driver_sql("DROP TRIGGER stop")
    adopted(desk, path, "--probable")
    assert links(desk) == {
        name: entity["probable"] for name, entity in report["entities"].items()
    }
    assert desk.sync()["totals"]["create"] == 0


def test_an_adoption_has_a_name(facilioo, match):
    path, _ = match(facilioo)
    assert facilioo.invoke("adopt", str(path)).code == 2
    assert facilioo.invoke("adopt", str(path), "--by", " ").code == 2


def test_while_another_process_runs_nothing_is_adopted(foreign, match):
    desk, _, _ = foreign
    path, _ = match(desk)
    with desk.own_state() as state, state.exclusive():
        (problem,) = adopted(desk, path, code=2)
    assert problem["code"] == "D301"


def test_ids_of_others_beside_an_adopted_record_stay(foreign, match):
    desk, partner, _ = foreign
    parties = partner.tables["parties"]
    key, _ = partner.find("parties", email="eva@example.org")
    parties.set_list(key, ["CRM-7", "CRM-8"])
    path, _ = match(desk)
    adopted(desk, path, "--probable")
    desk.sync()
    assert parties.lists[key] == ["CRM-7", "CRM-8", "0000900003"]


def test_what_stands_below_a_parent_that_is_not_adopted_waits(
    open_desk, town, own, match
):
    desk = open_desk("dormakaba", source=town.folder)
    desk.sync()
    fresh = desk.picture()
    partner = own(desk)
    partner.forget_our_ids("sites")
    desk.lose_the_state()
    path, report = match(desk)
    assert report["entities"]["sites"]["probable"] > 0
    done = adopted(desk, path)
    below = ("buildings", "rental_properties", "contracts", "tenants")
    for name in below:
        assert done[name]["exact"] == 0
        assert done[name]["waits"] == report["entities"][name]["exact"] > 0
    done = adopted(desk, path, "--probable")
    assert min(done[name]["exact"] for name in below) > 0
    assert desk.sync()["totals"]["create"] == 0
    assert desk.picture() == fresh


def test_records_named_by_us_are_linked_and_never_renamed(etg24, own, match):
    etg24.sync()
    partner = own(etg24)
    partner.rename("objektgruppen", lambda our_id: f"alt {our_id}")
    etg24.lose_the_state()
    path, report = match(etg24)
    groups = report["entities"]["objektgruppen"]["probable"]
    assert groups > 0
    done = adopted(etg24, path, "--probable")
    assert done["objektgruppen"]["cannot_be_renamed"] == groups
    units = done["einheiten"]["exact"]
    assert units == report["entities"]["einheiten"]["exact"] > 0
    result = etg24.sync()["entities"]
    assert result["objektgruppen"]["create"] == groups
    assert (result["einheiten"]["create"], result["einheiten"]["update"]) == (0, units)


def test_what_came_into_being_with_another_record_is_adopted_with_it(foreign, match):
    desk, _, _ = foreign
    path, report = match(desk)
    entrances = (row for row in report["rows"] if row["entity"] == "entrances")
    rows = {row["our_id"]: row for row in entrances}
    house = "-".join(BUILDING[name] for name in ("mandant_nr", "we_nr", "geb_nr"))
    assert rows[house]["fields"] == ["properties"]
    adopted(desk, path, "--probable")
    result = desk.sync()["entities"]["entrances"]
    assert (result["create"], result["update"]) == (0, 4)
