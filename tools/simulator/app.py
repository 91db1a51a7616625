"""
The partner over HTTP, an ASGI application: requests in; answers, silence or a cut out.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.control import Control
from tools.simulator.faults import AFTER
from tools.simulator.routes import Route
from tools.simulator.simulation import Simulation

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

CUT = "simulator.cut"
"""What the server adds to a request's extensions: a function that cuts the line."""

_PAGE = b"<!doctype html><title>500</title><h1>500 Internal Server Error</h1>"


class App:
    """Answers requests one after the other; only faults and latency wait."""

    def __init__(self, simulation: Simulation, *, quiet: bool) -> None:
        self._simulation = simulation
        self._control = Control(simulation)
        self._quiet = quiet
        self._in_flight = 0

    async def __call__(
        self, scope: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        call = await _read(scope, receive)
        if call.path.startswith(self._control.path):
            await _send(send, self._control.answer(call))
            return
        self._in_flight += 1
        self._simulation.peak = max(self._simulation.peak, self._in_flight)
        try:
            answer = await self._answer(call, receive)
            self._note(call, answer)
            if answer is None:
                scope["extensions"][CUT]()
                await receive()  # the connection is gone when this returns
            else:
                await _send(send, answer, self._simulation.budget.headers())
        finally:
            self._in_flight -= 1

    async def _answer(self, call: Call, receive: Receive) -> Answer | None:
        """Return the answer to a call, or None for none at all."""
        simulation = self._simulation
        try:
            route, groups = simulation.router.find(call)
        except Refusal as refusal:
            return simulation.refused(refusal)
        call = call.at(groups)
        simulation.calls[route.label] += 1
        crowded = self._in_flight > simulation.limit
        too_many = simulation.spend(route)
        if simulation.faults.settings.latency_seconds:
            await asyncio.sleep(simulation.faults.settings.latency_seconds)
        if crowded:
            return simulation.too_many()
        if too_many is not None:
            return too_many
        has_faults = route.offer.has_faults
        fault = simulation.faults.draw(route.label) if has_faults else None
        if fault is None:
            return simulation.answer(route, call)
        return await self._meet(fault, route, call, receive)

    async def _meet(
        self, fault: str, route: Route, call: Call, receive: Receive
    ) -> Answer | None:
        """Return what a fault leaves of the answer."""
        if fault in AFTER:
            self._simulation.answer(route, call)
        if fault.startswith("drop"):
            return None
        if fault.startswith("timeout"):
            await _wait(receive, self._simulation.faults.settings.timeout_seconds)
            return None
        if fault == "html":
            return Answer(500, _PAGE, "text/html")
        if fault == "429":
            return self._simulation.too_many()
        status = int(fault.removesuffix("_after"))
        refusal = Refusal(status, "INTERNAL", "Something went wrong on our side.")
        return self._simulation.refused(refusal)

    def _note(self, call: Call, answer: Answer | None) -> None:
        status = answer.status if answer else 0
        self._simulation.statuses[status] += 1
        if not self._quiet:
            sys.stderr.write(f"{call.method} {call.path} {status or 'no answer'}\n")


async def _read(scope: dict[str, Any], receive: Receive) -> Call:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return Call(
        method=scope["method"],
        path=scope["raw_path"].decode("ascii"),
        query_string=scope["query_string"],
        headers=dict(scope["headers"]),
        body=body,
    )


async def _wait(receive: Receive, seconds: float) -> None:
    """Wait until the client has given up, or for some time."""
    try:
        await asyncio.wait_for(receive(), seconds)
    except TimeoutError:
        return


async def _send(
    send: Send, answer: Answer, more: Iterable[tuple[str, str]] = ()
) -> None:
    raw = answer.raw
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", b"%d" % len(raw)),
    ]
    told = (*answer.headers, *more)
    headers += [(name.encode(), value.encode()) for name, value in told]
    start = {"type": "http.response.start", "status": answer.status, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": raw})
