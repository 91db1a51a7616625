"""Plan a run: staged records and the state in, the changes to send out.

Nothing is sent and nothing is written to the state here.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson

from engine.compiler import Transformer, compile_entity
from engine.conditions import holds
from engine.errors import RecordError
from engine.interpreter import Outcome, composed, origin_by_field
from engine.payload import references, values_at
from engine.problems import Problem
from engine.records import Record
from engine.runtime.changes import Change, LeftOut, Operation, left_out
from engine.runtime.doubts import Doubts
from engine.runtime.fingerprints import names_of
from engine.runtime.links import Link
from engine.runtime.payload_check import PayloadCheck
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.removals import Removals
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState
from engine.runtime.twins import Ids
from engine.runtime.verdicts import Rekey
from engine.work import EntityWork, Settings, UseCaseWork

Advance = Callable[[str, int], None]
MANDANT = "mandant_nr"


def make_plan(
    name: str,
    work: UseCaseWork,
    staging: Staging,
    state: ActivationState,
    settings: Settings,
    gone_after_runs: int = 2,
    advance: Advance = lambda _entity, _count: None,
) -> Plan:
    """Compare every staged record with what was accepted last, parents first."""
    plan = Plan(name)
    doubts = Doubts(staging)
    removals = Removals(staging, state, settings, doubts, gone_after_runs)
    planning = _Planning(plan, staging, state, settings, doubts)
    with ExitStack() as unfinished:
        unfinished.enter_context(plan)
        for entity in work.entities:
            planning.entity(entity, advance)
        # Only now it is known which IDs are in use.
        for entity in work.entities:
            if entity.resource in planning.ids and not staging.is_off(entity):
                part, ids = plan.entities[entity.name], planning.ids[entity.resource]
                removals.plan(entity, part, ids, _reject)
        unfinished.pop_all()
    return plan


def digest_of(body: Mapping[str, Any]) -> str:
    """Return the hash by which a later run knows that nothing has changed."""
    content = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return blake2b(content, digest_size=16).hexdigest()


@dataclass
class _Planning:
    plan: Plan
    staging: Staging
    state: ActivationState
    settings: Settings
    doubts: Doubts
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Entity -> the names of all fields of its payload."""
    ids: dict[str, Ids] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)
    """Entity -> our IDs of records that will not reach the partner in this run."""
    in_doubt: frozenset[str] = frozenset()
    """Keys of the entity's records whose sending nobody saw the end of."""

    def entity(self, work: EntityWork, advance: Advance) -> None:
        """Plan all records of an entity."""
        first = self.staging.standard.entities[work.base].key[0]
        part = EntityPlan(work.name, work.label, by_mandant=first == MANDANT)
        self.plan.entities[work.name] = part
        rows = origin_by_field(work)
        part.rows = {name: str(origin) for name, origin in rows.items()}
        if self.staging.is_off(work):
            return
        for place, code, message in self.staging.broken(work):
            part.reject(LeftOut(place, code, message))
        self._keep_verdicts(work, part)
        if work.resource not in self.ids:
            self.ids[work.resource] = Ids(self.staging, len(self.ids))
        ids = self.ids[work.resource]
        ids.begin()
        self.in_doubt = self.state.in_doubt(work.name)
        self.fields[work.name] = tuple(names_of(work.schema))
        transform = compile_entity(work, self.settings)
        check = PayloadCheck(work)
        belongs = self.staging.selection(work)
        for batch in self.staging.batches(work):
            records = [(key, record) for key, record in batch if belongs(record)]
            self._batch(work, part, transform, check, ids, records)
            advance(work.name, len(batch))
        self._withdraw_twins(ids)
        for warning, count in part.warnings.items():
            of = "1 record" if count == 1 else f"{count} records"
            self.plan.warnings.append(f"{warning} Left out of {of}.")

    def _keep_verdicts(self, work: EntityWork, part: EntityPlan) -> None:
        for verdict in self.staging.verdicts(work):
            if verdict.verdict == "rejected":
                part.reject(left_out(verdict))
            else:
                part.add_left_out(left_out(verdict))

    def _batch(
        self,
        work: EntityWork,
        part: EntityPlan,
        transform: Transformer,
        check: PayloadCheck,
        ids: Ids,
        records: list[tuple[str, Record]],
    ) -> None:
        """Plan some records."""
        links = self.state.links(work.name, [key for key, _ in records])
        doubts = self.doubts.doubtful(work, records)
        outcomes = {key: check.tolerated(transform(record)) for key, record in records}
        changes = {
            key: self._change(work, key, record, outcomes[key], links.get(key))
            for key, record in records
            if not outcomes[key].problems
        }
        changed = [(k, r) for k, r in records if k in links and changes.get(k)]
        lacking = self.doubts.incomplete(work, changed)
        rows = []
        for key, record in records:
            outcome, change = outcomes[key], changes.get(key)
            waits = doubts.get(key) or lacking.get(key)
            item = self._held_back(work, key, outcome, change, waits, check)
            if item is not None:
                rows.append((outcome.id or "", key, "rejected"))
                our_id = outcome.id or self._id_of(work, record)
                if our_id and key not in links:
                    self.refused.setdefault(work.name, set()).add(our_id)
                part.reject(item)
                continue
            part.warnings.update(map(str, outcome.warnings))
            if change is None:
                rows.append((outcome.id or "", key, "unchanged"))
                part.count(key, "unchanged")
            else:
                rows.append((change.id, key, change.operation))
                part.add_change(change)
                if change.old_id:
                    rekey = Rekey(work.name, key, change.old_id, change.id)
                    self.plan.rekeys.append(rekey)
        ids.add(work.name, rows)

    def _held_back(
        self,
        work: EntityWork,
        key: str,
        outcome: Outcome,
        change: Change | None,
        waits: str | None,
        check: PayloadCheck,
    ) -> LeftOut | None:
        """Return why a record is not sent; `waits` names a rejected one it needs."""
        if waits is not None:
            reason = f"waits for {waits}, which is rejected"
            return LeftOut(key, "R206", reason)
        problems = outcome.problems
        if change is not None:
            problems = check(change.body, change.only)
        if problems:
            return _reject(key, problems)
        if change is None or change.linked:
            return None
        for spot, our_id in references(work.references, outcome.body):
            refused = (our_id in self.refused.get(name, ()) for name in spot.entities)
            if not spot.later and all(refused):
                reason = f"waits for {spot.entities[0]} {our_id}, which is rejected"
                return LeftOut(key, "R206", reason)
        return None

    def _id_of(self, work: EntityWork, record: Record) -> str:
        """Return our ID of a record that a row rejects; others may point to it."""
        try:
            return composed(work.id, record, self.settings.separator)
        except RecordError:
            return ""

    def _change(
        self,
        work: EntityWork,
        key: str,
        record: Record,
        outcome: Outcome,
        link: Link | None,
    ) -> Change | None:
        """Return what to send; None if the partner has it already."""
        digest = digest_of(outcome.body)
        old_id = ""
        fixed = _fixed_digest(work, outcome.body)
        our_id = outcome.id or ""
        operation: Operation = "update"
        if link is None:
            adopts = self._adopts(work, record)
            operation = "update" if adopts else "create"
        elif link.our_id != our_id:
            old_id = link.our_id
        elif link.digest == digest and key not in self.in_doubt:
            return None
        elif link.fixed and link.fixed != fixed:
            operation = "replace"
        return Change(
            key=key,
            id=our_id,
            operation=operation,
            body=outcome.body,
            only={name: dict(part) for name, part in outcome.only.items()},
            digest=digest,
            fixed=fixed,
            partner_id=link.partner_id if link else None,
            linked=link is not None,
            accepted=link.digest if link else "",
            adopts=link is None and operation == "update",
            fields=self._changed_fields(work, link, outcome.body, operation),
            old_id=old_id,
        )

    def _changed_fields(
        self,
        work: EntityWork,
        link: Link | None,
        body: Mapping[str, Any],
        operation: Operation,
    ) -> tuple[str, ...]:
        if link is None or not link.fields or operation != "update":
            return ()
        known = self.fields[work.name]
        return self.state.fingerprints.changed(link.fields, body, known)

    def _adopts(self, work: EntityWork, record: Record) -> bool:
        if work.adopts is None:
            return False
        when = work.adopts.when
        return when is None or holds(when, record, self.settings)

    def _withdraw_twins(self, ids: Ids) -> None:
        for entity, key, our_id, operation in ids.twins():
            item = LeftOut(key, "R208", f"another record has the ID {our_id}, too")
            other = self.plan.entities[entity]
            if operation != "rejected" and key not in other.withdrawn:
                other.withdraw(operation, item)
                self.refused.setdefault(entity, set()).add(our_id)


def _fixed_digest(work: EntityWork, body: Mapping[str, Any]) -> str:
    """Return the hash of what the partner cannot change; "" if it can change all."""
    if not work.immutable:
        return ""
    return digest_of(
        {".".join(target): list(values_at(body, target)) for target in work.immutable}
    )


def _reject(key: str, problems: Iterable[Problem]) -> LeftOut:
    first, *others = problems
    more = "".join(f"; {p.message}" for p in others)
    return LeftOut(key, first.code, first.message + more, origin=str(first.origin))
