"""Sheet, git and what is deployed: who has changed what since when."""

import pytest
from analyst import TABLE
from openpyxl import load_workbook

from engine.app.workbench.tables.layout import FIRST_ROW


class TestThreeWay:
    """Who has changed what: the sheet, git, both alike, or both apart."""

    @pytest.fixture
    def after_a_run(self, analyst):
        """The first version is deployed; each side has changed something since."""
        analyst.desk.sync()
        analyst.upload()
        return analyst

    def test_nothing_has_changed(self, after_a_run):
        found = after_a_run.values(*after_a_run.deployed)
        assert found.status == "sheet = git = deployed"

    def test_only_in_the_sheet(self, after_a_run):
        after_a_run.edit("objekte", "heatingType", "note", "neu")
        found = after_a_run.values(*after_a_run.deployed)
        assert found.status == "1 change in the sheet, git = deployed"
        assert [one["row"] for one in found.sheet] == ["heatingType"]

    def test_deployed_is_named_by_the_file_of_the_activation(self, after_a_run):
        found = after_a_run.values("--deployed", str(after_a_run.desk.path))
        assert found.status == "sheet = git = deployed"

    def test_only_in_git_and_not_yet_deployed(self, after_a_run):
        after_a_run.change(TABLE, "address.zip,plz,,", "address.zip,plz,trim,")
        found = after_a_run.pull(*after_a_run.deployed)
        told = "Only in git (approved, not yet deployed); the sheet is behind"
        assert told in found.out
        assert "objekte address.zip [Umwandlung]: nothing -> 'trim'" in found.out
        assert "1 change in git only, 1 not yet deployed" in found.out

    def test_the_same_in_both_and_not_deployed(self, after_a_run):
        after_a_run.change(TABLE, "address.zip,plz,,", "address.zip,plz,trim,")
        after_a_run.edit("objekte", "address.zip", "transform", "trim")
        found = after_a_run.pull(*after_a_run.deployed)
        assert "The same in both (approved, not yet deployed)" in found.out
        assert "sheet = git, 1 not yet deployed" in found.out
        assert found.code == 0

    @pytest.mark.parametrize("write", [(), ("--write",)])
    def test_conflicts_are_shown_and_nothing_is_written(self, after_a_run, write):
        after_a_run.change(TABLE, "address.zip,plz,,", "address.zip,plz,trim,")
        after_a_run.edit("objekte", "address.zip", "transform", "upper")
        after_a_run.edit("objekte", "heatingType", "note", "neu")
        after_a_run.edit("mieter", "firstName", "note", "neu")
        before = after_a_run.files()
        found = after_a_run.pull(*after_a_run.deployed, *write)
        assert found.code == 2
        line = "objekte address.zip [Umwandlung]: "
        assert f"{line}nothing -> 'upper' in the sheet, 'trim' in git" in found.out
        assert "1 conflict, 1 change in the sheet, 1 not yet deployed" in found.out
        assert "S036" in found.err
        assert "objekte!D" in found.err
        assert after_a_run.files() == before

    def test_only_what_the_sheet_alone_has_changed_is_taken(self, after_a_run):
        after_a_run.change(TABLE, "address.zip,plz,,", "address.zip,plz,trim,")
        after_a_run.edit("objekte", "heatingType", "note", "neu")
        before = (after_a_run.root / TABLE).read_text("utf-8")
        found = after_a_run.pull(*after_a_run.deployed, "--write")
        assert found.code == 0, found.err
        after = (after_a_run.root / TABLE).read_text("utf-8")
        assert after == before.replace(
            "Zentralheizung,Zentralheizung,", "Zentralheizung,Zentralheizung,neu"
        )

    def test_rows_that_are_new_or_gone_are_named(self, after_a_run):
        rows = after_a_run.rows("objekte")
        titles = rows[FIRST_ROW - 2]
        place = titles.index("Partnerfeld")
        gone = next(row for row in rows if row[place] == "heatingType")
        rows.remove(gone)
        new = ["" for _ in titles]
        new[place], new[titles.index("ERP-Feld")] = "notes", "bezeichnung"
        rows.append(new)
        after_a_run.change(TABLE, "address.country,land,,,,,DE,,,,,\n", "")
        found = after_a_run.pull(*after_a_run.deployed)
        assert "objekte notes: new: ERP-Feld 'bezeichnung'" in found.out
        assert "objekte heatingType: removed" in found.out
        assert "objekte address.country: removed" in found.out
        assert "2 changes in the sheet, 1 change in git only" in found.out

    def test_a_row_that_one_removed_and_the_other_changed_is_a_conflict(
        self, after_a_run
    ):
        rows = after_a_run.rows("objekte")
        place = rows[FIRST_ROW - 2].index("Partnerfeld")
        rows.remove(next(row for row in rows if row[place] == "heatingType"))
        after_a_run.change(TABLE, "Zentralheizung,Zentralheizung,", "x,x,")
        after_a_run.change(TABLE, "address.country,land,,,,,DE,,,,,\n", "")
        after_a_run.edit("objekte", "address.country", "default", "AT")
        found = after_a_run.pull(*after_a_run.deployed)
        assert "heatingType: removed in the sheet, changed in git" in found.out
        assert "address.country: changed in the sheet, removed in git" in found.out
        assert found.code == 2

    def test_what_the_sheet_was_made_from_goes_before_what_is_deployed(
        self, after_a_run
    ):
        after_a_run.change(TABLE, "address.zip,plz,,", "address.zip,plz,trim,")
        after_a_run.commit("second")
        after_a_run.upload()
        after_a_run.edit("objekte", "address.zip", "transform", "upper")
        clash = after_a_run.pull(*after_a_run.deployed)
        assert clash.code == 2
        words = (*after_a_run.deployed, "--base", "second")
        found = after_a_run.values(*words)
        assert [one["sheet"] for one in found.sheet] == ["upper"]
        assert [one["git"] for one in found.undeployed] == ["trim"]
        assert found.status == "1 change in the sheet, 1 not yet deployed"
        shown = after_a_run.pull(*words).out
        assert shown.startswith("Sheet and git since version second, beside deployed:")
        assert "In git, not yet deployed" in shown

    def test_tables_of_others_are_not_known_to_be_deployed(self, after_a_run, google):
        desk = after_a_run.desk
        book = desk.folder / "other.xlsx"
        desk.invoke("sheet", "export", "facilioo", "-o", str(book))
        sheet = load_workbook(book)["units"]
        rows = [["" if c is None else str(c) for c in row] for row in sheet.values]
        google.put("5", "units", rows)
        found = after_a_run.values(
            *after_a_run.deployed, table="facilioo/stammdaten/units"
        )
        assert found.status == "sheet = git"

    def test_an_activation_that_nobody_knows_is_refused(self, after_a_run):
        place = str(after_a_run.desk.database)
        found = after_a_run.pull("--deployed", "x/y/z/test", "--database", place)
        assert found.code == 2
        assert "S046" in found.err


