"""Run two versions of a spec over one source: activations in, an impact out.

Both are planned as for a customer who has nothing at the partner yet, with a state in
memory: nothing is sent, and nothing is written to the state of the activation.
"""

from collections.abc import Callable

from engine.app.workbench.impact.figures import Impact
from engine.app.workbench.impact.payloads import Payloads, Side
from engine.app.workbench.impact.records import RecordComparison, Works
from engine.runtime.activation import Activation
from engine.runtime.run import Progress, planned


def impact_of(
    old: Activation,
    new: Activation,
    labels: tuple[str, str],
    progress: Progress,
    *,
    unmasked: bool = False,
) -> Impact:
    """Return what changes for the records of an activation's source."""
    found = Impact(old.name, *labels)
    warnings: dict[Side, list[str]] = {}
    by_mandant: dict[str, Callable[[str], str]] = {}
    rows: dict[str, dict[str, str]] = {}
    sides: tuple[tuple[Side, Activation], ...] = (("old", old), ("new", new))
    with Payloads() as payloads:
        for side, activation in sides:
            with planned(activation, progress) as plan:
                for name, part in plan.entities.items():
                    payloads.add(side, part)
                    by_mandant[name] = part.mandant_of
                    rows.setdefault(name, {}).update(part.rows)
                warnings[side] = plan.warnings
        payloads.index()
        progress.stage("Comparing")
        for name, works in _works(old, new).items():
            comparison = RecordComparison(
                payloads, works, rows[name], by_mandant[name], unmasked=unmasked
            )
            found.entities[name] = comparison.result()
            progress.advance(1)
    found.warnings = [w for w in warnings["new"] if w not in warnings["old"]]
    return found


def _works(old: Activation, new: Activation) -> dict[str, Works]:
    """Return each entity in both versions, in the order of the new one."""
    before = {work.name: work for work in old.use_case.work.entities}
    after = {work.name: work for work in new.use_case.work.entities}
    rules = new.use_case.work.rules
    removing = frozenset(rule.rule for rule in rules if rule.removes)
    return {
        name: Works(before.get(name), after.get(name), removing)
        for name in dict.fromkeys([*after, *before])
    }
