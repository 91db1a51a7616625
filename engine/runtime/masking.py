"""Take personal values out of what a partner says: message and payload in, text out."""

import html
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from html.entities import codepoint2name
from typing import Any
from unicodedata import normalize

import phonenumbers

from engine.payload import values_at
from engine.work import EntityWork, FieldWork

_SHORT = 4
_WORDS = re.compile(r"\w{3,}")
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T[\d:.+]+Z?)?")
_GERMAN_DAY = re.compile(r"(\d\d)\.(\d\d)\.(\d{4})")
_PHONE = re.compile(r"(?=(?:\D*\d){7})\+?[\d\s/().\u2013-]+")
_BETWEEN = r"[\s/().\u2013-]{0,3}"
_SPELLED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "'": "&apos;"}
"""What stands for a letter elsewhere."""


def masked(message: str, payload: Mapping[str, Any], work: EntityWork) -> str:
    """
    Return a message with *** for each personal value of the payload.

    Also for the words of a value, in any case of letters, with umlauts, phone numbers
    and days as others write them: partners quote freely.
    """
    values = {
        text
        for target in personal_targets(work)
        for value in values_at(payload, target)
        for text in _texts(value)
        if len(text) > 1
    }
    words = {word for value in values for word in _WORDS.findall(value)}
    hidden = sorted(values | words, key=len, reverse=True)
    for text in hidden:
        message = _anywhere(text).sub("***", message)
    return message


def personal_targets(work: EntityWork) -> Iterator[tuple[str, ...]]:
    """Yield where in a payload personal values stand."""
    return (target for target, _ in personal_rows(work))


def personal_rows(
    work: EntityWork,
) -> Iterator[tuple[tuple[str, ...], FieldWork]]:
    """Yield the rows that give personal values, and where in a payload these stand."""
    for item in work.fields:
        if isinstance(item, FieldWork):
            if item.personal:
                yield item.target, item
        else:
            for inner in item.fields:
                if inner.personal:
                    yield (*item.target, "[]", *inner.target), inner


def _texts(value: Any) -> Iterator[str]:
    """Yield every single value in a value, as text."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield str(value)


@lru_cache(maxsize=2_000)
def _anywhere(text: str) -> re.Pattern[str]:
    """Return the pattern of a value, however it is written."""
    if day := _DAY.fullmatch(text):
        pattern = _day(*day.groups())
    elif day := _GERMAN_DAY.fullmatch(text):
        pattern = _day(*reversed(day.groups()))
    elif _PHONE.fullmatch(text):
        pattern = _phone(text)
    else:
        pattern = _text(text)
    return re.compile(pattern, re.IGNORECASE)


def _text(text: str) -> str:
    """Return the pattern of a text; a short one must not be a part of a word."""
    pattern = "".join(map(_letter, re.split(r"(\s+|\S)", normalize("NFC", text))))
    return pattern if len(text) > _SHORT else rf"(?<!\w){pattern}(?!\w)"


@lru_cache(maxsize=2_000)
def _letter(letter: str) -> str:
    """Return the pattern of a letter: as it is, in HTML, in JSON, in an address."""
    if not letter:
        return ""
    if letter.isspace():
        return r"(?:\s|%20|\+|&nbsp;|&#160;)+"
    if letter.isalnum() and letter.isascii():
        return letter
    number, coded = ord(letter), letter.encode()
    forms = [
        letter,
        html.escape(letter),
        f"&#{number};",
        f"&#x{number:x};",
        f"\\u{number:04x}",
        "".join(f"%{byte:02x}" for byte in coded),
        normalize("NFD", letter),
        coded.decode("latin-1"),
        re.sub(r"[\x80-\x9f]", " ", coded.decode("latin-1")),
        coded.decode("cp1252", "replace"),
    ]
    if number in codepoint2name:
        forms.append(f"&{codepoint2name[number]};")
    if letter.lower() in _SPELLED:
        forms.append(_SPELLED[letter.lower()])
    forms = sorted(set(forms), key=len, reverse=True)
    return f"(?:{'|'.join(map(re.escape, forms))})"


def _phone(text: str) -> str:
    """Return the pattern of a phone number: +49 171 ..., 0171/..., 0049(0)171..."""
    try:
        number = phonenumbers.parse(text, "DE")
    except phonenumbers.NumberParseException:
        return _text(text)
    inner = _BETWEEN.join(str(number.national_number))
    abroad = rf"(?:(?:\+|00)?{number.country_code}{_BETWEEN})?"
    at_home = rf"(?:(?:\(0\)|0){_BETWEEN})?"
    return rf"(?<!\d){abroad}{at_home}{inner}(?!\d)"


def _day(year: str, month: str, day: str) -> str:
    """Return the pattern of a day: 1966-07-13, 13.07.1966, 13.7.66, 19660713."""
    m, d = (rf"0?{part.lstrip('0')}" for part in (month, day))
    years = rf"(?:{year[:2]})?{year[2:]}"
    by_day = rf"{d}[./-]\s?{m}[./-]\s?{years}"
    by_year = rf"{year}[./-]?{month}[./-]?{day}|{year}[./-]{m}[./-]{d}"
    return rf"(?<!\d)(?:{by_day}|{m}/{d}/{years}|{by_year})(?!\d)"
