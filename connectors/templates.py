"""Templates of connector files: text with `{{ ... }}` and variables in, values out.

Jinja expressions in a sandbox; statements (`{% ... %}`) are refused, and so is a
variable that has no value. `a.b` of an object is its key `b`, never a method of it.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, UndefinedError
from jinja2.environment import TemplateExpression
from jinja2.nodes import Const, Getattr, Getitem, Name, Output, TemplateData
from jinja2.sandbox import SandboxedEnvironment

from connectors.errors import AddressError

Variables = Mapping[str, Any]

# What has no value of its own: a template reads one of its keys.
_GROUPS = ("credentials", "settings", "path")


def render(value: Any, variables: Variables) -> Any:
    """
    Return a JSON value with its templates filled in.

    A template that is one expression and nothing else keeps the type of its value.

    >>> render({"ids": "{{ ids }}", "note": "of {{ ids[0] }}"}, {"ids": [7, 8]})
    {'ids': [7, 8], 'note': 'of 7'}
    """
    if isinstance(value, str):
        expression = _expression(value)
        if expression is None:
            return _text(value).render(variables)
        result = expression(variables)
        if isinstance(result, StrictUndefined):
            str(result)  # raises UndefinedError with the name
        return result
    if isinstance(value, Mapping):
        return {key: render(item, variables) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item, variables) for item in value]
    return value


def can_render(value: Any, variables: Variables) -> bool:
    """Return whether every variable of the templates has a value."""
    try:
        render(value, variables)
    except UndefinedError:
        return False
    return True


def render_path(source: str, variables: Variables) -> str:
    """
    Return the path with its values percent-encoded, each as a part of one segment.

    Raises AddressError for an empty value, `.` and `..`: they address something else.

    >>> render_path("/units/{{ id }}", {"id": "1/01|ä"})
    '/units/1%2F01%7C%C3%A4'
    """
    return _path(source).render(variables)


def variables_of(value: Any) -> frozenset[str]:
    """
    Return the variables that the templates in a JSON value need.

    Raises ValueError if a template has a syntax error or a statement.

    >>> sorted(variables_of(["{{ id }}", "Bearer {{ credentials.key }}"]))
    ['credentials.key', 'id']
    """
    return frozenset(name for text in _texts(value) for name in _names(text))


def _segment(value: Any) -> str:
    text = "" if value is None else str(value)
    if text in ("", ".", ".."):
        raise AddressError(f"The identifier '{text}' cannot stand in an address.")
    return quote(text, safe="")


class _Environment(SandboxedEnvironment):
    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a key of an object even if it is called `items` or `values`."""
        if isinstance(obj, Mapping):
            return self.getitem(obj, attribute)
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        if isinstance(obj, Mapping) and argument not in obj:
            return self.undefined(obj=obj, name=argument)
        return super().getitem(obj, argument)


_ENVIRONMENT = _Environment(undefined=StrictUndefined)
_PATH_ENVIRONMENT = _Environment(undefined=StrictUndefined, finalize=_segment)


@cache
def _text(source: str) -> Template:
    return _ENVIRONMENT.from_string(source)


@cache
def _path(source: str) -> Template:
    return _PATH_ENVIRONMENT.from_string(source)


@cache
def _expression(source: str) -> TemplateExpression | None:
    """Return the compiled expression if the template is exactly one."""
    body = _ENVIRONMENT.parse(source).body
    if len(body) != 1 or not isinstance(body[0], Output):
        return None
    nodes = body[0].nodes
    if len(nodes) != 1 or isinstance(nodes[0], TemplateData):
        return None
    inner = source.strip().removeprefix("{{").removesuffix("}}")
    for sign in "-+":  # `{{-` and `-}}` are about white space
        inner = inner.removeprefix(sign).removesuffix(sign)
    return _ENVIRONMENT.compile_expression(inner, undefined_to_none=False)


def _names(source: str) -> Iterator[str]:
    try:
        tree = _ENVIRONMENT.parse(source)
    except TemplateSyntaxError as error:
        raise ValueError(f"not a template: {error.message}") from None
    if not all(isinstance(node, Output) for node in tree.body):
        raise ValueError("a template holds expressions only, no statements")
    grouped = set()
    for node in tree.find_all((Getattr, Getitem)):
        assert isinstance(node, Getattr | Getitem)
        key = _key(node)
        if isinstance(node.node, Name) and node.node.name in _GROUPS and key:
            grouped.add(id(node.node))
            yield f"{node.node.name}.{key}"
    for name in tree.find_all(Name):
        if id(name) not in grouped:
            yield name.name


def _key(node: Getattr | Getitem) -> str | None:
    """Return the key that a template reads, if it is written there."""
    if isinstance(node, Getattr):
        return node.attr
    if isinstance(node.arg, Const) and isinstance(node.arg.value, str):
        return node.arg.value
    return None


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
