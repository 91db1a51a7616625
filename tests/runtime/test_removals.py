"""What was sent and is not wanted any more leaves the partner, or ends there."""

from random import Random

import pytest
from test_kills import Runner

WITHDRAWN = (
    '[{"zweck": "analyse", "erteilt": true, "am": "2021-02-15",'
    ' "widerrufen_am": "2024-02-15"}]'
)
PAST = "31.12.2023"
ADAS_FLAT = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0001"}
EVAS_DOSSIER = "1-9001-02-0001"
OFFERED = {"we_nr": "9001", "geb_nr": "01", "ve_nr": "0003"}


@pytest.fixture
def at_partner(open_desk, town):
    """Return what sets up the town at a partner, synced and with no calls noted."""

    def set_up(partner, **values):
        desk = open_desk(partner, source=town.folder)
        desk.in_a_hurry()
        for entity, changes in values.items():
            desk.set(entity, {}, **changes)
        assert desk.sync()["totals"]["rejected"] == 0
        forget_calls(desk)
        return desk

    return set_up


def forget_calls(desk):
    desk.simulator.calls.clear()
    desk.simulator.statuses.clear()


def removed(desk):
    """Sync; return what was removed by entity, and say that the next run is quiet."""
    result = desk.sync()
    before = desk.simulator.calls.copy()
    again = desk.sync()
    assert again["totals"]["remove"] == again["totals"]["update"] == 0
    assert desk.simulator.calls == before
    return {n: p["remove"] for n, p in result["entities"].items() if p["remove"]}


def let(desk, *flats):
    """Let vacant flats to Ola from now on, for good."""

    def change(rows):
        like = next(row for row in rows if not row["ende"])
        return [*rows, *({**like, **flat, "folge_nr": "01"} for flat in flats)]

    desk.edit("mietvertrag", change)


class TestAktivBo:
    @pytest.fixture
    def desk(self, at_partner):
        return at_partner("aktivbo")

    def withdraw(self, desk, gp_nr):
        desk.set("geschaeftspartner", {"gp_nr": gp_nr}, einwilligungen=WITHDRAWN)

    def test_consent_withdrawn_deletes_the_person(self, desk, town):
        self.withdraw(desk, town.ada)
        assert removed(desk) == {"tenants": 1}
        assert f"1-9001-01-0001-01-{town.ada}" not in desk.records("tenants")
        assert f"1-9001-01-0001-01-{town.max}" in desk.records("tenants")
        assert desk.simulator.calls == {"DELETE /tenants/{{ id }}": 1}

    def test_consent_withdrawn_counts_though_the_lease_is_rejected(self, desk, town):
        self.withdraw(desk, town.ada)
        desk.set("mietvertrag", ADAS_FLAT, ende="31.12.2020", beginn="01.01.2021")
        result = desk.plan()
        assert "laufzeit" in str(result["entities"]["tenants"]["rejected_records"])
        desk.sync()
        assert f"1-9001-01-0001-01-{town.ada}" not in desk.records("tenants")

    def test_consent_withdrawn_counts_though_the_lease_is_broken(self, desk, town):
        self.withdraw(desk, town.ada)
        desk.set("mietvertrag", ADAS_FLAT, beginn="im Mai")
        desk.sync()
        assert f"1-9001-01-0001-01-{town.ada}" not in desk.records("tenants")

    def test_consent_withdrawn_counts_though_the_flat_is_gone(self, desk, town):
        self.withdraw(desk, town.ada)
        desk.edit("verwaltungseinheit", lambda rows: rows[1:])
        desk.sync()
        assert f"1-9001-01-0001-01-{town.ada}" not in desk.records("tenants")

    def test_consent_given_again_brings_the_person_back(self, desk, town):
        before = desk.picture()
        rows = desk.rows("geschaeftspartner")
        self.withdraw(desk, town.ada)
        desk.sync()
        desk.edit("geschaeftspartner", lambda _: rows)
        assert desk.sync()["totals"]["create"] == 1
        assert desk.picture() == before

    def test_a_refused_deletion_is_tried_again(self, desk, town):
        our_id = f"1-9001-01-0001-01-{town.ada}"
        rule = {"entity": "tenants", "field": "tenantId", "value": our_id}
        desk.simulator.faults(refuse=[{**rule, "operation": "remove"}])
        self.withdraw(desk, town.ada)
        (item,) = desk.sync()["entities"]["tenants"]["rejected_records"]
        assert item["code"] == "D201"
        assert our_id in desk.records("tenants")
        desk.simulator.faults(refuse=[])
        assert removed(desk) == {"tenants": 1}
        assert our_id not in desk.records("tenants")

    def test_what_is_gone_at_the_partner_counts_as_removed(self, desk, town):
        table = desk.simulator._simulation.store.tables["tenants"]
        table.remove(f"1-9001-01-0001-01-{town.ada}")
        self.withdraw(desk, town.ada)
        assert removed(desk) == {"tenants": 1}

    def test_moved_out_tenant_is_deleted(self, desk, town):
        desk.set("mietvertrag", ADAS_FLAT, ende=PAST)
        assert removed(desk) == {"tenants": 2}

    def test_trouble_with_deletions_removes_each_once(self, desk, town):
        for person in (town.ada, town.eva, town.mia):
            self.withdraw(desk, person)
        desk.simulator.faults(next=["drop_after", "ok", "500_after", "drop_before"])
        while desk.sync()["totals"]["rejected"]:
            pass
        assert len(desk.records("tenants")) == 2

    def test_person_without_a_row_is_not_deleted_blindly(self, desk, town):
        desk.edit(
            "geschaeftspartner",
            lambda rows: [row for row in rows if row["gp_nr"] != town.ada],
        )
        assert removed(desk) == {}
        assert f"1-9001-01-0001-01-{town.ada}" in desk.records("tenants")


