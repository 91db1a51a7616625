"""The compiled transformer against its oracle, for generated tables and records."""

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.check import check
from engine.checking import Contract, Resource
from engine.compiler import compile_entity, generated_code
from engine.ids import compose
from engine.interpreter import interpret
from engine.model import (
    EntityFile,
    FieldRow,
    PartnerFile,
    Related,
    Setting,
    UseCaseFile,
)
from engine.problems import Origin
from engine.spec import FieldRule, Spec, ValueList
from engine.standard import Entity, Field, Reference, Standard
from engine.work import Settings
from engine.yamlfile import YamlFile


def fields(required, **types):
    """Return the fields of an entity; only the key is ever required."""
    keys = {name: Field(name, required=True) for name in required}
    return {**keys, **{n: Field(n, type=kind) for n, kind in types.items()}}


PARTS = {"art": Field("art"), "wert": Field("wert"), "zahl": Field("zahl")}
HAUS = Entity(
    "haus",
    "Haus",
    "Häuser",
    ("m", "we", "h"),
    fields(("m", "h"), we="text", name="text", baujahr="integer"),
)
PERSON = Entity(
    "person",
    "Person",
    "Personen",
    ("p",),
    fields(("p",), name="text", mails="list"),
)
WOHNUNG = Entity(
    "wohnung",
    "Wohnung",
    "Wohnungen",
    ("m", "we", "h", "w"),
    {
        **fields(("m", "h", "w"), we="text", name="text", lage="text", zahl="number"),
        **fields((), flag="boolean", tag="date", ober="text"),
        "liste": Field("liste", type="list", item_fields=PARTS, item_value="wert"),
        "objekt": Field("objekt", type="object", item_fields=PARTS),
    },
    {
        "haus": Reference("haus", "haus", {"m": "m", "we": "we", "h": "h"}),
        "ober": Reference("ober", "haus", {"m": "m", "we": "we", "h": "ober"}),
    },
)
BEWOHNER = Entity(
    "bewohner",
    "Bewohner",
    "Bewohner",
    ("m", "we", "h", "w", "p"),
    fields(("m", "h", "w", "p"), we="text", rolle="text", tag="date"),
    {
        "wohnung": Reference(
            "wohnung", "wohnung", {"m": "m", "we": "we", "h": "h", "w": "w"}
        ),
        "person": Reference("person", "person", {"p": "p"}),
    },
)
STANDARD = Standard({e.name: e for e in (HAUS, PERSON, WOHNUNG, BEWOHNER)})

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
LEAF = {"type": "object", "properties": {"z": TEXT, "n": NUMBER}}
PLAIN = {"type": "array", "items": TEXT}
INNER = {"x": TEXT, "y": NUMBER, "in": LEAF, "l": PLAIN}
ITEM = {"type": "object", "properties": INNER}
SCHEMA = {
    "type": "object",
    "properties": {
        "id": TEXT,
        "t": TEXT,
        "u": TEXT,
        "n": NUMBER,
        "b": {"type": "boolean"},
        "a": {"type": "object", "properties": {"x": TEXT, "b": LEAF, "l": PLAIN}},
        "a_b": LEAF,
        "a-b": LEAF,
        "plain": PLAIN,
        "items": {"type": "array", "items": ITEM},
        "merged": {"type": "array", "items": ITEM, "x-merge-by": "x"},
        "own": {"type": "array", "items": ITEM},
        "deep": {
            "type": "object",
            "properties": {"items": {"type": "array", "items": ITEM}},
        },
    },
}
LISTS = {"arten": ValueList("arten", {"a": "A", "b": "", "*": "Z"})}
USE_CASE = UseCaseFile(
    version="1.0.0",
    direction="erp_to_partner",
    schedule=("tuesday",),
    settings={
        **{
            name: Setting(
                title=name,
                description=name,
                evidence="proposed",
                type="boolean",
                default=False,
            )
            for name in ("an", "aus")
        },
        "sorten": Setting(
            title="Sorten",
            description="Sorten",
            evidence="proposed",
            type="mapping",
            options=("kalt", "warm"),
            default={"*": "warm"},
        ),
    },
    related=(
        Related.model_validate(
            {
                "name": "erster",
                "of": "wohnung",
                "from": "bewohner",
                "where": "tag <= today",
                "order": ("tag desc", "person.name"),
                "take": "first",
            }
        ),
        Related.model_validate(
            {"name": "weitere", "of": "wohnung", "from": "bewohner", "take": "rest"}
        ),
    ),
    entities=(
        EntityFile(name="wohnungen", erp="wohnung"),
        EntityFile(name="haeuser", erp="haus"),
        EntityFile(name="personen", erp="person"),
    ),
)


