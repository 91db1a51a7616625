"""Show plans, problems and explanations to people: values in, console tables out."""

from collections import Counter
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.box import SIMPLE_HEAD
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
from engine.runtime.plan import COUNTS, LeftOut, Plan

SHOWN = 2
"""So many records of a kind are listed; --json has them all."""

WIDE = 110
"""From this width on a table has room for the partner's words."""


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

    def __enter__(self) -> Self:
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


def show_plan(console: Console, plan: Plan, verb: str, *, brief: bool) -> None:
    """Print the figures of a plan or a finished run, and unless brief the reasons."""
    title = f"{verb}: {plan.activation}"
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("entity", no_wrap=True)
    labels = console.width >= WIDE
    if labels:
        table.add_column("at the partner", no_wrap=True)
    for name in _columns(plan):
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    for part in plan.entities.values():
        label = [part.label] if labels else []
        table.add_row(part.name, *label, *_figures(part.counts, plan))
    table.add_section()
    blank = [""] if labels else []
    table.add_row("total", *blank, *_figures(plan.totals, plan), style="bold")
    console.print(table)
    for warning in plan.warnings:
        console.print(Text(f"warning: {warning}", style="yellow"), soft_wrap=True)
    gone = sum(part.gone for part in plan.entities.values())
    if gone:
        console.print(
            f"{gone:,} records that were sent are no longer in the source; "
            "nothing is done to them at the partner."
        )
    _show_rekeys(console, plan)
    if brief:
        return
    _show_left_out(console, plan)
    _show_rejects(console, plan)


def _columns(plan: Plan) -> list[str]:
    always = {"create", "update", "unchanged", "left_out", "rejected"}
    return [name for name in COUNTS if name in always or plan.totals[name]]


def _figures(counts: Mapping[str, int], plan: Plan) -> list[str]:
    return [f"{counts[name]:,}" if counts[name] else "·" for name in _columns(plan)]


def _show_rekeys(console: Console, plan: Plan) -> None:
    if not plan.rekeys:
        return
    console.print(f"[red]{len(plan.rekeys):,} records would get other IDs:[/]")
    for rekey in plan.rekeys[:SHOWN]:
        console.print(Text(f"  {rekey.entity} {rekey.old_id} -> {rekey.new_id}"))
    console.print("  sync refuses this until the separator or ID rule is restored.")


def _show_left_out(console: Console, plan: Plan) -> None:
    reasons: Counter[tuple[str, str]] = Counter()
    for part in plan.entities.values():
        reasons.update((item.rule, item.reason) for item in part.left_outs())
    if not reasons:
        return
    console.print("\n[bold]Left out[/] by a rule of the use case")
    for (rule, reason), count in reasons.most_common():
        console.print(Text(f"{count:>7,}  {rule}: {reason}"), soft_wrap=True)


def _show_rejects(console: Console, plan: Plan) -> None:
    """Print each kind of reject with its number and a few of its records."""
    counts: Counter[str] = Counter()
    samples: dict[str, list[tuple[str, LeftOut]]] = {}
    for part in plan.entities.values():
        for item in part.rejects():
            counts[item.code] += 1
            known = samples.setdefault(item.code, [])
            if len(known) < SHOWN:
                known.append((part.name, item))
    if not counts:
        return
    console.print("\n[bold]Rejected[/]")
    for code, count in counts.most_common():
        title = CATALOGUE[code].title
        more = f"; the first {SHOWN}, --json has all" if count > SHOWN else ""
        console.print(f"{count:>7,}  {code} {title}{more}")
        for entity, item in samples[code]:
            place = f" ({item.origin})" if item.origin else ""
            line = f"         {entity} {item.key}: {item.reason}{place}"
            console.print(Text(line), soft_wrap=True)


def show_explanation(console: Console, found: Mapping[str, Any]) -> None:
    """Print where each field of one record comes from, or why it is not sent."""
    console.print(
        f"[bold]{found['entity']}[/] ({found['label']})"
        f" {found['key']}: {found['state']}"
    )
    if found.get("reason"):
        rule = f"{found['rule']}: " if found.get("rule") else ""
        code = f"{found['code']} " if found.get("code") else ""
        console.print(Text(f"  {code}{rule}{found['reason']}"), soft_wrap=True)
    for step in found.get("chain", ()):
        console.print(Text(f"    because of {step}"))
    if "fields" in found:
        _show_fields(console, found["fields"])


FATES = {
    "earlier": "not this row: an earlier one gave the value",
    "condition": "not this row: its condition does not hold",
    "default": "the default",
    "omitted": "left out, as it is empty",
    "cleared": "cleared, as it is empty",
    "kept": "what the partner has stays, as it is empty",
}


def _show_fields(console: Console, fields: Iterable[Mapping[str, Any]]) -> None:
    """Print two lines for each row: the result, and the way it came."""
    for field in fields:
        result = Text(f"  {field['partner_field']}", style="bold")
        if field["problem"]:
            result.append(f" refused: {field['problem']}", style="red")
        elif field["value"] is not None:
            result.append(f" = {_shown(field['value'])}", style="not bold")
        if field["fate"] in FATES:
            result.append(f" ({FATES[field['fate']]})", style="not bold dim")
        console.print(result, soft_wrap=True)
        way = [field["row"].rpartition("/")[2]]
        if field["erp_fields"]:
            way.append(f"{', '.join(field['erp_fields'])} = {_shown(field['source'])}")
        way += [f"| {s['transform']} -> {_shown(s['value'])}" for s in field["steps"]]
        console.print(Text(f"      {'  '.join(way)}", style="dim"), soft_wrap=True)


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
