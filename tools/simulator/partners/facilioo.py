"""What facilioo does in its own way: records and calls in, its side effects out."""

from collections.abc import Mapping
from secrets import token_hex
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.special import Operation, Page, Special
from tools.simulator.store import Record, Store

_SHARED = ("name", "street", "houseNumber", "zip", "city")
_STAMPS = ("created", "lastModified", "deleted")


def merge(store: Store, wish: Mapping[str, Any]) -> Record:
    """
    Merge two parties, {"keep": id, "drop": id}: ids move, the other is soft-deleted.

    Raises KeyError if a party is unknown.
    """
    parties = store.tables["parties"]
    keep, drop = wish["keep"], wish["drop"]
    moved = [*parties.lists[keep], *parties.lists[drop]]
    dropped = parties.set_list(drop, [])
    parties.put(drop, {**dropped, "deleted": dropped["lastModified"]})
    return parties.set_list(keep, dict.fromkeys(moved))


def _myself(_: Store, __: Call) -> Answer:
    return Answer(200, {"id": 1, "email": "simulated-username", "partyId": 1})


class Facilioo(Special):
    """Implicit entrances, parties that merge, and the rules of contact preferences."""

    created = "created"
    changed = "lastModified"
    validation_status = 400
    error_type = "application/problem+json"
    id_spaces: Mapping[str, str] = {"entrances": "properties"}
    pages: Mapping[str, Page] = {"GET /api/accounts/myself": _myself}
    operations: Mapping[str, Operation] = {"merge": merge}

    def check(
        self,
        store: Store,  # noqa: ARG002 - hook
        entity: str,
        record: Record,
        known: Record | None,  # noqa: ARG002 - the rule needs no others
    ) -> None:
        """Refuse push messages alone: e-mail or mail must be on as well."""
        if entity != "parties" or not record.get("contactViaPush"):
            return
        if not (record.get("contactViaEmail") or record.get("contactViaMail")):
            message = "Push cannot be the only way of contact."
            problem = FieldProblem("contactViaPush", message)
            raise Refusal(400, "VALIDATION_FAILED", message, (problem,))

    def saved(self, store: Store, entity: str, record: Record, *, is_new: bool) -> None:
        """Keep a property and its implicit entrance, which share a table, alike."""
        key = record["id"]
        shared = {name: record[name] for name in _SHARED if name in record}
        entrances, properties = store.tables["entrances"], store.tables["properties"]
        if entity == "properties" and is_new:
            stamps = {name: record[name] for name in _STAMPS}
            own = {"id": key, "propertyId": key, "externalId": None}
            entrances.put(key, {**own, **shared, **stamps})
        elif entity == "properties" and key in entrances.records:
            entrances.put(key, {**entrances.records[key], **shared})
        elif entity == "entrances" and key in properties.records:
            properties.put(key, {**properties.records[key], **shared})

    def show(self, entity: str, record: Record) -> Record:
        """Return a party with its full name, all else as it is held."""
        if entity != "parties":
            return record
        names = (record.get("primaryName"), record.get("secondaryName"))
        return {**record, "fullName": " ".join(filter(None, names))}

    def error(self, body: dict[str, Any], refusal: Refusal) -> dict[str, Any]:
        """Return the error as problem+json."""
        body.pop("code", None)
        return {
            "type": "about:blank",
            "title": refusal.title,
            "status": refusal.status,
            "traceId": token_hex(16),
            **body,
        }