def rules(rows):
    return tuple(
        FieldRule(FieldRow(**row), Origin("table.csv", line))
        for line, row in enumerate(rows, 2)
    )


def plan_of(rows):
    """Check a table; rows that the check refuses are taken out, one round each."""
    while True:
        spec = Spec(
            partner="p",
            name="stammdaten",
            page=PartnerFile(name="p", description="p"),
            use_case=USE_CASE,
            use_case_yaml=YamlFile("use_case.yaml", None),
            tables={
                "wohnungen": rules(rows),
                "haeuser": rules([{"partner_field": "id", "id_parts": "m; we; h"}]),
                "personen": rules([{"partner_field": "id", "id_parts": "p"}]),
            },
            lists=LISTS,
            schemas=dict.fromkeys(("wohnungen", "haeuser", "personen"), SCHEMA),
        )
        named_by_partner = Resource(named_by_us=False)
        contract = Contract(dict.fromkeys(spec.schemas, named_by_partner))
        work, problems = check(spec, STANDARD, contract)
        if not problems:
            return work.entity("wohnungen")
        wrong = {problem.origin.line for problem in problems}
        rows = [row for line, row in enumerate(rows, 2) if line not in wrong]


IDS = ("m; we; h; w", '"W"; m; w', "w", "haus.m; h; w")
CONDITIONS = (
    'name = "a"',
    "zahl > 1",
    "flag",
    "not flag and zahl is empty",
    'name in ("a", "b") or settings.an',
    "settings.aus",
    "not settings.aus",
    "haus.baujahr >= 1900",
    "name in liste",
    "valid_email(name)",
    "objekt.art is not empty",
    'bewohner[].rolle = "a"',
    "erster is empty or erster.tag = today",
    'consents(liste, "a")',
    "bewohner[].person.name is not empty and not settings.aus",
)
ONE = (
    *("name", "lage", "zahl", "flag", "tag", "haus.name", "haus.baujahr", "objekt.art"),
    *("today", "settings.an", "erster.rolle", "erster.person.name"),
)
SEVERAL = (
    "name; lage",
    "zahl; name; haus.name",
    "settings.aus; name",
    "weitere[].person.name",
    "liste",
    "liste[].wert",
    "bewohner[].person.name",
    "$.liste[*].wert",
    "$.haus",
)
OF_PERSONS = ("bewohner[].rolle", "bewohner[].person.name", "bewohner[].tag")
PIPES = (
    *("trim", "upper", "lower | cut(2)", "text", 'prefix("x")', 'suffix("")'),
    *("lookup(arten)", "date", 'date("DD.MM.YYYY")', "datetime", "year_start"),
    *("integer", "number", "round(1)", "decimal", "boolean", "present", "floor"),
    *('replace("a", "")', "max_length(2)", "trim | lookup(arten) | lower"),
)
GATHER = (
    *("first", "join", 'join("-")', "count", "email", "mobile", "landline"),
    *("first | trim", "join | upper | cut(3)", "email | present", "first | decimal"),
    *('rent_items(sorten, "warm")', 'rent_items(sorten, "kalt") | decimal'),
)
TEMPLATES = {
    "name; lage": 'template("{{ name }}/{{ lage }}")',
    "zahl; name; haus.name": 'template("{{ zahl }} {{ haus_name }} {{ name }}")',
}
TARGETS = ("t", "u", "n", "b", "a.x", "a.b.z", "a.b.n", "a_b.z", "a-b.z", "a_b.n")
LIST_TARGETS = (
    "items[].x",
    "items[].y",
    "items[].in.z",
    "items[].l[]",
    "merged[].x",
    "merged[].l[]",
    "deep.items[].x",
)
OWN_TARGETS = ("own[].x", "own[].y", "own[].in.z")


