"""Show values of payloads so that a report may keep them: values in, texts out.

Of a personal value only the shape is shown: `Xxxxxx 9 x` for `Musterweg 4 a`. What
stands in a list, a table or a value list of the partner tells nothing of a person.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from engine.app.visible import plain
from engine.app.workbench.payload_diff import MISSING, Path, path_to
from engine.contract import property_schema
from engine.runtime.masking import personal_rows
from engine.work import EntityWork, FieldWork

LONGEST = 120
"""Of a longer value the end is cut."""


def shown(value: Any, *, masked: bool) -> str:
    """
    Return a value as one line.

    >>> shown("Ada", masked=False), shown("Ada L. 7", masked=True)
    ('"Ada"', '"Xxx X. 9"')
    """
    if value is MISSING:
        return repr(MISSING)
    if masked:
        value = shape(value)
    text = orjson.dumps(value).decode()
    text = plain(text) if text.isascii() else plain(_visible(text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _visible(text: str) -> str:
    """Return a text in which marks that stand alone are seen: u and ¨, not ü."""
    return "".join(
        f"\\u{ord(c):04x}" if unicodedata.category(c)[0] == "M" else c for c in text
    )


def shape(value: Any) -> Any:
    """
    Return a value with x for each letter and 9 for each digit.

    >>> shape({"mail": ["Ada@example.de"], "age": 36, "spam": True})
    {'mail': ['Xxx@xxxxxxx.xx'], 'age': '99', 'spam': '***'}
    """
    match value:
        case None:
            return None
        case bool():
            return "***"
        case dict():
            return {name: shape(inner) for name, inner in value.items()}
        case list():
            return [shape(inner) for inner in value]
    return "".join(map(_sign, str(value)))


def _sign(c: str) -> str:
    match unicodedata.category(c):
        case "Lu" | "Lt":
            return "X"
        case "Nd" | "Nl" | "No":
            return "9"
        case category if category[0] == "L":
            return "x"
    return c


class Personal:
    """Which fields of an entity's payload hold personal values, in some versions."""

    def __init__(self, works: Iterable[EntityWork]) -> None:
        self.paths = {path for work in works for path in _personal(work)}

    def __call__(self, path: Path) -> bool:
        """Say whether a field is personal, holds personal ones or stands in one."""
        return any(
            path[: len(known)] == known or known[: len(path)] == path
            for known in self.paths
        )


def _personal(work: EntityWork) -> Iterator[Path]:
    for target, row in personal_rows(work):
        path = path_to(target)
        if not _of_a_list(row, work, path):
            yield path


def _of_a_list(row: FieldWork, work: EntityWork, path: Path) -> bool:
    """Say whether a row gives only values that stand in a list of ours or theirs."""
    if any(step.name == "lookup" for step in row.steps):
        return True
    contract = property_schema(work.schema, path) or {}
    items = contract.get("items")
    inner = items if isinstance(items, dict) else contract
    return "enum" in inner or "const" in inner
