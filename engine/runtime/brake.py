"""The brake: a plan and its limits in, verdicts out, before anything is sent.

It judges what an operation would do to what the partner has of an entity, in one
Mandant and in all. What it holds back waits for a person; everything else is sent.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from hashlib import blake2b

from engine.activation_model import BrakeFile, Limit
from engine.runtime.changes import ALL, BRAKED, Operation
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.state import ActivationState
from engine.runtime.verdicts import Verdict


def judge(plan: Plan, limits: BrakeFile, state: ActivationState) -> list[Verdict]:
    """Return what the brake holds back of a plan."""
    verdicts: list[Verdict] = []
    for part in plan.entities.values():
        planned: dict[Operation, Limit] = {
            operation: limit
            for operation in BRAKED
            if (limit := getattr(limits, operation)) and part.counts[operation]
        }
        known = _known(part, state) if planned else Counter()
        for operation, limit in planned.items():
            verdicts += _judged(part, operation, limit, known)
    return verdicts


def _known(part: EntityPlan, state: ActivationState) -> Counter[str]:
    """Count the records that the partner has, by Mandant."""
    return Counter(
        part.mandant_of(key)
        for keys in state.link_keys(part.name, there=True)
        for key in keys
    )


def _judged(
    part: EntityPlan, operation: Operation, limit: Limit, known: Counter[str]
) -> Iterator[Verdict]:
    slices = {name: counts[operation] for name, counts in part.slices.items()}
    for mandant, count in sorted(slices.items()):
        why = _exceeds(limit, count, known[mandant])
        if why:
            yield Verdict(part.name, mandant, operation, count, known[mandant], why)
    total, of = sum(slices.values()), known.total()
    why = _exceeds(limit, total, of)
    if not why and operation == "remove" and part.gone_removed == of > 1:
        why = f"all {of:,} of them are gone"
    if why and (len(slices) > 1 or total == of):
        yield Verdict(part.name, ALL, operation, total, of, why)


def _exceeds(limit: Limit, count: int, known: int) -> str:
    if count > limit.count:
        return f"more than {limit.count:,} at once"
    if count >= limit.at_least and count > limit.share * known:
        return f"more than {limit.share:.0%} of {known:,}"
    return ""


def hold(plan: Plan, verdicts: list[Verdict]) -> None:
    """Take what the brake holds back out of what is sent."""
    for verdict in verdicts:
        part = plan.entities[verdict.entity]
        every = verdict.mandant == ALL
        for mandant in list(part.slices) if every else [verdict.mandant]:
            part.hold(verdict.operation, mandant)


def plan_id(plan: Plan, verdicts: list[Verdict]) -> str:
    """
    Return the name of what is held back: the same records, the same name.

    A release is good for it alone; one record more or less is another plan.
    """
    digest = blake2b(plan.activation.encode(), digest_size=6)
    for rekey in plan.rekeys:
        digest.update(f"\0{rekey.old_id} {rekey.new_id}".encode())
    for change in sorted(held_changes(plan, verdicts)):
        digest.update(f"\0{' '.join(change)}".encode())
    return digest.hexdigest()


def held_changes(
    plan: Plan, verdicts: list[Verdict]
) -> Iterator[tuple[str, str, Operation]]:
    """Yield entity, key and operation of what a person has to decide about."""
    for rekey in plan.rekeys:
        yield rekey.entity, rekey.key, "update"
    slices: Mapping[str, set[tuple[str, str]]] = {
        name: {(v.operation, v.mandant) for v in verdicts if v.entity == name}
        for name in {verdict.entity for verdict in verdicts}
    }
    for name, held in slices.items():
        part = plan.entities[name]
        for key, operation in part.planned():
            mandant = part.mandant_of(key)
            if (operation, mandant) in held or (operation, ALL) in held:
                yield name, key, operation
