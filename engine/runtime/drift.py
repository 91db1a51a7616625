"""Say what has drifted: the links of an activation and the partner in, findings out.

A linked record is compared with what today's source makes of it, but only if that is
what the partner accepted last: what has changed here is the next sync's, no drift.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import groupby, islice
from typing import Any

import orjson

from engine.runtime.activation import Activation
from engine.runtime.alike import differing, spelled
from engine.runtime.changes import Change
from engine.runtime.disk import room_for_files
from engine.runtime.links import REMOVED, Link
from engine.runtime.masking import personal_targets
from engine.runtime.plan import Plan
from engine.runtime.planning import make_plan
from engine.runtime.preparing import CHUNK, Preparation, Ready
from engine.runtime.reading_back import (
    ReadBack,
    Theirs,
    connected,
    last_of_resource,
)
from engine.runtime.run import Progress, Silent, refuse_rekeys, staged
from engine.runtime.spool import Spool
from engine.runtime.state import ActivationState, State
from engine.work import EntityWork

DRIFTED = ("missing_there", "changed_there", "only_there")
COUNTS = ("same", *DRIFTED, "pending", "not_compared", "unknown")
_MASK = "***"
_PORTION = 500


@dataclass(frozen=True)
class _Accepted:
    """A record as the partner accepted it: its link, and what was sent."""

    link: Link
    ready: Ready


class Drift:
    """What was found; its figures by entity, its findings on disk."""

    def __init__(self, activation: str) -> None:
        self.activation = activation
        self.counts: dict[str, dict[str, int]] = {}
        self.unreadable: dict[str, str] = {}
        """Entity -> why its records cannot be compared."""
        self.not_shown: dict[str, list[str]] = {}
        """Entity -> fields that were sent and that no record there shows."""
        self.repaired = 0
        """Records that the next sync sends again."""
        self._findings = Spool()

    @property
    def has_drift(self) -> bool:
        """Whether anything is missing, changed or of others."""
        return any(counts[name] for counts in self.counts.values() for name in DRIFTED)

    def add(self, entity: str, state: str, **more: Any) -> None:
        """Count a finding and keep it."""
        self.counts[entity][state] += 1
        self._findings.append({"entity": entity, "state": state, **more})

    def findings(self) -> Iterator[dict[str, Any]]:
        """Yield each record that differs: its ids and the fields, personal ones ***."""
        yield from self._findings

    def write(self, write: Callable[[bytes], Any]) -> None:
        """Write all of it as JSON, finding by finding."""
        header = {
            "activation": self.activation,
            "exit_code": int(self.has_drift),
            "entities": {
                name: {
                    **counts,
                    "cannot_be_known": self.unreadable.get(name),
                    "not_shown": self.not_shown.get(name, []),
                }
                for name, counts in self.counts.items()
            },
            "repaired": self.repaired,
        }
        write(orjson.dumps(header, option=orjson.OPT_INDENT_2)[: -len("\n}")])
        write(b',\n  "findings": [')
        for number, item in enumerate(self._findings):
            write(b",\n    " if number else b"\n    ")
            write(orjson.dumps(item))
        write(b"\n  ]\n}\n")

    def close(self) -> None:
        """Forget the findings."""
        self._findings.close()


class _AsIfChanged(ActivationState):
    """The state as if nothing had been accepted yet: a plan then has every record."""

    def links(self, entity: str, keys: Sequence[str]) -> dict[str, Link]:
        """Return the links without the hashes that tell what is unchanged."""
        return {
            key: link
            if link.digest == REMOVED
            else replace(link, digest="", fixed="", fields=b"")
            for key, link in super().links(entity, keys).items()
        }


@contextmanager
def drifted(
    activation: Activation, progress: Progress | None = None, *, repair: bool = False
) -> Iterator[Drift]:
    """
    Compare the partner with what it accepted; with `repair` let a sync mend it.

    A record that has changed there is sent again by the next sync, one that is missing
    there is created; what is only there stays. Raises UnreachableError if the partner
    cannot be read to the end; nothing is repaired then.
    """
    progress = progress or Silent()
    work, settings = activation.use_case.work, activation.settings
    with ExitStack() as stack:
        stack.enter_context(room_for_files())
        state = stack.enter_context(State(activation.state_url))
        own = state.activation(activation.name)
        if repair:
            stack.enter_context(own.exclusive())
        session = stack.enter_context(connected(activation, state))
        staging = stack.enter_context(staged(activation, own, progress))
        progress.stage("Planning")
        unhashed = _AsIfChanged(own.engine, own.name, own.number, own.fingerprints)
        plan = stack.enter_context(
            make_plan(activation.name, work, staging, unhashed, settings)
        )
        refuse_rekeys(activation, plan)
        progress.stage("Reading back")
        back = stack.enter_context(ReadBack(work, session, progress, activation.name))
        found = Drift(activation.name)
        stack.callback(found.close)
        comparison = _Comparison(activation, own, plan, back, found)
        comparison.compare()
        if repair:
            comparison.repair()
        yield found


class _Comparison:
    def __init__(
        self,
        activation: Activation,
        state: ActivationState,
        plan: Plan,
        back: ReadBack,
        found: Drift,
    ) -> None:
        self.work = activation.use_case.work
        self.state = state
        self.plan = plan
        self.back = back
        self.found = found
        self.db = back.db
        self.shown: dict[str, set[str]] = {}
        """Resource -> the fields that any record there has."""

    def compare(self) -> None:
        """Compare all linked records, then count what is only there."""
        for entity in self.work.entities:
            self.found.counts[entity.name] = dict.fromkeys(COUNTS, 0)
            self.back.read(entity.resource, self._paths(entity))
            reason = self.back.unreadable.get(entity.resource)
            if reason is not None:
                self.found.unreadable[entity.name] = reason
            self._entity(entity, readable=reason is None)
        for resource, entity in last_of_resource(self.work).items():
            query = "SELECT number FROM theirs WHERE resource = ? AND taken = 0"
            for (number,) in self.db.execute(f"{query} ORDER BY number", (resource,)):
                theirs = self.back.by_number(number)
                known = {"partner_id": theirs.partner_id, "our_id": theirs.our_id}
                self.found.add(entity.name, "only_there", **known)

    def repair(self) -> None:
        """Forget what is not true any more, so that the next sync mends it."""
        run = self.state.start_run(self.work.version, kind="repair")
        totals = {"missing_there": 0, "changed_there": 0}
        wrong = (item for item in self.found.findings() if item["state"] in totals)
        for (name, state), items in groupby(wrong, lambda i: (i["entity"], i["state"])):
            while keys := [item["key"] for item in islice(items, _PORTION)]:
                known = self.state.links(name, keys).values()
                if state == "missing_there":
                    run.settle(name, [], {}, keys)
                else:
                    unsure = [replace(link, digest="", fields=b"") for link in known]
                    run.settle(name, unsure, {})
                totals[state] += len(keys)
        self.found.repaired = sum(totals.values())
        run.finish("done", totals, None)

    # -- one entity

    def _paths(self, entity: EntityWork) -> Iterator[Mapping[str, Any]]:
        """Yield the places at which linked records stand."""
        if self.back.places(entity.resource):
            for item in self._accepted(entity):
                yield item.ready.write.path

    def _entity(self, entity: EntityWork, *, readable: bool) -> None:
        counts = self.found.counts[entity.name]
        linked = self.state.count_links(entity.name)
        if not readable:
            counts["unknown"] = linked
            return
        self._take_linked(entity)
        compared = 0
        for item in self._accepted(entity):
            compared += 1
            self._compare(entity, item, self._theirs(entity, item.link))
        counts["not_compared"] = linked - compared

    def _accepted(self, entity: EntityWork) -> Iterator[_Accepted]:
        """Yield the linked records that the source has, as they would be sent."""
        part = self.plan.entities[entity.name]
        preparation = Preparation(self.work, entity, part, self.state)
        changes = (change for change in part.changes() if change.linked)
        try:
            while portion := list(islice(changes, CHUNK)):
                links = self.state.links(entity.name, [c.key for c in portion])
                for ready in preparation.ready([_once_more(c) for c in portion]):
                    yield _Accepted(links[ready.change.key], ready)
        finally:
            preparation.close()

    def _take_linked(self, entity: EntityWork) -> None:
        """What is linked is ours, whether the source still has it or not."""
        hides = self.back.shows_one_of_many(entity.resource)
        for keys in self.state.link_keys(entity.name):
            links = self.state.links(entity.name, keys).values()
            if hides:
                lost = [x.our_id for x in links if self._theirs(entity, x) is None]
                self.back.find_hidden(entity.resource, {}, lost)
            found = (self._theirs(entity, link) for link in links)
            numbers = [(theirs.number,) for theirs in found if theirs is not None]
            update = "UPDATE theirs SET taken = 1 WHERE number = ?"
            self.db.executemany(update, numbers)

    def _theirs(self, entity: EntityWork, link: Link) -> Theirs | None:
        if not entity.named_by_us:
            found = self.back.by_partner_id(entity.resource, link.partner_id)
            if found is not None:
                return found
        return self.back.by_our_id(entity.resource, link.our_id)

    def _compare(
        self, entity: EntityWork, item: _Accepted, theirs: Theirs | None
    ) -> None:
        known = {"key": item.link.key, "our_id": item.link.our_id}
        known["partner_id"] = item.link.partner_id
        if theirs is None:
            self.found.add(entity.name, "missing_there", **known)
            return
        if item.link.digest != item.ready.digest:
            self.found.counts[entity.name]["pending"] += 1
            return
        personal = {".".join(target) for target in personal_targets(entity)}
        fields = [
            _field(name, sent, there, personal)
            for name, sent, there in self._differing(item.ready, theirs)
            if there is not None or self._is_shown(entity, name)
        ]
        if not entity.named_by_us and theirs.partner_id != item.link.partner_id:
            # Merged there, or made anew: the record that shows our ID is another one.
            fields.insert(0, {"field": "partner_id", "there": theirs.partner_id})
        if fields:
            self.found.add(entity.name, "changed_there", **known, fields=fields)
        else:
            self.found.counts[entity.name]["same"] += 1

    def _differing(
        self, ready: Ready, theirs: Theirs
    ) -> Iterator[tuple[str, Any, Any]]:
        write = ready.write
        yield from differing(write.body, theirs.body)
        # Whether the last of it was a create or an update is not known here.
        created = dict(_flat(write.create_only))
        for name, sent, there in differing(write.update_only, theirs.body):
            if there is not None and spelled(created.get(name)) != spelled(there):
                yield name, sent, there

    def _is_shown(self, entity: EntityWork, name: str) -> bool:
        """Say whether any record there has a field at all; note it if none has."""
        resource = entity.resource
        if resource not in self.shown:
            bodies = (theirs.body for theirs in self.back.records(resource))
            self.shown[resource] = {name for body in bodies for name, _ in _flat(body)}
        parts = name.split(".")
        beginnings = (".".join(parts[: n + 1]) for n in range(len(parts)))
        if any(beginning in self.shown[resource] for beginning in beginnings):
            return True
        hidden = self.found.not_shown.setdefault(entity.name, [])
        if name not in hidden:
            hidden.append(name)
        return False


def _once_more(change: Change) -> Change:
    """Return a change as a second pass sends it: what is not there is left out."""
    return replace(change, repeats="update")


def _field(name: str, sent: Any, there: Any, personal: set[str]) -> dict[str, Any]:
    """Return what differs in a field, as a report may show it."""
    hidden = any(f"{p}.".startswith(f"{name}.") for p in personal)
    hidden = hidden or any(name.startswith(f"{p}.") for p in personal)
    return {
        "field": name,
        "sent": _shown(sent, hidden=hidden),
        "there": _shown(there, hidden=hidden),
    }


def _shown(value: Any, *, hidden: bool) -> Any:
    if value is None:
        return None
    return _MASK if hidden else value


def _flat(body: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in body.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
