"""The fields of payload schemas and how they are known: a schema in, its leaves out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from engine.model import Evidence

MARKS: tuple[Evidence, ...] = get_args(Evidence)


@dataclass(frozen=True)
class PayloadField:
    """
    A field of a payload: `address.street`, `tenants[].externalId`, `contractIds[]`.

    `required` means: by the object that holds it. A field without a mark of its own
    counts as `proposed`, never as better.
    """

    name: str
    schema: Mapping[str, Any]
    required: bool
    read_only: bool
    holds_others: bool = False

    @property
    def evidence(self) -> Evidence:
        mark = self.schema.get("x-evidence")
        return mark if mark in MARKS else "proposed"

    @property
    def source(self) -> str:
        return str(self.schema.get("x-source", ""))

    @property
    def values_evidence(self) -> Evidence:
        """How the values of a value list are known; a guess unless the schema says."""
        mark = self.schema.get("x-values-evidence")
        return mark if mark in MARKS else "proposed"


def payload_fields(schema: Mapping[str, Any]) -> Iterator[PayloadField]:
    """Yield the leaves of a payload schema in its order, nested ones too."""
    return (field for field in every_field(schema) if not field.holds_others)


def every_field(schema: Mapping[str, Any]) -> Iterator[PayloadField]:
    """Yield all fields of a payload schema in order, those that hold others too."""
    yield from _fields(schema, "", read_only=False)


def writable(fields: Iterable[PayloadField]) -> Iterator[PayloadField]:
    """Yield the fields that the partner lets us set; those in the address are."""
    return (field for field in fields if not field.read_only)


def _fields(
    owner: Mapping[str, Any], before: str, *, read_only: bool
) -> Iterator[PayloadField]:
    required = owner.get("required", ())
    for name, written in owner.get("properties", {}).items():
        schema = written if isinstance(written, Mapping) else {}  # `true`: anything
        items = schema.get("items")
        is_list = isinstance(items, Mapping)
        path = f"{before}{name}" + "[]" * is_list
        holder = items if isinstance(items, Mapping) else schema
        closed = read_only or bool(schema.get("readOnly"))
        inner = bool(holder.get("properties"))
        yield PayloadField(path, schema, name in required, closed, inner)
        if inner:
            yield from _fields(holder, f"{path}.", read_only=closed)
