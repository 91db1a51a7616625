"""Show a plan, or what came of it, to people: a plan in, console lines out.

Nothing is printed that says nothing; `--json` has everything.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from rich.console import Console

from engine.app.causes import causes
from engine.app.lines import command, counted, figures, head, say
from engine.problems import CATALOGUE
from engine.runtime.changes import ALL, COUNTS, OPERATIONS
from engine.runtime.links import Reject
from engine.runtime.plan import Plan
from engine.runtime.verdicts import Forecast

SHOWN = 3
"""So many records of a kind are named; --json has them all."""

CAUSES = 12
"""So many causes of rejects are told."""

FIELDS = 8
"""So many changed fields of an entity are named."""

ROWS = 24
"""So many rows the figures by Mandant may have; else they are summed up."""

WIDE = 120
"""From this width on a table has room for the partner's words."""

ALWAYS = ("create", "update", "unchanged", "left_out", "rejected")

DONE = {"update": "updated", "replace": "made anew", "remove": "removed"}

DECIDED = {
    "migrate": "renamed at the partner",
    "recreate": "removed and created anew",
    "": "sent as they are",
}


def show_plan(
    console: Console, plan: Plan, verb: str, path: str, *, brief: bool
) -> None:
    """
    Print the figures of a plan or a finished run, and unless brief the reasons.

    `verb` is the title, and `Plan` if nothing was sent; `path` the activation's file.
    """
    is_plan = verb == "Plan"
    _show_figures(console, plan, f"{verb}: {plan.activation}")
    if not brief:
        _show_mandanten(console, plan)
    _show_decisions(console, plan, path, is_plan=is_plan)
    if not brief:
        _show_fields(console, plan)
        _show_gone(console, plan, is_plan=is_plan)
    if is_plan and plan.forecast is not None:
        _show_forecast(console, plan.forecast, brief=brief)
    for warning in plan.warnings:
        say(console, f"warning: {warning}", hang=2, style="yellow")
    if not brief:
        _show_left_out(console, plan)
        _show_rejects(console, plan)


# -- figures


def _show_figures(console: Console, plan: Plan, title: str) -> None:
    names = [name for name in COUNTS if name in ALWAYS or plan.totals[name]]
    labels = console.width >= WIDE
    figures(
        console,
        ["entity", "at the partner"] if labels else ["entity"],
        [name.replace("_", " ") for name in names],
        [
            (
                [part.name, part.label] if labels else [part.name],
                [part.counts[name] for name in names],
            )
            for part in plan.entities.values()
        ],
        title=title,
        total=[plan.totals[name] for name in names],
    )


def _show_mandanten(console: Console, plan: Plan) -> None:
    """Print what happens in each Mandant, if there are several."""
    mandanten = {m for part in plan.entities.values() for m in part.slices if m}
    shown = (*OPERATIONS, "held", "rejected")
    found = [
        (mandant, part.name, counts)
        for part in plan.entities.values()
        for mandant, counts in part.slices.items()
        if mandant and any(counts[name] for name in shown)
    ]
    if len(mandanten) < 2 or not found:  # noqa: PLR2004 - several are two
        return
    names = [name for name in shown if any(counts[name] for *_, counts in found)]
    found.sort(key=lambda row: row[0])
    if len(found) <= ROWS:
        rows = [([m, name], [c[n] for n in names]) for m, name, c in found]
        figures(console, ["Mandant", "entity"], names, rows)
        return
    sums: dict[str, Counter[str]] = {}
    for mandant, _, counts in found:
        sums.setdefault(mandant, Counter()).update(counts)
    most = sorted(sums.items(), key=lambda row: -sum(row[1][n] for n in names))[:ROWS]
    rows = [([m], [c[n] for n in names]) for m, c in sorted(most)]
    figures(console, ["Mandant"], names, rows)
    left = len(sums) - len(most)
    more = f"{counted(left, 'further Mandant', 'further Mandanten')}, and " * bool(left)
    say(console, f"{more}each entity of each Mandant: --json or --html.", style="dim")


# -- what a person decides


