"""A sync of each partner: what the plan says is what the partner holds."""

import pytest

from tools.portfolio import change, write


def sent(result):
    return {
        name: part["create"] + part["update"]
        for name, part in result["entities"].items()
    }


def resource(entity):
    return "unit_contracts" if entity.startswith("unit_contracts") else entity


def test_plan_sends_nothing(desk):
    desk.plan()
    assert not desk.simulator.calls
    with desk.own_state() as state:
        assert state.last_run() is None


def test_partner_holds_what_the_plan_said(desk):
    planned = desk.plan()
    desk.sync()
    held = {}
    for entity, number in sent(planned).items():
        held[resource(entity)] = held.get(resource(entity), 0) + number
    assert held == {name: len(desk.records(name)) for name in held}


def test_partner_holds_the_records_that_the_plan_named(desk):
    planned = desk.plan()
    desk.sync()
    for entity, part in planned["entities"].items():
        named = {change["id"] for change in part["changes"]}
        assert named <= desk.records(resource(entity)).keys()


def test_second_sync_sends_nothing(desk):
    first = desk.sync()
    desk.simulator.calls.clear()
    second = desk.sync()
    assert not desk.simulator.calls
    done = first["totals"]["create"] + first["totals"]["update"]
    assert second["totals"]["unchanged"] == done
    assert second["totals"]["create"] == second["totals"]["update"] == 0


def test_only_changed_records_are_sent(desk):
    desk.sync()
    changed = change(desk.erp, seed=2, count=5)
    desk.simulator.calls.clear()
    result = desk.sync()
    units = {
        "/".join(one["key"].values())
        for one in changed
        if one["entity"] == "verwaltungseinheit"
    }
    entity = "units" if desk.partner == "facilioo" else "einheiten"
    updated = {change["key"] for change in result["entities"][entity]["changes"]}
    assert updated == units
    assert result["totals"]["update"] == desk.writes <= len(changed) + 1
    assert result["totals"]["create"] == 0


def test_order_of_the_files_lines_does_not_matter(desk):
    desk.sync()
    for path in desk.erp.glob("*.csv"):
        if len(path.read_text("utf-8").splitlines()) > 1:
            desk.edit(path.stem, lambda rows: rows[::-1])
    assert desk.plan()["totals"]["unchanged"] == sum(
        len(desk.simulator.records(entity))
        for entity in ({*map(resource, desk.plan()["entities"])})
    )


@pytest.mark.parametrize("form", ["ndjson", "xlsx"])
def test_same_records_in_another_format_are_unchanged(etg24, form):
    for path in etg24.erp.iterdir():
        path.unlink()
    write(etg24.erp, 24, 5, traps=False)
    done = etg24.sync()["totals"]["create"]
    for path in etg24.erp.iterdir():
        path.unlink()
    write(etg24.erp, 24, 5, form, traps=False)
    totals = etg24.plan()["totals"]
    assert (totals["unchanged"], totals["create"] + totals["update"]) == (done, 0)


def test_figures_of_a_run_are_kept(desk):
    result = desk.sync()
    with desk.own_state() as state:
        run = state.last_run()
    assert run["state"] == "done"
    assert run["totals"] == result["totals"]
    assert run["finished_at"] is not None


@pytest.mark.parametrize(
    ("partner", "entity"), [("etg24", "mieter"), ("facilioo", "unit_contracts_mieter")]
)
def test_record_that_is_gone_from_the_source_stays_at_the_partner(
    partner, entity, request, village
):
    desk = request.getfixturevalue(partner)
    desk.sync()
    before = desk.records(resource(entity))
    desk.edit(
        "mietvertrag_mieter",
        lambda rows: [row for row in rows if row["gp_nr"] != village.ada],
    )
    result = desk.sync()
    assert result["entities"][entity]["gone"] == 1
    assert result["totals"]["remove"] == 0
    assert desk.records(resource(entity)).keys() == before.keys()


