"""
Calls and answers: what came over HTTP in, and what a partner says in its own shape out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import put

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Call:
    """One request; `path` is raw, `params` are decoded."""

    method: str
    path: str
    query_string: bytes
    headers: Mapping[bytes, bytes]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(self.query_string.decode("latin-1"), True))

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), True))

    @property
    def json(self) -> Any:
        """The JSON value of the body, None if it is empty; raises Refusal."""
        if not self.body:
            return None
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Refusal(400, "MALFORMED", f"The body is not JSON: {error}") from None

    def at(self, groups: Mapping[str, str]) -> "Call":
        """Return the call with the raw values in its path, decoded."""
        params = {name: unquote(value) for name, value in groups.items()}
        return replace(self, params=params)


@dataclass(frozen=True)
class Answer:
    """What is sent back; bytes are sent as they are, everything else as JSON."""

    status: int
    body: Any = None
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def raw(self) -> bytes:
        if self.body is None:
            return b""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


class Refusal(Exception):  # noqa: N818 - an answer of a partner, not a failure of ours
    """What the partner does not accept, before it has the partner's shape."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: tuple[FieldProblem, ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.headers = headers

    @property
    def title(self) -> str:
        return _TITLES.get(self.status, "Error")


def error_body(handler: Mapping[str, Any], refusal: Refusal) -> dict[str, Any]:
    """
    Return an error in the shape that the connector file's `error_handler` reads.

    >>> handler = {"message": ["error.message"]}
    >>> error_body(handler, Refusal(404, "NOT_FOUND", "There is none."))
    {'error': {'message': 'There is none.', 'code': 'NOT_FOUND'}}
    """
    body: dict[str, Any] = {}
    message_path = next(iter(handler.get("message") or ()), "message")
    put(body, message_path, refusal.message)
    put(body, ".".join([*message_path.split(".")[:-1], "code"]), refusal.code)
    where = handler.get("fields")
    if not where or not refusal.fields:
        return body
    if "map" in where:
        messages: dict[str, list[str]] = {}
        for name, message in refusal.fields:
            messages.setdefault(name, []).append(message)
        put(body, where["map"], messages)
        return body
    items: list[dict[str, Any]] = []
    for name, message in refusal.fields:
        item: dict[str, Any] = {}
        put(item, where["field"], name)
        put(item, where["message"], message)
        items.append(item)
    put(body, where["items"], items)
    return body
