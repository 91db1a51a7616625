"""The workbook that analysts work in, as LibreOffice opens and saves it."""

import openpyxl
import pytest
from lxml import html

from engine.app.workbench.book.memory import memory_of
from engine.app.workbench.book.style import MISSING, PROPOSED, REQUIRED, UNMAPPED
from engine.app.workbench.book.workbook import write_book
from engine.app.workbench.tables.layout import (
    COVER,
    FIRST_ROW,
    MEMORY,
    OVERVIEW,
    TITLE_ROW,
    TITLES,
)

SIGNS = ("=1+1", "+49 171", "-x", "@SUM(A1)", "=HYPERLINK(A1)")


@pytest.fixture(scope="module")
def before(exported):
    return openpyxl.load_workbook(exported.path)


@pytest.fixture(scope="module")
def after(through_libreoffice):
    return openpyxl.load_workbook(through_libreoffice)


def values(sheet):
    return {
        cell.coordinate: cell.value
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    }


def checks(sheet):
    """Return what each column may hold: place -> kind, options, strictness."""
    return {
        str(check.sqref).split(":")[0]: (
            check.type,
            check.formula1 if check.type == "list" else "",
            check.errorStyle or "stop",
            bool(check.showErrorMessage),
        )
        for check in sheet.data_validations.dataValidation
    }


class TestNothingIsLost:
    def test_every_value_of_every_tab_is_kept_as_text(self, before, after):
        assert after.sheetnames == before.sheetnames
        for sheet in after.worksheets:
            assert values(sheet) == values(before[sheet.title])
            kinds = {c.data_type for row in sheet.iter_rows() for c in row if c.value}
            assert kinds == {"s"}

    def test_drop_downs_are_kept_with_their_strictness(self, before, after, exported):
        for name in exported.tabs.values():
            kept = checks(after[name])
            assert kept.keys() == checks(before[name]).keys()
            for place, (kind, options, style, shows) in checks(before[name]).items():
                found = kept[place]
                assert found[0] == kind
                assert found[1].replace("'", "") == options.replace("'", "")
                assert found[3] == shows
                assert found[2] == style or not shows

    def test_notes_are_kept(self, before, after, exported):
        for name in exported.tabs.values():
            notes = [c.comment.text for c in after[name][TITLE_ROW] if c.comment]
            wanted = [c.comment.text for c in before[name][TITLE_ROW] if c.comment]
            assert notes == wanted

    def test_filters_and_hidden_tabs_are_kept(self, before, after):
        # Frozen panes are of the view, which a program without a window does not save.
        for sheet in after.worksheets:
            assert sheet.auto_filter.ref == before[sheet.title].auto_filter.ref
            assert sheet.sheet_state == before[sheet.title].sheet_state

    def test_protection_is_kept(self, before, after, exported):
        for name in exported.tabs.values():
            sheet = after[name]
            assert sheet.protection.sheet
            assert not sheet.protection.deleteRows
            assert not sheet.protection.insertRows
            assert not sheet.protection.sort
            assert sheet["A1"].protection.locked
            assert sheet["B2"].protection.locked
            assert not sheet["B3"].protection.locked
        assert after[COVER].protection.sheet
        assert after[OVERVIEW]["A3"].protection.locked

    def test_cells_below_the_table_are_still_text(self, after, exported):
        for name in exported.tabs.values():
            # Neighbours that are alike are written as one.
            for column in after[name].column_dimensions.values():
                assert column.number_format == "@"
                assert not column.protection.locked

    def test_what_the_tables_were_is_kept(self, before, after):
        assert memory_of(after[MEMORY].values) == memory_of(before[MEMORY].values)

    def test_colours_are_kept(self, before, after, exported):
        for name in exported.tabs.values():
            kept = after[name].conditional_formatting
            wanted = before[name].conditional_formatting
            assert count(kept) == count(wanted)


def count(rules):
    return sum(len(one.rules) for one in rules)


