"""Prepare changes to be sent: the partner's ids in the place of ours, parents known.

Nothing is sent here. What cannot point to all of its records yet waits for the second
pass.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from connectors.writer import Write
from engine.payload import in_order, references, replace_ids
from engine.runtime.changes import Change, LeftOut
from engine.runtime.journal import ChangeState
from engine.runtime.links import REMOVED, Link
from engine.runtime.plan import EntityPlan
from engine.runtime.planning import digest_of
from engine.runtime.spool import Spool
from engine.runtime.state import ActivationState
from engine.work import EntityWork, ReferenceSpot, UseCaseWork

CHUNK = 100
"""So many records are prepared and looked up at once."""


@dataclass(frozen=True)
class Ready:
    """A change whose references are resolved, and what will be sent for it."""

    change: Change
    write: Write
    digest: str
    """The hash to keep: of what is sent, "" if more of it is sent later."""


@dataclass(frozen=True)
class _Known:
    """What the partner has of the records that one spot points to."""

    ours: Mapping[str, str]
    theirs: Mapping[str, Any]


_Links = dict[ReferenceSpot, _Known]


class Preparation:
    """Prepares the changes of one entity."""

    def __init__(
        self,
        use_case: UseCaseWork,
        work: EntityWork,
        part: EntityPlan,
        state: ActivationState,
    ) -> None:
        self.work = work
        self.part = part
        self.state = state
        self.in_doubt = state.in_doubt(work.name)
        self._later = [spot for spot in work.references if spot.later]
        self._named_by_partner = [
            spot
            for spot in work.references
            if not use_case.entity(spot.entities[0]).named_by_us
        ]
        self._id_field = work.id_field.target[0]
        self._waiting = Spool()
        self.unsent: dict[str, ChangeState] = {}
        """Keys of changes that `ready` kept back, and what they are now."""

    def close(self) -> None:
        """Forget what waits."""
        self._waiting.close()

    def waiting(self) -> Iterator[Change]:
        """Yield what was sent without the records it points to, as it is to be now."""
        changes = (Change(**{**value, "fields": ()}) for value in self._waiting)
        while chunk := list(islice(changes, CHUNK)):
            links = self.state.links(self.work.name, [change.key for change in chunk])
            for change in chunk:
                # What the partner did not take is a reject already.
                if change.key in links and change.key not in self.part.withdrawn:
                    found = change.key in self.part.found
                    yield replace(
                        change,
                        operation="update",
                        partner_id=links[change.key].partner_id,
                        linked=True,
                        repeats="update" if found else change.operation,
                    )

    def ready(self, changes: list[Change]) -> list[Ready]:
        """Put in the partner's ids; a change whose parent is not there waits."""
        links = self._links(changes)
        adopted = self._adopted(changes)
        found = []
        for change in changes:
            missing = self._missing(change, links)
            if change.adopts and missing is None and self.work.adopts is not None:
                parent = adopted.get(change.key)
                if parent is None:
                    missing = f"{self.work.adopts.entity} {change.id}"
                else:
                    change = replace(change, partner_id=parent.partner_id)  # noqa: PLW2901 - the same change, linked
            if missing is None:
                ready = self._ready(change, links)
                found += [ready] if ready else []
                if ready is None:
                    self.unsent[change.key] = "done" if change.repeats else "waiting"
                continue
            self.unsent[change.key] = "waiting"
            reason = f"waits for {missing}, which the partner does not have"
            self.part.withdraw(change.counted, LeftOut(change.key, "R206", reason))
        return found

    def _missing(self, change: Change, links: _Links) -> str | None:
        """Name a record that this one points to and that the partner does not have."""
        for spot, our_id in references(self.work.references, change.body):
            if our_id not in links[spot].ours and not spot.later:
                return f"{spot.entities[0]} {our_id}"
        return None

    def _links(self, changes: list[Change]) -> _Links:
        wanted: dict[ReferenceSpot, set[str]] = {
            spot: set() for spot in self.work.references
        }
        for change in changes:
            for spot, our_id in references(self.work.references, change.body):
                wanted[spot].add(our_id)
        links: _Links = {}
        for spot, ids in wanted.items():
            found: dict[str, Link] = {}
            for entity in reversed(spot.entities):
                found |= self.state.links_by_our_id(entity, sorted(ids))
            there = {i: link for i, link in found.items() if link.digest != REMOVED}
            links[spot] = _Known(
                {our_id: our_id for our_id in there},
                {our_id: link.partner_id for our_id, link in there.items()},
            )
        return links

    def _adopted(self, changes: list[Change]) -> Mapping[str, Link]:
        keys = [change.key for change in changes if change.adopts]
        if self.work.adopts is None or not keys:
            return {}
        return self.state.links(self.work.adopts.entity, keys)

    def _ready(self, change: Change, links: _Links) -> Ready | None:
        """Leave out what is there later only; None if nothing is left to be sent."""
        body, digest = deepcopy(change.body), change.digest
        if any(i not in links[s].ours for s, i in references(self._later, body)):
            for spot in self._later:
                replace_ids(body, spot.target, links[spot].ours.get)
            if digest != REMOVED:
                digest = digest_of(body)
                if not change.repeats:
                    self._waiting.append(vars(change))
                if digest == change.accepted:
                    if change.repeats:
                        self.part.leave_unchanged(change)
                    return None
                digest = digest if change.repeats else ""
        for spot in self._named_by_partner:
            replace_ids(body, spot.target, links[spot].theirs.get)
        return Ready(change, self._as_write(change, body), digest)

    def _as_write(self, change: Change, body: dict[str, Any]) -> Write:
        body = in_order(body, self.work.schema)
        in_path = self.work.path_fields
        ours = self.work.named_by_us
        return Write(
            id=change.id,
            partner_id=None if ours else change.partner_id,
            body={n: value for n, value in body.items() if n not in in_path},
            path={n: body[n] for n in in_path if n in body},
            create_only=change.only.get("create", {}),
            update_only=change.only.get("update", {}),
            known=change.linked,
            in_doubt=change.key in self.in_doubt,
            adopted=change.linked and not change.accepted,
            natural={
                name: value
                for name, value in body.items()
                if isinstance(value, str) and value and name != self._id_field
            },
        )
