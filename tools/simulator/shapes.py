"""
Requests of connector files, read backwards: a call in, the values of its variables out.
"""

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from tools.simulator.answers import Call, Refusal
from tools.simulator.documents import Document
from tools.simulator.partner import Entity
from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import Hole, at, filled, hole_of, pattern, variables_in

Bound = dict[str, Any]
"""Variable to value: {"id": "7", "path.site": "3", "body": {...}}."""


class MismatchError(Exception):
    """A value is not what a template makes."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"{place}: {message}" if place else message)
        self.problem = FieldProblem(place, message)


class Shape:
    """
    What the calls of one request look like.

    A lenient shape, that of a search, takes calls with more and with less in them. A
    request that says nothing of its body carries the payload as it is.
    """

    def __init__(
        self,
        request: Mapping[str, Any],
        known: Mapping[str, Any],
        entity: Entity | None = None,
        *,
        is_lenient: bool = False,
        invalid: int = 422,
    ) -> None:
        self.query: Mapping[str, Any] = filled(request.get("query") or {}, known)
        self._json = filled(request.get("json"), known)
        self._form = filled(request.get("form"), known)
        basic = filled(request.get("basic"), known)
        self._basic = _basic(basic) if basic else None
        self._document: Document | None = None
        if "xml" in request:
            self._document = Document(filled(request["xml"], known), entity, invalid)
        self._is_lenient = is_lenient
        self._has_body = request["method"] not in ("GET", "DELETE")
        everything = request.get("everything")
        self._everything = None if everything is None else filled(everything, known)
        self._constants = tuple(_constants(self._json))
        self._other_constants = tuple(_constants(self._everything))
        said = {n: v for n, v in self.query.items() if "{{" not in str(v)}
        self.mark = repr([self._constants, self._form, request.get("xml"), said])
        """What tells it from requests with the same address."""
        self.variables = variables_in([self.query, self._json, self._form])

    def fits(self, call: Call) -> bool:
        """Return whether a call has the constant parts; needs nothing else of it."""
        if not self._is_lenient and not _has_all(self.query, call.query):
            return False
        if self._document is not None:
            return self._document.fits(call.body)
        if self._form is not None:
            return _has_all(self._form, call.form)
        return _has(call, self._constants) or bool(
            self._other_constants and _has(call, self._other_constants)
        )

    def read(self, call: Call) -> Bound:
        """Return the values of all variables; raises Refusal if a part is not so."""
        self._check_basic(call)
        try:
            return {**call.params, **dict(self._read(call))}
        except MismatchError as error:
            fields = (error.problem,)
            raise Refusal(400, "MALFORMED", str(error), fields) from None

    def _read(self, call: Call) -> Iterator[tuple[str, Any]]:
        if self.query:
            yield from _read(self.query, call.query, is_lenient=True)
            missing = [n for n in self.query if n not in call.query]
            if missing and not self._is_lenient:
                raise MismatchError(missing[0], "is required in the query")
        if self._document is not None:
            yield from self._document.read(call.body)
        elif self._form is not None:
            yield "body", call.form
            yield from _read(self._form, call.form)
        elif self._json is not None:
            yield from self._read_json(call)
        elif self._has_body:
            yield "body", call.json

    def _read_json(self, call: Call) -> Iterator[tuple[str, Any]]:
        value = call.json
        if not self._is_lenient:
            yield from _read(self._json, value)
            return
        if value is None:
            return
        try:
            yield from list(_read(self._json, value, is_lenient=True))
        except MismatchError:
            if self._everything is None:
                raise
            yield from _read(self._everything, value, is_lenient=True)

    def _check_basic(self, call: Call) -> None:
        if self._basic is not None and call.header("authorization") != self._basic:
            raise Refusal(401, "UNAUTHORIZED", "The name or the password is wrong.")


def _has_all(template: Mapping[str, Any], given: Mapping[str, str]) -> bool:
    return all(_fits(value, given.get(name)) for name, value in template.items())


def _basic(basic: Mapping[str, Any]) -> str:
    pair = f"{basic['username']}:{basic['password']}".encode()
    return f"Basic {base64.b64encode(pair).decode()}"


def _read(
    template: Any, value: Any, place: str = "", *, is_lenient: bool = False
) -> Iterator[tuple[str, Any]]:
    """Yield the variables of a template with what stands at their places."""
    if isinstance(template, str):
        yield from _read_text(template, value, place)
    elif isinstance(template, Mapping):
        if not isinstance(value, dict):
            raise MismatchError(place, "is not an object")
        if not is_lenient:
            _check_names(template, value, place)
        for name, part in template.items():
            if name in value:
                inner = f"{place}.{name}".strip(".")
                yield from _read(part, value[name], inner, is_lenient=is_lenient)
    elif isinstance(template, list):
        if not isinstance(value, list) or len(value) != len(template):
            raise MismatchError(place, f"is not a list of {len(template)}")
        for number, part in enumerate(template):
            inner = f"{place}.{number}".strip(".")
            yield from _read(part, value[number], inner, is_lenient=is_lenient)
    elif not (_fits(template, value) or (is_lenient and template is None)):
        raise MismatchError(place, f"is not {template!r}")


def _check_names(
    template: Mapping[str, Any], value: Mapping[str, Any], place: str
) -> None:
    for name in template:
        if name not in value:
            raise MismatchError(f"{place}.{name}".strip("."), "is required")
    for name in value:
        if name not in template:
            raise MismatchError(f"{place}.{name}".strip("."), "is unknown")


def _read_text(template: str, value: Any, place: str) -> Iterator[tuple[str, Any]]:
    hole = hole_of(template)
    if hole is not None:
        yield hole.variable, _separated(hole, value)
    elif "{{" in template:
        found = pattern(template).read(str(value))
        if found is None:
            raise MismatchError(place, f"is not like '{template}'")
        yield from found.items()
    elif not _fits(template, value):
        raise MismatchError(place, f"is not '{template}'")


def _separated(hole: Hole, value: Any) -> Any:
    if hole.separator and isinstance(value, str):
        return value.split(hole.separator)
    if hole.is_json and isinstance(value, str):
        return orjson.loads(value)
    return value


def _constants(
    template: Any, place: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the places of a JSON template that are the same in every call."""
    if isinstance(template, Mapping):
        for name, part in template.items():
            yield from _constants(part, (*place, name))
    elif isinstance(template, list):
        for number, part in enumerate(template):
            yield from _constants(part, (*place, str(number)))
    elif template is not None and not (isinstance(template, str) and "{{" in template):
        yield place, template


def _has(call: Call, constants: tuple[tuple[tuple[str, ...], Any], ...]) -> bool:
    return all(_fits(wanted, at(call.json, place)) for place, wanted in constants)


def _fits(wanted: Any, value: Any) -> bool:
    """Compare a constant; white space does not matter, nor the type in an address."""
    if isinstance(wanted, str):
        if "{{" in wanted:
            return value is not None
        return isinstance(value, str) and wanted.split() == value.split()
    if isinstance(value, str) and not isinstance(wanted, Mapping | list):
        return value == (
            str(wanted).lower() if isinstance(wanted, bool) else str(wanted)
        )
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)
