"""Show where each activation stands: its state in, a block of lines for each out."""

import shlex
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.console import Console

from engine.app.lines import command, counted, say
from engine.problems import CATALOGUE
from engine.runtime.changes import ALL
from engine.runtime.releases import Releases
from engine.runtime.state import State

DONE = {
    "create": "created",
    "update": "updated",
    "replace": "made anew",
    "remove": "removed",
}
"""Operation -> what has become of a record."""

ENDS = {
    "running": "running, or ended by force",
    "done": "done",
    "stopped": "stopped before its end",
    "braked": "done, but for what the brake holds back",
    "broken_off": "broken off",
}
"""State of a run -> how people say it."""

LABEL = 11
"""So wide are the labels of a block."""

HIDDEN = frozenset({"activation_id", "id"})


def status_of(state: State, name: str, file: str = "") -> dict[str, Any]:
    """
    Return where an activation stands, as JSON shows it.

    Its last run, its open rejects, the plans that wait for a person, and the file it
    was asked by.
    """
    own = state.activation(name)
    run = own.last_run()
    return {
        "activation": name,
        "file": file or None,
        "last_run": run and _shown(run),
        "rejects": [_shown(reject) for reject in own.rejects()],
        "held": [
            {
                "plan": held["plan_id"],
                "made_at": moment(held["made_at"]),
                **held["verdicts"],
            }
            for held in Releases(own).held()
        ],
    }


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(name): moment(value) if isinstance(value, datetime) else value
        for name, value in row.items()
        if name not in HIDDEN
    }


def moment(value: datetime) -> str:
    """Return a moment of the database in ISO 8601; SQLite keeps no zone, it is UTC."""
    zoned = value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return zoned.astimezone(UTC).isoformat(timespec="seconds")


def spoken(text: str) -> str:
    """
    Return a moment in ISO 8601 as people read it, to the minute.

    >>> spoken("2026-11-21T15:30:12+00:00")
    '2026-11-21 15:30 UTC'
    """
    return f"{text[:16].replace('T', ' ')} UTC"


def show_status(console: Console, activations: Iterable[Mapping[str, Any]]) -> None:
    """Print a block for each activation."""
    for number, found in enumerate(activations):
        if number:
            console.print()
        say(console, found["activation"], style="bold")
        for label, text, style in _lines(found):
            say(console, f"{label:{LABEL}}{text}", 2, LABEL, style=style)
        if found["rejects"]:
            name = shlex.quote(found["file"] or found["activation"])
            command(console, ["feldwerk rejects", name], 2 + LABEL)
        for held in found["held"]:
            _show_held(console, held, found["file"] or "FILE")


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield label, text and style of what there is to say."""
    run = found["last_run"]
    if run is None:
        yield "last run", "never", ""
    else:
        end = ENDS.get(run["state"], run["state"])
        style = "" if run["state"] in ("done", "running") else "yellow"
        yield "last run", f"{spoken(run['started_at'])}, {end}", style
        if sent := _sent(run["totals"]):
            yield "sent", sent, ""
    if service := found.get("service"):
        yield from _service(service)
    if found["rejects"]:
        yield "rejects", f"{len(found['rejects']):,} open; what to do:", ""


def _service(service: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Say what the service does with a registered activation."""
    due = service["next_run"]
    when = spoken(moment(datetime.fromisoformat(due))) if due else service["state"]
    tries = f", tried {service['attempts']} times" if service["attempts"] else ""
    if service["state"] == "running":
        yield "service", f"running on {service['worker']}", ""
    else:
        yield "next run", f"{when}{tries}", "" if due else "yellow"
    if code := service["problem"]:
        yield "stopped by", f"{code} {CATALOGUE[code].title}", "yellow"


def _sent(totals: Mapping[str, int]) -> str:
    return ", ".join(
        f"{totals[name]:,} {word}" for name, word in DONE.items() if totals.get(name)
    )


def _show_held(console: Console, held: Mapping[str, Any], file: str) -> None:
    """Print what waits for a person, and the command by which it passes."""
    since = f"plan {held['plan']}, since {spoken(held['made_at'])}"
    say(console, f"{'held back':{LABEL}}{since}", 2, LABEL, style="red")
    for verdict in held["verdicts"]:
        where = verdict["entity"]
        if verdict["mandant"]:
            every = verdict["mandant"] == ALL
            where += ", all Mandanten" if every else f", Mandant {verdict['mandant']}"
        what = f"{verdict['count']:,} of {verdict['of']:,} records"
        done = DONE[verdict["operation"]]
        text = f"{where}: {what} would be {done}, {verdict['why']}"
        say(console, text, 2 + LABEL, 2)
    rest = [f"--activation {shlex.quote(file)}", "--by NAME", "--reason TEXT"]
    if held["rekeys"]:
        records = counted(held["rekeys"], "record")
        ways = "WAY is migrate or recreate"
        say(console, f"{records} would get other IDs; {ways}", 2 + LABEL, 2)
        rest.append("--rekey WAY")
    command(console, [f"feldwerk release {held['plan']}", *rest], 2 + LABEL)
