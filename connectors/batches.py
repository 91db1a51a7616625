"""Read the answer to a batch: JSON in, refused records by their place out."""

from collections.abc import Callable
from typing import Any

from connectors.answers import at, read_fields, read_message
from connectors.entities import Rejected
from connectors.errors import (
    AnswerError,
    FieldError,
    OutcomeUnknownError,
    RefusedError,
)
from connectors.outcome import INVALID, refusal


def refused_by_place(
    rejected: Rejected, document: Any, size: int, redact: Callable[[str], str]
) -> dict[int, RefusedError]:
    """
    Return the refused records by their place in a batch of this size, from 0.

    Raises AnswerError if a place is none: then nothing is known of any record.
    """
    if not isinstance(document, dict | list):
        raise OutcomeUnknownError("The answer to the batch is no JSON document.")
    items = at(document, rejected.items)
    if items is None:
        return {}
    if isinstance(items, dict):
        items = [items]
    if not isinstance(items, list):
        raise AnswerError(f"'{rejected.items}' of the batch's answer is no list.")
    said: dict[int, tuple[str, tuple[FieldError, ...]]] = {}
    for item in items:
        place = _place(item, rejected.index, size)
        message, fields = said.get(place, ("", ()))
        paths = [rejected.message] if rejected.message else []
        more = read_message(paths, item)
        fields += read_fields(rejected.fields, item, more)
        said[place] = message or more, fields
    return {
        place: refusal(INVALID, message or "The partner rejects it.", fields, redact)
        for place, (message, fields) in said.items()
    }


def _place(item: Any, path: str, size: int) -> int:
    place = at(item, path)
    if isinstance(place, bool) or not isinstance(place, int):
        raise AnswerError(f"A rejected record has no place '{path}' in the batch.")
    if not 0 <= place < size:
        raise AnswerError(f"Record {place} is rejected, but the batch has {size}.")
    return place
