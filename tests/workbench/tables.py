"""Small random tables, with cells that occur often enough to be mixed up."""

from collections import Counter

from hypothesis import strategies as st

from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.tables.tablefile import FileRow, TableFile, table_of_text

FIELDS = TableId("p", "u", "t")
LIST = TableId("p", "u", "l", is_list=True)

words = st.sampled_from(["a", "b", "c", "a; b", 'say "x"', "eins,zwei", "ä\nö", "=1"])


def rows_of(table, *, unique=False):
    """Return lists of rows; with `unique` no two of them have one key."""
    first, *others = table.columns
    some = st.fixed_dictionaries(
        {first: words},
        optional=dict.fromkeys(st_columns(table, others), words),
    )
    key = (lambda row: row[first].casefold()) if unique else None
    return st.lists(some, max_size=6, unique_by=key)


def st_columns(table, columns):
    """Return a few columns, so that rows are alike now and then."""
    wanted = ("when", "erp_field", "transform", "partner_value", "note")
    return [column for column in columns if column in wanted]


def file_of(table, rows) -> TableFile:
    """Return a table as it is read from a file with these rows."""
    written = TableFile(table, table.columns, tuple(FileRow(row) for row in rows))
    return table_of_text(written.text(), table)


def bag(rows) -> Counter:
    """Return rows as what they say, however they are ordered."""
    return Counter(frozenset(row.items()) for row in rows)
