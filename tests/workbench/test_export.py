"""The workbook that analysts work in, as openpyxl reads it."""

import json
import re
import zipfile
from typing import get_args

import openpyxl
import pytest

from engine.app.catalogue import read_all, sound_partners
from engine.app.payload_fields import payload_fields, writable
from engine.app.site.matrix import matrix
from engine.app.workbench.book.choices import CLOSED, WITH_ARGUMENTS
from engine.app.workbench.book.contract_fields import type_text
from engine.app.workbench.book.explanations import EXPLANATIONS
from engine.app.workbench.book.memory import LONGEST_PART, memory_of, write_memory
from engine.app.workbench.book.table_tab import SPARE_ROWS
from engine.app.workbench.book.workbook import make_book
from engine.app.workbench.tables.layout import (
    CHOICES,
    COVER,
    FIRST_ROW,
    INFORMING,
    MEMORY,
    NUMBER,
    OVERVIEW,
    REQUIRED_MARK,
    TITLES,
    TableId,
    column_of,
    tab_names,
    table_id,
)
from engine.app.workbench.tables.tablefile import read_table_file, table_of_text
from engine.language import parse_condition, parse_pipe
from engine.model import FieldRow, as_tuple
from engine.paths import resolve
from engine.runtime.library import INSTALLED, check_use_case, standard_of
from engine.spec import Folders
from engine.transforms import TRANSFORMS

FOLDERS = Folders(INSTALLED)
OBJEKTE = TableId("etg24", "stammdaten", "objekte")


@pytest.fixture(scope="module")
def book(exported):
    return openpyxl.load_workbook(exported.path)


@pytest.fixture(scope="module")
def use_cases():
    """Every use case of every partner, by partner and name."""
    return {
        (partner, name): check_use_case(FOLDERS, partner, name)[0]
        for partner in FOLDERS.partners()
        for name in FOLDERS.use_cases(partner)
    }


def columns(sheet):
    """Return the letter of each column of a tab by its name."""
    return {column_of(c.value): c.column_letter for c in sheet[2] if c.value}


def rows(sheet):
    """Return the rows of a tab: column -> text."""
    letters = columns(sheet)
    for line in range(FIRST_ROW, sheet.max_row + 1):
        cells = {name: sheet[f"{x}{line}"].value for name, x in letters.items()}
        yield {name: text for name, text in cells.items() if text is not None}


def offered(book, sheet, column):
    """Return what the drop-down of a column offers, and the check itself."""
    letter = columns(sheet)[column]
    for check in sheet.data_validations.dataValidation:
        if f"{letter}{FIRST_ROW}" in {str(r).split(":")[0] for r in check.sqref.ranges}:
            if check.type != "list":
                return [], check
            place = check.formula1.split("!")[1].replace("$", "")
            return [row[0].value for row in book[CHOICES][place]], check
    return [], None


def schema_of(use_case, name):
    entities = {entity.name: entity for entity in use_case.spec.use_case.entities}
    return use_case.spec.schemas[entities[name].resource or name]


