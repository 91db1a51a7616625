"""The partner refuses a record: it is a reject, the others go, it may come later."""

import pytest


def refuse(desk, entity, field, value, message="is refused"):
    rule = {"entity": entity, "field": field, "value": value, "message": message}
    desk.simulator.faults(refuse=[rule])


def rejected(result, entity):
    items = result["entities"][entity]["rejected_records"]
    return {item["key"]: item for item in items}


def sent(desk):
    return sum(
        len(desk.simulator.records(entity))
        for entity in desk.simulator._simulation.store.tables
    )


class TestEtg24:
    def test_refused_record_is_a_reject_with_the_partners_words(self, etg24):
        refuse(etg24, "einheiten", "number", "0002", "Die Nummer ist vergeben.")
        result = etg24.sync()
        item = rejected(result, "einheiten")["1/9001/01/0002"]
        assert item["code"] == "D201"
        assert "Die Nummer ist vergeben." in item["reason"]
        assert item["origin"].startswith("mappings/partners/etg24/stammdaten/einheiten")
        row = int(item["origin"].split(":")[1].split(" ")[0])
        path = etg24.root / "mappings/partners/etg24/stammdaten/einheiten.csv"
        assert path.read_text("utf-8").splitlines()[row - 1].startswith("number,")

    def test_records_that_point_to_a_refused_one_wait(self, etg24):
        etg24.set("geschaeftspartner", {"emails": ""}, emails="da@example.org")
        refuse(etg24, "einheiten", "number", "0002")
        result = etg24.sync()
        lease = rejected(result, "mietvertraege")["1/9001/01/0002/01"]
        assert lease["code"] == "R206"
        assert "1-9001-01-0002" in lease["reason"]
        assert "einheiten" in lease["reason"]

    def test_person_waits_for_the_lease_that_waits(self, etg24, village):
        etg24.set("geschaeftspartner", {"emails": ""}, emails="da@example.org")
        refuse(etg24, "einheiten", "number", "0002")
        person = rejected(etg24.sync(), "mieter")[village.theo]
        assert person["code"] == "R206"
        assert "mietvertraege 1-9001-01-0002-01" in person["reason"]

    def test_all_other_records_go(self, etg24):
        refuse(etg24, "einheiten", "number", "0002")
        result = etg24.sync()
        assert result["totals"]["rejected"] == 1
        assert result["totals"]["create"] == sent(etg24)

    def test_refused_update_leaves_what_the_partner_has(self, etg24):
        etg24.sync()
        refuse(etg24, "objekte", "title", "Neu")
        etg24.set("gebaeude", {"we_nr": "9002"}, bezeichnung="Neu")
        result = etg24.sync()
        assert list(rejected(result, "objekte")) == ["2/9002/01"]
        assert etg24.records("objekte")["2-9002-01"]["title"] == "Prüfhaus"

    def test_refused_update_is_sent_again(self, etg24):
        etg24.sync()
        refuse(etg24, "objekte", "title", "Neu")
        etg24.set("gebaeude", {"we_nr": "9002"}, bezeichnung="Neu")
        etg24.sync()
        etg24.simulator.faults(refuse=[])
        assert etg24.sync()["totals"]["update"] == 1
        assert etg24.records("objekte")["2-9002-01"]["title"] == "Neu"


class TestFacilioo:
    def test_refused_record_is_a_reject_with_the_partners_words(self, facilioo):
        refuse(facilioo, "properties", "name", "Prüfhaus", "Der Name ist zu schlicht.")
        items = rejected(facilioo.sync(), "properties")
        item = items["1/9001/01"]
        assert item["code"] == "D201"
        assert "Der Name ist zu schlicht." in item["reason"]
        assert "properties.csv:" in item["origin"]

    def test_all_that_stands_below_a_refused_record_waits(self, facilioo):
        refuse(facilioo, "tenants", "number", "9003")
        result = facilioo.sync()
        below = {
            "properties": "1/9003/01",
            "entrances": "1/9003/01",
            "units": "1/9003/01/0001",
        }
        for entity, key in below.items():
            item = rejected(result, entity)[key]
            assert item["code"] == "R206"
            assert item["reason"].startswith("waits for ")
        contracts = rejected(result, "unit_contracts_eigentuemer")
        assert {item["code"] for item in contracts.values()} == {"R206"}
        assert len(contracts) == 2

    def test_entrance_does_not_appear_without_its_building(self, facilioo):
        refuse(facilioo, "tenants", "number", "9003")
        facilioo.sync()
        assert "1-9003-01" not in facilioo.records("entrances")

    def test_refused_person_holds_back_the_contracts_alone(self, facilioo, village):
        refuse(facilioo, "parties", "primaryName", "Ada")
        result = facilioo.sync()
        key = f"1/9001/01/0001/01/{village.ada}/hauptmieter/"
        assert list(rejected(result, "parties")) == [village.ada]
        assert list(rejected(result, "unit_contracts_mieter")) == [key]
        assert result["totals"]["rejected"] == 2


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request):
    return request.getfixturevalue(request.param)


