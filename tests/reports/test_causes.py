"""Rejects with one cause are one thing to look after; two causes stay two."""

import doctest

import pytest

from engine.app import causes as causes_module
from engine.app import lines, plan_report, status
from engine.app.causes import causes
from engine.runtime.links import Reject

ROW = "mappings/partners/acme/stammdaten/units.csv:{}"


def rejects(*messages, code="R101", origin=""):
    return [
        Reject("units", f"1/{number}", code, message, origin)
        for number, message in enumerate(messages, 1001)
    ]


@pytest.mark.parametrize("module", [causes_module, lines, plan_report, status])
def test_what_the_docstrings_show_is_so(module):
    found = doctest.testmod(module)
    assert found.attempted
    assert not found.failed


@pytest.mark.parametrize(
    "messages",
    [
        ("a.csv:6: no, found 'siebzig'.", "a.csv:17: no, found 'acht'."),
        ("is not a number, found 'it'", 'is not a number, found "7\'5"'),
        ("waits for units 1-1001, which is", "waits for units 2/7/01, which is"),
        ("mail *** is taken", "mail *** *** is taken"),
        ("lines 3 and 4 of a.csv", "lines 17, 18 and 19 of a.csv"),
        ("title 'Haus am See' exists", "title 'Am Park' exists"),
    ],
)
def test_what_is_a_records_own_does_not_part_them(messages):
    (cause,) = causes(rejects(*messages))
    assert [reject.key for reject in cause.rejects] == ["1/1001", "1/1002"]


@pytest.mark.parametrize(
    "messages",
    [
        ("the key part 'we_nr' is missing", "the key part 've_nr' is missing"),
        ("a.csv:6 [flaeche]: no number", "a.csv:6 [zimmer]: no number"),
        ("no number, found 'x'; name has no value", "no number, found 'x'"),
    ],
)
def test_two_causes_of_one_code_stay_apart(messages):
    assert len(causes(rejects(*messages))) == 2


def test_table_rows_part_causes_and_lines_of_the_source_do_not():
    rows = [rejects("no", origin=ROW.format(n))[0] for n in (2, 2, 7)]
    assert [len(cause.rejects) for cause in causes(rows)] == [2, 1]
    lines_ = [rejects("no", origin=f"erp/units.csv:{n}")[0] for n in (2, 7)]
    assert [cause.row for cause in causes(lines_)] == ["erp/units.csv"]


def test_the_message_is_the_very_one_where_all_say_the_same():
    (same,) = causes(rejects("maxLength 40", "maxLength 40"))
    (alike,) = causes(rejects("found 1001", "found 1002"))
    assert (same.message, alike.message) == ("maxLength 40", "found …")


def test_the_most_frequent_cause_comes_first():
    found = causes(rejects("a", "b", "b", "b", "c", "c"))
    assert [cause.message for cause in found] == ["b", "c", "a"]


@pytest.mark.parametrize("part", ["a", "a ", "'", "' ", "… ", "*** ", "found ,"])
def test_the_time_of_a_message_grows_with_its_length_only(part):
    text = part * 60_000
    found = causes(rejects(text, f"{text}17"))
    assert sum(len(cause.rejects) for cause in found) == 2
