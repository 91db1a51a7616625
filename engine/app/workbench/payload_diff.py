"""Compare two payloads of one record: bodies in, what differs field by field out.

A difference is cosmetic if only Unicode form, blanks and punctuation change. Capitals
are not: names in other letters are other values. Nor is what decides about a number:
`1.5` is not `15`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any


class Missing:
    """What a payload does not have."""

    def __repr__(self) -> str:
        return "(nothing)"


MISSING = Missing()

Path = tuple[str, ...]
"""The names on the way to a field, without the `[]` of lists."""


Payload = tuple[Mapping[str, Any], Mapping[str, Mapping[str, Any]]]
"""What is sent of a record; operation -> the part that counts in it alone."""


def path_to(target: Iterable[str]) -> Path:
    """Return the path to a place in a payload, which goes through lists by `[]`."""
    return tuple(name for name in target if name != "[]")


@dataclass(frozen=True)
class FieldDifference:
    """A field with both of its values; MISSING stands for one that is not there."""

    name: str
    path: Path
    old: Any
    new: Any


_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_POINT = re.compile(r"(?<=\d)[.,](?=\d)")


def folded(text: str) -> str:
    """
    Return a text without what is only its spelling.

    >>> folded("Lindenweg  4a") == folded("Lindenweg 4 a."), folded("1.5"), folded("-5")
    (True, '1.5', '-5')
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if _NUMBER.fullmatch(text):
        return text
    points = {match.start() for match in _POINT.finditer(text)}
    return "".join(
        c
        for place, c in enumerate(text)
        if place in points or unicodedata.category(c)[0] not in "PZC"
    )


def is_cosmetic(old: Any, new: Any) -> bool:
    """Say whether two values differ in their spelling only."""
    if isinstance(old, str) and isinstance(new, str):
        return folded(old) == folded(new)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_cosmetic, old, new))
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(
            is_cosmetic(old[key], new[key]) for key in old
        )
    # 5 and 5.0 are one number, 1 and true are not one value.
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def differences(old: Payload, new: Payload) -> Iterator[FieldDifference]:
    """Yield the fields in which two payloads differ, those of one operation last."""
    (was, was_only), (now, now_only) = old, new
    yield from field_differences(was, now)
    for operation in dict.fromkeys([*was_only, *now_only]):
        before, after = was_only.get(operation, {}), now_only.get(operation, {})
        for one in field_differences(before, after):
            yield replace(one, name=f"{one.name} (on {operation})")


def field_differences(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    before: str = "",
    path: Path = (),
) -> Iterator[FieldDifference]:
    """
    Yield the fields in which two bodies differ.

    Lists of objects of one length are compared element by element.

    >>> [(d.name, d.old, d.new) for d in field_differences({"a": {"b": 1}}, {"c": 2})]
    [('a.b', 1, (nothing)), ('c', (nothing), 2)]
    """
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, MISSING), new.get(name, MISSING)
        if _same(was, now):
            continue
        here, way = f"{before}{name}", (*path, name)
        if _is_object(was, now) or _is_object(now, was):
            one, other = ({} if v is MISSING else v for v in (was, now))
            yield from field_differences(one, other, f"{here}.", way)
        elif _are_objects(was) and _are_objects(now) and len(was) == len(now):
            for one, other in zip(was, now, strict=True):
                yield from field_differences(one, other, f"{here}[].", way)
        else:
            label = f"{here}[]" if list in (type(was), type(now)) else here
            yield FieldDifference(label, way, was, now)


def _same(old: Any, new: Any) -> bool:
    """Say whether two values are one JSON value: 1 is not true, and 5 is not 5.0."""
    if type(old) is not type(new):
        return False
    if isinstance(old, list):
        return len(old) == len(new) and all(map(_same, old, new))
    if isinstance(old, dict):
        return old.keys() == new.keys() and all(_same(old[k], new[k]) for k in old)
    return bool(old == new)


def _is_object(value: Any, other: Any) -> bool:
    """Say whether a value is told by its fields: both sides have some, or one alone."""
    if not isinstance(value, dict):
        return False
    return isinstance(other, dict) or (other is MISSING and bool(value))


def _are_objects(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) for item in value)
    )
