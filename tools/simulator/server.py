"""
The simulated partner on a socket of this machine: a name in, addresses and counts out.
"""

import asyncio
import functools
import socket
import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from tools.simulator.app import CUT, App, Receive, Send
from tools.simulator.control import Control
from tools.simulator.faults import Settings, changed
from tools.simulator.partner import REPOSITORY, read
from tools.simulator.simulation import Simulation
from tools.simulator.store import Record


class CuttingProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Gives the application the means to close a connection without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        self.app = functools.partial(_with_cut, self.app, transport)  # type: ignore[has-type]


class Simulator:
    """
    A partner that listens on 127.0.0.1 while the context is open.

    All its hosts are at one address. `settings` are values for the templates of its
    connector file; those of its use cases are taken for the others.

    >>> with Simulator("etg24") as partner:
    ...     partner.credentials
    {'api_token': 'simulated-api_token'}
    """

    def __init__(
        self,
        partner: str,
        root: Path = REPOSITORY,
        *,
        port: int = 0,
        faults: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
        seed: int = 0,
        token_lifetime: float | None = None,
        store: Path | None = None,
        quiet: bool = True,
    ) -> None:
        described = read(partner, root, settings)
        wrong = changed(Settings(), faults or {})
        self._simulation = Simulation(described, wrong, seed, token_lifetime)
        self._store = store
        if store is not None:
            self._simulation.load(store)
        self._socket = _listen(port)
        self.port: int = self._socket.getsockname()[1]
        address = f"http://127.0.0.1:{self.port}"
        self.partner = described.name
        self.base_url = f"{address}{described.prefix}"
        self.control_url = f"{address}{Control.path}"
        self.credentials = dict(described.credentials)
        self.settings = dict(described.settings)
        self._server = uvicorn.Server(_config(App(self._simulation, quiet=quiet)))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.should_exit = self._server.force_exit = True
        self._thread.join()
        self._socket.close()
        if self._store is not None:
            self._simulation.store.dump(self._store)

    @property
    def calls(self) -> Counter[str]:
        """Calls by "METHOD path", the path as the connector file has it."""
        return self._simulation.calls

    @property
    def writes(self) -> int:
        """The calls that would change records, refused ones too."""
        return self._simulation.writes

    @property
    def statuses(self) -> Counter[int]:
        """Answers by their status; 0 is no answer."""
        return self._simulation.statuses

    @property
    def spent(self) -> dict[str, dict[str, int]]:
        """Limit, spent and remaining calls of the `minute` and of the `day`."""
        return self._simulation.budget.spent()

    @property
    def peak(self) -> int:
        """The most requests that were under way at the same time."""
        return self._simulation.peak

    def records(self, entity: str) -> list[Record]:
        return self._simulation.records(entity)

    def faults(self, changes: Mapping[str, Any] | None = None, **more: Any) -> None:
        """Change what goes wrong; names are those of the control address."""
        self._simulation.change_faults({**(changes or {}), **more})

    def expire_tokens(self) -> None:
        self._simulation.gate.expire()

    def reset(self) -> None:
        self._simulation.reset()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _listen(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=CuttingProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )


async def _with_cut(
    app: Any,
    transport: asyncio.Transport,
    scope: dict[str, Any],
    receive: Receive,
    send: Send,
) -> None:
    scope["extensions"] = {CUT: transport.abort}
    await app(scope, receive, send)
