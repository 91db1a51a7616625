"""Each planted record of the demo portfolio comes to what its manifest says."""

from collections import defaultdict
from types import SimpleNamespace

import pytest

from tools.portfolio.traps import planted

ENTITIES = {
    "etg24": {
        "wirtschaftseinheit": ("objektgruppen",),
        "gebaeude": ("objekte",),
        "verwaltungseinheit": ("einheiten",),
        "mietvertrag": ("mietvertraege",),
        "geschaeftspartner": ("mieter", "eigentuemer"),
    },
    "facilioo": {
        "wirtschaftseinheit": ("tenants",),
        "gebaeude": ("properties", "entrances"),
        "verwaltungseinheit": ("units",),
        "geschaeftspartner": ("parties",),
        "mietvertrag": ("unit_contracts_mieter",),
        "mietvertrag_mieter": ("unit_contracts_mieter",),
        "eigentuemervertrag": ("unit_contracts_eigentuemer",),
    },
}
PER_PERSON = {
    "facilioo": {"mietvertrag", "mietvertrag_mieter", "eigentuemervertrag"},
    "etg24": set(),
}
"""ERP entities of which the partner holds one record for each person."""

FIELDS = {
    "etg24": {
        "ve_nr": "number",
        "nutzflaeche": "area",
        "wohnflaeche": "area",
        "etage_text": "position",
        "nachname": "lastName",
        "vorname": "firstName",
        "strasse": "address.street",
        "hausnummer": "address.houseNumber",
        "plz": "address.zip",
        "ort": "address.city",
        "land": "address.country",
        "beginn": "validFrom",
        "ende": "validTo",
    },
    "facilioo": {
        "we_nr": "number",
        "ve_nr": "number",
        "wohnflaeche": "livingArea",
        "etage_text": "position",
        "nachname": "secondaryName",
        "vorname": "primaryName",
        "plz": "zip",
        "ort": "city",
        "ende": "end",
    },
}
BROKEN_ROWS = ("last cell missing", "one cell too many")
ENTRIES = planted("csv").entries


@pytest.fixture(scope="module", params=sorted(ENTITIES))
def done(request, set_up, tmp_path_factory):
    """One sync of the portfolio with all traps, to each partner."""
    partner = request.param
    desk = set_up(
        tmp_path_factory.mktemp("traps"),
        partner,
        units=20,
        traps=True,
        settings={"mandanten_nummern": "1, 2;03"},
    )
    entities = desk.sync()["entities"]
    fates = defaultdict(set)
    ids = defaultdict(list)
    for entity, part in entities.items():
        for change in part["changes"]:
            fates[entity, change["key"]].add("sent")
            ids[entity, change["key"]].append(change["id"])
        for name in ("left_out", "rejected"):
            for item in part[f"{name}_records"]:
                fates[entity, item["key"]].add(name)
    tables = desk.simulator._simulation.store.tables
    return SimpleNamespace(
        partner=partner,
        desk=desk,
        entities=entities,
        fates=fates,
        ids=ids,
        records={name: desk.records(name) for name in tables},
    )


def fate(done, entry):
    """Return the fates of the records that an entry's record became."""
    key = "/".join(entry.key.values())
    found = set()
    for entity in ENTITIES[done.partner][entry.entity]:
        for (name, other), fates in done.fates.items():
            per_person = entry.entity in PER_PERSON[done.partner]
            if name == entity and (
                other == key or (per_person and other.startswith(f"{key}/"))
            ):
                found |= fates
    return found


def held(done, entry):
    """Return the partner's records of an entry."""
    key = "/".join(entry.key.values())
    per_person = entry.entity in PER_PERSON[done.partner]
    for entity in ENTITIES[done.partner][entry.entity]:
        resource = "unit_contracts" if entity.startswith("unit_contr") else entity
        for (name, other), ids in done.ids.items():
            fits = other == key or (per_person and other.startswith(f"{key}/"))
            if name == entity and fits:
                yield from (done.records[resource][our_id] for our_id in ids)


def value_at(record, path):
    for name in path.split("."):
        record = (record or {}).get(name)
    return record


def holder(done, person):
    """Return what the partner holds of a person."""
    entity = {"etg24": "mieter", "facilioo": "parties"}[done.partner]
    return done.records[entity][person]


