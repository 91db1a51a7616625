"""Let the service be reached: secrets and an application in, a listening socket out."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.secrets import NoSecretError, fetch
from engine.service.web import Access

SHORTEST_SECRET = 32
_TOKEN, _HOOKS = "FELDWERK_TOKEN", "FELDWERK_HOOK_SECRET"
_MOST_CALLS = 100


def read_access() -> Access:
    """
    Return who may call; raises SpecError without a token, or with a short secret.

    Both secrets are a variable of the environment, else a file of the same name in
    lower case in the secrets directory. Without a secret for hooks there are none.
    """
    problems: list[Problem] = []
    token = _secret(_TOKEN, problems)
    hooks = _secret(_HOOKS, problems)
    if token is None:
        message = f"there is no token for the HTTP endpoints in {_TOKEN}."
        problems.append(Problem(Origin("serve"), "D340", message))
    if problems or token is None:
        raise SpecError(problems)
    return Access(token, hooks)


def read_hook_secret() -> str:
    """Return the secret that keys of hooks are made of; raises SpecError."""
    problems: list[Problem] = []
    secret = _secret(_HOOKS, problems)
    if secret is None and not problems:
        message = f"there is no secret for hooks in {_HOOKS}."
        problems.append(Problem(Origin("hook-key"), "D340", message))
    if problems or secret is None:
        raise SpecError(problems)
    return secret


def _secret(variable: str, problems: list[Problem]) -> str | None:
    here = os.environ.get(variable)
    reference = f"env:{variable}" if here else f"dir:{variable.lower()}"
    try:
        secret = fetch(reference, Path())
    except NoSecretError:
        return None
    if len(secret.strip()) < SHORTEST_SECRET:
        message = f"{reference} has fewer than {SHORTEST_SECRET} characters."
        problems.append(Problem(Origin("serve"), "D340", message))
    return secret.strip()


@contextmanager
def serving(app: ASGIApp, host: str, port: int) -> Iterator[int]:
    """
    Listen while inside of it; yields the port, which the system chooses for 0.

    Raises SpecError if the address cannot be listened to.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or "is no port"
        message = f"{host}:{port} cannot be listened to: {why}."
        raise SpecError([Problem(Origin("serve"), "D345", message)]) from None
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        lifespan="off",
        ws="none",
        limit_concurrency=_MOST_CALLS,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), name="http")
    with listening:
        thread.start()
        try:
            yield int(listening.getsockname()[1])
        finally:
            server.should_exit = True
            thread.join()
