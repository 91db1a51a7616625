"""A person is forgotten: in every table, and in the bytes of the database."""

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from engine.app.cli import app
from engine.errors import SpecError
from engine.runtime.database import metadata
from engine.runtime.forgetting import forget
from engine.runtime.library import INSTALLED
from engine.runtime.signal_tables import erasure_table
from engine.runtime.state import State
from engine.spec import Folders

FOLDERS = Folders(INSTALLED)


@pytest.fixture
def desks(open_desk, village, state_url):
    """Two partners with one state, both of which have the village."""
    found = [open_desk(name, source=village.folder) for name in ("etg24", "facilioo")]
    for desk in found:
        desk.change(state=state_url)
        desk.sync()
    return found


@pytest.fixture
def state(desks, state_url):
    with State(state_url) as state:
        yield state


def words(state):
    """Return every value of every table, as text."""
    found = set()
    with state.engine.connect() as db:
        for name in sa.inspect(state.engine).get_table_names():
            rows = db.execute(sa.select(sa.text("*")).select_from(sa.table(name)))
            found |= {str(value) for row in rows for value in row}
    return found


def mentions(state, person):
    return [word for word in words(state) if person in word]


def rows(state):
    tables = ("link", "journal", "reject")
    with state.engine.connect() as db:
        return {
            name: db.scalar(
                sa.select(sa.func.count()).select_from(metadata.tables[name])
            )
            for name in tables
        }


def test_nothing_is_left_of_a_person_that_was_forgotten(state, village):
    assert mentions(state, village.eva)
    before = rows(state)
    found = forget(state, FOLDERS, village.eva, by="Dr. Muster")
    assert mentions(state, village.eva) == []
    after = rows(state)
    assert found.counts["links"] == before["link"] - after["link"] > 0
    assert found.counts["changes"] == before["journal"] - after["journal"] > 0
    assert found.activations == (
        "muster/etg24/stammdaten/test",
        "muster/facilioo/stammdaten/test",
    )


def test_nothing_of_other_persons_is_touched(state, village):
    others = {
        name: mentions(state, getattr(village, name)) for name in ("ada", "max", "otto")
    }
    forget(state, FOLDERS, village.eva)
    for name, known in others.items():
        assert sorted(mentions(state, getattr(village, name))) == sorted(known)


def test_partners_that_have_the_record_are_listed(state, village):
    found = forget(state, FOLDERS, village.eva, only_show=True)
    listed = {(held.partner, held.entity) for held in found.held}
    assert ("etg24", "mieter") in listed
    assert ("facilioo", "parties") in listed
    # Her part of the lease and of the ownership carry her key in theirs.
    assert ("facilioo", "unit_contracts_mieter") in listed
    assert ("facilioo", "unit_contracts_eigentuemer") in listed
    for held in found.held:
        assert village.eva in held.key
        assert held.our_id
        assert held.last_sent
    parties = [held for held in found.held if held.entity == "parties"]
    assert isinstance(parties[0].partner_id, int)


def test_to_show_removes_nothing(state, village):
    before = rows(state), sorted(words(state))
    found = forget(state, FOLDERS, village.eva, only_show=True)
    assert found.shown
    assert found.counts["links"] >= 4
    assert (rows(state), sorted(words(state))) == before


def test_a_record_that_happens_to_have_the_number_elsewhere_stays(state, village):
    """A unit whose number is the person's is no person."""
    with state.engine.begin() as db:
        link = metadata.tables["link"]
        row = db.execute(sa.select(link).where(link.c.entity == "units")).mappings()
        twin = {**row.first(), "key": f"1/9001/01/{village.eva}", "our_id": "u"}
        db.execute(sa.insert(link).values(twin))
    forget(state, FOLDERS, village.eva)
    assert mentions(state, village.eva) == [f"1/9001/01/{village.eva}"]


def test_rejects_of_the_person_go_and_others_do_not_name_them(
    open_desk, village, state_url
):
    desk = open_desk("facilioo", source=village.folder)
    desk.change(state=state_url)
    rule = {"entity": "parties", "field": "primaryName", "value": "Eva", "message": "x"}
    desk.simulator.faults(refuse=[rule])
    desk.sync()
    with State(state_url) as state:
        assert [m for m in mentions(state, village.eva) if "waits for" in m]
        found = forget(state, FOLDERS, village.eva)
        assert found.held == ()
        assert found.counts["rejects"] >= 2
        assert mentions(state, village.eva) == []


def test_a_message_about_another_record_loses_the_key_alone(state, village):
    reject = metadata.tables["reject"]
    with state.engine.begin() as db:
        row = {
            "activation_id": 1,
            "entity": "mietvertraege",
            "key": "1/9001/01/0001/01",
            "code": "R206",
            "message": f"waits for mieter {village.eva}, not for {village.eva}9",
            "origin": "",
            "since_run": 1,
            "last_run": 1,
        }
        db.execute(sa.insert(reject).values(row))
    found = forget(state, FOLDERS, village.eva)
    assert found.counts["messages"] == 1
    assert f"waits for mieter ***, not for {village.eva}9" in words(state)


