"""What KIWI does in its own way: answers in, the same in its envelope out."""

from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.special import Special


class Kiwi(Special):
    """Every answer says its status; an error names one field at most."""

    created = "created"
    changed = "changed"
    validation_status = 400

    def logged_in(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the session as KIWI shows it, with its key in two places."""
        result = answer["result"]
        session = {"session_key": result["session_key"], **result["session"]}
        return {"status": "ok", "result": {**result, "session": session}}

    def answer(self, entity: str, request: str, body: Any) -> Any:  # noqa: ARG002 - hook
        """Return a success in the envelope, in which the connector file reads."""
        return {"status": "ok", **body}

    def error(
        self,
        body: dict[str, Any],
        refusal: Refusal,  # noqa: ARG002 - hook
    ) -> dict[str, Any]:
        """Return an error in the envelope."""
        return {"status": "error", **body}
