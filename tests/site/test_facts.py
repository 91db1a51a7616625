"""The generated pages say what the partners' pages say: facts by hand, pages read."""

import re

import pytest
from site_reading import (
    FACTS,
    Page,
    bullets,
    html_table,
    labelled,
    plain,
    table,
)

PARTNERS = FACTS["partners"]
CASE = FACTS["use_case"]
HEADINGS = [
    "## Übersicht",
    "## Beschreibung",
    "## Mit {name} verbinden",
    "## Use Cases",
    "### 1. Stammdaten",
    "#### Übersicht",
    "#### Entitäten",
    "#### Einstellungen",
    "#### Voraussetzungen",
]
CASE_PATH = ("## Use Cases", "### 1. Stammdaten")


@pytest.fixture(params=PARTNERS)
def facts(request):
    return PARTNERS[request.param] | {"partner": request.param}


@pytest.fixture
def page(facts, files):
    return Page(files[f"docs/partner-and-apps/{facts['partner']}.md"])


class TestPartner:
    def test_headings_and_their_order(self, page, facts):
        wanted = [heading.format(name=facts["name"]) for heading in HEADINGS]
        assert page.headings[0] == f"# {facts['name']}"
        assert page.headings[1 : 1 + len(wanted)] == wanted

    def test_title_and_categories(self, page, facts):
        overview = labelled(page.section("## Übersicht"))
        assert page.matter["description"] == facts["title"]
        assert overview["Kategorien"].split(", ") == facts["categories"]

    def test_use_cases(self, page, facts):
        overview = labelled(page.section("## Übersicht"))
        shown = [plain(link) for link in overview["Use Cases"].split(", ")]
        assert shown == facts["use_cases"]

    def test_links(self, page, facts):
        overview = labelled(page.section("## Übersicht"))
        for label, address in facts["links"].items():
            assert overview[label].endswith(f"]({address})")

    def test_there_is_a_description_and_a_way_to_connect(self, page, facts):
        assert any(page.section("## Beschreibung"))
        steps = page.section(f"## Mit {facts['name']} verbinden")
        assert [line for line in steps if re.match(r"\d\. \S", line)]

    def test_credentials(self, page, facts):
        lines = page.section(f"## Mit {facts['name']} verbinden")
        shown = [re.match(r"\*\*(.+?)\*\*", text)[1] for text in bullets(lines)]
        assert shown == facts["credentials"]

    def test_the_environment_is_asked_for_where_the_page_does(self, page, facts):
        steps = " ".join(page.section(f"## Mit {facts['name']} verbinden"))
        if facts.get("environment"):
            assert "**Environment**" in steps

    def test_entities_row_by_row(self, page, facts):
        rows = table(page.section(*CASE_PATH, "#### Entitäten"))
        assert rows == facts["entities"]

    def test_settings_and_their_options(self, page, facts):
        rows = html_table(page.section(*CASE_PATH, "#### Einstellungen"))
        shown = [
            {"name": name["text"], "options": options["codes"]}
            for name, _, options in rows
        ]
        assert shown == facts["settings"]

    def test_prerequisites(self, page, facts):
        shown = bullets(page.section(*CASE_PATH, "#### Voraussetzungen"))
        assert shown == facts["prerequisites"]


class TestUseCase:
    @pytest.fixture
    def page(self, files):
        return Page(files[f"docs/use-cases/{CASE['page']}.md"])

    def test_headings(self, page):
        assert page.headings == ["# Stammdaten", "## Übersicht", "## Beschreibung"]

    def test_interval_and_direction(self, page):
        overview = labelled(page.section("## Übersicht"))
        assert overview["Intervall"] == CASE["interval"]
        assert overview["Richtung"] == CASE["direction"]

    def test_entities_in_order(self, page):
        assert below(page, "Entitäten") == CASE["entities"]

    def test_partners_in_order(self, page):
        assert below(page, "Partner") == CASE["partners"]


def below(page, label):
    """Return the bullets below the one with a label."""
    found = bullets(page.section("## Übersicht"))
    return [plain(text) for text in found[found.index(f"**{label}**:") + 1]]
