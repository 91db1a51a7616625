"""Count what each row of a table does with records: an EntityWork in, counts out.

The rows are compiled as those of a sync are, only that each fills a field of its own:
absent is a condition that does not hold, null an empty value. What the generated code
refuses runs through the interpreter, row by row.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.app.workbench.coverage.lookups import OTHERS, Lookup, folded
from engine.compiler import compile_entity
from engine.interpreter import Fate, is_empty, run_field
from engine.language import FieldPath
from engine.problems import Origin
from engine.records import Record, value_at
from engine.transforms import TRANSFORMS
from engine.work import (
    Constant,
    EntityWork,
    FieldWork,
    IdParts,
    ListWork,
    Settings,
    Step,
)

MOST_VALUES = 10_000
"""So many different values of a row are kept; further ones are only counted."""

FILLED = ("set", "default", "cleared")
_EMPTY: Mapping[str, Fate] = {
    "omit": "omitted",
    "clear": "cleared",
    "keep": "kept",
    "reject": "refused",
}
_UNMET = object()
"""What a lookup gives in the counted rows for a value that it refuses."""


@dataclass
class Asked:
    """
    The values that a row looked up, and what the list had for them.

    Of personal values none is kept: they are counted as met or not.
    """

    lookup: Lookup
    personal: bool
    values: Counter[Any] = field(default_factory=Counter)
    met: int = 0
    """Of personal values, or of those beyond the most that are kept."""
    others: int = 0
    unmet: int = 0

    def add(self, value: Any) -> None:
        keep = not self.personal
        if keep and (value in self.values or len(self.values) < MOST_VALUES):
            self.values[value] += 1
        else:
            self._count(value)

    def _count(self, value: Any) -> None:
        key, entries = folded(value), self.lookup.entries
        if key in entries:
            self.met += 1
        elif OTHERS in entries:
            self.others += 1
        else:
            self.unmet += 1


@dataclass
class RowCount:
    """A row, and how often it did what; `within` is the list of objects it is of."""

    work: FieldWork
    number: int = 0
    within: str = ""
    asked: Asked | None = None
    fates: Counter[Fate] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        work = self.work
        self.name = f"{self.within}.{work.name}" if self.within else work.name
        self.place = (work.only_in, work.target)
        self.value, self.question = f"r{self.number}", f"a{self.number}"
        has_default = work.default is not None
        self.if_nothing: Fate = "default" if has_default else _EMPTY[work.if_empty]


@dataclass(frozen=True)
class _Group:
    """Rows that run on one record: all of the table, or of an element of a list."""

    name: str
    collection: FieldPath
    rows: tuple[RowCount, ...]


class Counting:
    """Counts the rows of one entity."""

    def __init__(
        self, work: EntityWork, lookups: Mapping[int, Lookup], settings: Settings
    ) -> None:
        self.settings = settings
        top = [f for f in work.fields if isinstance(f, FieldWork)]
        lists = [f for f in work.fields if isinstance(f, ListWork)]
        self._top = _group("top", FieldPath(()), "", top, lookups)
        self._lists = tuple(
            _group(f"list{number}", item.collection, item.name, item.fields, lookups)
            for number, item in enumerate(lists)
        )
        self._transform = compile_entity(self._probe(work), settings)

    @property
    def rows(self) -> tuple[RowCount, ...]:
        groups = (self._top, *self._lists)
        return tuple(row for group in groups for row in group.rows)

    def _probe(self, work: EntityWork) -> EntityWork:
        """Return the same rows, each with a field of its own."""
        lists = tuple(
            ListWork((group.name,), group.collection, tuple(_probed(group)))
            for group in self._lists
        )
        # An ID of one letter: what is counted are the rows that may give nothing.
        fields: tuple[FieldWork | ListWork, ...] = (*_probed(self._top), *lists)
        return replace(work, id=IdParts(("x",)), fields=fields)

    def count(self, record: Record) -> None:
        """Count what each row does with a joined record."""
        outcome = self._transform(record)
        if outcome.problems:
            self._interpret(record)
            return
        _settle(self._top.rows, outcome.body)
        for group in self._lists:
            for element in outcome.body.get(group.name, ()):
                _settle(group.rows, element)

    def _interpret(self, record: Record) -> None:
        """Count a record some of whose values are refused."""
        self._run(self._top.rows, record)
        for group in self._lists:
            elements = [record]
            if group.collection.segments:
                found = value_at(record, group.collection)
                elements = [item for item in found if isinstance(item, dict)]
            for element in elements:
                self._run(group.rows, element)

    def _run(self, rows: Iterable[RowCount], record: Record) -> None:
        filled = set()
        for row in rows:
            fate: Fate = "earlier"
            if row.place not in filled:
                fate = run_field(row.work, record, self.settings).fate
            row.fates[fate] += 1
            if fate in FILLED:
                filled.add(row.place)
            if row.asked is not None and fate not in ("earlier", "condition"):
                asked = run_field(row.asked.lookup.asked, record, self.settings)
                _ask(row.asked, asked.value)


def _group(
    name: str,
    collection: FieldPath,
    within: str,
    fields: Sequence[FieldWork],
    lookups: Mapping[int, Lookup],
) -> _Group:
    rows = []
    for number, work in enumerate(fields):
        if isinstance(work.source, IdParts):
            continue
        lookup = lookups.get(work.origin.line)
        asked = Asked(lookup, work.personal) if lookup else None
        rows.append(RowCount(work, number, within, asked))
    return _Group(name, collection, tuple(rows))


def _probed(group: _Group) -> Iterable[FieldWork]:
    """Yield the rows with fields of their own, and what a lookup is asked."""
    # An element without any value would be no element.
    yield FieldWork(("here",), Constant(None), Origin(group.name), default=True)
    for row in group.rows:
        constant = isinstance(row.work.source, Constant)
        yield replace(
            row.work,
            target=(row.value,),
            steps=tuple(map(_lenient, row.work.steps)),
            default=row.work.default if constant else None,
            if_empty="clear",
            only_in=None,
        )
        if row.asked is not None:
            asked = row.asked.lookup.asked
            yield replace(asked, target=(row.question,), only_in=None)


def _lenient(step: Step) -> Step:
    if step.function is TRANSFORMS["lookup"].function:
        return replace(step, function=_found)
    return step


def _found(value: Any, entries: Mapping[str, Any]) -> Any:
    key = folded(value)
    if key in entries:
        return entries[key]
    return entries.get(OTHERS, _UNMET)


def _settle(rows: Sequence[RowCount], values: Mapping[str, Any]) -> None:
    """Count what the rows did with one record, by what they gave."""
    filled = set()
    for row in rows:
        fate: Fate
        if row.place in filled:
            fate = "earlier"
        elif row.value not in values:
            fate = "condition"
        else:
            fate = _fate(row, values[row.value])
            if row.asked is not None:
                _ask(row.asked, values.get(row.question))
        row.fates[fate] += 1
        if fate in FILLED:
            filled.add(row.place)


def _fate(row: RowCount, value: Any) -> Fate:
    if value is None:
        return row.if_nothing
    if isinstance(row.work.source, Constant):
        return "default"
    if value is _UNMET or (value.__class__ is list and _UNMET in value):
        return "wrong" if row.work.tolerant else "refused"
    return "set"


def _ask(asked: Asked, value: Any) -> None:
    """Count the values that were looked up; what is no single value has no entry."""
    if is_empty(value):
        return
    for one in value if isinstance(value, list | tuple) else (value,):
        if isinstance(one, str | int | float):
            asked.add(one)
