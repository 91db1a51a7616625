"""The specs that come with the engine: clean, exemplified, and founded on evidence."""

import json

import pytest

from engine.model import Evidence
from engine.runtime.library import INSTALLED, check_use_case
from engine.spec import Folders

FOLDERS = Folders(INSTALLED)
KNOWN = set(Evidence.__args__)
USE_CASES = [
    (partner, use_case)
    for partner in FOLDERS.partners()
    for use_case in FOLDERS.use_cases(partner)
]
SCHEMAS = sorted(
    path
    for partner in FOLDERS.partners()
    for path in FOLDERS.schemas(partner).glob("*.json")
)


def properties(schema, before=""):
    """Yield each property at any depth: its dotted name and its schema."""
    for name, inner in schema.get("properties", {}).items():
        yield before + name, inner
        yield from properties(inner, f"{before}{name}.")
        yield from properties(inner.get("items", {}), f"{before}{name}[].")


def test_there_are_specs_to_check():
    assert USE_CASES
    assert SCHEMAS


@pytest.mark.parametrize("partner", FOLDERS.partners())
def test_each_partner_has_a_use_case(partner):
    assert FOLDERS.use_cases(partner)


@pytest.mark.parametrize(("partner", "use_case"), USE_CASES)
def test_a_spec_has_no_problem_and_no_warning(partner, use_case):
    found, problems = check_use_case(FOLDERS, partner, use_case)
    assert [str(problem) for problem in problems] == []
    assert found is not None


@pytest.mark.parametrize(("partner", "use_case"), USE_CASES)
def test_each_row_with_a_transform_has_an_example(partner, use_case):
    tables = check_use_case(FOLDERS, partner, use_case)[0].spec.tables
    bare = [
        str(rule.origin)
        for rules in tables.values()
        for rule in rules
        if rule.row.transform and not rule.row.example
    ]
    assert bare == []


@pytest.mark.parametrize("path", SCHEMAS, ids=FOLDERS.name)
def test_each_field_of_a_payload_says_how_it_is_known(path):
    schema = json.loads(path.read_text("utf-8"))
    unfounded = [
        name
        for name, inner in properties(schema)
        if inner.get("x-evidence") not in KNOWN
    ]
    assert unfounded == []
