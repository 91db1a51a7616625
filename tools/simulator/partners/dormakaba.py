"""What dormakaba does in its own way: one contract at a time for each rental object."""

from datetime import UTC, datetime

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Key, Record, Store

_OPEN = "9999-12-31"


class Dormakaba(Special):
    """A rental object is let once at a time; a contract says how far it is."""

    def __init__(self) -> None:
        self._by_object: dict[Key, dict[str, Record]] | None = None

    def check(
        self, store: Store, entity: str, record: Record, known: Record | None
    ) -> None:
        """Refuse a contract while another one of the same rental object lasts."""
        if entity != "contracts":
            return
        others = self._contracts(store).get(record["rentalPropertyId"], {}).values()
        for other in others:
            if known is not None and other["id"] == known["id"]:
                continue
            if _overlap(record, other):
                message = f"overlaps with contract {other['externalId']}"
                problem = FieldProblem("plannedMoveInDate", message)
                raise Refusal(409, "OVERLAP", f"The contract {message}.", (problem,))

    def saved(self, store: Store, entity: str, record: Record, *, is_new: bool) -> None:  # noqa: ARG002 - hook
        """Keep in mind which contracts a rental object has."""
        if entity == "contracts":
            contracts = self._contracts(store)
            contracts.setdefault(record["rentalPropertyId"], {})[record["id"]] = record

    def show(self, entity: str, record: Record) -> Record:
        """Return a contract with its status."""
        if entity != "contracts":
            return record
        today = datetime.now(UTC).date().isoformat()
        first, last = _period(record)
        status = "planned" if first > today else "active" if last >= today else "ended"
        return {**record, "status": status}

    def reset(self) -> None:
        """Forget the contracts."""
        self._by_object = None

    def _contracts(self, store: Store) -> dict[Key, dict[str, Record]]:
        if self._by_object is None:
            self._by_object = {}
            for record in store.tables["contracts"].records.values():
                contracts = self._by_object.setdefault(record["rentalPropertyId"], {})
                contracts[record["id"]] = record
        return self._by_object


def _overlap(one: Record, other: Record) -> bool:
    first, last = _period(one)
    other_first, other_last = _period(other)
    return first <= other_last and other_first <= last


def _period(contract: Record) -> tuple[str, str]:
    return contract["plannedMoveInDate"], contract.get("plannedMoveOutDate") or _OPEN
