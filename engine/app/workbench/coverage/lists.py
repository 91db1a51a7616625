"""What the values of a source meet in the value lists: counted rows in, counts out."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from engine.app.workbench.coverage.lookups import OTHERS, folded
from engine.app.workbench.coverage.rows import Asked, RowCount
from engine.app.workbench.tables.layout import TableId
from engine.runtime.text_cell import BEGINNINGS
from engine.spec import Spec

SHOWN_VALUES = 1_000
"""A list is shown so many values without an entry; the others are counted."""


@dataclass
class ListCount:
    """
    The values of the source that meet no entry of a value list, most frequent first.

    `others` fall to the entry `*`. Personal values are counted and not shown, and so
    are those beyond the most that are kept.
    """

    name: str
    path: str
    asked: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    hidden_missing: int = 0
    hidden_others: int = 0
    unused: tuple[str, ...] = ()
    """Entries that no value of the source meets; unknown where values are personal."""

    @property
    def has_missing(self) -> bool:
        """Whether a value of the source has no entry, not even `*`."""
        return bool(self.missing or self.hidden_missing)

    def as_json(self) -> dict[str, Any]:
        return {
            "list": self.name,
            "path": self.path,
            "asked": self.asked,
            "missing": dict(self.missing.most_common()),
            "missing_rows": rows_to_paste(self.missing),
            "missing_not_shown": self.hidden_missing,
            "others": dict(self.others.most_common()),
            "others_rows": rows_to_paste(self.others),
            "others_not_shown": self.hidden_others,
            "entries_never_met": list(self.unused),
        }


def list_counts(spec: Spec, rows: Iterable[RowCount]) -> Iterator[ListCount]:
    """Yield what counted rows of a use case looked up, list by list."""
    asked: dict[str, list[Asked]] = defaultdict(list)
    for row in rows:
        if row.asked is not None:
            asked[row.asked.lookup.list].append(row.asked)
    for name, found in sorted(asked.items()):
        table = TableId(spec.partner, spec.name, name, is_list=True)
        count = ListCount(name, table.path)
        met: set[str] = set()
        spelt: dict[str, str] = {}
        for one in found:
            _add(count, one, met, spelt)
        if all(not one.personal and not one.met for one in found):
            entries = spec.lists[name].entries
            count.unused = tuple(e for e in entries if e not in {*met, OTHERS})
        yield count


def _add(count: ListCount, asked: Asked, met: set[str], spelt: dict[str, str]) -> None:
    """Add what a row asked; spellings of one value are one, as the list has it."""
    count.hidden_missing += asked.unmet
    count.hidden_others += asked.others
    count.asked += asked.met + asked.others + asked.unmet + asked.values.total()
    entries = asked.lookup.entries
    into = count.others if OTHERS in entries else count.missing
    for value, number in asked.values.most_common():
        key = folded(value)
        if key in entries:
            met.add(key)
        else:
            into[spelt.setdefault(key, str(value).strip())] += number


def rows_to_paste(values: Counter[str]) -> list[dict[str, str]]:
    """
    Return rows for a value list, the partner's value left to be filled in.

    What a spreadsheet would take for a formula is no row: somebody has to type it.
    """
    rows = every_row(values)
    return [row for row in rows if not row["erp_value"].startswith(BEGINNINGS)]


def every_row(values: Counter[str]) -> list[dict[str, str]]:
    """Return rows for a value list as `rows_to_paste`, whatever they begin with."""
    return [
        {"erp_value": value, "partner_value": "", "note": _records(number)}
        for value, number in values.most_common(SHOWN_VALUES)
    ]


def _records(number: int) -> str:
    return f"{number} {'Datensatz' if number == 1 else 'Datensätze'}"
