"""Lists in pages: the connector's paginator and a call in, one page of a list out."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from tools.simulator.answers import Call, Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import at, put

DEFAULT_SIZE = 10

_AFTER = "_after"
"""The parameter of the links to the next page."""


def page(
    paginator: Mapping[str, Any] | None, call: Call, rows: Sequence[Any], cap: int
) -> Any:
    """
    Return the page that a call asks for, or the whole list without a paginator.

    The case of parameters does not matter; parameters that are not known are ignored.
    """
    if paginator is None:
        return list(rows)
    return _KINDS[paginator["type"]](paginator, call, rows, cap)


def without_paging(
    request: Mapping[str, Any], paginator: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Return a request without the parameters that differ from page to page."""
    request = {**request}
    names = set(_parameters(paginator or {}))
    for part in ("json", "everything", "query"):
        if isinstance(request.get(part), Mapping):
            request[part] = _without(request[part], names)
    return request


def _parameters(paginator: Mapping[str, Any]) -> Iterator[str]:
    for part in (paginator, *paginator.values()):
        if isinstance(part, Mapping) and "parameter" in part:
            yield part["parameter"]


def _without(template: Any, names: set[str], place: str = "") -> Any:
    if not isinstance(template, Mapping):
        return template
    return {
        name: _without(part, names, f"{place}{name}.")
        for name, part in template.items()
        if f"{place}{name}" not in names
    }


def _by_number(
    paginator: Mapping[str, Any], call: Call, rows: Sequence[Any], cap: int
) -> Any:
    given = _lower(call.query)
    start = paginator["page"]["start"]
    number_name = paginator["page"]["parameter"]
    size_name = paginator["size"]["parameter"]
    number = _number(given, number_name, start, start)
    size = min(_number(given, size_name, DEFAULT_SIZE, 1), cap)
    total = len(rows)
    first = (number - start) * size
    envelope: dict[str, Any] = {}
    put(envelope, paginator["items"], list(rows[first : first + size]))
    put(envelope, number_name, number)
    put(envelope, paginator["size"].get("reported") or size_name, size)
    put(envelope, "totalPages", -(-total // size))
    put(envelope, paginator.get("total") or "totalCount", total)
    put(envelope, "hasPreviousPage", number > start)
    put(envelope, paginator.get("has_next") or "hasNextPage", first + size < total)
    return envelope


def _by_offset(
    paginator: Mapping[str, Any], call: Call, rows: Sequence[Any], cap: int
) -> Any:
    offset_name = paginator["offset"]["parameter"]
    limit_name = paginator["limit"]["parameter"]
    given = _lower(call.query)
    if paginator.get("in") == "body":
        names = (offset_name, limit_name)
        given = {name.lower(): at(call.json, name) for name in names}
    first = _number(given, offset_name, 0, 0)
    size = min(_number(given, limit_name, DEFAULT_SIZE, 1), cap)
    envelope: dict[str, Any] = {}
    put(envelope, paginator["items"], list(rows[first : first + size]))
    put(envelope, paginator.get("total") or "totalCount", len(rows))
    return envelope


def _by_cursor(
    paginator: Mapping[str, Any], call: Call, rows: Sequence[Any], cap: int
) -> Any:
    name = paginator["parameter"]
    first = _opened(name, _lower(call.query).get(name.lower()) or at(call.json, name))
    after = first + _size(paginator, call, cap)
    envelope: dict[str, Any] = {}
    put(envelope, paginator["items"], list(rows[first:after]))
    put(envelope, paginator["cursor"], _sealed(after) if after < len(rows) else None)
    return envelope


def _by_link(
    paginator: Mapping[str, Any], call: Call, rows: Sequence[Any], cap: int
) -> Any:
    first = _opened(_AFTER, call.query.get(_AFTER))
    after = first + _size(paginator, call, cap)
    envelope: dict[str, Any] = {}
    put(envelope, paginator["items"], list(rows[first:after]))
    link = None
    if after < len(rows):
        query = urlencode({**call.query, _AFTER: _sealed(after)})
        link = f"http://{call.header('host')}{call.path}?{query}"
    put(envelope, paginator["next"], link)
    return envelope


_KINDS: Mapping[
    str, Callable[[Mapping[str, Any], Call, Sequence[Any], int], dict[str, Any]]
] = {
    "page_number": _by_number,
    "offset": _by_offset,
    "cursor": _by_cursor,
    "next_link": _by_link,
}


def _size(paginator: Mapping[str, Any], call: Call, cap: int) -> int:
    """Return the size that a call asks for, if the paginator names a parameter."""
    limit = paginator.get("limit") or paginator.get("size")
    if not limit:
        return min(DEFAULT_SIZE, cap)
    return min(_number(_lower(call.query), limit["parameter"], DEFAULT_SIZE, 1), cap)


def _lower(query: Mapping[str, str]) -> dict[str, Any]:
    return {name.lower(): value for name, value in query.items()}


def _sealed(offset: int) -> str:
    return base64.urlsafe_b64encode(f"row {offset}".encode()).decode()


def _opened(name: str, cursor: Any) -> int:
    """Return the place that a cursor stands for; raises Refusal for others' texts."""
    if cursor in (None, ""):
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(cursor)).decode().removeprefix("row "))
    except (binascii.Error, UnicodeError, ValueError):
        problem = FieldProblem(name, "is not a cursor of this list")
        told = f"{name} {problem.message}."
        raise Refusal(400, "VALIDATION_FAILED", told, (problem,)) from None


def _number(given: Mapping[str, Any], name: str, default: int, least: int) -> int:
    value = given.get(name.lower())
    if value is None:
        return default
    text = str(value)
    if not text.lstrip("-").isdecimal() or int(text) < least:
        message = f"must be a number from {least} upward"
        fields = (FieldProblem(name, message),)
        raise Refusal(400, "VALIDATION_FAILED", f"{name} {message}.", fields)
    return int(text)
