"""Count what the prerequisites keep out: a staged source in, RuleCounts out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from engine.compiler import compile_condition
from engine.conditions import holds
from engine.language import AllOf, AnyOf, paths_of
from engine.runtime.staging import Staging
from engine.work import RuleWork, Settings


@dataclass(frozen=True)
class RuleCount:
    """How many records a prerequisite keeps out, as the first that does."""

    rule: str
    entity: str
    text: str
    records: int
    also: int = 0
    """If none: how many it would keep out that another one keeps out already."""
    is_off: bool = False
    """Whether the settings of the activation alone decide it."""


def rule_counts(staging: Staging) -> Iterator[RuleCount]:
    """Yield each prerequisite of a use case, with the records that it keeps out."""
    first = _first_reasons(staging)
    for rule in staging.work.rules:
        records = first.get((rule.rule, rule.entity), 0) + _without(staging, rule)
        is_off = _decided(rule.require, staging.settings) is True
        also = 0 if records or is_off else _also(staging, rule)
        yield RuleCount(rule.rule, rule.entity, rule.text, records, also, is_off)


def _first_reasons(staging: Staging) -> Mapping[tuple[str, str], int]:
    """Return how many records each rule keeps out, of those that are of its kind."""
    found = {}
    for node in staging.nodes:
        query = (
            "SELECT v.rule, COUNT(*) FROM verdict v"
            f' JOIN "{staging.standard.base(node)}" b ON b.key = v.key'
            " WHERE v.node = ? AND v.code IN ('R301', 'R303')"
            f" AND {staging.judge.is_member_sql(node, 'b')} GROUP BY v.rule"
        )
        for rule, count in staging.db.execute(query, (node,)):
            found[(rule, node)] = count
    return found


def _without(staging: Staging, rule: RuleWork) -> int:
    """Count the records that lose the last one they need to another rule."""
    if rule.require_any is None:
        return 0
    query = "SELECT COUNT(*) FROM verdict WHERE node = ? AND via_node = ?"
    count: int = staging.db.execute(
        query, (rule.entity, rule.require_any[0])
    ).fetchone()[0]
    return count


def _decided(node: Any, settings: Settings) -> bool | None:
    """Decide a condition by the settings alone; None if it depends on the record."""
    if node is not None and all(path.setting for path in paths_of(node)):
        return holds(node, {}, settings)
    match node:
        case AllOf(operands):
            parts = {_decided(operand, settings) for operand in operands}
            return False if False in parts else None
        case AnyOf(operands):
            parts = {_decided(operand, settings) for operand in operands}
            return True if True in parts else None
    return None


def _also(staging: Staging, rule: RuleWork) -> int:
    """Count the records that a rule would keep out if another did not already."""
    if rule.require is None:
        return 0
    fits = compile_condition(rule.require, staging.settings)
    query = (
        f'SELECT b.record FROM "{staging.standard.base(rule.entity)}" b'
        " WHERE b.record IS NOT NULL"
        f" AND {staging.judge.is_member_sql(rule.entity, 'b')}"
    )
    rows = staging.db.execute(query)
    return sum(not fits(orjson.loads(blob)) for (blob,) in rows)
