"""What `feldwerk partners` shows: checked partners in, figures and a table out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engine.app.catalogue import Partner
from engine.app.payload_fields import MARKS, PayloadField, payload_fields, writable

WIDE = 90
"""From this width on there is room for the names of the use cases."""


def partner_figures(partner: Partner) -> dict[str, Any]:
    """
    Count a partner's payload fields by their marks.

    A field is a leaf of a payload schema that may be written: nested ones count, the
    objects and lists that hold them do not, nor do read-only ones. It is mapped if a
    row of any table fills it. `shares` are parts of 1, to four places.
    """
    spec = partner.use_cases[0].spec
    fields = {
        (resource, field.name): field
        for resource, schema in spec.schemas.items()
        for field in writable(payload_fields(schema))
    }
    marks = Counter(field.evidence for field in fields.values())
    entities = {e.name for u in partner.use_cases for e in u.spec.use_case.entities}
    return {
        "partner": partner.name,
        "name": partner.page.name,
        "use_cases": [use_case.spec.name for use_case in partner.use_cases],
        "entities": len(entities),
        "fields": len(fields),
        "mapped": len(_mapped(partner, fields)),
        "evidence": {mark: marks[mark] for mark in MARKS},
        "shares": {mark: _share(marks[mark], len(fields)) for mark in MARKS},
        "connector": partner.connector.evidence,
    }


def _mapped(
    partner: Partner, fields: Mapping[tuple[str, str], PayloadField]
) -> set[tuple[str, str]]:
    filled = {
        (entity.resource or entity.name, rule.row.partner_field)
        for use_case in partner.use_cases
        for entity in use_case.spec.use_case.entities
        for rule in use_case.spec.tables[entity.name]
    }
    return filled & set(fields)


def _share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def show_partners(console: Console, found: Iterable[Mapping[str, Any]]) -> None:
    """Print a row for each partner; shares in whole per cent."""
    wide = console.width >= WIDE
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("partner", overflow="fold")
    if wide:
        table.add_column("use cases", overflow="fold")
    for name in ("entities", "mapped", *MARKS):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("connector", no_wrap=True)
    for figures in found:
        use_cases = [", ".join(figures["use_cases"])] * wide
        table.add_row(figures["name"], *use_cases, *_numbers(figures))
    console.print(table)


def _numbers(figures: Mapping[str, Any]) -> Sequence[str]:
    return (
        str(figures["entities"]),
        f"{figures['mapped']}/{figures['fields']}",
        *(f"{figures['shares'][mark]:.0%}" for mark in MARKS),
        figures["connector"],
    )
