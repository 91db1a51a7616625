"""Three versions of a table become one: nothing is lost, nothing is guessed."""

from hypothesis import given
from hypothesis import strategies as st
from tables import FIELDS, LIST, bag, file_of, rows_of

from engine.app.workbench.tables.merging import merged, row_name
from engine.app.workbench.tables.pairing import paired


def take(base, sheet, file=None, table=FIELDS, columns=None, numbers=None):
    file = file_of(table, base if file is None else file)
    columns = table.columns if columns is None else columns
    return merged(base, sheet, file, columns=columns, numbers=numbers)


def row(field, **cells):
    return {"partner_field": field, **cells}


def sides(result):
    return [(one.row, one.column, one.kind, one.side) for one in result.differences]


# -- laws


@given(rows_of(FIELDS), rows_of(FIELDS), st.data())
def test_what_a_sheet_says_is_what_comes_of_it_if_the_file_is_as_it_was(
    base, sheet, data
):
    places = st.integers(0, 8)
    numbers = data.draw(st.dictionaries(places, places, max_size=6))
    numbers = {new: old for new, old in numbers.items() if new < len(sheet)}
    result = take(base, sheet, numbers=numbers)
    assert bag(result.file.cells) == bag(sheet)
    assert result.conflicts == ()


@given(rows_of(FIELDS), rows_of(FIELDS), st.randoms())
def test_a_sheet_without_changes_leaves_every_byte_of_the_file(base, file, random):
    sheet = random.sample(base, len(base))
    result = take(base, sheet, file)
    assert result.file.text() == file_of(FIELDS, file).text()
    assert result.taken == result.conflicts == ()


@given(rows_of(FIELDS), rows_of(FIELDS))
def test_the_same_change_on_both_sides_is_no_change(base, both):
    result = take(base, both, both)
    assert result.file.text() == file_of(FIELDS, both).text()
    assert result.taken == result.conflicts == ()


@given(rows_of(LIST, unique=True), rows_of(LIST, unique=True), st.randoms())
def test_the_order_of_the_rows_of_a_sheet_does_not_matter(base, sheet, random):
    file = [dict(one, note="neu") for one in base]
    other = random.sample(sheet, len(sheet))
    one, two = take(base, sheet, file, LIST), take(base, other, file, LIST)
    assert bag(one.file.cells) == bag(two.file.cells)
    assert sorted(sides(one)) == sorted(sides(two))


@given(*[rows_of(LIST, unique=True)] * 3)
def test_it_does_not_matter_which_side_is_the_sheet(base, one, two):
    first, second = take(base, one, two, LIST), take(base, two, one, LIST)
    assert bool(first.conflicts) == bool(second.conflicts)
    if not first.conflicts:
        assert bag(first.file.cells) == bag(second.file.cells)


@given(*[rows_of(LIST, unique=True)] * 3)
def test_a_merge_that_is_repeated_takes_nothing_more(base, sheet, file):
    first = take(base, sheet, file, LIST)
    if not first.conflicts:
        again = merged(base, sheet, first.file, columns=LIST.columns)
        assert not again.conflicts
        assert not again.taken
        assert bag(again.file.cells) == bag(first.file.cells)


@given(rows_of(FIELDS), rows_of(FIELDS), st.sets(st.sampled_from(FIELDS.columns)))
def test_a_column_that_a_sheet_does_not_have_keeps_its_cells(base, sheet, columns):
    columns = columns | {"partner_field"}
    seen = [{c: cell for c, cell in one.items() if c in columns} for one in sheet]
    result = take(base, seen, columns=columns)
    told = [{c: v for c, v in one.items() if c in columns} for one in result.file.cells]
    assert bag(told) == bag(seen)
    assert not {one.column for one in result.differences} - columns - {""}


@given(rows_of(FIELDS), rows_of(FIELDS))
def test_each_row_of_a_sheet_is_led_to_one_row_of_what_comes_of_it(base, sheet):
    result = take(base, sheet)
    known = [number for number in result.sheet_rows if number is not None]
    assert sorted(known) == list(range(len(sheet)))
    for number, cells in zip(result.sheet_rows, result.file.cells, strict=True):
        assert dict(cells) == sheet[number]


@given(rows_of(FIELDS), rows_of(FIELDS))
def test_each_row_is_paired_once(old, new):
    pairs = paired(FIELDS, old, new)
    assert len(set(pairs.old_of.values())) == len(pairs.old_of)
    assert {*pairs.old_of, *pairs.added} == set(range(len(new)))
    assert {*pairs.old_of.values(), *pairs.dropped} == set(range(len(old)))