class TestTabs:
    def test_cover_and_overview_come_first_then_a_tab_for_each_table(self, exported):
        book = openpyxl.load_workbook(exported.path, read_only=True)
        assert book.sheetnames[:2] == [COVER, OVERVIEW]
        assert book.sheetnames[2:-2] == list(exported.tabs.values())
        assert set(book.sheetnames[-2:]) == {MEMORY, CHOICES}
        paths = {
            path.relative_to(INSTALLED).as_posix()
            for path in (INSTALLED / "mappings" / "partners").rglob("*.csv")
        }
        assert {table.path for table in exported.tabs} == paths
        assert not exported.notices

    def test_only_what_programs_read_is_hidden(self, book):
        hidden = {s.title for s in book.worksheets if s.sheet_state == "hidden"}
        assert hidden == {MEMORY, CHOICES}
        assert book.active.title == COVER

    def test_a_tab_says_which_table_it_is(self, book, exported):
        for table, name in exported.tabs.items():
            assert table_id(book[name]["A1"].value) == table
            assert book[name]["B1"].value
        assert book[exported.tabs[OBJEKTE]]["B1"].value == "Gebäude → Objekte"

    def test_titles_are_german_and_explained(self, book, exported):
        for table, name in exported.tabs.items():
            informing = () if table.is_list else tuple(INFORMING)
            wanted = (NUMBER, *table.columns, *informing)
            titles = book[name][2][: len(wanted)]
            assert [cell.value for cell in titles] == [TITLES[c] for c in wanted]
            assert [c.comment.text for c in titles] == [EXPLANATIONS[c] for c in wanted]

    def test_every_cell_of_every_file_stands_in_its_tab(self, book, exported):
        for table, name in exported.tabs.items():
            file = read_table_file(FOLDERS.root / table.path, table)
            shown = [row for row in rows(book[name]) if NUMBER in row]
            ours = (NUMBER, *INFORMING)
            assert [
                {c: text.removesuffix(REQUIRED_MARK) for c, text in row.items()}
                for row in (
                    {c: t for c, t in r.items() if c not in ours} for r in shown
                )
            ] == list(file.cells)
            numbers = [str(number) for number in range(1, len(file.rows) + 1)]
            assert [row[NUMBER] for row in shown] == numbers

    def test_what_the_contract_says_stands_beside_the_field(self, book, exported):
        shown = {
            row["partner_field"]: row for row in rows(book[exported.tabs[OBJEKTE]])
        }
        title = shown["title" + REQUIRED_MARK]
        assert (title["type"], title["evidence"]) == ("Text", "gesehen")
        assert shown["objektgruppeExtId *"]["type"] == "Verweis auf objektgruppen"
        assert shown["constructionFinishedOn"]["type"] == "Datum (JJJJ-MM-TT)"
        assert shown["address.country"]["evidence"] == "vorgeschlagen"

    def test_each_field_without_a_row_has_one_below_the_table(
        self, book, exported, use_cases
    ):
        for table, name in exported.tabs.items():
            if table.is_list:
                continue
            use_case = use_cases[table.partner, table.use_case]
            filled = {r.row.partner_field for r in use_case.spec.tables[table.name]}
            fields = writable(payload_fields(schema_of(use_case, table.name)))
            below = [row for row in rows(book[name]) if NUMBER not in row]
            assert [row["partner_field"] for row in below] == [
                field.name + REQUIRED_MARK * field.required
                for field in fields
                if field.name not in filled
            ]
            assert all(set(row) <= {"partner_field", *INFORMING} for row in below)

    def test_head_and_field_stay_in_view_and_every_title_has_a_filter(
        self, book, exported
    ):
        for name in exported.tabs.values():
            sheet = book[name]
            last = sheet[2][len(columns(sheet)) - 1].column_letter
            assert sheet.freeze_panes == "C3"
            ends = sheet.auto_filter.ref.split(":")
            assert ends == ["A2", f"{last}{max(sheet.max_row, FIRST_ROW)}"]

    def test_columns_are_as_wide_as_what_stands_in_them_up_to_a_limit(
        self, book, exported
    ):
        for name in exported.tabs.values():
            sheet = book[name]
            for column, letter in columns(sheet).items():
                width = sheet.column_dimensions[letter].width
                texts = [row.get(column, "") for row in rows(sheet)]
                longest = max(map(len, texts), default=0)
                assert width <= 60
                assert longest < width or width >= 34
                assert column == NUMBER or sheet[f"{letter}3"].alignment.wrap_text

    def test_tabs_have_names_that_no_program_refuses(self):
        long = [TableId("partner", "fall", "x" * 40 + str(n)) for n in range(3)]
        tables = [
            *long,
            TableId("partner", "fall", "probleme"),
            TableId("partner", "fall", "history"),
            TableId("partner", "fall", "a[b]:c'd", is_list=True),
        ]
        names = list(tab_names(tables).values())
        assert len({name.casefold() for name in names}) == len(tables)
        assert all(len(name) <= 31 for name in names)
        assert not {"probleme", "history"} & {name.casefold() for name in names}
        assert not any(set("[]:*?/\\'") & set(name) for name in names)


