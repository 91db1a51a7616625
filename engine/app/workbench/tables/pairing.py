"""Pair the rows of two versions of a table: which one is which, wherever it stands."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import Cells


@dataclass(frozen=True)
class Pairs:
    """Which rows of two versions are the same row; numbers count from 0."""

    old_of: Mapping[int, int]
    """New row -> old row."""
    added: tuple[int, ...]
    dropped: tuple[int, ...]

    @property
    def new_of(self) -> dict[int, int]:
        return {old: new for new, old in self.old_of.items()}


def paired(
    table: TableId,
    old: Sequence[Cells],
    new: Sequence[Cells],
    numbers: Mapping[int, int] | None = None,
) -> Pairs:
    """
    Pair the rows of two versions of a table.

    First what is the same in every cell, then by key, by number (new row -> old row),
    by the first column of the key, the most alike first, and at last by everything but
    that column, unless it is a list, where many rows lead to one value. People number
    rows anew when they insert some, so the key goes first.
    """
    pairing = Pairing(old, new)
    pairing.by(lambda row: frozenset(row.items()))
    pairing.by(lambda row: key_of(table, row))
    pairing.by_number(numbers or {})
    pairing.by_likeness(lambda row: folded(row, table.key[0]))
    if not table.is_list:
        pairing.by(lambda row: _but(row, table.key[0]), only_unique=True)
    return pairing.result()


def key_of(table: TableId, row: Cells) -> object:
    """Return by what a row is known."""
    return tuple(folded(row, column) for column in table.key)


def folded(row: Cells, column: str) -> str:
    """Return a cell without the difference of capitals."""
    return row.get(column, "").casefold()


def _but(row: Cells, column: str) -> object:
    """Return what a row says beside one column; nothing if that is next to nothing."""
    rest = frozenset(
        item for item in row.items() if item[0] not in (column, "note", "if_empty")
    )
    return rest or None


_MOST_COMPARED = 2_500
"""Rows of one field are compared one by one, unless they are far too many."""


class Pairing:
    """Rows of two versions, paired step by step; each step takes what is left."""

    def __init__(self, old: Sequence[Cells], new: Sequence[Cells]) -> None:
        self.old, self.new = old, new
        self.old_of: dict[int, int] = {}
        self.taken: set[int] = set()

    def by(self, key: Callable[[Cells], object], *, only_unique: bool = False) -> None:
        """Pair rows that have the same key, in order."""
        for free, wanted in self._left(key):
            if not only_unique or (len(free), len(wanted)) == (1, 1):
                for old, new in zip(free, wanted, strict=False):
                    self._take(old, new)

    def by_number(self, numbers: Mapping[int, int]) -> None:
        for new, old in numbers.items():
            is_free = new not in self.old_of and old not in self.taken
            if is_free and 0 <= old < len(self.old):
                self._take(old, new)

    def by_likeness(self, key: Callable[[Cells], object]) -> None:
        """Pair rows that have the same key, those first that have most in common."""
        for free, wanted in self._left(key):
            if len(free) * len(wanted) > _MOST_COMPARED:
                pairs = list(zip(free, wanted, strict=False))
            else:
                pairs = [(old, new) for old in free for new in wanted]
            for old, new in sorted(pairs, key=lambda pair: -self._alike(*pair)):
                if old not in self.taken and new not in self.old_of:
                    self._take(old, new)

    def _alike(self, old: int, new: int) -> int:
        return len(self.old[old].items() & self.new[new].items())

    def _left(
        self, key: Callable[[Cells], object]
    ) -> Iterator[tuple[list[int], list[int]]]:
        """Yield old and new rows that are left and have the same key, in order."""
        free: dict[object, list[int]] = defaultdict(list)
        for number, row in enumerate(self.old):
            if number not in self.taken and (found := key(row)):
                free[found].append(number)
        wanted: dict[object, list[int]] = defaultdict(list)
        for number, row in enumerate(self.new):
            if number not in self.old_of:
                wanted[key(row)].append(number)
        for shared in [found for found in free if found in wanted]:
            yield free[shared], wanted[shared]

    def _take(self, old: int, new: int) -> None:
        self.old_of[new] = old
        self.taken.add(old)

    def result(self) -> Pairs:
        return Pairs(
            self.old_of,
            tuple(n for n in range(len(self.new)) if n not in self.old_of),
            tuple(n for n in range(len(self.old)) if n not in self.taken),
        )
