"""Whatever is wrong, the run ends with its exit code and place, and sends nothing."""

import shutil

import pytest

FILES = (
    "eigentuemervertrag",
    "eigentuemervertrag_eigentuemer",
    "gebaeude",
    "geschaeftspartner",
    "mietvertrag",
    "mietvertrag_mieter",
    "verwaltungseinheit",
    "wirtschaftseinheit",
)


@pytest.fixture(params=["etg24", "facilioo"])
def desk(request):
    """The village at each partner in turn."""
    return request.getfixturevalue(request.param)


def stopped(desk, code):
    """Run a sync that must end at once; returns its problems."""
    desk.simulator.calls.clear()
    found = desk.invoke("sync", "activation", "--json")
    assert found.code == code, found.out + found.err
    assert found.json()["exit_code"] == code
    assert not desk.simulator.calls
    return found.json()["problems"]


def by_code(problems, code):
    found = [problem for problem in problems if problem["code"] == code]
    assert found, problems
    return found[0]


def test_all_problems_of_a_spec_are_named_at_once(desk):
    folder = desk.own_root() / "mappings" / "partners" / desk.partner / "stammdaten"
    table, field = {
        "etg24": ("objekte", "title"),
        "facilioo": ("properties", "name"),
    }[desk.partner]
    path = folder / f"{table}.csv"
    text = path.read_text("utf-8")
    text = text.replace(",join,", ",jion,").replace("strasse,", "strase,")
    path.write_text(text.replace(f"\n{field},", f"\n{field}x,"), "utf-8")
    problems = stopped(desk, 2)
    assert {"M101", "M104", "C101"} <= {problem["code"] for problem in problems}
    transform = by_code(problems, "M104")
    assert transform["suggestion"] == "Did you mean 'join'?"
    line = 1 + next(n for n, row in enumerate(text.split("\n")) if "jion" in row)
    place = f"mappings/partners/{desk.partner}/stammdaten/{table}.csv"
    assert (transform["file"], transform["line"]) == (place, line)


def test_missing_environment_variable_is_named(desk, monkeypatch):
    name = {"etg24": "ETG24_TOKEN", "facilioo": "FACILIOO_PASSWORD"}[desk.partner]
    monkeypatch.delenv(name)
    (problem,) = stopped(desk, 4)
    assert problem["code"] == "D101"
    assert desk.name in problem["message"]
    assert f"env:{name}" in problem["message"]


def test_credential_of_a_missing_file_is_named(etg24):
    etg24.change(credentials={"api_token": "file:/nowhere/token"})
    (problem,) = stopped(etg24, 4)
    assert "file:/nowhere/token" in problem["message"]


def test_credential_is_read_from_a_file(etg24, tmp_path):
    (tmp_path / "token").write_text("simulated-api_token\n", "utf-8")
    etg24.change(credentials={"api_token": f"file:{tmp_path / 'token'}"})
    assert etg24.sync()["totals"]["create"]


def test_credential_in_clear_is_refused_and_not_repeated(etg24):
    etg24.change(credentials={"api_token": "geheim-4711"})
    (problem,) = stopped(etg24, 2)
    assert problem["code"] == "T306"
    assert "geheim-4711" not in str(problem)


def test_wrong_credentials_end_the_run_and_stay_secret(desk, monkeypatch, state_url):
    for name in ("ETG24_TOKEN", "FACILIOO_USER", "FACILIOO_PASSWORD"):
        monkeypatch.setenv(name, "geheim-4711")
    desk.change(state=state_url)
    found = desk.run("sync", "activation")
    assert found.code == 4
    assert "D101" in found.err
    assert desk.name in found.err
    assert "geheim-4711" not in found.out + found.err
    assert not any(map(desk.simulator.records, desk.simulator._simulation.store.tables))
    with desk.own_state() as state:
        run = state.last_run()
        assert run["state"] == "stopped"
        assert run["totals"]["create"] == 0
    for path in desk.folder.parent.rglob("*.db*"):
        assert b"geheim-4711" not in path.read_bytes()


