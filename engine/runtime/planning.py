"""Plan a run: staged records and the state in, the changes to send out.

Nothing is sent and nothing is written to the state here.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson
from jsonschema import Draft202012Validator, FormatChecker

from connectors.payloads import merged
from engine.compiler import Transformer, compile_entity
from engine.conditions import holds
from engine.interpreter import Outcome, origin_by_field
from engine.problems import Problem
from engine.records import Record
from engine.runtime.plan import Change, EntityPlan, LeftOut, Plan, Rekey, left_out
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState, Link
from engine.work import EntityWork, ReferenceSpot, Settings, UseCaseWork

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
    planning = _Planning(plan, staging, state, settings)
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
    ids: dict[str, "_Ids"] = field(default_factory=dict)
    refused: dict[str, set[str]] = field(default_factory=dict)
    """Entity -> our IDs of records that will not reach the partner in this run."""

    def entity(self, work: EntityWork, advance: Advance) -> None:
        part = EntityPlan(work.name, work.label)
        self.plan.entities[work.name] = part
        for place, code, message in self.staging.broken(work):
            part.reject(LeftOut(place, code, message))
        self._keep_verdicts(work, part)
        ids = self.ids.setdefault(work.resource, _Ids(self.staging))
        ids.begin()
        transform = compile_entity(work, self.settings)
        check = PayloadCheck(work)
        belongs = self.staging.selection(work)
        for batch in self.staging.batches(work):
            records = [(key, record) for key, record in batch if belongs(record)]
            self._batch(work, part, transform, check, ids, records)
            advance(work.name, len(batch))
        self._withdraw_twins(ids)
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
        rows = []
        for key, record in records:
            outcome = transform(record)
            link = links.get(key)
            problems = outcome.problems
            change = None
            if not problems:
                change = self._change(work, key, record, outcome, link)
                problems = check(change.body, change.create_only) if change else ()
            waits = self._waits(work, outcome) if change and not link else None
            if problems:
                rows.append((outcome.id or "", key, "rejected"))
                self._refuse(work, outcome.id, link)
                part.reject(_reject(key, problems))
            elif waits is not None:
                rows.append((outcome.id or "", key, "rejected"))
                self._refuse(work, outcome.id, link)
                part.reject(LeftOut(key, "R206", waits))
            elif change is None:
                rows.append((outcome.id or "", key, "unchanged"))
                part.counts["unchanged"] += 1
            else:
                rows.append((change.id, key, change.operation))
                part.add_change(change)
        ids.add(work.name, rows)

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
        our_id = outcome.id or ""
        if link is not None and link.our_id != our_id:
            self.plan.rekeys.append(Rekey(work.name, key, link.our_id, our_id))
        elif link is not None and link.digest == digest:
            return None
        adopts = link is None and self._adopts(work, record)
        return Change(
            key=key,
            id=our_id,
            operation="update" if link or adopts else "create",
            body=outcome.body,
            create_only=outcome.create_only,
            digest=digest,
            partner_id=link.partner_id if link else None,
            adopts=adopts,
        )

    def _adopts(self, work: EntityWork, record: Record) -> bool:
        if work.adopts is None:
            return False
        when = work.adopts.when
        return when is None or holds(when, record, self.settings)

    def _waits(self, work: EntityWork, outcome: Outcome) -> str | None:
        """Return why a new record must wait: one that it points to is refused."""
        for entities, our_id in references(work.references, outcome.body):
            if all(our_id in self.refused.get(entity, ()) for entity in entities):
                return f"waits for {entities[0]} {our_id}, which is rejected"
        return None

    def _refuse(self, work: EntityWork, our_id: str | None, link: Link | None) -> None:
        if our_id and link is None:
            self.refused.setdefault(work.name, set()).add(our_id)

    def _withdraw_twins(self, ids: "_Ids") -> None:
        for entity, key, our_id, operation in ids.twins():
            item = LeftOut(key, "R208", f"another record has the ID {our_id}, too")
            other = self.plan.entities[entity]
            if operation != "rejected" and key not in other.withdrawn:
                other.withdraw(operation, item)
                self.refused.setdefault(entity, set()).add(our_id)


def references(
    spots: Iterable[ReferenceSpot], body: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the possible entities and the ID of every record a payload points to."""
    for spot in spots:
        for value in values_at(body, spot.target):
            for our_id in value if isinstance(value, list) else [value]:
                if our_id is not None:
                    yield spot.entities, our_id


def values_at(body: Any, target: tuple[str, ...]) -> Iterator[Any]:
    """Yield what stands at a place of a payload; `[]` goes through a list."""
    if not target:
        yield body
    elif target[0] == "[]":
        for item in body if isinstance(body, list) else []:
            yield from values_at(item, target[1:])
    elif isinstance(body, dict) and target[0] in body:
        yield from values_at(body[target[0]], target[1:])


class PayloadCheck:
    """Check a payload against the partner's schema before anything is sent."""

    def __init__(self, work: EntityWork) -> None:
        self.validator = Draft202012Validator(
            work.schema, format_checker=FormatChecker()
        )
        self.origins = origin_by_field(work)
        self.fallback = work.id_field.origin

    def __call__(
        self, body: Mapping[str, Any], create_only: Mapping[str, Any]
    ) -> tuple[Problem, ...]:
        """Return what is wrong with a payload, each with the row that made it."""
        payload = merged(body, create_only)
        if self.validator.is_valid(payload):
            return ()
        return tuple(self._problem(e) for e in self.validator.iter_errors(payload))

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

    def __init__(self, staging: Staging) -> None:
        self.db = staging.db
        self.table = f"ids_{id(self)}"
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
