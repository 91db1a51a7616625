"""Try a table on one record: from the command line, and in a terminal."""

import json
import shlex
import sys

import pytest
from on_terminal import OnTerminal
from typer.testing import CliRunner

from engine.app.cli import app
from engine.app.workbench.trial.rows import row_change
from engine.app.workbench.trial.source import Sourced
from engine.errors import SpecError
from engine.examples import default_settings
from engine.problems import Origin
from engine.runtime.library import INSTALLED, get_use_case
from engine.spec import Folders

FACTS = ("try", "etg24", "objekte")
TABLE = "mappings/partners/etg24/stammdaten/objekte.csv"
MENU = "[q]uit > "
BUILDING = {
    "mandant_nr": "1",
    "we_nr": "1001",
    "geb_nr": "01",
    "strasse": "Lindenweg",
    "hausnummer": "4",
    "plz": "01067",
    "ort": "Dresden",
}


@pytest.fixture
def tried(village, etg24):
    """Return what tries etg24's objekte on the village, in a root of its own."""
    root = etg24.own_root()

    def run(*words, stdin=None, partner=FACTS):
        facts = [*partner, *words, "--json", "--root", str(root)]
        found = CliRunner().invoke(app, list(map(str, facts)), input=stdin)
        return found.exit_code, json.loads(found.stdout)

    run.root = root
    run.table = root / TABLE
    run.source = village.folder
    return run


def codes(answer):
    return [problem["code"] for problem in answer["problems"]]


class TestRecord:
    def test_first_record_that_is_not_left_out_is_taken(self, tried):
        code, found = tried("--source", tried.source)
        assert (code, found["state"], found["key"]) == (0, "would be sent", "1/9001/01")
        assert found["payload"]["objektgruppeExtId"] == "1-9001"

    def test_each_step_of_each_field_is_told(self, tried):
        _, found = tried("--source", tried.source, "--key", "1/9001/02")
        fields = {f["partner_field"]: f for f in found["fields"] if f["fate"] == "set"}
        assert fields["title"]["row"] == f"{TABLE}:3"
        assert fields["title"]["erp_fields"] == ["bezeichnung"]
        assert fields["address.houseNumber"]["steps"][0]["transform"] == "join"

    def test_record_is_found_by_our_id(self, tried):
        _, found = tried("--source", tried.source, "--key", "1-9001-02")
        assert (found["key"], found["id"]) == ("1/9001/02", "1-9001-02")

    def test_unknown_key_is_refused(self, tried):
        code, found = tried("--source", tried.source, "--key", "1-9001-77")
        assert (code, codes(found)) == (2, ["R209"])

    def test_field_of_the_address_is_told(self, tried):
        _, found = tried("--source", tried.source)
        there = [f["partner_field"] for f in found["fields"] if f["in_address"]]
        assert there == ["extId"]
        assert found["in_address"] == {"extId": "1-9001-01"}
        assert "extId" not in found["payload"]

    def test_record_that_is_left_out_has_its_rule(self, tried, village):
        words = ("--source", tried.source, "--key", village.theo)
        code, found = tried(*words, partner=("try", "etg24", "mieter"))
        assert (code, found["state"]) == (0, "left_out")
        assert found["rule"] == "mieter_email"
        assert found["payload"] == {}

    def test_record_of_an_activation_is_tried_with_its_settings(self, tried, etg24):
        etg24.choose(separator="_")
        code, found = tried("--activation", etg24.path)
        assert (code, found["id"]) == (0, "1_9001_01")
        assert not etg24.simulator.calls
        assert not etg24.database.exists()

    def test_activation_of_another_partner_is_refused(self, tried, etg24):
        facts = ("try", "facilioo", "units")
        code, found = tried("--activation", etg24.path, partner=facts)
        assert (code, codes(found)) == (2, ["S073"])

    def test_somewhere_a_record_must_come_from(self, tried):
        code, found = tried()
        assert (code, codes(found)) == (2, ["S073"])

    def test_source_in_which_all_is_left_out_says_so(self, tried, etg24):
        etg24.choose(mandanten_nummern=["77"])
        code, found = tried("--activation", etg24.path)
        assert (code, codes(found)) == (2, ["S074"])

    @pytest.mark.parametrize(
        ("words", "code", "hint"),
        [
            (("try", "etg42", "objekte"), "T301", "Did you mean 'etg24'?"),
            (("try", "etg24", "objecte"), "M110", "Did you mean 'objekte'?"),
        ],
    )
    def test_misspelt_name_is_refused_with_a_hint(self, tried, words, code, hint):
        status, found = tried("--source", tried.source, partner=words)
        assert (status, codes(found)) == (2, [code])
        assert found["problems"][0]["suggestion"] == hint


