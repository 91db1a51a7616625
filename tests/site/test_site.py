"""The site as a whole: its links, its navigation, its honesty, and what is refused."""

import json
import posixpath
import re

import pytest
import yaml
from site_reading import Page, bullets, html_table, invoke, plain, table

from engine.app.payload_fields import every_field
from engine.app.site.markdown import EVIDENCE
from engine.app.site.writer import MARK, site_files
from engine.runtime.library import INSTALLED, read_connector, standard_of
from engine.spec import Folders

FOLDERS = Folders(INSTALLED)
LINK = re.compile(r"\]\(([^)]+)\)")
ANCHOR = re.compile(r'id="([^"]+)"')
CASE_PATH = ("## Use Cases", "### 1. Stammdaten")


@pytest.fixture(scope="session")
def pages(files):
    return {n.removeprefix("docs/"): t for n, t in files.items() if n.endswith(".md")}


def partner_pages(pages):
    return {n: t for n, t in pages.items() if n.startswith("partner-and-apps/")}


class TestLinks:
    def test_each_relative_link_leads_to_a_page_and_an_anchor(self, pages):
        broken = []
        for name, text in pages.items():
            for link in LINK.findall(text):
                if link.startswith(("http://", "https://")):
                    continue
                path, _, anchor = link.partition("#")
                target = posixpath.normpath(
                    posixpath.join(posixpath.dirname(name), path)
                )
                target = target if path else name
                if target not in pages or (
                    anchor and anchor not in ANCHOR.findall(pages[target])
                ):
                    broken.append(f"{name}: {link}")
        assert broken == []

    def test_an_anchor_stands_once_on_its_page(self, pages):
        for name, text in pages.items():
            anchors = ANCHOR.findall(text)
            assert len(anchors) == len(set(anchors)), name

    def test_no_two_templates_meet(self, pages):
        assert [
            name for name, text in pages.items() if "{{" in text or "{%" in text
        ] == []


class TestNavigation:
    def test_mkdocs_names_each_page_once(self, files, pages):
        config = yaml.safe_load(files["mkdocs.yml"])
        named = re.findall(r"\S+\.md", json.dumps(config["nav"]).replace('"', " "))
        assert sorted([*named, "SUMMARY.md"]) == sorted(pages)
        assert config["docs_dir"] == "docs"

    def test_gitbook_names_each_page_once(self, files, pages):
        named = LINK.findall(pages["SUMMARY.md"])
        assert sorted([*named, "SUMMARY.md"]) == sorted(pages)
        assert yaml.safe_load(files[".gitbook.yaml"])["root"] == "./docs/"

    def test_each_partner_has_a_page(self, pages):
        names = {f"partner-and-apps/{partner}.md" for partner in FOLDERS.partners()}
        assert set(partner_pages(pages)) == names


class TestTables:
    def test_each_row_has_as_many_cells_as_its_header(self, pages):
        for name, text in pages.items():
            width = 0
            for line in text.splitlines():
                cells = len(re.split(r"(?<!\\)\|", line)) if line[:1] == "|" else 0
                assert not (cells and width) or cells == width, f"{name}: {line}"
                width = cells

    def test_a_field_table_has_a_row_for_each_row_of_its_csv(self, pages):
        page = Page(pages["partner-and-apps/etg24.md"])
        heading = "##### Objektgruppen (`objektgruppen`)"
        rows = table(page.section(*CASE_PATH, "#### Felder", heading))
        assert [row[0] for row in rows] == ["extId", "title"]
        assert rows[0][1:5] == [
            "ja",
            "Mandant (`mandant_nr`), Wirtschaftseinheit (`we_nr`)",
            "verbunden mit dem Separator",
            "gesehen",
        ]


