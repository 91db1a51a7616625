"""A run from end to end: an activation in, its plan or what was sent out.

`planned` and `synced` are the pipeline; each line of them is one stage.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain
from time import monotonic
from typing import Protocol

from connectors.transport import Session
from engine.errors import BrakeError, FencedError, StopError
from engine.language import FieldPath, Member, members_of
from engine.problems import Problem
from engine.runtime.activation import Activation
from engine.runtime.changes import OPERATIONS, LeftOut
from engine.runtime.completeness import require_files, require_values
from engine.runtime.delivery import deliver
from engine.runtime.deployed import KeptSpec
from engine.runtime.disk import room_for_files
from engine.runtime.forecast import forecast
from engine.runtime.journal import EntityEnd
from engine.runtime.links import Reject
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.planning import make_plan
from engine.runtime.releases import Releases, apply_brake, rekeying_problems
from engine.runtime.saved_plan import Approved, terms_of
from engine.runtime.source import FolderSource
from engine.runtime.spec_files import spec_of
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState, State


class Progress(Protocol):
    """Who watches a run: it is told the stage, its size if known, and each advance."""

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...
    def go_on(self) -> None:
        """Raise StopError to end the run before its next call; threads call it."""


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Take no notice."""

    def advance(self, count: int) -> None:
        """Take no notice."""

    def go_on(self) -> None:
        """Let it go on."""


@contextmanager
def planned(activation: Activation, progress: Progress | None = None) -> Iterator[Plan]:
    """Make the plan of an activation; nothing is sent and no run is entered."""
    progress = progress or Silent()
    with ExitStack() as stack:
        stack.enter_context(room_for_files())
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        staging = stack.enter_context(staged(activation, own, progress))
        yield stack.enter_context(_plan(activation, staging, own, progress))


@contextmanager
def synced(
    activation: Activation,
    progress: Progress | None = None,
    *,
    evict: bool = False,
    approved: Approved | None = None,
) -> Iterator[Plan]:
    """
    Plan and send; the plan that comes out holds what the partner accepted.

    With `evict` another process that runs this activation loses it. An `approved` plan
    is sent as it is, or SpecError says what has changed since.
    """
    progress = progress or Silent()
    secrets = activation.secrets()
    with ExitStack() as stack:
        stack.enter_context(room_for_files())
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        stack.enter_context(own.exclusive(evict=evict))
        if approved is not None:
            approved.require_inputs(activation)
        spec = spec_of(activation)
        staging = stack.enter_context(staged(activation, own, progress))
        plan = stack.enter_context(_plan(activation, staging, own, progress))
        if approved is not None:
            approved.require_changes(plan)
        if plan.is_held:
            found = [vars(verdict) for verdict in plan.verdicts]
            rekeys = [vars(one) for one in plan.rekeys]
            Releases(own).keep(plan.id, terms_of(activation), found, rekeys)
        refuse_rekeys(activation, plan)

        def hold() -> None:
            progress.go_on()
            own.hold()

        account = state.account(activation.account)
        session = stack.enter_context(
            Session(
                activation.use_case.connector,
                activation.addresses,
                secrets,
                settings=activation.settings,
                vault=account,
                spent=account,
                pace=account,
                hold=hold,
            )
        )
        kind = "sync" if approved is None else "apply"
        _send(activation, plan, session, own, progress, kind, spec)
        yield plan


def _send(
    activation: Activation,
    plan: Plan,
    session: Session,
    own: ActivationState,
    progress: Progress,
    kind: str,
    spec: KeptSpec,
) -> None:
    work = activation.use_case.work
    released = plan.id if plan.release else ""
    person = plan.release.by if plan.release else ""
    run = own.start_run(work.version, kind, released, person, spec)
    began = monotonic()

    def finish(
        state: str,
        totals: Mapping[str, int],
        rejects: Iterator[Reject] | None,
        ends: Iterable[EntityEnd] = (),
    ) -> None:
        seconds = monotonic() - began
        run.finish(
            state, totals, rejects, calls=session.calls, seconds=seconds, ends=ends
        )

    try:
        for name, part in plan.entities.items():
            changes = chain(part.changes(), part.removals())
            run.plan(name, ((change.key, change.operation) for change in changes))
        total = sum(plan.totals[operation] for operation in OPERATIONS)
        progress.stage("Sending", total)
        deliver(
            plan,
            work,
            session,
            own,
            run,
            lambda _entity, count: progress.advance(count),
        )
    except FencedError:
        raise  # the run belongs to another process now
    except StopError as error:
        finish("stopped", plan.totals_so_far, None)
        raise type(error)(
            [_named(activation, problem) for problem in error.problems]
        ) from None
    ends = map(_end, plan.entities.values())
    finish("braked" if plan.is_held else "done", plan.totals, _rejects(plan), ends)


