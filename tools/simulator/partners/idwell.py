"""What iDWELL does in its own way: one e-mail per user, and a status of its own."""

from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Special
from tools.simulator.store import Key, Record, Store

_CHANGES = ({"dweller", "landlord"}, {"admin", "manager"})


class Idwell(Special):
    """Users are identified by their e-mail, invited first, and blocked at the end."""

    created = "created_at"
    changed = "updated_at"
    validation_status = 400

    def __init__(self) -> None:
        self._user_by_email: dict[str, Key] = {}

    def check(
        self, store: Store, entity: str, record: Record, known: Record | None
    ) -> None:
        """Refuse an e-mail that another user has, and roles that cannot follow."""
        if entity != "users":
            return
        users = store.tables["users"].records
        owner = self._user_by_email.get(_email(record))
        taken = owner is not None and _email(users.get(owner, {})) == _email(record)
        if taken and (known is None or known["id"] != owner):
            raise _refused("email", "A user with this e-mail exists already.")
        before = record if known is None else known
        if not any({record["role"], before["role"]} <= pair for pair in _CHANGES):
            raise _refused("role", "This role cannot follow the present one.")

    def saved(self, store: Store, entity: str, record: Record, *, is_new: bool) -> None:
        """Remember whose e-mail it is."""
        del store, is_new
        if entity == "users" and _email(record):
            self._user_by_email[_email(record)] = record["id"]

    def show(self, entity: str, record: Record) -> Record:
        """Return a user with the status that it has by its life so far."""
        if entity != "users":
            return record
        return {**record, "status": "BLOCKED" if record.get("blocked") else "INVITED"}

    def error(self, body: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
        """Return either messages by field or the detail, as its framework does."""
        del body
        messages: dict[str, list[str]] = {}
        for field, message in refusal.fields:
            messages.setdefault(field or "non_field_errors", []).append(message)
        return dict(messages) or {"detail": refusal.message}

    def reset(self) -> None:
        self._user_by_email.clear()


def _email(record: Record) -> str:
    return (record.get("email") or "").casefold()


def _refused(field: str, message: str) -> Refusal:
    problem = FieldProblem(field, message)
    return Refusal(400, "RULE", f"{field}: {message}", (problem,))
