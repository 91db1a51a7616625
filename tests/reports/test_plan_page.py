"""The HTML page of a plan: every figure of the JSON, nothing from outside, no code."""

from datetime import UTC, datetime
from itertools import pairwise

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.app.plan_page import LISTED, THINNEST, render, segments
from engine.runtime.changes import COUNTS, OPERATIONS

MADE = datetime(2026, 11, 21, 15, 30, tzinfo=UTC)
NASTY = "<script>alert('1')</script><img src=x onerror=alert(2)>&\"'"
FETCHING = ("src", "srcset", "href", "action", "data", "poster", "xlink:href")


def page(plan, verb="Plan"):
    return lxml.html.document_fromstring(render(plan, MADE, verb))


def number(element):
    return int(element.text_content().split()[-1].strip("()").replace(",", ""))


def rows(tree, table):
    """Return the cells of each row of a table's body, as texts."""
    found = tree.xpath(f"//table[@id='{table}']/tbody/tr")
    return [[cell.text_content().strip() for cell in row] for row in found]


def figures(cells):
    return [int(cell.replace(",", "")) for cell in cells]


def article(tree, name):
    (found,) = tree.xpath(f"//article[header/h3='{name}']")
    return found


@pytest.fixture(params=["braked", "rekeyed", "depleted", "trapped"])
def plan(request, plan_of):
    """Plans with something held back, other IDs, gone records, rejects."""
    return plan_of(request.param)


class TestFigures:
    def test_totals_are_those_of_the_plan(self, plan):
        cards = page(plan).xpath("//div[@data-total]")
        found = {card.get("data-total"): number(card.find("b")) for card in cards}
        assert found == plan["totals"]

    def test_each_entity_has_its_figures(self, plan):
        found = {
            name: figures(cells) for name, _, *cells in rows(page(plan), "figures")
        }
        assert found == {
            name: [*(part[count] for count in COUNTS), part["gone"]]
            for name, part in plan["entities"].items()
        }

    def test_each_mandant_has_its_figures(self, plan):
        wanted = {
            (mandant or "none", name): [counts[count] for count in COUNTS]
            for name, part in plan["entities"].items()
            for mandant, counts in part["mandanten"].items()
            if any(counts.values())
        }
        found = {
            (mandant, name): figures(cells)
            for mandant, name, *cells in rows(page(plan), "mandanten")
        }
        several = len({mandant for mandant, _ in wanted} - {"none"}) > 1
        assert found == (wanted if several else {})

    def test_the_forecast_has_its_calls_and_how_each_part_is_known(self, plan):
        tree, forecast = page(plan), plan["forecast"]
        calls = {name: int(count) for name, count in rows(tree, "calls")}
        assert sum(calls.values()) == forecast["calls"]["total"]
        assert calls == {
            name: count
            for name, count in forecast["calls"].items()
            if count and name != "total"
        }
        found = [(name, sure[2:]) for name, sure, _ in rows(tree, "sections")]
        words = {"unknown": "cannot be known"}
        assert found == [
            (s["name"], words.get(s["certainty"], s["certainty"]))
            for s in forecast["sections"]
        ]

    def test_fields_rules_and_causes_add_up(self, plan):
        tree = page(plan)
        for name, part in plan["entities"].items():
            found = article(tree, name)

            def sums(kind, found=found):
                cells = found.xpath(f".//table[@class='{kind}']/tbody/tr/td[2]")
                return sum(map(number, cells))

            assert sums("fields") == sum(part["fields"].values())
            assert sums("rules") == part["left_out"]
            assert sums("causes") == part["rejected"]

    def test_each_list_has_all_its_records(self, plan):
        tree = page(plan)
        for name, part in plan["entities"].items():
            lists = [
                *(
                    [c for c in part["changes"] if c["operation"] == o]
                    for o in OPERATIONS
                ),
                *(part[f"{kind}_records"] for kind in ("gone", "left_out", "rejected")),
                part["held_changes"],
            ]
            found = article(tree, name).xpath(".//details")
            counts = [number(details.find("summary")) for details in found]
            listed = [len(details.xpath(".//tbody/tr")) for details in found]
            assert counts == listed
            assert sorted(counts) == sorted(len(one) for one in lists if one)
            keys = {cell.text for cell in article(tree, name).xpath(".//td/code")}
            assert keys >= {item["key"] for one in lists for item in one}

    def test_what_a_person_decides_is_there(self, plan):
        tree = page(plan)
        decide = tree.xpath("//section[@id='decide']")
        assert bool(decide) == bool(plan["brake"]["plan"])
        verdicts = [figures(cells[3:5]) for cells in rows(tree, "verdicts")]
        wanted = plan["brake"]["verdicts"]
        assert verdicts == [[v["count"], v["of"]] for v in wanted]
        assert [cells[1:] for cells in rows(tree, "rekeys")] == [
            [rekey["key"], rekey["old_id"], rekey["new_id"]] for rekey in plan["rekeys"]
        ]
        if decide:
            command = f"feldwerk release {plan['brake']['plan']} "
            assert command in decide[0].text_content()


