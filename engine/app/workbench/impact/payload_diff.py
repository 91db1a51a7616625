"""Compare two payloads of one record: bodies in, what changed field by field out.

A value is cosmetic if only its spelling changes: Unicode form, case, blanks and
punctuation. What decides about a number is none of these: `1.5` is not `15`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

FieldClass = Literal["ids", "values", "cosmetic"]
FIELD_CLASSES: tuple[FieldClass, ...] = ("ids", "values", "cosmetic")
"""What a change of a field is, the worst first."""


class Missing:
    """What a payload does not have."""

    def __repr__(self) -> str:
        return "(nothing)"


MISSING = Missing()

Path = tuple[str, ...]
"""The names on the way to a field, without the `[]` of lists."""


@dataclass(frozen=True)
class FieldChange:
    """A field with both of its values; MISSING stands for one that is not there."""

    name: str
    path: Path
    old: Any
    new: Any
    kind: FieldClass


_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*")
_POINT = re.compile(r"(?<=\d)[.,](?=\d)")


def folded(text: str) -> str:
    """
    Return a text without what is only its spelling.

    >>> folded("Lindenweg  4a") == folded("LINDENWEG 4 a."), folded("1.5"), folded("-5")
    (True, '1.5', '-5')
    """
    text = unicodedata.normalize("NFKC", text).casefold().strip()
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


Judge = Callable[[Path, Any, Any], FieldClass]


def field_changes(
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    judge: Judge,
    before: str = "",
    path: Path = (),
) -> Iterator[FieldChange]:
    """
    Yield the fields in which two payloads differ.

    Lists of objects of one length are compared element by element.
    """
    for name in dict.fromkeys([*old, *new]):
        was, now = old.get(name, MISSING), new.get(name, MISSING)
        if _same(was, now):
            continue
        here, way = f"{before}{name}", (*path, name)
        if _is_object(was, now) or _is_object(now, was):
            one, other = ({} if v is MISSING else v for v in (was, now))
            yield from field_changes(one, other, judge, f"{here}.", way)
        elif _are_objects(was) and _are_objects(now) and len(was) == len(now):
            for one, other in zip(was, now, strict=True):
                yield from field_changes(one, other, judge, f"{here}[].", way)
        else:
            label = f"{here}[]" if isinstance(now, list) else here
            yield FieldChange(label, way, was, now, judge(way, was, now))


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
    return isinstance(value, dict) and (other is MISSING or isinstance(other, dict))


def _are_objects(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) for item in value)
    )
