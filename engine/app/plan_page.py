"""Show a plan as one HTML page: a plan as JSON in, a page that needs nothing else out.

No script, no file beside it, no address: it can be kept, mailed and printed.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.app.causes import Cause, causes
from engine.app.plan_report import duration
from engine.problems import CATALOGUE
from engine.runtime.changes import ALL, COUNTS, OPERATIONS
from engine.runtime.links import Reject

LISTED = 1_000
"""So many records of a list are shown; JSON has them all."""

WORDS = {
    "create": "Create",
    "update": "Update",
    "replace": "Replace",
    "remove": "Remove",
    "held": "Held back",
    "unchanged": "Unchanged",
    "left_out": "Left out",
    "rejected": "Rejected",
}
"""Figure -> its title."""

MARKS = {"known": "●", "estimated": "◐", "unknown": "○"}
"""How well a part of a plan is known -> the sign for it."""

SURE = {
    "known": "known",
    "estimated": "estimated",
    "unknown": "cannot be known",
}

THINNEST = 0.7
"""The width of the smallest segment of a chart, in percent."""

ROOM = 5.0
"""From this width on a segment has room for its number, in percent."""


@dataclass(frozen=True)
class Segment:
    """A part of a bar; places and widths are percents of it."""

    name: str
    title: str
    count: int
    start: float
    width: float

    @property
    def middle(self) -> float:
        return self.start + self.width / 2

    @property
    def has_room(self) -> bool:
        return self.width >= max(ROOM, 1.1 * len(f"{self.count:,}"))


@dataclass(frozen=True)
class Part:
    """One entity as the page shows it."""

    name: str
    plan: Mapping[str, Any]
    segments: Sequence[Segment]
    changes: Mapping[str, Sequence[Mapping[str, Any]]]
    """Operation -> its changes."""
    rules: Sequence[tuple[tuple[str, str], int]]
    """Rule and reason of what is left out, and of how many records."""
    causes: Sequence[Cause[Reject]]
    stays: Mapping[str, str]
    """Key -> why a record that the plan would remove is not."""

    @property
    def alternative(self) -> str:
        """What the chart says, in words."""
        told = [f"{part.count:,} {part.title.lower()}" for part in self.segments]
        return f"{self.name}: {', '.join(told) or 'no records'}"


def render(plan: Mapping[str, Any], made_at: datetime, verb: str = "Plan") -> str:
    """
    Return the page of a plan, UTF-8 text.

    `plan` is what `Plan.as_json` gives, `verb` its title, and `Plan` if nothing was
    sent: a finished run has the shape of a plan.
    """
    folder = Path(__file__).with_name("pages")
    pages = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["n"] = lambda number: f"{number:,}"
    parts = [_part(name, part) for name, part in plan["entities"].items()]
    return pages.get_template("plan.html.jinja").render(
        plan=plan,
        verb=verb,
        made_at=made_at.astimezone(UTC),
        parts=parts,
        mandanten=list(_mandanten(plan)),
        words=WORDS,
        columns=[name for name in COUNTS if name in WORDS],
        operations=OPERATIONS,
        marks=MARKS,
        sure=SURE,
        listed=LISTED,
        catalogue=CATALOGUE,
        duration=duration,
        all_mandanten=ALL,
    )


def _part(name: str, plan: Mapping[str, Any]) -> Part:
    rejects = [
        Reject(name, item["key"], item["code"], item["reason"], item["origin"])
        for item in plan["rejected_records"]
    ]
    rules = Counter((item["rule"], item["reason"]) for item in plan["left_out_records"])
    return Part(
        name,
        plan,
        segments(plan),
        {
            operation: [c for c in plan["changes"] if c["operation"] == operation]
            for operation in OPERATIONS
        },
        rules.most_common(),
        causes(rejects),
        {
            **dict.fromkeys((reject.key for reject in rejects), "rejected"),
            **{item["key"]: "held back by the brake" for item in plan["held_changes"]},
        },
    )


def segments(counts: Mapping[str, int]) -> list[Segment]:
    """Return the bar of an entity: what there is, none too thin to be seen."""
    present = [name for name in COUNTS if counts[name] > 0]
    total = sum(counts[name] for name in present)
    raised = {name: max(THINNEST, 100 * counts[name] / total) for name in present}
    scale = 100 / sum(raised.values()) if raised else 0.0
    found, start = [], 0.0
    for name in present:
        width = raised[name] * scale
        found.append(Segment(name, WORDS[name], counts[name], start, width))
        start += width
    return found


def _mandanten(plan: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Yield Mandant, entity and figures, by Mandant; persons belong to none."""
    rows = [
        (mandant, name, counts)
        for name, part in plan["entities"].items()
        for mandant, counts in part["mandanten"].items()
        if any(counts.values())
    ]
    if len({mandant for mandant, *_ in rows if mandant}) > 1:
        yield from sorted(rows, key=lambda row: row[0])
