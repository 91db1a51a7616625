"""What people read of a plan in a terminal: calm, complete, never too wide."""

import io
import re
import shlex
from collections import Counter

import pytest
from rich.console import Console

from engine.app.plan_report import show_plan
from engine.runtime.run import planned


def shown(desk, width=80, *, verb="Plan", brief=False):
    """Return the text of a plan at a width of the terminal."""
    out = io.StringIO()
    with planned(desk.activation()) as plan:
        console = Console(file=out, width=width)
        show_plan(console, plan, verb, "a.yaml", brief=brief)
    return out.getvalue()


def commands(text):
    """Return the commands that a text tells to run, on one line each."""
    whole = re.sub(r" \\\n +", " ", text)
    return [
        line.strip()
        for line in whole.splitlines()
        if line.strip().startswith("feldwerk release")
    ]


def squeezed(text):
    return " ".join(text.split())


class TestFigures:
    def test_several_mandanten_have_figures_of_their_own(self, open_desk):
        desk = open_desk("etg24", units=60)
        text, plan = shown(desk), desk.plan()
        of_einheiten = plan["entities"]["einheiten"]["mandanten"]
        assert len(of_einheiten) > 1
        for mandant, counts in of_einheiten.items():
            row = rf"^ {mandant} +einheiten +{counts['create'] or '·'} "
            assert re.search(row, text, re.MULTILINE)

    def test_one_mandant_needs_no_figures_of_its_own(self, etg24):
        for entity in ("wirtschaftseinheit", "gebaeude"):
            etg24.edit(entity, lambda rows: [r for r in rows if r["mandant_nr"] == "1"])
        assert "Mandant" not in shown(etg24)

    def test_many_mandanten_are_summed_up(self, open_desk):
        desk = open_desk("etg24")
        with planned(desk.activation()) as plan:
            part = plan.entities["einheiten"]
            for number in range(40):
                part.count(f"{number + 100}/1", "create", number + 1)
            out = io.StringIO()
            show_plan(Console(file=out, width=80), plan, "Plan", "a.yaml", brief=False)
        text = out.getvalue()
        assert "further Mandanten, and each entity of each Mandant" in text
        assert re.search(r"^ 139 +40 *$", text, re.MULTILINE)
        assert not re.search(r"^ 100 ", text, re.MULTILINE)


class TestWidth:
    @pytest.mark.parametrize("width", [48, 60, 80, 100, 140])
    @pytest.mark.parametrize("name", ["braked", "rekeyed"])
    def test_no_line_is_wider_than_the_terminal(self, request, name, width):
        text = shown(request.getfixturevalue(name), width)
        assert max(map(len, text.splitlines())) <= width

    @pytest.mark.parametrize("width", [48, 80, 140])
    def test_no_figure_is_lost_where_the_table_does_not_fit(self, braked, width):
        text = squeezed(shown(braked, width, brief=True))
        for name, part in braked.plan()["entities"].items():
            after = text[text.index(name) :]
            for figure in ("held", "unchanged", "left_out"):
                assert f"{part[figure] or ''}" in after

    def test_a_long_text_is_wrapped_with_all_of_its_words(self, braked):
        assert "Eine Wohnung, welche leer ist, wird nicht synchronisiert." in squeezed(
            shown(braked, 48)
        )


class TestWhatChanges:
    def test_changed_fields_have_their_number_and_their_table_row(self, etg24):
        etg24.sync()
        etg24.set("gebaeude", {"geb_nr": "02"}, bezeichnung="Neu")
        text = shown(etg24)
        rows = etg24.plan()["entities"]["objekte"]
        assert rows["fields"] == {"title": 1}
        assert rows["rows"]["title"].endswith("/objekte.csv:3")
        assert re.search(r"^ +1  title +objekte\.csv:3$", text, re.MULTILINE)
        assert "What changes" in text

    def test_a_plan_that_changes_nothing_says_its_figures_and_no_more(self, etg24):
        etg24.sync()
        text = shown(etg24)
        for title in ("What changes", "Gone", "Costs", "Held", "Rejected", "known"):
            assert title not in text

    def test_brief_prints_the_figures_and_what_is_to_be_decided(self, braked):
        text = shown(braked, brief=True)
        assert "Held back by the brake" in text
        assert "Left out by a rule" not in text
        assert "What changes" not in text


