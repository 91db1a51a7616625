"""Compare versions of a table by rows: two or three lists of rows in, differences out.

Rows are paired by what they say and by their key, never by their place: the order of
rows in a sheet does not matter. Rows of one field count in their order; they change
places if people change their numbers. Of three versions one is the base that the other
two were made from; what both changed in different ways is a conflict, and stays.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from engine.app.workbench.tables.layout import NUMBER, TableId
from engine.app.workbench.tables.pairing import Pairing, folded, key_of, paired
from engine.app.workbench.tables.placing import Placed, with_added
from engine.app.workbench.tables.tablefile import Cells, TableFile

Kind = Literal["added", "dropped", "changed"]
Side = Literal["sheet", "files", "both", "conflict"]


@dataclass(frozen=True)
class Difference:
    """
    A cell or a row in which the versions of a table differ.

    `column` is empty for a whole row. `sheet` and `file` are the numbers of the row in
    the sheet and in the file, from 0, where it stands there.
    """

    table: TableId
    row: str
    column: str
    kind: Kind
    side: Side
    base: str = ""
    theirs: str = ""
    """What the sheet has."""
    ours: str = ""
    """What the file has."""
    sheet: int | None = None
    file: int | None = None


def row_name(table: TableId, row: Cells) -> str:
    """Return how people call a row: its field, and its condition or operation."""
    name = row.get(table.key[0], "") or "?"
    if row.get("write") in {"create", "update", "remove"}:
        name += f" ({row['write']})"
    return f"{name} if {row['when']}" if row.get("when") else name


@dataclass(frozen=True)
class Merged:
    """What comes of a sheet and a file: the table, every difference, and conflicts."""

    file: TableFile
    differences: tuple[Difference, ...]
    sheet_rows: tuple[int | None, ...] = ()
    """The row of the sheet that each row of the table is, from 0."""

    def of(self, side: Side) -> tuple[Difference, ...]:
        return tuple(d for d in self.differences if d.side == side)

    @property
    def conflicts(self) -> tuple[Difference, ...]:
        return self.of("conflict")

    @property
    def taken(self) -> tuple[Difference, ...]:
        """Return what the sheet alone has changed."""
        return self.of("sheet")


def merged(
    base: Sequence[Cells],
    sheet: Sequence[Cells],
    file: TableFile,
    *,
    columns: Iterable[str],
    numbers: Mapping[int, int] | None = None,
) -> Merged:
    """
    Take what a sheet has changed since the base into a file.

    `columns` are those that the sheet has: a column that is not there says nothing.
    `numbers` lead from rows of the sheet to those of the base that they say they were;
    rows of one field that people have numbered anew change places.
    """
    return _Merging(base, sheet, file, frozenset(columns), numbers or {}).result()


class _Merging:
    def __init__(
        self,
        base: Sequence[Cells],
        sheet: Sequence[Cells],
        file: TableFile,
        columns: frozenset[str],
        numbers: Mapping[int, int],
    ) -> None:
        self.table = file.table
        self.base, self.sheet, self.file = base, sheet, file
        self.columns, self.numbers = columns, numbers
        shared = [self._seen(row) for row in base]
        self.in_sheet = paired(self.table, shared, sheet, numbers)
        self.sheet_of = self.in_sheet.new_of
        """Row of the base -> row of the sheet."""
        self.in_file = paired(self.table, base, file.cells)
        self.found: list[Difference] = []
        self.rows: list[Placed] = []
        """The rows that come out, with the number of the sheet's row."""

    def _seen(self, row: Cells) -> Cells:
        """Return the cells of a row in those columns that the sheet has."""
        return {column: cell for column, cell in row.items() if column in self.columns}

    def result(self) -> Merged:
        both = self._added_by_both()
        for number in range(len(self.file.rows)):
            if number in self.in_file.old_of:
                self._file_row(number)
            else:
                self._added_to_file(number, both.get(number))
        self._dropped_from_file()
        self._renumber()
        added = [one for one in self.in_sheet.added if one not in both.values()]
        for number in added:
            self._tell(self.sheet[number], "added", "sheet", sheet=number)
        rows = with_added(self.table, self.rows, [(self.sheet[n], n) for n in added])
        file = self.file.with_rows([row for row, _ in rows])
        return Merged(file, tuple(self.found), tuple(number for _, number in rows))

    def _added_by_both(self) -> dict[int, int]:
        """Return which row that the file added the sheet has added as well."""
        files, sheets = self.in_file.added, self.in_sheet.added
        pairing = Pairing(
            [self._seen(self.file.rows[number].cells) for number in files],
            [self.sheet[number] for number in sheets],
        )
        pairing.by(lambda row: frozenset(row.items()))
        pairing.by(lambda row: key_of(self.table, row))
        return {files[old]: sheets[new] for new, old in pairing.old_of.items()}

    def _tell(
        self,
        row: Cells,
        kind: Kind,
        side: Side,
        *,
        sheet: int | None = None,
        file: int | None = None,
    ) -> None:
        """Tell of a whole row."""
        name = row_name(self.table, row)
        found = Difference(self.table, name, "", kind, side, sheet=sheet, file=file)
        self.found.append(found)

    def _tell_cell(
        self, column: str, side: Side, was: str, new: str, sheet: int, file: int
    ) -> None:
        """Tell of a cell; `new` is what the sheet has."""
        ours = self.file.rows[file].cells
        name, now = row_name(self.table, ours), ours.get(column, "")
        self.found.append(
            Difference(
                self.table, name, column, "changed", side, was, new, now, sheet, file
            )
        )

    def _file_row(self, number: int) -> None:
        """Merge a row of the file that the base has as well."""
        row = self.file.rows[number]
        base = self.in_file.old_of[number]
        sheet = self.sheet_of.get(base)
        if sheet is not None:
            cells = self._cells(self.base[base], sheet, number)
            kept = row if cells == row.cells else cells
            self.rows.append((kept, sheet))
        elif row.cells == self.base[base]:
            self._tell(row.cells, "dropped", "sheet", file=number)
        else:
            self._tell(row.cells, "dropped", "conflict", file=number)
            self.rows.append((row, None))

    def _added_to_file(self, number: int, sheet: int | None) -> None:
        """Keep a row that the file has added; two of one name have to be the same."""
        row = self.file.rows[number]
        self.rows.append((row, sheet))
        if sheet is None:
            self._tell(row.cells, "added", "files", file=number)
            return
        theirs = self.sheet[sheet]
        if theirs == self._seen(row.cells):
            self._tell(row.cells, "added", "both", file=number, sheet=sheet)
            return
        for column in self.table.columns:
            new, now = theirs.get(column, ""), row.cells.get(column, "")
            if column in self.columns and new != now:
                self._tell_cell(column, "conflict", "", new, sheet, number)

    def _cells(self, base: Cells, sheet: int, file: int) -> dict[str, str]:
        """Merge the cells of a row; a conflict keeps what the file has."""
        theirs, ours = self.sheet[sheet], self.file.rows[file].cells
        cells = dict(ours)
        for column in self.table.columns:
            was, now = base.get(column, ""), ours.get(column, "")
            new = theirs.get(column, "") if column in self.columns else was
            if was == new == now:
                continue
            side: Side = "conflict"
            if new == now:
                side = "both"
            elif new == was:
                side = "files"
            elif now == was:
                side = "sheet"
                cells[column] = new
            self._tell_cell(column, side, was, new, sheet, file)
        return {column: cell for column, cell in cells.items() if cell}

    def _renumber(self) -> None:
        """Let rows of one field change places if people have changed their numbers."""
        was = self.in_sheet.old_of
        fields: dict[str, list[int]] = defaultdict(list)
        for place, (_, sheet) in enumerate(self.rows):
            if sheet is None or self.table.is_list:
                continue
            if sheet in was and sheet in self.numbers:
                field = folded(self.sheet[sheet], self.table.key[0])
                fields[field].append(place)
        for places in fields.values():
            rows = {self.rows[place][1] or 0: self.rows[place] for place in places}
            # Other numbers than theirs say that somebody has counted the sheet anew.
            if sorted(was[n] for n in rows) != sorted(self.numbers[n] for n in rows):
                continue
            moved = [sheet for sheet in rows if was[sheet] != self.numbers[sheet]]
            ordered = sorted(rows, key=self.numbers.__getitem__) if moved else rows
            for place, sheet in zip(places, ordered, strict=True):
                if self.rows[place] is not rows[sheet]:
                    self._tell_number(sheet)
                self.rows[place] = rows[sheet]

    def _tell_number(self, sheet: int) -> None:
        """Tell of a row that changes its place among the rows of its field."""
        number, said = self.in_sheet.old_of[sheet] + 1, self.numbers[sheet] + 1
        self.found.append(
            Difference(
                self.table,
                row_name(self.table, self.sheet[sheet]),
                NUMBER,
                "changed",
                "sheet",
                str(number),
                str(said),
                str(number),
                sheet,
            )
        )

    def _dropped_from_file(self) -> None:
        for base in self.in_file.dropped:
            sheet = self.sheet_of.get(base)
            if sheet is None:
                continue
            row = self.sheet[sheet]
            is_same = row == self._seen(self.base[base])
            self._tell(row, "dropped", "files" if is_same else "conflict", sheet=sheet)
