"""The case of every problem of a spec or an activation: it comes, at its place."""

from pathlib import Path

import pytest

from engine.app.scaffold import TEMPLATES, scaffold
from engine.errors import SpecError
from engine.problems import CATALOGUE
from engine.runtime.activation import read_activation
from engine.runtime.library import check_use_case
from engine.runtime.state import State
from engine.spec import Folders
from engine.yamlfile import read_yaml

FOLDER = Path(__file__).parents[1] / "cases" / "problems"
KEYS = {"note", "files", "encoding", "activation", "scaffold", "state", "problem"}
ELSEWHERE = sorted(code for code in CATALOGUE if code[0] in "RDPS")
"""Codes of records, deliveries and workbooks: tests of other folders raise them."""

PARTNER = "muster"
BASE = {
    path.replace("NAME", PARTNER): text.replace("NAME", PARTNER)
    for path, text in TEMPLATES.items()
}


def read(path):
    file, problems = read_yaml(path, path.name)
    assert not problems, problems
    return file.data["cases"]


CASES = [
    pytest.param(path.stem, case, id=f"{path.stem}-{number}")
    for path in sorted(FOLDER.glob("*.yaml"))
    for number, case in enumerate(read(path), 1)
]


def full(name):
    """Return the path of a file that a case names in short."""
    if name == "connector.yaml":
        return f"connectors/partners/{PARTNER}.yaml"
    if name == "partner.yaml":
        return f"mappings/partners/{PARTNER}/partner.yaml"
    if name.endswith(".json"):
        return f"schemas/partners/{PARTNER}/{name}"
    if name.endswith((".csv", "use_case.yaml")):
        return f"mappings/partners/{PARTNER}/stammdaten/{name}"
    return name


def write(root, case):
    """Write the spec of a new partner, with the files of the case over it."""
    changes = {full(name): text for name, text in case.get("files", {}).items()}
    for path, text in {**BASE, **changes}.items():
        if text is not None:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            encoding = case.get("encoding", "utf-8") if path in changes else "utf-8"
            (root / path).write_bytes(text.encode(encoding))


def problems_of(root, case):
    """Do what the case says; return every problem that it raises."""
    folders = Folders(root)
    try:
        if "scaffold" in case:
            scaffold(folders, case["scaffold"])
        elif "state" in case:
            State(case["state"])
        elif "activation" in case:
            (root / "activation.yaml").write_text(case["activation"], "utf-8")
            read_activation(root / "activation.yaml", folders)
        else:
            return check_use_case(folders, PARTNER, "stammdaten")[1]
    except SpecError as error:
        return error.problems
    return ()


def test_the_new_partner_that_the_cases_change_is_free_of_problems(tmp_path):
    write(tmp_path, {})
    assert problems_of(tmp_path, {}) == ()


def test_each_code_of_a_spec_has_a_case():
    assert sorted({*ELSEWHERE, *(p.stem for p in FOLDER.glob("*.yaml"))}) == sorted(
        CATALOGUE
    )


@pytest.mark.parametrize(("code", "case"), CASES)
def test_a_problem_comes_at_its_place_and_says_what_to_do(code, case, tmp_path):
    assert set(case) <= KEYS | {"also"}
    write(tmp_path, case)
    found = problems_of(tmp_path, case)
    place = case["problem"]
    file = full(place["file"]).replace("activation.yaml", f"{tmp_path}/activation.yaml")
    here = [
        problem
        for problem in found
        if problem.code == code
        and problem.origin.file == file
        and problem.origin.line == place.get("line", 0)
        and problem.origin.column == place.get("column", "")
    ]
    assert len(here) == 1, [str(problem) for problem in found]
    assert place["message"] in here[0].message
    assert here[0].suggestion == place.get("suggestion", "")
    others = {problem.code for problem in found if problem is not here[0]}
    assert others == set(case.get("also", [])), [str(problem) for problem in found]
