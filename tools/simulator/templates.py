"""
Templates of connector files: a template and what is known in, values or holes out.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from jinja2 import Environment, StrictUndefined, Template, meta
from jinja2.environment import TemplateExpression

_HOLE = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}")
_VARIABLE = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*(?:\[\d+\])?")
_JOINED = re.compile(r"\|\s*join\(\s*(['\"])(.*?)\1\s*\)")
_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - no HTML


class Hole(NamedTuple):
    """A variable in a text; `separator` and `is_json` say how it is made a text."""

    variable: str
    separator: str | None = None
    is_json: bool = False


class Pattern(NamedTuple):
    """What a text with holes looks like: a group for each hole, in their order."""

    regex: re.Pattern[str]
    holes: tuple[Hole, ...]

    def read(self, text: str) -> dict[str, str] | None:
        """Return the raw values by variable, or None if the text does not fit."""
        match = self.regex.fullmatch(text)
        if match is None:
            return None
        names = (hole.variable for hole in self.holes)
        return dict(zip(names, match.groups(), strict=True))


def render(value: Any, variables: Mapping[str, Any]) -> Any:
    """
    Return a JSON value with its templates filled in.

    A template that is one expression and nothing else keeps the type of its value.

    >>> render({"size": "{{ n }}", "of": "all {{ n }}"}, {"n": 7})
    {'size': 7, 'of': 'all 7'}
    """
    if isinstance(value, str):
        hole = _HOLE.fullmatch(value)
        if hole and value.count("{{") == 1:
            return _expression(hole[1])(**variables)
        return _compiled(value).render(variables)
    if isinstance(value, Mapping):
        return {key: render(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, variables) for item in value]
    return value


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """
    Return a JSON template in which only what is not known yet is a hole.

    >>> filled("{{ settings.a }}/{{ id }}", {"settings": {"a": 1}})
    '1/{{ id }}'
    """
    if isinstance(value, str):
        if all(_is_known(hole[1], known) for hole in _HOLE.finditer(value)):
            return render(value, known)
        return _with_known(value, known, str)
    if isinstance(value, Mapping):
        return {key: filled(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    return value


def filled_path(path: str, known: Mapping[str, Any]) -> str:
    """Return a path template with what is known in it, percent-encoded."""
    return _with_known(path, known, lambda value: quote(str(value), safe=""))


def hole_of(text: str) -> Hole | None:
    """
    Return the hole that a text consists of, or None if there is anything else in it.

    >>> hole_of("{{ ids | join(',') }}")
    Hole(variable='ids', separator=',', is_json=False)
    """
    found = _HOLE.fullmatch(text.strip())
    return _hole(found[1]) if found and text.count("{{") == 1 else None


def pattern(text: str, inside: str = ".+?") -> Pattern:
    """
    Return what matches a text with holes; `inside` is what may stand in a hole.

    >>> pattern("/units/{{ id }}/name", "[^/]+").read("/units/1%2F2/name")
    {'id': '1%2F2'}
    """
    parts = _HOLE.split(text)
    texts = [re.escape(part) for part in parts[::2]]
    joined = "".join(f"{before}({inside})" for before in texts[:-1]) + texts[-1]
    return Pattern(re.compile(joined, re.DOTALL), tuple(map(_hole, parts[1::2])))


def variables_in(template: Any) -> frozenset[str]:
    """Return the names of all holes of a JSON template: `id`, `path.site`, `ids[0]`."""
    return frozenset(_hole(inner).variable for inner in _inner_texts(template))


def paths_under(variable: str, template: Any) -> Iterator[str]:
    """
    Yield the dotted paths that a JSON template reads from a variable.

    >>> list(paths_under("answer", {"refreshToken": "{{ answer.refreshToken }}"}))
    ['refreshToken']
    """
    for inner in _inner_texts(template):
        yield from re.findall(rf"\b{variable}\.([\w.]+)", inner)


def decoded(values: Mapping[str, str]) -> dict[str, str]:
    """Return the raw values of a path, decoded."""
    return {name: unquote(value) for name, value in values.items()}


def at(document: Any, path: str | tuple[str, ...]) -> Any:
    """
    Return the value at a dotted path, or None.

    A number is a place in a list, an empty path leads to the whole document.
    """
    if isinstance(path, str):
        path = tuple(path.split(".")) if path else ()
    for part in path:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdecimal():
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def put(document: dict[str, Any] | list[Any], path: str, value: Any) -> None:
    """
    Set the value at a dotted path; what is missing on the way is made.

    >>> body = {}; put(body, "errors.0.text", "no"); body
    {'errors': [{'text': 'no'}]}
    """
    parts = path.split(".")
    place: Any = document
    for part, following in pairwise(parts):
        place = _inside(place, part, [] if following.isdecimal() else {})
    _set(place, parts[-1], value)


def _inside(place: Any, part: str, empty: Any) -> Any:
    if isinstance(place, list):
        if int(part) >= len(place):
            place.append(empty)
        return place[int(part)]
    if not isinstance(place.get(part), dict | list):
        place[part] = empty
    return place[part]


def _set(place: Any, part: str, value: Any) -> None:
    if not isinstance(place, list):
        place[part] = value
    elif int(part) < len(place):
        place[int(part)] = value
    else:
        place.append(value)


def _hole(inner: str) -> Hole:
    variable = _VARIABLE.match(inner)
    joined = _JOINED.search(inner)
    name = variable[0] if variable else inner
    return Hole(name, joined[2] if joined else None, "tojson" in inner)


def _inner_texts(template: Any) -> Iterator[str]:
    if isinstance(template, str):
        yield from _HOLE.findall(template)
    elif isinstance(template, Mapping):
        for item in template.values():
            yield from _inner_texts(item)
    elif isinstance(template, list):
        for item in template:
            yield from _inner_texts(item)


def _with_known(
    text: str, known: Mapping[str, Any], shown: Callable[[Any], str]
) -> str:
    def value(hole: re.Match[str]) -> str:
        is_known = _is_known(hole[1], known)
        return shown(render(hole[0], known)) if is_known else hole[0]

    return _HOLE.sub(value, text)


def _is_known(inner: str, known: Mapping[str, Any]) -> bool:
    return _roots(inner) <= known.keys()


@cache
def _roots(inner: str) -> frozenset[str]:
    tree = _ENVIRONMENT.parse("{{ " + inner + " }}")
    return frozenset(meta.find_undeclared_variables(tree))


@cache
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


@cache
def _expression(source: str) -> TemplateExpression:
    return _ENVIRONMENT.compile_expression(source, undefined_to_none=False)
