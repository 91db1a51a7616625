"""What two versions of the specs differ in: plain words by row, and a version."""

import json
import random
import shutil

import pytest
import yaml
from changed_specs import Specs, call, copied
from hypothesis import given
from hypothesis import strategies as st

from engine.app.workbench.diff.spec_diff import diff
from engine.app.workbench.diff.tables import table_changes
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.versions import Version
from engine.runtime.library import INSTALLED
from engine.spec import Folders
from engine.yamlfile import read_yaml

OLD = Version("old", Folders(INSTALLED), tuple(Folders(INSTALLED).partners()))
PARTNERS = OLD.folders.partners()


@pytest.fixture
def specs(tmp_path):
    """The specs of etg24 in a copy."""
    return Specs(copied(tmp_path / "new"))


def version(root, label="new"):
    folders = Folders(root)
    return Version(label, folders, tuple(folders.partners()))


def compared(specs):
    """Return what differs for the partner of some specs."""
    found = diff(OLD, version(specs.root), specs.partner).use_cases
    assert len(found) <= 1
    return found[0] if found else None


def told(specs):
    """Return part and words of each change."""
    found = compared(specs)
    return [(c.part, c.text, c.effect) for c in found.changes] if found else []


class TestWhatIsNoDifference:
    @pytest.mark.parametrize("partner", PARTNERS)
    def test_every_spec_is_equal_to_itself(self, partner):
        assert diff(OLD, OLD, partner).use_cases == ()

    @pytest.mark.parametrize("partner", PARTNERS)
    def test_other_ways_to_write_a_table_are_none(self, partner, tmp_path):
        specs = Specs(copied(tmp_path), partner)
        chance = random.Random(partner)
        for path in specs.folder.rglob("*.csv"):
            name = path.relative_to(specs.folder).with_suffix("").as_posix()
            rows = specs.rows(name)
            columns = list(rows[0])
            chance.shuffle(columns)
            # Rows of one field keep their order, all others may stand anywhere.
            key = columns[0] if "erp_value" in columns else "partner_field"
            fields = list(dict.fromkeys(row[key] for row in rows))
            chance.shuffle(fields)
            rows.sort(key=lambda row: fields.index(row[key]))
            specs.write(
                name, rows, columns, delimiter=";", quoting=1, encoding="utf-8-sig"
            )
        assert told(specs) == []

    def test_order_of_keys_and_comments_of_yaml_are_none(self, specs):
        for path in (
            specs.folder / "use_case.yaml",
            specs.root / "connectors/partners/etg24.yaml",
        ):
            data = read_yaml(path, path.name)[0].data
            text = yaml.safe_dump(data, sort_keys=True, allow_unicode=True, width=40)
            path.write_text(f"# a comment\n{text}", "utf-8")
        assert told(specs) == []

    def test_cell_that_means_the_same_is_told_and_has_no_effect(self, specs):
        specs.table("objekte", ("first | year_start", "first|year_start"))
        specs.use_case(("valid_email(emails)", "valid_email( emails )"))
        assert {effect for *_, effect in told(specs)} == {"patch"}
        assert all(text.endswith("; means the same") for _, text, _ in told(specs))


