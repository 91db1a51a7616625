"""Say what a plan will cost: figures and the connector file in, calls and minutes out.

Each figure says how it is known; what nothing tells is None, never a guess.
"""

from collections.abc import Iterator, Mapping
from math import ceil

from connectors.entities import CreateUpdate, Upsert
from connectors.model import Connector
from engine.runtime.library import UseCase
from engine.runtime.plan import EntityPlan, Plan
from engine.runtime.verdicts import Forecast, Section
from engine.work import EntityWork


def forecast(use_case: UseCase, plan: Plan, per_second: float | None) -> Forecast:
    """
    Forecast a plan.

    `per_second` are the calls a second of earlier runs, if there were any.
    """
    connector = use_case.connector
    calls = {
        work.name: calls_of(
            connector,
            work.resource,
            plan.entities[work.name].counts,
            in_pairs=any(spot.later for spot in work.references),
        )
        for work in use_case.work.entities
    }
    total = sum(calls.values())
    minutes, minutes_from = minutes_for(total, connector, per_second)
    per_day = connector.api_budget.per_day
    days = ceil(total / per_day) if isinstance(per_day, int) and per_day else None
    sections = [
        section
        for work in use_case.work.entities
        for section in _sections(work, connector, plan.entities[work.name])
    ]
    return Forecast(calls, minutes, minutes_from, days, tuple(sections))


def _sections(
    work: EntityWork, connector: Connector, part: EntityPlan
) -> Iterator[Section]:
    """Yield what a plan cannot know of an entity, or only roughly."""
    entity = connector.entities[work.resource]
    if part.counts["create"]:
        if isinstance(entity, CreateUpdate) and entity.lookup is not None:
            yield Section(
                f"{work.name}: create",
                "estimated",
                "each is looked up before; what the partner has already is updated",
            )
        elif isinstance(entity, Upsert):
            yield Section(
                f"{work.name}: create",
                "estimated",
                "put under our ID: what the partner has under it is overwritten",
            )
        else:
            yield Section(
                f"{work.name}: create",
                "unknown",
                "the partner cannot be asked whether it has them already",
            )
    if part.counts["update"]:
        unsaid = part.unsaid
        yield Section(
            f"{work.name}: update",
            "estimated" if unsaid else "known",
            f"of {unsaid} it is not known which fields change: they were accepted"
            " before this was kept"
            if unsaid
            else "compared with what was accepted last; edits made at the partner are"
            " seen by `feldwerk drift` only",
        )
    if not part.complete:
        yield Section(
            f"{work.name}: remove",
            "unknown",
            "rows of the file cannot be read, so nothing counts as gone",
        )


def calls_of(
    connector: Connector, resource: str, counts: Mapping[str, int], *, in_pairs: bool
) -> int:
    """
    Return the calls that the changes of one entity need.

    `in_pairs` says that each new record is sent twice, as it points to later ones.
    """
    entity = connector.entities[resource]
    new, changed = counts["create"], counts["update"]
    anew, ended = counts["replace"], counts["remove"]
    twice = new if in_pairs else 0
    if isinstance(entity, Upsert):
        size = entity.batch.size if entity.batch else 1
        return ceil((new + changed + twice) / size) + 2 * anew + ended
    return _looked_up(entity, new) + new + changed + twice + 2 * anew + ended


def _looked_up(entity: CreateUpdate, new: int) -> int:
    """Return the calls that find records, and those that say who they are."""
    beside = 2 * new if entity.external_ids else 0
    if entity.lookup is None:
        return beside
    return beside + ceil(new / max(1, entity.lookup.at_once))


def minutes_for(
    calls: int, connector: Connector, per_second: float | None
) -> tuple[float | None, str]:
    """
    Return the minutes that calls take, and where that is known from.

    `per_second` are the calls a second of earlier runs, if there were any.
    """
    if not calls:
        return 0.0, "nothing is sent"
    allowed = connector.api_budget.per_minute
    measured = 60 * per_second if per_second else None
    if allowed and (measured is None or measured > allowed):
        return calls / allowed, f"the partner allows {allowed} calls a minute"
    if measured is None:
        return None, "no limit is known, and no earlier run tells how fast it answers"
    return calls / measured, "earlier runs"
