"""Judge staged records: the verdicts of their own rules in, those that follow out.

A verdict spreads along the references: what points to a record that is not sent is not
sent either, and a record with `require_any` goes when the last one that it needs is
gone. All of it are set operations on the staged tables.
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.standard import Entity, Standard
from engine.work import RuleWork

_AT_ONCE = 500

VERDICT_CODES: Mapping[str, str] = {"left_out": "R301", "rejected": "R303"}


@dataclass(frozen=True)
class Verdict:
    """Why a record is not sent: the rule or problem at the root, and the way to it."""

    node: str
    key: str
    verdict: str
    code: str
    rule: str
    message: str
    chain: tuple[str, ...] = ()


class Judge:
    """Decides which staged records are sent, and keeps why the others are not."""

    def __init__(
        self,
        db: sqlite3.Connection,
        standard: Standard,
        nodes: Mapping[str, Entity],
        rules: tuple[RuleWork, ...],
        ways: frozenset[tuple[str, str]],
    ) -> None:
        self.db = db
        self.standard = standard
        self.nodes = nodes
        self.rules = rules
        self.ways = ways
        db.execute(
            "CREATE TABLE verdict (node TEXT, key TEXT, verdict TEXT, code TEXT,"
            " rule TEXT, message TEXT, via_node TEXT, via_key TEXT,"
            " PRIMARY KEY (node, key)) WITHOUT ROWID"
        )

    def judge(self) -> None:
        """Spread the verdicts along the references until nothing changes."""
        statements = [*self._orphans(), *self._followers(), *self._needing_one()]
        while True:
            before = self.db.total_changes
            for statement, parameters in statements:
                self.db.execute(statement, parameters)
            if self.db.total_changes == before:
                return

    def _forward(self) -> Iterator[tuple[str, str, str, str]]:
        """
        Yield (node, base, reference, node pointed to) among the nodes.

        A reference to records of the same kind counts if a table uses it: else an
        entrance need not follow its building.
        """
        for node, entity in self.nodes.items():
            base = self.standard.base(node)
            for name, reference in entity.references.items():
                inner = self.standard.base(reference.entity) == base
                if reference.entity in self.nodes and (
                    not inner or (base, name) in self.ways
                ):
                    yield node, base, name, reference.entity

    def _orphans(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for node, base, name, target in self._forward():
            if self.nodes[node].view_of:
                continue
            title = self.nodes[target].title
            yield (
                "INSERT OR IGNORE INTO verdict"
                f" SELECT ?, c.key, 'rejected', 'R205', '', ? || c.\"to_{name}\" ||"
                f' ?, NULL, NULL FROM "{base}" c WHERE c."to_{name}" IS NOT NULL'
                f' AND NOT EXISTS (SELECT 1 FROM "{self.standard.base(target)}" p'
                f' WHERE p.key = c."to_{name}")',
                (node, f"points to {title} ", ", which the source does not have"),
            )

    def _followers(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        for node, base, name, target in self._forward():
            yield (
                "INSERT OR IGNORE INTO verdict"
                " SELECT ?, c.key, v.verdict,"
                " CASE v.verdict WHEN 'rejected' THEN 'R206' ELSE 'R302' END,"
                " v.rule, v.message, v.node, v.key"
                f' FROM verdict v JOIN "{base}" c ON c."to_{name}" = v.key'
                " WHERE v.node = ?",
                (node, target),
            )

    def _needing_one(self) -> Iterator[tuple[str, tuple[Any, ...]]]:
        """A record with `require_any` goes when the last one that it needs is gone."""
        for rule in self.rules:
            if rule.require_any is None:
                continue
            child, name = rule.require_any
            base = self.standard.base(rule.entity)
            ways = f'FROM "{child}" c WHERE c."to_{name}" = p.key'
            alone = (
                f"SELECT p.key AS key, (SELECT MIN(c.key) {ways}) AS via"
                f' FROM "{base}" p'
                f" WHERE {self.is_in_sql(rule.entity, 'p')} AND NOT EXISTS"
                f" (SELECT 1 {ways} AND NOT EXISTS (SELECT 1 FROM verdict w"
                f" WHERE w.node = '{child}' AND w.key = c.key))"
            )
            yield (
                "INSERT OR IGNORE INTO verdict"
                " SELECT ?, a.key, COALESCE(v.verdict, ?), CASE v.verdict"
                " WHEN 'rejected' THEN 'R206' WHEN 'left_out' THEN 'R302' ELSE ? END,"
                " COALESCE(v.rule, ?), COALESCE(v.message, ?), v.node, v.key"
                f" FROM ({alone}) a LEFT JOIN verdict v"
                f" ON v.node = '{child}' AND v.key = a.via",
                (
                    rule.entity,
                    rule.verdict,
                    VERDICT_CODES[rule.verdict],
                    rule.rule,
                    rule.text,
                ),
            )

    def rejected_children(
        self,
        child: str,
        reference: str,
        keys: Sequence[str],
        *,
        unreadable: bool = False,
    ) -> Mapping[str, str]:
        """Return those of some keys that a rejected record points to, and its key."""
        lost = " AND c.record IS NULL" if unreadable else ""
        query = (
            f'SELECT c."to_{reference}", MIN(c.key) FROM "{child}" c'
            " JOIN verdict v ON v.node = ? AND v.key = c.key"
            f" WHERE v.verdict = 'rejected'{lost} AND c.\"to_{reference}\" IN"
        )
        found: dict[str, str] = {}
        for start in range(0, len(keys), _AT_ONCE):
            part = keys[start : start + _AT_ONCE]
            holders = ", ".join("?" * len(part))
            rows = self.db.execute(
                f'{query} ({holders}) GROUP BY c."to_{reference}"', (child, *part)
            )
            found |= dict(rows.fetchall())
        return found

    def is_member_sql(self, node: str, alias: str) -> str:
        """Return the condition that a record of the base belongs to a view."""
        entity = self.standard.entities[node]
        if entity.linked_by is None:
            return "1"
        link = entity.linked_by
        name = _reference_to(self.standard.entities[link], node)
        return f'EXISTS (SELECT 1 FROM "{link}" m WHERE m."to_{name}" = {alias}.key)'

    def is_in_sql(self, node: str, alias: str) -> str:
        """Return the condition that a record belongs to a node and is left in."""
        return (
            f"({self.is_member_sql(node, alias)} AND NOT EXISTS"
            f" (SELECT 1 FROM verdict WHERE node = '{node}' AND key = {alias}.key))"
        )

    def verdict(self, node: str, key: str) -> Verdict | None:
        """Return why a record is not sent, with the chain of records that led there."""
        query = (
            "SELECT verdict, code, rule, message, via_node, via_key FROM verdict"
            " WHERE node = ? AND key = ?"
        )
        chain: list[str] = []
        here: tuple[str, str] | None = (node, key)
        first: tuple[Any, ...] | None = None
        while here is not None and f"{here[0]} {here[1]}" not in chain:
            row = self.db.execute(query, here).fetchone()
            if row is None:
                break
            first = first or row
            chain.append(f"{here[0]} {here[1]}")
            here = (row[4], row[5]) if row[4] else None
        if first is None:
            return None
        verdict, code, rule, message = first[:4]
        if code == "R206":
            message = f"waits for {chain[1]}: {message}"
        return Verdict(node, key, verdict, code, rule, message, tuple(chain[1:]))


def _reference_to(link: Entity, view: str) -> str:
    return next(n for n, r in link.references.items() if r.entity == view)
