"""Two payloads of one record: which fields differ, and what is only their spelling."""

import doctest
import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.app.workbench import payload_diff, review
from engine.app.workbench.diff import spec_change
from engine.app.workbench.diff import tables as diff_tables
from engine.app.workbench.diff import use_case as diff_use_case
from engine.app.workbench.impact import shapes
from engine.app.workbench.impact.shapes import LONGEST, shape, shown
from engine.app.workbench.payload_diff import MISSING, differences, is_cosmetic
from engine.app.workbench.review import code, table

SORTED = orjson.OPT_SORT_KEYS
TEXTS = st.text(max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=8,
)
PAYLOADS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def changes(old, new):
    return list(differences((old, {}), (new, {})))


@pytest.mark.parametrize(
    "module",
    [diff_tables, diff_use_case, payload_diff, review, shapes, spec_change],
)
def test_what_the_docstrings_show_is_so(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


class TestSpelling:
    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Lindenweg 4 a", "Lindenweg 4a"),
            ("Müller", unicodedata.normalize("NFD", "Müller")),
            ("3. OG, links", "3 OG links"),
            ("a\u00a0b", "a b"),
            ("+49 171 123", "+49171123"),
            (["A", "b "], ["A ", "b"]),
            (5, 5.0),
        ],
    )
    def test_is_cosmetic(self, old, new):
        assert is_cosmetic(old, new)
        assert is_cosmetic(new, old)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("Gera", "GERA"),
            ("Straße", "Strasse"),
            (["A"], ["a"]),
            ("1.5", "15"),
            ("-5", "5"),
            ("67,5 m", "675 m"),
            ("4", "4 a"),
            ("5", 5),
            (1, True),
            (None, ""),
            (["a", "b"], ["b", "a"]),
            (["a"], ["a", "a"]),
            ("€", "$"),
        ],
    )
    def test_is_another_value(self, old, new):
        assert not is_cosmetic(old, new)
        assert not is_cosmetic(new, old)


class TestFields:
    def test_fields_have_the_names_of_tables(self):
        old = {"a": {"b": 1}, "c": [{"d": "x", "e": 1}], "f": ["x"], "g": 1}
        new = {"a": {"b": 2}, "c": [{"d": "y", "e": 1}], "f": ["y"], "h": 1}
        assert [c.name for c in changes(old, new)] == ["a.b", "c[].d", "f[]", "g", "h"]

    def test_object_that_is_left_out_is_each_of_its_fields(self):
        found = changes({"a": {"b": 1, "c": 2}}, {})
        assert [(c.name, c.new) for c in found] == [("a.b", MISSING), ("a.c", MISSING)]

    def test_null_is_not_nothing(self):
        (change,) = changes({"a": None}, {})
        assert shown(change.old, masked=False) == "null"
        assert shown(change.new, masked=False) == "(nothing)"
        assert not is_cosmetic(change.old, change.new)

    def test_part_of_one_operation_is_told_as_such(self):
        (change,) = differences(({}, {"create": {"a": 1}}), ({}, {}))
        assert (change.name, change.path) == ("a (on create)", ("a",))

    @given(PAYLOADS)
    def test_a_payload_does_not_differ_from_itself(self, payload):
        assert changes(payload, payload) == []

    @given(PAYLOADS, PAYLOADS)
    def test_payloads_without_a_change_are_one(self, old, new):
        same = orjson.dumps(old, option=SORTED) == orjson.dumps(new, option=SORTED)
        assert bool(changes(old, new)) != same

    @given(PAYLOADS, PAYLOADS)
    def test_swapped_payloads_give_mirrored_changes(self, old, new):
        there, back = changes(old, new), changes(new, old)
        mirrored = {(c.name, c.path, repr(c.new), repr(c.old)) for c in back}
        cells = {(c.name, c.path, repr(c.old), repr(c.new)) for c in there}
        assert cells == mirrored


class TestShapes:
    @given(st.text(st.characters(categories=["L", "N"])))
    def test_letters_and_digits_of_a_personal_value_are_not_shown(self, text):
        assert set(shape(text)) <= set("xX9")
        assert set(shape({"a": [text]})["a"][0]) <= set("xX9")

    def test_marks_and_blanks_are_seen(self):
        assert shown("u\u0308", masked=False) == '"u\\u0308"'
        assert shown("a\u00a0b", masked=False) == '"a\\u00a0b"'

    def test_long_values_are_cut(self):
        assert len(shown("a" * 1000, masked=False)) == LONGEST

    @given(TEXTS, TEXTS)
    def test_no_text_breaks_a_table(self, one, other):
        *_, row = table(["a", "b"], [[code(one), code(other)]])
        assert (row.count("|"), "`" in row, "\n" in row) == (3, False, False)
