"""The cases of every transform, run by the interpreter and by the compiled code."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.compiler import compile_entity
from engine.interpreter import interpret
from engine.language import FieldPath, Segment
from engine.pipes import template
from engine.problems import Origin
from engine.transforms import TRANSFORMS
from engine.work import EntityWork, FieldWork, FromFields, IdParts, Settings, Step
from engine.yamlfile import read_yaml

FOLDER = Path(__file__).parents[1] / "cases" / "transforms"
ORIGIN = Origin("table.csv", 2)
KEYS = {"value", "values", "arguments", "expected", "refused", "note"}
NAMES = sorted([*TRANSFORMS, "template"])


def read(name):
    file, problems = read_yaml(FOLDER / f"{name}.yaml", name)
    assert not problems
    return file.data


FILES = {path.stem: read(path.stem) for path in sorted(FOLDER.glob("*.yaml"))}
CASES = [
    pytest.param(name, case, id=f"{name}-{number}")
    for name, file in FILES.items()
    for number, case in enumerate(file["cases"], 1)
]


def fields_of(case):
    """Return the record of a case: its fields in order."""
    if "value" in case:
        return {"feld": case["value"]}
    values = case["values"]
    if isinstance(values, dict):
        return values
    return {f"feld_{number}": value for number, value in enumerate(values)}


def step_of(name, arguments, fields):
    if name == "template":
        return Step(name, template(*arguments, list(fields)), several=True)
    known = TRANSFORMS[name]
    bound = tuple(
        {key.strip().casefold(): value for key, value in argument.items()}
        if isinstance(argument, dict)
        else argument
        for argument in arguments
    )
    day = ("2025-01-15",) if known.dated else ()
    return Step(name, known.function, (*bound, *day), known.several)


def plan_of(name, arguments, fields):
    """Return the plan of a table with one row that calls a transform."""
    id_ = IdParts(("1",))
    row = FieldWork(
        ("out",),
        FromFields(tuple(FieldPath((Segment(field),)) for field in fields)),
        ORIGIN,
        (step_of(name, arguments, fields),),
    )
    return EntityWork(
        name="things",
        resource="things",
        label="things",
        erp=("ding",),
        base="ding",
        id=id_,
        id_field=FieldWork(("id",), id_, ORIGIN),
        id_in_body=False,
        fields=(row,),
        records=None,
        adopts=None,
        joins=frozenset(),
        references=(),
        schema={},
        named_by_us=True,
    )


def run(name, case):
    """Run a case both ways; return what came out and the problem, if any."""
    fields = fields_of(case)
    plan = plan_of(name, case.get("arguments", []), fields)
    record = {key: value for key, value in fields.items() if value is not None}
    found = interpret(plan, record, Settings())
    assert compile_entity(plan, Settings())(record) == found
    return found.body.get("out"), " ".join(p.message for p in found.problems)


def kind(case):
    if "refused" in case:
        return "refused"
    filled = [v for v in fields_of(case).values() if v not in (None, "", [])]
    return "normal" if filled else "empty"


@pytest.mark.parametrize("name", NAMES)
def test_each_transform_has_a_normal_an_empty_and_a_refused_case(name):
    assert name in FILES, f"tests/cases/transforms/{name}.yaml is missing"
    kinds = {kind(case) for case in FILES[name]["cases"]}
    if FILES[name].get("never_refuses"):
        kinds.add("refused")
    assert kinds == {"normal", "empty", "refused"}


def test_each_file_belongs_to_a_transform():
    assert sorted(FILES) == NAMES


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_case_says_either_what_comes_out_or_what_is_refused(name, case):
    assert set(case) <= KEYS
    assert ("expected" in case) != ("refused" in case)
    assert ("value" in case) != ("values" in case)


@pytest.mark.parametrize(("name", "case"), CASES)
def test_a_transform_does_what_its_case_says(name, case):
    value, refusal = run(name, case)
    if "refused" in case:
        assert case["refused"] in refusal
        return
    assert not refusal
    assert (value, type(value)) == (case["expected"], type(case["expected"]))


ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
    | st.sampled_from(["2024-02-30", "1E999", "0171 1", "a@b.de", "EG", "ja"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["adresse", "roh", "art", "e164", "x"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("name", NAMES)
def test_no_value_breaks_a_transform(name):
    case = FILES[name]["cases"][0]
    arguments, fields = case.get("arguments", []), list(fields_of(case))
    plan = plan_of(name, arguments, fields)
    transform = compile_entity(plan, Settings())

    @settings(max_examples=40, deadline=None, derandomize=True, database=None)
    @given(st.tuples(*[ODD] * len(fields)))
    def holds(values):
        record = dict(zip(fields, values, strict=True))
        found = interpret(plan, record, Settings())
        assert transform(record) == found
        if FILES[name].get("never_refuses"):
            assert not found.problems

    holds()