class TestTexts:
    def test_what_looks_like_a_formula_stays_text_in_every_column(
        self, specs, libreoffice
    ):
        columns = [c for c in TITLES if c not in ("number", "type", "evidence")]
        fields = [c for c in columns if c not in ("erp_value", "partner_value")]
        lines = [",".join(fields), *(",".join([s] * len(fields)) for s in SIGNS)]
        path = specs.case / "objekte.csv"
        path.write_text("\n".join(lines), "utf-8")
        path = specs.case / "lists" / "anrede.csv"
        cells = [f"{sign},{sign},{sign}" for sign in SIGNS]
        path.write_text("\n".join(["erp_value,partner_value,note", *cells]), "utf-8")
        specs.export()
        found = openpyxl.load_workbook(libreoffice(specs.folder / "book.xlsx", "xlsx"))
        for name, width in (("objekte", len(fields)), ("Liste anrede", 3)):
            area = found[name].iter_rows(
                min_row=FIRST_ROW,
                max_row=FIRST_ROW + len(SIGNS) - 1,
                min_col=2,
                max_col=1 + width,
            )
            for sign, row in zip(SIGNS, area, strict=True):
                assert {cell.value for cell in row} == {sign}
                assert {(c.data_type, c.number_format) for c in row} == {("s", "@")}

    def test_codes_stay_as_they_are(self, specs, libreoffice):
        codes = ["0081", "1E5", "01.02.", "TRUE", "1/2", "007,0", "12345678901234567"]
        path = specs.case / "lists" / "anrede.csv"
        lines = [f'"{code}","{code}"' for code in codes]
        path.write_text("\n".join(["erp_value,partner_value", *lines]), "utf-8")
        specs.export()
        found = openpyxl.load_workbook(libreoffice(specs.folder / "book.xlsx", "xlsx"))
        for letter in "BC":
            cells = found["Liste anrede"][letter][2 : 2 + len(codes)]
            assert [cell.value for cell in cells] == codes
            assert {cell.data_type for cell in cells} == {"s"}


class TestColours:
    """LibreOffice evaluates the rules when it writes HTML."""

    @pytest.fixture
    def shown(self, libreoffice):
        def colours(path):
            """Return the fills of number and evidence, by the field of the row."""
            found = {}
            for row in html.parse(libreoffice(path, "html")).iter("tr"):
                cells = list(row)
                if len(cells) > 14:
                    name = cells[1].text_content().strip()
                    fills = (cells[0].get("bgcolor"), cells[-1].get("bgcolor"))
                    found.setdefault(name, tuple((f or "").strip("#") for f in fills))
            return found

        return colours

    def only(self, book, name):
        """Leave one tab of a table in the book, and what it needs."""
        for other in book.sheetnames:
            if other not in (name, "_auswahl"):
                del book[other]
        return book

    def test_required_proposed_and_unmapped_fields_are_coloured(self, specs, shown):
        path = specs.case / "objekte.csv"
        lines = path.read_text("utf-8").splitlines()
        lines = [line for line in lines if not line.startswith("address.city")]
        path.write_text("\n".join(lines), "utf-8")
        book = self.only(specs.export(), "objekte")
        write_book(specs.folder / "one.xlsx", book)
        found = shown(specs.folder / "one.xlsx")
        assert found["title *"] == (REQUIRED, "")
        assert found["address.street *"] == (REQUIRED, PROPOSED)
        assert found["address.country"] == ("", PROPOSED)
        assert found["address.city *"] == (MISSING, PROPOSED)
        assert found["buildingType"] == (UNMAPPED, UNMAPPED)
        assert found["heatingType"] == ("", "")

    def test_colours_follow_what_people_write(self, specs, shown):
        book = self.only(specs.export(), "objekte")
        sheet = book["objekte"]
        line = next(c.row for c in sheet["B"] if c.value == "buildingType")
        sheet[f"C{line}"] = "art"
        last = sheet.max_row
        sheet[f"B{last + 1}"], sheet[f"C{last + 1}"] = "neu *", "ort"
        sheet[f"B{last + 2}"] = "fehlt *"
        write_book(specs.folder / "one.xlsx", book)
        found = shown(specs.folder / "one.xlsx")
        assert found["buildingType"] == ("", "")
        assert found["neu *"][0] == REQUIRED
        assert found["fehlt *"][0] == MISSING


def test_all_tabs_can_be_printed(specs, libreoffice):
    specs.export()
    printed = libreoffice(specs.folder / "book.xlsx", "pdf")
    assert printed.read_bytes().startswith(b"%PDF")