def _show_decisions(console: Console, plan: Plan, path: str, *, is_plan: bool) -> None:
    if not plan.id:
        return
    if plan.release is not None:
        who = f"{plan.release.by} let plan {plan.id} pass at {plan.release.at}"
        head(console, "Released", f"{who}: {plan.release.reason}")
    elif plan.verdicts:
        head(console, "Held back by the brake", "until a person decides", "bold red")
    for verdict in plan.verdicts:
        where = verdict.entity
        if verdict.mandant:
            every = verdict.mandant == ALL
            where += ", all Mandanten" if every else f", Mandant {verdict.mandant}"
        records = f"{verdict.count:,} of {verdict.of:,} records"
        done = DONE[verdict.operation]
        what = f"{records} {done}" if plan.release else f"{records} would be {done}"
        style = "" if plan.release else "red"
        say(console, f"{where}: {what}, {verdict.why}", 2, 2, style=style)
    if plan.rekeys:
        _show_rekeys(console, plan)
    if plan.release is None:
        _show_ways(console, plan, path, is_plan=is_plan)


def _show_rekeys(console: Console, plan: Plan) -> None:
    records = counted(len(plan.rekeys), "record")
    if plan.release is None:
        head(console, f"{records} would get other IDs", style="bold red")
    else:
        head(console, f"{records} with other IDs", DECIDED[plan.release.decision])
    for rekey in plan.rekeys[:SHOWN]:
        say(console, f"{rekey.entity} {rekey.old_id} -> {rekey.new_id}", 2, 2)
    if len(plan.rekeys) > SHOWN:
        say(console, f"and {len(plan.rekeys) - SHOWN:,} more; --json has all", 2)


def _show_ways(console: Console, plan: Plan, path: str, *, is_plan: bool) -> None:
    """Print the commands by which a person decides."""
    first = f"feldwerk release {plan.id}"
    rest = [f"--activation {shlex.quote(path)}", "--by NAME", "--reason TEXT"]
    console.print()
    if not plan.rekeys:
        if is_plan:
            say(console, "A sync sends all the rest. To let this pass, after it:")
        else:
            say(console, "To let this pass, with the next sync:")
        command(console, [first, *rest])
        return
    say(console, "Sync sends nothing before this is decided. The ways out:")
    say(console, "- Keep the old IDs: restore the separator or the ID rule.", 2, 2)
    then = "After a sync: r" if is_plan else "R"
    say(console, f"- {then}ename them, where the partner gives its own ids:", 2, 2)
    command(console, [first, *rest, "--rekey migrate"], 4)
    say(console, "- Remove them at the partner and create them anew:", 2, 2)
    command(console, [first, *rest, "--rekey recreate"], 4)


# -- what changes, what is gone


def _show_fields(console: Console, plan: Plan) -> None:
    """Print the fields that updates change, most records first."""
    found = [part for part in plan.entities.values() if part.fields or part.unsaid]
    if not found:
        return
    head(console, "What changes", "in updated records")
    for part in found:
        say(console, part.name, 2)
        width = max((len(name) for name in part.fields), default=0)
        for name, count in part.fields.most_common(FIELDS):
            row = part.rows.get(name, "").rpartition("/")[2]
            text = f"{count:>7,}  {name:{width}}  {row}".rstrip()
            say(console, text, 2, 9)
        left = list(islice(part.fields.most_common(), FIELDS, None))
        if left:
            more = counted(len(left), "further field")
            say(console, f"         {more}; --json has all", 2)
        if part.unsaid:
            say(console, f"{part.unsaid:>7,}  not known which fields", 2, 9)


def _show_gone(console: Console, plan: Plan, *, is_plan: bool) -> None:
    """Print what was sent and the source no longer has, by what becomes of it."""
    found: dict[str, list[tuple[str, str]]] = {}
    removed = "removed by this plan" if is_plan else "removed"
    for part in plan.entities.values():
        held = {change["key"] for change in part.held()}
        for item in part.missing():
            what = f"not removed: {item.reason}" if item.reason else removed
            if item.key in held:
                what = "held back by the brake"
            elif item.key in part.withdrawn:
                what = "not removed: rejected"
            found.setdefault(what, []).append((part.name, item.key))
    if not found:
        return
    total = counted(sum(map(len, found.values())), "record")
    head(console, "Gone:", f"{total} that {_were(total)} sent and the source lacks")
    for what, items in sorted(found.items(), key=lambda pair: -len(pair[1])):
        say(console, f"{len(items):>7,}  {what}", 0, 9)
        say(console, _named(items), 9, 2, style="dim")