class TestTables:
    def test_added_and_dropped_fields(self, specs):
        specs.table(
            "einheiten",
            ("share,mea_zaehler,,,,,,,,,,Zähler des Miteigentumsanteils\n", ""),
            ("number,ve_nr,", "floor,etage_nr,integer,,,,,,,,,\nnumber,ve_nr,"),
        )
        assert told(specs) == [
            ("einheiten", "floor added: etage_nr | integer", "minor"),
            ("einheiten", "share dropped: mea_zaehler", "minor"),
        ]

    def test_rule_that_writes_to_another_field_has_moved(self, specs):
        specs.table("objekte", ("address.city,ort", "address.town,ort"))
        words = "address.city moved to address.town"
        assert told(specs) == [("objekte", words, "minor")]

    def test_row_that_went_to_another_entity_has_moved(self, specs):
        row = "share,mea_zaehler,,,,,,,,,,Zähler des Miteigentumsanteils\n"
        specs.table("einheiten", (row, ""))
        path = specs.folder / "objekte.csv"
        path.write_text(path.read_text("utf-8") + row, "utf-8")
        assert told(specs) == [
            ("objekte", "einheiten.share moved to objekte.share", "minor")
        ]

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("number,ve_nr,", "number,we_nr,", "number: source 've_nr' -> 'we_nr'"),
            ("lage,join,", "lage,first,", "position: transform 'join' -> 'first'"),
            ("SONSTIGE,", "WOHNUNG,", "type: default 'SONSTIGE' -> 'WOHNUNG'"),
            (
                "share,mea_zaehler,,,,,,",
                "share,mea_zaehler,,,,,,clear",
                "share: empty value (nothing) -> 'clear'",
            ),
        ],
    )
    def test_changed_rule_names_its_kind_and_both_values(self, specs, old, new, words):
        specs.table("einheiten", (old, new))
        assert told(specs) == [("einheiten", words, "minor")]

    def test_changed_condition(self, specs):
        specs.table("objekte", ("strasse is not empty", "hausnummer is not empty"))
        ((_, text, _),) = told(specs)
        assert text == (
            "title if strasse is not empty: condition 'strasse is not empty'"
            " -> 'hausnummer is not empty'"
        )

    def test_order_of_rows_of_one_field_counts(self, specs):
        rows = specs.rows("objekte")
        rows[1], rows[2] = rows[2], rows[1]
        specs.write("objekte", rows)
        words = "title: its rows stand in another order"
        assert told(specs) == [("objekte", words, "minor")]

    def test_list_entries(self, specs):
        path = specs.folder / "lists" / "anrede.csv"
        text = path.read_text("utf-8").replace("Frau", "Fr.", 1)
        path.write_text(f"{text}neu,Neu,\n", "utf-8")
        assert told(specs) == [
            ("list anrede", "frau: value 'Frau' -> 'Fr.'", "minor"),
            ("list anrede", "neu added: Neu", "minor"),
        ]

    def test_notes_and_examples_have_no_effect_on_data(self, specs):
        specs.table(
            "objekte",
            ("Ohne Bezeichnung und Straße steht die Nummer da", "Sonst die Nummer"),
            ("Lindenweg; 4; a,Lindenweg 4 a", "Lindenweg; 4; b,Lindenweg 4 b"),
        )
        found = compared(specs)
        assert {c.aspect for c in found.changes} == {
            "note",
            "example",
            "expected value",
        }
        assert (found.effect, found.proposed) == ("patch", "1.1.1")


CELLS = st.fixed_dictionaries(
    {"partner_field": st.sampled_from("abcd"), "erp_field": st.sampled_from("xyz")},
    optional={"when": st.sampled_from(["p", "q"]), "note": st.sampled_from("mn")},
)
TABLE = TableId("muster", "stammdaten", "objekte")


class TestProperties:
    @given(st.lists(CELLS, max_size=6), st.lists(CELLS, max_size=6))
    def test_swapped_versions_give_mirrored_changes(self, old, new):
        there, back = table_changes(TABLE, old, new), table_changes(TABLE, new, old)
        assert sorted(map(str, there.added)) == sorted(map(str, back.dropped))
        assert sorted(map(str, there.dropped)) == sorted(map(str, back.added))
        cells = [(c.kind, c.aspect, c.old, c.new) for c in there.changes]
        mirrored = [(c.kind, c.aspect, c.new, c.old) for c in back.changes]
        assert sorted(cells) == sorted(mirrored)

    @given(st.lists(CELLS, max_size=6), st.randoms())
    def test_order_of_different_fields_is_nothing(self, rows, chance):
        names = list("abcd")
        chance.shuffle(names)
        moved = sorted(rows, key=lambda row: names.index(row["partner_field"]))
        found = table_changes(TABLE, rows, moved)
        assert (found.changes, found.added, found.dropped) == ((), (), ())


class TestIds:
    def test_other_id_parts_break_and_name_what_points_there(self, specs):
        old = "extId,,,mandant_nr; we_nr; geb_nr"
        specs.table("objekte", (old, "extId,,,we_nr; mandant_nr; geb_nr"))
        found = compared(specs)
        (change,) = found.changes
        assert (change.aspect, change.effect) == ("ID", "major")
        assert change.why.endswith("what points to them: einheiten.objektExtId")
        assert found.proposed == "2.0.0"

    def test_blanks_between_id_parts_are_nothing(self, specs):
        old = "extId,,,mandant_nr; we_nr; geb_nr"
        specs.table("objekte", (old, "extId,,,mandant_nr;we_nr;geb_nr"))
        assert [effect for *_, effect in told(specs)] == ["patch"]

    def test_default_separator(self, specs):
        specs.use_case(('default: "-"', 'default: "_"'))
        words = "separator: default '-' -> '_'; IDs change"
        assert told(specs) == [("settings", words, "major")]

    def test_other_resource(self, specs):
        old = "{name: objektgruppen, erp: wirtschaftseinheit"
        specs.use_case((old, f"{old}, resource: objekte"))
        ((part, text, effect),) = told(specs)
        assert (part, effect) == ("objektgruppen", "major")
        assert text.startswith("resource 'objektgruppen' -> 'objekte'; IDs change")
        assert "objekte.objektgruppeExtId" in text


