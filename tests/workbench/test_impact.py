"""What a change of a spec does to real records, class by class, and the gate."""

import re
import shutil
from io import StringIO

import pytest
from changed_specs import Specs, call, copied
from openpyxl import load_workbook
from rich.console import Console

from engine.app.workbench.impact.figures import (
    FIELD_CLASSES,
    MIRRORED,
    EntityImpact,
    Impact,
)
from engine.app.workbench.impact.report import show_impact
from engine.runtime.library import INSTALLED

GATE = (0, 1, 3)


class Review:
    """An activation, and a copy of the specs that a test changes."""

    def __init__(self, desk, root):
        self.desk = desk
        self.specs = Specs(root, desk.partner)

    def impact(self, *words, change=None):
        change = str(change or self.specs.root)
        return self.desk.invoke("impact", change, "activation", *words)

    def json(self, *words, change=None):
        found = self.impact("--json", *words, change=change)
        assert found.code in GATE, found.out
        return found.json()

    def classes(self, *words, change=None):
        """Return the classes that records fall into."""
        found = self.json(*words, change=change)["classes"]
        return {kind: count for kind, count in found.items() if count}


@pytest.fixture
def review(etg24, tmp_path):
    """The village at etg24."""
    return Review(etg24, copied(tmp_path / "change"))


@pytest.fixture
def at_facilioo(facilioo, tmp_path):
    return Review(facilioo, copied(tmp_path / "change"))


def only(found, entity):
    return found["entities"][entity]


def reorder_the_id(review):
    """Give the Objekte other IDs."""
    review.specs.table(
        "objekte",
        ("extId,,,mandant_nr; we_nr; geb_nr", "extId,,,we_nr; mandant_nr; geb_nr"),
    )


def without_eva(review):
    """Leave a tenant out."""
    old = "require: valid_email(emails)"
    review.specs.use_case((old, f'{old} and vorname != "Eva"'))


def without_rooms(review):
    """Reject the units of which nobody knows how many rooms they have."""
    old = "area,wohnflaeche; nutzflaeche,first,,,,,,,; 67.5,67.5,"
    review.specs.table("einheiten", (old, "area,zimmer,,,,,,reject,,,,"))


def add_a_setting(review):
    """Add a setting that each activation has to choose."""
    setting = (
        "settings:\n  neu: {title: Neu, description: Neu, evidence: proposed,"
        " type: text, example: x}\n"
    )
    review.specs.use_case(("settings:\n", setting))


