"""Explain one record: an entity and a key in, each field's way or the reason out."""

from collections.abc import Iterable, Iterator
from typing import Any

from engine.errors import RecordError, SpecError
from engine.interpreter import Outcome, Trace, composed, interpret, trace
from engine.problems import Origin, Problem
from engine.records import Record
from engine.runtime.activation import Activation
from engine.runtime.library import unknown_entity
from engine.runtime.payload_check import PayloadCheck
from engine.runtime.planning import digest_of
from engine.runtime.run import Silent, staged
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState, State
from engine.standard import Standard
from engine.work import (
    Constant,
    EntityWork,
    FieldWork,
    FromFields,
    FromJsonPath,
    IdParts,
    ReferenceTo,
    Settings,
)


def explain(activation: Activation, entity: str, key: str) -> list[dict[str, Any]]:
    """
    Return an explanation for each partner entity that the record becomes.

    `entity` is a partner entity or a Standard entity, `key` our ID of the record or
    its ERP key. Raises SpecError if there is no such entity or record.
    """
    works = _entities(activation, entity)
    standard: Standard = activation.use_case.work.standard
    with State(activation.state_url) as state:
        own = state.activation(activation.name)
        with staged(activation, own, Silent()) as staging:
            found = [
                _explain(activation, work, staging, own, match)
                for work in works
                for match in matches(work, staging, activation.settings, key)
            ]
    if not found:
        place = Origin(str(activation.source))
        parts = "/".join(standard.entities[works[0].base].key)
        message = f"no {entity} has the ID or the key '{key}'; a key is {parts}."
        raise SpecError([Problem(place, "R209", message)])
    return found


def _entities(activation: Activation, name: str) -> list[EntityWork]:
    work = activation.use_case.work
    found = [
        entity
        for entity in work.entities
        if name in (entity.name, entity.base, *entity.erp)
    ]
    if not found:
        known = [n for e in work.entities for n in (e.name, e.base, *e.erp)]
        raise SpecError([unknown_entity(work, name, known, activation.origin)])
    return found


def matches(
    work: EntityWork, staging: Staging, settings: Settings, wanted: str
) -> Iterator[str]:
    """Yield the ERP keys of the records that a key or an ID of ours stands for."""
    for key in staging.keys(work.base):
        if key == wanted:
            yield key
            continue
        record = staging.plain_record(work.base, key)
        if record is None:
            continue
        try:
            if composed(work.id, record, settings.separator) == wanted:
                yield key
        except RecordError:
            continue


def _explain(
    activation: Activation,
    work: EntityWork,
    staging: Staging,
    state: ActivationState,
    key: str,
) -> dict[str, Any]:
    answer: dict[str, Any] = {"entity": work.name, "label": work.label, "key": key}
    record, reason = standing(work, staging, key)
    if record is None:
        return {**answer, **reason}
    return {**answer, **_fields(activation, work, record, state, key)}


def standing(
    work: EntityWork, staging: Staging, key: str
) -> tuple[Record | None, dict[str, Any]]:
    """Return a record that becomes a partner's entity, or else why it does not."""
    record = staging.record(work, key)
    if record is not None and not staging.selection(work)(record):
        reason = "belongs to another entity of the partner"
        return None, {"state": "elsewhere", "reason": reason}
    members = [node for node in work.erp if staging.is_member(node, key)]
    if not members:
        reason = f"no {' or '.join(work.erp)}: no contract of that kind names it"
        return None, {"state": "elsewhere", "reason": reason}
    verdicts = [staging.judge.verdict(node, key) for node in members]
    if all(verdicts):
        first = next(v for v in verdicts if v is not None)
        return None, {
            "state": first.verdict,
            "code": first.code,
            "rule": first.rule,
            "reason": first.message,
            "chain": list(first.chain),
        }
    if record is None:
        return None, {"state": "rejected", "reason": "the row cannot be read"}
    return record, {}


def transformed(
    work: EntityWork, record: Record, settings: Settings
) -> tuple[Outcome, list[Problem], list[Trace]]:
    """Return what a record becomes, what rejects it, and what each row did."""
    traces = trace(work, record, settings)
    problems = [t.problem for t in traces if t.problem and t.fate == "refused"]
    outcome = interpret(work, record, settings)
    if not problems:
        check = PayloadCheck(work)
        outcome = check.tolerated(outcome)
        problems = list(check(outcome.body, outcome.only))
    return outcome, problems, traces


def _fields(
    activation: Activation,
    work: EntityWork,
    record: Record,
    state: ActivationState,
    key: str,
) -> dict[str, Any]:
    outcome, problems, traces = transformed(work, record, activation.settings)
    link = state.links(work.name, [key]).get(key)
    answer: dict[str, Any] = {"id": traces[0].value}
    open_reject = _open_reject(state, work, key)
    if problems:
        answer |= {"state": "rejected", "reason": problems[0].message}
        answer["code"] = problems[0].code
    elif open_reject:
        answer |= {"state": "rejected in the last run", **open_reject}
    elif link is None:
        answer["state"] = "not sent yet"
    else:
        same = digest_of(outcome.body) == link.digest
        answer["state"] = "accepted" if same else "changed since it was accepted"
    if link is not None:
        answer["partner_id"] = link.partner_id
    answer["fields"] = ways_of(work, traces)
    return answer


def _open_reject(
    state: ActivationState, work: EntityWork, key: str
) -> dict[str, str] | None:
    for reject in state.rejects():
        if (reject["entity"], reject["key"]) == (work.name, key):
            return {"code": reject["code"], "reason": reject["message"]}
    return None


def ways_of(work: EntityWork, traces: Iterable[Trace]) -> list[dict[str, Any]]:
    """Return the way of each value, and whether it stands in the address alone."""
    there = names_in_address(work)
    return [{**_way_of(item), "in_address": item.name in there} for item in traces]


def names_in_address(work: EntityWork) -> frozenset[str]:
    """Return the fields that stand in the address of a request and not in its body."""
    own = () if work.id_in_body else work.id_field.target
    return work.path_fields.union(own)


def _way_of(item: Trace) -> dict[str, Any]:
    """Return the way of a value as it is shown: row, source, steps, what came of it."""
    work: FieldWork = item.work
    return {
        "partner_field": item.name,
        "row": f"{work.origin.file}:{work.origin.line}",
        "erp_fields": _sources(work),
        "source": list(item.source) if isinstance(item.source, tuple) else item.source,
        "steps": [{"transform": name, "value": value} for name, value in item.steps],
        "fate": item.fate,
        "value": item.value,
        "problem": item.problem.message if item.problem else None,
    }


def _sources(work: FieldWork) -> list[str]:
    match work.source:
        case FromFields(paths):
            return [str(path) for path in paths]
        case FromJsonPath(text):
            return [text]
        case IdParts(parts):
            return [str(part) for part in parts]
        case ReferenceTo(entity, collection, IdParts(parts)):
            way = f"{collection}." if collection.segments else ""
            return [f"{way}{part}" for part in parts] + [f"the ID of {entity}"]
        case Constant():
            return []
