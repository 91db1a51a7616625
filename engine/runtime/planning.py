"""Plan a run: staged records and the state in, the changes to send out.

Nothing is sent and nothing is written to the state here.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import chain
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from connectors.payloads import merged
from engine.compiler import Transformer, compile_entity
from engine.conditions import holds
from engine.interpreter import Only, Outcome, origin_by_field, tolerant_fields
from engine.payload import references, values_at
from engine.problems import Problem
from engine.records import Record
from engine.runtime.doubts import Doubts
from engine.runtime.plan import (
    Change,
    EntityPlan,
    LeftOut,
    Operation,
    Plan,
    Rekey,
    left_out,
)
from engine.runtime.staging import Staging
from engine.runtime.state import REMOVED, ActivationState, Link
from engine.work import EntityWork, Settings, UseCaseWork

Advance = Callable[[str, int], None]


def make_plan(
    name: str,
    work: UseCaseWork,
    staging: Staging,
    state: ActivationState,
    settings: Settings,
    advance: Advance = lambda _entity, _count: None,
) -> Plan:
    """Compare every staged record with what was accepted last, parents first."""
    plan = Plan(name)
    planning = _Planning(plan, staging, state, settings, Doubts(staging))
    for entity in work.entities:
        planning.entity(entity, advance)
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
    ids: dict[str, "_Ids"] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)
    """Entity -> our IDs of records that will not reach the partner in this run."""
    in_doubt: frozenset[str] = frozenset()
    """Keys of the entity's records whose sending nobody saw the end of."""

    def entity(self, work: EntityWork, advance: Advance) -> None:
        """Plan all records of an entity."""
        part = EntityPlan(work.name, work.label)
        self.plan.entities[work.name] = part
        if self.staging.is_off(work):
            return
        for place, code, message in self.staging.broken(work):
            part.reject(LeftOut(place, code, message))
        self._keep_verdicts(work, part)
        if work.resource not in self.ids:
            self.ids[work.resource] = _Ids(self.staging, len(self.ids))
        ids = self.ids[work.resource]
        ids.begin()
        self.in_doubt = self.state.in_doubt(work.name)
        transform = compile_entity(work, self.settings)
        check = PayloadCheck(work)
        belongs = self.staging.selection(work)
        for batch in self.staging.batches(work):
            records = [(key, record) for key, record in batch if belongs(record)]
            self._batch(work, part, transform, check, ids, records)
            advance(work.name, len(batch))
        self._withdraw_twins(ids)
        self._removals(work, part)
        for warning, count in part.warnings.items():
            of = "1 record" if count == 1 else f"{count} records"
            self.plan.warnings.append(f"{warning} Left out of {of}.")
        part.gone = sum(
            len(keys) - self.staging.count(work, keys)
            for keys in self.state.link_keys(work.name)
        )

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
        check: "PayloadCheck",
        ids: "_Ids",
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
        for key, _ in records:
            outcome, change = outcomes[key], changes.get(key)
            waits = doubts.get(key) or lacking.get(key)
            item = self._held_back(work, key, outcome, change, waits, check)
            if item is not None:
                rows.append((outcome.id or "", key, "rejected"))
                if outcome.id and key not in links:
                    self.refused.setdefault(work.name, set()).add(outcome.id)
                part.reject(item)
                continue
            part.warnings.update(map(str, outcome.warnings))
            if change is None:
                rows.append((outcome.id or "", key, "unchanged"))
                part.counts["unchanged"] += 1
            else:
                rows.append((change.id, key, change.operation))
                part.add_change(change)
        ids.add(work.name, rows)

    def _held_back(
        self,
        work: EntityWork,
        key: str,
        outcome: Outcome,
        change: Change | None,
        waits: str | None,
        check: "PayloadCheck",
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
        fixed = _fixed_digest(work, outcome.body)
        our_id = outcome.id or ""
        operation: Operation = "update"
        if link is None:
            adopts = self._adopts(work, record)
            operation = "update" if adopts else "create"
        elif link.our_id != our_id:
            self.plan.rekeys.append(Rekey(work.name, key, link.our_id, our_id))
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
        )

    def _removals(self, work: EntityWork, part: EntityPlan) -> None:
        """Plan to remove what was sent and is not wanted at the partner any more."""
        if work.removal == "nothing":
            return
        last = _last_rows(work)
        transform = compile_entity(last, self.settings)
        unseen = sorted(self.in_doubt)  # they may be there, with or without a link
        for keys in chain(self.state.link_keys(work.name), [unseen]):
            links = self.state.links(work.name, keys)
            known = [k for k in keys if k not in links or links[k].digest != REMOVED]
            if keys is unseen:
                known = [key for key in keys if key not in links]
            for key, record in self.doubts.unwanted(work, known):
                outcome = transform(record)
                link = links.get(key)
                if link is None and outcome.id:
                    link = Link(key, outcome.id, None, "")
                if link is None or (outcome.problems and last.fields):
                    part.reject(_reject(key, outcome.problems))
                    continue
                body = merged(outcome.body, outcome.only.get("remove", {}))
                part.add_change(
                    Change(
                        key=key,
                        id=link.our_id,
                        operation="remove",
                        body=body,
                        only={},
                        digest=REMOVED,
                        fixed=link.fixed,
                        partner_id=link.partner_id,
                        linked=True,
                    )
                )

    def _adopts(self, work: EntityWork, record: Record) -> bool:
        if work.adopts is None:
            return False
        when = work.adopts.when
        return when is None or holds(when, record, self.settings)

    def _withdraw_twins(self, ids: "_Ids") -> None:
        for entity, key, our_id, operation in ids.twins():
            item = LeftOut(key, "R208", f"another record has the ID {our_id}, too")
            other = self.plan.entities[entity]
            if operation != "rejected" and key not in other.withdrawn:
                other.withdraw(operation, item)
                self.refused.setdefault(entity, set()).add(our_id)


