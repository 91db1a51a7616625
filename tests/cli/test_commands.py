"""The command line: what each command prints, where, and its exit code."""

import json
import os
import signal
import subprocess
import sys

import httpx
import pytest
from typer.testing import CliRunner

from engine.app.cli import app
from engine.runtime.library import INSTALLED
from tools.simulator import Simulator

COUNTS = {
    *("create", "update", "replace", "remove", "held"),
    *("unchanged", "left_out", "rejected"),
}


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request):
    """The village at each partner in turn."""
    return request.getfixturevalue(request.param)


class TestCheck:
    def test_sound_specs_pass(self, etg24):
        found = etg24.invoke("check")
        assert found.code == 0
        assert found.out.endswith("0 errors, 0 warnings\n")

    def test_problems_are_listed_with_their_places(self, etg24):
        root = etg24.own_root()
        path = root / "mappings/partners/etg24/stammdaten/objekte.csv"
        path.write_text(path.read_text("utf-8").replace(",first,", ",frist,"), "utf-8")
        found = etg24.invoke("check")
        assert found.code == 2
        place = "mappings/partners/etg24/stammdaten/objekte.csv:13"
        assert f"{place} [transform] M104:" in found.out
        assert "Did you mean 'first'?" in found.out

    def test_a_broken_partner_does_not_hide_another_one(self, etg24):
        root = etg24.own_root()
        for partner in ("etg24", "facilioo"):
            path = root / "connectors/partners" / f"{partner}.yaml"
            path.write_text("partner: [", "utf-8")
        found = etg24.invoke("check", "--json")
        files = {problem["file"] for problem in found.json()["problems"]}
        assert found.code == 2
        assert {f"connectors/partners/{p}.yaml" for p in ("etg24", "facilioo")} <= files

    def test_partner_may_be_named(self, etg24):
        root = etg24.own_root()
        (root / "connectors/partners/facilioo.yaml").write_text("partner: [", "utf-8")
        assert etg24.invoke("check", "etg24").code == 0
        assert etg24.invoke("check", "facilioo").code == 2

    def test_unknown_partner_is_refused_with_a_hint(self, etg24):
        found = etg24.invoke("check", "etg42", "--json")
        (problem,) = found.json()["problems"]
        assert found.code == found.json()["exit_code"] == 2
        assert problem["suggestion"] == "Did you mean 'etg24'?"