class TestMatrix:
    @pytest.fixture
    def page(self, pages):
        return Page(pages["felder.md"])

    def test_each_field_of_the_standard_has_a_row(self, page):
        entities = [e for e in standard_of(FOLDERS).entities.values() if not e.view_of]
        for entity in entities:
            names = [row[0] for row in table(page.section(f"## {entity.title}"))]
            assert [n for n in names if "." not in n] == list(entity.fields)

    def test_a_cell_has_the_partners_fields_and_their_marks(self, page):
        row = self.row(page, "Verwaltungseinheit", "wohnflaeche")
        assert "`einheiten.area` G" in row
        assert "`units.livingArea` V" in row

    def test_personal_fields_are_marked(self, page):
        assert self.row(page, "Geschäftspartner", "nachname")[2] == "P"
        assert self.row(page, "Gebäude", "baujahr")[2] == ""

    def test_what_only_a_rule_reads_says_so(self, page):
        assert "Regel" in self.row(page, "Geschäftspartner", "loeschantrag")

    def test_an_id_and_what_points_to_it_stand_at_the_key(self, page):
        row = " ".join(self.row(page, "Gebäude", "geb_nr"))
        assert "`objekte.extId`" in row
        assert "`einheiten.objektExtId`" in row

    def row(self, page, title, name):
        rows = table(page.section(f"## {title}"))
        return next(row for row in rows if row[0] == name)


class TestHonesty:
    @pytest.mark.parametrize("partner", FOLDERS.partners())
    def test_a_proposed_connector_is_named_so_before_all_else(self, pages, partner):
        text = pages[f"partner-and-apps/{partner}.md"]
        connector = read_connector(FOLDERS, partner)[0]
        hint = "> **Hinweis: vorgeschlagener Anschluss.**"
        is_proposed = connector.evidence == "proposed"
        assert (hint in text.partition("## Übersicht")[0]) == is_proposed

    @pytest.mark.parametrize("partner", FOLDERS.partners())
    def test_a_proposed_host_is_not_shown(self, pages, partner):
        connector = read_connector(FOLDERS, partner)[0]
        lines = Page(pages[f"partner-and-apps/{partner}.md"]).lines
        start = next(i for i, x in enumerate(lines) if x.startswith("## Mit "))
        connect = "\n".join(lines[start : lines.index("## Use Cases")])
        addresses = [*connector.base_url.values(), *connector.hosts.values()]
        hosts = [address.partition("://")[2] for address in addresses]
        if connector.evidence == "proposed":
            assert [host for host in hosts if host in connect] == []

    @pytest.mark.parametrize("partner", FOLDERS.partners())
    def test_each_proposed_field_is_marked(self, pages, partner):
        schemas = FOLDERS.schemas(partner).glob("*.json")
        fields = {
            (field.name, EVIDENCE[field.evidence])
            for path in schemas
            for field in every_field(json.loads(path.read_text("utf-8")))
        }
        page = Page(pages[f"partner-and-apps/{partner}.md"])
        lines = page.section(*CASE_PATH, "#### Felder")
        headings = Page("\n".join(lines)).headings
        shown = {
            (row[0], row[4])
            for heading in headings
            for row in table(page.section(*CASE_PATH, "#### Felder", heading))
        }
        assert shown
        assert shown <= fields

    def test_our_own_rules_and_settings_stand_apart(self, one_partner):
        path = Folders(one_partner).mappings("etg24") / "stammdaten" / "use_case.yaml"
        text = path.read_text("utf-8")
        ours = "evidence: proposed\n    type: numbers"
        path.write_text(
            text.replace("evidence: seen\n    type: numbers", ours), "utf-8"
        )
        page = Page(site_files(Folders(one_partner))["docs/partner-and-apps/etg24.md"])
        shown = html_table(page.section(*CASE_PATH, "#### Einstellungen"))
        own = page.section(*CASE_PATH, "#### Von Feldwerk vorgeschlagen")
        assert [row[0]["text"] for row in shown] == [
            "Separator für zusammengesetzte IDs"
        ]
        (row,) = html_table(own)
        assert row[0]["text"] == "Mandanten Nummern"
        assert row[4]["text"] == "vorgeschlagen"
        assert (
            "Personen mit Sperre oder Löschantrag werden nicht übertragen"
            in bullets(own)
        )

    def test_what_is_to_come_is_offered_as_our_proposal(self, one_partner):
        path = Folders(one_partner).mappings("etg24") / "stammdaten" / "use_case.yaml"
        text = path.read_text("utf-8")
        row = "{erp: Mieter, partner: Mieter, entity: mieter}"
        coming = row.replace("entity: mieter", "entity: mieter, coming: true")
        path.write_text(text.replace(row, coming), "utf-8")
        page = Page(site_files(Folders(one_partner))["docs/partner-and-apps/etg24.md"])
        rows = table(page.section(*CASE_PATH, "#### Entitäten"))
        own = page.section(*CASE_PATH, "#### Von Feldwerk vorgeschlagen")
        assert ["Mieter", "Kommt in Kürze"] in rows
        assert plain(bullets(own)[0]).startswith("Entität Mieter (`mieter`)")