class PayloadCheck:
    """Check a payload against the partner's schema before anything is sent."""

    def __init__(self, work: EntityWork) -> None:
        self.validator = Draft202012Validator(
            work.schema, format_checker=FormatChecker()
        )
        self.origins = origin_by_field(work)
        self.fallback = work.id_field.origin
        self.tolerant = tolerant_fields(work)

    def __call__(self, body: Mapping[str, Any], only: Only) -> tuple[Problem, ...]:
        """Return what is wrong with a payload, each with the row that made it."""
        # The part for an update counts too: a new record may be at the partner already.
        for part in (only.get("create", {}), only.get("update")):
            payload = body if part is None else merged(body, part)
            if part is not None and not self.validator.is_valid(payload):
                errors = self.validator.iter_errors(payload)
                return tuple(self._problem(error) for error in errors)
        return ()

    def tolerated(self, outcome: Outcome) -> Outcome:
        """Leave out the wrong fields whose rows allow that; the others stay."""
        if not self.tolerant or outcome.problems:
            return outcome
        warnings: list[Problem] = []
        body = self._without_wrong(outcome.body, warnings)
        only = {
            operation: self._without_wrong(part, warnings)
            for operation, part in outcome.only.items()
        }
        if not warnings:
            return outcome
        return outcome._replace(
            body=body, only=only, warnings=(*outcome.warnings, *warnings)
        )

    def _without_wrong(
        self, payload: Mapping[str, Any], warnings: list[Problem]
    ) -> dict[str, Any]:
        """Return a payload, or a part of one, without what may be left out of it."""
        places: list[list[str | int]] = []
        for error in self.validator.iter_errors(payload):
            place = list(error.absolute_path)
            # A part of a payload lacks what is required; that is not its fault.
            if not place or error.validator == "required":
                continue
            if _name_of(place).removesuffix("[]") in self.tolerant:
                places.append(place)
                warnings.append(self._problem(error))
        if not places:
            return dict(payload)
        left = deepcopy(dict(payload))
        for place in sorted(places, key=str, reverse=True):
            _take_out(left, place)
        return left

    def _problem(self, error: Any) -> Problem:
        """Say which rule is broken, never the value: it may be personal."""
        field_name = _name_of(error.absolute_path)
        if error.validator == "required":
            missing = [n for n in error.validator_value if n not in error.instance]
            field_name = ".".join(filter(None, (field_name, missing[0])))
            message = f"the partner requires {', '.join(missing)}."
        else:
            rule = orjson.dumps(error.validator_value).decode()
            message = (
                f"{field_name} breaks the partner's rule {error.validator} {rule}."
            )
        origin = self.origins.get(field_name.removesuffix("[]"), self.fallback)
        return Problem(origin, "R207", message)


