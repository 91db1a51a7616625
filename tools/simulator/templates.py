"""
Templates of connector files, read backwards: a template in, what a call must be out.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

_HOLE = re.compile(r"\{\{\s*([A-Za-z_]\w*)[^}]*\}\}")
_ENVIRONMENT = Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701 - no HTML


def render(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a JSON value with its templates filled in, as texts."""
    if isinstance(value, str):
        return _compiled(value).render(variables)
    if isinstance(value, Mapping):
        return {key: render(item, variables) for key, item in value.items()}
    if isinstance(value, list):
        return [render(item, variables) for item in value]
    return value


def pattern(path: str) -> re.Pattern[str]:
    """
    Return what matches the raw paths of a template, a group for each variable.

    >>> pattern("/units/{{ id }}/name").fullmatch("/units/1%2F2/name").groupdict()
    {'id': '1%2F2'}
    """
    parts = _HOLE.split(path)
    texts = (re.escape(text) for text in parts[::2])
    holes = [f"(?P<{name}>[^/]+)" for name in parts[1::2]]
    return re.compile(
        "".join(text + hole for text, hole in zip(texts, [*holes, ""], strict=True))
    )


def place_of(variable: str, template: Any) -> tuple[str, ...] | None:
    """
    Return the keys that lead to a variable in a JSON template, or None.

    >>> place_of("ids", {"filter": {"refs": "{{ ids }}"}})
    ('filter', 'refs')
    """
    if isinstance(template, str):
        hole = _HOLE.fullmatch(template.strip())
        return () if hole and hole[1] == variable else None
    if isinstance(template, Mapping):
        for key, item in template.items():
            place = place_of(variable, item)
            if place is not None:
                return (key, *place)
    return None


def paths_under(variable: str, template: Any) -> Iterator[str]:
    """
    Yield the dotted paths that a JSON template reads from a variable.

    >>> list(paths_under("answer", {"refreshToken": "{{ answer.refreshToken }}"}))
    ['refreshToken']
    """
    if isinstance(template, str):
        yield from re.findall(rf"\b{variable}\.([\w.]+)", template)
    elif isinstance(template, Mapping):
        for item in template.values():
            yield from paths_under(variable, item)


def at(document: Any, path: str | tuple[str, ...]) -> Any:
    """Return the value at a dotted path, or None."""
    for part in path.split(".") if isinstance(path, str) else path:
        if not isinstance(document, dict):
            return None
        document = document.get(part)
    return document


def put(document: dict[str, Any], path: str, value: Any) -> None:
    """Set the value at a dotted path; what is missing on the way is made."""
    *parents, last = path.split(".")
    for part in parents:
        document = document.setdefault(part, {})
    document[last] = value


@cache
def _compiled(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)