class TestPastedRecord:
    def test_record_is_read_from_the_command_line(self, tried):
        code, found = tried("--record", json.dumps(BUILDING))
        assert (code, found["key"]) == (0, "1/1001/01")
        assert found["payload"]["title"] == "Lindenweg 4"

    def test_record_is_read_from_standard_input(self, tried):
        _, found = tried("--record", "-", stdin=json.dumps(BUILDING))
        assert found["id"] == "1-1001-01"

    def test_related_record_stands_inside(self, tried):
        record = {**BUILDING, "uebergeordnet": {"baujahr": 1968}}
        _, found = tried("--record", json.dumps(record))
        assert found["payload"]["constructionFinishedOn"] == "1968-01-01"

    def test_record_that_is_rejected_ends_with_one(self, tried):
        code, found = tried("--record", '{"mandant_nr": "1"}')
        assert (code, found["state"], found["code"]) == (1, "rejected", "R204")

    def test_rule_on_the_record_itself_is_judged(self, tried):
        record = {"gp_nr": "7", "nachname": "Berg"}
        facts = ("try", "etg24", "mieter")
        _, found = tried("--record", json.dumps(record), partner=facts)
        assert (found["state"], found["rule"]) == ("left_out", "mieter_email")

    @pytest.mark.parametrize(
        ("record", "place"),
        [
            ("{", ""),
            ("[]", ""),
            ('{"strase": "x"}', "strase"),
            ('{"strasse": 4}', "strasse"),
            ('{"baujahr": true}', "baujahr"),
            ('{"uebergeordnet": {"bauljahr": 1}}', "uebergeordnet.bauljahr"),
            ('{"uebergeordnet": "01"}', "uebergeordnet"),
        ],
    )
    def test_what_the_standard_does_not_know_is_refused(self, tried, record, place):
        code, found = tried("--record", record)
        assert (code, codes(found)) == (2, ["S070"])
        assert found["problems"][0]["column"] == place

    def test_all_that_is_wrong_comes_at_once(self, tried):
        _, found = tried("--record", '{"strase": "x", "plz": 1, "ort": "Ulm"}')
        assert codes(found) == ["S070", "S070"]
        assert found["problems"][0]["suggestion"] == "Did you mean 'strasse'?"