class TestWohnungshelden:
    @pytest.fixture
    def desk(self, at_partner):
        return at_partner("wohnungshelden", verwaltungseinheit={"vermarktbar": "ja"})

    def test_only_what_nobody_holds_is_offered(self, desk):
        assert desk.records("leerstaende").keys() == {
            "1/9001/01/0003",
            "1/9001/01/0004",
        }

    def test_let_flat_is_deleted(self, desk):
        let(desk, OFFERED)
        assert removed(desk) == {"leerstaende": 1}
        assert desk.records("leerstaende").keys() == {"1/9001/01/0004"}

    def test_flat_that_is_vacant_again_is_added_again(self, desk):
        before, rows = desk.picture(), desk.rows("mietvertrag")
        let(desk, OFFERED)
        desk.sync()
        desk.edit("mietvertrag", lambda _: rows)
        result = desk.sync()
        assert result["totals"]["create"] == 1
        assert desk.picture() == before
        kind = desk.records("leerstaende")["1/9001/01/0003"]["verwaltung_techn"]
        assert "@aktionart" not in (kind.get("aktion") or {})

    def test_flat_that_is_not_released_any_more_is_deleted(self, desk):
        desk.set("verwaltungseinheit", OFFERED, vermarktbar="nein")
        assert removed(desk) == {"leerstaende": 1}

    def test_last_offer_is_deleted_too(self, desk):
        let(desk, OFFERED, {**OFFERED, "ve_nr": "0004"})
        assert removed(desk) == {"leerstaende": 2}
        assert not desk.records("leerstaende")

    def test_broken_lease_makes_no_flat_vacant(self, desk):
        desk.set("mietvertrag", ADAS_FLAT, beginn="im Mai")
        result = desk.sync()
        (item,) = result["entities"]["leerstaende"]["rejected_records"]
        assert (item["key"], item["code"]) == ("1/9001/01/0001", "R206")
        assert "1/9001/01/0001" not in desk.records("leerstaende")
        assert not desk.simulator.calls

    def test_broken_lease_of_an_offered_flat_removes_nothing(self, desk):
        let(desk, OFFERED)
        desk.set("mietvertrag", OFFERED, beginn="im Mai")
        assert removed(desk) == {}
        assert "1/9001/01/0003" in desk.records("leerstaende")

    def test_broken_flat_is_not_removed(self, desk):
        desk.set("verwaltungseinheit", OFFERED, vermarktbar="vielleicht")
        assert removed(desk) == {}
        assert "1/9001/01/0003" in desk.records("leerstaende")