def test_the_next_sync_sends_the_person_again(desks, state, village):
    forget(state, FOLDERS, village.eva)
    for desk in desks:
        before = desk.picture()
        result = desk.sync()
        assert result["totals"]["create"] + result["totals"]["update"] > 0
        assert desk.picture() == before
        assert desk.sync()["totals"]["create"] == 0


def test_our_id_will_do(state, village):
    with state.engine.begin() as db:
        link = metadata.tables["link"]
        of_eva = (link.c.entity == "parties", link.c.key == village.eva)
        db.execute(sa.update(link).where(*of_eva).values(our_id="P-EVA"))
    found = forget(state, FOLDERS, "P-EVA")
    assert found.keys == tuple(sorted(("P-EVA", village.eva)))
    assert mentions(state, village.eva) == []


def test_one_activation_may_be_named(state, village):
    name = "muster/etg24/stammdaten/test"
    found = forget(state, FOLDERS, village.eva, activation=name)
    assert found.activations == (name,)
    assert mentions(state, village.eva)


@pytest.mark.parametrize(
    "key", ["0", "", "nobody", "1/9001/01/0001", "%", "_", "'; DROP TABLE link; --"]
)
def test_a_key_of_nobody_is_refused(state, key):
    before = rows(state)
    with pytest.raises(SpecError) as caught:
        forget(state, FOLDERS, key)
    assert [p.code for p in caught.value.problems] == ["D341"]
    assert rows(state) == before


def test_an_unknown_activation_is_refused(state, village):
    with pytest.raises(SpecError, match="no activation of nord"):
        forget(state, FOLDERS, village.eva, customer="nord")


def test_two_customers_with_one_number_are_told_apart(state, village):
    with state.engine.begin() as db:
        link = metadata.tables["link"]
        own = state.activation("nord/etg24/stammdaten/test")
        row = db.execute(sa.select(link).where(link.c.key == village.eva)).mappings()
        theirs = {**row.first(), "activation_id": own.number, "entity": "mieter"}
        db.execute(sa.insert(link).values(theirs))
    with pytest.raises(SpecError, match=r"several customers.*muster, nord") as caught:
        forget(state, FOLDERS, village.eva)
    assert [p.code for p in caught.value.problems] == ["D346"]
    found = forget(state, FOLDERS, village.eva, customer="nord")
    assert found.activations == ("nord/etg24/stammdaten/test",)
    assert len(forget(state, FOLDERS, village.eva).activations) == 2


def test_a_run_under_way_is_not_disturbed(state, state_url, village):
    with State(state_url) as other:
        own = other.activation("muster/facilioo/stammdaten/test")
        before = rows(state)
        with own.exclusive(), pytest.raises(SpecError) as caught:
            forget(state, FOLDERS, village.eva)
    assert [p.code for p in caught.value.problems] == ["D301"]
    assert rows(state) == before


def test_without_a_spec_equal_keys_go_and_it_is_said(state, village, tmp_path):
    found = forget(state, Folders(tmp_path), village.eva)
    assert found.unread == found.activations
    assert {held.key for held in found.held} == {village.eva}


def test_who_had_it_done_is_kept_and_not_whom(state, village):
    forget(state, FOLDERS, village.eva, by="Dr. Muster")
    with state.engine.connect() as db:
        (row,) = db.execute(sa.select(erasure_table)).mappings()
    assert row["erased_by"] == "Dr. Muster"
    assert row["counts"]["links"] > 0
    assert village.eva not in str(dict(row))


def test_the_bytes_of_the_database_hold_nothing_either(open_desk, village):
    for name in ("etg24", "facilioo"):
        desk = open_desk(name, source=village.folder)
        desk.sync()
        marks = [f"{village.eva}".encode()]
        words_ = ["forget", village.eva, "--database", str(desk.database)]
        found = CliRunner().invoke(app, [*words_, "--dry-run"])
        assert found.exit_code == 0, found.stderr
        assert holds(desk, marks)
        assert CliRunner().invoke(app, words_).exit_code == 0
        assert not holds(desk, marks)


def holds(desk, marks):
    files = list(desk.folder.glob("feldwerk.db*"))
    return [mark for mark in marks for path in files if mark in path.read_bytes()]


def invoke(*words_):
    found = CliRunner().invoke(app, [str(word) for word in words_])
    return found.exit_code, found.stdout, found.stderr


def test_the_command_says_who_has_the_record_and_what_comes_next(etg24, village):
    etg24.sync()
    place = ("--database", etg24.database)
    code, out, _ = invoke("forget", village.eva, *place, "--dry-run")
    assert code == 0
    assert "Would remove 2 links" in out
    code, out, _ = invoke("forget", village.eva, *place, "--by", "Dr. Muster")
    assert code == 0
    assert "Removed 2 links" in out
    assert f"  muster/etg24/stammdaten/test: mieter {village.eva}" in out
    assert "; last sent 20" in out
    assert "the next sync sends it again" in out
    code, _, err = invoke("forget", village.eva, *place)
    assert code == 2
    assert "D341" in err


def test_the_command_gives_json(etg24, village):
    etg24.sync()
    code, out, _ = invoke(
        "forget", village.eva, "--database", etg24.database, "--json", "--dry-run"
    )
    assert code == 0
    assert '"our_id"' in out
    assert '"shown": true' in out