class TestClasses:
    def test_equal_versions_change_nothing(self, town_desk, tmp_path):
        town_desk.root = INSTALLED
        found = Review(town_desk, copied(tmp_path / "change")).json()
        assert found["changed"] == found["exit_code"] == 0
        assert found["records"] > 0
        assert found["warnings"] == []

    def test_a_folder_is_not_compared_with_itself(self, review):
        found = review.impact("--against", str(review.specs.root))
        assert found.code == 2
        assert "S051" in found.err
        assert "compared with itself" in found.err

    def test_spelling_is_cosmetic(self, review):
        dotted = 'address.city,ort,"template(""{{ ort }}."")"'
        review.specs.table("objekte", ("address.city,ort,", dotted))
        found = review.json()
        part = only(found, "objekte")
        assert found["exit_code"] == 0
        assert part["classes"]["cosmetic"] == part["records"] == found["changed"]
        assert part["fields"]["address.city"]["cosmetic"] == part["records"]
        assert part["fields"]["address.city"]["row"].endswith("objekte.csv:10")

    def test_another_value(self, review):
        review.specs.table("objekte", ("address.city,ort,", "address.city,plz,"))
        found = review.json()
        assert (found["exit_code"], found["classes"]["values"]) == (1, found["changed"])
        (sample, *_) = only(found, "objekte")["samples"]["values"]
        (field,) = sample["fields"]
        assert (field["name"], field["kind"]) == ("address.city", "values")
        assert (field["old"], field["new"]) == ('"Dresden"', '"01067"')

    def test_other_ids_and_what_points_to_them(self, review):
        reorder_the_id(review)
        found = review.json()
        parts = [only(found, name) for name in ("objekte", "einheiten")]
        assert found["exit_code"] == 3
        assert found["changed"] == sum(part["records"] for part in parts)
        assert all(part["classes"]["ids"] == part["records"] for part in parts)
        (sample, *_) = parts[0]["samples"]["ids"]
        assert (sample["id"], sample["new_id"]) == ("1-9001-01", "9001-1-01")
        assert parts[1]["fields"].keys() == {"objektExtId"}
        assert parts[1]["fields"]["objektExtId"]["ids"] == parts[1]["records"]

    def test_reference_to_another_record_is_a_value(self, at_facilioo):
        # Eva's entrance would be one of a building of its own.
        at_facilioo.specs.table(
            "entrances", ("properties(uebergeordnet)", "properties(self)")
        )
        assert at_facilioo.classes() == {"values": 1}

    def test_newly_left_out_names_the_rule_and_who_follows(self, review):
        without_eva(review)
        found = review.json()
        part = only(found, "mieter")
        assert (found["exit_code"], part["classes"]["left_out"]) == (3, 1)
        (cause,) = part["causes"]
        assert (cause["code"], cause["rule"]) == ("R301", "mieter_email")
        assert not cause["removes"]
        (cause,) = only(found, "mietvertraege")["causes"]
        assert (cause["code"], cause["rule"]) == ("R302", "mieter_email")

    def test_newly_rejected_names_the_code_and_who_follows(self, review):
        without_rooms(review)
        found = review.json()
        units, leases = (only(found, n) for n in ("einheiten", "mietvertraege"))
        assert found["exit_code"] == 3
        assert units["classes"]["rejected"] == units["records"]
        assert [cause["code"] for cause in units["causes"]] == ["R203"]
        # They would be rejected at the partner, as their units are not there.
        assert leases["classes"]["rejected"] == leases["records"]
        assert {cause["code"] for cause in leases["causes"]} == {"R206"}

    def test_newly_sent_and_no_longer_rejected(self, review):
        without_eva(review)
        without_rooms(review)
        there = review.classes()
        back = review.classes("--against", str(review.specs.root), change=INSTALLED)
        assert back["newly_sent"] == there["left_out"] > 0
        assert back["no_longer_rejected"] == there["rejected"] > 0
        assert (
            review.impact("--against", str(review.specs.root), change=INSTALLED).code
            == 1
        )

    def test_what_the_partner_cannot_change_is_made_anew(
        self, open_desk, town, tmp_path
    ):
        desk = open_desk("pricehubble", source=town.folder)
        review = Review(desk, copied(tmp_path / "change"))
        name = "property.location.address.street,strasse; gebaeude.strasse,first"
        review.specs.table(
            "dossiers",
            (name, f"{name} | upper"),
            ("Lindenweg,Lindenweg", "Lindenweg,LINDENWEG"),
        )
        found = review.json()
        part = only(found, "dossiers")
        assert found["exit_code"] == 3
        assert part["classes"]["made_anew"] == part["records"] > 0

    def test_dropped_entity_and_the_other_way_a_new_one(self, at_facilioo):
        specs = at_facilioo.specs
        name = "unit_contracts_eigentuemer"
        text = (specs.folder / "use_case.yaml").read_text("utf-8")
        entity = text.index(f"  - name: {name}")
        part = text[entity : text.index("prerequisites:")]
        specs.use_case((part, "\n"), (f", entity: {name}", ""))
        (specs.folder / f"{name}.csv").unlink()
        found = at_facilioo.json()
        assert only(found, name)["only_in"] == "old"
        assert only(found, name)["classes"]["left_out"] == only(found, name)["records"]
        back = at_facilioo.json("--against", str(specs.root), change=INSTALLED)
        assert only(back, name)["only_in"] == "new"
        assert only(back, name)["classes"]["newly_sent"] == only(back, name)["records"]

    def test_record_counts_once_in_its_worst_class(self, review):
        reorder_the_id(review)
        review.specs.table("objekte", ("address.city,ort,", "address.city,plz,"))
        part = only(review.json(), "objekte")
        assert part["classes"]["ids"] == part["changed"] == part["records"]
        assert part["fields"]["address.city"]["values"] == part["records"]

    def test_field_of_one_operation_is_told_as_such(self, at_facilioo):
        at_facilioo.specs.table(
            "parties", ("contactViaPush,,,,,,false", "contactViaPush,,,,,,true")
        )
        part = only(at_facilioo.json(), "parties")
        assert part["fields"].keys() == {"contactViaPush (on create)"}
        assert part["classes"]["values"] == part["records"]

    def test_rule_that_removes_is_marked(self, open_desk, town, tmp_path):
        desk = open_desk("casavi", source=town.folder)
        review = Review(desk, copied(tmp_path / "change"))
        review.specs.use_case(
            (
                'ende >= today or (ende is empty and status != "beendet")',
                'beginn = "2000-01-01"',
            )
        )
        part = only(review.json(), "contracts_mieter")
        assert [(c["rule"], c["removes"]) for c in part["causes"]] == [
            ("vertrag_beendet", True)
        ]
        out = " ".join(review.impact().out.split())
        assert "removed at the partner if it was sent" in out

    def test_figures_by_mandant(self, open_desk, tmp_path):
        desk = open_desk("etg24", units=24, traps=True)
        review = Review(desk, copied(tmp_path / "change"))
        review.specs.table("objekte", ("address.city,ort,", "address.city,plz,"))
        part = only(review.json(), "objekte")
        counts = {m: c["values"] for m, c in part["mandanten"].items()}
        assert len(counts) > 1
        assert sum(counts.values()) == part["records"]
        assert "Mandant  entity" in review.impact().out

    def test_many_mandanten_are_summed_up(self):
        part = EntityImpact("units", "Einheiten", records=60)
        for number in range(30):
            part.count("values", str(number))
            part.count("ids", str(number))
        other = EntityImpact("sites", "Orte", records=30)
        other.count("values", "7")
        found = Impact("muster/x/y/test", "old", "new", {"a": part, "b": other})
        console = Console(width=100, record=True, file=StringIO())
        show_impact(console, found, frozenset())
        assert "Each entity of each Mandant: --json." in console.export_text()


