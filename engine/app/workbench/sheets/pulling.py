"""Compare shared sheets with the files: their tabs and folders in, a Pull out."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from engine.app.workbench.book.memory import memory_of
from engine.app.workbench.sheets.fetching import Fetcher
from engine.app.workbench.sheets.grid import shown_grid
from engine.app.workbench.sheets.reading import WRITTEN, book_of
from engine.app.workbench.sheets.shared_sheet import SharedSheets, read_shared
from engine.app.workbench.sheets.three_way import Comparison, compared, rows_in
from engine.app.workbench.tables.known_tables import misplaced, tables_there
from engine.app.workbench.tables.layout import MEMORY, TableId
from engine.app.workbench.tables.tablefile import Cells, read_table_file
from engine.app.workbench.versions import DEPLOYED, Version, opened
from engine.errors import SpecError
from engine.problems import CATALOGUE, Origin, Problem, errors, sort
from engine.spec import Folders

EXPORT = "the export"
"""The base of a sheet that keeps in a hidden tab what it was made from."""

_Rows = tuple[Cells, ...]


@dataclass(frozen=True)
class Pull:
    """
    What shared sheets say beside the files; notices stop nothing.

    `base` and `deployed` are how these versions are called, empty without one.
    """

    tables: tuple[Comparison, ...]
    notices: tuple[Problem, ...]
    base: str
    deployed: str

    @property
    def changed(self) -> tuple[Comparison, ...]:
        return tuple(table for table in self.tables if table.is_changed)

    @property
    def partners(self) -> tuple[str, ...]:
        """Return the partners of which the sheet has changed a table."""
        names = (table.sheet.table.partner for table in self.changed)
        return tuple(dict.fromkeys(names))

    @property
    def conflicts(self) -> tuple[Problem, ...]:
        """Return a problem for each cell that sheet and git have changed apart."""
        return sort(problem for table in self.tables for problem in table.conflicts)

    @property
    def undirected(self) -> tuple[Problem, ...]:
        """Return a problem for each table of which nobody knows who changed what."""
        return sort(
            Problem(
                Origin(table.sheet.source, 0, table.sheet.tab),
                "S047",
                f"{table.sheet.table} differs from git; it is not known which of the "
                "two was changed.",
                CATALOGUE["S047"].remedy,
            )
            for table in self.tables
            if table.unknown
        )


def pull(
    links: Sequence[str],
    folders: Folders,
    *,
    gids: Sequence[str] = (),
    base: str | None = None,
    deployed: str | None = None,
    database: str | None = None,
) -> Pull:
    """
    Read shared sheets and compare them; nothing is written.

    `base` is a version, `deployed` the name of an activation whose runs are in the
    `database`. Raises SpecError, or UnreachableError, with everything that is wrong.
    """
    with ExitStack() as stack:
        names = (base, deployed and DEPLOYED + deployed)
        old, last = (
            stack.enter_context(opened(name, folders, database)) if name else None
            for name in names
        )
        fetcher = stack.enter_context(Fetcher())
        passed_over = WRITTEN - {MEMORY}
        shared = read_shared(links, gids, fetcher=fetcher, passed_over=passed_over)
        return pulled(shared, folders, old, last)


def pulled(
    shared: SharedSheets,
    folders: Folders,
    base: Version | None = None,
    deployed: Version | None = None,
) -> Pull:
    """
    Compare the tables of shared sheets with the files; nothing is written.

    A sheet was made from `base`, or else from what its own hidden tab says. Raises
    SpecError with every cell that a spreadsheet spoilt and every tab in disorder.
    """
    known = list(tables_there(folders))
    memory = {
        table: rows
        for tab in shared.tabs
        if tab.name == MEMORY
        for table, rows in memory_of(tab.rows).items()
    }
    origins = _rows_of(base, known) if base else memory
    last = _rows_of(deployed, known) if deployed else {}
    files = {t: read_table_file(folders.root / t.path, t) for t in known}
    before = {**{t: file.cells for t, file in files.items()}, **last, **origins}
    tabs = [tab for tab in shared.tabs if tab.name != MEMORY]
    grids = [shown_grid(tab.source, tab.name, tab.rows) for tab in tabs]
    source = shared.tabs[0].source if shared.tabs else ""
    book = book_of(source, grids, known, before)
    problems = [*shared.problems, *book.problems, *misplaced(folders, book.tables)]
    if errors(problems):
        raise SpecError(sort(problems))
    tables = []
    for sheet in book.tables:
        table = sheet.table
        file = files.get(table) or read_table_file(folders.root / table.path, table)
        tables.append(compared(sheet, file, origins.get(table), last.get(table)))
    label = base.label if base else EXPORT if memory else ""
    given = deployed.label if deployed else ""
    return Pull(tuple(tables), sort(problems), label or given, given)


def _rows_of(version: Version, tables: list[TableId]) -> Mapping[TableId, _Rows]:
    """Return the rows of the tables that a version tells something of."""
    told = {table: rows_in(version, table) for table in tables}
    return {table: rows for table, rows in told.items() if rows is not None}
