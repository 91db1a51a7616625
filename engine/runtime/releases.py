"""Plans that wait for a person: what the brake holds back in, who let it pass out."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation
from engine.runtime.brake import held_changes, hold, judge, plan_id
from engine.runtime.database import (
    held_plan_table,
    journal_table,
    run_table,
    writing,
)
from engine.runtime.plan import Plan
from engine.runtime.saved_plan import terms_of
from engine.runtime.state import ActivationState, State
from engine.runtime.verdicts import Release


def apply_brake(activation: Activation, plan: Plan, state: ActivationState) -> None:
    """Let the brake judge a plan; what it holds back and nobody released stays."""
    plan.verdicts = judge(plan, activation.file.brake, state)
    if not plan.verdicts and not plan.rekeys:
        return
    plan.id = plan_id(plan, plan.verdicts)
    releases = Releases(state)
    terms = terms_of(activation)
    plan.release = releases.of(plan.id) or releases.of_unfinished(plan, terms)
    if plan.release is None:
        hold(plan, plan.verdicts)
    elif plan.release.decision == "recreate":
        for rekey in plan.rekeys:
            plan.entities[rekey.entity].recreate(rekey.key)


class Rekeying(StrEnum):
    """What may become of records that would get other IDs."""

    MIGRATE = "migrate"
    RECREATE = "recreate"


def release_plan(
    activation: Activation,
    plan: str | Mapping[str, Any],
    by: str,
    reason: str,
    rekey: Rekeying | None,
) -> str:
    """
    Let a plan pass, by its name or as it was saved; returns its name.

    Raises SpecError if it cannot.
    """
    saved = plan if isinstance(plan, Mapping) else None
    name: str = saved["brake"]["plan"] if saved else str(plan)
    if not name:
        raise SpecError([_refused(activation.name, "the brake holds nothing back.")])
    if not all(text.strip() and text.isprintable() for text in (by, reason)):
        raise SpecError([_refused(name, "a name and a reason are needed, as text.")])
    with State(activation.state_url) as state:
        releases = Releases(state.activation(activation.name))
        done = releases.of(name)
        if done is not None:
            why = f"{done.by} has released it at {done.at}."
            raise SpecError([_refused(name, why)])
        if saved:
            terms, brake = terms_of(activation), saved["brake"]
            releases.keep(name, terms, brake["verdicts"], saved["rekeys"])
        held = next((h for h in releases.held() if h["plan_id"] == name), None)
        if held is None:
            why = "no such plan waits; run `feldwerk sync` first."
            raise SpecError([_refused(name, why)])
        renamed = held["verdicts"]["renamed"]
        why_not = rekeying_problems(activation, renamed, rekey or "")
        problems = [_refused(name, why) for why in why_not]
        if problems:
            raise SpecError(problems)
        releases.release(name, by, reason, rekey.value if rekey else "")
    return name


def rekeying_problems(
    activation: Activation, renamed: Sequence[str], rekey: str
) -> Iterator[str]:
    """Yield why a decision about other IDs cannot be carried out."""
    if not renamed and rekey:
        yield "no record gets another ID; leave --rekey out."
    if renamed and not rekey:
        yield "records would get other IDs; decide with --rekey migrate or recreate."
    work = activation.use_case.work
    for name in renamed:
        resource = work.entity(name).resource
        if rekey == Rekeying.MIGRATE and work.entity(name).named_by_us:
            yield f"{name} cannot be renamed: the partner keeps them under our IDs."
        if rekey == Rekeying.RECREATE and not activation.use_case.connector.can_remove(
            resource
        ):
            yield f"{name} cannot be removed at the partner."


def _refused(plan: str, why: str) -> Problem:
    return Problem(Origin(plan), "P003", why)


class Releases:
    """The plans of one activation that were held back."""

    def __init__(self, state: ActivationState) -> None:
        self.state = state
        self.engine = state.engine

    def keep(
        self,
        plan: str,
        terms: str,
        verdicts: Sequence[Mapping[str, Any]],
        rekeys: Sequence[Mapping[str, Any]],
    ) -> None:
        """Note that a plan is held back, for people to find it; once while it waits."""
        if any(held["plan_id"] == plan for held in self.held()):
            return
        row = {
            "activation_id": self.state.number,
            "plan_id": plan,
            "made_at": datetime.now(UTC),
            "verdicts": {
                "terms": terms,
                "verdicts": list(verdicts),
                "rekeys": len(rekeys),
                "renamed": sorted({rekey["entity"] for rekey in rekeys}),
            },
        }
        with writing(self.engine) as db:
            db.execute(sa.insert(held_plan_table).values(row))

    def held(self) -> list[dict[str, Any]]:
        """Return the plans that wait for a person, newest first."""
        columns = held_plan_table.c
        query = (
            sa.select(held_plan_table)
            .where(
                columns.activation_id == self.state.number,
                columns.released_at.is_(None),
            )
            .order_by(columns.made_at.desc())
        )
        with self.engine.connect() as db:
            return [dict(row) for row in db.execute(query).mappings()]

    def of(self, plan: str, terms: str | None = None) -> Release | None:
        """
        Return who released a plan, unless a run has passed with that already.

        With `terms` only if it was released under these.
        """
        columns = held_plan_table.c
        runs = run_table.c
        used = sa.exists().where(
            runs.activation_id == self.state.number,
            runs.plan_id == plan,
            runs.state.in_(("done", "braked")),
            runs.started_at >= columns.released_at,
        )
        query = sa.select(held_plan_table).where(
            columns.activation_id == self.state.number,
            columns.plan_id == plan,
            columns.released_at.is_not(None),
            ~used,
        )
        with self.engine.connect() as db:
            row = db.execute(query).mappings().first()
        if row is None or (terms is not None and row["verdicts"]["terms"] != terms):
            return None
        at = row["released_at"].replace(tzinfo=UTC).isoformat(timespec="seconds")
        return Release(row["released_by"], row["reason"], at, row["decision"] or "")

    def of_unfinished(self, plan: Plan, terms: str) -> Release | None:
        """
        Return the release of a plan that was begun and not finished.

        What is left of it is another plan; it passes if it holds nothing new and spec
        and settings, `terms`, are the same: another separator is another decision.
        """
        query = (
            sa.select(run_table.c.id, run_table.c.plan_id, run_table.c.state)
            .where(
                run_table.c.activation_id == self.state.number,
                run_table.c.kind.in_(("sync", "apply")),
            )
            .order_by(run_table.c.id.desc())
            .limit(1)
        )
        with self.engine.connect() as db:
            last = db.execute(query).first()
        if last is None or not last.plan_id or last.state in ("done", "braked"):
            return None
        release = self.of(last.plan_id, terms)
        begun = self._begun(last.id) if release is not None else set()
        if release is not None and release.decision == "recreate":
            begun |= {(entity, key, "update") for entity, key, _ in begun}
        if not set(held_changes(plan, plan.verdicts)) <= begun:
            return None
        plan.id = last.plan_id
        return release

    def _begun(self, run: int) -> set[tuple[str, str, str]]:
        columns = journal_table.c
        query = sa.select(columns.entity, columns.key, columns.operation)
        with self.engine.connect() as db:
            rows = db.execute(query.where(columns.run_id == run))
            return {(entity, key, operation) for entity, key, operation in rows}

    def release(self, plan: str, by: str, reason: str, decision: str) -> None:
        """Let a plan pass that is held back."""
        columns = held_plan_table.c
        with writing(self.engine) as db:
            db.execute(
                sa.update(held_plan_table)
                .where(
                    columns.activation_id == self.state.number,
                    columns.plan_id == plan,
                    columns.released_at.is_(None),
                )
                .values(
                    released_at=datetime.now(UTC),
                    released_by=by,
                    reason=reason,
                    decision=decision,
                )
            )