def row(targets, *cells):
    """Return a strategy of rows: a target, a source, and cells that any may have."""
    common = {
        "when": st.sampled_from(("", "", *CONDITIONS)),
        "default": st.sampled_from(("", "", "0", "1.5", "true", "x")),
        "if_empty": st.sampled_from(("", "omit", "clear", "keep", "reject")),
        "if_wrong": st.sampled_from(("", "", "reject", "omit")),
        "write": st.sampled_from(("", "", "always", "create", "update", "remove")),
    }
    target = {"partner_field": st.sampled_from(targets)}
    return st.one_of(
        [st.fixed_dictionaries({**target, **common, **source}) for source in cells]
    )


def cells(paths, pipes=("",)):
    return {"erp_field": st.sampled_from(paths), "transform": st.sampled_from(pipes)}


def reference(*ways):
    return {"reference": st.sampled_from(ways)}


def template_row(fields):
    return {"partner_field": "t", "erp_field": fields, "transform": TEMPLATES[fields]}


ROWS = st.one_of(
    row(
        TARGETS,
        cells(ONE, ("", *PIPES)),
        cells(SEVERAL, GATHER),
        reference("haeuser(haus)", "haeuser(ober)", "personen(erster.person)"),
        {},
    ),
    row(
        ("plain[]", "a.l[]"),
        cells((*OF_PERSONS, "liste[].wert", "liste", "name"), ("", *PIPES)),
        cells(SEVERAL, GATHER),
        reference("personen(bewohner[].person)", "haeuser(haus)"),
    ),
    row(
        LIST_TARGETS,
        cells(OF_PERSONS, ("", *PIPES)),
        cells(("bewohner[].rolle; bewohner[].person.name",), GATHER),
        cells(("liste[].wert", "liste[].art"), ("", *PIPES)),
        reference("personen(bewohner[].person)", "personen(weitere[].person)"),
        {},
    ),
    row(OWN_TARGETS, cells(ONE, ("", *PIPES)), {}),
    st.sampled_from(sorted(TEMPLATES)).map(template_row),
)

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=3)
)
ODD = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(("wert", "art", "p", "name")), inner)
    ),
    max_leaves=4,
)
TIDY = {
    **dict.fromkeys(("m", "we", "h", "w", "p"), st.sampled_from(("1", "01", "1-2"))),
    **dict.fromkeys(("name", "lage", "rolle"), st.sampled_from(("a", "b", "3. OG"))),
    "ober": st.sampled_from(("02", "03")),
    "zahl": st.sampled_from((0, 1, 2.5, 1968)),
    "baujahr": st.sampled_from((1890, 1968)),
    "flag": st.booleans(),
    "tag": st.sampled_from(("2024-02-29", "1999-12-31")),
}


def records(names, **related):
    """Return a strategy of records: mostly in order, some of any shape."""
    values = {name: TIDY.get(name, ODD) for name in names} | related
    keys = {n: v for n, v in values.items() if n in ("m", "h", "w", "p")}
    rest = {n: v for n, v in values.items() if n not in keys}
    tidy = st.fixed_dictionaries(keys, optional=rest)
    odd = st.fixed_dictionaries({}, optional=dict.fromkeys(values, ODD) | related)
    changed = st.tuples(tidy, odd).map(lambda pair: {**pair[0], **pair[1]})
    return st.one_of(tidy, tidy, changed)


OBJECTS = st.fixed_dictionaries(
    {}, optional={"art": TIDY["name"], "wert": TIDY["lage"], "zahl": TIDY["zahl"]}
)
PERSONS = records(PERSON.fields)
TENANTS = records(BEWOHNER.fields, person=PERSONS | ODD)
FLATS = records(
    WOHNUNG.fields,
    haus=records(HAUS.fields) | ODD,
    liste=st.lists(OBJECTS, max_size=3) | ODD,
    objekt=OBJECTS | ODD,
    erster=TENANTS | ODD,
    **{
        name: st.lists(TENANTS, max_size=3) | st.lists(TENANTS | ODD, max_size=3) | ODD
        for name in ("bewohner[]", "weitere[]")
    },
)


@st.composite
def flat(draw):
    """Return one of FLATS, whose own text is too long for a message."""
    return draw(FLATS)


