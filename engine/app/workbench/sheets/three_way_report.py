"""Show how sheet, git and what is deployed differ: a Pull in, lines or JSON out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from engine.app.lines import counted
from engine.app.workbench.review import plain
from engine.app.workbench.sheets.pulling import EXPORT, Pull
from engine.app.workbench.sheets.three_way import Comparison
from engine.app.workbench.tables.layout import TITLES
from engine.app.workbench.tables.merging import Difference
from engine.app.workbench.tables.tablefile import Cells
from engine.problems import CATALOGUE, Problem, errors

_LONGEST = 100


@dataclass(frozen=True)
class _Group:
    """Differences of one kind; `told` says of one in words what has become of it."""

    key: str
    title: str
    of: Callable[[Comparison], Sequence[Difference]]
    told: Callable[[Comparison, Difference], str]


def _groups(found: Pull) -> list[_Group]:
    """Return the kinds of differences, those first that a person has to decide."""
    is_deployed = bool(found.deployed) and found.base == found.deployed
    waits = " (approved, not yet deployed)" if is_deployed else ""
    groups = [
        _Group(
            "conflicts",
            "Conflicts: sheet and git have changed the same in different ways",
            lambda table: table.of("conflict"),
            _conflict,
        ),
        _Group(
            "sheet", "Only in the sheet", lambda table: table.of("sheet"), _of_sheet
        ),
        _Group(
            "git",
            f"Only in git{waits}; the sheet is behind",
            lambda table: table.of("files"),
            _of_git,
        ),
        _Group(
            "both",
            f"The same in both{waits}",
            lambda table: table.of("both"),
            _of_git,
        ),
        _Group(
            "unknown",
            "Different, and not known who has changed it",
            lambda table: table.unknown,
            _undirected,
        ),
    ]
    if not is_deployed:
        groups.append(
            _Group(
                "undeployed",
                "In git, not yet deployed",
                lambda table: table.undeployed or (),
                _of_git,
            )
        )
    return groups


def show_pull(found: Pull) -> None:
    """Print the status of each table, then what differs, group by group."""
    console = Console()
    _say(console, _heading(found))
    width = max((len(str(table.sheet.table)) for table in found.tables), default=0)
    for table in found.tables:
        _say(console, f"  {table.sheet.table!s:{width}}  {table.status}")
    for group in _groups(found):
        differences = [(t, one) for t in found.tables for one in group.of(t)]
        if differences:
            _say(console, f"\n{group.title}", "bold")
        for table, one in differences:
            row = f"{table.sheet.table} {plain(one.row)}"
            _say(console, f"  {row}{_column(one)}: {group.told(table, one)}")


def pull_summary(
    found: Pull, written: Sequence[str], problems: Sequence[Problem], *, write: bool
) -> str:
    """Say in a line what was done, or what one can do."""
    tables = counted(len(found.changed), "table")
    if written:
        wrong = counted(len(errors(problems)), "error")
        return f"{tables} written. {', '.join(found.partners)} checked: {wrong}."
    if problems and write:
        return "Nothing was written."
    if found.conflicts:
        return f"{counted(len(found.conflicts), 'conflict')}: nothing can be taken."
    if found.undirected:
        return f"Nothing can be taken. {CATALOGUE['S047'].remedy}"
    if not found.changed:
        return "There is nothing to take from the sheet."
    return f"{tables} would be written with --write."


def _say(console: Console, text: str, style: str = "") -> None:
    console.print(Text(text, style), soft_wrap=True)


def _heading(found: Pull) -> str:
    told = ["Sheet and git"]
    if found.base and found.base != found.deployed:
        made = "" if found.base == EXPORT else "version "
        told.append(f" since {made}{found.base}")
    if found.deployed:
        told.append(f", beside {found.deployed}")
    return f"{''.join(told)}:"


def _column(found: Difference) -> str:
    return f" [{TITLES[found.column]}]" if found.column else ""


def _of_sheet(table: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return f"new{_cells(table.sheet.rows[found.sheet or 0].cells, found)}"
    return _changed(found, found.theirs)


def _of_git(table: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return f"new{_cells(table.file.rows[found.file or 0].cells, found)}"
    return _changed(found, found.ours)


def _changed(found: Difference, new: str) -> str:
    if found.kind == "dropped":
        return "removed"
    return f"{_quoted(found.base)} -> {_quoted(new)}"


def _conflict(_: Comparison, found: Difference) -> str:
    if found.kind == "dropped" and found.sheet is None:
        return "removed in the sheet, changed in git"
    if found.kind == "dropped":
        return "changed in the sheet, removed in git"
    new = f"{_quoted(found.theirs)} in the sheet, {_quoted(found.ours)} in git"
    return f"{_quoted(found.base)} -> {new}"


def _undirected(_: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return "only in the sheet"
    if found.kind == "dropped":
        return "only in git"
    return f"{_quoted(found.theirs)} in the sheet, {_quoted(found.ours)} in git"


def _cells(cells: Cells, found: Difference) -> str:
    """Return what a new row says beside its name."""
    shown = [
        f"{TITLES[name]} {_quoted(text)}"
        for name, text in cells.items()
        if name not in found.table.key
    ]
    return f": {', '.join(shown)}" if shown else ""


def _quoted(text: str) -> str:
    """Return the text of a cell on one line, whatever stands in it."""
    if not text:
        return "nothing"
    line = plain(text)
    return f"'{line}'" if len(line) <= _LONGEST else f"'{line[:_LONGEST]}...'"


def pull_values(found: Pull) -> dict[str, Any]:
    """Return a pull as JSON shows it."""
    groups = _groups(found)
    tables = [
        {
            "table": str(table.sheet.table),
            "path": table.sheet.table.path,
            "source": table.sheet.source,
            "tab": table.sheet.tab,
            "status": table.status,
            **{group.key: list(_values(group.of(table))) for group in groups},
        }
        for table in found.tables
    ]
    return {"base": found.base, "deployed": found.deployed, "tables": tables}


def _values(differences: Iterable[Difference]) -> Iterator[dict[str, Any]]:
    for found in differences:
        yield {
            "row": found.row,
            "column": found.column,
            "kind": found.kind,
            "base": found.base,
            "sheet": found.theirs,
            "git": found.ours,
        }
