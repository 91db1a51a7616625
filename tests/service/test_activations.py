"""Registered activations: what the commands keep, refuse and forget."""

import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
import yaml

from engine.errors import SpecError
from engine.runtime.database import metadata
from engine.runtime.run import synced
from engine.runtime.state import State
from engine.service.golive import require_approval
from engine.service.registry import Registry
from engine.service.tables import job_table
from engine.spec import Folders

MONDAY = datetime(2026, 11, 2, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path, monkeypatch):
    path = tmp_path / "service.db"
    monkeypatch.setenv("FELDWERK_DATABASE", str(path))
    return path


@pytest.fixture
def registry(etg24, state_url):
    with State(state_url) as state:
        yield Registry(state, Folders(etg24.root))


def listed(command):
    rows = command("activation", "list", "--json").json()["activations"]
    return {row["activation"]: row for row in rows}


def in_production(desk, **changes):
    """Write the same activation for production beside its file; return path, name."""
    content = yaml.safe_load(desk.path.read_text("utf-8"))
    content |= {"environment": "production", "base_url": "https://etg24.example.org"}
    path = desk.folder / "production.yaml"
    path.write_text(yaml.safe_dump({**content, **changes}), "utf-8")
    return path, desk.name.replace("/test", "/production")


class TestAdd:
    def test_it_is_listed_with_its_next_run(self, etg24, database, command):
        done = command("activation", "add", etg24.path, "--json")
        row = {"activation": etg24.name, "new": True}
        assert done.json() == {"activations": [row], "warnings": []}
        row = listed(command)[etg24.name]
        assert row["days"] == ["tuesday", "thursday", "sunday"]
        assert row["at"] == "03:30"
        assert row["next_run"][11:16] == "03:30"

    def test_adding_again_takes_over_what_the_file_says_now(
        self, etg24, database, command
    ):
        command("activation", "add", etg24.path)
        etg24.change(schedule={"at": "05:15", "days": ["monday"]})
        done = command("activation", "add", etg24.path, "--json")
        assert done.json()["activations"][0]["new"] is False
        row = listed(command)[etg24.name]
        assert (row["days"], row["at"]) == (["monday"], "05:15")
        assert row["next_run"][11:16] == "05:15"

    def test_all_problems_of_all_files_come_at_once_and_nothing_is_kept(
        self, etg24, database, command
    ):
        good = etg24.folder / "good.yaml"
        shutil.copy(etg24.path, good)
        other = etg24.folder / "other.yaml"
        shutil.copy(etg24.path, other)
        other.write_text(other.read_text().replace("stammdaten", "stammdatn"))
        etg24.change(settings={"separatr": "-"}, schedule={"at": "25:00"})
        done = command("activation", "add", good, etg24.path, other, "--json")
        assert done.code == 2
        codes = {problem["code"] for problem in done.json()["problems"]}
        assert codes == {"T004", "T302"}
        assert listed(command) == {}

    def test_one_activation_in_two_files_is_refused(self, etg24, database, command):
        copy = etg24.folder / "copy.yaml"
        shutil.copy(etg24.path, copy)
        done = command("activation", "add", etg24.path, copy)
        assert done.code == 2
        assert "is the same activation" in done.err

    def test_no_secret_is_kept(self, etg24, database, command):
        command("activation", "add", etg24.path)
        kept = b"".join(p.read_bytes() for p in database.parent.glob("service.db*"))
        assert b"env:ETG24" in kept
        for secret in etg24.simulator.credentials.values():
            assert secret.encode() not in kept

    def test_the_url_of_a_state_is_not_kept(self, etg24, database, command):
        etg24.change(state="postgresql://anna:s3cret@db.example.org/feldwerk")
        assert command("activation", "add", etg24.path).code == 0
        kept = b"".join(p.read_bytes() for p in database.parent.glob("service.db*"))
        assert b"s3cret" not in kept

    def test_the_file_need_not_be_there_any_more(self, etg24, registry):
        registry.add([etg24.path], MONDAY)
        etg24.path.unlink()
        ready = registry.activation(etg24.name)
        assert ready.state_url == registry.state.url
        with synced(ready) as plan:
            assert plan.totals["create"] > 0

    def test_a_state_of_syncs_by_hand_is_not_forgotten_silently(
        self, etg24, database, command
    ):
        etg24.sync()
        done = command("activation", "add", etg24.path)
        assert f"kept in {etg24.database}" in done.err
        done = command("activation", "add", etg24.path, "--database", etg24.database)
        assert done.err == ""

    def test_slots_before_it_was_added_are_not_missed(self, etg24, registry):
        registry.add([etg24.path], MONDAY)
        [row] = registry.overview()
        assert row["next_run"] == "2026-11-03T03:30:00+01:00"

    def test_changed_days_of_the_use_case_are_taken_up(self, etg24, registry):
        registry.folders = Folders(etg24.own_root())
        registry.add([etg24.path], MONDAY)
        folder = registry.folders.mappings("etg24") / "stammdaten"
        path = folder / "use_case.yaml"
        content = yaml.safe_load(path.read_text("utf-8"))
        content["schedule"] = ["saturday"]
        path.write_text(yaml.safe_dump(content, sort_keys=False), "utf-8")
        registry.refresh(MONDAY)
        [row] = registry.overview()
        assert row["next_run"] == "2026-11-07T03:30:00+01:00"

    def test_a_missing_database_is_named(self, etg24, database, command):
        done = command("activation", "list", "--json")
        assert done.code == 2
        assert done.json()["problems"][0]["code"] == "T307"


