"""Put related records into staged records: records and ways in, joined records out."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from typing import Any

import orjson

from engine.conditions import holds
from engine.ids import key_text
from engine.language import FieldPath, Segment
from engine.records import Record, value_at
from engine.standard import Reference, Selection, Standard
from engine.work import Settings

BATCH = 500

Tree = dict[Segment, "Tree"]
"""Ways that share beginnings, step by step."""

Keyed = Sequence[tuple[str, Record]]
"""Records with their keys."""


class Joins:
    """Joins the staged records of one reading; those left out are nobody's children."""

    def __init__(
        self, db: sqlite3.Connection, standard: Standard, settings: Settings
    ) -> None:
        self.db = db
        self.standard = standard
        self.settings = settings

    def join(self, base: str, records: Keyed, tree: Tree) -> None:
        """Put related records into the records, level by level."""
        if not records:
            return
        selections = self.standard.entities[base].selections
        for segment, inner in tree.items():
            if segment.name in selections:
                self._join_selected(records, selections[segment.name], inner)
            elif segment.many:
                self._join_children(base, records, segment.name, inner)
            else:
                self._join_parent(base, records, segment.name, inner)

    def _join_parent(self, base: str, records: Keyed, name: str, tree: Tree) -> None:
        reference = self.standard.entities[base].references[name]
        target = self.standard.base(reference.entity)
        ways = [(way_to(r, reference, self.standard), r) for _, r in records]
        wanted = sorted({way for way, _ in ways if way is not None})
        parents: dict[str, Record] = {}
        for rows in self.select(
            f'SELECT key, record FROM "{target}" WHERE key', wanted
        ):
            parents |= {key: orjson.loads(blob) for key, blob in rows if blob}
        self.join(target, list(parents.items()), tree)
        for way, record in ways:
            if way in parents:
                record[name] = parents[way]

    def _join_children(self, base: str, records: Keyed, name: str, tree: Tree) -> None:
        child, reference = self.standard.children(base)[name]
        members = self.members(child, reference, records, tree)
        for key, record in records:
            record[f"{name}[]"] = members[key]

    def _join_selected(
        self,
        records: Keyed,
        selection: Selection,
        tree: Tree,
    ) -> None:
        """Put in the records that a relation of the use case chooses."""
        read = tree_of(selection.joins, tree)
        members = self.members(selection.child, selection.reference, records, read)
        for key, record in records:
            chosen = self.chosen(selection, members[key])
            if selection.many:
                record[f"{selection.name}[]"] = chosen
            elif chosen:
                record[selection.name] = chosen[0]

    def chosen(self, selection: Selection, members: list[Record]) -> list[Record]:
        """Return those of some records that a relation of the use case chooses."""
        where = selection.where
        found = [
            member
            for member in members
            if where is None or holds(where, member, self.settings)
        ]
        for path, downwards in reversed(selection.order):
            filled = [m for m in found if value_at(m, path) is not None]
            empty = [m for m in found if value_at(m, path) is None]
            filled.sort(key=partial(_at, path), reverse=downwards)
            found = [*filled, *empty]
        return {"first": found[:1], "rest": found[1:], "all": found}[selection.take]

    def members(
        self,
        child: str,
        reference: Reference,
        records: Keyed,
        tree: Tree,
        *,
        rejected: bool = False,
    ) -> dict[str, list[Record]]:
        """
        Return the records left in that point to each of some records, joined.

        Or those that are rejected, as far as they can be read.
        """
        members: dict[str, list[Record]] = {key: [] for key, _ in records}
        found: list[tuple[str, Record]] = []
        judged = f"(SELECT 1 FROM verdict v WHERE v.node = '{child}' AND v.key = c.key"
        wanted = f"EXISTS {judged} AND v.verdict = 'rejected')"
        left_in = f"NOT EXISTS {judged})"
        query = (
            f'SELECT "to_{reference.name}", key, record FROM "{child}" c'
            f" WHERE record IS NOT NULL AND {wanted if rejected else left_in}"
            f' AND "to_{reference.name}"'
        )
        for rows in self.select(query, list(members)):
            for parent, key, blob in sorted(rows):
                record = orjson.loads(blob)
                members[parent].append(record)
                found.append((key, record))
        self.join(child, found, tree)
        return members

    def select(
        self, query: str, values: Sequence[str]
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query that ends before IN, in portions of the values."""
        for start in range(0, len(values), BATCH):
            part = values[start : start + BATCH]
            holders = ", ".join("?" * len(part))
            yield self.db.execute(f"{query} IN ({holders})", part).fetchall()


def tree_of(ways: Iterable[FieldPath], root: Tree | None = None) -> Tree:
    """Turn ways that share beginnings into a tree, or add them to a copy of one."""
    root = deepcopy(root or {})
    for way in sorted(ways, key=str):
        here = root
        for segment in way.segments:
            here = here.setdefault(segment, {})
    return root


def _at(path: FieldPath, record: Record) -> Any:
    return value_at(record, path)


def way_to(record: Record, reference: Reference, standard: Standard) -> str | None:
    """Return the key of the record pointed to; None if a required part is empty."""
    target = standard.entities[reference.entity]
    parts = [record.get(reference.fields[name]) for name in target.key]
    for name, part in zip(target.key, parts, strict=True):
        if part is None and target.fields[name].required:
            return None
    return key_text(parts)