class TestProperties:
    @pytest.mark.parametrize("seed", [1, 2])
    def test_swapped_versions_give_mirrored_counts(self, open_desk, tmp_path, seed):
        desk = open_desk("etg24", units=40, seed=seed, traps=True)
        review = Review(desk, copied(tmp_path / "change"))
        without_eva(review)
        without_rooms(review)
        reorder_the_id(review)
        there = review.json()
        back = review.json("--against", str(review.specs.root), change=INSTALLED)
        assert there["records"] == back["records"]
        for name, part in there["entities"].items():
            mirrored = {MIRRORED.get(k, k): n for k, n in part["classes"].items()}
            assert back["entities"][name]["classes"] == mirrored
            counts, counts_back = (
                {
                    name: {kind: field.get(kind, 0) for kind in FIELD_CLASSES}
                    for name, field in one["entities"][name]["fields"].items()
                }
                for one in (there, back)
            )
            assert counts == counts_back

    def test_figures_add_up(self, open_desk, tmp_path):
        desk = open_desk("etg24", units=24, traps=True)
        review = Review(desk, copied(tmp_path / "change"))
        without_rooms(review)
        found = review.json()
        assert found["changed"] == sum(found["classes"].values())
        for part in found["entities"].values():
            assert part["changed"] == sum(part["classes"].values())
            by_mandant = sum(sum(c.values()) for c in part["mandanten"].values())
            assert by_mandant == part["changed"]
            assert all(len(samples) <= 3 for samples in part["samples"].values())