class TestUseCase:
    def test_dropped_and_added_entity(self, specs):
        specs.use_case(("{name: mietvertraege, erp", "{name: neue, erp"))
        shutil.copy(specs.folder / "objektgruppen.csv", specs.folder / "neue.csv")
        found = [(part, text, effect) for part, text, effect in told(specs)]
        assert ("mietvertraege", "entity dropped", "major") in found
        assert ("neue", "entity added", "minor") in found

    def test_renamed_entity_breaks(self, specs):
        specs.use_case(("{name: mietvertraege,", "{name: vertraege,"))
        (specs.folder / "mietvertraege.csv").rename(specs.folder / "vertraege.csv")
        found = [line for line in told(specs) if "renamed" in line[1]]
        ((part, text, effect),) = found
        assert (part, effect) == ("vertraege", "major")
        assert text.startswith("mietvertraege renamed to vertraege")

    def test_prerequisites(self, specs):
        specs.use_case(
            ("require: valid_email(emails)", "require: emails is not empty"),
            ("rule: gesperrt", "rule: sperre"),
            ("Frühere Eigentümer werden", "Frühere Eigentümer würden"),
        )
        found = {text: effect for _, text, effect in told(specs)}
        words = "mieter_email: require 'valid_email(emails)' -> 'emails is not empty'"
        assert found[words] == "minor"
        rule = "mieter, eigentuemer: not sperre and not loeschantrag"
        assert found[f"sperre added: {rule}"] == "minor"
        assert found[f"gesperrt dropped: {rule}"] == "minor"
        (text,) = [text for text in found if text.startswith("eigentum_beendet: text")]
        assert found[text] == "patch"

    def test_prerequisite_that_removes_breaks(self, specs):
        old = "require: not sperre and not loeschantrag"
        specs.use_case((old, f"{old}\n    removes: true"))
        ((_, text, effect),) = told(specs)
        assert effect == "major"
        assert text.endswith("removes records at the partner")

    def test_removal_policy(self, specs):
        specs.use_case(("removal: nothing", "removal: end_date"))
        ((part, text, effect),) = told(specs)
        assert (part, effect) == ("use case", "major")
        assert "removal 'nothing' -> 'end_date'" in text

    def test_schedule_is_a_set_of_days(self, specs):
        days = "[tuesday, thursday, sunday]"
        specs.use_case((days, "[sunday, tuesday, thursday]"))
        assert told(specs) == []
        specs.use_case(("[sunday, tuesday, thursday]", "[sunday]"))
        ((part, text, effect),) = told(specs)
        assert (part, effect) == ("use case", "minor")
        assert text == "schedule 'tuesday, thursday, sunday' -> 'sunday'"

    def test_setting_that_must_be_chosen_breaks_activations(self, specs):
        new = (
            "settings:\n  neu: {title: Neu, description: Neu, evidence: proposed,"
            " type: text, example: x}\n"
        )
        specs.use_case(("settings:\n", new))
        words = "neu added; each activation has to choose"
        assert told(specs) == [("settings", words, "major")]

    def test_dropped_option_breaks_activations(self, specs):
        specs.use_case(('["-", "_", ".", "/", "|"]', '["-", "_", "."]'))
        ((_, text, effect),) = told(specs)
        assert (effect, "options" in text) == ("major", True)


class TestContract:
    def test_payload_schema(self, specs):
        def edit(schema):
            fields = schema["properties"]
            fields["area"]["type"] = "integer"
            fields["share"]["x-evidence"] = "doc"
            fields["floor"] = {"type": "integer", "x-evidence": "proposed"}
            schema["required"].append("share")

        specs.schema("einheiten", edit)
        assert sorted(told(specs)) == [
            ("schema einheiten", "area: type 'number' -> 'integer'", "minor"),
            ("schema einheiten", "floor added: integer", "minor"),
            ("schema einheiten", "share 'optional' -> 'required'", "minor"),
            ("schema einheiten", "share: evidence 'seen' -> 'doc'", "patch"),
        ]

    def test_connector_file_is_told_by_its_top_level_parts(self, specs):
        specs.connector(
            ("concurrency: 2", "concurrency: 3"),
            ("/mieter/{{ id }}", "/tenants/{{ id }}"),
            ("evidence: proposed", "evidence: doc"),
        )
        assert told(specs) == [
            ("connector", "evidence 'proposed' -> 'doc'", "patch"),
            ("connector", "api_budget: concurrency changed", "minor"),
            ("connector", "entities: mieter changed", "minor"),
        ]

    def test_standard_is_told_for_itself(self, specs):
        path = specs.root / "schemas/standard/gebaeude.json"
        schema = json.loads(path.read_text("utf-8"))
        del schema["properties"]["baujahr"]
        path.write_text(json.dumps(schema), "utf-8")
        found = diff(OLD, version(specs.root))
        assert found.use_cases == ()
        (change,) = found.standard
        assert change.text == "baujahr dropped: integer or null"
        assert "baujahr dropped" in call("diff", INSTALLED, specs.root).out
        path.write_text("{", "utf-8")
        assert "T005" in call("diff", INSTALLED, specs.root).err

    def test_page(self, specs):
        path = specs.root / "mappings/partners/etg24/partner.yaml"
        page = yaml.safe_load(path.read_text("utf-8"))
        page["description"] = "Eine neue Beschreibung."
        path.write_text(yaml.safe_dump(page, allow_unicode=True), "utf-8")
        assert told(specs) == [("page", "description changed", "patch")]