# -- which row is which


def test_a_row_is_known_by_its_field_and_condition_before_its_number():
    old = [row("a", erp_field="x"), row("b", erp_field="y")]
    new = [row("b", erp_field="z"), row("a", erp_field="w")]
    assert paired(FIELDS, old, new, {0: 0, 1: 1}).old_of == {0: 1, 1: 0}


def test_a_row_whose_field_was_renamed_is_known_by_its_number():
    old = [row("a", erp_field="x"), row("b", erp_field="x")]
    new = [row("c", erp_field="x"), row("d", erp_field="x")]
    assert paired(FIELDS, old, new, {0: 1}).old_of == {0: 1, 1: 0}


def test_rows_of_one_field_are_paired_by_what_they_have_in_common():
    old = [
        row("a", when="x", erp_field="1"),
        row("a", when="y", erp_field="2", note="n"),
    ]
    new = [row("a", when="z", erp_field="2", note="n")]
    assert paired(FIELDS, old, new).old_of == {0: 1}


def test_a_field_that_was_renamed_is_known_by_its_rule():
    old, new = [row("zip", erp_field="plz")], [row("postcode", erp_field="plz")]
    assert paired(FIELDS, old, new).old_of == {0: 0}


def test_values_of_a_list_that_lead_to_one_are_two():
    old = [{"erp_value": "a", "partner_value": "X"}]
    new = [{"erp_value": "b", "partner_value": "X"}]
    assert paired(LIST, old, new).old_of == {}
    assert paired(LIST, old, new, {0: 0}).old_of == {0: 0}


def test_rows_that_have_little_in_common_are_two():
    old, new = [row("a", if_empty="clear")], [row("b", if_empty="clear")]
    assert paired(FIELDS, old, new).old_of == {}


def test_thousands_of_rows_are_paired_soon():
    old = [row("a", erp_field=str(n)) for n in range(3000)]
    new = [row("a", erp_field=str(-n)) for n in range(3000)]
    assert len(paired(FIELDS, old, new).old_of) == 3000


# -- both sides


def test_different_cells_of_one_row_come_together():
    base = [row("a", erp_field="x")]
    result = take(base, [row("a", erp_field="y")], [row("a", erp_field="x", note="n")])
    assert result.file.cells == (row("a", erp_field="y", note="n"),)
    assert sides(result) == [
        ("a", "erp_field", "changed", "sheet"),
        ("a", "note", "changed", "files"),
    ]


def test_one_cell_changed_in_two_ways_is_a_conflict_that_keeps_the_file():
    base = [row("a", erp_field="x")]
    result = take(base, [row("a", erp_field="y")], [row("a", erp_field="z")])
    assert result.file.cells == (row("a", erp_field="z"),)
    assert sides(result) == [("a", "erp_field", "changed", "conflict")]
    (conflict,) = result.conflicts
    assert (conflict.base, conflict.theirs, conflict.ours) == ("x", "y", "z")


def test_two_rows_that_were_added_for_one_field_are_a_conflict():
    result = take([], [row("a", erp_field="x")], [row("a", default="y")])
    assert sides(result) == [
        ("a", "erp_field", "changed", "conflict"),
        ("a", "default", "changed", "conflict"),
    ]
    assert result.file.cells == (row("a", default="y"),)


def test_rows_that_were_added_for_other_fields_come_together():
    result = take([], [row("a", erp_field="x")], [row("b", erp_field="x")])
    assert bag(result.file.cells) == bag(
        [row("a", erp_field="x"), row("b", erp_field="x")]
    )
    assert not result.conflicts


def test_rows_of_one_field_with_other_conditions_come_together():
    result = take([], [row("a", when="x")], [row("a", when="y")])
    assert not result.conflicts
    assert len(result.file.cells) == 2


def test_the_same_row_added_on_both_sides_is_there_once():
    result = take([], [row("a", erp_field="x")], [row("a", erp_field="x")])
    assert sides(result) == [("a", "", "added", "both")]
    assert len(result.file.cells) == 1


def test_a_row_that_both_dropped_is_gone():
    result = take([row("a"), row("b")], [row("b")], [row("b")])
    assert (result.file.cells, sides(result)) == ((row("b"),), [])


