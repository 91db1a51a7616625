"""What spreadsheets do to texts: the text of a cell in, what is odd about it out.

Excel and its kin turn what people type into numbers, dates and truth values, and put
typographic signs for plain ones. Here is what one can see in the text alone; what a
workbook knows beside it is judged in the workbench.

Nothing is repaired: only a person knows what was meant.
"""

import re
from dataclasses import dataclass

CODE = frozenset(
    ("partner_field", "erp_field", "transform", "id_parts", "reference", "when")
)
"""Columns that the engine reads word by word."""
VALUES = frozenset(("default", "example", "expected", "erp_value", "partner_value"))
"""Columns that hold values of the ERP and of the partner."""

_SCIENTIFIC = re.compile(r"-?\d([.,]\d+)?E[+-]\d{2,3}")
_HASHES = re.compile(r"#{2,}")
_ERRORS = re.compile(
    r"#(REF|BEZUG|N/A|NV|NAME|VALUE|WERT|DIV/0|NUM|ZAHL|NULL|SPILL|ÜBERLAUF|CALC|KALK)"
    r"[!?]?|Err:\d{3}"
)
_MONTH = (
    r"(jan|feb|m(ae|ä|a)?r(z|ch)?|mrz|apr|mai|may|jun|jul|aug|sep|okt|oct|nov|de[zc])"
)
_SHORT_DATE = re.compile(
    rf"\d{{1,2}}[. -]+{_MONTH}\.?([ -]\d{{2,4}})?|{_MONTH}\.?[ -]\d{{2}}", re.IGNORECASE
)
TRUTH = {"TRUE": True, "WAHR": True, "FALSE": False, "FALSCH": False}
_LITERALS = re.compile(r'"[^"]*"|\'[^\']*\'')
PLAIN = str.maketrans(
    {
        **dict.fromkeys("“”„‟″«»", '"'),
        **dict.fromkeys("‘’‚‛′‹›", "'"),
        **dict.fromkeys("–—−", "-"),
        "…": "...",
    }
)
"""The signs that word processors put in, and what was typed."""
_BLANKS = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2028\u2029\u2060\ufeff]")


@dataclass(frozen=True)
class Oddity:
    """Something odd; `is_certain` if the meaning of the cell is at stake."""

    message: str
    suggestion: str = ""
    is_certain: bool = False


def oddity(column: str, text: str) -> Oddity | None:
    """Return what a spreadsheet has done to the text of a cell, or nothing."""
    if not text or column not in CODE | VALUES:
        return None
    return (
        _wrecked(text)
        or _sign(column, text)
        or _blank(column, text)
        or _truth(column, text)
    )


def _wrecked(text: str) -> Oddity | None:
    """Find what nobody types: the trace of a value that is lost."""
    if _ERRORS.fullmatch(text):
        return Oddity(f"'{text}' is an error of a spreadsheet.", is_certain=True)
    if _HASHES.fullmatch(text):
        message = "is what a spreadsheet shows where a column is too narrow."
        return Oddity(f"'{text}' {message}", is_certain=True)
    if _SCIENTIFIC.fullmatch(text):
        message = "is how a spreadsheet writes a long number, or 1E5."
        hint = "Write the digits, in a cell of the format Text."
        return Oddity(f"'{text}' {message}", hint, is_certain=True)
    if _SHORT_DATE.fullmatch(text):
        message = "is how a spreadsheet writes a date; 1.2 or 01.02. become one."
        hint = "Write what was meant, in a cell of the format Text."
        return Oddity(f"'{text}' {message}", hint)
    return None


def _sign(column: str, text: str) -> Oddity | None:
    """Find typographic signs where the engine reads word by word, and in JSON."""
    signs = [sign for sign in _LITERALS.sub("", text) if ord(sign) in PLAIN]
    if not signs or (column in VALUES and text[0] not in "{["):
        return None
    listed = " ".join(dict.fromkeys(signs))
    message = f"has typographic signs ({listed}), which a spreadsheet puts in."
    return Oddity(message, f"Write {text.translate(PLAIN)}", is_certain=True)


def _blank(column: str, text: str) -> Oddity | None:
    """Find blanks that are none, and signs that nobody sees."""
    if found := _INVISIBLE.search(text):
        message = f"has an invisible sign ({_named(found[0])})."
        hint = f"Write {_BLANKS.sub(' ', _INVISIBLE.sub('', text))}"
        return Oddity(message, hint, is_certain=True)
    if found := _BLANKS.search(text):
        message = f"has a blank that is none ({_named(found[0])})."
        # The languages of both columns take it for a blank, outside of their texts.
        bare = column in ("transform", "when") and not any(
            _BLANKS.search(literal[0]) for literal in _LITERALS.finditer(text)
        )
        is_certain = column in CODE | {"erp_value", "partner_value"} and not bare
        return Oddity(message, f"Write {_BLANKS.sub(' ', text)}", is_certain)
    return None


def _truth(column: str, text: str) -> Oddity | None:
    if text not in TRUTH or column not in VALUES:
        return None
    message = f"'{text}' is how a spreadsheet writes {str(TRUTH[text]).lower()}."
    return Oddity(message, "Write what the ERP or the partner has.")


def _named(sign: str) -> str:
    return f"U+{ord(sign):04X}"
