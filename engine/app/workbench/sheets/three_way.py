"""Compare sheet, git and what is deployed: a table of each in, who changed what out.

Of three versions one is the base that the others were made from: what the sheet was
exported from, or else what is deployed. Without one nobody can know who has changed
what, so nothing is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.app.lines import counted
from engine.app.workbench.sheets.importing import conflicts
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.merging import Difference, Merged, Side, merged
from engine.app.workbench.tables.sheettable import SheetTable
from engine.app.workbench.tables.tablefile import Cells, TableFile, read_table_file
from engine.app.workbench.versions import Version
from engine.problems import Problem


@dataclass(frozen=True)
class Comparison:
    """
    A table as the sheet, the files of git and a run have it.

    `undeployed` is what the files have and the last run had not; None if it is not
    known what is deployed.
    """

    sheet: SheetTable
    file: TableFile
    merged: Merged
    has_base: bool
    undeployed: tuple[Difference, ...] | None

    def of(self, side: Side) -> tuple[Difference, ...]:
        """Return what one side has changed; without a base nobody knows a side."""
        return self.merged.of(side) if self.has_base else ()

    @property
    def unknown(self) -> tuple[Difference, ...]:
        """Return what differs between sheet and git, whoever has changed it."""
        return () if self.has_base else self.merged.differences

    @property
    def is_changed(self) -> bool:
        """Say whether the sheet has changed what may be taken into the file."""
        return bool(self.of("sheet"))

    @property
    def conflicts(self) -> tuple[Problem, ...]:
        return tuple(conflicts(self.sheet, self.merged)) if self.has_base else ()

    @property
    def status(self) -> str:
        """Return how the versions stand to each other, in a line."""
        told = [
            (self.of("conflict"), "conflict", "conflicts"),
            (self.of("sheet"), "change in the sheet", "changes in the sheet"),
            (self.of("files"), "change in git only", "changes in git only"),
            (self.unknown, "difference", "differences"),
        ]
        parts = [counted(len(found), *words) for found, *words in told if found]
        same = ["git"] if parts else ["sheet", "git"]
        if self.undeployed == ():
            same.append("deployed")
        if len(same) > 1:
            parts.append(" = ".join(same))
        if self.undeployed:
            parts.append(f"{len(self.undeployed):,} not yet deployed")
        return ", ".join(parts)


def compared(
    sheet: SheetTable,
    file: TableFile,
    base: Sequence[Cells] | None,
    deployed: Sequence[Cells] | None,
    *,
    is_origin: bool = True,
) -> Comparison:
    """
    Compare a table of a sheet with that of the files.

    Without a base what is deployed is taken for it. `is_origin` says that the sheet
    was made from the base, so its numbers of rows are those of the base.
    """
    if base is None:
        base, is_origin = deployed, False
    result = merged(
        file.cells if base is None else base,
        sheet.cells,
        file,
        columns=sheet.columns,
        numbers=sheet.numbers if is_origin else None,
    )
    undeployed = None if deployed is None else _changes(deployed, file)
    return Comparison(sheet, file, result, base is not None, undeployed)


def _changes(before: Sequence[Cells], file: TableFile) -> tuple[Difference, ...]:
    """Return what a file has changed since a version of it."""
    found = merged(before, before, file, columns=file.table.columns)
    return found.differences


def rows_in(version: Version, table: TableId) -> tuple[Cells, ...] | None:
    """Return the rows of a table in a version; None if it tells nothing of them."""
    folders = version.folders
    if not (folders.mappings(table.partner) / table.use_case).is_dir():
        return None
    return read_table_file(folders.root / table.path, table).cells
