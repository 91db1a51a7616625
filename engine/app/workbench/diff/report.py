"""Show what two versions of the specs differ in: a diff in, lines or Markdown out."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console

from engine.app.lines import counted, head, say
from engine.app.workbench.diff.spec_change import (
    Effect,
    SpecChange,
    SpecDiff,
    UseCaseDiff,
)
from engine.app.workbench.review import code, table

MARKS = {
    "added": "+",
    "dropped": "-",
    "changed": "~",
    "moved": ">",
    "renamed": ">",
    "order": "~",
}
STYLES: dict[Effect, str] = {"major": "red", "minor": "", "patch": "dim"}
WORDS: dict[Effect, str] = {
    "major": "breaking",
    "minor": "changes what a run does",
    "patch": "no effect on data",
}

NOTHING = "Nothing differs."


def show_diff(console: Console, found: SpecDiff) -> None:
    """Print what differs, use case by use case, the heaviest effect marked."""
    say(console, f"{found.old} -> {found.new}", style="bold")
    if not found:
        say(console, NOTHING)
    if found.standard:
        head(console, "Standard", counted(len(found.standard), "difference"))
        _show_changes(console, found.standard)
    for one in found.use_cases:
        number = counted(len(one.changes), "difference")
        head(console, f"{one.partner}/{one.use_case}", number)
        _show_changes(console, one.changes)
        if version := _version(one):
            say(console, version, 2, 2, style="" if one.has_it else "yellow")


def _show_changes(console: Console, changes: Sequence[SpecChange]) -> None:
    for part, found in _by_part(changes):
        say(console, part, 2, style="bold")
        for change in found:
            told = f"{MARKS[change.kind]} {change.text}"
            if change.effect != "minor":
                told += f" [{WORDS[change.effect]}]"
            say(console, told, 4, 4, style=STYLES[change.effect])


def _by_part(
    changes: Sequence[SpecChange],
) -> Iterator[tuple[str, list[SpecChange]]]:
    parts = list(dict.fromkeys(change.part for change in changes))
    ordered = sorted(changes, key=lambda change: parts.index(change.part))
    for part, found in groupby(ordered, key=lambda change: change.part):
        yield part, list(found)


def _version(one: UseCaseDiff) -> str:
    """Return the version number that is due, and whether the file has it."""
    if not one.old_version:
        return f"new, version {one.new_version}"
    if not one.new_version:
        return f"was version {one.old_version}"
    if not one.proposed:
        if one.old_version == one.new_version:
            return ""
        return f"version {one.old_version} -> {one.new_version}, and nothing else"
    says = f"the file says {one.new_version}"
    return f"version {one.old_version} -> proposed {one.proposed}, {says}"


def markdown(found: SpecDiff) -> str:
    """Return what differs as a comment for a review."""
    lines = [f"## Specs: {code(found.old)} → {code(found.new)}", ""]
    if not found:
        lines.append(NOTHING)
    if found.standard:
        lines += ["### Standard", "", *_table(found.standard), ""]
    for one in found.use_cases:
        lines += [f"### {one.partner}/{one.use_case}", ""]
        if version := _version(one):
            mark = "" if one.has_it else "⚠ "
            lines += [f"{mark}{version[0].upper()}{version[1:]}.", ""]
        if one.changes:
            lines += [*_table(one.changes), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(changes: Sequence[SpecChange]) -> Iterator[str]:
    rows = [
        [code(change.part), change.kind, code(change.text), WORDS[change.effect]]
        for _, found in _by_part(changes)
        for change in found
    ]
    yield from table(["where", "what", "change", "effect"], rows)
