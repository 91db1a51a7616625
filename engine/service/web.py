"""The service over HTTP: requests in, health, figures, status and orders for runs out.

Every path but /health needs the token, those of hooks a signature instead; what needs
neither is nothing. Answers name codes and never quote what was sent.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import orjson
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.errors import SpecError
from engine.runtime.database import insert_into, seconds_now, writing
from engine.runtime.signal_tables import hook_table
from engine.service.logs import Log
from engine.service.metrics import CONTENT_TYPE, Metrics
from engine.service.signing import (
    SIGNATURE,
    TIMESTAMP,
    hook_key,
    is_recent,
    is_same,
    is_signed,
)
from engine.service.tables import worker_table

BODY_LIMIT = 64 * 1024
BODY_SECONDS = 10.0
LIFE_SECONDS = 60.0
"""A worker whose last sign of life is older does not count as alive."""

_HEALTH, _HOOKS = "/health", "/hooks/"
_LONGEST_ID = 200


class Orders(Protocol):
    """Who lets activations run, and knows how they are."""

    def order(self, name: str) -> None:
        """Let an activation run soon; raises SpecError if there is none."""

    def status(self) -> list[Mapping[str, Any]]:
        """Return what people see of each activation."""


@dataclass(frozen=True)
class Access:
    """The token of the endpoints, and the secret that keys of hooks are made of."""

    token: str
    hooks: str | None = None


def create_app(
    engine: sa.Engine,
    orders: Orders,
    metrics: Metrics,
    access: Access,
    log: Log,
    now: Callable[[], float],
) -> ASGIApp:
    """Return the ASGI application."""
    service = _Service(engine, orders, metrics, access, now)
    app = Starlette(
        routes=[
            Route(_HEALTH, service.health),
            Route("/metrics", service.metrics),
            Route("/status", service.status),
            Route("/activations/{name:path}/run", service.run, methods=["POST"]),
            Route(_HOOKS + "{name:path}", service.hook, methods=["POST"]),
        ],
        exception_handlers={
            HTTPException: _told,
            SpecError: _unknown,
            sa.exc.SQLAlchemyError: _away,
        },
    )
    return _Guarded(app, access.token, log)


class _Guarded:
    """Lets in who has the token; who signs is looked at by the hook itself."""

    def __init__(self, app: ASGIApp, token: str, log: Log) -> None:
        self._app = app
        self._token = token
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                self._tell(scope, message["status"])
            await send(message)

        if path != _HEALTH and not path.startswith(_HOOKS):
            given = Request(scope).headers.get("authorization", "")
            kind, _, token = given.partition(" ")
            if kind.lower() != "bearer" or not is_same(self._token, token.strip()):
                answer = _json({"error": "token"}, 401)
                answer.headers["WWW-Authenticate"] = "Bearer"
                await answer(scope, receive, sent)
                return
        await self._app(scope, receive, sent)

    def _tell(self, scope: Scope, status: int) -> None:
        """Log a call by the name of its endpoint: a path may hold anything."""
        path = getattr(scope.get("endpoint"), "__name__", "none")
        if path not in ("health", "metrics"):
            self._log.info("http", method=scope["method"], path=path, status=status)


class _Service:
    """The endpoints."""

    def __init__(
        self,
        engine: sa.Engine,
        orders: Orders,
        metrics: Metrics,
        access: Access,
        now: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._orders = orders
        self._metrics = metrics
        self._access = access
        self._now = now

    def health(self, _: Request) -> Response:
        """Say whether the database answers and a worker lives; nothing else."""
        age = seconds_now(self._engine) - sa.func.max(worker_table.c.beat_at)
        try:
            with self._engine.connect() as db:
                found = db.scalar(sa.select(age))
        except sa.exc.SQLAlchemyError:
            return _json({"status": "no database"}, 503)
        if found is None or found > LIFE_SECONDS:
            return _json({"status": "no worker"}, 503)
        return _json({"status": "ok"})

    def metrics(self, _: Request) -> Response:
        """Return the figures for Prometheus."""
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE})

    def status(self, _: Request) -> Response:
        """Return how each activation is."""
        return _json({"activations": list(self._orders.status())})

    def run(self, request: Request) -> Response:
        """Let an activation run."""
        name: str = request.path_params["name"]
        self._orders.order(name)
        return _json({"activation": name, "accepted": True}, 202)

    async def hook(self, request: Request) -> Response:
        """Let an activation run because its ERP says that there are new files."""
        name: str = request.path_params["name"]
        body = await _body(request)
        stamp = request.headers.get(TIMESTAMP, "")
        signature = request.headers.get(SIGNATURE, "")
        return await run_in_threadpool(self._called, name, body, stamp, signature)

    def _called(self, name: str, body: bytes, stamp: str, signature: str) -> Response:
        if self._access.hooks is None:
            raise HTTPException(404, "hooks are not set up")
        key = hook_key(self._access.hooks, name)
        if not is_signed(key, stamp, body, signature):
            raise HTTPException(401, "signature")
        if not is_recent(stamp, self._now()):
            raise HTTPException(401, "timestamp")
        number = _id_in(body)
        answer = {"activation": name, "accepted": True}
        if not self._is_new("signature", name, signature):
            raise HTTPException(409, "replay")
        if number is not None and self._is_known("id", name, number):
            return _json({**answer, "known": True}, 202)
        self._orders.order(name)
        if number is not None:
            # Kept last: a call that failed half-way may come again.
            self._is_new("id", name, number)
        return _json({**answer, "known": False}, 202)

    def _is_new(self, kind: str, name: str, text: str) -> bool:
        """Keep that something was seen; return False if it was before."""
        row = {"digest": _digest(kind, name, text), "called_at": self._now()}
        statement = insert_into(self._engine, hook_table).values(row)
        kept = statement.on_conflict_do_nothing().returning(hook_table.c.digest)
        with writing(self._engine) as db:
            return db.scalar(kept) is not None

    def _is_known(self, kind: str, name: str, text: str) -> bool:
        query = sa.select(hook_table.c.digest).where(
            hook_table.c.digest == _digest(kind, name, text)
        )
        with self._engine.connect() as db:
            return db.scalar(query) is not None


async def _body(request: Request) -> bytes:
    """Return the body of a request; a long or slow one is refused."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for piece in request.stream():
                body += piece
                if len(body) > BODY_LIMIT:
                    raise HTTPException(413, "body")
    except TimeoutError:
        raise HTTPException(408, "body") from None
    except ClientDisconnect:
        raise HTTPException(400, "body") from None
    return bytes(body)


def _id_in(body: bytes) -> str | None:
    """Return the `id` in a body that is a JSON object; an empty body has none."""
    if not body.strip():
        return None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "body is no JSON") from None
    number = found.get("id") if isinstance(found, dict) else None
    if number is None:
        return None
    if isinstance(number, bool | dict | list) or len(str(number)) > _LONGEST_ID:
        raise HTTPException(400, "id")
    return str(number)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


async def _told(_: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else "error"
    return _json({"error": detail}, status)


async def _unknown(_: Request, error: Exception) -> Response:
    codes = [p.code for p in error.problems] if isinstance(error, SpecError) else []
    return _json({"error": "activation", "codes": codes}, 404)


async def _away(_: Request, __: Exception) -> Response:
    return _json({"error": "database"}, 503)


def _json(value: Any, status: int = 200) -> Response:
    return Response(
        orjson.dumps(value, default=str), status, media_type="application/json"
    )
