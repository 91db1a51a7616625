"""What Wohnungshelden does in its own way: results of objects, and what `aktion` is."""

from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Record, Store
from tools.simulator.templates import at

_NUMBER = "verwaltung_techn.objektnr_extern"
_KIND = "verwaltung_techn.aktion.@aktionart"


class Wohnungshelden(Special):
    """Each document is answered with the result of its one object."""

    def __init__(self) -> None:
        self._status = ""

    def check(
        self,
        store: Store,  # noqa: ARG002 - hook
        entity: str,  # noqa: ARG002 - hook
        record: Record,
        known: Record | None,  # noqa: ARG002 - hook
    ) -> None:
        """Refuse an object that says it is deleted where it is sent to be kept."""
        if at(record, _KIND) == "DELETE":
            message = "stands in a document without the modus DELETE"
            problem = FieldProblem(_KIND, message)
            raise Refusal(422, "ACTION", f"{_KIND} {message}", (problem,))

    def saved(
        self,
        store: Store,  # noqa: ARG002 - hook
        entity: str,  # noqa: ARG002 - hook
        record: Record,  # noqa: ARG002 - hook
        *,
        is_new: bool,
    ) -> None:
        """Remember for the answer what came of the object."""
        self._status = "created" if is_new else "updated"

    def answer(self, entity: str, request: str, body: Any) -> Any:  # noqa: ARG002 - hook
        """Return the result of the object of a document."""
        status = "deleted" if request == "remove" else self._status
        result = {"objektnrExtern": at(body, _NUMBER), "status": status, "errors": []}
        return {"results": [result]}

    def error(self, body: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
        """Return a refusal as a result; what is not there is offline already."""
        if refusal.code == "NOT_FOUND" and "results" in body:
            return {"results": [{"status": "deleted", "errors": []}]}
        return body
