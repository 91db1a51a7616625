"""What is personal stays out of the database and of every output; keys may be told."""

import pytest

PLANTED = {
    "vorname": "Xaverine",
    "nachname": "Quastenhuber",
    "geburtsname": "Zwirnlein",
    "strasse": "Geheimgasse",
    "hausnummer": "8813-kk",
    "plz": "98765",
    "ort": "Flüsterhausen",
    "emails": "xaverine.q@example.org",
    "telefone": "0171 3920077",
    "geburtsdatum": "13.07.1966",
}
FORMS = {*PLANTED.values(), "+491713920077", "491713920077", "1966-07-13"}
VALUES = {
    "broken date": {"geburtsdatum": "dreizehnter Juli 1966"},
    "broken name": {"nachname": "QuastenhÃ¼ber"},
    "broken address": {"strasse": "GeheimgÃ¤sse"},
    "broken list": {"telefone": '[{"nummer": 0171 3920077}]'},
    "unknown kind": {"anrede": "Xaverine"},
    "no name": {"nachname": ""},
}


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request, village):
    """The village, in which Ada and Eva have values that occur nowhere else."""
    desk = request.getfixturevalue(request.param)
    for person in (village.ada, village.eva):
        known = desk.rows("geschaeftspartner")[0].keys()
        planted = {name: value for name, value in PLANTED.items() if name in known}
        desk.set("geschaeftspartner", {"gp_nr": person}, **planted)
    return desk


def told(desk, found):
    """Return all that was printed, and all that stands in the database."""
    files = b"".join(path.read_bytes() for path in desk.folder.glob("feldwerk.db*"))
    return found.out + found.err + files.decode("utf-8", "replace")


@pytest.mark.parametrize("as_json", [(), ("--json",)], ids=["text", "json"])
@pytest.mark.parametrize("verb", ["plan", "sync"])
def test_nothing_personal_is_told_of_sound_records(desk, verb, as_json):
    found = desk.invoke(verb, "activation", *as_json)
    text = told(desk, found)
    assert found.code == 0
    assert not [value for value in FORMS if value in text]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_nothing_personal_is_told_of_broken_records(desk, village, values):
    desk.set("geschaeftspartner", {"gp_nr": village.ada}, **values)
    found = desk.invoke("sync", "activation", "--json")
    rejected = found.json()["totals"]["rejected"]
    if rejected:
        assert village.ada in found.out
    else:
        # Nothing that is sent depends on the field: it is left out with a warning.
        (warning,) = found.json()["warnings"]
        assert "geschaeftspartner.csv:" in warning
        assert "a row with a wrong value" in warning
    text = told(desk, found)
    hidden = {*FORMS, *values.values(), "3920077", "Quastenh", "dreizehnter"}
    shown = [value for value in hidden if value and value in text]
    assert not shown


def test_nothing_personal_is_told_of_refused_records(desk):
    entity, field = {
        "etg24": ("mieter", "lastName"),
        "facilioo": ("parties", "secondaryName"),
    }[desk.partner]
    said = f"Vergeben: {' '.join(sorted(FORMS))}"
    rule = {"entity": entity, "field": field, "pattern": "Quast", "message": said}
    desk.simulator.faults(refuse=[rule])
    found = desk.run("sync", "activation", "--json")
    assert found.json()["totals"]["rejected"] >= 2
    unsent = {"Zwirnlein", "13.07.1966", "1966-07-13", "0171 3920077", "491713920077"}
    text = told(desk, found)
    assert not [value for value in FORMS - unsent if value in text]


def test_database_holds_keys_and_hashes_alone(desk, village):
    found = desk.run("sync", "activation")
    text = told(desk, found)
    assert village.ada in text
    assert not [value for value in FORMS if value in text]
    for path in desk.erp.glob("*.csv"):
        for row in desk.rows(path.stem):
            for name in ("vorname", "nachname", "emails", "telefone"):
                value = row.get(name)
                assert not value or value not in text, (name, value)


def test_nothing_is_left_in_the_folder_for_temporary_files(desk, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    desk.run("sync", "activation", TMPDIR=str(folder))
    assert list(folder.rglob("*")) == []
