"""Take personal values out of what a partner says: message and payload in, text out."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from engine.payload import values_at
from engine.work import EntityWork, FieldWork

_SHORT = 4
_WORDS = re.compile(r"\w{3,}")


def masked(message: str, payload: Mapping[str, Any], work: EntityWork) -> str:
    """
    Return a message with *** for each personal value of the payload.

    Also for the words of a value, and in any case of letters: partners quote freely.
    """
    values = {
        text
        for target in _personal(work)
        for value in values_at(payload, target)
        for text in _texts(value)
        if len(text) > 1
    }
    words = {word for value in values for word in _WORDS.findall(value)}
    hidden = sorted(values | words, key=len, reverse=True)
    for pattern in map(_anywhere, hidden):
        message = re.sub(pattern, "***", message, flags=re.IGNORECASE)
    return message


def _personal(work: EntityWork) -> Iterator[tuple[str, ...]]:
    """Yield where in a payload personal values stand."""
    for item in work.fields:
        if isinstance(item, FieldWork):
            if item.personal:
                yield item.target
        else:
            for inner in item.fields:
                if inner.personal:
                    yield (*item.target, "[]", *inner.target)


def _texts(value: Any) -> Iterator[str]:
    """Yield every single value in a value, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


def _anywhere(text: str) -> str:
    """Return the pattern of a text; a short one must not be a part of a word."""
    pattern = re.escape(text)
    return pattern if len(text) > _SHORT else rf"(?<!\w){pattern}(?!\w)"