def _named(items: Sequence[tuple[str, str]]) -> str:
    """Return the first of some records, pairs of entity and key."""
    named: dict[str, list[str]] = {}
    for entity, key in items[:SHOWN]:
        named.setdefault(entity, []).append(key)
    told = "; ".join(f"{entity} {', '.join(keys)}" for entity, keys in named.items())
    return f"{told}, ..." if len(items) > SHOWN else told


def _were(total: str) -> str:
    return "was" if total.startswith("1 ") else "were"


# -- what it costs, what is known


def _show_forecast(console: Console, forecast: Forecast, *, brief: bool) -> None:
    if forecast.total:
        head(console, "Costs", f"{costs(forecast)}")
    if brief:
        return
    unsure: dict[tuple[str, str, str], list[str]] = {}
    for section in forecast.sections:
        if section.certainty != "known":
            entity, _, part = section.name.partition(": ")
            unsure.setdefault((section.certainty, part, section.why), []).append(entity)
    if not unsure:
        return
    head(console, "Not known for certain", "before it is sent")
    for (certainty, part, why), entities in unsure.items():
        sure = "estimated" if certainty == "estimated" else "cannot be known"
        say(console, f"{part} of {', '.join(entities)}: {sure}; {why}", 2, 2)


def costs(forecast: Forecast) -> str:
    """Return calls, minutes and days in a sentence, and where they are known from."""
    calls = f"about {counted(forecast.total, 'call')}"
    if forecast.minutes is None:
        told = f"{calls}; minutes: cannot be known, {forecast.minutes_from}"
    else:
        told = f"{calls}, {duration(forecast.minutes)}: {forecast.minutes_from}"
    if forecast.days is not None and forecast.days > 1:
        told += f"; {forecast.days} days, by what the partner allows a day"
    return told


def duration(minutes: float) -> str:
    """
    Return minutes as people say them.

    >>> duration(0.2), duration(1.2), duration(59.6), duration(200)
    ('less than a minute', '1 minute', '60 minutes', '3 h 20 min')
    """
    if minutes < 1:
        return "less than a minute"
    whole = round(minutes)
    if whole < 90:  # noqa: PLR2004 - up to here minutes are easier to grasp
        return counted(whole, "minute")
    return f"{whole // 60} h {whole % 60:02} min"


# -- what is not sent


def _show_left_out(console: Console, plan: Plan) -> None:
    reasons: Counter[tuple[str, str]] = Counter()
    for part in plan.entities.values():
        reasons.update((item.rule, item.reason) for item in part.left_outs())
    if not reasons:
        return
    head(console, "Left out", "by a rule of the use case")
    for (rule, reason), count in reasons.most_common():
        say(console, f"{count:>7,}  {rule}: {reason}", 0, 9)


def rejects_of(plan: Plan) -> Iterator[Reject]:
    """Yield the rejects of a plan."""
    for part in plan.entities.values():
        for item in part.rejects():
            yield Reject(part.name, item.key, item.code, item.reason, item.origin)


def _show_rejects(console: Console, plan: Plan) -> None:
    """Print each cause of rejects with its number and a few of its records."""
    found = causes(rejects_of(plan))
    if not found:
        return
    head(console, "Rejected", f"for {counted(len(found), 'cause')}")
    for cause in found[:CAUSES]:
        title = f"{cause.code} {CATALOGUE[cause.code].title}"
        say(console, f"{len(cause.rejects):>7,}  {title}", 0, 9)
        first, *others = cause.rejects
        row = f" ({cause.row})" if cause.row and cause.row not in first.message else ""
        say(console, f"{first.entity} {first.key}: {first.message}{row}", 9, 2)
        if others:
            alike = _named([(reject.entity, reject.key) for reject in others])
            say(console, f"and {len(others):,} alike: {alike}", 9, 2, style="dim")
    left = len(found) - CAUSES
    if left > 0:
        say(console, f"{counted(left, 'further cause')}; --json has all", 9)
