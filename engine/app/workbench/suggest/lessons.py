"""What the tables of all partners teach: checked use cases in, Lessons out.

A lesson is how one table fills one partner field. How much it says of another field is
told by their names, their types, and the ERP entity that both are made of.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from engine.contract import kinds, path_of, property_schema
from engine.model import EntityFile, FieldRow, as_tuple
from engine.runtime.library import UseCase

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-zäöüß]+|\d+")
_ALIKE = 0.75
"""From this ratio on two words count as spellings of one."""

_TELLING = 0.8
"""How much alike a word in common makes two names that stands for one source."""

_BY_SOURCE = 0.9
"""How much alike a field is to one that is filled with what it is named after."""

_OUTER = 0.2
"""What the name of that which holds a field counts, of all that makes two alike."""

_ALMOST = 0.8
"""How much alike two names are at most that are not the same."""

_WRITES = ("", "always", "create", "later")
"""What a row is for that fills a field; the others are for one operation alone."""


@dataclass(frozen=True)
class Place:
    """A partner field: where it stands, what the partner says of it."""

    partner: str
    table: str
    name: str
    start: str
    """The Standard entity that the table is made of."""
    base: str
    schema: Mapping[str, Any]

    @property
    def words(self) -> tuple[str, ...]:
        return words_of(path_of(self.name)[-1])

    @property
    def outer(self) -> tuple[str, ...]:
        """The words of what holds the field."""
        return words_of(".".join(path_of(self.name)[:-1]))


@dataclass(frozen=True)
class Lesson:
    """How a table fills a field: the rows of it, in their order."""

    place: Place
    rows: tuple[FieldRow, ...]
    targets: tuple[str, ...] = ()
    """The Standard entities that references of the rows lead to."""

    @property
    def table(self) -> str:
        return f"{self.place.partner}/{self.place.table}"


def words_of(name: str) -> tuple[str, ...]:
    """
    Return the words that a name is made of.

    >>> words_of("postalCode"), words_of("external_id"), words_of("@iso_land")
    (('postal', 'code'), ('external', 'id'), ('iso', 'land'))
    """
    return tuple(word.casefold() for word in _WORD.findall(name))


def place_of(use_case: UseCase, entity: EntityFile, name: str) -> Place:
    """Return a field of an entity; one that the schema lacks says nothing."""
    spec, standard = use_case.spec, use_case.standard
    schema = spec.schemas.get(entity.resource or entity.name, {})
    start = as_tuple(entity.erp)[0]
    found = property_schema(schema, path_of(name)) or {}
    base = standard.base(start)
    return Place(spec.partner, entity.name, name, start, base, found)


def lessons_of(use_cases: Iterable[UseCase]) -> Iterator[Lesson]:
    """Yield what each table teaches of each of its fields."""
    for use_case in use_cases:
        entities = {entity.name: entity for entity in use_case.spec.use_case.entities}
        for entity in entities.values():
            rows: dict[str, list[FieldRow]] = {}
            for rule in use_case.spec.tables[entity.name]:
                if rule.row.write in _WRITES:
                    rows.setdefault(rule.row.partner_field, []).append(rule.row)
            for name, own in rows.items():
                place = place_of(use_case, entity, name)
                targets = tuple(_targets(use_case, entities, own))
                yield Lesson(place, tuple(own), targets)


def _targets(
    use_case: UseCase, entities: Mapping[str, EntityFile], rows: Iterable[FieldRow]
) -> Iterator[str]:
    for row in rows:
        entity = entities.get(row.reference.partition("(")[0].strip())
        if entity is not None:
            yield use_case.standard.base(as_tuple(entity.erp)[0])


@dataclass(frozen=True)
class Words:
    """What the words of partner fields say, learnt from how tables fill them."""

    tells: Mapping[str, float]
    """Word -> how surely it stands for one source, from 0 to 1: `zip` does, `date`
    does not."""

    def alike(self, place: Place, lesson: Lesson) -> float:
        """
        Say how much alike a field is to that of a lesson, by name, from 0 to 1.

        Or to the ERP field that the lesson reads first: partners name some in German.
        The name of what holds a field counts little: `address.street` is `street`.
        """
        other = lesson.place
        read = next(source_words(lesson.rows), "")
        by_source = _BY_SOURCE * names_alike(place.words, words_of(read))
        shared = {*place.words} & {*other.words}
        told = max((self.tells.get(word, 0.0) for word in shared), default=0.0)
        by_name = max(names_alike(place.words, other.words), _TELLING * told)
        outer = 0.5
        if place.outer and other.outer:
            outer = names_alike(place.outer, other.outer)
        return max(by_name, by_source) * (1 - _OUTER + _OUTER * outer)


def learnt(lessons: Iterable[Lesson]) -> Words:
    """Learn which words tell what a field is filled with: `zip` does, `date` not."""
    sources: dict[str, Counter[str]] = {}
    fields: Counter[str] = Counter()
    for lesson in lessons:
        read = set(source_words(lesson.rows))
        for word in set(lesson.place.words) if read else ():
            sources.setdefault(word, Counter()).update(read)
            fields[word] += 1
    # One more that says something else: a few that agree may be a chance.
    return Words(
        {
            word: (max(read.values()) / (fields[word] + 1)) ** 2
            for word, read in sources.items()
        }
    )


def source_words(rows: Iterable[FieldRow]) -> Iterator[str]:
    """Yield the ERP fields that rows read, wherever they stand."""
    for row in rows:
        for part in row.erp_field.split(";"):
            if part.strip():
                yield part.strip().rpartition(".")[2]


@lru_cache(maxsize=65_536)
def names_alike(one: tuple[str, ...], other: tuple[str, ...]) -> float:
    """
    Compare two names word by word, and as spellings of one word.

    >>> names_alike(("post", "code"), ("postcode",)), names_alike(("zip",), ("city",))
    (1.0, 0.0)
    """
    if not one or not other:
        return 0.0
    texts = "".join(one), "".join(other)
    if texts[0] == texts[1]:
        return 1.0
    shared = len(set(one) & set(other)) / len(set(one) | set(other))
    spelt = SequenceMatcher(None, *texts).ratio()
    return _ALMOST * max(shared, spelt if spelt >= _ALIKE else 0.0)


def types_alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Say how much alike the types of two partner fields are, up to 1."""
    types = [frozenset(kinds(schema)) - {"null"} for schema in (one, other)]
    if types[0] and types[1] and not types[0] & types[1]:
        return 0.4
    alike = one.get("format") == other.get("format")
    return 1.0 if alike and ("enum" in one) == ("enum" in other) else 0.8
