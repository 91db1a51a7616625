"""Say what is not certain, and what is not wanted: a staged reading in, keys out.

A rejected record is not known to be none, so it holds back what it decides about. What
was sent and is not wanted any more is removed only when that is certain.
"""

from collections.abc import Iterator, Mapping, Sequence

import orjson

from engine.conditions import holds
from engine.language import FieldPath, Segment, paths_of
from engine.records import Record, value_at
from engine.runtime.joining import Keyed, tree_of
from engine.runtime.judging import Verdict
from engine.runtime.staging import Staging
from engine.standard import Reference, Selection
from engine.work import EntityWork, RuleWork


class Doubts:
    """What one reading leaves open about the records of a use case."""

    def __init__(self, staging: Staging) -> None:
        self.staging = staging
        self.standard = staging.standard
        self.settings = staging.settings
        self.joins = staging.joins
        self.judge = staging.judge

    def unwanted(
        self, entity: EntityWork, keys: Sequence[str]
    ) -> Iterator[tuple[str, Record]]:
        """
        Yield those of some keys whose records are to be removed at the partner.

        A rule that removes leaves out the record or one that it points to, whatever
        else is wrong with it; or `records` no longer takes it.
        """
        removing = [rule for rule in self.staging.work.rules if rule.removes]
        ways = [(rule, self._ways_up(entity.base, rule.entity)) for rule in removing]
        follows = {rule.rule for rule in removing if rule.require is None}
        up = [way for _, found in ways for way in found if way.segments]
        query = f'SELECT key, record FROM "{entity.base}" WHERE key'
        for rows in self.joins.select(query, keys):
            records = [(key, orjson.loads(blob)) for key, blob in rows if blob]
            self.joins.join(entity.base, records, tree_of(up, tree_of(entity.joins)))
            for key, record in records:
                fails = any(self._fails(rule, record, found) for rule, found in ways)
                verdicts = self._verdicts(entity, key)
                if (
                    fails
                    or (verdicts and all(v and v.rule in follows for v in verdicts))
                    or self._is_ended(entity, key, record, verdicts)
                ):
                    yield key, record

    def _verdicts(self, entity: EntityWork, key: str) -> list[Verdict | None]:
        """Return what was decided of a record as each kind that it is a member of."""
        nodes = [node for node in entity.erp if self.staging.is_member(node, key)]
        return [self.judge.verdict(node, key) for node in nodes]

    def _is_ended(
        self,
        entity: EntityWork,
        key: str,
        record: Record,
        verdicts: Sequence[Verdict | None],
    ) -> bool:
        """Say whether `records` certainly takes a record no more."""
        if not entity.removes_others or not verdicts:
            return False
        if any(v and v.verdict == "rejected" for v in verdicts):
            return False
        if self.staging.selection(entity)(record):
            return False
        return not self.doubtful(entity, [(key, record)])

    def _fails(self, rule: RuleWork, record: Record, ways: Sequence[FieldPath]) -> bool:
        """Say whether a record, or what it points to over some ways, breaks a rule."""
        condition = rule.require
        if condition is None:
            return False
        found = [value_at(record, way) for way in ways]
        return any(
            isinstance(one, dict) and not holds(condition, one, self.settings)
            for one in found
        )

    def _ways_up(self, start: str, target: str) -> list[FieldPath]:
        """Return the ways over references to another entity, or the empty one."""
        found: list[FieldPath] = []
        ways = [(self.standard.base(start), FieldPath(()))]
        for base, way in ways:
            if base == self.standard.base(target):
                found.append(way)
            for name in self.staging.references(base):
                reference = self.standard.entities[base].references[name]
                further = FieldPath((*way.segments, Segment(name)))
                other = self.standard.base(reference.entity)
                if other != base:
                    ways.append((other, further))
        return found

    def doubtful(self, entity: EntityWork, records: Keyed) -> Mapping[str, str]:
        """
        Return the keys of records about which `records` or a relation may be wrong.

        A rejected record is not known to be none: if it could be the one that decides,
        nothing is said of what it points to. The value names that record.
        """
        found: dict[str, str] = {}
        belongs = self.staging.selection(entity)
        for segment, child, reference in self._deciding(entity):
            keys = [key for key, _ in records]
            rejected = self.judge.rejected_children(child, reference.name, keys)
            concerned = [(key, record) for key, record in records if key in rejected]
            selection = self.standard.entities[entity.base].selections.get(segment.name)
            chosen: Mapping[str, bool] = {}
            if selection is not None and not selection.many:
                chosen = self._could_be_first(selection, concerned)
            for key, record in concerned:
                supposed = {**record, segment.name: {}, f"{segment.name}[]": [{}]}
                if chosen.get(key) or belongs(supposed) != belongs(record):
                    found[key] = f"{child} {rejected[key]}"
        return found

    def _deciding(self, entity: EntityWork) -> Iterator[tuple[Segment, str, Reference]]:
        """Yield the steps to records that decide about those of an entity."""
        read = {path.segments[0] for path in paths_of(entity.records)}
        chosen = self.standard.entities[entity.base].selections
        children = self.standard.children(entity.base)
        for segment in {way.segments[0] for way in entity.joins}:
            selection = chosen.get(segment.name)
            if selection is not None and (segment in read or not selection.many):
                yield segment, selection.child, selection.reference
            elif selection is None and segment.many and segment in read:
                yield segment, *children[segment.name]

    def _could_be_first(self, selection: Selection, records: Keyed) -> dict[str, bool]:
        """Say of some records whether a rejected record could be the one chosen."""
        tree = tree_of(selection.joins)
        child, reference = selection.child, selection.reference
        sound = self.joins.members(child, reference, records, tree)
        wrong = self.joins.members(child, reference, records, tree, rejected=True)
        unreadable = self.judge.rejected_children(
            child, reference.name, [key for key, _ in records], unreadable=True
        )
        return {
            key: key in unreadable
            or any(
                one is other
                for one in self.joins.chosen(selection, [*sound[key], *wrong[key]])
                for other in wrong[key]
            )
            for key, _ in records
        }