class TestWithoutABase:
    """Sheet and git differ, and nobody can say who is right."""

    def test_differences_are_shown_without_a_direction(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "neu")
        found = analyst.pull()
        assert found.code == 0
        assert "Different, and not known who has changed it" in found.out
        line = "objekte heatingType [Notiz]: 'neu' in the sheet, nothing in git"
        assert line in found.out
        assert "1 difference\n" in found.out
        assert "Nothing can be taken." in found.out
        assert "--base REVISION" in found.out

    def test_nothing_is_written_and_it_is_said_what_to_do(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "neu")
        before = analyst.files()
        found = analyst.pull("--write", "--json")
        assert found.code == 2
        (problem,) = found.json()["problems"]
        assert problem["code"] == "S047"
        assert "--base REVISION" in problem["suggestion"]
        assert analyst.files() == before

    def test_without_a_difference_there_is_nothing_to_refuse(self, analyst):
        analyst.upload()
        assert analyst.pull("--write").code == 0

    def test_a_base_that_is_no_version_is_refused(self, analyst):
        analyst.upload()
        found = analyst.pull("--base", "no-such-tag")
        assert found.code == 2
        assert "S001" in found.err

    def test_the_workbook_that_was_uploaded_is_a_base(self, analyst):
        analyst.upload()
        analyst.edit("objekte", "heatingType", "note", "neu")
        found = analyst.pull("--base", str(analyst.desk.folder / "book.xlsx"))
        assert "1 change in the sheet" in found.out