class TestAnEnd:
    """Partners at which a lease gets its end."""

    def end(self, desk, town, partner):
        name, entity, our_id = {
            "casavi": ("endDate", "contracts", f"1-9001-01-0001-01-{town.ada}"),
            "dormakaba": ("plannedMoveOutDate", "contracts", "1-9001-01-0001-01"),
            "everreal": ("contractEndDate", "tenants", "1-9001-01-0001-01"),
            "kiwi": ("ends_on", "tenancies", "1-9001-01-0001-01"),
            "plentific": ("end_date", "tenants", f"1-9001-01-0001-01-{town.ada}"),
        }[partner]
        return (desk.records(entity)[our_id].get(name) or "")[:10]

    @pytest.mark.parametrize(
        "partner", ["casavi", "dormakaba", "everreal", "kiwi", "plentific"]
    )
    def test_end_of_a_lease_is_sent_once(self, at_partner, town, partner):
        desk = at_partner(partner)
        assert self.end(desk, town, partner) == ""
        held = {name: desk.records(name).keys() for name in desk.picture()}
        desk.set("mietvertrag", ADAS_FLAT, ende=PAST, status="beendet")
        removed(desk)
        assert self.end(desk, town, partner) == "2023-12-31"
        assert {name: desk.records(name).keys() for name in held} == held

    @pytest.mark.parametrize("partner", ["casavi", "dormakaba", "kiwi", "plentific"])
    def test_cancelled_lease_ends_today(self, at_partner, town, partner):
        desk = at_partner(partner)
        desk.set("mietvertrag", ADAS_FLAT, status="storniert")
        days = {desk.activation().settings["today"]}
        assert sum(removed(desk).values()) in (1, 2)
        days.add(desk.activation().settings["today"])
        assert self.end(desk, town, partner) in days

    @pytest.mark.parametrize("partner", ["casavi", "everreal"])
    def test_end_that_is_taken_back_is_taken_back(self, at_partner, town, partner):
        desk = at_partner(partner)
        before = desk.picture()
        desk.set("mietvertrag", ADAS_FLAT, ende=PAST, status="beendet")
        desk.sync()
        desk.set("mietvertrag", ADAS_FLAT, ende="", status="aktiv")
        desk.sync()
        assert desk.picture() == before

    @pytest.mark.parametrize("partner", ["casavi", "everreal"])
    def test_lease_that_ended_before_it_was_sent_is_never_sent(
        self, at_partner, town, partner
    ):
        desk = at_partner(partner, mietvertrag={"ende": PAST})
        tables = desk.simulator._simulation.store.tables
        entity = {"casavi": "contracts", "everreal": "tenants"}[partner]
        sent = {key for key in tables[entity].records if not str(key).startswith("E-")}
        assert not sent

    @pytest.mark.parametrize(
        "partner", ["casavi", "dormakaba", "everreal", "kiwi", "plentific"]
    )
    def test_broken_lease_ends_nothing(self, at_partner, town, partner):
        desk = at_partner(partner)
        desk.set("mietvertrag", ADAS_FLAT, beginn="im Mai", status="storniert")
        assert removed(desk) == {}
        assert self.end(desk, town, partner) == ""

    @pytest.mark.parametrize("partner", ["casavi", "everreal", "plentific"])
    def test_lease_that_ends_before_it_begins_ends_nothing(
        self, at_partner, town, partner
    ):
        desk = at_partner(partner)
        desk.set("mietvertrag", ADAS_FLAT, beginn="01.01.2099", ende="31.12.2098")
        assert desk.plan()["totals"]["rejected"] > 0
        assert removed(desk) == {}
        assert self.end(desk, town, partner) == ""

    def test_broken_lease_takes_no_unit_from_its_property(self, at_partner):
        desk = at_partner("casavi")
        before = desk.picture()
        desk.set("mietvertrag", ADAS_FLAT, beginn="im Mai")
        desk.sync()
        assert desk.picture() == before

    def test_new_lease_may_follow_in_the_same_run(self, at_partner, town):
        desk = at_partner("dormakaba")
        desk.set("mietvertrag", ADAS_FLAT, ende=PAST, status="beendet")
        desk.edit("mietvertrag", lambda rows: [*rows, self.next_lease(rows[0])])
        desk.edit("mietvertrag_mieter", lambda rows: [*rows, self.next_lease(rows[0])])
        result = desk.sync()
        assert result["totals"]["rejected"] == 0
        contracts = desk.records("contracts")
        assert contracts["1-9001-01-0001-01"]["plannedMoveOutDate"] == "2023-12-31"
        assert contracts["1-9001-01-0001-02"]["plannedMoveInDate"] == "2024-01-01"

    def test_new_lease_may_follow_a_cancelled_one_in_the_same_run(
        self, at_partner, town
    ):
        desk = at_partner("dormakaba")
        desk.set("mietvertrag", ADAS_FLAT, status="storniert", ende="")
        later = {"beginn": "01.01.2099"}
        desk.edit("mietvertrag", lambda r: [*r, self.next_lease(r[0]) | later])
        result = desk.sync()
        assert result["totals"]["rejected"] == 0
        assert "1-9001-01-0001-02" in desk.records("contracts")

    def next_lease(self, row):
        later = {"beginn": "01.01.2024", "ende": "", "status": "aktiv"}
        values = {name: value for name, value in later.items() if name in row}
        return {**row, **values, "folge_nr": "02"}


