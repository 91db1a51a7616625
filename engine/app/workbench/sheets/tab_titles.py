"""Find out which table a tab holds, and which column is which: a Grid in, both out."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from openpyxl.utils import get_column_letter

from engine.app.workbench.sheets.grid import Cell, Grid
from engine.app.workbench.tables.layout import (
    INFORMING,
    NUMBER,
    TITLES,
    TableId,
    column_of,
    tab_names,
    table_id,
)
from engine.problems import Problem, did_you_mean

KEYS = ("partner_field", "erp_value")
"""One of them has a title in every table."""
_WITHIN = 12
"""The titles stand in one of the first rows that hold something."""
_MOST_TITLES = 200
_LONGEST_TITLE = 60


def title_line(grid: Grid) -> int | None:
    """Return the first row with the title of a key and one more."""
    for line in sorted(grid.rows)[:_WITHIN]:
        names = {_column(cell) for cell in grid.rows[line].values()} - {None}
        if len(names) > 1 and not names.isdisjoint(KEYS):
            return line
    return None


def _column(cell: Cell) -> str | None:
    is_title = cell.kind in ("text", "shown") and len(cell.text) <= _LONGEST_TITLE
    return column_of(cell.text) if is_title else None


@dataclass
class TitleReader:
    """Reads what stands in a row of titles and above; problems are added."""

    grid: Grid
    line: int
    problems: list[Problem] = field(default_factory=list)

    def identity(self, known: Iterable[TableId]) -> TableId | None:
        """Return the table that the tab names above its titles, or by its own name."""
        above = [
            (line, number, cell)
            for line in sorted(self.grid.rows)
            for number, cell in sorted(self.grid.rows[line].items())
            if line < self.line
        ]
        for line, number, cell in above:
            table = table_id(cell.text)
            if table is not None:
                return self._of_kind(table, line, number)
            if cell.text.count("/") > 1 and len(cell.text.split()) == 1:
                names = [str(table) for table in known]
                hint = did_you_mean(cell.text[:_LONGEST_TITLE], names)
                message = f"'{cell.text[:_LONGEST_TITLE]}' is no name of a table."
                place = self.grid.at(line, number)
                self.problems.append(Problem(place, "S026", message, hint))
                return None
        candidates = [table for table in known if self._is_named(table)]
        if len(candidates) == 1:
            return candidates[0]
        message = "nothing says which table this is: A1 names none."
        self.problems.append(Problem(self.grid.at(1, 1), "S026", message))
        return None

    def _titles(self) -> dict[int, str]:
        cells = self.grid.rows[self.line]
        return {number: cells[number].text for number in sorted(cells)}

    def _is_list(self) -> bool:
        names = {column_of(title) for title in self._titles().values()}
        return "partner_field" not in names

    def _of_kind(self, table: TableId, line: int, number: int) -> TableId | None:
        if table.is_list == self._is_list():
            return table
        kinds = ("a field table", "a list")
        message = (
            f"'{table}' is {kinds[table.is_list]}, the titles are those of "
            f"{kinds[self._is_list()]}."
        )
        self.problems.append(Problem(self.grid.at(line, number), "S026", message))
        return None

    def _is_named(self, table: TableId) -> bool:
        other = TableId("", "", "")
        short, full = tab_names([table]), tab_names([table, other])
        name = self.grid.tab.casefold()
        is_named = name in (short[table].casefold(), full[table].casefold())
        return is_named and table.is_list == self._is_list()

    def columns(self, table: TableId) -> dict[str, int]:
        """Return which column of the table is which of the tab."""
        found: dict[str, int] = {}
        allowed = {*table.columns, NUMBER}
        unknown: dict[int, str] = {}
        self._tell_untitled()
        for number, title in self._titles().items():
            column = column_of(title)
            if column in INFORMING:
                continue
            if column is None or column not in allowed:
                unknown[number] = title
            elif column in found:
                first = get_column_letter(found[column])
                message = f"'{title}' stands here and in column {first}."
                self._tell(number, "S028", message)
            else:
                found[column] = number
        self._tell_unknown(unknown, [c for c in table.columns if c not in found])
        return found

    def _tell_unknown(self, unknown: dict[int, str], missing: list[str]) -> None:
        """Tell of titles of no column; one that is nearly a missing one is an error."""
        names = [TITLES[column] for column in missing]
        folded = {name.casefold(): name for name in (*names, *missing)}
        for number, title in list(unknown.items())[:_MOST_TITLES]:
            shown = title[:_LONGEST_TITLE]
            hint = did_you_mean(shown.casefold(), folded)
            if hint:
                meant = next(n for f, n in folded.items() if f"'{f}'" in hint)
                message = f"no column has the title '{shown}'."
                self._tell(number, "S028", message, f"Did you mean '{meant}'?")
            else:
                self._tell(number, "S029", f"'{shown}' is no column; it is not read.")

    def _tell_untitled(self) -> None:
        titled = self.grid.rows[self.line]
        below = {
            number
            for line, cells in self.grid.rows.items()
            if line > self.line
            for number in cells
        }
        for number in sorted(below - set(titled))[:_MOST_TITLES]:
            self._tell(number, "S029", "the column has no title; it is not read.")

    def _tell(self, number: int, code: str, message: str, hint: str = "") -> None:
        place = self.grid.at(self.line, number)
        self.problems.append(Problem(place, code, message, hint))
