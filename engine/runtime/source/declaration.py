"""How a source writes its values: source.yaml in, a checked declaration out."""

import codecs
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.source.dates import ISO, date_pattern, is_written_as, shape
from engine.standard import Standard

DECLARATION = "source.yaml"

Format = Literal["csv", "xlsx", "ndjson"]

_TEXT = {"type": "string"}
OneOrMore = Annotated[
    tuple[str, ...],
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
"""Texts; one alone need not be a list."""

_ZERO_POLICY = re.compile(r"keep|strip|pad:[1-9][0-9]?")


class SourceDeclaration(BaseModel):
    """What source.yaml says; nothing about a file is guessed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Format | None = Field(
        default=None,
        description="The format of all files. Without it each file's ending tells.",
    )
    encoding: str = Field(
        default="utf-8",
        description="The encoding of CSV and NDJSON files, for example cp1252.",
    )
    delimiter: str = Field(
        default=";", description="The character between two cells of a CSV row."
    )
    decimal: Literal[",", "."] = Field(
        default=",", description="The decimal sign of numbers that are written as text."
    )
    thousands: str | None = Field(
        default=None,
        description="The sign between groups of three digits; none if left out.",
    )
    date: OneOrMore = Field(
        default=(ISO,),
        description="How dates are written: DD, MM and YYYY; one text or a list.",
    )
    open_end: tuple[str, ...] = Field(
        default=(),
        description="Dates that mean 'no end' in fields that are the end of a period.",
    )
    empty: tuple[str, ...] = Field(
        default=(), description="Texts that mean nothing, in any case of letters."
    )
    zero_policy: dict[str, str] = Field(
        default_factory=dict,
        description="Leading zeros per key field: keep, strip, or pad:N digits.",
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, name: str) -> str:
        try:
            "a".encode(name)
        except (LookupError, UnicodeError, ValueError):
            raise ValueError(f"'{name}' is no encoding known to Python") from None
        return codecs.lookup(name).name

    @field_validator("delimiter")
    @classmethod
    def _one_delimiter(cls, sign: str) -> str:
        if len(sign) != 1 or sign.isalnum() or sign in '"\r\n':
            raise ValueError("must be one character, and no quote or line break")
        return sign

    @field_validator("thousands", mode="before")
    @classmethod
    def _one_thousands_sign(cls, sign: Any) -> Any:
        if isinstance(sign, str) and (len(sign) > 1 or sign.isalnum() or sign == "-"):
            raise ValueError("must be one character, and no digit or minus")
        return sign or None

    @field_validator("date", mode="before")
    @classmethod
    def _list_of_forms(cls, forms: Any) -> Any:
        return (forms,) if isinstance(forms, str) else forms

    @field_validator("date")
    @classmethod
    def _readable_forms(cls, forms: tuple[str, ...]) -> tuple[str, ...]:
        if not forms:
            raise ValueError("must name at least one form")
        for form in forms:
            date_pattern(form)
        if len(set(map(shape, forms))) < len(forms):
            raise ValueError("names two forms that cannot be told apart")
        return forms

    @field_validator("zero_policy")
    @classmethod
    def _known_policies(cls, policies: dict[str, str]) -> dict[str, str]:
        for name, policy in policies.items():
            if not _ZERO_POLICY.fullmatch(policy):
                raise ValueError(
                    f"'{policy}' of '{name}' is none of keep, strip, pad:N"
                )
        return policies

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.thousands == self.decimal:
            raise ValueError("decimal and thousands must differ")
        for text in self.open_end:
            if not is_written_as(text, (*self.date, ISO)):
                raise ValueError(f"open_end: '{text}' is not written as a date")
        return self

    @property
    def text_encoding(self) -> str:
        """Return the encoding to open files with; the mark of UTF-8 is skipped."""
        return "utf-8-sig" if self.encoding == "utf-8" else self.encoding


def read_declaration(folder: Path, standard: Standard) -> SourceDeclaration:
    """Read source.yaml; raises SpecError with everything that is wrong with it."""
    path = folder / DECLARATION
    if not folder.is_dir():
        problem = Problem(Origin(str(folder)), "R001", "the source folder is missing.")
        raise SpecError([problem])
    try:
        node = yaml.compose(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)
    except FileNotFoundError:
        problem = Problem(Origin(DECLARATION), "R001", "the file is missing.")
        raise SpecError([problem]) from None
    except (yaml.YAMLError, UnicodeDecodeError, OSError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        origin = Origin(DECLARATION, mark.line + 1 if mark else 0)
        what = getattr(error, "problem", None) or "the file cannot be read as UTF-8"
        raise SpecError([Problem(origin, "R006", f"{what}.")]) from None
    return _checked(node, standard)


def _checked(node: yaml.Node | None, standard: Standard) -> SourceDeclaration:
    if node is None:  # only comments: everything as by default
        return SourceDeclaration()
    if not isinstance(node, yaml.MappingNode):
        problem = Problem(Origin(DECLARATION, 1), "R006", "must be keys and values.")
        raise SpecError([problem])
    names = [str(key.value) for key, _ in node.value]
    lines = {str(key.value): key.start_mark.line + 1 for key, _ in node.value}
    problems = [
        Problem(Origin(DECLARATION, lines[name], name), "R006", "stands twice.")
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    declaration = None
    try:
        declaration = SourceDeclaration.model_validate(_plain(node))
    except RecursionError:
        what = "an alias refers to itself."
        problems.append(Problem(Origin(DECLARATION, 1), "R006", what))
    except ValidationError as error:
        problems += [_misfit(details, lines) for details in error.errors()]
    else:
        problems += _zero_policy_problems(declaration, standard, lines)
    if declaration is None or problems:
        raise SpecError(problems)
    return declaration


def _plain(node: yaml.Node) -> Any:
    """Return the content of a node; every scalar stays text, `01.01.1753` too."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(value) for value in node.value]
    return node.value


def _misfit(details: Any, lines: dict[str, int]) -> Problem:
    path = [str(part) for part in details["loc"]]
    name = path[0] if path else ""
    origin = Origin(DECLARATION, lines.get(name, 0), ".".join(path))
    if details["type"] == "extra_forbidden":
        suggestion = did_you_mean(name, SourceDeclaration.model_fields)
        return Problem(origin, "R006", f"unknown key '{name}'.", suggestion)
    return Problem(origin, "R006", f"{details['msg'].removeprefix('Value error, ')}.")


def _zero_policy_problems(
    declaration: SourceDeclaration, standard: Standard, lines: dict[str, int]
) -> Iterable[Problem]:
    known = {
        part
        for entity in standard.entities.values()
        for part in entity.key
        if entity.fields[part].type == "text"
    }
    for name in declaration.zero_policy:
        if name not in known:
            origin = Origin(DECLARATION, lines["zero_policy"], f"zero_policy.{name}")
            message = f"'{name}' is no key field that holds text."
            yield Problem(origin, "R006", message, did_you_mean(name, known))