class TestText:
    def test_every_cell_is_text(self, book):
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                for cell in row:
                    if cell.value is not None:
                        assert cell.data_type == "s"
                        assert cell.number_format == "@"

    def test_there_is_no_formula_in_the_file(self, exported):
        with zipfile.ZipFile(exported.path) as file:
            for name in file.namelist():
                if name.startswith("xl/worksheets/sheet"):
                    assert not re.search(rb"<f[ >]", file.read(name))

    def test_what_looks_like_a_formula_is_marked_as_text(self, specs):
        path = specs.case / "lists" / "anrede.csv"
        path.write_text(
            "erp_value,partner_value,note\nherr,=1+1,@SUM\nfrau,+49,-x\n", "utf-8"
        )
        sheet = specs.export()["Liste anrede"]
        cells = [sheet[place] for place in ("C3", "D3", "C4", "D4")]
        assert [cell.value for cell in cells] == ["=1+1", "@SUM", "+49", "-x"]
        assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells)

    def test_cells_that_people_fill_are_text_too(self, book, exported):
        for name in exported.tabs.values():
            sheet = book[name]
            for letter in columns(sheet).values():
                column = sheet.column_dimensions[letter]
                assert column.number_format == "@"
                assert not column.protection.locked


class TestDropDowns:
    @pytest.fixture(params=["etg24", "facilioo", "everreal", "casavi"])
    def tab(self, request, book, exported, use_cases):
        """The options of the tabs of a partner's entities."""
        partner = request.param
        return [
            (use_cases[table.partner, table.use_case], table, book[name])
            for table, name in exported.tabs.items()
            if table.partner == partner and not table.is_list
        ]

    def test_partner_fields_are_those_of_the_contract(self, book, tab):
        for use_case, table, sheet in tab:
            options, check = offered(book, sheet, "partner_field")
            fields = writable(payload_fields(schema_of(use_case, table.name)))
            assert options == [f.name + REQUIRED_MARK * f.required for f in fields]
            assert (check.errorStyle, check.showErrorMessage) == ("warning", True)

    def test_erp_fields_are_those_of_the_standard_one_step_away(self, book, tab):
        for use_case, table, sheet in tab:
            options, check = offered(book, sheet, "erp_field")
            entity = use_case.spec.use_case.entities
            start = next(as_tuple(e.erp)[0] for e in entity if e.name == table.name)
            own = [o for o in options if not o.startswith("settings.") and o != "today"]
            found = [resolve(use_case.standard, start, option) for option in own]
            assert all(one.field is not None for one in found)
            assert set(use_case.standard.entities[start].fields) <= set(own)
            assert any("." in option for option in own)
            assert {f"settings.{n}" for n in use_case.spec.use_case.settings} <= set(
                options
            )
            assert not check.showErrorMessage

    def test_transforms_and_conditions_can_be_taken_as_they_are(self, book, tab):
        for use_case, _, sheet in tab:
            options, _ = offered(book, sheet, "transform")
            names = {call.name for option in options for call in parse_pipe(option)}
            assert names >= {n for n, t in TRANSFORMS.items() if not t.required}
            lists = {f"lookup({name})" for name in use_case.spec.lists}
            assert lists <= set(options)
            conditions, _ = offered(book, sheet, "when")
            assert all(parse_condition(condition) for condition in conditions)

    def test_ids_and_references_are_offered(self, book, exported):
        sheet = book[exported.tabs[OBJEKTE]]
        assert offered(book, sheet, "id_parts")[0][0] == "mandant_nr; we_nr; geb_nr"
        references, _ = offered(book, sheet, "reference")
        assert set(references) >= {"objektgruppen", "einheiten", "mieter"}

    def test_columns_with_few_words_take_no_other(self, book, tab):
        for _, _, sheet in tab:
            for column in CLOSED:
                options, check = offered(book, sheet, column)
                known = get_args(FieldRow.model_fields[column].annotation)
                assert options == [word for word in known if word]
                assert (check.errorStyle, check.showErrorMessage) == ("stop", True)
                assert check.allow_blank

    def test_lists_offer_the_values_of_both_sides(self, book, exported):
        table = TableId("etg24", "stammdaten", "nutzungsart", is_list=True)
        sheet = book[exported.tabs[table]]
        erp, _ = offered(book, sheet, "erp_value")
        partner, check = offered(book, sheet, "partner_value")
        assert erp == ["wohnen", "gewerbe", "stellplatz", "lager", "sonstige", "*"]
        assert partner == ["WOHNUNG", "GEWERBE", "STELLPLATZ", "SONSTIGE"]
        assert check.errorStyle == "warning"

    def test_no_options_stand_in_the_check_itself(self, book, exported):
        for name in exported.tabs.values():
            for check in book[name].data_validations.dataValidation:
                assert check.type == "custom" or check.formula1.startswith(
                    f"'{CHOICES}'!$"
                )

    def test_rows_below_the_table_have_them_as_well(self, book, exported):
        for name in exported.tabs.values():
            sheet = book[name]
            for check in sheet.data_validations.dataValidation:
                (area,) = check.sqref.ranges
                assert (area.min_row, area.max_row) == (
                    FIRST_ROW,
                    sheet.max_row + SPARE_ROWS,
                )

    def test_each_transform_that_needs_an_argument_is_offered_with_one(self):
        needy = {name for name, one in TRANSFORMS.items() if one.required}
        assert needy - set(WITH_ARGUMENTS) == {"lookup", "rent_items"}
        for name, written in WITH_ARGUMENTS.items():
            (call,) = parse_pipe(written)
            assert call.name == name
            most = len(TRANSFORMS[name].parameters)
            assert TRANSFORMS[name].required <= len(call.arguments) <= most


