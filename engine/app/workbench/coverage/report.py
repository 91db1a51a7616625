"""Show coverage to people: findings and counts in, console lines out.

What is complete is not told; `--json` has everything.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rich.console import Console

from engine.app.lines import counted, figures, head, say, show_csv
from engine.app.workbench.coverage.findings import SpecCoverage
from engine.app.workbench.coverage.lists import ListCount, rows_to_paste
from engine.app.workbench.coverage.rows import RowCount
from engine.app.workbench.coverage.rules import RuleCount
from engine.app.workbench.coverage.source import (
    EntityCount,
    Idle,
    SourceCoverage,
    idle,
)
from engine.interpreter import Fate
from engine.model import ListRow

SHOWN = 12
"""So many rows without an example are named."""

WHY: Mapping[Idle, str] = {
    "condition": "the condition never holds",
    "earlier": "an earlier row always fills the field",
    "empty": "the source never has a value",
    "default": "always the default",
    "refused": "every value is refused",
}

COUNTS: Mapping[str, tuple[Fate, ...]] = {
    "value": ("set",),
    "default": ("default",),
    "empty": ("omitted", "cleared", "kept"),
    "not if": ("condition",),
    "earlier": ("earlier",),
    "wrong": ("wrong", "refused"),
}
"""Column of the table of all rows -> the fates that it counts."""

COLUMNS = ("required", "no row", "optional", "filled", "no example")
"""The figures of a table, as `_tables` counts them."""


def show_specs(
    console: Console,
    found: Sequence[SpecCoverage],
    nobody: Mapping[str, Sequence[str]],
) -> None:
    """Print what the tables of one partner leave open, or the figures of several."""
    if len(found) == 1:
        _show_spec(console, found[0])
        return
    rows = [([one.partner, one.use_case], _totals(_tables(one))) for one in found]
    names = ["partner", "use case"]
    figures(console, names, list(COLUMNS), rows, title="Coverage")
    for one in found:
        _show_missing(console, one)
    _show_standard(console, nobody)


def _tables(one: SpecCoverage) -> Sequence[tuple[str, list[int]]]:
    return [
        (
            entity.entity,
            [
                entity.required.fields,
                len(entity.required.missing),
                entity.optional.fields,
                entity.optional.filled,
                len(entity.examples),
            ],
        )
        for entity in one.entities
    ]


def _totals(tables: Sequence[tuple[str, list[int]]]) -> list[int]:
    columns = zip(*(numbers for _, numbers in tables), strict=True)
    return [sum(column) for column in columns] or [0] * len(COLUMNS)


def _show_spec(console: Console, one: SpecCoverage) -> None:
    tables = _tables(one)
    title = f"Coverage: {one.partner}/{one.use_case} {one.version}"
    rows = [([name], numbers) for name, numbers in tables]
    figures(
        console, ["entity"], list(COLUMNS), rows, title=title, total=_totals(tables)
    )
    _show_missing(console, one)
    optional = [e for e in one.entities if e.optional.missing]
    if optional:
        shares = [entity.optional for entity in one.entities]
        share = sum(s.filled for s in shares) / sum(s.fields for s in shares)
        head(console, "Optional fields without a row", f"{share:.0%} are filled")
        for entity in optional:
            say(console, f"{entity.entity}: {', '.join(entity.optional.missing)}", 2, 2)
    _show_examples(console, one)
    if one.unused:
        head(console, "Fields of the Standard", "that other partners use, and how many")
        for name, fields in one.unused.items():
            most = sorted(fields, key=lambda field: -len(fields[field]))
            told = ", ".join(f"{field} {len(fields[field])}" for field in most)
            say(console, f"{name}: {told}", 2, 2)


def _show_missing(console: Console, one: SpecCoverage) -> None:
    if one.required_missing:
        name = f"{one.partner}/{one.use_case}"
        head(console, "Required fields without a row", name, "bold red")
    for entity in one.entities:
        for field in entity.required.missing:
            say(console, f"{entity.table}: {field}", 2, 2, style="red")


def _show_examples(console: Console, one: SpecCoverage) -> None:
    missing = [example for entity in one.entities for example in entity.examples]
    if missing:
        head(console, "Rows without an example")
    for example in missing[:SHOWN]:
        place = example.row.rpartition("/")[2]
        say(console, f"{place} {example.partner_field}: has {example.why}", 2, 2)
    if (left := len(missing) - SHOWN) > 0:
        say(console, f"{counted(left, 'further row')}; --json has all", 2)
    lists = [values for values in one.lists if values.not_exemplified]
    if lists:
        head(console, "Value lists", "entries that no example shows")
    for values in lists:
        entries = f"{len(values.not_exemplified)} of {values.entries}"
        unused = "" if values.is_used else ", and no row looks anything up in it"
        say(console, f"lists/{values.name}.csv: {entries}{unused}", 2, 2)


def _show_standard(console: Console, nobody: Mapping[str, Sequence[str]]) -> None:
    if nobody:
        head(console, "Fields of the Standard", "that no partner uses")
    for entity, fields in nobody.items():
        say(console, f"{entity}: {', '.join(fields)}", 2, 2)


# -- of a source


def show_source(console: Console, found: SourceCoverage, *, every_row: bool) -> None:
    """Print which rows, rules and list entries the records of a source never met."""
    records = sum(entity.records for entity in found.entities)
    console.print()
    title = f"Source: {found.activation}, {counted(records, 'record')}"
    say(console, title, style="bold")
    if every_row:
        for entity in found.entities:
            _show_every_row(console, entity)
    _show_silent(console, found.entities)
    _show_idle(console, found.entities)
    _show_rules(console, found.rules)
    for one in found.lists:
        _show_list(console, one)
    for warning in found.warnings:
        say(console, f"warning: {warning}", hang=2, style="yellow")


def _show_every_row(console: Console, entity: EntityCount) -> None:
    rows = [
        (
            [f"{row.name} :{row.work.origin.line}"],
            [sum(row.fates[fate] for fate in fates) for fates in COUNTS.values()],
        )
        for row in entity.rows
    ]
    title = f"{entity.name}, {counted(entity.records, 'record')}"
    console.print()
    figures(console, ["field"], list(COUNTS), rows, title=title)


def _show_silent(console: Console, entities: Iterable[EntityCount]) -> None:
    """Name the entities whose rows nothing can be said of."""
    for entity in entities:
        if entity.is_off:
            say(console, f"{entity.name}: switched off by the settings", 2, 2)
        elif not entity.records:
            say(console, f"{entity.name}: the source has no record of it", 2, 2)


def _show_idle(console: Console, entities: Iterable[EntityCount]) -> None:
    rows: dict[Idle, list[RowCount]] = {}
    for entity in entities:
        for row in entity.rows:
            if why := idle(row):
                rows.setdefault(why, []).append(row)
    if rows:
        head(console, "Rows that never gave a value of the source")
    for why, told in WHY.items():
        if why in rows:
            say(console, told, 2)
        for row in rows.get(why, ()):
            place = f"{row.work.origin.file.rpartition('/')[2]}:{row.work.origin.line}"
            asked = row.fates.total()
            operation = f" ({row.work.only_in})" if row.work.only_in else ""
            say(console, f"{asked:>9,}  {place} {row.name}{operation}", 2, 11)


def _show_rules(console: Console, rules: Sequence[RuleCount]) -> None:
    silent = [rule for rule in rules if not rule.records]
    if not silent:
        return
    head(console, "Prerequisites that kept no record out")
    by_rule: dict[tuple[str, str], list[str]] = {}
    for rule in silent:
        why = ""
        if rule.is_off:
            why = "the settings switch it off"
        elif rule.also:
            records = counted(rule.also, "record")
            why = f"{records} would fail it, and another rule keeps them out first"
        by_rule.setdefault((rule.rule, why), []).append(rule.entity)
    for (name, why), entities in by_rule.items():
        told = f": {why}" if why else ""
        say(console, f"{name} of {', '.join(entities)}{told}", 2, 2)


def _show_list(console: Console, one: ListCount) -> None:
    asked = counted(one.asked, "value")
    if one.missing:
        head(console, f"{one.path}:", f"of {asked}, without an entry", "bold red")
        _show_paste(console, one.missing)
    if one.others:
        head(console, f"{one.path}:", f"of {asked}, only the entry '*' takes these")
        _show_paste(console, one.others)
    hidden = one.hidden_missing + one.hidden_others
    if hidden:
        console.print()
        told = f"{one.path}: {counted(hidden, 'value')} without an entry of their own"
        say(console, f"{told} are counted only: personal, or too many to show", 0, 2)
    if one.unused:
        console.print()
        told = f"{one.path}: the source has nothing for {', '.join(one.unused)}"
        say(console, told, 0, 2, style="dim")


def _show_paste(console: Console, values: Counter[str]) -> None:
    rows = rows_to_paste(values)
    show_csv(console, list(ListRow.model_fields), rows)
    if left := len(values) - len(rows):
        told = counted(left, "further value")
        say(console, f"{told}: begins like a formula, or too many; --json has all", 2)
