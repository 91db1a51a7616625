"""What PriceHubble does in its own way: its short errors and the youngest buildings."""

from datetime import UTC, datetime
from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Record, Store
from tools.simulator.templates import at

_OLDEST, _YEARS_AHEAD = 1850, 3


class Pricehubble(Special):
    """Errors say "field: text", without the way to the field."""

    changed = "modifiedAt"
    validation_status = 400
    error_type = "application/problem+json"

    def check(
        self,
        store: Store,  # noqa: ARG002 - hook
        entity: str,  # noqa: ARG002 - hook
        record: Record,
        known: Record | None,  # noqa: ARG002 - hook
    ) -> None:
        """Refuse a building that is planned for later than the partner looks ahead."""
        year = at(record, "property.buildingYear")
        latest = datetime.now(UTC).year + _YEARS_AHEAD
        if isinstance(year, int) and year > latest:
            message = f"Must be between {_OLDEST} and {latest}."
            problem = FieldProblem("property.buildingYear", message)
            raise Refusal(400, "VALIDATION_FAILED", message, (problem,))

    def error(self, body: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
        """Return the message alone; what is wrong with a token has another shape."""
        if refusal.status == 401 and "token" in refusal.message:
            message = "The access token is invalid or has expired"
            return {"error": "invalid_token", "error_description": message}
        if not refusal.fields:
            return {"message": body["message"]}
        field, message = refusal.fields[0]
        return {"message": f"{field.rpartition('.')[2]}: {message}"}