class TestProtection:
    def test_cover_and_overview_are_locked(self, book):
        for name in (COVER, OVERVIEW):
            assert book[name].protection.sheet
            assert not book[name].protection.password
            assert all(cell.protection.locked for row in book[name] for cell in row)

    def test_identity_and_titles_are_locked_and_all_else_is_open(self, book, exported):
        for name in exported.tabs.values():
            sheet = book[name]
            assert sheet.protection.sheet
            locked = {
                cell.row for row in sheet.iter_rows() for cell in row if is_locked(cell)
            }
            assert locked == {1, 2}

    def test_rows_may_be_inserted_deleted_sorted_and_filtered(self, book, exported):
        forbidden = ("insertRows", "deleteRows", "sort", "autoFilter", "formatColumns")
        for name in exported.tabs.values():
            assert not any(getattr(book[name].protection, one) for one in forbidden)

    def test_no_column_of_the_sheet_is_locked(self, exported):
        # Programs delete no row with a locked cell, however far to the right it is.
        with zipfile.ZipFile(exported.path) as file:
            text = file.read("xl/worksheets/sheet3.xml").decode()
        ends = [int(end) for end in re.findall(r'<col [^>]*max="(\d+)"', text)]
        assert max(ends) == 16_384
        assert "style" in re.findall(r'<col [^>]*max="16384"[^>]*>', text)[0]

    def test_a_number_may_change_places_and_nothing_else(self, book, exported):
        for name in exported.tabs.values():
            _, check = offered(book, book[name], NUMBER)
            assert (check.type, check.formula1) == ("custom", "VALUE(A3)>0")
            assert (check.errorStyle, check.showErrorMessage) == ("stop", True)

    def test_type_and_evidence_refuse_what_is_typed(self, book, exported):
        for table, name in exported.tabs.items():
            for column in () if table.is_list else INFORMING:
                _, check = offered(book, book[name], column)
                assert (check.type, check.formula1) == ("custom", "FALSE")
                assert (check.errorStyle, check.showErrorMessage) == ("stop", True)


def is_locked(cell):
    return cell.has_style and cell.protection.locked


