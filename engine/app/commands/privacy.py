"""Commands about what is kept: forget a person, remove what is old, keys of hooks."""

import re
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from engine.app.options import (
    DATABASE,
    HERE,
    JSON,
    ROOT,
    get_database,
    get_folders,
    print_json,
    stopping,
)
from engine.runtime.forgetting import Forgotten
from engine.runtime.forgetting import forget as forget_person
from engine.runtime.retention import DEFAULT_DAYS
from engine.runtime.retention import purge as purge_old
from engine.runtime.state import State
from engine.service.signing import SIGNATURE, TIMESTAMP, hook_key

commands = typer.Typer()


@commands.command()
def forget(
    key: Annotated[str, typer.Argument(help="The person's ERP key, or our ID.")],
    database: DATABASE = HERE,
    activation: Annotated[
        str | None, typer.Option("--activation", help="Only in this activation.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", help="Only for this customer.")
    ] = None,
    by: Annotated[str, typer.Option("--by", help="Who decided it; is kept.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would be removed.")
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Remove what is kept of a person, and list the partners that have the record.

    A partner's record has to be removed there. As long as the ERP has the person, the
    next sync sends it again.
    """
    with stopping(json), State(get_database(database)) as state:
        found = forget_person(
            state,
            get_folders(root),
            key,
            activation=activation,
            customer=customer,
            by=by,
            only_show=dry_run,
        )
    if json:
        print_json(asdict(found))
    else:
        _show_forgotten(Console(), found)


def _show_forgotten(console: Console, found: Forgotten) -> None:
    if found.held:
        console.print("Partners that have a record; it has to be removed there:")
        for item in found.held:
            theirs = f", there {item.partner_id}" if item.partner_id is not None else ""
            sent = item.last_sent or "longer ago than runs are kept"
            line = f"  {item.activation}: {item.entity} {item.our_id}{theirs}"
            console.print(Text(f"{line}; last sent {sent}"), soft_wrap=True)
    else:
        console.print("No partner has a record, as far as is known here.")
    counts = found.counts
    verb = "Would remove" if found.shown else "Removed"
    lines = [
        f"{verb} {counts['links']} links, {counts['changes']} rows of the journal and "
        f"{counts['rejects']} rejects; changed {counts['messages']} other messages.",
        "As long as the ERP has the person, the next sync sends it again.",
        "Backups, source files, and plans and reports that somebody saved are as they "
        "were.",
    ]
    lines += [
        f"warning: the spec of {name} is not there; only equal keys were looked for."
        for name in found.unread
    ]
    for line in lines:
        console.print(Text(line), soft_wrap=True)


@commands.command()
def purge(
    database: DATABASE = HERE,
    older_than: Annotated[
        str, typer.Option("--older-than", help="Days, as in 90d.")
    ] = f"{DEFAULT_DAYS}d",
    json: JSON = False,
) -> None:
    """
    Remove runs that ended long ago, their journal, old plans and closed alerts.

    Links, open rejects and unfinished runs stay. `feldwerk serve` does it daily.
    """
    with stopping(json):
        days = _days(older_than)
        with State(get_database(database)) as state:
            counts = purge_old(state.engine, datetime.now(UTC), days)
    if json:
        print_json({"older_than_days": days, "removed": counts})
    else:
        shown = ", ".join(
            f"{n:,} {word.replace('_', ' ')}" for word, n in counts.items()
        )
        print(f"Removed what ended more than {days} days ago: {shown}.")


def _days(text: str) -> int:
    number = text.strip().removesuffix("d")
    if not _NUMBER.fullmatch(number) or int(number) > _MOST:
        message = f"'{text}' is no number of days from 1 to {_MOST}, as in 90d."
        raise typer.BadParameter(message, param_hint="--older-than")
    return int(number)


_MOST = 36_500
_NUMBER = re.compile("[1-9][0-9]{0,4}")


@commands.command(name="hook-key")
def hook_key_(
    activation: Annotated[str, typer.Argument(help="The activation's name.")],
    json: JSON = False,
) -> None:
    """
    Print the key that the ERP signs its calls of an activation's hook with.

    It is made of FELDWERK_HOOK_SECRET and the name: who has it calls no other hook.
    """
    from engine.service.front import read_hook_secret  # noqa: PLC0415 - a slow start

    with stopping(json):
        key = hook_key(read_hook_secret(), activation)
    if json:
        path = f"/hooks/{activation}"
        headers = {"timestamp": TIMESTAMP, "signature": SIGNATURE}
        print_json({"activation": activation, "path": path, "key": key, **headers})
    else:
        print(key)
