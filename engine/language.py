"""The closed language of the tables: text of a cell in, frozen syntax out.

Four small languages: the pipe of `transform`, the condition of `when`, the path of
`erp_field`, and the target of `partner_field`. There is no evaluation here, and no
way to reach Python from a cell.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache, lru_cache
from pathlib import Path as File
from typing import Any

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedInput, UnexpectedToken


class LanguageError(ValueError):
    """A cell that the grammar does not know; `column` counts characters from 1."""


@dataclass(frozen=True)
class Word:
    """A bare name as an argument: the name of a value list."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Call:
    """One step of a pipe: the name of a transform and its arguments."""

    name: str
    arguments: tuple[str | int | float | Word, ...] = ()


@dataclass(frozen=True)
class Segment:
    """One name of a path; `many` for the records that point to this one: `name[]`."""

    name: str
    many: bool = False


@dataclass(frozen=True)
class FieldPath:
    """The way from a record to a value: `gebaeude.baujahr`, `mietvertrag[].beginn`."""

    segments: tuple[Segment, ...]

    @property
    def many(self) -> bool:
        return any(segment.many for segment in self.segments)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(segment.name for segment in self.segments)

    @property
    def setting(self) -> str | None:
        """The setting that it reads, `today` among them; None for a field."""
        names = self.names
        return ".".join(names[1:]) if names[:1] == ("settings",) else None

    @property
    def up_to_many(self) -> "FieldPath":
        """The way to the last collection on it; empty if there is none."""
        last = max((i for i, s in enumerate(self.segments) if s.many), default=-1)
        return FieldPath(self.segments[: last + 1])

    def after(self, way: "FieldPath") -> "FieldPath":
        """The rest of this path behind a way that it begins with."""
        return FieldPath(self.segments[len(way.segments) :])

    def __str__(self) -> str:
        return ".".join(s.name + "[]" * s.many for s in self.segments) or "self"


TODAY = FieldPath((Segment("settings"), Segment("today")))
"""What the word `today` stands for: the day of the run, as ISO 8601."""


@dataclass(frozen=True)
class Literal:
    value: str | int | float | bool


@dataclass(frozen=True)
class Compare:
    operator: str
    left: Any
    right: Any


@dataclass(frozen=True)
class Member:
    """`left in (a, b)`, or `left in settings.numbers` when items is a FieldPath."""

    left: Any
    items: Any


@dataclass(frozen=True)
class Empty:
    operand: Any


@dataclass(frozen=True)
class Predicate:
    """A yes-or-no function of a value: `valid_email(emails)`."""

    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True)
class Not:
    operand: Any


@dataclass(frozen=True)
class AllOf:
    operands: tuple[Any, ...]


@dataclass(frozen=True)
class AnyOf:
    operands: tuple[Any, ...]


Condition = (
    Literal | FieldPath | Compare | Member | Empty | Predicate | Not | AllOf | AnyOf
)


class _Build(Transformer[Token, Any]):
    def pipe(self, calls: list[Any]) -> tuple[Call, ...]:
        return tuple(calls)

    def call(self, parts: list[Any]) -> Call:
        arguments = tuple(a for a in parts[1:] if a is not None)
        return Call(str(parts[0]), tuple(_bare(a) for a in arguments))

    def word(self, parts: list[Any]) -> Word:
        return Word(str(parts[0]))

    def text(self, parts: list[Any]) -> Literal:
        return Literal(str(parts[0])[1:-1])

    def number(self, parts: list[Any]) -> Literal:
        text = str(parts[0])
        return Literal(float(text) if "." in text else int(text))

    def true(self, _: list[Any]) -> Literal:
        return Literal(True)

    def false(self, _: list[Any]) -> Literal:
        return Literal(False)

    def path(self, parts: list[Any]) -> FieldPath:
        segments: list[Segment] = []
        for part in parts:
            if part.type == "MANY":
                segments[-1] = Segment(segments[-1].name, many=True)
            else:
                segments.append(Segment(str(part)))
        return FieldPath(tuple(segments))

    def compare(self, parts: list[Any]) -> Compare:
        return Compare(str(parts[1]), parts[0], parts[2])

    def member(self, parts: list[Any]) -> Member:
        return Member(parts[0], tuple(parts[1:]))

    def no_member(self, parts: list[Any]) -> Not:
        return Not(self.member(parts))

    def member_of(self, parts: list[Any]) -> Member:
        return Member(parts[0], parts[1])

    def no_member_of(self, parts: list[Any]) -> Not:
        return Not(self.member_of(parts))

    def empty(self, parts: list[Any]) -> Empty:
        return Empty(parts[0])

    def filled(self, parts: list[Any]) -> Not:
        return Not(Empty(parts[0]))

    def predicate(self, parts: list[Any]) -> Predicate:
        return Predicate(str(parts[0]), tuple(parts[1:]))

    def negate(self, parts: list[Any]) -> Not:
        return Not(parts[0])

    def all(self, parts: list[Any]) -> AllOf:
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def any(self, parts: list[Any]) -> AnyOf:
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _bare(argument: Any) -> Any:
    return argument.value if isinstance(argument, Literal) else argument


@cache
def _parser() -> Lark:
    grammar = File(__file__).with_name("language.lark").read_text("utf-8")
    start = ["pipe", "condition"]
    return Lark(grammar, start=start, parser="lalr", maybe_placeholders=False)


@lru_cache(maxsize=4096)
def _parse(start: str, text: str) -> Any:
    try:
        return _Build().transform(_parser().parse(text, start=start))
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place = "at its end" if ended else f"at character {error.column}"
        raise LanguageError(f"'{text}' cannot be read {place}") from None


def parse_pipe(text: str) -> tuple[Call, ...]:
    """
    Parse a `transform` cell.

    >>> parse_pipe('trim | decimal(2)')
    (Call(name='trim', arguments=()), Call(name='decimal', arguments=(2,)))
    """
    result: tuple[Call, ...] = _parse("pipe", text.strip())
    return result


def parse_condition(text: str) -> Condition:
    """Parse a `when` cell or a rule of a use case."""
    result: Condition = _parse("condition", text.strip())
    return result


def parse_path(text: str) -> FieldPath:
    """
    Parse the way to a value; `self` and an empty text are the record itself.

    >>> str(parse_path("mietvertrag_mieter[].mietvertrag"))
    'mietvertrag_mieter[].mietvertrag'
    """
    text = text.strip()
    if text in ("", "self"):
        return FieldPath(())
    segments = []
    for part in text.split("."):
        name = part.strip()
        many = name.endswith("[]")
        name = name.removesuffix("[]")
        if not (name.isidentifier() and name.isascii()):
            raise LanguageError(f"'{text}' is not a path of field names")
        segments.append(Segment(name, many))
    return FieldPath(tuple(segments))


def paths_of(node: Any) -> Iterator[FieldPath]:
    """Yield every path that a condition reads."""
    return (part for part in _parts(node) if isinstance(part, FieldPath))


def predicates_of(node: Any) -> Iterator[Predicate]:
    """Yield every yes-or-no function that a condition calls."""
    return (part for part in _parts(node) if isinstance(part, Predicate))


def members_of(node: Any) -> Iterator[Member]:
    """Yield every `in` of a condition."""
    return (part for part in _parts(node) if isinstance(part, Member))


def _parts(node: Any) -> Iterator[Any]:
    yield node
    if isinstance(node, tuple):
        for item in node:
            yield from _parts(item)
    elif is_dataclass(node) and not isinstance(node, FieldPath):
        for item in fields(node):
            yield from _parts(getattr(node, item.name))
