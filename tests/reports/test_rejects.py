"""Open rejects as a worklist: by cause, with age, closed by a run that passes."""

import io
import zipfile
from datetime import UTC, timedelta

import openpyxl
import pytest
import sqlalchemy as sa
from rich.console import Console

from engine.app.rejects import groups, open_rejects, show_rejects
from engine.runtime.database import reject_table, writing
from engine.runtime.state import State

REFUSED = {"entity": "objekte", "field": "title", "value": "Eingang Süd"}


@pytest.fixture
def refused(etg24):
    """An activation with records that the partner refuses, and one that is wrong."""
    etg24.simulator.faults(refuse=[REFUSED])
    etg24.set("verwaltungseinheit", {"we_nr": "9003"}, wohnflaeche="siebzig")
    etg24.sync()
    return etg24


def open_of(desk, now=None, names=None):
    """Return the open rejects of a desk's state, at a time after its last run."""
    with State(desk.activation().state_url) as state:
        return open_rejects(state, now or started(desk), names)


def started(desk):
    """Return when the last run began."""
    with desk.own_state() as own:
        moment = own.last_run()["started_at"]
    # SQLite keeps no zone; what is kept is UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class TestWorklist:
    def test_without_open_rejects_it_is_empty_and_the_exit_code_0(self, etg24):
        etg24.sync()
        found = etg24.invoke("rejects", "activation")
        assert (found.code, found.out) == (0, "No reject is open.\n")

    def test_with_open_rejects_the_exit_code_is_1(self, refused):
        found = refused.invoke("rejects", "activation", "--json")
        assert found.code == found.json()["exit_code"] == 1

    def test_rejects_are_grouped_by_cause_with_message_row_and_what_to_do(
        self, refused
    ):
        found = refused.invoke("rejects", "activation", "--json").json()
        by_code = {group["code"]: group for group in found["groups"]}
        partner = by_code["D201"]
        assert partner["entity"] == "objekte"
        assert partner["row"].endswith("etg24/stammdaten/objekte.csv:3")
        assert "title" in partner["message"]
        assert partner["what_to_do"].startswith("Correct what the partner names")
        assert partner["keys"] == ["1/9001/02"]
        assert found["open"] == sum(group["count"] for group in found["groups"])
        assert found["open"] == len(found["rejects"])

    def test_the_text_has_key_age_message_row_and_remedy(self, refused):
        out = " ".join(refused.invoke("rejects", "activation").out.split())
        assert "objekte: D201 Partner finds the record invalid; open since " in out
        assert "1/9001/02" in out
        assert "etg24/stammdaten/objekte.csv:3" in out
        assert "To do: Correct what the partner names" in out
        assert "each sync tries them again, and closes those that pass" in out

    @pytest.mark.parametrize("width", [48, 80, 120])
    def test_no_line_is_wider_than_the_terminal(self, refused, width):
        out = io.StringIO()
        found = groups(open_of(refused))
        show_rejects(Console(file=out, width=width), found)
        assert max(map(len, out.getvalue().splitlines())) <= width

    def test_age_counts_from_the_run_that_found_it_first(self, refused):
        first = started(refused)
        refused.sync()
        later = first + timedelta(days=20, hours=3)
        found = open_of(refused, later)
        assert {reject.first_seen for reject in found} == {first}
        assert {reject.days_open for reject in found} == {20}
        assert all(reject.last_seen >= first for reject in found)
        out = io.StringIO()
        show_rejects(Console(file=out, width=200), groups(found))
        assert f"open 20 days, since {first.date()}" in out.getvalue()

    def test_a_run_that_passes_closes_the_reject(self, refused):
        refused.simulator.faults(refuse=[])
        refused.set("verwaltungseinheit", {"we_nr": "9003"}, wohnflaeche="70")
        refused.sync()
        assert refused.invoke("rejects", "activation").code == 0
        assert refused.records("objekte")["1-9001-02"]["title"] == "Eingang Süd"

    def test_a_reject_of_a_forgotten_run_is_listed_without_its_age(self, refused):
        with refused.own_state() as own, writing(own.engine) as db:
            values = {"since_run": 4711, "last_run": 4711}
            db.execute(sa.update(reject_table).values(values))
        found = open_of(refused)
        assert found
        assert {(r.first_seen, r.days_open) for r in found} == {(None, None)}
        assert refused.invoke("rejects", "activation").code == 1

    def test_the_largest_cause_of_an_activation_comes_first(self, etg24):
        etg24.set("verwaltungseinheit", {}, wohnflaeche="siebzig")
        etg24.simulator.faults(refuse=[REFUSED])
        etg24.sync()
        counts = [group.count for group in groups(open_of(etg24))]
        assert len(counts) > 1
        assert counts == sorted(counts, reverse=True)


class TestWhere:
    def test_a_database_may_be_named_and_an_activation_in_it(self, refused):
        state = str(refused.database)
        whole = refused.invoke("rejects", "--state", state, "--json").json()
        one = refused.invoke("rejects", refused.name, "--database", state, "--json")
        assert whole == one.json()
        assert whole["open"] > 0

    def test_a_named_database_goes_before_the_state_of_a_file(self, refused):
        other = str(refused.folder / "other.db")
        words = ("rejects", str(refused.path), "--json")
        assert refused.invoke(*words).json()["open"] > 0
        assert refused.invoke(*words, "--database", other).json()["open"] == 0

    def test_only_the_named_activation_is_listed(self, refused):
        assert open_of(refused, names=["muster/other/stammdaten/test"]) == []

    def test_an_unknown_name_is_refused_with_a_hint(self, refused):
        name = refused.name.replace("muster", "mustre")
        words = ("rejects", name, "--state", str(refused.database), "--json")
        found = refused.invoke(*words)
        (problem,) = found.json()["problems"]
        assert (found.code, problem["code"]) == (2, "T001")
        assert refused.name in problem["suggestion"]

    def test_a_database_that_is_not_there_is_not_made(self, etg24):
        found = etg24.invoke("rejects", "--state", str(etg24.database), "--json")
        assert found.code == 2
        assert not etg24.database.exists()

    def test_the_state_may_be_of_each_kind(self, etg24, state_url):
        etg24.change(state=state_url)
        etg24.simulator.faults(refuse=[REFUSED])
        etg24.sync()
        with State(state_url) as state:
            now = started(etg24) + timedelta(days=2)
            (first, *_) = open_rejects(state, now)
        assert first.days_open == 2
        assert first.activation == etg24.name