def _last_rows(work: EntityWork) -> EntityWork:
    """
    Return the rows that removing needs: all, or those of the address and the end.

    A partner that merges an update gets no more of a person than what ends it, and
    nothing else that is wrong with the record stands in the way.
    """
    if work.removal_needs_payload:
        return work
    needed = tuple(
        item
        for item in work.fields
        if getattr(item, "only_in", None) == "remove"
        or item.target[0] in work.path_fields
    )
    return replace(work, fields=needed)


def _fixed_digest(work: EntityWork, body: Mapping[str, Any]) -> str:
    """Return the hash of what the partner cannot change; "" if it can change all."""
    if not work.immutable:
        return ""
    return digest_of(
        {".".join(target): list(values_at(body, target)) for target in work.immutable}
    )


def _take_out(body: Any, place: Sequence[str | int]) -> None:
    """Delete what stands at a place of a payload, and what is empty then."""
    owners = [body]
    for part in place[:-1]:
        owners.append(owners[-1][part])
    for owner, part in zip(reversed(owners), reversed(place), strict=True):
        del owner[part]
        if owner:
            return


def _name_of(path: Iterable[str | int]) -> str:
    """Return the name that a table gives a place in a payload: `tenants[].id`."""
    parts = ("[]" if isinstance(part, int) else f".{part}" for part in path)
    return "".join(parts).removeprefix(".")


def _reject(key: str, problems: Iterable[Problem]) -> LeftOut:
    first, *others = problems
    more = "".join(f"; {p.message}" for p in others)
    return LeftOut(key, first.code, first.message + more, origin=str(first.origin))


class _Ids:
    """The IDs of one resource: two records must never compose the same one."""

    def __init__(self, staging: Staging, number: int) -> None:
        self.db = staging.db
        self.table = f"ids_{number}"
        self.db.execute(
            f"CREATE TABLE {self.table}"
            " (our_id TEXT, entity TEXT, key TEXT, operation TEXT)"
        )

    def begin(self) -> None:
        self.db.execute(f"DROP INDEX IF EXISTS {self.table}_id")

    def add(self, entity: str, rows: Iterable[tuple[str, str, str]]) -> None:
        self.db.execute("BEGIN")
        self.db.executemany(
            f"INSERT INTO {self.table} VALUES (?, ?, ?, ?)",
            [(our_id, entity, key, operation) for our_id, key, operation in rows],
        )
        self.db.execute("COMMIT")

    def twins(self) -> list[tuple[str, str, str, str]]:
        """Return (entity, key, our ID, operation) of records that share an ID."""
        self.db.execute(f"CREATE INDEX {self.table}_id ON {self.table} (our_id)")
        return self.db.execute(
            f"SELECT entity, key, our_id, operation FROM {self.table} WHERE our_id IN"
            f" (SELECT our_id FROM {self.table} WHERE our_id != ''"
            " GROUP BY our_id HAVING COUNT(*) > 1)"
        ).fetchall()