class TestCover:
    @pytest.fixture
    def texts(self, specs):
        sheet = specs.export()[COVER]
        return [[c.value for c in row if c.value] for row in sheet.iter_rows()]

    def test_it_says_what_the_use_case_says(self, texts):
        assert ["etg24 · Stammdaten"] in texts
        assert ["Version", "1.1.0"] in texts
        assert ["Richtung", "ERP -> Partnersystem"] in texts
        assert ["Tage", "3x pro Woche (Dienstag, Donnerstag, Sonntag)"] in texts
        assert ["objekte", "Gebäude", "Objekte"] in texts
        assert ["Liste nutzungsart", "einheiten.type"] in texts

    def test_it_has_settings_with_options_default_and_evidence(self, texts):
        (row,) = [row for row in texts if row[1:2] == ["separator"]]
        title, _, options, default, description, evidence = row
        assert title == "Separator für zusammengesetzte IDs"
        assert options.split() == ["-", "_", ".", "/", "|"]
        assert (default, evidence) == ("-", "gesehen")
        assert description.startswith("Dieser Separator wird genutzt")

    def test_it_has_prerequisites_with_condition_and_evidence(self, texts):
        rule = [
            *("mieter_email", "Mieter", "valid_email(emails)", "sonst ausgelassen"),
            "Es werden nur Mieter mit einer hinterlegten E-Mail Adresse "
            "synchronisiert.",
            "gesehen",
        ]
        assert rule in texts
        assert any(row[:1] == ["laufzeit"] and "abgewiesen" in row[3] for row in texts)

    def test_it_says_how_to_work_and_what_the_colours_mean(self, texts):
        flat = [text for row in texts for text in row]
        assert sum(bool(re.match(r"[1-5]\. ", text)) for text in flat) == 5
        assert {"Pflichtfeld *", "Feld ohne Regel", "vorgeschlagen"} <= set(flat)

    def test_its_links_lead_to_the_tabs_and_back(self, book, exported):
        cover = book[COVER]
        places = {
            cell.hyperlink.location.split("!")[0].strip("'")
            for row in cover.iter_rows()
            for cell in row
            if cell.hyperlink
        }
        assert places == {OVERVIEW, *exported.tabs.values()}
        for name in exported.tabs.values():
            assert book[name]["E1"].hyperlink.location == f"'{COVER}'!A1"


class TestOverview:
    def test_fields_of_the_standard_stand_against_all_partners(self, book):
        partners = sound_partners(read_all(FOLDERS))
        parts = matrix(tuple(partners), standard_of(FOLDERS))
        wanted = [
            (part.title, row.name, row.title, *(names(f) for f in row.fields))
            for part in parts
            for row in part.rows
        ]
        sheet = book[OVERVIEW]
        titles = [cell.value for cell in sheet[2]]
        assert titles[4:] == [partner.page.name for partner in partners]
        found = [
            (*values[:3], *(text or "" for text in values[4:]))
            for values in sheet.iter_rows(min_row=FIRST_ROW, values_only=True)
        ]
        assert found == wanted

    def test_keys_and_personal_fields_are_marked(self, book):
        marks = {
            (entity, field): mark
            for entity, field, _, mark, *_ in book[OVERVIEW].iter_rows(
                min_row=FIRST_ROW, values_only=True
            )
        }
        assert marks["Gebäude", "geb_nr"] == "Schlüssel"
        assert marks["Geschäftspartner", "nachname"] == "personenbezogen"

    def test_its_first_columns_stay_in_view_and_it_can_be_filtered(self, book):
        sheet = book[OVERVIEW]
        assert sheet.freeze_panes == "D3"
        assert sheet.auto_filter.ref.startswith("A2:")
        assert not sheet.protection.autoFilter


def names(fields):
    return "\n".join(name for name, _ in fields)


class TestMemory:
    def test_it_has_every_table_as_it_was(self, book, exported):
        known = memory_of(book[MEMORY].values)
        assert known == {
            table: read_table_file(FOLDERS.root / table.path, table).cells
            for table in exported.tabs
        }

    def test_a_long_table_stands_in_several_cells(self):
        lines = [f'a{n},"b\r\nc",{"ä" * 900}\r\n' for n in range(90)]
        text = "erp_value,partner_value,note\r\n" + "".join(lines)
        file = table_of_text(text, TableId("p", "u", "lang", is_list=True))
        sheet = openpyxl.Workbook().active
        write_memory(sheet, [file])
        parts = [cell.value for cell in sheet[2][1:]]
        assert len(parts) > 1
        assert all(len(part) <= LONGEST_PART for part in parts)
        assert memory_of(sheet.values) == {file.table: file.cells}
        assert file.cells[0]["partner_value"] == "b\nc"

    def test_what_is_damaged_or_of_another_version_is_not_known(self):
        file = table_of_text("erp_value,partner_value\na,b\n", TableId("p", "u", "x"))
        other = table_of_text("erp_value,partner_value\na,b\n", TableId("p", "u", "y"))
        sheet = openpyxl.Workbook().active
        write_memory(sheet, [file, other])
        sheet["B2"].value = sheet["B2"].value[:-3]
        assert list(memory_of(sheet.values)) == [other.table]
        sheet["B1"].value = "2"
        assert memory_of(sheet.values) == {}
        assert memory_of(openpyxl.Workbook().active.values) == {}