class TestVersionNumber:
    def test_file_that_has_it_already(self, specs):
        specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
        found = compared(specs)
        assert (found.proposed, found.has_it) == ("1.2.0", False)
        specs.use_case(("version: 1.1.0", "version: 1.2.0"))
        found = compared(specs)
        assert (found.proposed, found.has_it) == ("1.2.0", True)

    def test_it_is_said_what_the_file_says(self, specs):
        specs.use_case(('default: "-"', 'default: "_"'))
        out = call("diff", INSTALLED, specs.root).out
        assert "version 1.1.0 -> proposed 2.0.0, the file says 1.1.0" in out

    def test_number_alone_is_no_change(self, specs):
        specs.use_case(("version: 1.1.0", "version: 1.2.0"))
        found = compared(specs)
        assert (found.changes, found.proposed) == ((), "")
        assert "and nothing else" in call("diff", INSTALLED, specs.root).out


class TestCommand:
    def test_nothing_differs(self, specs):
        found = call("diff", INSTALLED, specs.root, "--exit-code")
        assert (found.code, "Nothing differs." in found.out) == (0, True)

    def test_exit_code_tells_differences_only_if_asked_to(self, specs):
        specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
        assert call("diff", INSTALLED, specs.root).code == 0
        assert call("diff", INSTALLED, specs.root, "--exit-code").code == 1

    def test_new_version_is_the_working_folder_if_left_out(self, specs):
        specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
        found = call("diff", INSTALLED, "--root", specs.root, "--json").json()
        (use_case,) = found["use_cases"]
        assert use_case["changes"][0]["new"] == "we_nr"

    def test_partner_that_nobody_has(self, specs):
        found = call("diff", INSTALLED, specs.root, "--partner", "etg42")
        assert found.code == 2
        assert "T301" in found.err
        assert "Did you mean 'etg24'?" in found.err

    def test_only_the_partner_that_is_named(self, specs):
        specs.table("einheiten", ("number,ve_nr,", "number,we_nr,"))
        other = call("diff", INSTALLED, specs.root, "--partner", "facilioo")
        assert "Nothing differs." in other.out

    def test_dropped_partner(self, specs):
        shutil.rmtree(specs.root / "mappings/partners/etg24")
        out = call("diff", INSTALLED, specs.root).out
        assert "use case dropped [breaking]" in out

    def test_file_that_cannot_be_read_is_named_with_its_version(self, specs):
        specs.use_case(("version: 1.1.0", "version: ["))
        found = call("diff", INSTALLED, specs.root)
        assert found.code == 2
        place = "mappings/partners/etg24/stammdaten/use_case.yaml"
        assert f"{specs.root}:{place}" in found.err

    def test_broken_rows_are_compared_all_the_same(self, specs):
        specs.table("einheiten", ("lage,join,", "lage,jion(,"))
        assert "'join' -> 'jion('" in call("diff", INSTALLED, specs.root).out

    def test_markdown_for_a_review(self, specs, tmp_path):
        specs.table("objekte", ("first | year_start", "first"))
        path = tmp_path / "diff.md"
        assert call("diff", INSTALLED, specs.root, "--markdown", path).code == 0
        text = path.read_text("utf-8")
        assert "first &#124; year&#95;start" in text
        assert text == call("diff", INSTALLED, specs.root, "--markdown", "-").out
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert {row.count("|") for row in rows} == {5}

    def test_two_results_for_one_output_are_refused(self, specs):
        found = call("diff", INSTALLED, specs.root, "--json", "--markdown", "-")
        assert (found.code, "S051" in found.out) == (2, True)


def test_very_many_equal_rows_are_compared(specs):
    path = specs.root / "mappings/partners/etg24/stammdaten/objekte.csv"
    path.write_bytes(path.read_bytes() + b"title,geb_nr\n" * 20_000)
    found = diff(OLD, Version("new", Folders(specs.root), ("etg24",)), "etg24")
    assert len(found.use_cases[0].changes) == 20_000
