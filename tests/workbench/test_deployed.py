"""What is deployed: each run names its spec, and the state gives its files back."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from engine.app.workbench.versions import opened
from engine.errors import SpecError
from engine.runtime.database import (
    MIGRATIONS,
    open_database,
    run_table,
    spec_table,
    writing,
)
from engine.runtime.deployed import KeptSpec, deployed
from engine.runtime.library import check_partner
from engine.runtime.retention import purge
from engine.runtime.spec_files import spec_of
from engine.runtime.state import State
from engine.spec import Folders

NAME = "muster/etg24/stammdaten/test"
TABLE = "mappings/partners/etg24/stammdaten/objekte.csv"


def kept(mark, version="1.0.0"):
    content = f'{{"{TABLE}":"{mark}"}}'.encode()
    return KeptSpec(mark, "etg24", "stammdaten", version, content)


@pytest.fixture
def state(state_url):
    with State(state_url) as state:
        yield state


@pytest.fixture
def own(state):
    return state.activation(NAME)


def hashes(engine):
    with engine.connect() as db:
        return set(db.scalars(sa.select(spec_table.c.hash)))


def test_the_last_run_says_what_is_deployed(state, own):
    own.start_run("1.0.0", spec=kept("a"))
    last = own.start_run("1.1.0", spec=kept("b", "1.1.0"))
    found = deployed(state.engine, NAME)
    assert found.spec == kept("b", "1.1.0")
    assert found.spec.files == {TABLE: "b"}
    assert found.run == last.number
    assert found.started_at == own.last_run()["started_at"]


def test_a_spec_is_kept_once_however_often_it_runs(state, own):
    other = state.activation("nord/etg24/stammdaten/test")
    for one in (own, own, other):
        one.start_run("1.0.0", spec=kept("a")).finish("done", {}, None)
    assert hashes(state.engine) == {"a"}
    with state.engine.connect() as db:
        assert set(db.scalars(sa.select(run_table.c.spec))) == {"a"}


def test_a_spec_that_comes_back_is_deployed_again(state, own):
    for mark in ("a", "b", "a"):
        own.start_run("1.0.0", spec=kept(mark))
    assert deployed(state.engine, NAME).spec.hash == "a"


def test_a_run_that_sends_nothing_leaves_deployed_what_is(state, own):
    own.start_run("1.0.0", spec=kept("a"))
    own.start_run("1.1.0", kind="repair")
    assert deployed(state.engine, NAME).spec.hash == "a"


def test_nothing_is_deployed_before_the_first_run(state, own):
    assert deployed(state.engine, NAME) is None
    assert deployed(state.engine, "no/such/activation/test") is None


def test_run_and_spec_are_one_transaction(state, own):
    broken = KeptSpec("a", "etg24", "stammdaten", None, b"{}")
    with pytest.raises(sa.exc.IntegrityError):
        own.start_run("1.0.0", spec=broken)
    assert own.last_run() is None
    assert hashes(state.engine) == set()


def test_specs_go_with_the_last_run_that_names_them(state, own):
    for mark in ("a", "b", "a", "c"):
        own.start_run("1.0.0", spec=kept(mark)).finish("done", {}, None)
    with state.engine.begin() as db:
        old = datetime.now(UTC) - timedelta(days=100)
        gone = sa.update(run_table).where(run_table.c.id < 4)
        db.execute(gone.values(finished_at=old))
    counts = purge(state.engine, datetime.now(UTC))
    assert (counts["runs"], counts["specs"]) == (3, 2)
    assert hashes(state.engine) == {"c"}
    assert deployed(state.engine, NAME).spec.hash == "c"


def test_a_database_from_before_is_migrated_and_knows_no_spec(state_url):
    engine = open_database(state_url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as db:
        config.attributes["connection"] = db
        command.upgrade(config, "0005")
        db.execute(sa.text(f"INSERT INTO activation (name) VALUES ('{NAME}')"))
        db.execute(
            sa.text(
                "INSERT INTO run (activation_id, started_at, state, spec_version,"
                " totals) VALUES (1, '2026-01-01 00:00:00', 'done', '1.0.0', '{}')"
            )
        )
    engine.dispose()
    with State(state_url) as state:
        assert deployed(state.engine, NAME) is None
        own = state.activation(NAME)
        assert own.last_run()["spec"] is None
        own.start_run("1.0.0", spec=kept("a"))
        assert deployed(state.engine, NAME).spec.hash == "a"


class TestOfAnActivation:
    """Real runs, and their spec as a version among others."""

    def found(self, desk):
        with desk.own_state() as own:
            return deployed(own.engine, desk.name)

    def test_a_sync_keeps_the_files_that_it_was_made_from(self, etg24):
        root = etg24.own_root()
        etg24.sync()
        spec = self.found(etg24).spec
        assert spec == spec_of(etg24.activation())
        assert (spec.partner, spec.use_case) == ("etg24", "stammdaten")
        for name in (
            "connectors/partners/etg24.yaml",
            "mappings/partners/etg24/partner.yaml",
            "mappings/partners/etg24/stammdaten/use_case.yaml",
            "schemas/partners/etg24/objekte.json",
            "schemas/standard/gebaeude.json",
            TABLE,
        ):
            assert spec.files[name] == (root / name).read_text("utf-8"), name
        lists = root / "mappings/partners/etg24/stammdaten/lists"
        for path in lists.glob("*.csv"):
            assert path.relative_to(root).as_posix() in spec.files
        assert not [name for name in spec.files if "facilioo" in name]

    def test_an_applied_plan_and_an_adoption_keep_theirs_too(self, etg24):
        plan, report = etg24.folder / "plan.json", etg24.folder / "report.json"
        spec = spec_of(etg24.activation())
        etg24.invoke("plan", "activation", "--out", str(plan))
        assert etg24.invoke("apply", str(plan)).code in (0, 1)
        assert self.found(etg24).spec == spec
        etg24.lose_the_state()
        assert etg24.invoke("match", "activation", "--out", str(report)).code == 0
        assert etg24.invoke("adopt", str(report), "--by", "Anna").code == 0
        assert self.found(etg24).spec == spec

    def test_what_no_spec_is_read_from_is_not_kept(self, etg24):
        folder = etg24.own_root() / "mappings/partners/etg24/stammdaten"
        before = spec_of(etg24.activation())
        (folder / "~$objekte.xlsx").write_bytes(b"\x00\xff")
        assert spec_of(etg24.activation()) == before

    def test_a_change_counts_from_the_next_run_on(self, etg24):
        table = etg24.own_root() / TABLE
        etg24.sync()
        before = table.read_text("utf-8")
        table.write_text(before + "\n", "utf-8")
        assert self.found(etg24).spec.files[TABLE] == before
        etg24.sync()
        assert self.found(etg24).spec.files[TABLE] == before + "\n"

    def test_it_is_a_version_that_passes_the_check(self, etg24):
        etg24.sync()
        here = Folders(etg24.root)
        place = f"sqlite:///{etg24.database}"
        with opened(f"deployed:{etg24.name}", here, database=place) as version:
            assert version.label == f"deployed:{etg24.name}"
            assert version.partners == ("etg24",)
            assert (version.folders.root / TABLE).is_file()
            assert check_partner(version.folders, "etg24") == ()
            folder = version.folders.root
        assert not folder.exists()

    def test_a_version_of_an_activation_that_never_ran_is_a_problem(self, etg24):
        etg24.sync()
        place = f"sqlite:///{etg24.database}"
        with (
            pytest.raises(SpecError) as caught,
            opened("deployed:muster/etg24/x/test", Folders(etg24.root), place),
        ):
            pass
        (problem,) = caught.value.problems
        assert problem.code == "S046"
        assert f"Did you mean '{etg24.name}'?" in problem.suggestion

    def test_the_file_of_an_activation_says_its_name_and_its_database(self, etg24):
        etg24.own_root()
        etg24.sync()
        here = Folders(etg24.root)
        (etg24.root / TABLE).write_text("no table", "utf-8")
        with opened(f"deployed:{etg24.path}", here) as version:
            assert version.partners == ("etg24",)
            assert check_partner(version.folders, "etg24") == ()
        found = etg24.invoke("diff", f"deployed:{etg24.path}", str(etg24.root))
        assert "S046" not in found.err

    def test_a_database_goes_before_the_one_that_the_file_names(self, etg24):
        etg24.sync()
        other = etg24.folder / "other.db"
        etg24.database.rename(other)
        version, here = f"deployed:{etg24.path}", Folders(etg24.root)
        with pytest.raises(SpecError, match="T307"), opened(version, here):
            pass
        assert not etg24.database.exists()
        with opened(version, here, str(other)) as found:
            assert found.partners == ("etg24",)

    def test_a_file_that_is_no_activation_is_a_problem(self, etg24):
        path = etg24.folder / "other.yaml"
        path.write_text("customer: muster\n", "utf-8")
        version = f"deployed:{path}"
        with pytest.raises(SpecError), opened(version, Folders(etg24.root)):
            pass

    def test_it_is_not_guessed_in_which_database_to_look(self, etg24):
        with (
            pytest.raises(SpecError) as caught,
            opened(f"deployed:{etg24.name}", Folders(etg24.root)),
        ):
            pass
        (problem,) = caught.value.problems
        assert problem.code == "S046"
        assert "--database" in problem.message

    def test_a_database_is_not_made_by_asking_it(self, etg24):
        missing = etg24.folder / "other.db"
        with (
            pytest.raises(SpecError, match="T307"),
            opened(f"deployed:{NAME}", Folders(etg24.root), str(missing)),
        ):
            pass
        assert not missing.exists()

    def test_a_path_out_of_the_folder_is_not_written(self, etg24, tmp_path):
        etg24.sync()
        bad = KeptSpec("x", "etg24", "stammdaten", "1", b'{"../../out.csv":"x"}')
        with etg24.own_state() as own:
            own.start_run("1.0.0", spec=bad)
        place = f"sqlite:///{etg24.database}"
        with (
            pytest.raises(SpecError, match="S046"),
            opened(f"deployed:{etg24.name}", Folders(etg24.root), place),
        ):
            pass
        assert not list(Path(tmp_path).rglob("out.csv"))
