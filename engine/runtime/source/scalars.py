"""
Values that are written as text: the declared forms in, one parser per field out.

A parser gets a clean text that is not empty, and raises RecordError for what it
refuses; the message goes on where the field's name ends: "'beginn' is not ...".
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from engine.errors import RecordError
from engine.problems import did_you_mean
from engine.runtime.source.dates import ISO, date_reader, datetime_reader, shape
from engine.runtime.source.declaration import SourceDeclaration
from engine.runtime.source.texts import found, refusal
from engine.standard import Entity, Field, FieldType

Convert = Callable[[Any], Any]

_BOOLEANS = {
    **dict.fromkeys(("true", "ja", "j", "wahr", "1", "x"), True),
    **dict.fromkeys(("false", "nein", "n", "falsch", "0"), False),
}


class Scalars:
    """
    Builds the parsers of one entity by what the source declares.

    `empty` holds the casefolded texts that mean nothing, `open_ends` the dates that
    mean no end, as they are declared and as ISO.
    """

    def __init__(self, declaration: SourceDeclaration, entity: Entity) -> None:
        self.empty = frozenset(text.strip().casefold() for text in declaration.empty)
        self.longest_empty = max(map(len, self.empty), default=0)
        self._decimal = declaration.decimal
        self._thousands = sign = declaration.thousands
        decimals = f"(?:{re.escape(declaration.decimal)}[0-9]+)?"
        groups = f"|[0-9]{{1,3}}(?:{re.escape(sign)}[0-9]{{3}}){{1,5}}" if sign else ""
        self._integer = re.compile(f"-?(?:[0-9]{{1,18}}{groups})")
        self._number = re.compile(self._integer.pattern + decimals)
        self._forms = forms = declaration.date
        told_apart = shape(ISO) not in map(shape, forms)
        with_iso = (*forms, ISO) if told_apart else forms
        self._read_date = date_reader(forms)
        self._read_date_or_iso = date_reader(with_iso)
        self._read_datetime = datetime_reader(with_iso)
        days = map(self._read_date_or_iso, declaration.open_end)
        self.open_ends = frozenset((*declaration.open_end, *filter(None, days)))
        self._policies = _policies(declaration, entity)
        self._parsers: Mapping[FieldType, Callable[[Field], Convert]] = {
            "integer": self._integer_parser,
            "number": self._number_parser,
            "boolean": _boolean_parser,
            "datetime": self._datetime_parser,
        }

    def parser(self, field: Field, *, iso: bool) -> Convert | None:
        """
        Return the parser of a field, or None if its text is its value.

        With `iso` a date may be written as ISO as well.
        """
        if field.type == "text":
            policy = self._policies.get(field.name)
            return allowed(field, policy or str) if field.enum else policy
        if field.type == "date":
            parse = self._date_parser(field, iso=iso)
        else:
            parse = self._parsers[field.type](field)
        return allowed(field, parse) if field.enum else parse

    def ends(self, field: Field) -> frozenset[str]:
        """Return the dates that mean nothing in this field."""
        return self.open_ends if field.open_end else frozenset()

    def _integer_parser(self, field: Field) -> Convert:
        pattern, sign = self._integer, self._thousands

        def parse(text: str) -> int:
            if not pattern.fullmatch(text):
                raise refusal(field, text)
            return int(text.replace(sign, "") if sign else text)

        return parse

    def _number_parser(self, field: Field) -> Convert:
        pattern, sign = self._number, self._thousands
        decimal = self._decimal
        expected = f"a number with the decimal sign '{decimal}'" + (
            f" and the thousands sign '{sign}'" if sign else ""
        )

        def parse(text: str) -> float:
            if not pattern.fullmatch(text):
                raise refusal(field, text, expected)
            plain = text.replace(sign, "") if sign else text
            return float(plain.replace(decimal, "."))

        return parse

    def _date_parser(self, field: Field, *, iso: bool) -> Convert:
        read = self._read_date_or_iso if iso else self._read_date
        ends = self.ends(field)
        expected = f"a date written as {' or '.join(self._forms)}"

        def parse(text: str) -> str | None:
            if text in ends:
                return None
            day = read(text)
            if day is None:
                raise refusal(field, text, expected)
            return None if day in ends else day

        return parse

    def _datetime_parser(self, field: Field) -> Convert:
        ends = self.ends(field)

        def parse(text: str) -> str | None:
            if text in ends:
                return None
            moment = self._read_datetime(text)
            if moment is None:
                raise refusal(field, text)
            return None if moment[:10] in ends else moment

        return parse


def allowed(field: Field, parse: Convert) -> Convert:
    """Return a parser that refuses what is not in the field's list of values."""
    values = frozenset(field.enum or ())
    known = ", ".join(map(str, field.enum or ()))

    def convert(written: Any) -> Any:
        value = parse(written)
        if value is None or value in values:
            return value
        hint = ""
        if field.personal == "none":
            hint = did_you_mean(str(value), map(str, values))
        message = f"is none of {known}{found(field, value)}"
        raise RecordError("R107", f"{message}. {hint}" if hint else message)

    return convert


def _boolean_parser(field: Field) -> Convert:
    def parse(text: str) -> bool:
        value = _BOOLEANS.get(text.casefold())
        if value is None:
            raise refusal(field, text)
        return value

    return parse


def _policies(declaration: SourceDeclaration, entity: Entity) -> dict[str, Convert]:
    """Return the zero policy per field; a field that points to a key has the key's."""
    named = dict(declaration.zero_policy)
    for way in entity.references.values():
        for target, own in way.fields.items():
            if target in named:
                named.setdefault(own, named[target])
    return {name: _policy(text) for name, text in named.items() if text != "keep"}


def _policy(written: str) -> Convert:
    if written == "strip":
        return lambda text: (text.lstrip("0") or "0") if _is_digits(text) else text
    width = int(written.removeprefix("pad:"))
    return lambda text: text.zfill(width) if _is_digits(text) else text


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit()