class TestRow:
    def test_changed_row_is_tried_and_not_written(self, tried):
        before = tried.table.read_bytes()
        words = ("--row", "line=3, transform=upper, example=a, expected=A")
        _, found = tried("--source", tried.source, "--key", "1/9001/02", *words)
        assert found["changes"] == [
            {"field": "title", "before": "Eingang Süd", "after": "EINGANG SÜD"}
        ]
        assert tried.table.read_bytes() == before

    def test_null_where_nothing_was_is_a_change(self, tried):
        row = "partner_field=share, erp_field=mea_nenner, if_empty=clear"
        facts = ("try", "etg24", "einheiten", "--source", tried.source)
        _, found = tried("--row", row, partner=facts)
        assert found["payload"]["share"] is None
        assert [change["field"] for change in found["changes"]] == ["share"]

    def test_change_of_what_one_operation_sends_is_told(self, tried):
        row = "line=3, write=create, when=, example=, expected="
        _, found = tried("--source", tried.source, "--key", "1/9001/02", "--row", row)
        changed = [change["field"] for change in found["changes"]]
        assert changed == ["title", "title (on create)"]

    def test_only_row_of_a_field_is_named_by_it(self, tried):
        row = "partner_field=address.country, erp_field=, default=AT"
        _, found = tried("--source", tried.source, "--row", row)
        assert found["payload"]["address"]["country"] == "AT"

    def test_rows_of_one_field_are_told_apart_by_their_condition(self, tried):
        row = "partner_field=title, when=bezeichnung is not empty, erp_field=ort"
        _, found = tried("--source", tried.source, "--row", row)
        assert found["payload"]["title"] == found["payload"]["address"]["city"]

    def test_several_rows_are_changed_together(self, tried):
        rows = ("partner_field=address.zip, erp_field=ort", "line=10, erp_field=plz")
        words = [word for row in rows for word in ("--row", row)]
        _, found = tried("--source", tried.source, *words)
        changed = [change["field"] for change in found["changes"]]
        assert changed == ["address.zip", "address.city"]

    def test_problem_of_a_changed_row_leaves_the_old_payload(self, tried):
        words = ("--source", tried.source, "--row", "line=3, transform=uper")
        code, found = tried(*words)
        (problem,) = found["problems"]
        assert (code, problem["code"], problem["line"]) == (2, "M104", 3)
        assert problem["suggestion"] == "Did you mean 'upper'?"
        assert found["payload"]["address"]

    def test_row_whose_example_fails_shows_the_new_payload(self, tried):
        words = ("--key", "1/9001/02", "--row", "line=3, transform=upper, example=a")
        code, found = tried("--source", tried.source, *words)
        assert (code, found["payload"]["title"]) == (0, "EINGANG SÜD")
        told = [(one["code"], one["level"]) for one in found["problems"]]
        assert told == [("M114", "warning")]

    def test_row_that_rejects_the_record_is_told(self, tried):
        row = (
            "partner_field=address.street, erp_field=hausnummer_zusatz, if_empty=reject"
        )
        code, found = tried("--source", tried.source, "--row", row)
        assert (code, found["state"], found["code"]) == (1, "rejected", "R203")

    @pytest.mark.parametrize(
        ("row", "what"),
        [
            ("partner_field=title, transform=upper", "lines 3, 4, 5"),
            ("line=99, transform=upper", "line 99"),
            ("transform=upper", "neither partner_field nor line"),
            ("line=x, transform=upper", "no line"),
            ("line=3, when=, when=", "twice"),
            ("transfrom=upper", "no column"),
            ("line=3, transfrom=upper", "unknown column"),
        ],
    )
    def test_row_that_is_not_clear_is_refused(self, tried, row, what):
        code, found = tried("--source", tried.source, "--row", row)
        assert (code, codes(found)) == (2, ["S071"])
        assert what in found["problems"][0]["message"]

    def test_commas_and_equals_signs_may_stand_in_a_cell(self):
        text = 'line=4,when=art in ("a", "b") and ort = "Ulm",transform=date("D, M")'
        change = row_change(text)
        assert change.line == 4
        assert change.cells == {
            "when": 'art in ("a", "b") and ort = "Ulm"',
            "transform": 'date("D, M")',
        }

    def test_german_titles_name_columns_too(self):
        cells = row_change("Partnerfeld=title, ERP-Feld=ort").cells
        assert cells == {"partner_field": "title", "erp_field": "ort"}

    def test_nothing_that_is_no_row_raises_anything_else(self):
        for text in ("", "=", ",", "line=", "line=²", "line=3,,,"):
            with pytest.raises(SpecError):
                row_change(text)


class TestSource:
    """The source is read once, however often the spec changes."""

    def work(self, root):
        place = Origin("test")
        use_case = get_use_case(Folders(root), "etg24", "stammdaten", place)
        work = use_case.work
        return work, work.entity("objekte"), default_settings(use_case.spec.use_case)

    def test_changed_row_does_not_read_it_again(self, tried):
        records = Sourced(tried.source, None)
        records.find(*self.work(tried.root))
        text = tried.table.read_text("utf-8")
        tried.table.write_text(text.replace(",ort,", ",plz,"), "utf-8")
        found = records.find(*self.work(tried.root))
        assert (found.key, records.readings) == ("1/9001/01", 1)
        records.close()

    def test_changed_rule_reads_it_again(self, tried):
        records = Sourced(tried.source, None)
        records.find(*self.work(tried.root))
        path = tried.table.with_name("use_case.yaml")
        text = path.read_text("utf-8")
        assert "rule: mieter_email" in text
        path.write_text(text.replace("rule: mieter_email", "rule: neu"), "utf-8")
        records.find(*self.work(tried.root))
        assert records.readings == 2
        records.close()