def test_partner_that_is_down_ends_the_run(desk):
    desk.in_a_hurry()
    desk.change(base_url="http://127.0.0.1:9")
    (problem,) = stopped(desk, 4)
    assert problem["code"] == "D102"
    assert problem["message"].startswith(f"{desk.name}: ")


def test_run_goes_on_where_the_partner_was_down(desk):
    desk.in_a_hurry()
    address = desk.simulator.base_url
    desk.change(base_url="http://127.0.0.1:9")
    stopped(desk, 4)
    desk.change(base_url=address)
    assert desk.sync()["totals"]["rejected"] == 0
    assert desk.plan()["totals"]["create"] == 0


@pytest.mark.parametrize("fault", ["html", "500", "503"])
def test_partner_that_answers_everything_with_an_error_ends_the_run(desk, fault):
    desk.in_a_hurry()
    desk.simulator.faults({fault: 1})
    found = desk.run("sync", "activation", "--json")
    assert found.code in (1, 4), found.err
    assert "Traceback" not in found.err
    assert not any(map(desk.simulator.records, desk.simulator._simulation.store.tables))
    desk.simulator.faults({"replace": True})
    assert desk.sync()["totals"]["rejected"] == 0


def test_missing_source_folder_is_named(desk):
    desk.change(source={"kind": "files", "path": "elsewhere"})
    (problem,) = stopped(desk, 2)
    assert problem["code"] == "R001"
    assert problem["file"].endswith("elsewhere")


def test_missing_declaration_of_the_source_is_named(desk):
    (desk.erp / "source.yaml").unlink()
    (problem,) = stopped(desk, 2)
    assert (problem["code"], problem["file"]) == ("R001", "source.yaml")


@pytest.mark.parametrize("name", FILES)
def test_file_that_an_earlier_run_had_is_missed(desk, name):
    desk.sync()
    (desk.erp / f"{name}.csv").unlink()
    problems = stopped(desk, 2)
    missing = [p["file"] for p in problems if p["code"] == "R001"]
    assert any(place.endswith(f"/{name}") for place in missing)


def test_files_of_a_kind_that_the_erp_never_had_are_not_missed(desk):
    for name in ("eigentuemervertrag", "eigentuemervertrag_eigentuemer"):
        (desk.erp / f"{name}.csv").unlink()
    assert desk.sync()["totals"]["rejected"] == 0


def test_file_that_is_cut_off_is_refused(desk):
    path = desk.erp / "mietvertrag.csv"
    path.write_text(path.read_text("utf-8")[:-7], "utf-8")
    problem = by_code(stopped(desk, 2), "R003")
    assert problem["file"] == "mietvertrag.csv"


def test_empty_file_is_refused(desk):
    (desk.erp / "mietvertrag.csv").write_text("", "utf-8")
    assert by_code(stopped(desk, 2), "R005")["file"] == "mietvertrag.csv"


def test_file_in_another_encoding_than_declared_is_refused(desk):
    path = desk.erp / "gebaeude.csv"
    path.write_bytes(path.read_text("utf-8").encode("cp1252"))
    assert by_code(stopped(desk, 2), "R002")["file"] == "gebaeude.csv"


def test_two_broken_files_are_named_at_once(desk):
    path = desk.erp / "gebaeude.csv"
    path.write_bytes(path.read_text("utf-8").encode("cp1252"))
    path = desk.erp / "mietvertrag.csv"
    path.write_text(path.read_text("utf-8")[:-7], "utf-8")
    problems = stopped(desk, 2)
    assert {"R002", "R003"} == {problem["code"] for problem in problems}


