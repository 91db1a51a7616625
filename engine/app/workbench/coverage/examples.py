"""What the examples of tables do not show: rules and value lists in, findings out."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from engine.app.workbench.coverage.lookups import OTHERS, Lookup, folded, lookups_of
from engine.app.workbench.tables.layout import TableId
from engine.examples import default_settings, example_record
from engine.interpreter import is_empty, run_field
from engine.runtime.library import UseCase
from engine.spec import FieldRule
from engine.work import Constant, EntityWork, FieldWork, IdParts


@dataclass(frozen=True)
class MissingExample:
    """A row that computes or decides something, and shows nobody what."""

    row: str
    partner_field: str
    why: str


@dataclass(frozen=True)
class ListCoverage:
    """A value list, and its entries that no example of a row meets."""

    name: str
    path: str
    entries: int
    not_exemplified: tuple[str, ...]
    is_used: bool


def without_example(rules: Sequence[FieldRule]) -> Iterator[MissingExample]:
    """Yield the rows of a table that ought to show an example and have none."""
    for rule in rules:
        row = rule.row
        source = row.erp_field or row.reference
        why = {
            "a value list": "lookup(" in row.transform,
            "a transform": bool(row.transform),
            "a condition": bool(row.when),
        }
        reasons = [name for name, applies in why.items() if applies]
        if reasons and source and not row.example:
            place = f"{rule.origin.file}:{rule.origin.line}"
            yield MissingExample(place, row.partner_field, reasons[0])


def lists_shown(use_case: UseCase) -> Iterator[ListCoverage]:
    """Yield each value list of a use case, with the entries that no example meets."""
    spec = use_case.spec
    shown: dict[str, set[str]] = defaultdict(set)
    for work in use_case.work.entities:
        _add_shown(use_case, work, shown)
    for name, values in spec.lists.items():
        met = shown.get(name, set())
        # What falls to the entry for all others shows that one.
        met = {value if value in values.entries else OTHERS for value in met}
        yield ListCoverage(
            name=name,
            path=TableId(spec.partner, spec.name, name, is_list=True).path,
            entries=len(values.entries),
            not_exemplified=tuple(e for e in values.entries if e not in met),
            is_used=name in shown,
        )


def _add_shown(use_case: UseCase, work: EntityWork, shown: dict[str, set[str]]) -> None:
    """Add the values that the examples of a table look up, by list."""
    lookups = lookups_of(use_case.spec, work)
    rules = {rule.origin.line: rule for rule in use_case.spec.tables[work.name]}
    for row in work.rows:
        line = row.origin.line
        if line in lookups:
            lookup = lookups[line]
            shown[lookup.list] |= _shown(use_case, work, rules[line], row, lookup)


def _shown(
    use_case: UseCase, work: EntityWork, rule: FieldRule, row: FieldWork, lookup: Lookup
) -> set[str]:
    if not rule.row.example or isinstance(row.source, Constant | IdParts):
        return set()
    settings = default_settings(use_case.spec.use_case)
    try:
        record = example_record(use_case.standard, work.erp[0], rule, row)
        found = run_field(replace(lookup.asked, when=None), record, settings).value
        values = found if isinstance(found, list) else [found]
        return {folded(value) for value in values if not is_empty(value)}
    except (ValueError, KeyError):
        return set()  # the check says what is wrong with the example