class TestCommand:
    def test_it_writes_the_workbook_and_says_what_is_next(self, specs):
        path = specs.folder / "etg24.xlsx"
        found = specs.run("sheet", "export", "etg24", "-o", path)
        assert found.exit_code == 0
        assert found.stdout.startswith(f"8 tables in {path}\n")
        assert OBJEKTE.name in openpyxl.load_workbook(path).sheetnames

    def test_it_answers_in_json(self, specs):
        path = specs.folder / "etg24.xlsx"
        found = specs.run("sheet", "export", "-o", path, "--json")
        said = json.loads(found.stdout)
        assert said["out"] == str(path)
        assert said["tabs"]["etg24/stammdaten/lists/anrede"] == "Liste anrede"
        assert said["problems"] == []

    def test_a_workbook_that_is_there_is_replaced_by_force_only(self, specs):
        path = specs.folder / "book.xlsx"
        path.write_text("my work", "utf-8")
        found = specs.run("sheet", "export", "-o", path)
        assert found.exit_code == 2
        assert "S010" in found.stderr
        assert "--force" in found.stderr
        assert path.read_text("utf-8") == "my work"
        assert specs.run("sheet", "export", "-o", path, "--force").exit_code == 0
        assert sorted(p.name for p in specs.folder.iterdir()) == ["book.xlsx", "root"]

    @pytest.mark.parametrize("name", ["book.csv", "missing/book.xlsx", "root.xlsx"])
    def test_a_file_that_cannot_be_written_is_told(self, specs, name):
        (specs.folder / "root.xlsx").mkdir()
        found = specs.run("sheet", "export", "-o", specs.folder / name, "--force")
        assert found.exit_code == 2
        assert "S010" in found.stderr

    def test_an_unknown_partner_is_refused_with_a_hint(self, specs):
        found = specs.run("sheet", "export", "etg42", "-o", specs.folder / "b.xlsx")
        assert found.exit_code == 2
        assert (
            "T301: no partner is named 'etg42'. Did you mean 'etg24'?" in found.stderr
        )

    def test_the_same_specs_give_the_same_workbook(self, specs):
        parts = []
        for name in ("one.xlsx", "two.xlsx"):
            specs.export(name)
            with zipfile.ZipFile(specs.folder / name) as file:
                parts.append({n: file.read(n) for n in file.namelist()})
        one, two = parts
        assert set(one) == set(two)
        # Only its properties say when it was written.
        assert {n for n in one if one[n] != two[n]} <= {"docProps/core.xml"}


