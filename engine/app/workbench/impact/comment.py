"""Show an impact as a comment for a review: an impact in, Markdown out.

Personal values are masked always: a comment stays where it is written.
"""

from collections.abc import Iterator

from engine.app.lines import counted
from engine.app.workbench.impact.figures import (
    CLASSES,
    FIELD_CLASSES,
    Class,
    Impact,
    Sample,
)
from engine.app.workbench.impact.report import (
    NOTHING,
    fields_of,
    reasons,
    title_of,
    verdict,
)
from engine.app.workbench.review import code, details, escaped, table

LISTED = 30
"""So many rows of a table are shown; --json has all."""


def markdown(found: Impact, allowed: frozenset[Class]) -> str:
    """Return the impact as Markdown that pipes and backticks in values do not break."""
    lines = [f"## Impact on {code(found.activation)}", ""]
    lines += [f"{code(found.old)} → {code(found.new)}", ""]
    kinds = [kind for kind in CLASSES if found.classes[kind]]
    if not kinds:
        lines.append(f"{NOTHING} {counted(found.records, 'record')} compared.")
    else:
        lines += [*_figures(found, kinds), ""]
    for line in verdict(found, allowed):
        lines += [f"**{escaped(line)}**", ""]
    lines += _fields(found)
    for kind in kinds:
        lines += _class(found, kind)
    lines += [f"- warning: {escaped(warning)}" for warning in found.warnings]
    return "\n".join(lines).rstrip() + "\n"


def _figures(found: Impact, kinds: list[Class]) -> Iterator[str]:
    titles = [CLASSES[kind].title for kind in kinds]
    rows = [
        (code(one.name), [one.records, one.changed, *map(one.classes.get, kinds)])
        for one in found.entities.values()
        if one.changed
    ]
    total = [found.records, found.classes.total(), *map(found.classes.get, kinds)]
    rows.append(("**total**", total))
    told = [
        [name, *(f"{number or 0:,}" for number in numbers)] for name, numbers in rows
    ]
    yield from table(["entity", "records", "changed", *titles], told)


def _class(found: Impact, kind: Class) -> Iterator[str]:
    """Yield the part about one class: its Mandanten, fields, reasons and samples."""
    entities = [one for one in found.entities.values() if one.classes[kind]]
    yield f"### {CLASSES[kind].heading}: {counted(found.classes[kind], 'record')}"
    yield ""
    rows = [
        [code(one.name), escaped(mandant), f"{counts[kind]:,}"]
        for one in entities
        for mandant, counts in sorted(one.mandanten.items())
        if counts[kind]
    ]
    yield from _listed(["entity", "Mandant", "records"], rows)
    yield ""
    causes = [
        [code(one.name), f"{count:,}", escaped(told)]
        for one in entities
        for cause, count, told in reasons(one)
        if cause == kind
    ]
    if causes:
        yield from _listed(["entity", "records", "reason"], causes)
        yield ""
    for one in entities:
        if samples := one.samples.get(kind):
            summary = f"{escaped(one.name)}: {counted(len(samples), 'sample')}"
            yield from details(summary, _samples(samples))
            yield ""


def _fields(found: Impact) -> Iterator[str]:
    """Yield the table of the changed fields of all entities."""
    rows = [
        [code(one.name), code(name), *(f"{n:,}" for n in counts), code(place)]
        for one in found.entities.values()
        for name, counts, place in fields_of(one)
    ]
    if rows:
        yield "### Fields"
        yield ""
        yield from _listed(["entity", "field", *FIELD_CLASSES, "row"], rows)
        yield ""


def _listed(titles: list[str], rows: list[list[str]]) -> Iterator[str]:
    yield from table(titles, rows[:LISTED])
    if (left := len(rows) - LISTED) > 0:
        yield ""
        yield f"{counted(left, 'further row')}; `--json` has all."


def _samples(samples: list[Sample]) -> Iterator[str]:
    if any(sample.reason for sample in samples):
        rows = [[code(title_of(one)), escaped(one.reason)] for one in samples]
        yield from table(["record", "reason"], rows)
        return
    yield from table(
        ["record", "field", "before", "after", "what"],
        [row for sample in samples for row in _sample(sample)],
    )


def _sample(sample: Sample) -> Iterator[list[str]]:
    key = code(sample.key)
    if sample.new_id:
        yield [key, "our ID", code(sample.id), code(sample.new_id), "ids"]
    for one in sample.fields:
        yield [key, code(one.name), code(one.old), code(one.new), one.kind]