class TestChart:
    def test_a_chart_says_its_figures_in_words_too(self, plan):
        tree = page(plan)
        for name, part in plan["entities"].items():
            charts = article(tree, name).xpath(".//*[@role='img']")
            assert bool(charts) == any(part[count] for count in COUNTS)
            for chart in charts:
                counts = [part[c] for c in COUNTS if part[c]]
                label = chart.get("aria-label")
                assert [
                    int(w.replace(",", "")) for w in label.split() if w[0].isdigit()
                ] == counts
                assert len(chart.xpath(".//*[local-name()='title']")) == len(counts)
                legend = article(tree, name).xpath(".//li[@data-count]")
                assert {li.get("data-count"): number(li) for li in legend} == {
                    c: part[c] for c in COUNTS if part[c]
                }

    @given(st.fixed_dictionaries({name: st.integers(0, 10**6) for name in COUNTS}))
    def test_a_bar_is_filled_and_no_part_of_it_is_too_thin(self, counts):
        bar = segments(counts)
        assert [part.name for part in bar] == [name for name in COUNTS if counts[name]]
        if bar:
            assert sum(part.width for part in bar) == pytest.approx(100)
            assert bar[0].start == 0
            for part, after in pairwise(bar):
                assert after.start == pytest.approx(part.start + part.width)
            assert min(part.width for part in bar) > THINNEST * 0.9


class TestSafety:
    def test_a_page_fetches_nothing_and_runs_nothing(self, plan):
        tree = page(plan)
        assert not tree.xpath("//script | //link | //iframe | //object | //img")
        for element in tree.iter():
            for name, value in element.attrib.items():
                assert not name.startswith("on")
                assert name not in FETCHING or value.startswith("#")
        style = tree.findtext(".//style")
        assert "@import" not in style
        assert style.count("url(") == style.count("url(#") > 0
        (policy,) = tree.xpath("//meta[@http-equiv]/@content")
        assert policy == "default-src 'none'; style-src 'unsafe-inline'"

    def test_what_records_hold_stays_text(self, etg24):
        flat = {"we_nr": "9003"}
        etg24.set("verwaltungseinheit", flat, wohnflaeche=NASTY[:40], ve_nr=NASTY)
        etg24.set("gebaeude", {"geb_nr": "02"}, geb_nr=f"02{NASTY}")
        plan = etg24.plan()
        assert plan["totals"]["rejected"]
        tree = page(plan)
        assert not tree.xpath("//script | //img")
        assert NASTY in tree.text_content()

    def test_every_text_of_a_plan_is_escaped(self, plan):
        def spoilt(value, name=""):
            if isinstance(value, dict):
                return {key: spoilt(part, key) for key, part in value.items()}
            if isinstance(value, list):
                return [spoilt(part, name) for part in value]
            fixed = ("certainty", "code", "operation")
            plain = isinstance(value, str) and value and name not in fixed
            return f"{value}{NASTY}" if plain else value

        tree = page(spoilt(plan))
        assert not tree.xpath("//script | //img")
        assert NASTY in tree.findtext(".//title")

    def test_names_of_fields_and_mandanten_are_escaped(self, plan_of):
        plan = plan_of("first")
        part = plan["entities"].pop("objekte")
        part["fields"] = {NASTY: 1}
        part["mandanten"] = {NASTY: part["mandanten"]["1"], "2": part["mandanten"]["1"]}
        plan["entities"][NASTY] = part
        tree = page(plan)
        assert not tree.xpath("//script | //img")
        assert tree.text_content().count(NASTY) >= 3


class TestPage:
    def test_long_lists_are_cut_and_say_so(self, plan_of):
        plan = plan_of("rekeyed")
        part = plan["entities"]["units"]
        part["changes"] = part["changes"][:1] * (LISTED + 1)
        plan["rekeys"] = plan["rekeys"][:1] * (LISTED + 1)
        tree = page(plan)
        (details,) = article(tree, "units").xpath(
            ".//details[.//summary[contains(., 'Update')]]"
        )
        assert number(details.find("summary")) == LISTED + 1
        assert len(details.xpath(".//tbody/tr")) == LISTED
        assert "The first 1,000 of 1,001 are listed" in details.text_content()
        assert len(rows(tree, "rekeys")) == LISTED

    def test_minutes_that_cannot_be_known_are_said_to_be(self, plan_of):
        plan = plan_of("trapped")
        assert plan["forecast"]["minutes"] is None
        (forecast,) = page(plan).xpath("//section[@id='forecast']")
        assert "cannot be known" in forecast.text_content()

    def test_the_command_writes_the_page_beside_its_figures(self, etg24, tmp_path):
        path = tmp_path / "plan.html"
        found = etg24.invoke("plan", "activation", "--json", "--html", str(path))
        tree = lxml.html.document_fromstring(path.read_bytes().decode("utf-8"))
        plan = found.json()
        assert tree.findtext(".//h1") == f"Plan: {etg24.name}"
        assert {name for name, *_ in rows(tree, "figures")} == set(plan["entities"])

    def test_a_finished_run_needs_no_forecast(self, plan_of):
        tree = page(plan_of("braked"), "Sync")
        assert tree.findtext(".//h1").startswith("Sync: ")
        assert not tree.xpath("//section[@id='forecast']")
        assert "To let this pass, with the next sync:" in tree.text_content()

    def test_umlauts_and_the_time_are_written_as_they_are(self, plan_of):
        text = render(plan_of("braked"), MADE)
        assert '<meta charset="utf-8">' in text
        assert "Verträge" in text
        assert "2026-11-21 at 15:30 UTC" in text