class TestWorkbook:
    @pytest.fixture
    def book(self, refused, tmp_path):
        path = tmp_path / "rejects.xlsx"
        assert refused.invoke("rejects", "activation", "--out", str(path)).code == 1
        return openpyxl.load_workbook(path)

    def rows(self, sheet):
        names, *rows = sheet.iter_rows(values_only=True)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def test_one_sheet_has_the_causes_and_one_the_records(self, book, refused):
        found = refused.invoke("rejects", "activation", "--json").json()
        assert book.sheetnames == ["causes", "records"]
        causes, records = map(self.rows, book)
        assert [row["records"] for row in causes] == [
            group["count"] for group in found["groups"]
        ]
        assert [row["ERP key"] for row in records] == [
            reject["key"] for reject in found["rejects"]
        ]

    def test_a_record_has_all_that_one_looks_after_it_by(self, book):
        row = next(r for r in self.rows(book["records"]) if r["code"] == "D201")
        assert row["entity"] == "objekte"
        key = (row["mandant_nr"], row["we_nr"], row["geb_nr"])
        assert (row["ERP key"], key) == ("1/9001/02", ("1", "9001", "02"))
        assert row["what"] == "Partner finds the record invalid"
        assert "title" in row["message"]
        assert row["table row"].endswith("objekte.csv:3")
        assert row["days open"] == 0
        assert row["first seen (UTC)"] == row["last seen (UTC)"]

    def test_sheets_have_a_frozen_header_filters_and_widths(self, book):
        for sheet in book:
            assert sheet.freeze_panes == "A2"
            assert sheet.auto_filter.ref == sheet.dimensions
            header = next(sheet.iter_rows(max_row=1))
            assert all(cell.font.bold for cell in header)
            for cell in header:
                assert sheet.column_dimensions[cell.column_letter].width >= 8

    @pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
    def test_no_text_becomes_a_formula(self, etg24, tmp_path, sign):
        nasty = f"{sign}HYPERLINK(1)"
        etg24.set(
            "verwaltungseinheit", {"we_nr": "9003"}, ve_nr=nasty, wohnflaeche="siebzig"
        )
        etg24.sync()
        with etg24.own_state() as own, writing(own.engine) as db:
            db.execute(sa.update(reject_table).values(message=nasty, origin=nasty))
        path = tmp_path / "rejects.xlsx"
        etg24.invoke("rejects", "activation", "--out", str(path))
        with zipfile.ZipFile(path) as file:
            sheets = [n for n in file.namelist() if n.startswith("xl/worksheets/")]
            assert all(b"<f>" not in file.read(name) for name in sheets)
        (record, *_) = self.rows(openpyxl.load_workbook(path)["records"])
        assert (record["message"], record["table row"]) == (nasty, nasty)
        cells = [
            cell
            for sheet in openpyxl.load_workbook(path)
            for row in sheet.iter_rows()
            for cell in row
            if str(cell.value).startswith(sign)
        ]
        assert len(cells) >= 4
        assert all(c.data_type == "s" and c.quotePrefix for c in cells)

    def test_control_characters_and_long_texts_are_no_obstacle(self, etg24, tmp_path):
        etg24.simulator.faults(refuse=[REFUSED])
        etg24.sync()
        with etg24.own_state() as own, writing(own.engine) as db:
            long = "a\x00\x1b" * 40_000
            db.execute(sa.update(reject_table).values(message=long))
        path = tmp_path / "rejects.xlsx"
        assert etg24.invoke("rejects", "activation", "--out", str(path)).code == 1
        (row, *_) = self.rows(openpyxl.load_workbook(path)["records"])
        assert row["message"] == "a" * 32_767

    def test_a_spec_that_is_gone_takes_only_the_key_columns_away(
        self, refused, tmp_path
    ):
        path, state = tmp_path / "rejects.xlsx", str(refused.database)
        refused.root = tmp_path / "empty"
        refused.root.mkdir()
        found = refused.invoke("rejects", "--state", state, "--out", str(path))
        assert found.code == 1
        (row, *_) = self.rows(openpyxl.load_workbook(path)["records"])
        assert row["ERP key"]
        assert "mandant_nr" not in row

    @pytest.mark.parametrize("name", ["rejects.csv", "missing/rejects.xlsx"])
    def test_a_file_that_cannot_be_written_is_told(self, refused, tmp_path, name):
        found = refused.invoke(
            *("rejects", "activation", "--json", "--out", str(tmp_path / name))
        )
        assert found.code == 2
        assert [problem["code"] for problem in found.json()["problems"]] == ["P004"]

    def test_without_rejects_the_workbook_has_its_headers(self, etg24, tmp_path):
        path = tmp_path / "rejects.xlsx"
        etg24.sync()
        assert etg24.invoke("rejects", "activation", "--out", str(path)).code == 0
        assert [self.rows(sheet) for sheet in openpyxl.load_workbook(path)] == [[], []]
