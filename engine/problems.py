"""Problems: what is wrong, where, and what to do. Values, not exceptions.

Every code of the catalogue stands here once, is never reused, and has a case in
`tests/cases/problems/`. The letter says the stage: T a table or another file of a
spec, M the mapping, C the partner's contract, R a record of the ERP, D the delivery.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Level = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Origin:
    """The place of a value: file, line and column, both counted from 1; 0 is unknown."""

    file: str
    line: int = 0
    column: str = ""

    def __str__(self) -> str:
        line = f":{self.line}" if self.line else ""
        column = f" [{self.column}]" if self.column else ""
        return f"{self.file}{line}{column}"


@dataclass(frozen=True)
class CatalogueEntry:
    """A kind of problem: its title, and what one can do about it."""

    title: str
    remedy: str
    level: Level = "error"


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, at one place."""

    origin: Origin
    code: str
    message: str
    suggestion: str = ""

    @property
    def level(self) -> Level:
        return CATALOGUE[self.code].level

    def __str__(self) -> str:
        hint = f" {self.suggestion}" if self.suggestion else ""
        return f"{self.origin} {self.code}: {self.message}{hint}"

    def as_json(self) -> dict[str, object]:
        return {
            "file": self.origin.file,
            "line": self.origin.line,
            "column": self.origin.column,
            "code": self.code,
            "level": self.level,
            "rule": CATALOGUE[self.code].title,
            "message": self.message,
            "suggestion": self.suggestion,
        }


def sort(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems by place, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.origin, p.code, p.message)))


def errors(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems that stop the work; warnings do not."""
    return tuple(p for p in problems if p.level == "error")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """
    Return a suggestion for a misspelt word, or nothing.

    >>> did_you_mean("decmal", ["decimal", "date"])
    "Did you mean 'decimal'?"
    """
    matches = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean '{matches[0]}'?" if matches else ""


CATALOGUE: dict[str, CatalogueEntry] = {
    # T: files of a spec, an activation
    "T001": CatalogueEntry("File not found", "Add the file, or correct its name."),
    "T002": CatalogueEntry("File cannot be decoded", "Save it as UTF-8."),
    "T003": CatalogueEntry("Not valid YAML", "Correct the syntax at the place named."),
    "T004": CatalogueEntry(
        "Does not fit its schema",
        "The schema of the file stands in schemas/feldwerk/; REFERENCE.md shows it.",
    ),
    "T005": CatalogueEntry("Not valid JSON", "Correct the syntax at the place named."),
    "T006": CatalogueEntry(
        "Encoding other than UTF-8", "Save the table as UTF-8.", "warning"
    ),
    "T101": CatalogueEntry("Unknown column", "Use the column names of REFERENCE.md."),
    "T102": CatalogueEntry("Missing column", "Add the column."),
    "T103": CatalogueEntry("Column occurs twice", "Keep one of the two."),
    "T104": CatalogueEntry(
        "Row has more cells than the header", "Quote cells that hold the delimiter."
    ),
    "T105": CatalogueEntry("Table is not valid CSV", "Close the quoted cell."),
    "T201": CatalogueEntry("Value list names an ERP value twice", "Keep one row."),
}