def exact(outcome):
    """Return an outcome in which 1, 1.0 and true are three things."""
    bodies = (outcome.body, outcome.only)
    written = [orjson.dumps(body, option=orjson.OPT_SORT_KEYS) for body in bodies]
    return outcome.id, written, outcome.problems, outcome.warnings


@settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    st.sampled_from(IDS),
    st.lists(ROWS, max_size=10),
    st.lists(flat(), min_size=3, max_size=5),
    st.sampled_from(("-", "/")),
    st.booleans(),
)
def test_compiled_equals_interpreted_for_any_table_and_record(
    parts, rows, flats, separator, on
):
    work = plan_of([{"partner_field": "id", "id_parts": parts}, *rows])
    chosen = Settings(separator=separator, an=on, aus=False, sorten={"*": "warm"})
    chosen["today"] = "2024-02-29"
    transform = compile_entity(work, chosen)
    for flat in flats:
        assert exact(transform(flat)) == exact(interpret(work, flat, chosen)), (
            generated_code(work, chosen)
        )


@given(ODD)
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_what_is_no_record_at_all_is_refused_without_an_exception(value):
    work = plan_of(
        [
            {"partner_field": "id", "id_parts": "m; w"},
            {"partner_field": "t", "erp_field": "name"},
            {"partner_field": "items[].x", "erp_field": "bewohner[].rolle"},
        ]
    )
    found = compile_entity(work, Settings())(value)
    assert found == interpret(work, value, Settings())
    assert found.id is None
    assert found.problems


PART = st.text(st.characters(exclude_characters="-"), min_size=1)


@given(st.lists(PART, min_size=1))
@settings(deadline=None, derandomize=True, database=None)
def test_an_id_splits_into_the_parts_that_it_was_composed_of(parts):
    assert compose(parts, "-").split("-") == parts


def outcomes(record, *rows):
    """Return what a table with these rows makes of a record; both ways agree."""
    work = plan_of([{"partner_field": "id", "id_parts": "w"}, *rows])
    chosen = Settings(an=True, today="2024-02-29")
    found = compile_entity(work, chosen)(record)
    assert exact(found) == exact(interpret(work, record, chosen))
    return found


def test_the_first_row_whose_condition_holds_gives_the_value():
    rows = (
        {"partner_field": "t", "erp_field": "name", "when": "flag"},
        {"partner_field": "t", "default": "x"},
    )
    assert outcomes({"w": "1", "name": "a", "flag": True}, *rows).body["t"] == "a"
    assert outcomes({"w": "1", "name": "a"}, *rows).body["t"] == "x"


def test_a_row_whose_field_has_its_value_already_refuses_nothing():
    rows = (
        {"partner_field": "t", "erp_field": "name", "when": "flag"},
        {"partner_field": "t", "erp_field": "lage", "transform": "date"},
    )
    found = outcomes({"w": "1", "name": "a", "flag": True, "lage": "x"}, *rows)
    assert (found.body["t"], found.problems) == ("a", ())


def test_a_list_of_objects_has_one_item_for_each_related_record():
    record = {
        "w": "1",
        "bewohner[]": [{"rolle": "a", "person": {"name": "b"}}, {"rolle": "c"}, {}],
    }
    found = outcomes(
        record,
        {"partner_field": "items[].x", "erp_field": "bewohner[].rolle"},
        {"partner_field": "items[].in.z", "erp_field": "bewohner[].person.name"},
    )
    assert found.body["items"] == [{"x": "a", "in": {"z": "b"}}, {"x": "c"}]


def test_a_list_of_plain_values_can_stand_in_a_list_of_objects():
    found = outcomes(
        {"w": "1", "bewohner[]": [{"rolle": "a"}]},
        {"partner_field": "items[].l[]", "erp_field": "bewohner[].rolle"},
    )
    assert found.body["items"] == [{"l": ["a"]}]


def test_elements_that_are_alike_in_the_field_of_the_contract_become_one():
    record = {
        "w": "1",
        "bewohner[]": [
            {"rolle": "a", "person": {"name": "b"}},
            {"rolle": "a", "person": {"name": "c"}},
            {"rolle": "d"},
        ],
    }
    found = outcomes(
        record,
        {"partner_field": "merged[].x", "erp_field": "bewohner[].rolle"},
        {"partner_field": "merged[].l[]", "erp_field": "bewohner[].person.name"},
    )
    assert found.body["merged"] == [{"x": "a", "l": ["b", "c"]}, {"x": "d"}]


