"""Onboard an activation: match it with what the partner has, and adopt what matches.

Matching changes nothing. Adoption matches anew, refuses a report that does not fit any
more, and links what a person accepted: the next sync updates it and creates none of it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from engine.errors import BrakeError, SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation
from engine.runtime.disk import room_for_files
from engine.runtime.links import Link
from engine.runtime.match_report import Decision, MatchReport
from engine.runtime.matching import Matching, MatchRow
from engine.runtime.planning import make_plan
from engine.runtime.reading_back import ReadBack, connected
from engine.runtime.run import Progress, Silent, refuse_rekeys, staged
from engine.runtime.spec_files import spec_of
from engine.runtime.state import State
from engine.work import EntityWork

ADOPTED = ("exact", "probable", "decided")
LEFT = ("refused", "waits", "cannot_be_renamed", "not_accepted", "changed", "known")
_PORTION = 500


@contextmanager
def matched(
    activation: Activation, progress: Progress | None = None, *, alone: bool = False
) -> Iterator[Matching]:
    """
    Read source and partner, and match them; `alone` keeps other processes out.

    Raises UnreachableError if the partner cannot be read to the end.
    """
    progress = progress or Silent()
    work = activation.use_case.work
    with ExitStack() as stack:
        stack.enter_context(room_for_files())
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        if alone:
            stack.enter_context(own.exclusive())
        session = stack.enter_context(connected(activation, state))
        staging = stack.enter_context(staged(activation, own, progress))
        progress.stage("Planning")
        settings = activation.settings
        plan = stack.enter_context(
            make_plan(activation.name, work, staging, own, settings)
        )
        refuse_rekeys(activation, plan)
        progress.stage("Reading back")
        back = stack.enter_context(ReadBack(work, session, progress, activation.name))
        matching = Matching(work, plan, own, back)
        matching.match()
        yield matching


def header_of(activation: Activation, matching: Matching) -> dict[str, Any]:
    """Return what a report says of itself and of each entity: figures only."""
    work, unreadable = matching.work, matching.back.unreadable
    counts = matching.counts()
    return {
        "report": MatchReport.kind,
        "activation": activation.name,
        "file": str(activation.origin.file),
        "spec_version": work.version,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "digest": matching.back.digest,
        "entities": {
            entity.name: {
                "label": entity.label,
                **counts[entity.name],
                "named_by_us": entity.named_by_us,
                "cannot_be_read": unreadable.get(entity.resource),
            }
            for entity in work.entities
        },
    }


def adopt(
    activation: Activation,
    report: MatchReport,
    by: str,
    *,
    probable: bool = False,
    progress: Progress | None = None,
) -> dict[str, dict[str, int]]:
    """
    Link what a person accepted of a report; return what became of its rows, by entity.

    Exact ones are linked unless refused, probable ones with `probable` or where the
    report says yes, ambiguous ones where it names a candidate. Each entity is one
    transaction, so an adoption that was killed is repeated. Raises BrakeError if
    activation, spec or partner are not those of the report any more, SpecError with
    all decisions that cannot be used.
    """
    _need_same(activation, report, None)
    spec = spec_of(activation)
    with matched(activation, progress, alone=True) as matching:
        _need_same(activation, report, matching.back.digest)
        _need_usable(matching, report)
        run = matching.state.start_run(
            matching.work.version,
            kind="adopt",
            plan=report.digest,
            person=by,
            spec=spec,
        )
        done: dict[str, dict[str, int]] = {}
        for entity in matching.work.entities:
            adoption = _Adoption(matching, entity, report, probable=probable)
            links = adoption.links()
            run.settle(entity.name, links, {})
            done[entity.name] = adoption.counts
        totals = {
            name: sum(counts[name] for counts in done.values())
            for name in (*ADOPTED, *LEFT)
        }
        run.finish("done", totals, None)
    return done


class _Adoption:
    """The adoption of one entity's records."""

    def __init__(
        self,
        matching: Matching,
        entity: EntityWork,
        report: MatchReport,
        *,
        probable: bool,
    ) -> None:
        self.matching = matching
        self.entity = entity
        self.report = report
        self.probable = probable
        self.counts: dict[str, int] = dict.fromkeys((*ADOPTED, *LEFT), 0)

    def links(self) -> list[Link]:
        """Return the links to be made; their empty hash lets the next sync send all."""
        found: list[Link] = []
        seen = 0
        rows = self.matching.rows_of(self.entity, ("exact", "probable", "ambiguous"))
        while portion := list(islice(rows, _PORTION)):
            keys = [row.key for row in portion]
            waiting = self.matching.ours.without_parents(self.entity, keys)
            for row in portion:
                decision = self.report.decisions.get((row.entity, row.key))
                outcome, partner_id = self._outcome(row, decision)
                if outcome in ADOPTED and row.key in waiting:
                    outcome = "waits"
                self.counts[outcome] += 1
                seen += decision is not None
                if outcome in ADOPTED:
                    found.append(Link(row.key, row.our_id, partner_id, ""))
        self.counts["known"] = self.report.count(self.entity.name) - seen
        return found

    def _outcome(self, row: MatchRow, decision: Decision | None) -> tuple[str, Any]:
        if decision is None or decision.state != row.state:
            return "changed", None
        if decision.accept is False:
            return "refused", None
        if row.state == "ambiguous":
            chosen = decision.partner_id
            if chosen is None:
                return "not_accepted", None
            outcome, partner_id = "decided", _candidate(row, chosen)
        else:
            if decision.partner_id is not None and (
                str(decision.partner_id) != str(row.partner_id)
            ):
                return "changed", None
            accepted = row.state == "exact" or self.probable or decision.accept
            if not accepted:
                return "not_accepted", None
            outcome, partner_id = row.state, row.partner_id
        if self.entity.named_by_us:
            if row.state != "exact":
                return "cannot_be_renamed", None
            partner_id = self.matching.partner_id_of(self.entity, row.key)
        return outcome, partner_id


