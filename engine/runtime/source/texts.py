"""Texts of a source: what a cell holds in, one clean spelling of it out."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from engine.errors import RecordError
from engine.standard import Field, FieldType

_ZERO_WIDTH = "\u200b\u200c\u200d\u2060\ufeff\u180e"
_BLANKS = _ZERO_WIDTH + "".join(
    character for character in map(chr, range(0x3001)) if character.isspace()
)
_BROKEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# What the second byte of a UTF-8 pair looks like in cp1252 and in ISO-8859-1.
_SECOND = re.escape(
    bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
    + bytes(range(0x80, 0xA0)).decode("latin-1")
)
_TWICE = re.compile(f"[ÃÂ][{_SECOND}]|â(?:€|\x80)[{_SECOND}]|â(?:‚|\x82)¬")

_DEEPEST = 32
_SHOWN = 40

_EXPECTED: Mapping[FieldType, str] = {
    "text": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false (also ja/nein, j/n, wahr/falsch, 1/0, x)",
    "date": "a date",
    "datetime": "a date and time",
    "list": "a list",
    "object": "a JSON object",
}


def clean(raw: str) -> str:
    """
    Return the text without outer blanks of any kind, its letters composed (NFC).

    Raises RecordError R105 for UTF-8 that was read as another encoding, and R101 for
    control characters other than tab and line break.
    """
    if raw.isascii() and raw.isprintable():
        return raw.strip()
    # Before trimming: the second half of a broken letter may be a blank.
    if _TWICE.search(raw):
        raise RecordError("R105", "looks like UTF-8 that was read as another encoding")
    text = raw.strip(_BLANKS)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if _BROKEN.search(text):
        raise RecordError("R101", "holds a control character or half a character")
    return unicodedata.normalize("NFC", text)


def clean_json(value: Any, depth: int = 0) -> Any:
    """Clean every text inside a JSON value whose fields the Standard does not name."""
    if isinstance(value, str):
        return clean(value)
    if depth >= _DEEPEST:
        raise RecordError("R101", f"is nested deeper than {_DEEPEST} levels")
    if isinstance(value, list):
        return [clean_json(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean_json(v, depth + 1) for key, v in value.items()}
    return value


def cleaned(field: Field, raw: str) -> str:
    """Clean a field's text; the error shows it unless it is personal."""
    try:
        return clean(raw)
    except RecordError as error:
        raise RecordError(error.code, error.message + found(field, raw)) from None


def refusal(field: Field, value: Any, expected: str = "") -> RecordError:
    """Return the error for a value that is not of its type."""
    what = expected or _EXPECTED[field.type]
    return RecordError("R101", f"is not {what}{found(field, value)}")


def found(field: Field, value: Any) -> str:
    """Return how a message shows a value: a personal one is never part of it."""
    parts = (field, *(field.item_fields or {}).values())
    if any(part.personal != "none" for part in parts):
        return ""
    written = repr(value)
    return f", found {written[:_SHOWN]}{'…' if len(written) > _SHOWN else ''}"