def _end(part: EntityPlan) -> EntityEnd:
    missing = (item.key for item in part.missing()) if part.complete else None
    held = (change["key"] for change in part.held())
    return EntityEnd(part.name, missing, part.superseded, held)


@contextmanager
def staged(
    activation: Activation, state: ActivationState, progress: Progress
) -> Iterator[Staging]:
    """Read the source once; raises SpecError if a file is missing or broken."""
    use_case = activation.use_case
    source = FolderSource(activation.source, use_case.work.standard)
    source.verify()
    require_files(activation, source.entities(), state)
    with Staging(use_case.work, activation.settings) as staging:
        progress.stage("Reading", len(staging.bases))
        staging.load(source, lambda _base: progress.advance(1))
        require_values(activation, staging, state)
        staging.warnings = [*map(str, source.warnings), *staging.unneeded()]
        yield staging


def _plan(
    activation: Activation, staging: Staging, state: ActivationState, progress: Progress
) -> Plan:
    progress.stage("Planning")
    plan = make_plan(
        activation.name,
        activation.use_case.work,
        staging,
        state,
        activation.settings,
        activation.file.gone_after_runs,
        lambda _entity, count: progress.advance(count),
    )
    apply_brake(activation, plan, state)
    plan.forecast = forecast(activation.use_case, plan, state.calls_per_second())
    plan.warnings += staging.warnings
    plan.warnings += _unknown_numbers(activation, staging)
    plan.warnings += activation.exposed_secrets()
    return plan


def _unknown_numbers(activation: Activation, staging: Staging) -> list[str]:
    """Warn of numbers in a setting that no record of the source has."""
    found: dict[str, set[str]] = {}
    for rule in activation.use_case.work.rules:
        for member in members_of(rule.require):
            name, field = _setting_and_field(member)
            wanted = activation.settings.get(name) or ()
            if wanted and field:
                base = staging.standard.base(rule.entity)
                known = staging.has_value(base, field, wanted)
                found.setdefault(name, set()).update(known)
    return [
        f"setting {name}: '{number}' does not occur in the source"
        for name, known in found.items()
        for number in activation.settings[name]
        if number not in known
    ]


def _setting_and_field(member: Member) -> tuple[str, str]:
    items, left = member.items, member.left
    paths = isinstance(items, FieldPath) and isinstance(left, FieldPath)
    if paths and items.setting is not None:
        return items.setting, ".".join(left.names)
    return "", ""


def refuse_rekeys(activation: Activation, plan: Plan) -> None:
    """Stop before records that the partner knows get other IDs, unless decided so."""
    decision = plan.release.decision if plan.release else ""
    renamed = sorted({rekey.entity for rekey in plan.rekeys})
    if not list(rekeying_problems(activation, renamed, decision)):
        return
    shown = ", ".join(f"{r.entity} {r.old_id} -> {r.new_id}" for r in plan.rekeys[:3])
    message = (
        f"{len(plan.rekeys)} records would get other IDs: {shown}, ...;"
        f" the plan is {plan.id}."
    )
    raise BrakeError([Problem(activation.origin, "D303", message)])


def _named(activation: Activation, problem: Problem) -> Problem:
    message = f"{activation.name}: {problem.message}"
    return Problem(problem.origin, problem.code, message, problem.suggestion)


def _rejects(plan: Plan) -> Iterator[Reject]:
    for name, entity in plan.entities.items():
        for item in entity.rejects():
            yield _reject(name, item)


def _reject(entity: str, item: LeftOut) -> Reject:
    return Reject(entity, item.key, item.code, item.reason, item.origin)