@pytest.mark.parametrize(
    ("done", "entry"),
    [
        pytest.param(partner, entry, id=f"{partner}-{entry.trap} {entry.title}")
        for partner, entities in ENTITIES.items()
        for entry in ENTRIES
        # A row without a key has a test of its own.
        if entry.entity in entities and entry.title not in BROKEN_ROWS
    ],
    indirect=["done"],
)
def test_planted_record_is_treated_as_the_manifest_says(done, entry):
    found = fate(done, entry)
    if entry.title == "person without a contract":
        assert found == set()
        return
    if entry.expect == "sent":
        assert "sent" in found
    else:
        assert found == {entry.expect}
    for record in held(done, entry):
        for name, value in entry.fields.items():
            if name in FIELDS[done.partner]:
                assert value_at(record, FIELDS[done.partner][name]) == value


@pytest.mark.parametrize("number", ["Q001", "Q002"])
def test_row_with_a_wrong_number_of_cells_is_rejected_with_its_line(done, number):
    path = done.desk.erp / "verwaltungseinheit.csv"
    lines = path.read_text("utf-8").splitlines()
    # One cell of the file holds a line break.
    line = next(n for n, text in enumerate(lines, 1) if number in text)
    (entity,) = ENTITIES[done.partner]["verwaltungseinheit"]
    rejected = done.entities[entity]["rejected_records"]
    (item,) = [i for i in rejected if i["key"] == f"verwaltungseinheit.csv:{line}"]
    assert item["code"] == "R103"


def test_nothing_is_rejected_but_what_was_planted(done):
    expected = {
        "/".join(entry.key.values()) for entry in ENTRIES if entry.expect == "rejected"
    }
    for part in done.entities.values():
        for item in part["rejected_records"]:
            key = item["key"].rstrip("/")
            known = key in expected or item["code"] in ("R103", "R206")
            assert known, item


def test_what_waits_names_the_record_that_it_waits_for(done):
    for part in done.entities.values():
        for item in part["rejected_records"]:
            if item["code"] == "R206":
                assert item["chain"], item


def test_persons_in_the_way_of_nobody_are_not_at_the_partner(done):
    people = {"0000899999", "0000900060", "0000900050", "0000900033", "0000900034"}
    for records in done.records.values():
        assert not people & records.keys()


@pytest.mark.parametrize(
    ("person", "email"),
    [
        ("0000900012", "Ada.Muster@example.de"),
        ("0000900013", "ADA@example.org"),
        ("0000900014", "ada@example.org"),
    ],
)
def test_first_valid_email_is_sent(done, person, email):
    field = {"etg24": "emailAddress", "facilioo": "email"}[done.partner]
    assert holder(done, person)[field] == email


def test_phone_numbers_are_sorted_into_landline_and_mobile(done):
    person = holder(done, "0000900011")
    names = {
        "etg24": ("phoneLandline", "phoneMobile"),
        "facilioo": ("phone", "mobile"),
    }[done.partner]
    assert [person[n] for n in names] == ["+493023125001", "+491713920011"]


def test_words_are_no_phone_number(done):
    person = holder(done, "0000900010")
    assert not {"phone", "mobile", "phoneLandline", "phoneMobile"} & person.keys()


@pytest.mark.parametrize(
    ("unit", "floor"),
    [
        ("0014", None),
        ("0015", 0),
        ("0016", None),
        ("0017", None),
        ("0018", 3),
        ("0019", 1),
    ],
)
@pytest.mark.parametrize("done", ["facilioo"], indirect=True)
def test_floor_follows_the_given_rule(done, unit, floor):
    assert done.records["units"][f"1-9001-01-{unit}"].get("floor") == floor


def test_start_in_1900_is_a_start(done):
    if done.partner == "etg24":
        start = done.records["mietvertraege"]["1-9001-01-0059-01"]["validFrom"]
    else:
        contract = "1-9001-01-0059-01-0000900038"
        start = done.records["unit_contracts"][contract]["start"]
    assert start.startswith("1900-01-01")


@pytest.mark.parametrize("done", ["etg24"], indirect=True)
def test_number_with_a_thousands_sign_is_one_number(done):
    assert done.records["einheiten"]["1-9001-01-0012"]["area"] == 1234.56


def test_owners_of_a_contract_are_all_sent(done):
    shares = [e for e in ENTRIES if e.title == "three thirds"]
    unit = "-".join(list(shares[0].key.values())[:4])
    if done.partner == "etg24":
        owners = [
            o
            for o in done.records["eigentuemer"].values()
            if unit in o["einheitExtIds"]
        ]
    else:
        contracts = done.records["unit_contracts"]
        owners = [
            c for our_id, c in contracts.items() if our_id.startswith(f"E-{unit}-")
        ]
    assert len(owners) == 3
