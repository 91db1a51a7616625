"""
What a partner may do in its own way: the behaviours that its module can replace.

The defaults are those of a partner that is made of files alone. A partner with ways of
its own has a module `tools/simulator/partners/<partner>.py` with one class:

    class Acme(Special):
        created = "created_at"                # attributes: names, statuses, addresses

        def check(self, store, entity, record, known):   # methods: rules, side effects
            if entity == "units" and record["rooms"] < 0:
                problem = FieldProblem("rooms", "is below 0")
                raise Refusal(422, "RULE", "rooms: is below 0", (problem,))

and one line in `SPECIALS` of `tools/simulator/partners/__init__.py`. An object of it
lives as long as its simulation; what it remembers itself is forgotten in `reset`.

| hook | when |
| --- | --- |
| `created`, `changed` | names of the moments that records get |
| `validation_status`, `error_type` | of refusals of a payload, and of all errors |
| `id_spaces` | entities that share their numbers |
| `pages` | calls beside the connector file; at one of its addresses, instead of it |
| `operations` | POST /_simulator/<partner>/<name>, for tests |
| `logged_in` | after a login, before its answer is sent |
| `check` | before a record is written; raises Refusal |
| `saved`, `removed` | after it was written, or removed |
| `show` | each time that a record is read |
| `answer` | each time that a write or a search succeeds |
| `error` | each time that something is refused |
| `reset` | when the simulator is emptied |

Records in a store are replaced with `table.put`, never changed in place.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.store import Record, Store

Operation = Callable[[Store, Mapping[str, Any]], Any]
Page = Callable[[Store, Call], Answer]


class Special:
    """The behaviours of a partner that no file describes."""

    created = "createdAt"
    changed = "updatedAt"
    validation_status = 422
    error_type = "application/json"
    id_spaces: Mapping[str, str] = {}
    """Entity to the entity that its numbers are taken from."""
    pages: Mapping[str, Page] = {}
    """"METHOD path" to what answers it; `call.params` has the variables of the path."""
    operations: Mapping[str, Operation] = {}
    """Name to what POST /_simulator/<partner>/<name> does with its JSON body."""

    def logged_in(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to a login with what the partner adds to it."""
        return answer

    def check(
        self, store: Store, entity: str, record: Record, known: Record | None
    ) -> None:
        """
        Raise Refusal if a record breaks a rule that its schema cannot say.

        `record` is as it would be held, `known` as it is held, None if it is new.
        """

    def saved(self, store: Store, entity: str, record: Record, *, is_new: bool) -> None:
        """Do what the partner does after a record was written."""

    def removed(self, store: Store, entity: str, record: Record) -> None:
        """Do what the partner does after a record was removed, as it was held."""

    def show(self, entity: str, record: Record) -> Record:  # noqa: ARG002 - for others
        """Return a record as it is read."""
        return record

    def answer(self, entity: str, request: str, body: Any) -> Any:  # noqa: ARG002 - for others
        """
        Return the body of a success.

        `request` is as in the connector file: upsert, create, update, lookup, remove.
        """
        return body

    def error(
        self,
        body: Any,
        refusal: Refusal,  # noqa: ARG002 - for others
    ) -> Any:
        """Return the body of an error with what the partner adds to it."""
        return body

    def reset(self) -> None:
        """Forget what this object remembers itself."""