class TestPlanAndSync:
    def test_plan_as_json_is_all_of_standard_output(self, desk):
        found = desk.run("plan", "activation", "--json")
        assert found.code == 0
        assert set(found.json()["totals"]) == COUNTS
        assert "Reading" in found.err
        assert not desk.simulator.calls

    def test_plan_for_people_shows_figures_and_reasons(self, desk):
        found = desk.run("plan", "activation")
        assert found.code == 0
        assert f"Plan: {desk.name}" in found.out
        assert "mieter_email: Es werden nur Mieter" in found.out
        assert f"feldwerk explain {desk.path} ENTITY KEY" in found.out

    def test_sync_as_json_has_the_shape_of_the_plan(self, desk):
        planned = desk.invoke("plan", "activation", "--json").json()
        done = desk.invoke("sync", "activation", "--json").json()
        assert done == planned

    def test_other_ids_are_shown_in_the_plan_and_stop_the_sync(self, desk):
        desk.sync()
        desk.change(settings={"separator": "_"})
        planned = desk.invoke("plan", "activation")
        stopped = desk.invoke("sync", "activation")
        assert "1-9001 -> 1_9001" in planned.out
        assert (stopped.code, stopped.out) == (3, "")
        assert "D303" in stopped.err

    def test_rejected_records_are_shown_with_their_reason(self, desk):
        desk.set("verwaltungseinheit", {"we_nr": "9003"}, wohnflaeche="siebzig")
        found = desk.invoke("sync", "activation")
        assert found.code == 1
        assert "1/9003/01/0001: verwaltungseinheit.csv:6 [wohnflaeche]" in found.out

    def test_problem_of_an_activation_goes_to_standard_error(self, etg24):
        etg24.change(settings={"seperator": "-"})
        found = etg24.run("sync", "activation")
        assert (found.code, found.out) == (2, "")
        assert f"{etg24.path}:" in found.err
        assert "Did you mean 'separator'?" in found.err

    def test_missing_argument_is_wrong_use(self, etg24):
        assert etg24.run("sync").code == 2

    def test_report_into_a_pipe_that_closes_is_no_error(self, etg24):
        code = "from engine.app.cli import main; main()"
        command = [sys.executable, "-c", code, "plan", str(etg24.path), "--json"]
        with subprocess.Popen(
            command, cwd=INSTALLED, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            process.stdout.close()
            said = process.stderr.read().decode()
        assert "Traceback" not in said
        assert process.returncode == 0


class TestStatus:
    def test_activation_that_never_ran_has_no_run(self, etg24):
        (found,) = etg24.invoke("status", "activation", "--json").json()["activations"]
        assert found == {
            "activation": etg24.name,
            "file": str(etg24.path),
            "last_run": None,
            "rejects": [],
            "held": [],
        }

    def test_last_run_and_open_rejects_are_shown(self, etg24):
        rule = {"entity": "objekte", "field": "title", "value": "Eingang Süd"}
        etg24.simulator.faults(refuse=[rule])
        etg24.sync()
        (found,) = etg24.invoke("status", "activation", "--json").json()["activations"]
        assert found["last_run"]["state"] == "done"
        assert found["last_run"]["totals"]["rejected"] == len(found["rejects"])
        assert {"entity": "objekte", "key": "1/9001/02", "code": "D201"}.items() <= {
            **next(r for r in found["rejects"] if r["entity"] == "objekte")
        }.items()

    def test_database_may_be_named_instead(self, etg24):
        etg24.sync()
        found = etg24.invoke("status", "--state", str(etg24.database), "--json")
        assert [a["activation"] for a in found.json()["activations"]] == [etg24.name]

    def test_database_that_is_not_there_is_not_made(self, etg24):
        found = etg24.invoke("status", "--state", str(etg24.database), "--json")
        assert found.code == 2
        assert found.json()["problems"][0]["code"] == "T307"
        assert not etg24.database.exists()

    def test_status_for_people_names_the_activation(self, etg24):
        etg24.sync()
        found = etg24.invoke("status", "activation")
        assert found.code == 0
        assert "muster/etg24" in found.out


class TestExplain:
    def test_fields_of_a_sent_record_have_their_rows_and_values(self, etg24):
        etg24.sync()
        (found,) = etg24.invoke(
            "explain", "activation", "objekte", "1-9001-02", "--json"
        ).json()
        shown = [
            f for f in found["fields"] if f["fate"] not in ("condition", "earlier")
        ]
        fields = {field["partner_field"]: field for field in shown}
        assert found["state"] == "accepted"
        assert fields["title"]["value"] == "Eingang Süd"
        assert fields["title"]["row"].endswith("etg24/stammdaten/objekte.csv:3")
        assert fields["extId"]["erp_fields"] == ["mandant_nr", "we_nr", "geb_nr"]

    def test_record_is_found_by_its_erp_key(self, etg24):
        (found,) = etg24.invoke(
            "explain", "activation", "gebaeude", "1/9001/02", "--json"
        ).json()
        assert (found["id"], found["state"]) == ("1-9001-02", "not sent yet")

    def test_change_since_the_last_sync_is_told(self, etg24):
        etg24.sync()
        etg24.set("gebaeude", {"geb_nr": "02"}, bezeichnung="Neu")
        (found,) = etg24.invoke(
            "explain", "activation", "objekte", "1-9001-02", "--json"
        ).json()
        assert found["state"] == "changed since it was accepted"

    def test_partners_id_is_told(self, facilioo):
        facilioo.sync()
        (found,) = facilioo.invoke(
            "explain", "activation", "units", "1-9001-02-0001", "--json"
        ).json()
        unit = facilioo.records("units")["1-9001-02-0001"]
        assert found["partner_id"] == unit["id"]

    def test_one_erp_record_is_explained_for_each_partner_entity(self, facilioo):
        found = facilioo.invoke(
            "explain", "activation", "gebaeude", "1/9001/02", "--json"
        ).json()
        states = {item["entity"]: item["state"] for item in found}
        assert states == {"properties": "elsewhere", "entrances": "not sent yet"}

    def test_record_that_is_left_out_has_rule_and_chain(self, etg24, village):
        found = etg24.invoke(
            "explain", "activation", "mietvertraege", "1-9001-01-0002-01"
        )
        assert found.code == 0
        assert "left_out" in found.out
        assert "R302 mieter_email" in found.out
        assert f"because of mieter {village.theo}" in found.out

    def test_record_that_is_rejected_has_its_reason(self, etg24):
        etg24.set("verwaltungseinheit", {"we_nr": "9003"}, wohnflaeche="siebzig")
        (found,) = etg24.invoke(
            "explain", "activation", "einheiten", "1/9003/01/0001", "--json"
        ).json()
        assert (found["state"], found["code"]) == ("rejected", "R101")

    def test_record_that_the_partner_refused_is_not_called_sent(self, etg24):
        rule = {"entity": "objekte", "field": "title", "value": "Eingang Süd"}
        etg24.simulator.faults(refuse=[rule])
        etg24.sync()
        (found,) = etg24.invoke(
            "explain", "activation", "objekte", "1-9001-02", "--json"
        ).json()
        assert found["state"] != "accepted"

    def test_person_without_a_contract_is_told_so(self, etg24, village):
        etg24.edit(
            "mietvertrag_mieter",
            lambda rows: [row for row in rows if row["gp_nr"] != village.ada],
        )
        found = etg24.invoke("explain", "activation", "mieter", village.ada, "--json")
        assert "no contract" in found.json()[0]["reason"]

    @pytest.mark.parametrize(
        ("entity", "key", "code"),
        [("objekte", "1-9001-77", "R209"), ("objecte", "1-9001-01", "M110")],
    )
    def test_unknown_record_or_entity_is_refused(self, etg24, entity, key, code):
        found = etg24.invoke("explain", "activation", entity, key, "--json")
        assert found.code == 2
        assert [problem["code"] for problem in found.json()["problems"]] == [code]

    def test_explaining_sends_nothing(self, etg24):
        etg24.invoke("explain", "activation", "objekte", "1-9001-02")
        assert not etg24.simulator.calls


class TestNewPartner:
    def test_new_partner_is_checked_simulated_and_synced_by_files_alone(
        self, etg24, tmp_path, monkeypatch
    ):
        root = etg24.own_root()
        made = etg24.invoke("new", "partner", "acme", "--json")
        assert made.code == 0
        assert all((root / path).is_file() for path in made.json()["files"])
        assert etg24.invoke("check", "--json").json()["problems"] == []
        monkeypatch.setenv("ACME_TOKEN", "simulated-api_token")
        with Simulator("acme", root) as simulator:
            etg24.change(
                partner="acme",
                base_url=simulator.base_url,
                credentials={"api_token": "env:ACME_TOKEN"},
            )
            assert etg24.invoke("sync", "activation").code == 0
            held = {r["externalId"]: r for r in simulator.records("buildings")}
        assert held.keys() == {"1-9001-01", "1-9001-02", "2-9002-01", "1-9003-01"}
        assert held["1-9001-02"]["name"] == "Eingang Süd"

    def test_new_partner_can_be_made_in_an_empty_folder(self, etg24, tmp_path):
        etg24.root = tmp_path / "empty"
        etg24.root.mkdir()
        assert etg24.invoke("new", "partner", "acme").code == 0
        assert etg24.invoke("check", "acme").code == 0

    def test_partner_that_is_there_is_not_overwritten(self, etg24):
        root = etg24.own_root()
        path = root / "mappings/partners/etg24/stammdaten/use_case.yaml"
        before = path.read_bytes()
        assert etg24.invoke("new", "partner", "etg24").code == 2
        assert path.read_bytes() == before

    @pytest.mark.parametrize("name", ["Acme", "../acme", "a b", "4711", ""])
    def test_name_that_cannot_be_one_is_refused(self, etg24, name):
        root = etg24.own_root()
        before = sorted(root.rglob("*"))
        assert etg24.invoke("new", "partner", name).code == 2
        assert sorted(root.rglob("*")) == before


def feldwerk(*words):
    code = "from engine.app.cli import main; main()"
    return [sys.executable, "-c", code, *words]


def test_simulate_serves_until_it_is_ended(tmp_path):
    with subprocess.Popen(
        feldwerk("simulate", "etg24", "--quiet", "--fault", "429=0.5"),
        cwd=INSTALLED,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        facts = json.loads(process.stdout.readline())
        overview = httpx.get(facts["control"]).json()
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    assert facts["partner"] == overview["partner"] == "etg24"
    assert overview["faults"]["rates"] == {"429": 0.5}
    assert process.returncode == 0


def test_simulate_refuses_an_unknown_partner(etg24):
    found = etg24.invoke("simulate", "etg42")
    assert found.code == 2
    assert "Did you mean 'etg24'?" in found.err


def test_unknown_command_is_wrong_use(etg24):
    assert etg24.run("nothing").code == 2


def test_help_names_every_command():
    out = CliRunner().invoke(app, ["--help"]).stdout
    commands = ("check", "plan", "sync", "status", "explain", "simulate", "new", "demo")
    assert all(command in out for command in commands)


def test_another_run_of_the_activation_is_told(desk):
    with desk.own_state() as state, state.exclusive():
        found = desk.run("sync", "activation")
    assert found.code == 2
    assert "D301" in found.err
    assert not desk.simulator.calls


class TestDemo:
    def test_a_piped_demo_ends_and_leaves_no_process(self, tmp_path):
        code = "from engine.app.cli import main; main()"
        demo = subprocess.Popen(
            [sys.executable, "-c", code, "demo", "etg24", "--units", "8"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        # The pipe ends only when nobody holds it any more, a simulator neither.
        out, _ = demo.communicate(timeout=100)
        assert demo.returncode == 0
        assert b"nothing is sent" in out
        assert b"Try next" in out