class TestPauseAndRemove:
    def test_a_paused_one_has_no_next_run_until_it_is_resumed(
        self, etg24, database, command
    ):
        command("activation", "add", etg24.path)
        command("activation", "pause", etg24.name)
        row = listed(command)[etg24.name]
        assert (row["state"], row["next_run"]) == ("paused", None)
        command("activation", "resume", etg24.name)
        row = listed(command)[etg24.name]
        assert row["state"] == "idle"
        assert row["next_run"] is not None

    def test_a_misspelt_name_gets_a_hint(self, etg24, database, command):
        command("activation", "add", etg24.path)
        for word in ("pause", "resume", "remove", "check-list", "run"):
            done = command(
                "activation", word, etg24.name.replace("muster", "mustr"), "--json"
            )
            assert done.code == 2
            [problem] = done.json()["problems"]
            assert problem["code"] == "D322"
            assert etg24.name in problem["suggestion"]

    def test_one_with_records_at_the_partner_is_removed_only_with_yes(
        self, etg24, registry, command
    ):
        registry.add([etg24.path], MONDAY)
        with synced(registry.activation(etg24.name)):
            pass
        url = registry.state.url
        done = command("activation", "remove", etg24.name, "--database", url, "--json")
        assert done.code == 3
        assert done.json()["problems"][0]["code"] == "D323"
        done = command(
            "activation", "remove", etg24.name, "--database", url, "--yes", "--json"
        )
        assert done.json()["links"] > 0
        with registry.state.engine.connect() as db:
            for table in metadata.sorted_tables:
                if table.name != "installation":
                    count = sa.select(sa.func.count()).select_from(table)
                    assert db.scalar(count) == 0, table.name

    def test_the_account_of_another_use_case_is_kept(self, etg24, registry):
        registry.add([etg24.path], MONDAY)
        registry.state.activation(etg24.name.replace("stammdaten", "schaeden"))
        registry.state.account("muster/etg24/test").save(b"sealed")
        registry.remove(etg24.name, yes=True)
        assert registry.state.account("muster/etg24/test").load() == b"sealed"
        registry.state.account("muster/etg24/test").save(None)

    def test_one_that_runs_is_not_removed(self, etg24, registry):
        registry.add([etg24.path], MONDAY)
        own = registry.state.activation(etg24.name)
        with own.exclusive(), pytest.raises(SpecError, match="D301"):
            registry.remove(etg24.name, yes=True)