class TestFacilioo:
    def test_first_entrance_is_the_one_that_the_partner_makes(self, facilioo):
        facilioo.sync()
        buildings = facilioo.records("properties")
        entrances = facilioo.records("entrances")
        for our_id, building in buildings.items():
            assert entrances[our_id]["id"] == building["id"]
        assert len(facilioo.simulator.records("entrances")) == len(buildings) + 1

    def test_further_entrance_is_posted_under_its_building(self, facilioo):
        facilioo.sync()
        building = facilioo.records("properties")["1-9001-01"]
        entrance = facilioo.records("entrances")["1-9001-02"]
        assert entrance["propertyId"] == building["id"]
        assert entrance["id"] != building["id"]
        assert entrance["name"] == "Eingang Süd"
        assert facilioo.simulator.calls["POST /api/entrances"] == 1

    def test_unit_points_to_the_partners_id_of_its_entrance(self, facilioo):
        facilioo.sync()
        entrance = facilioo.records("entrances")["1-9001-02"]
        unit = facilioo.records("units")["1-9001-02-0001"]
        assert unit["entranceId"] == entrance["id"]

    def test_property_points_to_the_partners_id_of_its_tenant(self, facilioo):
        facilioo.sync()
        tenant = facilioo.records("tenants")["2-9002"]
        assert facilioo.records("properties")["2-9002-01"]["tenantId"] == tenant["id"]

    def test_tenant_who_is_owner_as_well_is_one_party(self, facilioo, village):
        facilioo.sync()
        eva = facilioo.records("parties")[village.eva]
        named = [r for r in facilioo.simulator.records("parties") if r == eva]
        kinds = {
            contract["typeId"]
            for contract in facilioo.records("unit_contracts").values()
            if contract["partyId"] == eva["id"]
        }
        assert len(named) == 1
        assert kinds == {3, 4}

    def test_two_tenants_of_a_lease_have_a_contract_each(self, facilioo, village):
        facilioo.sync()
        contracts = facilioo.records("unit_contracts")
        pair = [
            contracts[f"1-9001-01-0001-01-{number}"]
            for number in (village.ada, village.max)
        ]
        parties = facilioo.records("parties")
        assert [c["partyId"] for c in pair] == [
            parties[village.ada]["id"],
            parties[village.max]["id"],
        ]
        assert pair[0]["unitId"] == pair[1]["unitId"]

    def test_contract_of_an_owner_is_of_the_owners_kind(self, facilioo, village):
        facilioo.sync()
        contract = facilioo.records("unit_contracts")[
            f"E-1-9003-01-0001-01-{village.otto}"
        ]
        assert contract["typeId"] == 3
        unit = facilioo.records("units")["1-9003-01-0001"]
        assert contract["unitId"] == unit["id"]

    def test_party_carries_its_names_and_ways_of_contact(self, facilioo, village):
        facilioo.sync()
        ada = facilioo.records("parties")[village.ada]
        assert (ada["primaryName"], ada["secondaryName"]) == ("Ada", "DorfAda")
        assert ada["email"] == "ada@example.org"
        assert ada["mobile"] == "+491713920011"
        assert (ada["contactViaEmail"], ada["contactViaMail"]) == (True, False)

    def test_wish_for_contact_is_not_overwritten_by_an_update(self, facilioo, village):
        facilioo.sync()
        key = facilioo.records("parties")[village.ada]["id"]
        table = facilioo.simulator._simulation.store.tables["parties"]
        table.put(key, {**table.records[key], "contactViaEmail": False})
        facilioo.set("geschaeftspartner", {"gp_nr": village.ada}, vorname="Adele")
        facilioo.sync()
        ada = facilioo.records("parties")[village.ada]
        assert (ada["primaryName"], ada["contactViaEmail"]) == ("Adele", False)

    def test_ids_of_other_systems_stay_beside_a_party(self, facilioo, village):
        facilioo.sync()
        key = facilioo.records("parties")[village.ada]["id"]
        table = facilioo.simulator._simulation.store.tables["parties"]
        table.set_list(key, [village.ada, "crm-7"])
        facilioo.set("geschaeftspartner", {"gp_nr": village.ada}, vorname="Adele")
        facilioo.sync()
        assert table.lists[key] == [village.ada, "crm-7"]

    def test_end_of_a_lease_that_is_taken_back_is_cleared(self, facilioo, village):
        lease = {"ve_nr": "0001", "geb_nr": "01", "we_nr": "9001"}
        facilioo.set("mietvertrag", lease, ende="31.12.2030")
        facilioo.sync()
        our_id = f"1-9001-01-0001-01-{village.ada}"
        assert facilioo.records("unit_contracts")[our_id]["end"].startswith("2030")
        facilioo.set("mietvertrag", lease, ende="")
        facilioo.sync()
        assert facilioo.records("unit_contracts")[our_id]["end"] is None

    def test_sync_without_its_database_doubles_nothing(self, facilioo):
        facilioo.sync()
        before = {
            entity: facilioo.simulator.records(entity)
            for entity in facilioo.simulator._simulation.store.tables
        }
        for path in facilioo.folder.glob("feldwerk.db*"):
            path.unlink()
        facilioo.sync()
        for entity, records in before.items():
            after = facilioo.simulator.records(entity)
            assert [r["id"] for r in after] == [r["id"] for r in records]
            assert len(facilioo.records(entity)) == len(records)


class TestEtg24:
    def test_record_carries_the_erps_values(self, etg24):
        etg24.sync()
        record = etg24.records("objekte")["1-9001-02"]
        assert {k: v for k, v in record.items() if k not in ("id", "updatedAt")} == {
            "extId": "1-9001-02",
            "title": "Eingang Süd",
            "objektgruppeExtId": "1-9001",
            "constructionFinishedOn": "1968-01-01",
            "address": {
                "street": "Lindenweg",
                "houseNumber": "4",
                "zip": "01067",
                "city": "Dresden",
                "country": "DE",
            },
        }

    def test_lease_points_to_its_unit(self, etg24):
        etg24.sync()
        lease = etg24.records("mietvertraege")["1-9001-02-0001-01"]
        assert lease["einheitExtId"] == "1-9001-02-0001"
        assert lease["contractType"] == "MIETE"
        assert lease["validFrom"] == "2021-03-01"

    def test_tenants_name_their_common_lease(self, etg24, village):
        etg24.sync()
        tenants = etg24.records("mieter")
        leases = [tenants[n]["mietvertragExtIds"] for n in (village.ada, village.max)]
        assert leases == [["1-9001-01-0001-01"]] * 2

    def test_tenant_who_is_owner_as_well_is_sent_as_both(self, etg24, village):
        etg24.sync()
        assert village.eva in etg24.records("mieter")
        owner = etg24.records("eigentuemer")[village.eva]
        assert owner["einheitExtIds"] == ["1-9003-01-0001"]

    @pytest.mark.parametrize("separator", ["/", "|", ".", "_"])
    def test_ids_are_encoded_in_addresses(self, etg24, separator):
        etg24.change(settings={"separator": separator})
        etg24.sync()
        our_id = separator.join(["1", "9001", "01", "0001"])
        unit = etg24.records("einheiten")[our_id]
        assert unit["objektExtId"] == separator.join(["1", "9001", "01"])
        assert set(etg24.simulator.statuses) == {201}