class TestTerminal:
    @pytest.fixture
    def terminal(self, tried):
        """Return what opens the trial in a terminal."""

        def open_(*words, **environment):
            facts = (*FACTS, "--source", tried.source, *words)
            return OnTerminal(*facts, root=tried.root, **environment)

        return open_

    def test_record_is_picked_by_number(self, terminal):
        with terminal() as person:
            listed = person.read_until("text > ")
            assert "1/9001/01" in listed
            assert "2  2/9002/01" in listed
            person.type("4")
            shown = person.read_until(MENU)
            assert "1/9001/02: would be sent" in shown
            assert '"title": "Eingang Süd"' in shown
            person.type("q")
            assert person.wait() == 0

    def test_record_is_searched_by_a_text_that_it_holds(self, terminal):
        with terminal() as person:
            person.read_until("text > ")
            person.type("gibt es nicht")
            assert "Nothing with" in person.read_until("text > ")
            person.type("eingang sü")
            listed = person.read_until("text > ")
            assert "1  1/9001/02" in listed
            assert "1/9001/01" not in listed
            person.type("")
            assert "1/9001/02: would be sent" in person.read_until(MENU)

    def test_record_may_be_named_at_once(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            assert "Eingang Süd" in person.read_until(MENU)

    def test_row_is_chosen_changed_seen_and_written(self, terminal, tried):
        before = tried.table.read_bytes()
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r")
            listed = person.read_until("new row > ")
            assert "3  title  erp_field=bezeichnung" in listed
            person.type("3")
            assert "erp_field = bezeichnung" in person.read_until("when= > ")
            person.type("transform=upper, example=a, expected=A")
            shown = person.read_until(MENU)
            assert '"Eingang Süd" -> "EINGANG SÜD"' in shown
            assert tried.table.read_bytes() == before
            person.type("w")
            person.read_until("Written: ")
            person.read_until(MENU)
            person.type("q")
            assert person.wait() == 0
        row = "title,bezeichnung,upper,,,bezeichnung is not empty,,,,a,A,"
        lines = before.decode().splitlines(keepends=True)
        lines[2] = f"{row}\n"
        assert tried.table.read_bytes() == "".join(lines).encode()

    def test_wrong_row_shows_its_problem_and_the_old_payload(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 transform=uper")
            shown = person.read_until(MENU)
            assert f"{TABLE}:3 [transform] M104" in shown
            assert "Did you mean 'upper'?" in shown
            assert '"title": "Eingang Süd"' in shown
            person.type("r 3 transform=upper")
            assert '"Eingang Süd" -> "EINGANG SÜD"' in person.read_until(MENU)

    def test_table_with_an_error_is_written_only_if_told_again(self, terminal, tried):
        before = tried.table.read_bytes()
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 transform=upper, example=a, expected=b")
            shown = person.read_until(MENU)
            assert "warning: " in shown
            assert "M114" in shown
            assert '"title": "EINGANG SÜD"' in shown
            person.type("w")
            shown = person.read_until(MENU)
            assert "M114" in shown
            assert "w! writes it" in shown
            assert tried.table.read_bytes() == before
            person.type("w!")
            assert "Written: " in person.read_until(MENU)
        assert b"title,bezeichnung,upper," in tried.table.read_bytes()

    def test_undo_takes_what_was_written_back(self, terminal, tried):
        before = tried.table.read_bytes()
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 erp_field=ort, example=, expected=")
            person.read_until(MENU)
            person.type("w")
            person.read_until("Written: ")
            person.read_until(MENU)
            assert tried.table.read_bytes() != before
            person.type("u")
            assert "Written as it was before: " in person.read_until(MENU)
            assert tried.table.read_bytes() == before
            person.type("u")
            assert "Nothing is left to undo." in person.read_until(MENU)

    def test_undo_leaves_what_somebody_else_wrote_after_it(self, terminal, tried):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 erp_field=ort, example=, expected=")
            person.read_until(MENU)
            person.type("w")
            person.read_until("Written: ")
            person.read_until(MENU)
            theirs = tried.table.read_bytes().replace(b",land,", b",ort,")
            tried.table.write_bytes(theirs)
            person.type("u")
            shown = person.read_until(MENU)
            assert "S072" in shown
            assert "since it was written; it stays" in shown
        assert tried.table.read_bytes() == theirs

    @pytest.mark.parametrize("word", ["1-9001-02", "1/9001/02"])
    def test_full_key_and_our_id_pick_at_once(self, terminal, word):
        with terminal() as person:
            person.read_until("text > ")
            person.type(word)
            assert "1/9001/02: would be sent" in person.read_until(MENU)
            person.type("p 1-9001-01")
            assert "1/9001/01: would be sent" in person.read_until(MENU)

    def test_record_is_pasted_where_one_is_picked(self, terminal):
        with terminal() as person:
            person.read_until("text > ")
            for line in json.dumps(BUILDING, indent=2).splitlines():
                person.type(line)
            assert '"title": "Lindenweg 4"' in person.read_until(MENU)
            person.type('p {"strase": "x"}')
            assert "Did you mean 'strasse'?" in person.read_until(MENU)
            person.type('p {"strasse": ]')
            assert "S070" in person.read_until(MENU)
            person.type("p 1-9001-02")
            assert "1/9001/02: would be sent" in person.read_until(MENU)

    def test_without_a_source_a_record_is_asked_for(self, tried):
        with OnTerminal(*FACTS, root=tried.root) as person:
            person.read_until("lines > ")
            person.type(json.dumps(BUILDING))
            assert "1/1001/01: would be sent" in person.read_until(MENU)
            person.type("p")
            person.read_until("lines > ")
            person.type("q")
            assert "No record is given." in person.read_until(MENU)

    def test_each_answer_to_the_question_for_a_row_is_answered(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            for typed, answer in (
                ("line=3, transform=upper", '-> "EINGANG SÜD"'),
                ("partner_field=address.country, default=AT, erp_field=", '-> "AT"'),
                ("3, erp_field=ort", '-> "DRESDEN"'),
                ("", "No row is changed."),
                ("99", "No row stands in line 99."),
                ("title", "S071"),
            ):
                person.type("r")
                person.read_until("new row > ")
                person.type(typed)
                assert answer in person.read_until(MENU), typed

    def test_field_without_a_row_gets_one(self, tried):
        facts = ("try", "etg24", "einheiten", "--source", tried.source)
        with OnTerminal(*facts, root=tried.root) as person:
            person.read_until("text > ")
            person.type("")
            person.read_until(MENU)
            person.type("r partner_field=votingWeight, erp_field=mea_nenner")
            shown = person.read_until(MENU)
            assert "A new row, at the end of the table." in shown

    def test_address_and_empty_values_are_told(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            shown = person.read_until(MENU)
            assert "extId = 1-9001-02 (in the address)" in shown
            assert "In the address: extId = 1-9001-02" in shown
            assert "(empty)  | join -> " in shown

    def test_undo_takes_changes_back(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 erp_field=ort")
            person.read_until(MENU)
            person.type("u")
            assert '-> "Eingang Süd"' in person.read_until(MENU)
            person.type("w")
            assert "Nothing is changed." in person.read_until(MENU)

    def test_leaving_with_a_change_asks_once(self, terminal, tried):
        before = tried.table.read_bytes()
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 erp_field=ort")
            person.read_until(MENU)
            person.type("q")
            assert "q again leaves it" in person.read_until(MENU)
            person.type("q")
            assert person.wait() == 0
        assert tried.table.read_bytes() == before

    def test_table_that_somebody_else_saved_is_not_overwritten(self, terminal, tried):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.type("r 3 erp_field=ort")
            person.read_until(MENU)
            theirs = tried.table.read_bytes().replace(b",land,", b",ort,")
            tried.table.write_bytes(theirs)
            person.type("w!")
            assert "S072" in person.read_until(MENU)
        assert tried.table.read_bytes() == theirs

    def test_editor_opens_the_table_and_what_it_saves_is_tried(self, terminal, tried):
        before = tried.table.read_bytes()
        code = (
            "import sys, pathlib; path = pathlib.Path(sys.argv[1]);"
            "path.write_text(path.read_text('utf-8')"
            ".replace(',land,', ',ort,'), 'utf-8')"
        )
        editor = shlex.join([sys.executable, "-c", code])
        with terminal("--key", "1-9001-02", EDITOR=editor, VISUAL="") as person:
            person.read_until(MENU)
            person.type("e")
            assert "address.country: " in person.read_until(MENU)
            assert tried.table.read_bytes() == before
            person.type("w!")
            person.read_until("Written: ")
        assert tried.table.read_bytes() == before.replace(b",land,", b",ort,")

    def test_editor_that_is_not_there_is_told(self, terminal):
        with terminal("--key", "1-9001-02", EDITOR="/nowhere/ed", VISUAL="") as person:
            person.read_until(MENU)
            person.type("e")
            assert "S075" in person.read_until(MENU)

    def test_end_of_input_leaves(self, terminal):
        with terminal("--key", "1-9001-02") as person:
            person.read_until(MENU)
            person.end_input()
            assert person.wait() == 0


@pytest.mark.parametrize("partner", Folders(INSTALLED).partners())
def test_each_entity_of_each_partner_can_be_tried(partner, town):
    case = get_use_case(Folders(INSTALLED), partner, "stammdaten", Origin("test"))
    for entity in case.work.entities:
        words = ["try", partner, entity.name, "--source", str(town.folder), "--json"]
        found = CliRunner().invoke(app, words)
        answer = json.loads(found.stdout)
        if codes(answer) == ["S074"]:  # the settings of the examples switch it off
            assert entity.records is not None
            continue
        assert (found.exit_code, answer["state"]) == (0, "would be sent")
        assert answer["id"]
        assert answer["payload"]