class TestPersonalValues:
    def test_samples_show_their_shape_alone(self, review, village):
        review.specs.table(
            "mieter", ("firstName,vorname,,", "firstName,vorname,upper,")
        )
        found = review.json()
        samples = only(found, "mieter")["samples"]["values"]
        fields = [field for sample in samples for field in sample["fields"]]
        assert ('"Xxx"', '"XXX"') in [(f["old"], f["new"]) for f in fields]
        for text in (review.impact().out, review.impact("--markdown", "-").out):
            assert "Xxx" in text
            assert not re.search("Ada|Max|Eva", text, re.IGNORECASE)

    def test_values_of_a_list_stay_in_the_clear(self, review):
        path = review.specs.folder / "lists" / "anrede.csv"
        path.write_text(path.read_text("utf-8").replace("Frau", "Fr."), "utf-8")
        review.specs.table("mieter", (",frau,Frau,", ",frau,Fr.,"))
        review.specs.table("eigentuemer", (",frau,Frau,", ",frau,Fr.,"))
        text = review.impact().out
        assert 'salutation: "Frau" -> "Fr."' in text

    def test_unmasked_is_for_the_terminal(self, review):
        review.specs.table(
            "mieter", ("firstName,vorname,,", "firstName,vorname,upper,")
        )
        assert '"Ada" -> "ADA"' in review.impact("--unmasked").out
        for other in (["--json"], ["--markdown", "-"]):
            found = review.impact("--unmasked", *other)
            assert found.code == 2
            assert "S051" in found.out + found.err
            assert "ADA" not in found.out + found.err

    def test_a_field_that_one_of_the_versions_fills_personally_is_masked(self, review):
        review.specs.table(
            "mieter", ("firstName,vorname,,,,,,", "firstName,,,,,,Niemand,")
        )
        text = review.impact().out
        assert "Niemand" not in text
        assert "Ada" not in text

    def test_no_name_of_a_portfolio_gets_into_a_report(self, open_desk, tmp_path):
        desk = open_desk("etg24", units=60, traps=True)
        review = Review(desk, copied(tmp_path / "change"))
        for table in ("mieter", "eigentuemer"):
            review.specs.table(
                table,
                ("lastName,nachname,,", 'lastName,nachname,suffix("x"),'),
                ("firstName,vorname,,", 'firstName,vorname,prefix("x"),'),
                ("address.street,strasse,,", "address.street,strasse,upper,"),
                ("phoneMobile,telefone,mobile,", "phoneMobile,telefone,landline,"),
                ("0171 1234567,+491711234567,", "0171 1234567,+493511234567,"),
            )
        persons = desk.rows("geschaeftspartner")
        secrets = {
            row[name]
            for row in persons
            for name in ("nachname", "vorname", "strasse")
            if len(row[name]) > 3 and row[name] != "Muster"  # the customer, too
        }
        assert len(secrets) > 50
        for words in (["--json"], ["--markdown", "-"], []):
            text = review.impact(*words).out.casefold()
            assert "mieter" in text
            assert [one for one in secrets if one.casefold() in text] == []


class TestWorkbook:
    def test_a_workbook_is_a_change(self, review, tmp_path):
        book = tmp_path / "book.xlsx"
        call("sheet", "export", "etg24", "-o", book, "--root", INSTALLED)
        assert review.classes(change=book) == {}
        workbook = load_workbook(book)
        cells = [c for row in workbook["objekte"].iter_rows() for c in row]
        (cell,) = [c for c in cells if c.value == "ort"]
        cell.value = "plz"
        workbook.save(book)
        assert review.classes(change=book) == {"values": 4}

    def test_workbook_of_another_partner_is_refused(self, review, tmp_path):
        book = tmp_path / "book.xlsx"
        call("sheet", "export", "facilioo", "-o", book, "--root", INSTALLED)
        found = review.impact(change=book)
        assert (found.code, "S050" in found.err) == (2, True)
        assert "has nothing of etg24" in found.err


class TestMarkdown:
    def test_values_do_not_break_it(self, review):
        review.desk.set(
            "gebaeude", {"we_nr": "9001", "geb_nr": "01"}, bezeichnung="a|b `c` <d>"
        )
        review.specs.table(
            "objekte", ("title,bezeichnung,,", 'title,bezeichnung,suffix("|"),')
        )
        text = review.impact("--markdown", "-").out
        assert "a&#124;b &#96;c&#96; &lt;d&gt;" in text
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert rows
        for row in rows:
            assert "`" not in row
        assert text.count("<details>") == text.count("</details>") > 0

    def test_file_and_terminal_at_once(self, review, tmp_path):
        review.specs.table("objekte", ("address.city,ort,", "address.city,plz,"))
        path = tmp_path / "impact.md"
        found = review.impact("--markdown", str(path))
        assert "Exit code 1" in found.out
        text = path.read_text("utf-8")
        assert "## Impact on" in text
        assert "### Other values" in text

    def test_file_that_cannot_be_written(self, review, tmp_path):
        found = review.impact("--markdown", str(tmp_path / "none" / "x.md"))
        assert (found.code, "P004" in found.err) == (2, True)


