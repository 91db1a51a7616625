"""Payloads as plain data: what stands where in them, and in which order."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from engine.work import ReferenceSpot


def values_at(body: Any, target: tuple[str, ...]) -> Iterator[Any]:
    """Yield what stands at a place of a payload; `[]` goes through a list."""
    if not target:
        yield body
    elif target[0] == "[]":
        for item in body if isinstance(body, list) else []:
            yield from values_at(item, target[1:])
    elif isinstance(body, dict) and target[0] in body:
        yield from values_at(body[target[0]], target[1:])


def references(
    spots: Iterable[ReferenceSpot], body: Mapping[str, Any]
) -> Iterator[tuple[ReferenceSpot, str]]:
    """Yield the ID of every record that a payload points to, and where it does."""
    for spot in spots:
        for value in values_at(body, spot.target):
            for our_id in value if isinstance(value, list) else [value]:
                if our_id is not None:
                    yield spot, our_id


def replace_ids(
    body: Any, target: tuple[str, ...], new_id: Callable[[str], Any]
) -> None:
    """
    Put other ids into a place of a payload; one that is None is taken out.

    >>> body = {"units": ["a", "b"], "owner": "c"}
    >>> replace_ids(body, ("units",), {"a": 7}.get); body
    {'units': [7], 'owner': 'c'}
    """
    if target[0] == "[]":
        for item in body if isinstance(body, list) else []:
            replace_ids(item, target[1:], new_id)
    elif not isinstance(body, dict) or target[0] not in body:
        return
    elif len(target) > 1:
        replace_ids(body[target[0]], target[1:], new_id)
    else:
        value = body[target[0]]
        if isinstance(value, list):
            ids = [new_id(our_id) for our_id in value]
            body[target[0]] = [one for one in ids if one is not None]
        elif value is not None:
            found = new_id(value)
            if found is None:
                del body[target[0]]
            else:
                body[target[0]] = found


def in_order(value: Any, schema: Any) -> Any:
    """
    Return a payload with its fields in the order of the partner's schema.

    >>> in_order({"b": 1, "a": 2}, {"properties": {"a": {}, "b": {}}})
    {'a': 2, 'b': 1}
    """
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, list):
        return [in_order(item, schema.get("items")) for item in value]
    if not isinstance(value, dict):
        return value
    known: Mapping[str, Any] = schema.get("properties", {})
    ordered = {n: in_order(value[n], inner) for n, inner in known.items() if n in value}
    return {**ordered, **{n: item for n, item in value.items() if n not in known}}