def test_a_row_that_the_file_dropped_stays_dropped():
    result = take([row("a", note="n")], [row("a", note="n")], [])
    assert sides(result) == [("a", "", "dropped", "files")]
    assert result.file.cells == ()


def test_a_row_dropped_on_one_side_and_changed_on_the_other_is_a_conflict():
    base = [row("a", erp_field="x")]
    changed = [row("a", erp_field="y")]
    assert sides(take(base, changed, [])) == [("a", "", "dropped", "conflict")]
    result = take(base, [], changed)
    assert sides(result) == [("a", "", "dropped", "conflict")]
    assert result.file.cells == tuple(changed)


# -- where new rows stand


def fields(result):
    return [
        (cells["partner_field"], cells.get("when", "")) for cells in result.file.cells
    ]


def test_a_new_row_follows_the_one_that_it_follows_in_the_sheet():
    base = [row("a"), row("b")]
    sheet = [row("n"), row("a"), row("x"), row("y"), row("b"), row("z")]
    names = [name for name, _ in fields(take(base, sheet))]
    assert names == ["n", "a", "x", "y", "b", "z"]


def test_a_row_that_only_the_file_has_stands_behind_the_new_ones():
    names = [
        n
        for n, _ in fields(take([row("a")], [row("a"), row("x")], [row("a"), row("f")]))
    ]
    assert names == ["a", "x", "f"]


def test_in_a_sorted_sheet_a_condition_stands_before_the_row_without_one():
    base = [row("b"), row("a", when="1"), row("a"), row("c")]
    sheet = [row("a"), row("a", when="1"), row("a", when="2"), row("b"), row("c")]
    expected = [("b", ""), ("a", "1"), ("a", "2"), ("a", ""), ("c", "")]
    assert fields(take(base, sheet)) == expected


def test_in_a_sorted_sheet_new_fields_come_last_their_conditions_first():
    base = [row("b"), row("a")]
    sheet = [row("a"), row("b"), row("n"), row("m"), row("n", when="1")]
    expected = [("b", ""), ("a", ""), ("n", "1"), ("n", ""), ("m", "")]
    assert fields(take(base, sheet)) == expected


# -- names


def test_a_row_is_called_by_its_field_operation_and_condition():
    found = row_name(FIELDS, row("a", write="create", when="x is empty"))
    assert found == "a (create) if x is empty"
    assert row_name(LIST, {"erp_value": "herr"}) == "herr"
    assert row_name(FIELDS, {}) == "?"


class TestNumbers:
    """Rows of one field count in their order, which their numbers can change."""

    base = (
        {"partner_field": "title", "erp_field": "a", "when": "a is not empty"},
        {"partner_field": "title", "erp_field": "b", "when": "b is not empty"},
        {"partner_field": "zip", "erp_field": "plz"},
    )

    def test_rows_of_a_field_change_places_with_their_numbers(self):
        found = take(self.base, self.base, numbers={0: 1, 1: 0, 2: 2})
        assert [row["erp_field"] for row in found.file.cells] == ["b", "a", "plz"]
        told = [(d.row, d.column, d.base, d.theirs, d.side) for d in found.differences]
        assert told == [
            ("title if b is not empty", "number", "2", "1", "sheet"),
            ("title if a is not empty", "number", "1", "2", "sheet"),
        ]

    def test_the_place_of_a_row_in_the_sheet_says_nothing(self):
        sheet = [self.base[1], self.base[2], self.base[0]]
        found = take(self.base, sheet, numbers={0: 1, 1: 2, 2: 0})
        assert found.file.cells == self.base
        assert found.differences == ()

    def test_a_sheet_that_was_counted_anew_moves_nothing(self):
        sheet = [self.base[1], self.base[0], self.base[2]]
        found = take(self.base, sheet, numbers={0: 3, 1: 4, 2: 5})
        assert found.file.cells == self.base

    def test_a_moved_row_may_be_changed_as_well(self):
        sheet = [self.base[0], {**self.base[1], "transform": "trim"}, self.base[2]]
        found = take(self.base, sheet, numbers={0: 1, 1: 0, 2: 2})
        assert found.file.cells[0] == sheet[1]
        assert found.file.cells[1] == sheet[0]

    def test_an_order_that_the_file_has_already_is_no_difference(self):
        file = (self.base[1], self.base[0], self.base[2])
        found = take(self.base, self.base, file, numbers={0: 1, 1: 0, 2: 2})
        assert found.file.cells == file
        assert found.differences == ()
