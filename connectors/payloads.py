"""Payloads as plain data: two of them in, one out."""

from collections.abc import Mapping
from typing import Any


def merged(body: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return both payloads as one; objects in them are merged too.

    >>> merged({"a": {"x": 1}}, {"a": {"y": 2}, "b": 3})
    {'a': {'x': 1, 'y': 2}, 'b': 3}
    """
    both = dict(body)
    for name, value in more.items():
        known = both.get(name)
        if isinstance(known, Mapping) and isinstance(value, Mapping):
            both[name] = merged(known, value)
        else:
            both[name] = value
    return both


def without_nulls(payload: Any) -> Any:
    """
    Return a payload without empty fields: a new record has nothing to clear.

    >>> without_nulls({"a": None, "b": {"c": None, "d": 1}})
    {'b': {'d': 1}}
    """
    if isinstance(payload, Mapping):
        return {k: without_nulls(v) for k, v in payload.items() if v is not None}
    if isinstance(payload, list):
        return [without_nulls(item) for item in payload]
    return payload