class TestCommand:
    def test_the_same_specs_give_the_same_bytes(self, one_partner, tmp_path):
        for name in ("one", "two"):
            words = ("docs", "--out", str(tmp_path / name), "--root", str(one_partner))
            assert invoke(*words).code == 0
        assert tree(tmp_path / "one") == tree(tmp_path / "two")
        assert tree(tmp_path / "one").keys() >= {"mkdocs.yml", "docs/README.md"}

    def test_json_lists_the_files(self, one_partner, tmp_path):
        out = tmp_path / "site"
        words = ("docs", "--out", str(out), "--root", str(one_partner), "--json")
        found = json.loads(invoke(*words).out)
        assert found["files"] == sorted(tree(out))

    def test_a_broken_spec_is_refused_and_nothing_is_written(
        self, one_partner, tmp_path
    ):
        path = Folders(one_partner).mappings("etg24") / "stammdaten" / "objekte.csv"
        path.write_text(path.read_text("utf-8").replace(",first,", ",frist,"), "utf-8")
        out = tmp_path / "site"
        words = ("--out", str(out), "--root", str(one_partner))
        found = invoke("docs", *words)
        assert found.code == 2
        assert "objekte.csv:13 [transform] M104" in found.err
        problems = json.loads(invoke("docs", *words, "--json").out)
        assert problems["exit_code"] == 2
        assert problems["problems"][0]["code"] == "M104"
        assert not out.exists()

    def test_documents_of_somebody_else_are_not_overwritten(
        self, one_partner, tmp_path
    ):
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "README.md").write_text("mine", "utf-8")
        found = invoke("docs", "--out", str(tmp_path), "--root", str(one_partner))
        assert found.code == 2
        assert "T203" in found.err
        assert (tmp_path / "docs" / "README.md").read_text("utf-8") == "mine"

    def test_the_page_of_a_partner_that_is_gone_goes_too(self, one_partner, tmp_path):
        out = tmp_path / "site"
        words = ("docs", "--out", str(out), "--root", str(one_partner))
        invoke(*words)
        assert (out / "mkdocs.yml").read_text("utf-8").startswith(MARK)
        gone = out / "docs" / "partner-and-apps" / "gone.md"
        gone.write_text("# gone", "utf-8")
        assert invoke(*words).code == 0
        assert not gone.exists()

    def test_a_partner_without_entities_has_its_page_and_column(
        self, one_partner, tmp_path
    ):
        invoke("new", "partner", "acme", "--root", str(one_partner))
        case = Folders(one_partner).mappings("acme") / "stammdaten"
        (case / "buildings.csv").unlink()
        (case / "use_case.yaml").write_text(
            "version: 0.1.0\ndirection: erp_to_partner\nschedule: [monday]\n"
            "entity_table: [{erp: Gebäude, partner: Haus, coming: true}]\n"
            "entities: []\n",
            "utf-8",
        )
        files = site_files(Folders(one_partner))
        page = Page(files["docs/partner-and-apps/acme.md"])
        matrix = files["docs/felder.md"]
        case_page = files["docs/use-cases/stammdaten.md"]
        rows = table(page.section(*CASE_PATH, "#### Entitäten"))
        assert rows == [["Gebäude", "Kommt in Kürze"]]
        assert "* acme hat noch keine zugeordneten Entitäten." in matrix
        assert "[acme](partner-and-apps/acme.md)" in matrix
        assert "abweichend bei [acme]" in case_page
        assert "1x pro Woche (Montag)" in case_page


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