class TestBrake:
    def test_each_verdict_is_told_with_its_figures(self, braked):
        text = squeezed(shown(braked))
        verdicts = braked.plan()["brake"]["verdicts"]
        assert {"1", "2", "*"} <= {verdict["mandant"] for verdict in verdicts}
        for verdict in verdicts:
            one = f"Mandant {verdict['mandant']}"
            where = "all Mandanten" if verdict["mandant"] == "*" else one
            figures = f"{verdict['count']} of {verdict['of']} records"
            assert f"{where}: {figures} would be removed, {verdict['why']}" in text

    def test_the_command_that_is_told_lets_the_plan_pass(self, braked):
        (told,) = commands(braked.invoke("sync", "activation").out)
        told = told.replace("NAME", "'Ada Muster'").replace("TEXT", "'moved away'")
        released = braked.invoke(*shlex.split(told)[1:])
        assert released.code == 0, released.err
        text = squeezed(shown(braked))
        assert "Released Ada Muster let plan" in text
        assert "moved away" in text
        assert braked.invoke("sync", "activation").code == 0


class TestGone:
    def test_what_the_source_lacks_is_told_apart_by_what_becomes_of_it(self, depleted):
        text = shown(depleted)
        plan = depleted.plan()
        parts = plan["entities"].values()
        gone = [item for part in parts for item in part["gone_records"]]
        held = {item["key"] for part in parts for item in part["held_changes"]}
        assert f"Gone: {len(gone)} records that were sent" in text
        found = Counter(item["reason"] for item in gone)
        found["held"] = sum(item["key"] in held for item in gone if not item["reason"])
        assert found["held"] == found.pop("") > 0
        assert len(found) > 1
        for reason, count in found.items():
            what = f"not removed: {reason}"
            if reason == "held":
                what = "held back by the brake"
            assert f"{count:>7}  {what}" in text

    def test_removals_that_pass_are_told_as_removed(self, depleted):
        depleted.change(brake={"remove": {"share": 1, "count": 10_000}})
        count = depleted.plan()["totals"]["remove"]
        assert count
        assert f"{count:>7}  removed by this plan" in shown(depleted)


class TestRekeys:
    def test_old_and_new_ids_are_shown_with_three_ways_out(self, rekeyed):
        text = shown(rekeyed)
        rekeys = rekeyed.plan()["rekeys"]
        assert f"{len(rekeys)} records would get other IDs" in text
        for rekey in rekeys[:3]:
            assert f"{rekey['old_id']} -> {rekey['new_id']}" in text
        assert "restore the separator or the ID rule" in text
        assert [c.rpartition("--rekey ")[2] for c in commands(text)] == [
            "migrate",
            "recreate",
        ]


class TestForecast:
    def test_minutes_under_a_known_budget_say_where_they_are_from(self, open_desk):
        desk = open_desk("everreal")
        forecast = desk.plan()["forecast"]
        text = squeezed(shown(desk))
        assert forecast["minutes"] is not None
        assert f"Costs about {forecast['calls']['total']} calls, " in text
        assert f": {forecast['minutes_from']}" in text

    def test_minutes_that_nothing_tells_are_not_guessed(self, facilioo):
        text = squeezed(shown(facilioo))
        assert facilioo.plan()["forecast"]["minutes"] is None
        assert "calls; minutes: cannot be known, no limit is known" in text

    def test_what_is_only_estimated_is_said_once_for_all_entities(self, facilioo):
        text = squeezed(shown(facilioo))
        assert text.count("each is looked up before") == 1
        assert "create of tenants, parties, properties" in text

    def test_a_finished_run_needs_no_forecast(self, facilioo):
        text = shown(facilioo, verb="Sync")
        assert "Costs" not in text
        assert "Not known" not in text


class TestRejects:
    def test_a_second_cause_of_a_code_is_not_hidden(self, etg24):
        def wrong(rows):
            for row in rows:
                row["wohnflaeche"] = "siebzig"
            rows[-1]["wohnflaeche"], rows[-1]["mea_zaehler"] = "70", "drei"
            return rows

        etg24.edit("verwaltungseinheit", wrong)
        found = etg24.invoke("plan", "activation")
        count = len(etg24.rows("verwaltungseinheit")) - 1
        assert found.code == 1
        assert re.search(rf"^ +{count}  R101", found.out, re.MULTILINE)
        assert "found 'drei'" in squeezed(found.out)
        assert f"and {count - 1} alike: einheiten " in squeezed(found.out)

    def test_the_table_row_of_what_the_partner_refuses_is_told(self, etg24):
        rule = {"entity": "objekte", "field": "title", "value": "Eingang Süd"}
        etg24.simulator.faults(refuse=[rule])
        found = etg24.invoke("sync", "activation")
        assert "etg24/stammdaten/objekte.csv:3" in squeezed(found.out)