class TestSpecsWithErrors:
    def exported(self, specs, *words):
        path = specs.folder / "book.xlsx"
        found = specs.run("sheet", "export", "-o", path, "--json", *words)
        return found.exit_code, json.loads(found.stdout), path

    def messages(self, said):
        return [(p["code"], p["level"], p["message"]) for p in said["problems"]]

    def test_a_wrong_rule_is_exported_as_it_is(self, specs):
        path = specs.case / "objekte.csv"
        text = path.read_text("utf-8").replace(",first,", ",frist,")
        path.write_text(text.replace(",reject,", ",rejekt,"), "utf-8")
        code, said, out = self.exported(specs)
        assert code == 0
        message = r"has \d+ errors, so it is not in the overview."
        ((found, level, what),) = self.messages(said)
        assert (found, level) == ("S012", "warning")
        assert re.fullmatch(message, what)
        book = openpyxl.load_workbook(out)
        cells = [row for row in rows(book["objekte"]) if NUMBER in row]
        assert any(row.get("transform") == "frist" for row in cells)
        assert any(row.get("if_empty") == "rejekt" for row in cells)
        assert offered(book, book["objekte"], "partner_field")[0]
        notes = [c.value for row in book[COVER].iter_rows() for c in row if c.value]
        assert any("not in the overview" in note for note in notes)

    def test_without_a_payload_schema_there_is_no_contract_to_show(self, specs):
        (specs.schemas / "objekte.json").write_text("{", "utf-8")
        code, said, out = self.exported(specs)
        assert code == 0
        assert "there is no payload schema: its fields are not shown." in str(said)
        book = openpyxl.load_workbook(out)
        sheet = book["objekte"]
        assert {"title", "address.street"} <= {r["partner_field"] for r in rows(sheet)}
        assert not any(set(row) & set(INFORMING) for row in rows(sheet))
        assert offered(book, sheet, "partner_field") == ([], None)
        assert offered(book, sheet, "erp_field")[0]

    def test_a_table_that_is_not_there_begins_with_the_fields_of_the_partner(
        self, specs
    ):
        (specs.case / "objekte.csv").unlink()
        code, _, out = self.exported(specs)
        assert code == 0
        found = list(rows(openpyxl.load_workbook(out)["objekte"]))
        assert found[0]["partner_field"] == "extId *"
        assert not any(NUMBER in row for row in found)

    def test_a_table_of_no_entity_is_named_and_left_out(self, specs):
        (specs.case / "objekte.csv").rename(specs.case / "objecte.csv")
        code, said, out = self.exported(specs)
        assert code == 0
        assert "no entity has this table" in str(said)
        assert "objecte" not in openpyxl.load_workbook(out).sheetnames

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("erp: gebaeude", "erp: gebeude"),
            ("from: mietvertrag_mieter", "from: nobody"),
            ("require: valid_email(emails)", "require: valid_email("),
        ],
    )
    def test_names_that_nobody_knows_are_no_obstacle(self, specs, old, new):
        path = specs.case / "use_case.yaml"
        assert old in path.read_text("utf-8")
        path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
        code, said, _ = self.exported(specs)
        assert code == 0
        assert "not in the overview" in str(said)

    def test_a_broken_connector_file_is_no_obstacle(self, specs):
        path = specs.root / "connectors/partners/etg24.yaml"
        path.write_text("partner: [", "utf-8")
        code, said, out = self.exported(specs)
        assert code == 0
        assert "not in the overview" in str(said)
        assert openpyxl.load_workbook(out)["objekte"]["B3"].value == "extId *"

    def test_a_schema_that_takes_anything_is_no_obstacle(self, specs):
        path = specs.schemas / "objekte.json"
        schema = json.loads(path.read_text("utf-8"))
        schema["properties"] |= {"anything": True, "several": {"items": True}}
        path.write_text(json.dumps(schema), "utf-8")
        _, _, out = self.exported(specs)
        shown = {
            r["partner_field"]: r for r in rows(openpyxl.load_workbook(out)["objekte"])
        }
        assert shown["anything"]["type"] == "beliebig"

    def test_files_that_cannot_be_read_at_all_stop_it(self, specs):
        (specs.case / "use_case.yaml").write_text("version: [", "utf-8")
        code, said, out = self.exported(specs)
        assert code == 2
        assert {p["file"] for p in said["problems"]} == {
            "mappings/partners/etg24/stammdaten/use_case.yaml"
        }
        assert not out.exists()

    def test_what_no_sheet_can_hold_stops_it_with_its_places(self, specs):
        path = specs.case / "lists" / "anrede.csv"
        long = "x" * 32_768
        path.write_text(f"erp_value,partner_value\na,{long}\nb,{long}\n", "utf-8")
        code, said, out = self.exported(specs)
        assert code == 2
        places = [(p["code"], p["line"], p["column"]) for p in said["problems"]]
        assert places == [("S011", 2, "partner_value"), ("S011", 3, "partner_value")]
        assert not out.exists()


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"type": "string"}, "Text"),
        ({"type": ["string", "null"], "maxLength": 50}, "Text, höchstens 50 Zeichen"),
        ({"type": "integer", "minimum": 0, "maximum": 9}, "Ganzzahl, 0 bis 9"),
        ({"type": "number", "minimum": 0}, "Zahl, mindestens 0"),
        ({"type": "boolean"}, "Ja/Nein"),
        ({"type": "string", "format": "date-time"}, "Zeitpunkt"),
        ({"type": "array", "items": {"type": "string"}}, "Liste: Text"),
        ({"enum": ["A", "B", None]}, "Auswahl: A, B"),
        (
            {"enum": list(range(14))},
            "Auswahl: " + ", ".join(map(str, range(12))) + ", …",
        ),
        ({"type": "string", "x-reference": "objekte"}, "Verweis auf objekte"),
        ({"const": 3}, "immer 3"),
        ({}, "beliebig"),
    ],
)
def test_types_are_said_in_german(schema, text):
    assert type_text(schema) == text


def test_a_root_without_partners_is_told(specs, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Exception, match="there is no partner here"):
        make_book(Folders(tmp_path / "empty"))
