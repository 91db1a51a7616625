"""`feldwerk try --watch`: what is saved is tried at once."""

import json
import os
import signal

import pytest
from on_terminal import OnTerminal

from engine.app.workbench.trial.watching import Watched
from engine.spec import Folders

SPEC = "mappings/partners/etg24/stammdaten"
TABLE = f"{SPEC}/objekte.csv"


@pytest.fixture
def root(etg24):
    return etg24.own_root()


@pytest.fixture
def watching(root, village):
    """Return what starts a watch that has shown its record once."""

    def start(*words):
        facts = ("try", "etg24", "objekte", "--source", village.folder, "--watch")
        person = OnTerminal(*facts, "--key", "1-9001-02", *words, root=root)
        person.first = person.read_until("Ctrl-C ends.")
        return person

    return start


def change(path, old, new):
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def test_saved_table_is_shown_again_with_what_has_changed(root, watching):
    with watching() as person:
        assert '"title": "Eingang Süd"' in person.first
        change(root / TABLE, "title,bezeichnung,", "title,ort,")
        assert f"Saved: {TABLE}" in person.read_until("Changed")
        assert '"Eingang Süd" -> "Dresden"' in person.read_until('"Dresden"\n')


def test_problem_is_shown_with_the_old_payload_and_mended(root, watching):
    with watching() as person:
        change(root / TABLE, "title,bezeichnung,", "title,bezeichnug,")
        shown = person.read_until("Payload")
        assert f"{TABLE}:3 [erp_field] M101" in shown
        assert "As it was before" in shown
        change(root / TABLE, "title,bezeichnug,", "title,ort,")
        assert "M101" not in person.read_until("Changed").partition("Saved")[2]


def test_list_use_case_schema_and_connector_are_watched_too(root, watching):
    schema = root / "schemas/partners/etg24/objekte.json"
    with watching() as person:
        for path in (
            root / SPEC / "use_case.yaml",
            root / "connectors/partners/etg24.yaml",
            schema,
        ):
            path.write_bytes(path.read_bytes() + b"\n")
            name = path.relative_to(root).as_posix()
            person.read_until(f"Saved: {name}")
            person.read_until("Payload")


def test_file_that_is_replaced_by_renaming_counts_as_saved(root, watching):
    beside = root / SPEC / ".objekte.csv.tmp"
    beside.write_bytes((root / TABLE).read_bytes().replace(b",land,", b",ort,"))
    with watching() as person:
        beside.replace(root / TABLE)
        person.read_until(f"Saved: {TABLE}")
        assert "address.country" in person.read_until("Payload")


def test_table_that_is_gone_for_a_while_ends_nothing(root, watching):
    text = (root / TABLE).read_bytes()
    with watching() as person:
        (root / TABLE).unlink()
        assert "T001" in person.read_until("Payload")
        (root / TABLE).write_bytes(text)
        person.read_until(f"Saved: {TABLE}")
        assert "would be sent" in person.read_until("Payload")


def test_changed_row_stays_on_top_of_what_is_saved(root, watching):
    with watching("--row", "partner_field=address.zip, erp_field=ort") as person:
        change(root / TABLE, "title,bezeichnung,", "title,plz,")
        shown = person.read_until("Changed")
        assert '"zip": "Dresden"' in shown
        assert '"title": "01067"' in shown


def test_each_save_is_one_line_of_json(root, watching):
    with watching("--json") as person:
        change(root / TABLE, "title,bezeichnung,", "title,ort,")
        person.read_until(f"Saved: {TABLE}\n")
        answer = json.loads(person.read_until("\n"))
    assert answer["changes"] == [
        {"field": "title", "before": "Eingang Süd", "after": "Dresden"}
    ]


def test_it_ends_when_the_person_says_so(watching):
    with watching() as person:
        person.process.send_signal(signal.SIGINT)
        assert person.wait() == 0


def test_what_an_editor_keeps_beside_a_file_is_no_save(root):
    watched = Watched(Folders(root), "etg24")
    count = watched.count
    for name in (".objekte.csv.swp", "objekte.csv~", "4913", "#objekte.csv#"):
        (root / SPEC / name).write_text("x", "utf-8")
    assert Watched(Folders(root), "etg24").count == count
    (root / SPEC / "neu.csv").write_text("partner_field\n", "utf-8")
    assert next(watched.saves()) == [f"{SPEC}/neu.csv"]


def test_a_pipe_in_the_folder_ends_nothing(root, watching):
    with watching() as person:
        os.mkfifo(root / SPEC / "pipe.csv")
        change(root / TABLE, "title,bezeichnung,", "title,ort,")
        person.read_until(f"Saved: {TABLE}")
        assert "title" in person.read_until("Payload")