def refuse_a_group(desk):
    entity, field, value = {
        "etg24": ("objektgruppen", "title", "Prüfbestand 9003"),
        "facilioo": ("tenants", "name", "Prüfbestand 9003"),
    }[desk.partner]
    refuse(desk, entity, field, value)


def test_what_was_refused_and_what_waited_goes_when_it_may(desk):
    refuse_a_group(desk)
    first = desk.sync()
    desk.simulator.faults(refuse=[])
    second = desk.sync()
    assert second["totals"]["rejected"] == 0
    done = second["totals"]["create"] + second["totals"]["update"]
    assert done == first["totals"]["rejected"]


def test_rejects_are_kept_until_they_pass(desk):
    refuse_a_group(desk)
    result = desk.sync()
    with desk.own_state() as state:
        assert len(state.rejects()) == result["totals"]["rejected"]
    desk.simulator.faults(refuse=[])
    desk.sync()
    with desk.own_state() as state:
        assert state.rejects() == []


def test_refused_records_make_the_exit_code_1(desk):
    refuse_a_group(desk)
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == 1
    assert found.json()["totals"]["rejected"] > 0


def test_second_sync_sends_refused_records_and_no_other(desk):
    refuse_a_group(desk)
    desk.sync()
    desk.simulator.calls.clear()
    desk.sync()
    assert desk.writes == 1


def test_personal_values_in_the_partners_words_are_masked(desk, village):
    entity, field = {
        "etg24": ("mieter", "lastName"),
        "facilioo": ("parties", "secondaryName"),
    }[desk.partner]
    said = (
        "DorfAda mit ada@example.org und +491713920011 gibt es schon in 01067 Dresden"
    )
    refuse(desk, entity, field, "DorfAda", said)
    (item,) = rejected(desk.sync(), entity).values()
    assert "gibt es schon" in item["reason"]
    for value in ("DorfAda", "ada@example.org", "+491713920011", "Dresden"):
        assert value not in item["reason"]


def test_row_of_the_refused_field_is_named(desk):
    entity, field, table = {
        "etg24": ("mieter", "lastName", "mieter.csv"),
        "facilioo": ("parties", "secondaryName", "parties.csv"),
    }[desk.partner]
    refuse(desk, entity, field, "DorfAda")
    (item,) = rejected(desk.sync(), entity).values()
    assert f"/{table}:" in item["origin"]


@pytest.mark.parametrize("fault", ["500", "html"])
def test_error_of_the_partner_in_one_call_costs_no_record(desk, fault):
    desk.in_a_hurry()
    desk.simulator.faults(next=["ok", fault, "ok", "ok", fault])
    assert desk.sync()["totals"]["rejected"] == 0


def test_record_deleted_at_the_partner_is_made_anew_when_it_changes(facilioo, village):
    facilioo.sync()
    table = facilioo.simulator._simulation.store.tables["parties"]
    table.remove(facilioo.records("parties")[village.mia]["id"])
    facilioo.set("geschaeftspartner", {"gp_nr": village.mia}, vorname="Maria")
    assert facilioo.sync()["totals"]["rejected"] == 0
    assert facilioo.records("parties")[village.mia]["primaryName"] == "Maria"


def test_merged_parties_are_found_by_either_id(facilioo, village):
    facilioo.sync()
    parties = facilioo.records("parties")
    ada, mia = parties[village.ada]["id"], parties[village.mia]["id"]
    simulation = facilioo.simulator._simulation
    simulation.special.operations["merge"](simulation.store, {"keep": ada, "drop": mia})
    for path in facilioo.folder.glob("feldwerk.db*"):
        path.unlink()
    facilioo.sync()
    with facilioo.own_state() as state:
        links = state.links("parties", [village.ada, village.mia])
    assert {link.partner_id for link in links.values()} == {ada}
