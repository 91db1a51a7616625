"""Put together who watches the service: a database URL and a file in, signals out."""

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp

from engine.runtime.retention import DEFAULT_DAYS, purge
from engine.runtime.state import State
from engine.service.alerts import Alerts, read_channels
from engine.service.channels import Notice
from engine.service.logs import Log, open_log
from engine.service.metrics import Metrics
from engine.service.registry import Registry
from engine.service.watching import Watching
from engine.service.web import Access, Orders, create_app


@dataclass(frozen=True)
class Observers:
    """Who watches one process of the service."""

    state: State
    log: Log
    metrics: Metrics
    signals: Watching

    def app(self, orders: Orders, access: Access) -> ASGIApp:
        """Return the application that answers over HTTP."""
        return create_app(
            self.state.engine, orders, self.metrics, access, self.log, time.time
        )


class RegistryOrders:
    """Orders to the registered activations of a service."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def order(self, name: str) -> None:
        """Let an activation run soon; raises SpecError if there is none."""
        self._registry.run_now(name, datetime.now(UTC))

    def status(self) -> list[Mapping[str, Any]]:
        """Return what people see of each activation."""
        return [*self._registry.overview()]


@contextmanager
def observed(
    url: str, alerts: Path | None = None, keep_days: int = DEFAULT_DAYS
) -> Iterator[Observers]:
    """
    Let a process of the service be watched while inside of it.

    `alerts` is the file that names the targets; what ended more than `keep_days` ago is
    removed once a day. Raises SpecError for a wrong file, UnreachableError without a
    database.
    """
    channels = read_channels(alerts) if alerts is not None else ()
    log = open_log()
    with ExitStack() as stack:
        state = stack.enter_context(State(url))
        metrics = Metrics(state.engine)

        def told(target: str, notice: Notice, why: str) -> None:
            metrics.count_notice(taken=not why)
            tell = log.warning if why else log.info
            tell(
                "notice",
                target=target,
                activation=notice.subject,
                alert=notice.level,
                why=why or None,
            )

        signals = Watching(
            state.engine,
            log,
            metrics,
            Alerts(state.engine, channels, time.time, told),
            lambda: purge(state.engine, datetime.now(UTC), keep_days),
            time.time,
            service=f"service on {socket.gethostname()}",
        )
        yield Observers(state, log, metrics, stack.enter_context(signals))
