"""
The control address, for tests and people: a call in, a look at the partner or a change
of it out.
"""

from dataclasses import asdict
from html import escape
from typing import Any
from urllib.parse import unquote

from tools.simulator.answers import Answer, Call, Refusal
from tools.simulator.simulation import Simulation
from tools.simulator.store import Key

_STYLE = "body{font:16px sans-serif;margin:2em}td,th{padding:.2em 1em;text-align:left}"


class Control:
    """Answers everything under /_simulator; it needs no key and meets no faults."""

    path = "/_simulator"

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._posts = {
            "faults": self._change_faults,
            "expire-tokens": self._expire,
            "reset": self._reset,
        }

    def answer(self, call: Call) -> Answer:
        try:
            return self._answer(call)
        except Refusal as refusal:
            return Answer(refusal.status, {"message": refusal.message})
        except (KeyError, TypeError, ValueError) as error:
            return Answer(400, {"message": f"{type(error).__name__}: {error}"})

    def _answer(self, call: Call) -> Answer:
        parts = [unquote(part) for part in call.path.strip("/").split("/")[1:]]
        match call.method, parts:
            case "GET", []:
                if b"text/html" in call.headers.get(b"accept", b""):
                    return Answer(
                        200, self._page().encode(), "text/html; charset=utf-8"
                    )
                return Answer(200, self._overview())
            case "GET", ["records", entity] if entity in self._simulation.store.tables:
                return Answer(200, self._simulation.records(entity))
            case "DELETE", ["records", entity, key]:
                return self._delete(entity, key)
            case "POST", [name] if name in self._posts:
                return Answer(200, self._posts[name](call))
            case "POST", [partner, name] if partner == self._simulation.partner.name:
                operation = self._simulation.special.operations[name]
                return Answer(200, operation(self._simulation.store, call.json))
        raise Refusal(404, "NOT_FOUND", "There is nothing at this address.")

    def _overview(self) -> dict[str, Any]:
        simulation = self._simulation
        tables = simulation.store.tables
        return {
            "partner": simulation.partner.name,
            "records": {name: len(table.records) for name, table in tables.items()},
            "calls": dict(simulation.calls),
            "answers": {str(k): n for k, n in simulation.statuses.items()},
            "peak": simulation.peak,
            "budget": simulation.budget.spent(),
            "faults": asdict(simulation.faults.settings),
        }

    def _page(self) -> str:
        overview = self._overview()
        name = escape(overview["partner"])
        parts = [f"<!doctype html><meta charset=utf-8><title>{name}</title>"]
        parts.append(f"<style>{_STYLE}</style><h1>{name}, simulated</h1>")
        for title in ("records", "calls", "answers", "budget", "faults"):
            rows = "".join(
                f"<tr><td>{self._cell(title, key)}<td>{escape(str(value))}"
                for key, value in overview[title].items()
            )
            parts.append(f"<h2>{title.capitalize()}</h2><table>{rows}</table>")
        return "".join(parts)

    def _cell(self, title: str, key: str) -> str:
        if title != "records":
            return escape(key)
        return f'<a href="{self.path}/records/{escape(key)}">{escape(key)}</a>'

    def _delete(self, entity: str, text: str) -> Answer:
        table = self._simulation.store.tables.get(entity)
        keys: list[Key] = [text]
        if text.isascii() and text.isdecimal():
            keys.append(int(text))
        for key in keys:
            if table is not None and key in table.records:
                table.remove(key)
                return Answer(204)
        raise Refusal(404, "NOT_FOUND", f"There is no {text} in {entity}.")

    def _change_faults(self, call: Call) -> Any:
        self._simulation.change_faults(call.json or {})
        return asdict(self._simulation.faults.settings)

    def _expire(self, _: Call) -> Any:
        self._simulation.gate.expire()
        return {}

    def _reset(self, _: Call) -> Any:
        self._simulation.reset()
        return {}
