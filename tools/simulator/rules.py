"""
What the annotations of a schema demand of a record: records in, problems of fields out.
"""

from collections.abc import Iterator
from typing import Any

from tools.simulator import annotations
from tools.simulator.answers import Refusal
from tools.simulator.partner import Entity
from tools.simulator.schemas import FieldProblem
from tools.simulator.store import Record, Store
from tools.simulator.templates import at, put


class Rules:
    """References, values that never change, and lists without doubles."""

    def __init__(self, entity: Entity, store: Store, parents: frozenset[str]) -> None:
        self._store = store
        self._references = tuple(annotations.references(entity.schema))
        self._frozen = tuple(annotations.immutable_fields(entity.schema))
        self._merged = tuple(annotations.merged_lists(entity.schema))
        self._parents = parents
        for _, parent in self._references:
            if parent not in store.tables:
                raise ValueError(f"{entity.name}: x-reference to unknown '{parent}'")

    def check_references(self, record: Record) -> None:
        """
        Raise Refusal if a record points to one that is not there.

        The status is 404 for what stands in the address, 409 for what is in the body.
        """
        missing = [
            FieldProblem(_named(path), f"there is no {value!r} in {parent}")
            for path, parent in self._references
            for value in annotations.values_at(record, path)
            if not self._store.is_alive(parent, value)
        ]
        if missing:
            told = "; ".join(f"{field}: {message}" for field, message in missing)
            in_address = any(one.field in self._parents for one in missing)
            status = 404 if in_address else 409
            raise Refusal(status, "PARENT_MISSING", told, tuple(missing))

    def frozen(self, record: Record, known: Record) -> list[FieldProblem]:
        """Return the fields that a change would give another value, and must not."""
        return [
            FieldProblem(field, "cannot be changed")
            for field in self._frozen
            if at(record, field) != at(known, field)
        ]

    def keep_frozen(self, record: Record, known: Record) -> Record:
        """Return a new version of a record with what it need not say again."""
        kept: dict[str, Any] = {**record}
        for field in self._frozen:
            if at(record, field) is None and at(known, field) is not None:
                top = field.split(".")[0]
                if isinstance(kept.get(top), dict):
                    kept[top] = {**kept[top]}
                put(kept, field, at(known, field))
        return kept

    def repeated(self, body: Record) -> Iterator[FieldProblem]:
        """Yield the elements of a list that should be one."""
        for path, field in self._merged:
            for elements in annotations.values_at(body, path):
                if not isinstance(elements, list):
                    continue
                seen: list[Any] = []
                for number, element in enumerate(elements):
                    value = at(element, field)
                    if value in seen:
                        place = f"{_named(path)}.{number}.{field}"
                        yield FieldProblem(place, "stands in the list twice")
                    seen.append(value)


def _named(path: annotations.Place) -> str:
    return ".".join(path)
