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
from tools.simulator.templates import paths_under, put, render

_REMEMBERED = 50


class Gate:
    """Lets calls in that carry what the connector says; logs clients in."""

    def __init__(
        self, partner: Partner, lifetime: float, now: Callable[[], float] = time.time
    ) -> None:
        self._kind = partner.connector["authenticator"]
        self._variables = {"credentials": partner.credentials}
        self._lifetime = lifetime
        self._now = now
        self._key = secrets.token_bytes(32)
        self._ends: dict[str, float] = {}
        """What a call may carry, and when that ends."""
        self._answers: list[dict[str, Any]] = []
        if self._kind["type"] == "static":
            carried = render(self._kind["send"]["value"], self._variables)
            self._ends[carried] = inf

    def routes(
        self,
    ) -> Iterator[tuple[Mapping[str, Any], Callable[[Call], Answer]]]:
        """Yield the requests that let a client in, each with what answers it."""
        if "login" in self._kind:
            yield self._kind["login"], self.log_in
        if "refresh" in self._kind:
            yield self._kind["refresh"], self.refresh

    def check(self, call: Call) -> None:
        """Raise Refusal unless a call carries a key or token that holds."""
        send = self._kind["send"]
        if "query" in send:
            carried = call.query.get(send["query"], "")
        else:
            name = send["header"].lower().encode()
            carried = call.headers.get(name, b"").decode("latin-1")
        if self._ends.get(carried, 0.0) <= self._now():
            raise Refusal(401, "UNAUTHORIZED", "The token is missing or does not hold.")

    def log_in(self, call: Call) -> Answer:
        if _carried(call, self._kind["login"]) != _wanted(
            self._kind["login"], self._variables
        ):
            raise Refusal(401, "UNAUTHORIZED", "The credentials are wrong.")
        return self._let_in()

    def refresh(self, call: Call) -> Answer:
        """Answer a refresh as a login; each refresh token serves once."""
        request = self._kind["refresh"]
        carried = _carried(call, request)
        for answer in self._answers:
            if carried == _wanted(request, {**self._variables, "answer": answer}):
                self._answers.remove(answer)
                return self._let_in()
        raise Refusal(401, "UNAUTHORIZED", "The refresh token does not hold.")

    def expire(self) -> None:
        """End all tokens; refresh tokens go on to hold."""
        if self._kind["type"] != "static":
            self._ends.clear()

    def _let_in(self) -> Answer:
        end = self._now() + self._lifetime
        expires = self._kind.get("expires", {})
        token = self._token(expires.get("jwt", "exp"), end)
        answer: dict[str, Any] = {}
        refresh = self._kind.get("refresh") or {}
        for path in paths_under("answer", _template(refresh)):
            put(answer, path, secrets.token_urlsafe(24))
        put(answer, self._kind["token"], token)
        if "in_seconds" in expires:
            put(answer, expires["in_seconds"], self._lifetime)
        if "at" in expires:
            put(answer, expires["at"], datetime.fromtimestamp(end, UTC).isoformat())
        carried = render(
            self._kind["send"]["value"], {**self._variables, "token": token}
        )
        self._ends[carried] = end
        self._answers = [*self._answers[1 - _REMEMBERED :], answer]
        return Answer(200, answer)

    def _token(self, claim: str, end: float) -> str:
        claims = {claim: int(end), "jti": secrets.token_hex(8)}
        head = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        digest = hmac.new(self._key, head.encode(), hashlib.sha256).digest()
        return f"{head}.{_base64(digest)}"


def _carried(call: Call, request: Mapping[str, Any]) -> Any:
    return call.form if "form" in request else call.json


def _wanted(request: Mapping[str, Any], variables: Mapping[str, Any]) -> Any:
    return render(_template(request), variables)


def _template(request: Mapping[str, Any]) -> Any:
    return request.get("form") or request.get("json")


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(orjson.dumps(part))


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
