"""From a shared sheet into the tables: export, upload, edit, pull, write, check."""

from analyst import FOLDER, TABLE

from engine.runtime.library import check_partner
from engine.spec import Folders


class TestWholePath:
    """Export, upload, edit, pull, write, check."""

    def test_a_sheet_that_nobody_has_touched_differs_in_nothing(self, analyst):
        analyst.upload()
        before = analyst.files()
        found = analyst.pull("--base", "first", "--write")
        assert (found.code, found.err) == (0, "")
        assert "There is nothing to take from the sheet." in found.out
        assert found.out.count("sheet = git\n") == len(
            list((analyst.root / FOLDER).rglob("*.csv"))
        )
        assert analyst.files() == before

    def test_an_edit_goes_into_the_table_and_passes_the_check(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "Steht im Energieausweis")
        before = analyst.files()
        shown = analyst.pull("--base", "first")
        assert shown.code == 0
        assert "1 change in the sheet" in shown.out
        line = "objekte heatingType [Notiz]: nothing -> 'Steht im Energieausweis'"
        assert f"  etg24/stammdaten/{line}" in shown.out.splitlines()
        assert "1 table would be written with --write." in shown.out
        assert analyst.files() == before

        found = analyst.pull("--base", "first", "--write")
        assert (found.code, found.err) == (0, "")
        assert "1 table written. etg24 checked: 0 errors." in found.out
        after = analyst.files()
        (path,) = [path for path in after if after[path] != before[path]]
        assert path == analyst.root / TABLE
        lines = zip(before[path].split(b"\n"), after[path].split(b"\n"), strict=True)
        ((old, new),) = [pair for pair in lines if pair[0] != pair[1]]
        assert new == old + b"Steht im Energieausweis"
        assert check_partner(Folders(analyst.root), "etg24") == ()

    def test_a_second_pull_finds_it_in_both(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "neu")
        analyst.pull("--base", "first", "--write")
        found = analyst.values("--base", "first", "--write")
        assert [one["row"] for one in found.both] == ["heatingType"]
        assert (found.sheet, found.status) == ([], "sheet = git")

    def test_the_hidden_tab_of_the_export_is_a_base(self, analyst):
        analyst.upload(memory=True)
        analyst.edit("objekte", "heatingType", "note", "neu")
        found = analyst.pull("--write")
        assert found.code == 0, found.err
        assert found.out.startswith("Sheet and git since the export:")
        assert "1 table written." in found.out

    def test_a_row_that_breaks_the_check_is_told_after_it_was_written(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "transform", "frist")
        found = analyst.pull("--base", "first", "--write")
        assert found.code == 2
        assert "1 table written. etg24 checked: " in found.out
        assert "M104: no transform is named 'frist'" in found.err

    def test_what_a_spreadsheet_spoilt_is_refused_with_its_cell(self, analyst):
        analyst.upload()
        before = analyst.files()
        analyst.edit("objekte", "extId", "example", "1,00E+05")
        found = analyst.pull("--base", "first", "--write")
        assert found.code == 2
        assert "objekte!" in found.err
        assert "S032" in found.err
        assert analyst.files() == before

    def test_json_has_every_difference_with_all_versions(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "neu")
        found = analyst.pull("--base", "first", "--json").json()
        assert (found["exit_code"], found["base"], found["deployed"]) == (
            0,
            "first",
            "",
        )
        assert found["written"] == []
        (table,) = [one for one in found["tables"] if one["sheet"]]
        assert table["path"] == TABLE
        assert table["tab"] == "objekte"
        assert table["sheet"] == [
            {
                "row": "heatingType",
                "column": "note",
                "kind": "changed",
                "base": "",
                "sheet": "neu",
                "git": "",
            }
        ]

    def test_the_server_that_is_down_is_exit_code_4(self, analyst, google):
        link = google.link()
        google.__exit__()
        found = analyst.desk.invoke("sheet", "pull", link, "--json")
        assert found.code == 4
        assert found.json()["problems"][0]["code"] == "S044"

    def test_what_is_not_shared_is_exit_code_2_and_says_how_to_share(
        self, analyst, google
    ):
        google.mood, google.listing = "to_login", False
        found = analyst.pull("--json")
        assert found.code == 2
        (problem,) = [p for p in found.json()["problems"] if p["level"] == "error"]
        assert problem["code"] == "S041"
        assert "Anyone with the link > Viewer" in problem["suggestion"]
        assert "Anyone with the link > Viewer" in analyst.pull().err

    def test_a_sheet_without_a_table_is_refused(self, analyst, google):
        google.put("0", "Einkauf", [["Milch"], ["Brot"]])
        found = analyst.pull()
        assert found.code == 2
        assert "S025" in found.err

    def test_a_table_in_two_shared_sheets_is_refused(self, analyst, google):
        analyst.upload()
        rows = analyst.rows("objekte")
        google.put("1000", "objekte", [list(row) for row in rows])
        before = analyst.files()
        analyst.edit("objekte", "heatingType", "note", "neu")
        found = analyst.pull("--base", "first", "--write")
        assert found.code == 2
        assert "S027" in found.err
        assert analyst.files() == before

    def test_control_characters_of_a_cell_do_not_reach_the_terminal(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "a\x1b[2Jb\nc")
        found = analyst.pull("--base", "first")
        assert found.code == 2
        assert "\x1b" not in found.out + found.err
        assert "U+001B" in found.err