@pytest.mark.parametrize(
    ("change", "code", "suggestion"),
    [
        ({"partner": "etg42"}, "T301", "Did you mean 'etg24'?"),
        ({"use_case": "stamdaten"}, "T302", "Did you mean 'stammdaten'?"),
        ({"settings": {"seperator": "-"}}, "T303", "Did you mean 'separator'?"),
        ({"settings": {"separator": "+"}}, "T304", None),
        ({"base_url": None, "environment": "producton"}, "T305", "production"),
        ({"base_url": "ftp://x"}, "T305", None),
        ({"credentials": {"api_tokn": "env:X"}}, "T306", "Did you mean 'api_token'?"),
        ({"sourc": {}}, "T004", "Did you mean 'source'?"),
        ({"customer": ""}, "T004", None),
    ],
    ids=lambda value: str(next(iter(value))) if isinstance(value, dict) else "",
)
def test_activation_that_cannot_be_is_refused_with_a_hint(
    etg24, change, code, suggestion
):
    etg24.change(**change)
    found = [p for p in stopped(etg24, 2) if p["code"] == code]
    assert {problem["file"] for problem in found} == {str(etg24.path)}
    assert (suggestion or "") in "".join(problem["suggestion"] for problem in found)


def test_all_problems_of_an_activation_are_named_at_once(etg24):
    etg24.change(
        settings={"seperator": "-", "mandanten_nummern": 1},
        credentials={"api_tokn": "env:X"},
        base_url="nowhere",
    )
    codes = {problem["code"] for problem in stopped(etg24, 2)}
    assert codes == {"T303", "T305", "T306"}


def test_activation_that_is_no_yaml_is_refused_at_its_line(etg24):
    etg24.path.write_text("customer: muster\npartner: [\n", "utf-8")
    problem = by_code(stopped(etg24, 2), "T003")
    assert problem["file"] == str(etg24.path)


def test_activation_that_is_not_there_is_named(etg24):
    etg24.path.unlink()
    assert by_code(stopped(etg24, 2), "T001")["file"] == str(etg24.path)


def test_other_separator_after_the_first_sync_is_not_sent(desk):
    first = desk.sync()
    desk.change(settings={"separator": "_"})
    (problem,) = stopped(desk, 3)
    assert problem["code"] == "D303"
    plan = desk.plan()
    assert "1-9001" in {rekey["old_id"] for rekey in plan["rekeys"]}
    assert "1_9001" in {rekey["new_id"] for rekey in plan["rekeys"]}
    desk.change(settings={})
    assert (
        desk.sync()["totals"]["unchanged"]
        == first["totals"]["create"] + (first["totals"]["update"])
    )


def test_records_that_would_share_an_id_are_refused_before_anything_is_sent(desk):
    """Without the building's number in the ID, two flats 0001 are one."""
    units = {"etg24": "einheiten", "facilioo": "units"}[desk.partner]
    folder = desk.own_root() / "mappings" / "partners" / desk.partner / "stammdaten"
    path = folder / f"{units}.csv"
    text = path.read_text("utf-8")
    text = text.replace("mandant_nr; we_nr; geb_nr; ve_nr", "mandant_nr; we_nr; ve_nr")
    path.write_text(
        text.replace("1; 1001; 01; 0001,1-1001-01-0001", "1; 1001; 0001,1-1001-0001"),
        "utf-8",
    )
    for other in folder.glob("*.csv"):
        known = other.read_text("utf-8")
        if other != path:
            known = known.replace(
                "1; 1001; 01; 0001,1-1001-01-0001,", "1; 1001; 0001,1-1001-0001,"
            ).replace("1; 1001; 01; 0001; 01,1-1001-01-0001", "!")
            other.write_text(known.replace("!", "1; 1001; 01; 0001; 01,1-1001-01-0001"))
    plan = desk.plan()
    rejected = {
        item["key"]: item["code"]
        for item in plan["entities"][units]["rejected_records"]
    }
    assert rejected == {"1/9001/01/0001": "R208", "1/9001/02/0001": "R208"}
    desk.sync()
    assert "1-9001-0001" not in desk.records(units)


def test_root_without_specs_is_refused(etg24, tmp_path):
    etg24.root = tmp_path / "nothing"
    assert by_code(stopped(etg24, 2), "T301")


def test_partner_without_a_connector_file_is_refused(etg24):
    path = etg24.own_root() / "connectors" / "partners" / "etg24.yaml"
    shutil.move(path, path.with_suffix(".away"))
    stopped(etg24, 2)
