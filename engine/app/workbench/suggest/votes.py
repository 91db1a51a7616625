"""Let lessons vote for how a field is filled: a Place in, Candidates out.

Fields of other tables vote for their own rows, as far as they are named and typed
alike; so do the Standard's own names, and what the partner's schema says of references.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from engine.app.workbench.suggest.lessons import (
    Lesson,
    Place,
    Words,
    names_alike,
    types_alike,
    words_of,
)
from engine.app.workbench.suggest.rows import adapted, fitting
from engine.model import FieldRow, as_tuple
from engine.runtime.library import UseCase
from engine.standard import Standard

ALIKE = 0.5
"""A field says something of another if they are at least so much alike."""

BY_NAME = 0.5
"""What a like name in the Standard counts, against a table that fills such a field."""

FURTHER = 0.8
"""What the next way to say the same in another table counts, against the first."""

CONSTANT = 0.3
"""What a vote for a constant counts: mostly it is the partner's own."""

ELSEWHERE = 0.3
"""What a vote counts that comes from a table of another ERP entity."""

MOST_ELSEWHERE = 0.8
"""What all of them count at most: less than one table of the same entity."""

MOST_STEPS = 3
"""So many references may lie on the way to a record that is pointed to."""

Core = tuple[tuple[str, ...], ...]


@dataclass
class Candidate:
    """Rows for a field, and who is for them."""

    rows: tuple[FieldRow, ...]
    votes: float = 0.0
    elsewhere: float = 0.0
    """What tables of other ERP entities add."""
    lessons: list[Lesson] = field(default_factory=list)
    standard: str = ""
    """The Standard's field that is named alike."""
    reference: str = ""
    """The reference that the partner's schema asks for."""


class Ballot:
    """The candidates of one field, as the votes come in."""

    def __init__(self, use_case: UseCase, place: Place) -> None:
        self.use_case, self.place = use_case, place
        self.standard = use_case.standard
        self.rules = use_case.spec.tables[place.table]
        self.found: dict[Core, Candidate] = {}

    def candidates(self, lessons: Sequence[Lesson], words: Words) -> list[Candidate]:
        """Return the candidates, the one with most votes first."""
        self._ask_lessons(lessons, words)
        for path, alike in _standard_fields(self.use_case, self.place):
            row = FieldRow(partner_field=self.place.name, erp_field=path)
            if candidate := self._vote([row], alike * BY_NAME):
                candidate.standard = path
        for reference in _wanted(self.use_case, self.place, lessons):
            row = FieldRow(partner_field=self.place.name, reference=reference)
            if candidate := self._vote([row], 1.0):
                candidate.reference = reference
        self._weigh()
        return sorted(self.found.values(), key=lambda one: -one.votes)

    def _ask_lessons(self, lessons: Sequence[Lesson], words: Words) -> None:
        has_id = any(rule.row.id_parts for rule in self.rules)
        for lesson in lessons:
            alike = words.alike(self.place, lesson)
            if lesson.rows[0].id_parts:
                # Whatever partners call it, each table has one.
                known = ALIKE * ("id" in self.place.words)
                alike = 0.0 if has_id else max(alike, known)
            if alike < ALIKE:
                continue
            if not lesson.targets:
                alike *= types_alike(self.place.schema, lesson.place.schema)
            is_here = lesson.place.base == self.place.base
            for rank, rows in enumerate(adapted(lesson, self.place, self.use_case)):
                candidate = self._vote(rows, alike * FURTHER**rank, is_here=is_here)
                if candidate is not None:
                    candidate.lessons.append(lesson)

    def _vote(
        self, rows: Iterable[FieldRow], votes: float, *, is_here: bool = True
    ) -> Candidate | None:
        """Count a vote; None if the field does not take what the rows give."""
        fit = [fitting(row, self.place, self.standard) for row in rows]
        usable = tuple(row for row in fit if row is not None)
        if len(usable) < len(fit):
            return None
        core = tuple(map(_core, usable))
        candidate = self.found.setdefault(core, Candidate(usable))
        if is_here:
            candidate.votes += votes
        else:
            candidate.elsewhere += votes * ELSEWHERE
        return candidate

    def _weigh(self) -> None:
        # What the table sends in another field already is hardly meant here, too.
        sent = {_core(rule.row) for rule in self.rules}
        self.found = {
            core: one for core, one in self.found.items() if not sent.issuperset(core)
        }
        for candidate in self.found.values():
            candidate.votes += min(candidate.elsewhere, MOST_ELSEWHERE)
            if all(_is_constant(row) for row in candidate.rows):
                candidate.votes *= CONSTANT


def _core(row: FieldRow) -> tuple[str, ...]:
    """Return what a row says, without what each partner says in its own way."""
    default = row.default if _is_constant(row) else ""
    return row.erp_field, row.transform, row.id_parts, row.reference, row.when, default


def _is_constant(row: FieldRow) -> bool:
    return not (row.erp_field or row.id_parts or row.reference)


def _standard_fields(use_case: UseCase, place: Place) -> Iterator[tuple[str, float]]:
    """Yield the Standard's fields with a like name: here, and one step away."""
    standard = use_case.standard
    here = standard.entities[place.start]
    ways = [("", here, 1.0)]
    for name, reference in here.references.items():
        ways.append((f"{name}.", standard.entities[reference.entity], ELSEWHERE))
    for way, entity, weight in ways:
        for known in entity.fields.values():
            alike = max(
                names_alike(place.words, words_of(known.name)),
                names_alike(place.words, words_of(known.title)),
            )
            if alike >= ALIKE and known.name not in entity.key:
                yield f"{way}{known.name}", alike * weight


def _wanted(
    use_case: UseCase, place: Place, lessons: Iterable[Lesson]
) -> Iterator[str]:
    """Yield the references that the partner's schema asks for, by any known way."""
    wanted = place.schema.get("x-reference")
    standard = use_case.standard
    for entity in use_case.spec.use_case.entities:
        if wanted and wanted in (entity.name, entity.resource):
            target = standard.base(as_tuple(entity.erp)[0])
            ways = {
                row.reference.partition("(")[2]
                for lesson in lessons
                if lesson.place.base == place.base and target in lesson.targets
                for row in lesson.rows
            }
            yield entity.name
            yield from (f"{entity.name}({way}" for way in sorted(ways) if way)
            for way in _ways_to(standard, place.start, target):
                yield f"{entity.name}({way})"


def _ways_to(standard: Standard, start: str, target: str) -> list[str]:
    """Return the ways along references that lead to an entity, the shortest ones."""
    ways = [("", start)]
    for _ in range(MOST_STEPS):
        ways = [
            (f"{way}.{name}".lstrip("."), reference.entity)
            for way, entity in ways
            for name, reference in standard.entities[entity].references.items()
        ]
        found = [way for way, entity in ways if standard.base(entity) == target]
        if found:
            return found
    return []
