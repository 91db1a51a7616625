"""Read what a partner answers: bytes in; JSON, a message, problems of fields out.

Bodies that are not what they should be (HTML, empty, cut off) say nothing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

from connectors.error_handler import (
    ErrorHandler,
    FieldList,
    FieldMap,
    FieldPattern,
    Fields,
)
from connectors.errors import FieldError
from connectors.xmlanswer import read_xml

MESSAGE_LENGTH = 500
FIELD_COUNT = 50
_PATTERN_LENGTH = 4000
LONGEST_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What the partner answers; `json` is None if the body is not JSON."""

    status: int
    json: Any = field(repr=False)

    @property
    def is_success(self) -> bool:
        return is_success(self.status)


def is_success(status: int) -> bool:
    """Return whether a status is of the class of successes."""
    return status // 100 == 2  # noqa: PLR2004


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


def read_document(body: bytes) -> Any:
    """
    Return what an error says: the JSON value of its body, else its XML as one, or None.

    >>> read_document(b"<fault><text>no</text></fault>")
    {'fault': {'text': 'no'}}
    """
    found = read_json(body)
    return read_xml(body) if found is None else found


def at(document: Any, path: str, default: Any = None) -> Any:
    """
    Return the value at a dotted path; a number is a place in a list, "" is all of it.

    >>> at({"errors": [{"text": "no"}]}, "errors.0.text")
    'no'
    """
    for part in path.split(".") if path else []:
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
    message = read_message(handler.message, document)
    return message, read_fields(handler.fields, document, message)


def read_message(paths: Iterable[str], document: Any) -> str:
    """Return the first text at one of the paths, on one line, or ""."""
    return next(filter(None, (_text(at(document, path)) for path in paths)), "")


def read_fields(
    where: Fields | None, document: Any, message: str
) -> tuple[FieldError, ...]:
    """Return what an answer, or its message, says of single fields."""
    match where:
        case FieldMap():
            found = _from_map(at(document, where.map))
        case FieldList():
            found = _from_list(where, at(document, where.items))
        case FieldPattern():
            found = _from_message(where.pattern, message)
        case None:
            found = iter(())
    return tuple(islice(found, FIELD_COUNT))


def read_retry_after(value: str | None, now: datetime) -> float | None:
    """
    Return the seconds to wait: the header has seconds or an HTTP date.

    `now` is best the partner's: our clock may be another one.

    >>> read_retry_after("7", datetime(2025, 1, 1, tzinfo=UTC))
    7.0
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    moment = read_date(text)
    return None if moment is None else max((moment - now).total_seconds(), 0.0)


def read_date(value: str | None) -> datetime | None:
    """Return the moment of an HTTP date, or None if it is none."""
    if value is None:
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _from_map(messages_by_field: Any) -> Iterator[FieldError]:
    if isinstance(messages_by_field, dict):
        for name, said in messages_by_field.items():
            for message in said if isinstance(said, list) else [said]:
                yield FieldError(name, _text(message))


def _from_list(where: FieldList, items: Any) -> Iterator[FieldError]:
    if isinstance(items, dict):
        items = [items]
    for item in items if isinstance(items, list) else []:
        name, said = _text(at(item, where.field)), _text(at(item, where.message))
        if name or said:
            yield FieldError(name, said)


def _from_message(pattern: str, message: str) -> Iterator[FieldError]:
    for match in re.finditer(pattern, message[:_PATTERN_LENGTH]):
        yield FieldError(_text(match["field"]), _text(match["message"]))


def _text(value: Any) -> str:
    """Return a text on one line, as people can read it; other values are nothing."""
    if not isinstance(value, str):
        return ""
    shown = "".join(c if c.isprintable() else " " for c in value)
    return " ".join(shown.split())
