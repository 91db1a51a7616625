"""Values that spreadsheets spoil: a cell and what it was before in, a problem out.

A cell of a table is text. What a spreadsheet made of it is told, never repaired:

- Equal to what it was before: nothing, whatever the type of the cell.
- A whole number: its digits, 7 is "7"; but not if it was 0081 or 1E5 before, has a
  format that shows something else (0007, 7,00 €, 700 %), or more than 15 digits.
- A number with a fraction, a date, a time, a truth value: an error; it is not known
  whether 67.5 or 67,5 was typed, 1.2 or 01.02., true or wahr.
- An error of the spreadsheet, or a formula: an error. Nothing is computed.
- A text that says the same number, date or truth in another writing than before: an
  error in a shared sheet, where it is not known what is a text; else a warning.
- A text with characters that no text has (control characters, halves of pairs): an
  error in any column.
- What the text alone shows (1,00E+05, ####, typographic signs in a rule, blanks that
  are none): an error where the meaning is at stake, else a warning; notes are free.
"""

import re
from dataclasses import dataclass

from engine.app.workbench.sheets.grid import Cell
from engine.runtime.text_cell import BEGINNINGS
from engine.spoiled import TRUTH, oddity

FORMULA, SPOILED, DOUBTFUL = "S031", "S032", "S033"
MOST_DIGITS = 15
"""So many digits of a number a spreadsheet keeps."""
PLAIN_FORMATS = frozenset(("General", "0", "@", "#", ""))
_TRUTHS = {**{k.lower(): v for k, v in TRUTH.items()}, "ja": True, "nein": False}
_DATE = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})([T ]00:00(:00)?)?"
    r"|(?P<d>\d{1,2})\.(?P<m>\d{1,2})(\.(?P<y>\d{2,4})?)?([ ]00:00(:00)?)?"
)
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?(E[+-]?\d{1,3})?", re.IGNORECASE)
_LONGEST_SHOWN = 60
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd-\uffff]")


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a cell, and what to do."""

    code: str
    message: str
    suggestion: str = ""


def judged(column: str, cell: Cell, before: str) -> Verdict | None:
    """Return what a spreadsheet did to a cell; `before` is empty for a new one."""
    if cell.kind == "formula":
        return _formula(cell)
    if cell.text == before and cell.kind != "error":
        return None
    if cell.kind not in ("text", "shown"):
        return _typed(cell, before)
    bare = cell.text[1:]
    if cell.text[0] == "'" and (bare == before or _is_guarded(cell.text)):
        message = "has an apostrophe in front, which a spreadsheet did not take away."
        return Verdict(SPOILED, message, f"Write {_short(bare)}")
    if found := _NO_TEXT.search(cell.text):
        message = f"has a character that no text has (U+{ord(found[0]):04X})."
        return Verdict(SPOILED, message, f"Write {_short(_NO_TEXT.sub('', cell.text))}")
    if column == "note":
        return None
    if before and (why := _rewritten(cell.text, before)):
        code = SPOILED if cell.kind == "shown" else DOUBTFUL
        message = f"'{_short(cell.text)}' {why}; before it was '{_short(before)}'."
        return Verdict(code, message, _again(before))
    if odd := oddity(column, cell.text):
        code = SPOILED if odd.is_certain else DOUBTFUL
        is_short = len(odd.suggestion) <= 2 * _LONGEST_SHOWN
        return Verdict(code, odd.message, odd.suggestion if is_short else "")
    return None


def _is_guarded(text: str) -> bool:
    """Say whether an apostrophe keeps a pasted text from being a formula."""
    return text[1:].startswith(BEGINNINGS) and "'" not in text[1:]


def _formula(cell: Cell) -> Verdict:
    message = f"holds a formula, {_short(cell.formula)}; formulas are not computed."
    if "[" in cell.formula:
        message = f"refers to another file, {_short(cell.formula)}; it is not read."
    if not cell.text:
        return Verdict(FORMULA, message)
    hint = f"Paste it as a value, which was '{_short(cell.text)}' at last."
    return Verdict(FORMULA, message, hint)


def _typed(cell: Cell, before: str) -> Verdict | None:
    """Judge a cell that a spreadsheet holds as something else than text."""
    match cell.kind:
        case "number":
            message = _number(cell, before)
        case "date":
            message = f"holds a date or time, {cell.text}; what was typed is lost."
        case "boolean":
            message = f"holds the truth value {cell.text}; what was typed is lost."
        case _:
            message = f"holds the error {_short(cell.text)}."
    return Verdict(SPOILED, message, _again(before)) if message else None


def _number(cell: Cell, before: str) -> str:
    """Return why the digits of a number are not what was meant, if so."""
    text = cell.text
    if before and _same_number(text, before):
        return f"holds the number {text}; before it was '{_short(before)}'."
    if before.isdecimal() and before.startswith("0") and before != "0":
        message = f"holds the number {text}, before it was '{_short(before)}':"
        return f"{message} zeros in front may be lost."
    if not text.removeprefix("-").isdecimal():
        return f"holds the number {text}; a point or a comma may have been typed."
    if len(text.removeprefix("-")) > MOST_DIGITS:
        return f"holds a number of which only {MOST_DIGITS} digits are kept."
    if cell.format not in PLAIN_FORMATS:
        shown = _short(cell.format)
        return f"holds the number {text}, but shows it in the format {shown}."
    return ""


def _rewritten(text: str, before: str) -> str:
    """Return how a text says the same as before in another writing, if so."""
    if _same_number(text, before):
        return "is the same number"
    if text in TRUTH and _TRUTHS.get(before.casefold()) is TRUTH[text]:
        return "is how a spreadsheet writes it"
    return "is the same date" if _same_day(text, before) else ""


def _same_number(text: str, before: str) -> bool:
    if not (_NUMBER.fullmatch(text) and _NUMBER.fullmatch(before)):
        return False
    return float(text.replace(",", ".")) == float(before.replace(",", "."))


def _same_day(text: str, before: str) -> bool:
    """Say whether two texts are a date; one may leave the year out: 01.02."""
    new, old = _DATE.fullmatch(text), _DATE.fullmatch(before)
    if new is None or old is None:
        return False
    years = {year[-2:] for found in (new, old) if (year := found["year"] or found["y"])}
    days = {
        (int(found["month"] or found["m"]), int(found["day"] or found["d"]))
        for found in (new, old)
    }
    return len(days) == 1 and len(years) <= 1


def _again(before: str) -> str:
    """Return what to do about a value that was another one before, or nothing."""
    if not before:
        return ""
    return f"If it is meant as before, format the cell as text and type {before}"


def _short(text: str) -> str:
    line = text.replace("\n", " ")
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."
