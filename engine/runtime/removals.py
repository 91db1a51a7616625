"""Plan removals: what was sent and is not wanted any more in, changes out.

Three kinds are told apart. What a rule or `records` no longer wants is removed at once.
What the source no longer has is gone: it is removed after some complete readings in a
row without it. What is only left out, or rejected, stays at the partner.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from connectors.payloads import merged
from engine.compiler import Transformer, compile_entity
from engine.interpreter import Outcome
from engine.problems import Problem
from engine.runtime.changes import Change, Gone, LeftOut
from engine.runtime.doubts import Doubts
from engine.runtime.links import REMOVED, Link
from engine.runtime.payload_check import PayloadCheck
from engine.runtime.plan import EntityPlan
from engine.runtime.staging import Staging
from engine.runtime.state import ActivationState
from engine.runtime.twins import Ids
from engine.work import EntityWork, FieldWork, ListWork, Settings

Reject = Callable[[str, Sequence[Problem]], LeftOut]


class Removals:
    """Plans what leaves the partner, or ends there."""

    def __init__(
        self,
        staging: Staging,
        state: ActivationState,
        settings: Settings,
        doubts: Doubts,
        gone_after_runs: int,
    ) -> None:
        self.staging = staging
        self.state = state
        self.settings = settings
        self.doubts = doubts
        self.gone_after_runs = gone_after_runs

    def plan(
        self,
        work: EntityWork,
        part: EntityPlan,
        ids: Ids,
        reject: Reject,
    ) -> None:
        """
        Add the removals of an entity to its plan, and what is gone.

        A record whose ID another one composes now stays: it goes on under another key.
        """
        last = _last_rows(work)
        transform = compile_entity(last, self.settings)
        removed: set[str] = set()
        if work.removal != "nothing":
            for key, link, outcome in self._unwanted(work, transform):
                if link is not None and ids.taken([link.our_id]):
                    part.superseded.append(key)
                elif link is None or (outcome.problems and last.fields):
                    part.reject(reject(key, outcome.problems))
                else:
                    part.add_change(_removal(link, outcome))
                removed.add(key)
        self._gone(work, part, ids, last, transform, removed)
        self._lost_in_doubt(work, part)

    def _unwanted(
        self, work: EntityWork, transform: Transformer
    ) -> Iterator[tuple[str, Link | None, Outcome]]:
        # They may be there, with or without a link.
        unseen = sorted(self.state.in_doubt(work.name))
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
                yield key, link, outcome

    # -- what the source no longer has

    def _gone(
        self,
        work: EntityWork,
        part: EntityPlan,
        ids: Ids,
        last: EntityWork,
        transform: Transformer,
        removed: set[str],
    ) -> None:
        part.complete = self.staging.is_complete(work)
        for keys in self.state.link_keys(work.name):
            absent = self.staging.absent(work, keys)
            if not absent:
                continue
            links = self.state.links(work.name, absent)
            counted = self.state.missing_runs(work.name, absent)
            needed = self.staging.pointed_to(work.base, absent)
            taken = ids.taken([link.our_id for link in links.values()])
            for key in absent:
                link = links.get(key)
                if link is None or link.digest == REMOVED or key in removed:
                    continue
                if link.our_id in taken:
                    part.superseded.append(key)
                    continue
                runs = counted.get(key, 0) + part.complete
                why = self._why_not(work, part, runs, needed=key in needed)
                if not why:
                    outcome = transform(self.staging.recalled(work, key))
                    why = _lacks(last, outcome) or _refused(work, outcome)
                    if not why:
                        part.add_change(_removal(link, outcome))
                part.add_gone(Gone(key, link.our_id, runs, why))

    def _lost_in_doubt(self, work: EntityWork, part: EntityPlan) -> None:
        """List what was sent without an answer, and is not in the source any more."""
        keys = sorted(self.state.in_doubt(work.name))
        links = self.state.links(work.name, keys)
        for key in self.staging.absent(work, keys):
            if key not in links:
                why = "to be looked for by hand: nobody saw whether the partner has it"
                part.add_gone(Gone(key, "", 0, why))

    def _why_not(
        self, work: EntityWork, part: EntityPlan, runs: int, *, needed: bool
    ) -> str:
        """Return why a record that is gone is not removed in this run, "" if it is."""
        if work.removal == "nothing":
            return "the use case removes nothing here"
        if not self.gone_after_runs:
            return "the activation removes nothing that is gone"
        if not part.complete:
            return "rows of the file cannot be read, the record may be one of them"
        if needed:
            return "other records of the source still point to it"
        if runs < self.gone_after_runs:
            return f"missing in {runs} of {self.gone_after_runs} complete runs"
        return ""


def _removal(link: Link, outcome: Outcome) -> Change:
    return Change(
        key=link.key,
        id=link.our_id,
        operation="remove",
        body=merged(outcome.body, outcome.only.get("remove", {})),
        only={},
        digest=REMOVED,
        fixed=link.fixed,
        partner_id=link.partner_id,
        linked=True,
    )


def _lacks(last: EntityWork, outcome: Outcome) -> str:
    """Say what of a removal cannot be told without the record, "" if all can be."""
    if outcome.problems and last.fields:
        return f"to be ended by hand, without the record: {outcome.problems[0].message}"
    way = [name for name in last.path_fields if name not in outcome.body]
    if way:
        return f"to be ended by hand: without the record there is no {way[0]}"
    ends = [item.name for item in last.fields if _is_end(item)]
    if ends and not outcome.only.get("remove"):
        return f"to be ended by hand: without the record there is no {ends[0]}"
    return ""


def _refused(work: EntityWork, outcome: Outcome) -> str:
    """Say what the partner would refuse where an end is sent with the whole record."""
    if not work.removal_needs_payload:
        return ""
    body = merged(outcome.body, outcome.only.get("remove", {}))
    problems = PayloadCheck(work)(body, {})
    if not problems:
        return ""
    return f"to be ended by hand, without the record: {problems[0].message}"


def _is_end(item: FieldWork | ListWork) -> bool:
    return isinstance(item, FieldWork) and item.only_in == "remove"


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
