"""Show how sheet, git and what is deployed differ: a Pull in, lines or JSON out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.console import Console
from rich.text import Text

from engine.app.lines import counted
from engine.app.workbench.sheets.difference_words import (
    change,
    new_cells,
    place,
    quoted,
    values,
)
from engine.app.workbench.sheets.pulling import EXPORT, Pull
from engine.app.workbench.sheets.three_way import Comparison
from engine.app.workbench.tables.merging import Difference
from engine.problems import CATALOGUE, Problem, errors


@dataclass(frozen=True)
class _Group:
    """
    Differences of one kind; `told` says of one in words what has become of it.

    In the title `{waits}` says that what is in git waits to be deployed.
    """

    key: str
    title: str
    of: Callable[[Comparison], Sequence[Difference]]
    told: Callable[[Comparison, Difference], str]


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
            row = f"{table.sheet.table} {place(one)}"
            _say(console, f"  {row}: {group.told(table, one)}")


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


def _of_sheet(table: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return f"new{new_cells(found, table.sheet.cells[found.sheet or 0])}"
    return "removed" if found.kind == "dropped" else change(found, found.theirs)


def _of_git(table: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return f"new{new_cells(found, table.file.cells[found.file or 0])}"
    return "removed" if found.kind == "dropped" else change(found, found.ours)


def _conflict(_: Comparison, found: Difference) -> str:
    if found.kind == "dropped" and found.sheet is None:
        return "removed in the sheet, changed in git"
    if found.kind == "dropped":
        return "changed in the sheet, removed in git"
    return f"{quoted(found.base)} -> {_both(found)}"


def _undirected(_: Comparison, found: Difference) -> str:
    if found.kind == "added":
        return "only in the sheet"
    return "only in git" if found.kind == "dropped" else _both(found)


def _both(found: Difference) -> str:
    return f"{quoted(found.theirs)} in the sheet, {quoted(found.ours)} in git"


_GROUPS = (
    _Group(
        "conflicts",
        "Conflicts: sheet and git have changed the same in different ways",
        lambda table: table.of("conflict"),
        _conflict,
    ),
    _Group("sheet", "Only in the sheet", lambda table: table.of("sheet"), _of_sheet),
    _Group(
        "git",
        "Only in git{waits}; the sheet is behind",
        lambda table: table.of("files"),
        _of_git,
    ),
    _Group("both", "The same in both{waits}", lambda table: table.of("both"), _of_git),
    _Group(
        "unknown",
        "Different, and not known who has changed it",
        lambda table: table.unknown,
        _undirected,
    ),
    _Group(
        "undeployed",
        "In git, not yet deployed",
        lambda table: table.undeployed or (),
        _of_git,
    ),
)
"""The kinds of differences, those first that a person has to decide."""


def _groups(found: Pull) -> list[_Group]:
    """Return the kinds; what is only in git waits, if what is deployed is the base."""
    is_base = bool(found.deployed) and found.base == found.deployed
    waits = " (approved, not yet deployed)" if is_base else ""
    return [
        replace(group, title=group.title.format(waits=waits))
        for group in _GROUPS
        if not (is_base and group.key == "undeployed")
    ]


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
            **{
                group.key: [values(one, "git") for one in group.of(table)]
                for group in groups
            },
        }
        for table in found.tables
    ]
    return {"base": found.base, "deployed": found.deployed, "tables": tables}