class TestPriceHubble:
    @pytest.fixture
    def desk(self, at_partner):
        return at_partner("pricehubble")

    @pytest.fixture
    def before(self, desk):
        return {key: one["id"] for key, one in desk.records("dossiers").items()}

    def move(self, desk):
        door = {"we_nr": "9001", "geb_nr": "02"}
        desk.set("gebaeude", door, strasse="Neue Gasse", hausnummer="9")

    def street(self, desk):
        record = desk.records("dossiers")[EVAS_DOSSIER]
        return record["property"]["location"]["address"]["street"]

    def test_another_address_is_another_dossier(self, desk, before):
        self.move(desk)
        result = desk.sync()
        assert (result["totals"]["replace"], result["totals"]["update"]) == (1, 0)
        after = {key: one["id"] for key, one in desk.records("dossiers").items()}
        assert after.pop(EVAS_DOSSIER) != before.pop(EVAS_DOSSIER)
        assert after == before
        assert self.street(desk) == "Neue Gasse"
        forget_calls(desk)
        desk.sync()
        assert not desk.simulator.calls

    def test_another_name_is_the_same_dossier(self, desk, before):
        desk.set("verwaltungseinheit", ADAS_FLAT, bezeichnung="Nest")
        assert desk.sync()["totals"]["update"] == 1
        after = {key: one["id"] for key, one in desk.records("dossiers").items()}
        assert after == before

    @pytest.mark.parametrize("most_calls", [1, 2])
    def test_killed_in_between_there_is_one_dossier(self, desk, before, most_calls):
        self.move(desk)
        desk.simulator.faults(latency_seconds=0.02)
        runner = Runner(desk)
        assert runner.run(most_calls=most_calls) is None
        runner.sync_until_done()
        assert desk.records("dossiers").keys() == before.keys()
        assert self.street(desk) == "Neue Gasse"

    @pytest.mark.parametrize("seed", range(2))
    def test_trouble_in_between_leaves_one_dossier(self, desk, before, seed):
        self.move(desk)
        faults = ["ok", "drop_after", "drop_before", "500_after", "500", "429"]
        desk.simulator.faults(next=Random(seed).choices(faults, k=6))
        for _ in range(8):
            desk.sync()
        assert desk.records("dossiers").keys() == before.keys()
        assert self.street(desk) == "Neue Gasse"

    def test_refused_new_dossier_is_made_later(self, desk, before):
        self.move(desk)
        field = "property.location.address.street"
        rule = {"entity": "dossiers", "field": field, "value": "Neue Gasse"}
        desk.simulator.faults(refuse=[rule])
        assert desk.sync()["totals"]["rejected"] == 1
        desk.simulator.faults(refuse=[])
        assert desk.sync()["totals"]["rejected"] == 0
        assert desk.records("dossiers").keys() == before.keys()
        assert self.street(desk) == "Neue Gasse"

    def test_another_address_after_a_lost_state_is_another_dossier_too(
        self, desk, before
    ):
        desk.lose_the_state()
        self.move(desk)
        for _ in range(3):
            result = desk.sync()
        assert result["totals"]["rejected"] == 0
        assert desk.records("dossiers").keys() == before.keys()
        assert self.street(desk) == "Neue Gasse"

    def test_plan_tells_what_would_be_replaced(self, desk, before):
        self.move(desk)
        assert desk.plan()["totals"]["replace"] == 1
        assert not desk.simulator.calls


