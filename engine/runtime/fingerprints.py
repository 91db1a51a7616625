"""Tell which fields of a payload have changed: payloads in, a few bytes out.

Of an accepted payload no value is kept, only five bytes a field: three of its name's
hash and two of its value's, with a salt of the installation. That is too little to find
a value again, and enough to name the fields that differ.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import orjson

_NAME = 3
_VALUE = 2
_SORTED = orjson.OPT_SORT_KEYS


class Fingerprints:
    """The fingerprints of one installation."""

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._name = lru_cache(None)(lambda name: self._hash(name.encode(), _NAME))

    def of(self, body: Mapping[str, Any]) -> bytes:
        """Return the fingerprint of a payload, five bytes for each field."""
        return b"".join(
            self._name(name) + self._hash(orjson.dumps(value, option=_SORTED), _VALUE)
            for name, value in _flat(body)
        )

    def changed(
        self, before: bytes, body: Mapping[str, Any], known: Iterable[str]
    ) -> tuple[str, ...]:
        """
        Return the names of the fields in which a payload differs from an earlier one.

        `known` are the names that the earlier one may have had.
        """
        earlier = _by_name(before)
        now = _by_name(self.of(body))
        names = dict.fromkeys([*(name for name, _ in _flat(body)), *known])
        return tuple(
            name
            for name in names
            if earlier.get(self._name(name)) != now.get(self._name(name))
        )

    def _hash(self, content: bytes, size: int) -> bytes:
        return blake2b(content, digest_size=size, key=self._salt).digest()


def names_of(schema: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """Yield the names of all fields of a payload schema: `address.street`, `tags`."""
    for name, part in schema.get("properties", {}).items():
        if "properties" in part:
            yield from names_of(part, f"{before}{name}.")
        else:
            yield f"{before}{name}"


def _flat(body: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield name and value of each field; a list is one value."""
    for name, value in body.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _by_name(fingerprint: bytes) -> dict[bytes, bytes]:
    step = _NAME + _VALUE
    parts = (fingerprint[i : i + step] for i in range(0, len(fingerprint), step))
    return {part[:_NAME]: part[_NAME:] for part in parts}
