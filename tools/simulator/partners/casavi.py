"""What casavi does in its own way: a unit stands at an address of its property."""

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Record, Store


class Casavi(Special):
    """Addresses belong to the property, have no id and are known by their street."""

    def check(
        self, store: Store, entity: str, record: Record, known: Record | None
    ) -> None:
        """Refuse a unit whose address is none of its property's addresses."""
        del known
        address = record.get("address")
        if entity != "units" or not address:
            return
        parent = store.tables["properties"].records.get(record["propertyId"]) or {}
        streets = {one.get("street") for one in parent.get("addresses") or ()}
        if parent and address not in streets:
            message = "is none of the addresses of the property"
            problem = FieldProblem("address", message)
            raise Refusal(422, "RULE", f"address {message}", (problem,))
