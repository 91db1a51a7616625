"""A run from end to end: an activation in, its plan or what was sent out.

`planned` and `synced` are the pipeline; each line of them is one stage.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol

from connectors.transport import Session
from engine.errors import BrakeError, StopError
from engine.language import FieldPath, Member, members_of
from engine.problems import Problem
from engine.runtime.activation import Activation
from engine.runtime.completeness import require_files, require_values
from engine.runtime.delivery import deliver
from engine.runtime.plan import OPERATIONS, LeftOut, Plan
from engine.runtime.planning import make_plan
from engine.runtime.source import FolderSource
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState, Reject, State


class Progress(Protocol):
    """Who watches a run: it is told the stage, its size if known, and each advance."""

    def stage(self, name: str, total: int | None = None) -> None: ...
    def advance(self, count: int) -> None: ...


class Silent:
    """Nobody watches."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Take no notice."""

    def advance(self, count: int) -> None:
        """Take no notice."""


@contextmanager
def planned(activation: Activation, progress: Progress | None = None) -> Iterator[Plan]:
    """Make the plan of an activation; nothing is sent and no run is entered."""
    progress = progress or Silent()
    with ExitStack() as stack:
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        staging = stack.enter_context(staged(activation, own, progress))
        yield stack.enter_context(_plan(activation, staging, own, progress))


@contextmanager
def synced(activation: Activation, progress: Progress | None = None) -> Iterator[Plan]:
    """Plan and send; the plan that comes out holds what the partner accepted."""
    progress = progress or Silent()
    secrets = activation.secrets()
    with ExitStack() as stack:
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        stack.enter_context(own.exclusive())
        staging = stack.enter_context(staged(activation, own, progress))
        plan = stack.enter_context(_plan(activation, staging, own, progress))
        refuse_rekeys(activation, plan)
        use_case = activation.use_case
        account = state.account(activation.account)
        session = stack.enter_context(
            Session(
                use_case.connector,
                activation.addresses,
                secrets,
                settings=activation.settings,
                vault=account,
                spent=account,
            )
        )
        run = own.start_run(use_case.work.version)
        try:
            total = sum(plan.totals[operation] for operation in OPERATIONS)
            progress.stage("Sending", total)
            deliver(
                plan,
                use_case.work,
                session,
                own,
                run,
                lambda _entity, count: progress.advance(count),
            )
        except StopError as error:
            own.finish_run(run, "stopped", plan.totals_so_far, None)
            raise type(error)(
                [_named(activation, problem) for problem in error.problems]
            ) from None
        own.finish_run(run, "done", plan.totals, _rejects(plan))
        yield plan


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
        lambda _entity, count: progress.advance(count),
    )
    plan.warnings += staging.warnings
    plan.warnings += _unknown_numbers(activation, staging)
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
    """Stop before records that the partner knows would get other IDs."""
    if not plan.rekeys:
        return
    shown = ", ".join(f"{r.entity} {r.old_id} -> {r.new_id}" for r in plan.rekeys[:3])
    message = f"{len(plan.rekeys)} records would get other IDs: {shown}, ..."
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
