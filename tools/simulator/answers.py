"""
Calls and answers: what came over HTTP in, and what a partner says in its own shape out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

import orjson

from tools.simulator.schemas import FieldProblem
from tools.simulator.templates import decoded

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    413: "Content Too Large",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class Call:
    """One request; `path` is raw, `params` are the decoded values by variable."""

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
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), True))

    def header(self, name: str) -> str:
        """Return the value of a header, or an empty text."""
        return self.headers.get(name.lower().encode(), b"").decode("latin-1")

    @cached_property
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
        return replace(self, params=decoded(groups))


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
