"""Show plans, problems and explanations to people: values in, tables on a console out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from engine.problems import CATALOGUE, Problem
from engine.runtime.plan import COUNTS, EntityPlan, LeftOut, Plan

SHOWN = 5
"""So many records of a kind are listed; --json has them all."""


class Watch:
    """A progress bar on standard error, stage by stage."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "Watch":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop drawing."""
        self._finish()
        self._progress.stop()

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage; without a total its bar only moves."""
        self._finish()
        self._task = self._progress.add_task(name, total=total)

    def advance(self, count: int) -> None:
        """Move the bar on."""
        if self._task is not None:
            self._progress.advance(self._task, count)

    def _finish(self) -> None:
        if self._task is not None:
            done = self._progress.tasks[-1].completed
            self._progress.update(self._task, total=done, completed=done)


def show_problems(console: Console, problems: Iterable[Problem]) -> None:
    """Print problems one per line, as editors and people read them."""
    for problem in problems:
        style = "red" if problem.level == "error" else "yellow"
        line = Text(str(problem))
        line.highlight_regex(r" [A-Z]\d{3}:", style)
        console.print(line, soft_wrap=True)


def show_plan(console: Console, plan: Plan, verb: str) -> None:
    """Print the figures of a plan or of a finished run, and its reasons."""
    title = f"{verb}: {plan.activation}"
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("entity")
    table.add_column("at the partner")
    for name in COUNTS:
        if name != "remove" or plan.totals["remove"]:
            table.add_column(name.replace("_", " "), justify="right")
    for part in plan.entities.values():
        table.add_row(part.name, part.label, *_figures(part.counts, plan.totals))
    table.add_section()
    table.add_row("total", "", *_figures(plan.totals, plan.totals), style="bold")
    console.print(table)
    for warning in plan.warnings:
        console.print(f"[yellow]warning:[/] {warning}")
    gone = sum(part.gone for part in plan.entities.values())
    if gone:
        console.print(f"{gone} records that were sent are no longer in the source;")
        console.print("nothing is done to them at the partner.")
    if plan.rekeys:
        console.print(f"[red]{len(plan.rekeys)} records would get other IDs:[/]")
        for rekey in plan.rekeys[:SHOWN]:
            console.print(f"  {rekey.entity} {rekey.old_id} -> {rekey.new_id}")
        console.print("  sync refuses this until the separator or ID rule is restored.")
    _show_reasons(console, plan)


def _figures(counts: Mapping[str, int], totals: Mapping[str, int]) -> list[str]:
    return [
        f"{counts[name]:,}" if counts[name] else "·"
        for name in COUNTS
        if name != "remove" or totals["remove"]
    ]


def _show_reasons(console: Console, plan: Plan) -> None:
    left_out: Counter[tuple[str, str]] = Counter()
    for part in plan.entities.values():
        left_out.update((item.rule, item.reason) for item in part.left_outs())
    if left_out:
        console.print("\n[bold]Left out[/]")
        for (rule, reason), count in left_out.most_common():
            console.print(f"  {count:>7,}  {rule}: {reason}", soft_wrap=True)
    if any(part.counts["rejected"] for part in plan.entities.values()):
        console.print("\n[bold]Rejected[/]")
    for part in plan.entities.values():
        _show_rejects(console, part)


def _show_rejects(console: Console, part: EntityPlan) -> None:
    by_code: dict[str, list[LeftOut]] = {}
    counts: Counter[str] = Counter()
    for item in part.rejects():
        counts[item.code] += 1
        known = by_code.setdefault(item.code, [])
        if len(known) < SHOWN:
            known.append(item)
    for code, items in by_code.items():
        kind = CATALOGUE[code]
        console.print(f"  {counts[code]:>7,}  {part.name} {code} {kind.title}")
        for item in items:
            place = f"  ({item.origin})" if item.origin else ""
            line = f"           {item.key}: {item.reason}{place}"
            console.print(Text(line), soft_wrap=True)
        if counts[code] > len(items):
            more = counts[code] - len(items)
            console.print(f"           ... and {more:,} more; --json lists all")


def show_explanation(console: Console, found: Mapping[str, Any]) -> None:
    """Print where each field of one record comes from, or why it is not sent."""
    console.print(
        f"[bold]{found['entity']}[/] ({found['label']}) {found['key']}: {found['state']}"
    )
    if found.get("reason"):
        rule = f"{found['rule']}: " if found.get("rule") else ""
        code = f"{found['code']} " if found.get("code") else ""
        console.print(Text(f"  {code}{rule}{found['reason']}"), soft_wrap=True)
    for step in found.get("chain", ()):
        console.print(Text(f"    because of {step}"))
    if "fields" in found:
        _show_fields(console, found["fields"])


def _show_fields(console: Console, fields: Iterable[Mapping[str, Any]]) -> None:
    table = Table()
    for title in ("partner field", "row", "ERP fields", "source", "steps", "result"):
        table.add_column(title, overflow="fold")
    for field in fields:
        result = field["problem"] or _shown(field["value"])
        if field["fate"] not in ("set", "refused"):
            result = f"{result} ({field['fate']})".strip()
        table.add_row(
            field["partner_field"],
            field["row"].rpartition("/")[2],
            ", ".join(field["erp_fields"]),
            _shown(field["source"]),
            " | ".join(
                f"{s['transform']} -> {_shown(s['value'])}" for s in field["steps"]
            ),
            result,
        )
    console.print(table)


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(_shown(item) for item in value)
    if isinstance(value, dict):
        return ", ".join(f"{k}={_shown(v)}" for k, v in value.items())
    return str(value)


def show_status(console: Console, activations: Iterable[Mapping[str, Any]]) -> None:
    """Print each activation, its last run, and how many rejects are open."""
    table = Table()
    for title in ("activation", "last run", "state", "sent", "open rejects"):
        table.add_column(title)
    for found in activations:
        run = found["last_run"]
        totals = run["totals"] if run else {}
        sent = totals.get("create", 0) + totals.get("update", 0)
        table.add_row(
            found["activation"],
            run["started_at"] if run else "never",
            run["state"] if run else "",
            f"{sent:,}" if run else "",
            f"{len(found['rejects']):,}",
        )
    console.print(table)
