"""Read what a partner answers: bytes in; JSON, a message, problems of fields out.

Bodies that are not what they should be (HTML, empty, cut off) read as nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.errors import FieldError
from connectors.model import ErrorHandler, FieldMap

MESSAGE_LENGTH = 500
FIELD_COUNT = 50
LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What the partner answers; `json` is None if the body is not JSON."""

    status: int
    json: Any = field(repr=False)


def read_json(body: bytes) -> Any:
    """
    Return the JSON value of a body whatever its content type, or None.

    >>> read_json(b'[1]'), read_json(b'<html>'), read_json(b'')
    ([1], None, None)
    """
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def at(document: Any, path: str, default: Any = None) -> Any:
    """
    Return the value at a dotted path; a number is a place in a list.

    >>> at({"errors": [{"text": "no"}]}, "errors.0.text")
    'no'
    """
    for part in path.split("."):
        if isinstance(document, dict) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdecimal():
            if int(part) >= len(document):
                return default
            document = document[int(part)]
        else:
            return default
    return document


def read_error(
    handler: ErrorHandler, document: Any
) -> tuple[str, tuple[FieldError, ...]]:
    """Return the message of an error answer, or "", and what it says of fields."""
    texts = (_text(at(document, path)) for path in handler.message)
    return next(filter(None, texts), ""), tuple(_fields(handler, document))


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """
    Return the seconds to wait, 60 at most: the header has seconds or an HTTP date.

    >>> read_retry_after("7", datetime(2025, 1, 1, tzinfo=UTC))
    7.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), LONGEST_WAIT_SECONDS)
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), LONGEST_WAIT_SECONDS)


def _fields(handler: ErrorHandler, document: Any) -> Iterator[FieldError]:
    where = handler.fields
    if where is None:
        return
    if isinstance(where, FieldMap):
        messages_by_field = at(document, where.map)
        if isinstance(messages_by_field, dict):
            for name, said in list(messages_by_field.items())[:FIELD_COUNT]:
                messages = said if isinstance(said, list) else [said]
                for message in messages[:FIELD_COUNT]:
                    yield FieldError(name, _text(message))
        return
    items = at(document, where.items)
    if isinstance(items, list):
        for item in items[:FIELD_COUNT]:
            name = _text(at(item, where.field))
            yield FieldError(name, _text(at(item, where.message)))


def _text(value: Any) -> str:
    """Return a text on one line; what is not a text reads as nothing."""
    return " ".join(value.split()) if isinstance(value, str) else ""
