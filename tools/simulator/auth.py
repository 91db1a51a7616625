"""
How a partner knows its clients: the connector's authenticator in, who may call out.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from math import inf
from typing import Any

import orjson

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.partner import Partner
from tools.simulator.routes import Offer
from tools.simulator.shapes import Shape
from tools.simulator.special import Special
from tools.simulator.templates import paths_under, put, render

DEFAULT_LIFETIME = 3600.0
_REMEMBERED = 50


class Gate:
    """
    Lets calls in that carry what the connector says; logs clients in.

    `lifetime` is that of a token in seconds; None is what the connector file says.
    """

    def __init__(
        self,
        partner: Partner,
        special: Special,
        lifetime: float | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._kind = partner.connector["authenticator"]
        self._special = special
        self._known = partner.known
        self._expires: Mapping[str, Any] = self._kind.get("expires") or {}
        stated = self._expires.get("after_seconds") or DEFAULT_LIFETIME
        self._lifetime: float = stated if lifetime is None else lifetime
        self._now = now
        self._key = secrets.token_bytes(32)
        self._ends: dict[str, float] = {}
        """What a call may carry, and when that ends."""
        self._answers: list[dict[str, Any]] = []
        if self._kind["type"] == "static":
            self._ends[self._carried()] = inf

    def offers(self) -> Iterator[Offer]:
        """Yield the requests that let a client in, each with what answers it."""
        for name, handler in (("login", self.log_in), ("refresh", self.refresh)):
            if self._kind.get(name):
                # Who logs in with wrong credentials has found the right address.
                known = {"settings": self._known["settings"]}
                shape = Shape(self._kind[name], known)
                yield Offer(
                    self._kind[name],
                    handler,
                    name,
                    shape,
                    needs_key=False,
                    has_faults=False,
                )

    def check(self, call: Call) -> None:
        """Raise Refusal unless a call carries a key or token that holds."""
        send = self._kind["send"]
        if send.get("query"):
            carried = call.query.get(send["query"], "")
        else:
            carried = call.header(send["header"])
        if self._ends.get(carried, 0.0) <= self._now():
            raise Refusal(401, "UNAUTHORIZED", "The token is missing or does not hold.")

    def log_in(self, call: Call) -> Answer:
        if not _is_as(Shape(self._kind["login"], self._known), call):
            raise Refusal(401, "UNAUTHORIZED", "The credentials are wrong.")
        return self._let_in()

    def refresh(self, call: Call) -> Answer:
        """Answer a refresh as a login; each refresh token serves once."""
        for answer in self._answers:
            known = {**self._known, "answer": answer}
            if _is_as(Shape(self._kind["refresh"], known), call):
                self._answers.remove(answer)
                return self._let_in()
        raise Refusal(401, "UNAUTHORIZED", "The refresh token does not hold.")

    def expire(self) -> None:
        """End all tokens; refresh tokens go on to hold."""
        if self._kind["type"] != "static":
            self._ends.clear()

    def _let_in(self) -> Answer:
        end = self._now() + self._lifetime
        token = self._token(self._expires.get("jwt") or "exp", end)
        answer: dict[str, Any] = {}
        for path in paths_under(
            "answer", list((self._kind.get("refresh") or {}).values())
        ):
            put(answer, path, secrets.token_urlsafe(24))
        put(answer, self._kind["token"], token)
        if self._expires.get("in_seconds"):
            put(answer, self._expires["in_seconds"], self._lifetime)
        if self._expires.get("at"):
            moment = datetime.fromtimestamp(end, UTC).isoformat()
            put(answer, self._expires["at"], moment)
        self._ends[self._carried(token)] = end
        self._answers = [*self._answers[1 - _REMEMBERED :], answer]
        return Answer(200, self._special.logged_in(answer))

    def _carried(self, token: str = "") -> str:
        """Return what calls carry in the header or in the query."""
        return str(render(self._kind["send"]["value"], {**self._known, "token": token}))

    def _token(self, claim: str, end: float) -> str:
        claims = {claim: int(end), "jti": secrets.token_hex(8)}
        head = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        digest = hmac.new(self._key, head.encode(), hashlib.sha256).digest()
        return f"{head}.{_base64(digest)}"


def _is_as(shape: Shape, call: Call) -> bool:
    """Return whether a call is what a template makes, the credentials in it too."""
    try:
        shape.read(call)
    except Refusal:
        return False
    return True


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(orjson.dumps(part))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