def test_a_list_that_reads_the_record_itself_has_one_element():
    found = outcomes(
        {"w": "1", "name": "a"},
        {"partner_field": "own[].x", "default": "label"},
        {"partner_field": "own[].in.z", "erp_field": "name"},
    )
    assert found.body["own"] == [{"x": "label", "in": {"z": "a"}}]


def test_a_wrong_value_is_left_out_with_a_warning_where_the_row_says_so():
    found = outcomes(
        {"w": "1", "name": "a", "lage": "x"},
        {"partner_field": "t", "erp_field": "name"},
        {
            "partner_field": "u",
            "erp_field": "lage",
            "transform": "date",
            "if_wrong": "omit",
        },
    )
    assert (found.body, found.problems) == ({"id": "1", "t": "a"}, ())
    assert [warning.code for warning in found.warnings] == ["R201"]


def test_the_day_of_the_run_and_settings_are_sources_like_any_other():
    found = outcomes(
        {"w": "1", "name": "a"},
        {"partner_field": "t", "erp_field": "today"},
        {"partner_field": "b", "erp_field": "settings.an"},
    )
    assert found.body == {"id": "1", "t": "2024-02-29", "b": True}


def test_each_operation_has_a_part_of_its_own():
    found = outcomes(
        {"w": "1"},
        {"partner_field": "t", "default": "new", "write": "create"},
        {"partner_field": "t", "default": "changed", "write": "update"},
        {"partner_field": "t", "default": "gone", "write": "remove"},
    )
    assert found.only == {
        "create": {"t": "new"},
        "update": {"t": "changed"},
        "remove": {"t": "gone"},
    }


def test_nested_fields_of_like_names_stay_apart():
    found = outcomes(
        {"w": "1"},
        {"partner_field": "a.b.z", "default": "1"},
        {"partner_field": "a_b.z", "default": "2"},
        {"partner_field": "a-b.z", "default": "3"},
    )
    want = {"a": {"b": {"z": "1"}}, "a_b": {"z": "2"}, "a-b": {"z": "3"}}
    assert found.body == {"id": "1", **want}


def test_a_cleared_field_is_sent_as_null_and_a_kept_one_not_at_all():
    found = outcomes(
        {"w": "1"},
        {"partner_field": "t", "erp_field": "name", "if_empty": "clear"},
        {"partner_field": "u", "erp_field": "name", "if_empty": "keep"},
    )
    assert found.body == {"id": "1", "t": None}


def test_zero_and_false_are_values():
    found = outcomes(
        {"w": "1", "zahl": 0, "flag": False},
        {"partner_field": "n", "erp_field": "zahl", "default": "7"},
        {"partner_field": "b", "erp_field": "flag", "default": "true"},
    )
    assert found.body == {"id": "1", "n": 0, "b": False}
    assert found.body["b"] is False


def test_a_field_that_is_written_once_stays_out_of_the_body():
    found = outcomes(
        {"w": "1", "name": "a"},
        {"partner_field": "a.x", "erp_field": "name", "write": "create"},
    )
    assert found.body == {"id": "1"}
    assert found.only == {"create": {"a": {"x": "a"}}}


def test_all_problems_of_a_record_come_at_once():
    found = outcomes(
        {"name": "x"},
        {"partner_field": "t", "erp_field": "name", "transform": "date"},
        {"partner_field": "u", "erp_field": "lage", "if_empty": "reject"},
    )
    codes = [problem.code for problem in found.problems]
    assert (found.id, codes) == (None, ["R204", "R201", "R203"])


def test_a_reference_to_several_is_a_sorted_list_of_ids():
    record = {"w": "1", "bewohner[]": [{"p": "2"}, {"p": "1"}, {"p": "2"}, {}]}
    way = "personen(bewohner[].person)"
    found = outcomes(record, {"partner_field": "plain[]", "reference": way})
    assert found.body["plain"] == ["1", "2"]


def test_a_reference_that_leads_nowhere_gives_nothing():
    record = {"w": "1", "m": "1", "we": "2"}
    row = {"partner_field": "t", "reference": "haeuser(ober)"}
    assert outcomes(record, row).body == {"id": "1"}
