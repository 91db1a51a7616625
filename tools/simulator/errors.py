"""
Errors in a partner's shape: the connector's error_handler and a refusal in, a body out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.simulator.answers import Refusal
from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import at, put


def error_body(handler: Mapping[str, Any], refusal: Refusal) -> Any:
    """
    Return an error in the shape that the connector file's `error_handler` reads.

    It is an object, or a list if the problems of fields are the whole answer.

    >>> handler = {"message": ["error.message"]}
    >>> error_body(handler, Refusal(404, "NOT_FOUND", "There is none."))
    {'error': {'message': 'There is none.', 'code': 'NOT_FOUND'}}
    """
    where = handler.get("fields") or {}
    message_path = next(iter(handler.get("message") or ()), "message")
    body = _fields(where, refusal.fields, message_path)
    if where.get("map") == "":  # all names in the answer are names of fields
        return body or {message_path: refusal.message}
    if at(body, message_path) is None:
        put(body, message_path, _message(where, refusal))
    put(body, ".".join([*message_path.split(".")[:-1], "code"]), refusal.code)
    refused_by = handler.get("refused_by")
    if refused_by and not at(body, refused_by):
        put(body, refused_by, [{"message": refusal.message}])
    return body


def _message(where: Mapping[str, Any], refusal: Refusal) -> str:
    """Return the message, as the pattern that reads a field out of it wants it."""
    if "pattern" not in where:
        return refusal.message
    fits = re.compile(where["pattern"]).search
    told = (text for one in refusal.fields for text in _tellings(one))
    return next((text for text in told if fits(text)), refusal.message)


def _tellings(problem: FieldProblem) -> Iterator[str]:
    """Yield "field: text", and the same with the outermost name: dots may not fit."""
    yield f"{problem.field}: {problem.message}"
    yield f"{problem.field.split('.')[0]}: {problem.message}"


def _fields(
    where: Mapping[str, Any], problems: Sequence[FieldProblem], message_path: str
) -> Any:
    """Return an answer that says only what is wrong with fields."""
    told: Any = None
    if problems and "map" in where:
        told = {}
        for name, message in problems:
            told.setdefault(name, []).append(message)
    elif problems and "items" in where:
        items = [_item(where, problem) for problem in problems]
        told = items[0] if _is_one(where, message_path) else items
    place = where.get("map", where.get("items"))
    if told is None or place == "":
        return {} if told is None else told
    body: dict[str, Any] = {}
    put(body, place, told)
    return body


def _item(where: Mapping[str, Any], problem: FieldProblem) -> dict[str, Any]:
    item: dict[str, Any] = {}
    put(item, where["field"], problem.field)
    put(item, where["message"], problem.message)
    return item


def _is_one(where: Mapping[str, Any], message_path: str) -> bool:
    """Say whether the path leads to one object: the message stands in it by name."""
    items = where["items"]
    if items and not message_path.startswith(f"{items}."):
        return False
    inside = message_path.removeprefix(f"{items}.") if items else message_path
    return not inside.split(".")[0].isdecimal()
