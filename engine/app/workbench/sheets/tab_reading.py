"""Read a table from the cells of a tab: a grid in, a SheetTable and problems out.

A grid may come from a workbook or from the CSV of a shared sheet. Which table it is
stands above the titles, which column is which stands in the titles; places say nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openpyxl.utils import get_column_letter

from engine.app.workbench.sheets.grid import Cell, Grid
from engine.app.workbench.sheets.spoiled import judged
from engine.app.workbench.sheets.tab_titles import KEYS, TitleReader, title_line
from engine.app.workbench.tables.layout import (
    NUMBER,
    REQUIRED_MARK,
    TITLES,
    TableId,
    table_id,
)
from engine.app.workbench.tables.pairing import paired
from engine.app.workbench.tables.sheettable import SheetRow, SheetTable
from engine.app.workbench.tables.tablefile import Cells
from engine.problems import Problem

_SHOWN = 5

Bases = Mapping[TableId, Sequence[Cells]]
"""What each table was when people began to change it."""


@dataclass(frozen=True)
class Reading:
    """What a tab says: a table or none, and what is wrong."""

    table: SheetTable | None = None
    problems: tuple[Problem, ...] = ()


def read_grid(grid: Grid, bases: Bases, known: Iterable[TableId] = ()) -> Reading:
    """
    Read the table of a tab.

    `bases` are what tables were before, `known` those that a tab may mean by its name
    if nothing in it says which one it is.
    """
    line = title_line(grid)
    if line is None:
        return _without_titles(grid)
    titles = TitleReader(grid, line)
    table = titles.identity({*bases, *known})
    if table is None:
        return Reading(None, tuple(titles.problems))
    columns = titles.columns(table)
    reader = _RowReader(grid, line, columns, titles.problems)
    return reader.read(table, bases.get(table))


def _without_titles(grid: Grid) -> Reading:
    top = grid.rows.get(1, {}).values()
    if not any(table_id(cell.text) for cell in top):
        message = "is not read: it has no titles of a table."
        return Reading(None, (Problem(grid.whole(), "S035", message),))
    wanted = f"'{TITLES[KEYS[0]]}' or '{TITLES[KEYS[1]]}'"
    message = f"the titles are missing: no row has {wanted} and one more."
    return Reading(None, (Problem(grid.whole(), "S028", message),))


@dataclass(frozen=True)
class _RowReader:
    """Reads the rows below the titles; problems are added."""

    grid: Grid
    title_line: int
    columns: Mapping[str, int]
    """Column of the table -> column of the tab."""
    problems: list[Problem]

    def read(self, table: TableId, base: Sequence[Cells] | None) -> Reading:
        """Read all rows; what is wrong with them is told at once."""
        lines = [line for line in sorted(self.grid.rows) if line > self.title_line]
        self._check_merged(lines)
        letters = {c: get_column_letter(n) for c, n in self.columns.items()}
        found = [row for line in lines if (row := self._row(table, line, base))]
        rows = tuple(_with_numbers(found))
        told = {row.line for row in rows}
        unfilled = {
            line: name
            for line in lines
            if line not in told and (name := self._field(self.grid.rows[line]))
        }
        self._tell_hidden([row.line for row in rows])
        sheet = SheetTable(
            table,
            self.grid.source,
            self.grid.tab,
            {c: letter for c, letter in letters.items() if c != NUMBER},
            rows,
            None if base is None else tuple(base),
            unfilled,
        )
        self._judge(sheet)
        return Reading(sheet, tuple(self.problems))

    # -- rows

    def _row(
        self, table: TableId, line: int, base: Sequence[Cells] | None
    ) -> SheetRow | None:
        """Return a row; None if it says nothing, or nothing but a partner field."""
        row = self.grid.rows[line]
        cells = {
            column: row[number].text
            for column, number in self.columns.items()
            if number in row and column != NUMBER and row[number].text
        }
        if "partner_field" in cells:
            cells["partner_field"] = self._field(row)
        has_formula = any(
            row[number].kind == "formula"
            for column, number in self.columns.items()
            if number in row and column != NUMBER
        )
        if not has_formula and not self._says_something(table, cells, base):
            return None
        return SheetRow(cells, line, self._number(row))

    def _field(self, row: Mapping[int, Cell]) -> str:
        """Return the partner field of a row, without the mark of a required one."""
        number = self.columns.get("partner_field", 0)
        text = row[number].text if number in row else ""
        return text.removesuffix(REQUIRED_MARK.strip()).strip()

    def _says_something(
        self, table: TableId, cells: Cells, base: Sequence[Cells] | None
    ) -> bool:
        if not cells:
            return False
        if table.is_list or set(cells) != {"partner_field"}:
            return True
        return any(dict(row) == cells for row in base or ())

    def _number(self, row: Mapping[int, Cell]) -> int | None:
        cell = row.get(self.columns.get(NUMBER, 0))
        if cell is None or cell.kind == "formula" or not cell.text.isdecimal():
            return None
        number = int(cell.text[:9])
        return number - 1 if number else None

    # -- what is odd

    def _check_merged(self, lines: Sequence[int]) -> None:
        last = lines[-1] if lines else self.title_line
        for left, top, right, bottom in self.grid.merged:
            is_read = any(left <= n <= right for n in self.columns.values())
            if not is_read or bottom < self.title_line or top > last:
                continue
            end = f"{get_column_letter(right)}{bottom}"
            message = f"is merged up to {end}; each cell has to stand for itself."
            self.problems.append(Problem(self.grid.at(top, left), "S030", message))

    def _tell_hidden(self, lines: Sequence[int]) -> None:
        parts = []
        hidden = [line for line in lines if line in self.grid.hidden_rows]
        if hidden:
            shown = ", ".join(map(str, hidden[:_SHOWN]))
            more = ", ..." if len(hidden) > _SHOWN else ""
            rows = "hidden row" if len(hidden) == 1 else "hidden rows"
            parts.append(f"{len(hidden)} {rows} ({shown}{more})")
        columns = [
            get_column_letter(number)
            for number in sorted(self.columns.values())
            if any(first <= number <= last for first, last in self.grid.hidden_columns)
        ]
        if columns:
            parts.append(f"what is hidden in column {', '.join(columns)}")
        if self.grid.is_hidden:
            parts.append("the tab itself is hidden")
        if parts:
            message = f"is read with what nobody sees: {' and '.join(parts)}."
            self.problems.append(Problem(self.grid.whole(), "S034", message))

    def _judge(self, sheet: SheetTable) -> None:
        """Look for what a spreadsheet spoilt, row by row beside what it was before."""
        base = sheet.base or ()
        pairs = paired(sheet.table, base, sheet.cells, sheet.numbers).old_of
        for place, row in enumerate(sheet.rows):
            before = base[pairs[place]] if place in pairs else {}
            cells = self.grid.rows[row.line]
            for column, number in self.columns.items():
                if number not in cells or column == NUMBER:
                    continue
                cell = cells[number]
                if column == "partner_field" and cell.kind in ("text", "shown"):
                    cell = Cell(row.cells.get(column, ""), cell.kind)
                found = judged(column, cell, before.get(column, ""))
                if found:
                    origin = self.grid.at(row.line, number)
                    problem = Problem(
                        origin, found.code, found.message, found.suggestion
                    )
                    self.problems.append(problem)


def _with_numbers(rows: Sequence[SheetRow]) -> Iterable[SheetRow]:
    """Yield the rows; a number that two of them have says nothing."""
    counts: dict[int | None, int] = {}
    for row in rows:
        counts[row.number] = counts.get(row.number, 0) + 1
    for row in rows:
        yield row if counts[row.number] == 1 else SheetRow(row.cells, row.line)