@pytest.mark.parametrize(
    ("partner", "file"),
    [
        ("aktivbo", "geschaeftspartner"),
        ("aktivbo", "mietvertrag"),
        ("aktivbo", "mietvertrag_mieter"),
        ("casavi", "mietvertrag"),
        ("casavi", "mietvertrag_mieter"),
        ("dormakaba", "mietvertrag"),
        ("everreal", "mietvertrag"),
        ("kiwi", "mietvertrag"),
        ("wohnungshelden", "mietvertrag"),
        ("wohnungshelden", "verwaltungseinheit"),
    ],
)
def test_source_without_the_deciding_file_stops_and_removes_nothing(
    at_partner, partner, file
):
    desk = at_partner(partner)
    before = desk.picture()
    (desk.erp / f"{file}.csv").unlink()
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == 2, found.out + found.err
    missing = [p["file"] for p in found.json()["problems"] if p["code"] == "R001"]
    assert any(name.endswith(f"/{file}") for name in missing)
    assert not desk.simulator.calls
    assert desk.picture() == before


# Without their leases flats are vacant, and without any released one nothing is sure.
@pytest.mark.parametrize("partner", ["aktivbo", "casavi", "everreal"])
@pytest.mark.parametrize("file", ["verwaltungseinheit", "mietvertrag"])
def test_records_that_the_source_lost_are_counted_and_not_removed(
    at_partner, partner, file
):
    desk = at_partner(partner)
    before = desk.picture()
    taken = {"we_nr": "9001", "geb_nr": "01"}
    desk.edit(
        file,
        lambda rows: [
            row for row in rows if any(row[k] != v for k, v in taken.items())
        ],
    )
    assert removed(desk) == {}
    for name, records in before.items():
        assert records.keys() <= desk.records(name).keys()


@pytest.mark.parametrize(
    ("partner", "file", "column"),
    [
        ("aktivbo", "geschaeftspartner", "einwilligungen"),
        ("wohnungshelden", "verwaltungseinheit", "vermarktbar"),
    ],
)
def test_a_column_that_is_renamed_removes_nothing(at_partner, partner, file, column):
    desk = at_partner(partner)
    before = desk.picture()
    path = desk.erp / f"{file}.csv"
    path.write_text(path.read_text("utf-8").replace(column, f"{column}x", 1), "utf-8")
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == 2
    assert [problem["code"] for problem in found.json()["problems"]] == ["R009"]
    assert desk.picture() == before
