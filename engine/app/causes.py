"""Group rejects by their cause: rejects in, one group for each thing to look after out.

Two records have one cause if their code, their table row and their message are the
same, apart from what is the record's own: keys, numbers, quoted values, line numbers.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from engine.runtime.links import Reject

_LINE = re.compile(r"(\.(?:csv|xlsx|ndjson|json))\b:\d+", re.IGNORECASE)
_FOUND = re.compile(r"(, found )[^;]*")
_QUOTED = re.compile(r"(?<!\w)(?:'(?![a-z_]+')[^']*'|\"(?![a-z_]+\")[^\"]*\")(?!\w)")
_WORD = re.compile(r"[^\s,;:()\[\]'\"]+")
_DIGIT = re.compile(r"\d")
_HIDDEN = re.compile(r"\*\*\*(?:[\s.@-]*\*\*\*)*")
_REPEATED = re.compile(r"…(?:\s*(?:,|and|und|…)\s*…)+")


R = TypeVar("R", bound=Reject)


@dataclass
class Cause(Generic[R]):
    """Rejects with one cause, in the order in which they came."""

    code: str
    row: str
    """The table row, or another place, that they have in common; may be empty."""
    pattern: str
    rejects: list[R] = field(default_factory=list)

    @property
    def message(self) -> str:
        """What they say: the very words if all are alike, else what they share."""
        messages = {reject.message for reject in self.rejects}
        return messages.pop() if len(messages) == 1 else self.pattern

    @property
    def entities(self) -> list[str]:
        """The entities that it occurs in, in order."""
        return list(dict.fromkeys(reject.entity for reject in self.rejects))


def causes(rejects: Iterable[R]) -> list[Cause[R]]:
    """Return the causes of some rejects, the most frequent first."""
    found: dict[tuple[str, str, str], Cause[R]] = {}
    for reject in rejects:
        row = place(reject.origin)
        pattern = shared(reject.message, reject.key)
        name = (reject.code, row, pattern)
        found.setdefault(name, Cause(*name)).rejects.append(reject)
    return sorted(found.values(), key=lambda cause: -len(cause.rejects))


def place(origin: str) -> str:
    """
    Return what records may share of an origin: a table row, not the ERP's line.

    >>> place("mappings/partners/acme/stammdaten/units.csv:7 [transform]")
    'mappings/partners/acme/stammdaten/units.csv:7 [transform]'
    >>> place("gebaeude.csv:12 [plz]")
    'gebaeude.csv [plz]'
    """
    is_table = origin.startswith("mappings/") or "/mappings/" in origin
    return origin if is_table else _LINE.sub(r"\1", origin)


def shared(message: str, key: str = "") -> str:
    """
    Return a message without what is its record's own.

    >>> shared("einheiten.csv:6 [flaeche]: is not a number, found 'siebzig'")
    'einheiten.csv [flaeche]: is not a number, found …'
    >>> shared("waits for units 1-1001-01, which is rejected")
    'waits for units …, which is rejected'
    >>> shared("title 'Haus am See' is taken"), shared("the part 'we_nr' is missing")
    ('title … is taken', "the part 'we_nr' is missing")
    """
    text = _LINE.sub(r"\1", message)
    if len(key) > 1:
        text = text.replace(key, "…")
    text = _FOUND.sub(r"\1…", text)
    text = _QUOTED.sub("…", text)
    text = _WORD.sub(_without_digits, text)
    return _REPEATED.sub("…", _HIDDEN.sub("***", text))


def _without_digits(word: re.Match[str]) -> str:
    return "…" if _DIGIT.search(word.group()) else word.group()