def _candidate(row: MatchRow, chosen: Any) -> Any:
    """Return the candidate that a person wrote into a cell, in the partner's type."""
    return next((one for one in row.candidates if str(one) == str(chosen)), None)


def _need_same(activation: Activation, report: MatchReport, digest: str | None) -> None:
    """Raise BrakeError if a report was made of something else."""
    version = activation.use_case.work.version
    problems = [
        Problem(
            Origin(report.path), "D312", f"it was made for {what} {was}, not {now}."
        )
        for what, was, now in (
            ("activation", report.activation, activation.name),
            ("version", report.spec_version, version),
        )
        if was != now
    ]
    if digest is not None and report.digest != digest:
        message = "the partner's records have changed since."
        problems.append(Problem(Origin(report.path), "D312", message))
    if problems:
        raise BrakeError(problems)


def _need_usable(matching: Matching, report: MatchReport) -> None:
    """Raise SpecError with every decision for something that is no candidate."""
    problems = []
    chosen: dict[tuple[str, str], str] = {}
    resources = {entity.name: entity.resource for entity in matching.work.entities}
    for row in matching.rows("ambiguous"):
        decision = report.decisions.get((row.entity, row.key))
        if decision is None or decision.partner_id is None:
            continue
        place = Origin(report.path, decision.line, "partner_id")
        one = str(decision.partner_id)
        if _candidate(row, one) is None:
            known = ", ".join(map(str, row.candidates))
            message = f"'{one}' is none of the candidates {known}."
            problems.append(Problem(place, "D313", message))
        first = chosen.setdefault((resources[row.entity], one), row.key)
        if first != row.key:
            message = f"'{one}' was chosen for {first} already."
            problems.append(Problem(place, "D313", message))
    if problems:
        raise SpecError(problems)
