"""What AktivBo does in its own way: tenants in, refused without their apartment."""

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Record, Store


class AktivBo(Special):
    """An apartment that a tenant names must be there; proposed, like all of it."""

    def check(
        self,
        store: Store,
        entity: str,
        record: Record,
        known: Record | None,  # noqa: ARG002 - hook
    ) -> None:
        """Refuse a tenant of an apartment that is not there."""
        if entity != "tenants" or store.is_alive("apartments", record["apartmentId"]):
            return
        problem = FieldProblem("apartmentId", "apartment unknown")
        raise Refusal(422, "APARTMENT_UNKNOWN", "apartment unknown", (problem,))
