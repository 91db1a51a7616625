"""The cases of conditions, decided by `holds` and by the compiled code."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from engine.compiler import compile_condition
from engine.conditions import check_condition, holds
from engine.language import FieldPath, paths_of
from engine.problems import Origin
from engine.runtime.library import INSTALLED
from engine.spec import Folders
from engine.standard import read_standard
from engine.work import Settings
from engine.yamlfile import read_yaml

ORIGIN = Origin("table.csv", 2, "when")
START = "verwaltungseinheit"
SETTINGS = {"schalter": False, "wort": "", "mandanten": ()}
STANDARD = read_standard(Folders(INSTALLED).standard)
FILE, UNREADABLE = read_yaml(
    Path(__file__).parents[1] / "cases" / "conditions.yaml", "conditions.yaml"
)
CASES = FILE.data["cases"]
ODD = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab1"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab"), inner),
    max_leaves=4,
)


def check(text):
    problems = []
    found = check_condition(text, ORIGIN, STANDARD, START, SETTINGS, problems)
    return found, problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["condition"])
def test_a_condition_decides_as_its_case_says(case):
    condition, problems = check(case["condition"])
    settings = Settings({**SETTINGS, **case.get("settings", {})})
    assert not problems
    assert holds(condition, case["record"], settings) is case["expected"]
    assert compile_condition(condition, settings)(case["record"]) is case["expected"]


@pytest.mark.parametrize("case", FILE.data["refused"], ids=lambda c: c["condition"])
def test_a_condition_that_cannot_be_used_is_a_problem(case):
    condition, problems = check(case["condition"])
    assert condition is None
    assert [(p.code, p.origin) for p in problems] == [(case["code"], ORIGIN)]
    assert case["message"] in problems[0].message
    if "suggestion" in case:
        assert case["suggestion"] in str(problems[0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["condition"])
def test_a_condition_decides_any_record_and_both_ways_alike(case):
    condition = check(case["condition"])[0]
    settings = Settings({**SETTINGS, **case.get("settings", {})})
    decide = compile_condition(condition, settings)
    names = sorted({path.names[0] for path in paths_of(condition)} - {"settings"})

    @effort(max_examples=30, deadline=None, derandomize=True, database=None)
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys(names, ODD)))
    def agree(record):
        assert decide(record) is holds(condition, record, settings)

    agree()


def test_a_condition_that_was_checked_names_no_record_itself():
    paths = [path for case in CASES for path in paths_of(check(case["condition"])[0])]
    assert FieldPath(()) not in paths
