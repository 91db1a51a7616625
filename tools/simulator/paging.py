"""Lists in pages: the connector's paginator and a query in, one page of a list out."""

from collections.abc import Mapping, Sequence
from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import put

DEFAULT_SIZE = 10


def page(
    paginator: Mapping[str, Any] | None,
    query: Mapping[str, str],
    rows: Sequence[Any],
    cap: int,
) -> Any:
    """
    Return the page that a query asks for, or the whole list without a paginator.

    The case of parameters does not matter; parameters that are not known are ignored.
    """
    if paginator is None:
        return list(rows)
    given = {name.lower(): value for name, value in query.items()}
    start = paginator["page"]["start"]
    number_name = paginator["page"]["parameter"]
    size_name = paginator["size"]["parameter"]
    number = _number(given, number_name, start, start)
    size = min(_number(given, size_name, DEFAULT_SIZE, 1), cap)
    total = len(rows)
    pages = -(-total // size)
    first = (number - start) * size
    envelope: dict[str, Any] = {}
    put(envelope, paginator["items"], list(rows[first : first + size]))
    put(envelope, number_name, number)
    put(envelope, paginator["size"].get("reported") or size_name, size)
    put(envelope, "totalPages", pages)
    put(envelope, paginator.get("total") or "totalCount", total)
    put(envelope, "hasPreviousPage", number > start)
    put(envelope, paginator.get("has_next") or "hasNextPage", first + size < total)
    return envelope


def _number(given: Mapping[str, str], name: str, default: int, least: int) -> int:
    text = given.get(name.lower())
    if text is None:
        return default
    if not text.lstrip("-").isdecimal() or int(text) < least:
        message = f"must be a number from {least} upward"
        fields = (FieldProblem(name, message),)
        raise Refusal(400, "VALIDATION_FAILED", f"{name} {message}.", fields)
    return int(text)