class TestGate:
    def test_what_is_allowed_does_not_count(self, review):
        reorder_the_id(review)
        without_eva(review)
        assert review.impact().code == 3
        assert review.impact("--allow", "ids").code == 3
        found = review.impact("--allow", "ids, left-out")
        assert found.code == 0
        assert "Exit code" not in found.out

    def test_unknown_class_is_refused(self, review):
        found = review.impact("--allow", "id")
        assert (found.code, "S051" in found.err) == (2, True)
        assert "Did you mean 'ids'?" in found.err

    def test_exit_code_says_how_to_let_it_pass(self, review):
        reorder_the_id(review)
        assert "To let it pass: --allow ids" in " ".join(review.impact().out.split())


class TestBadInput:
    def test_errors_of_the_change_are_told_with_its_name(self, review):
        review.specs.table("objekte", ("first | year_start", "frist"))
        found = review.impact()
        place = "mappings/partners/etg24/stammdaten/objekte.csv:12"
        assert found.code == 2
        assert f"{review.specs.root}:{place} [transform] M104" in found.err

    def test_errors_of_the_old_version_are_told_with_its_name(self, review):
        review.specs.table("objekte", ("first | year_start", "frist"))
        old = str(review.specs.root)
        found = review.impact("--against", old, change=INSTALLED)
        place = "mappings/partners/etg24/stammdaten/objekte.csv:12"
        assert found.code == 2
        assert f"{old}:{place} [transform] M104" in found.err

    def test_errors_of_the_standard_are_told_with_the_name_of_the_change(self, review):
        path = "schemas/standard/gebaeude.json"
        (review.specs.root / path).write_text("{", "utf-8")
        found = review.impact()
        assert found.code == 2
        assert f"{review.specs.root}:{path}:1 T005" in found.err

    def test_setting_that_the_activation_lacks(self, review):
        add_a_setting(review)
        found = review.impact()
        assert found.code == 2
        assert "neu (Neu) has to be chosen" in found.err

    def test_setting_that_only_the_new_version_knows_may_stand_there(self, review):
        add_a_setting(review)
        review.desk.choose(neu="x")
        assert review.classes() == {}
        # The other way round it is told that the new version refuses it.
        found = review.json("--against", str(review.specs.root), change=INSTALLED)
        (warning,) = found["warnings"]
        assert "no setting 'neu'" in warning

    def test_setting_that_no_version_knows_is_refused(self, review):
        review.desk.choose(unbekannt="x")
        assert "T303" in review.impact().err

    def test_partner_that_the_change_does_not_have(self, review):
        shutil.rmtree(review.specs.folder.parent)
        (review.specs.root / "connectors/partners/etg24.yaml").unlink()
        shutil.rmtree(review.specs.root / "schemas/partners/etg24")
        found = review.impact()
        assert (found.code, "T301" in found.err) == (2, True)

    def test_no_such_version(self, review):
        found = review.impact(change="nowhere")
        assert (found.code, "S001" in found.err) == (2, True)

    def test_no_such_activation(self, review):
        words = (
            "impact",
            str(review.specs.root),
            str(review.desk.folder / "none.yaml"),
        )
        found = review.desk.invoke(*words)
        assert (found.code, "T001" in found.err) == (2, True)


class TestSideEffects:
    def test_nothing_is_sent_and_no_state_is_made(self, review, monkeypatch):
        monkeypatch.chdir(review.desk.folder)
        before = sorted(path.name for path in review.desk.folder.iterdir())
        reorder_the_id(review)
        calls = review.desk.simulator.calls.copy()
        review.impact()
        assert review.desk.simulator.calls == calls
        assert sorted(p.name for p in review.desk.folder.iterdir()) == before

    def test_state_that_is_there_stays_as_it_is(self, review):
        review.desk.sync()
        before = review.desk.database.read_bytes()
        reorder_the_id(review)
        review.impact()
        assert review.desk.database.read_bytes() == before
        assert review.desk.plan()["totals"]["update"] == 0