class TestProduction:
    def test_a_sync_by_hand_without_approval_is_refused(self, etg24, command):
        path, name = in_production(etg24)
        done = command("sync", path, "--json")
        assert done.code == 2
        [problem] = done.json()["problems"]
        assert problem["code"] == "D320"
        assert name in problem["message"]
        assert "check-list" in problem["suggestion"]

    def test_another_name_of_the_environment_needs_it_too(self, etg24, command):
        in_production(etg24)
        etg24.change(environment="live", base_url="https://etg24.example.org")
        assert "D320" in etg24.invoke("sync", "activation").err

    def test_a_plan_needs_none(self, etg24, command):
        path, _ = in_production(etg24)
        assert command("plan", path, "--json").json()["totals"]["create"] > 0

    def test_an_approved_one_is_let_through_to_the_partner(self, etg24, command):
        path, name = in_production(
            etg24, base_url="https://127.0.0.1:9", state="feldwerk.db"
        )
        database = str(etg24.folder / "feldwerk.db")
        command("activation", "add", path, "--database", database)
        words = ("activation", "approve", name, "--by", "Erika Beispiel")
        assert command(*words, "--database", database).code == 0
        done = command("sync", path, "--json")
        # What refuses it now is its private address, as for any production.
        [problem] = done.json()["problems"]
        assert "private" in problem["message"]

    def test_the_approval_is_kept_with_name_date_and_version(
        self, etg24, database, command
    ):
        path, name = in_production(etg24)
        command("activation", "add", path)
        by = ("--by", "Erika Beispiel", "--note", "Ticket 4711")
        assert command("activation", "approve", name, *by).code == 0
        row = listed(command)[name]
        assert row["approved_by"] == "Erika Beispiel"
        assert row["approved_at"].startswith(f"{datetime.now(UTC):%Y-%m-%d}")
        assert row["approved_version"] == etg24.use_case["version"]
        with sqlite3.connect(database) as db:
            assert db.execute("SELECT note FROM approval").fetchall() == [
                ("Ticket 4711",)
            ]
        db.close()

    def test_nobody_is_no_name(self, etg24, database, command):
        path, name = in_production(etg24)
        command("activation", "add", path)
        assert command("activation", "approve", name, "--by", " ").code == 2
        assert listed(command)[name]["approved_at"] is None

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"settings": {"separator": "_"}}, "settings have changed: separator"),
            ({"base_url": "https://other.example.org"}, "the address became"),
        ],
    )
    def test_a_change_of_what_was_approved_needs_another_approval(
        self, etg24, registry, change, said, command
    ):
        path, name = in_production(etg24)
        registry.add([path], MONDAY)
        url = registry.state.url
        approve = ("activation", "approve", name, "--by", "E. B.", "--database", url)
        assert command(*approve).code == 0
        require_approval(registry.state.engine, registry.activation(name))
        if "settings" in change:
            change = {"settings": {**etg24.examples, **change["settings"]}}
        registry.add([in_production(etg24, **change)[0]], MONDAY)
        with pytest.raises(SpecError, match=f"D321.*{said}"):
            require_approval(registry.state.engine, registry.activation(name))
        assert command(*approve).code == 0
        require_approval(registry.state.engine, registry.activation(name))

    @pytest.mark.parametrize(("version", "holds"), [("2.0.0", False), ("1.9.9", True)])
    def test_an_approval_holds_for_the_major_version_of_the_spec(
        self, etg24, registry, version, holds, command
    ):
        registry.folders = Folders(etg24.own_root())
        path, name = in_production(etg24)
        registry.add([path], MONDAY)
        use_case = registry.folders.mappings("etg24") / "stammdaten" / "use_case.yaml"
        text = use_case.read_text("utf-8")
        known = yaml.safe_load(text)["version"]
        use_case.write_text(text.replace(known, "1.0.0", 1), "utf-8")
        words = ("activation", "approve", name, "--by", "E. B.")
        words = (*words, "--root", registry.folders.root)
        assert command(*words, "--database", registry.state.url).code == 0
        use_case.write_text(text.replace(known, version, 1), "utf-8")
        ready = registry.activation(name)
        assert ready.use_case.work.version == version
        if holds:
            require_approval(registry.state.engine, ready)
        else:
            with pytest.raises(SpecError, match=r"from 1\.0\.0 to 2\.0\.0"):
                require_approval(registry.state.engine, ready)


