"""How a table stands in a tab: its identity, its columns, their German titles.

Row 1 of a tab holds the identity of its table, row 2 the titles, and rows follow.
Titles say which column is which, so columns may be moved; those that only inform are
not read.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.model import FieldRow, ListRow
from engine.tables import TITLES as COLUMN_TITLES

AUTHOR = "Feldwerk"
"""Who has made a workbook, and who has written its notes."""

COVER = "Deckblatt"
OVERVIEW = "Übersicht"
PROBLEMS = "Probleme"
MEMORY = "_feldwerk"
"""The hidden tab that keeps what the tables were at the export."""
CHOICES = "_auswahl"
"""The hidden tab that holds what the drop-downs offer."""

TITLE_ROW = 2
FIRST_ROW = 3

NUMBER = "number"
"""The column that keeps the order of the file, from 1; new rows have none."""

INFORMING: Mapping[str, str] = {"type": "Typ", "evidence": "Nachweis"}
"""Columns that are written for people and never read: column -> title."""

TITLES: Mapping[str, str] = {
    NUMBER: "Nr.",
    **COLUMN_TITLES,
    **INFORMING,
}
"""Column -> German title."""

REQUIRED_MARK = " *"
"""Stands behind a partner field that the partner requires; no part of the name."""


@dataclass(frozen=True, order=True)
class TableId:
    """Which table: a field table is named by its entity, a list by its file."""

    partner: str
    use_case: str
    name: str
    is_list: bool = False

    @property
    def path(self) -> str:
        """Return the path of the CSV file below the root of the specs."""
        folder = "lists/" if self.is_list else ""
        place = f"mappings/partners/{self.partner}/{self.use_case}"
        return f"{place}/{folder}{self.name}.csv"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple((ListRow if self.is_list else FieldRow).model_fields)

    @property
    def key(self) -> tuple[str, ...]:
        """Return the columns by which people know a row, the most telling one first."""
        return ("erp_value",) if self.is_list else ("partner_field", "write", "when")

    def __str__(self) -> str:
        """Return the identity as a tab shows it: acme/stammdaten/lists/anrede."""
        folder = "lists/" if self.is_list else ""
        return f"{self.partner}/{self.use_case}/{folder}{self.name}"


_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,80}")
"""What a part of an identity may be: it becomes a part of a path."""


def table_id(text: str) -> TableId | None:
    """
    Return the table that an identity names; None if it is no identity.

    >>> table_id("acme/stammdaten/lists/anrede").path
    'mappings/partners/acme/stammdaten/lists/anrede.csv'
    """
    words = text.strip().split("/")
    if not all(_NAME.fullmatch(word) for word in words):
        return None
    match words:
        case [partner, use_case, name]:
            return TableId(partner, use_case, name)
        case [partner, use_case, "lists", name]:
            return TableId(partner, use_case, name, is_list=True)
    return None


_BY_TITLE = {title.casefold(): column for column, title in TITLES.items()}


def column_of(title: str) -> str | None:
    """Return the column that a title names, German or as the CSV files have it."""
    name = " ".join(title.split()).casefold()
    return _BY_TITLE.get(name) or (name if name in TITLES else None)


LONGEST_TAB = 31
"""Spreadsheets allow no longer names of tabs."""

LAST_COLUMN = 16_384
"""The last column that a tab has: XFD."""

_FORBIDDEN_IN_TABS = re.compile(r"[\[\]:*?/\\']")
_TAKEN = {COVER, OVERVIEW, PROBLEMS, MEMORY, CHOICES, "History"}
"""Names that no tab of a table has; the last one is Excel's own."""


def tab_names(tables: Iterable[TableId]) -> dict[TableId, str]:
    """Return a name of its own for the tab of each table, short enough for Excel."""
    known = list(tables)
    several = len({(table.partner, table.use_case) for table in known}) > 1
    names: dict[TableId, str] = {}
    taken = {name.casefold() for name in _TAKEN}
    for table in known:
        words = [table.partner] if several else []
        words += ["Liste", table.name] if table.is_list else [table.name]
        full = _FORBIDDEN_IN_TABS.sub("_", " ".join(words))
        name, number = full[:LONGEST_TAB], 2
        while name.casefold() in taken:
            ending = f"~{number}"
            name, number = full[: LONGEST_TAB - len(ending)] + ending, number + 1
        names[table] = name
        taken.add(name.casefold())
    return names
