"""Say whether two values mean the same: payload values in, one spelling or names out.

`folded` is generous, for finding a record that somebody typed in by hand; `differing`
is exact but for the ways in which systems write one value.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.values import phone_number

_PHONE = re.compile(r"(?:\+|0)[\d\s/().-]{6,}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?.*)?")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def folded(value: Any) -> str | None:
    """
    Return a value as it is compared with what people typed; None if it is empty.

    >>> folded(" Müller-Lüdenscheidt"), folded("MUELLER-LUEDENSCHEIDT")
    ('mueller-luedenscheidt', 'mueller-luedenscheidt')
    >>> folded("0171 / 123 45 67"), folded(7.0), folded("  ")
    ('+491711234567', '7', None)
    """
    value = spelled(value)
    if value is None:
        return None
    if not isinstance(value, str):
        return str(value)
    text = unicodedata.normalize("NFKC", value).strip()
    if _PHONE.fullmatch(text):
        found = phone_number(text)
        if found is not None:
            return found[0]
    return "".join(text.lower().translate(_LETTERS).split()) or None


def spelled(value: Any) -> Any:
    """
    Return a plain value in one spelling; None for null and the empty text.

    >>> spelled(1.0), spelled("2020-01-01T00:00:00Z"), spelled(True)
    ('1', '2020-01-01', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number(str(value))
    if not isinstance(value, str):
        return value or None
    text = value.strip()
    if _DATE.fullmatch(text):
        return _moment(text)
    return text or None


def differing(
    sent: Mapping[str, Any], there: Mapping[str, Any], before: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """
    Yield name, sent value and the partner's of each sent field that differs there.

    What is not sent is not compared; a list is one value, in any order.

    >>> list(differing({"a": {"x": 1}, "b": None}, {"a": {"x": "1.0", "y": 2}}))
    []
    >>> list(differing({"a": {"x": 1}}, {"a": {}}))
    [('a.x', 1, None)]
    """
    for name, value in sent.items():
        other = there.get(name)
        if isinstance(value, Mapping):
            inner = other if isinstance(other, Mapping) else {}
            yield from differing(value, inner, f"{before}{name}.")
        elif not _same(value, other):
            yield f"{before}{name}", value, other


def _same(sent: Any, there: Any) -> bool:
    if isinstance(sent, list):
        return _same_lists(sent, there if isinstance(there, list) else [])
    if isinstance(sent, Mapping):
        return isinstance(there, Mapping) and not any(differing(sent, there))
    one, other = spelled(sent), spelled(there)
    if one == other:
        return True
    # A number may come back as a text; a text with a leading zero is no number.
    numbers = isinstance(sent, int | float) or isinstance(there, int | float)
    return numbers and one is not None and other is not None and _equal(one, other)


def _same_lists(sent: Sequence[Any], there: Sequence[Any]) -> bool:
    if len(sent) != len(there):
        return False
    left = list(there)
    for item in sent:
        place = next((i for i, other in enumerate(left) if _same(item, other)), None)
        if place is None:
            return False
        del left[place]
    return True


def _equal(one: Any, other: Any) -> bool:
    return (
        isinstance(one, str)
        and isinstance(other, str)
        and bool(_NUMBER.fullmatch(one) and _NUMBER.fullmatch(other))
        and _number(one) == _number(other)
    )


def _number(text: str) -> str:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    whole = number.to_integral_value()
    return str(whole) if number == whole else str(number.normalize())


def _moment(text: str) -> str:
    """Return a moment in UTC; midnight, in its own zone, is the day alone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    if moment.time() == time():
        return moment.date().isoformat()
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC).replace(tzinfo=None)
    return moment.isoformat()