class TestCheckList:
    @pytest.fixture
    def text(self, etg24, database, command):
        path, name = in_production(etg24)
        command("activation", "add", etg24.path, path)
        done = command("activation", "check-list", name)
        assert done.code == 0, done.err
        return done.out

    def test_it_names_figures_settings_prerequisites_and_what_is_missing(
        self, etg24, text
    ):
        assert "# Prüfliste vor dem Start: muster/etg24/stammdaten/production" in text
        assert "- [x] Zugangsdatum `api_token` ist hinterlegt" in text
        assert "- [ ] In der Testumgebung durchgelaufen: noch NIE" in text
        assert "| Entität | beim Partner | neu | geändert |" in text
        for rule in etg24.use_case["prerequisites"]:
            assert " ".join(rule["text"].split()) in text
        for setting in etg24.use_case["settings"].values():
            assert setting["title"] in text

    def test_it_counts_what_is_left_out_by_rule(self, etg24, text):
        plan = etg24.plan()
        assert plan["totals"]["left_out"] > 0
        section = text.partition("## Ausgelassen, nach Regel")[2].partition("##")[0]
        counts = [
            int(line.split()[3]) for line in section.splitlines() if "mal" in line
        ]
        assert sum(counts) == plan["totals"]["left_out"]

    def test_it_names_records_that_would_be_sent(self, etg24, text):
        keys = {
            change["key"]
            for entity in etg24.plan()["entities"].values()
            for change in entity["changes"]
        }
        section = text.partition("## Stichproben")[2].partition("## Freigabe")[0]
        named = [line.split("`")[1] for line in section.splitlines() if "(ID" in line]
        assert named
        assert set(named) <= keys

    def test_it_shows_no_personal_data(self, text):
        assert "@example" not in text
        assert "Dorf" not in text

    def test_the_test_environment_that_went_through_is_named(
        self, etg24, database, command
    ):
        path, name = in_production(etg24)
        command("activation", "add", etg24.path, path)
        with State(f"sqlite:///{database}") as state:
            registry = Registry(state, Folders(etg24.root))
            with synced(registry.activation(etg24.name)):
                pass
        out = etg24.folder / "list.md"
        done = command("activation", "check-list", name, "--out", out, "--json")
        assert done.json()["tested_at"] is not None
        assert "- [x] In der Testumgebung durchgelaufen: zuletzt am" in out.read_text()

    def test_an_adoption_is_no_run_that_went_through(self, etg24, database, command):
        path, name = in_production(etg24)
        command("activation", "add", etg24.path, path)
        with State(f"sqlite:///{database}") as state:
            own = state.activation(etg24.name)
            own.start_run("1.0.0", kind="adopt").finish("done", {}, None)
        done = command("activation", "check-list", name, "--json")
        assert done.json()["tested_at"] is None

    def test_a_missing_credential_is_shown_and_does_not_stop_the_list(
        self, etg24, database, monkeypatch, command
    ):
        path, name = in_production(etg24)
        command("activation", "add", path)
        monkeypatch.delenv("ETG24_TOKEN")
        done = command("activation", "check-list", name)
        assert "- [ ] Zugangsdatum `api_token` FEHLT" in done.out


def test_an_activation_is_due_after_it_was_asked_for(etg24, registry):
    registry.add([etg24.path], MONDAY)
    registry.run_now(etg24.name, MONDAY + timedelta(hours=1))
    [row] = registry.overview()
    assert row["next_run"] == "2026-11-02T14:00:00+01:00"


class TestStatus:
    def test_it_shows_the_next_run_of_what_is_registered(
        self, etg24, database, command
    ):
        command("activation", "add", etg24.path)
        [found] = command("status", "--json").json()["activations"]
        assert found["activation"] == etg24.name
        assert found["last_run"] is None
        assert found["service"]["next_run"][11:16] == "03:30"
        assert "next run" in command("status").out

    def test_it_shows_what_stopped_the_last_run(self, etg24, registry, command):
        registry.add([etg24.path], MONDAY)
        with registry.state.engine.begin() as db:
            db.execute(sa.update(job_table).values(problem="D101", attempts=0))
        url = registry.state.url
        out = command("status", "--database", url).out
        assert "D101 Partner refuses the credentials" in out

    def test_a_paused_one_is_said_to_be(self, etg24, database, command):
        command("activation", "add", etg24.path)
        command("activation", "pause", etg24.name)
        assert "paused" in command("status").out

    def test_the_list_for_people_fits_and_names_who_approved(
        self, etg24, database, command
    ):
        path, name = in_production(etg24)
        command("activation", "add", etg24.path, path)
        command("activation", "approve", name, "--by", "Erika Beispiel")
        out = command("activation", "list").out
        assert f"{name}\n  Tuesday, Thursday, Sunday at 03:30; next 20" in out
        assert "by Erika Beispiel, spec" in out
        assert max(map(len, out.splitlines())) <= 80
