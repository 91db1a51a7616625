"""Show what a change of a spec does to real records: an impact in, lines out."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console

from engine.app.lines import counted, figures, head, say
from engine.app.visible import plain
from engine.app.workbench.impact.figures import (
    CLASSES,
    FIELD_CLASSES,
    Class,
    EntityImpact,
    Impact,
    Sample,
)
from engine.problems import CATALOGUE

FIELDS = 8
"""So many changed fields of an entity are named."""

ROWS = 24
"""So many rows the figures by Mandant may have; else they are summed up."""

CAUSES = 12
"""So many causes are told."""

NOTHING = "Nothing changes for any record."
REMOVED = "removed at the partner if it was sent"

WITHOUT: frozenset[Class] = frozenset({"newly_sent", "no_longer_rejected"})
"""Classes of records that the old version did not send."""

OPTIONS = {kind: kind.replace("_", "-") for kind in CLASSES}
"""Class -> its name on the command line."""


def show_impact(console: Console, found: Impact, allowed: frozenset[Class]) -> None:
    """Print the figures, what changes field by field, the reasons and some samples."""
    kinds = [kind for kind in CLASSES if found.classes[kind]]
    changed = [entity for entity in found.entities.values() if entity.changed]
    say(console, f"{found.old} -> {found.new}", style="bold")
    if not kinds:
        say(console, f"{NOTHING} {counted(found.records, 'record')} compared.")
    else:
        _show_figures(console, found, changed, kinds)
        _show_mandanten(console, changed, kinds)
        _show_fields(console, changed)
        _show_causes(console, changed)
        _show_samples(console, changed, kinds)
    for warning in found.warnings:
        say(console, f"warning: {warning}", hang=2, style="yellow")
    for line in verdict(found, allowed):
        say(console, line, hang=2, style="bold")


def _show_figures(
    console: Console, found: Impact, changed: list[EntityImpact], kinds: list[Class]
) -> None:
    titles = [CLASSES[kind].title for kind in kinds]
    figures(
        console,
        ["entity"],
        ["records", "changed", *titles],
        [
            (
                [_named(one)],
                [one.records, one.changed, *(one.classes[kind] for kind in kinds)],
            )
            for one in changed
        ],
        title=f"Impact: {found.activation}",
        total=[
            found.records,
            found.classes.total(),
            *(found.classes[kind] for kind in kinds),
        ],
    )


def _named(entity: EntityImpact) -> str:
    only = {"": "", "old": " (dropped)", "new": " (new)"}
    return f"{entity.name}{only[entity.only_in]}"


def _show_mandanten(
    console: Console, changed: list[EntityImpact], kinds: list[Class]
) -> None:
    """Print the figures by Mandant, if there are several; summed up if it is long."""
    found = [
        (mandant, entity.name, counts)
        for entity in changed
        for mandant, counts in sorted(entity.mandanten.items())
        if mandant
    ]
    if len({mandant for mandant, *_ in found}) < 2:  # noqa: PLR2004 - several are two
        return
    found.sort(key=lambda row: row[0])
    titles = [CLASSES[kind].title for kind in kinds]
    if len(found) <= ROWS:
        rows = [([m, name], [c[kind] for kind in kinds]) for m, name, c in found]
        figures(console, ["Mandant", "entity"], titles, rows)
        return
    sums: dict[str, Counter[Class]] = {}
    for mandant, _, counts in found:
        sums.setdefault(mandant, Counter()).update(counts)
    most = sorted(sums.items(), key=lambda row: -row[1].total())[:ROWS]
    shown = [([m], [counts[kind] for kind in kinds]) for m, counts in sorted(most)]
    figures(console, ["Mandant"], titles, shown)
    say(console, "Each entity of each Mandant: --json.", style="dim")


def fields_of(entity: EntityImpact) -> Iterator[tuple[str, list[int], str]]:
    """Yield field, records by class and table row, most records first."""
    most = sorted(entity.fields.items(), key=lambda item: -item[1].total())
    for name, counts in most:
        # A row names an element of a list as `tenants[].email`, and a list `units`.
        known = name.partition(" (")[0]
        row = entity.rows.get(known) or entity.rows.get(known.removesuffix("[]"), "")
        place = row.rpartition("/")[2]
        yield name, [counts[kind] for kind in FIELD_CLASSES], place


def _show_fields(console: Console, changed: list[EntityImpact]) -> None:
    found = [entity for entity in changed if entity.fields]
    if not found:
        return
    head(console, "Fields", "that change, with the rows that fill them")
    for entity in found:
        total = sum(entity.changed_fields.values())
        say(console, f"{entity.name}: {counted(total, 'field')} in all", 2)
        rows = list(fields_of(entity))
        width = max(len(name) for name, *_ in rows)
        for name, counts, place in rows[:FIELDS]:
            told = ", ".join(
                f"{count:,} {kind}"
                for kind, count in zip(FIELD_CLASSES, counts, strict=True)
                if count
            )
            say(console, f"{name:{width}}  {told}  {place}".rstrip(), 4, 4)
        if (left := len(rows) - FIELDS) > 0:
            say(console, f"{counted(left, 'further field')}; --json has all", 4)


def reasons(entity: EntityImpact) -> Iterator[tuple[Class, int, str]]:
    """Yield class, number and reason of what only one of the versions sends."""
    for cause, count in entity.causes.most_common():
        title = CATALOGUE[cause.code].title if cause.code else ""
        told = f"{cause.code} {title}".strip() if not cause.rule else cause.rule
        told = ": ".join(filter(None, (told, cause.reason)))
        yield cause.kind, count, f"{told}; {REMOVED}" if cause.removes else told


def _show_causes(console: Console, changed: list[EntityImpact]) -> None:
    """Print why records are not sent by one of the versions, and a few of them."""
    for kind, meaning in CLASSES.items():
        found = [
            (count, f"{entity.name}: {told}")
            for entity in changed
            for one, count, told in reasons(entity)
            if one == kind
        ]
        if not found:
            continue
        why = "and why not before" if kind in WITHOUT else "and why"
        head(console, meaning.heading, why)
        for count, told in sorted(found, key=lambda one: -one[0])[:CAUSES]:
            say(console, f"{count:>7,}  {plain(told)}", 0, 9)
        if (left := len(found) - CAUSES) > 0:
            say(console, f"{counted(left, 'further cause')}; --json has all", 9)
        for entity in changed:
            if samples := entity.samples.get(kind):
                keys = ", ".join(plain(sample.key) for sample in samples)
                more = ", ..." if entity.classes[kind] > len(samples) else ""
                say(console, f"{entity.name} {keys}{more}", 9, 2, style="dim")


def _show_samples(
    console: Console, changed: list[EntityImpact], kinds: list[Class]
) -> None:
    for kind in kinds:
        found = [(e, sample) for e in changed for sample in e.samples.get(kind, ())]
        if not any(sample.fields or sample.new_id for _, sample in found):
            continue
        head(console, f"Samples: {CLASSES[kind].title}")
        for entity, sample in found:
            say(console, f"{entity.name} {plain(title_of(sample))}", 2, 2)
            for one in sample.fields:
                say(console, f"{one.name}: {one.old} -> {one.new}", 4, 4)


def title_of(sample: Sample) -> str:
    """Return how a sample is called: its key, and its ID or both of them."""
    ids = f": {sample.id} -> {sample.new_id}" if sample.new_id else ""
    return f"{sample.key}{ids}"


def verdict(found: Impact, allowed: frozenset[Class]) -> Iterator[str]:
    """Yield what a gate says, and how to let it pass."""
    code = found.exit_code(allowed)
    kinds = [kind for kind in CLASSES if found.classes[kind] and kind not in allowed]
    blocking = [kind for kind in kinds if CLASSES[kind].exit_code]
    if not code:
        return
    told = [f"{found.classes[kind]:,} {CLASSES[kind].title}" for kind in blocking]
    allow = ",".join(OPTIONS[kind] for kind in blocking)
    yield f"Exit code {code}: {', '.join(told)}. To let it pass: --allow {allow}"
