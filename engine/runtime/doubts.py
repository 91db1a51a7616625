"""Say what is not certain, and what is not wanted: a staged reading in, keys out.

A rejected record is not known to be none, so it holds back what it decides about. What
was sent and is not wanted any more is removed only when that is certain.
"""

from collections.abc import Iterator, Mapping, Sequence

import orjson

from engine.conditions import holds
from engine.ids import key_text
from engine.language import FieldPath, Segment, paths_of
from engine.records import Record, value_at
from engine.runtime.joining import Keyed, Tree, tree_of
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
        ways = [(rule, self._ways_up(entity, rule.entity)) for rule in removing]
        if not entity.removes_others and not any(found for _, found in ways):
            return
        follows = {rule.rule for rule in removing if rule.require is None}
        up = [way for _, found in ways for way in found if way.segments]
        belongs = self.staging.selection(entity)
        query = f'SELECT key, record FROM "{entity.base}" WHERE key'
        for rows in self.joins.select(query, keys):
            records = [(key, orjson.loads(blob)) for key, blob in rows if blob]
            self.joins.join(entity.base, records, tree_of(up, tree_of(entity.joins)))
            doubtful = self.doubtful(entity, records) if entity.removes_others else {}
            for key, record in records:
                verdicts = self._verdicts(entity, key)
                fails = any(self._fails(rule, record, found) for rule, found in ways)
                out = bool(verdicts) and None not in verdicts
                follows_out = all(v and v.rule in follows for v in verdicts)
                rejected = any(v and v.verdict == "rejected" for v in verdicts)
                ended = entity.removes_others and verdicts and not rejected
                if (out and (fails or follows_out)) or (
                    ended and key not in doubtful and not belongs(record)
                ):
                    yield key, record

    def _verdicts(self, entity: EntityWork, key: str) -> list[Verdict | None]:
        """Return what was decided of a record as each kind that it is a member of."""
        nodes = [node for node in entity.erp if self.staging.is_member(node, key)]
        return [self.judge.verdict(node, key) for node in nodes]

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

    def _ways_up(self, entity: EntityWork, target: str) -> list[FieldPath]:
        """Return the ways over references to another entity, or the empty one."""
        found: list[FieldPath] = []
        ways = [(node, FieldPath(())) for node in entity.erp]
        for node, way in ways:
            if target in (node, self.standard.base(node)):
                found.append(way)
            base = self.standard.base(node)
            for name in self.staging.references(base):
                reference = self.standard.entities[base].references[name]
                if self.standard.base(reference.entity) != base:
                    further = FieldPath((*way.segments, Segment(name)))
                    ways.append((reference.entity, further))
        return list(dict.fromkeys(found))

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
            deep = segment.many and self._reads_below(entity, segment)
            for key, record in concerned:
                supposed = {**record, segment.name: {}, f"{segment.name}[]": [{}]}
                could_be = deep or chosen.get(key)
                if could_be or belongs(supposed) != belongs(record):
                    found[key] = f"{child} {rejected[key]}"
        return found

    def incomplete(self, entity: EntityWork, records: Keyed) -> Mapping[str, str]:
        """
        Return the keys of records whose lists lack a record because it is rejected.

        What the partner has would be taken from it. The value names that record.
        """
        owners = [(key, key, record) for key, record in records]
        return self._lacking(entity.base, owners, tree_of(entity.joins))

    def _lacking(
        self, base: str, owners: Sequence[tuple[str, str, Record]], tree: Tree
    ) -> dict[str, str]:
        """Follow the ways of records; each comes with the key of whom it is for."""
        found: dict[str, str] = {}
        for segment, inner in tree.items():
            step = self.standard.leads_to(base, segment)
            if step is None or not owners:
                continue
            below = self.standard.base(step)
            if segment.many:
                keys = sorted({key for _, key, _ in owners})
                child, reference = self._way_down(base, segment)
                rejected = self.judge.rejected_children(child, reference.name, keys)
                for owner, key, _ in owners:
                    if key in rejected:
                        found.setdefault(owner, f"{child} {rejected[key]}")
            members = [
                (owner, self._key(below, member), member)
                for owner, _, record in owners
                for member in _members(record, segment)
            ]
            found = {**self._lacking(below, members, inner), **found}
        return found

    def _way_down(self, base: str, segment: Segment) -> tuple[str, Reference]:
        selection = self.standard.entities[base].selections.get(segment.name)
        if selection is not None:
            return selection.child, selection.reference
        return self.standard.children(base)[segment.name]

    def _key(self, base: str, record: Record) -> str:
        return key_text(record.get(name) for name in self.standard.entities[base].key)

    def _deciding(self, entity: EntityWork) -> Iterator[tuple[Segment, str, Reference]]:
        """Yield the steps to records that decide about those of an entity."""
        read = {path.segments[0] for path in paths_of(entity.records)}
        chosen = self.standard.entities[entity.base].selections
        for segment in {way.segments[0] for way in entity.joins}:
            selection = chosen.get(segment.name)
            one = selection is not None and not selection.many
            if one or (segment.many and segment in read):
                yield segment, *self._way_down(entity.base, segment)

    def _reads_below(self, entity: EntityWork, segment: Segment) -> bool:
        """Say whether `records` reads fields of the records that a step leads to."""
        paths = paths_of(entity.records)
        return any(p.segments[0] == segment and len(p.segments) > 1 for p in paths)

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


def _members(record: Record, segment: Segment) -> list[Record]:
    """Return the joined records that a step of a way leads to."""
    if segment.many:
        members: list[Record] = record.get(f"{segment.name}[]", [])
        return members
    one = record.get(segment.name)
    return [one] if isinstance(one, dict) else []
