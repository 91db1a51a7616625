"""
What a partner may do in its own way: the behaviours that its module can replace.

The defaults are those of a partner that is made of files alone.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.store import Record, Store

Operation = Callable[[Store, Mapping[str, Any]], Any]


class Special:
    """The behaviours of a partner that no file describes."""

    created = "createdAt"
    changed = "updatedAt"
    validation_status = 422
    error_type = "application/json"
    id_spaces: Mapping[str, str] = {}
    """Entity to the entity that its numbers are taken from."""
    pages: Mapping[str, Callable[[Call], Answer]] = {}
    """"METHOD path" to what answers it, beside the routes of the connector file."""
    operations: Mapping[str, Operation] = {}
    """Name to what POST /_simulator/<partner>/<name> does with its JSON body."""

    def check(self, entity: str, record: Record) -> None:
        """Raise Refusal if a record breaks a rule that its schema cannot say."""

    def saved(self, store: Store, entity: str, record: Record, *, is_new: bool) -> None:
        """Do what the partner does after a record was written."""

    def show(self, entity: str, record: Record) -> Record:  # noqa: ARG002 - for others
        """Return a record as it is read."""
        return record

    def error(
        self,
        body: dict[str, Any],
        refusal: Refusal,  # noqa: ARG002 - for others
    ) -> dict[str, Any]:
        """Return the body of an error with what the partner adds to it."""
        return body
