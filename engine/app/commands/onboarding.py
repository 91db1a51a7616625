"""Commands about a partner's own records: match, adopt, drift."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from engine.app.options import (
    ACTIVATION,
    JSON,
    ROOT,
    STATE,
    open_activation,
    print_json,
    stopping,
)
from engine.app.report import Watch
from engine.runtime.drift import Drift, drifted
from engine.runtime.match_report import (
    need_writable,
    read_report,
    write_json,
    write_report,
)
from engine.runtime.matching import COUNTS
from engine.runtime.onboarding import adopt as adopt_matched
from engine.runtime.onboarding import header_of, matched

commands = typer.Typer()


@commands.command()
def match(
    activation: ACTIVATION,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save the report: .json or .xlsx.")
    ] = None,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """
    Compare our records with those that the partner has already. Changes nothing.

    By our ID (`exact`), then by the fields that the use case names (`probable`,
    `ambiguous`). A report has keys and ids, no values.
    """
    with stopping(json):
        if out is not None:
            need_writable(out, ".json", ".xlsx")
        ready = open_activation(activation.resolve(), root, database)
        with Watch(Console(stderr=True)) as watch, matched(ready, watch) as found:
            watch.close()
            header = header_of(ready, found)
            if out is not None:
                write_report(out, header, found.rows())
            if json:
                write_json(header, found.rows(), sys.stdout.buffer.write)
                sys.stdout.flush()
            else:
                _show_match(Console(), header)
                if out is not None:
                    print(f"\nTo adopt them: feldwerk adopt {out} --by NAME")


@commands.command()
def adopt(
    report: Annotated[Path, typer.Argument(help="What `feldwerk match --out` saved.")],
    by: Annotated[str, typer.Option("--by", help="Who accepts the report.")],
    probable: Annotated[
        bool, typer.Option("--probable", help="Accept the probable ones, too.")
    ] = False,
    activation: Annotated[
        Path | None,
        typer.Option("--activation", help="The activation's file, if it has moved."),
    ] = None,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """
    Link the records of a match report: the next sync updates them and creates none.

    Exact ones, with --probable also probable ones. In a workbook the column `accept`
    says yes or no for each, and `partner_id` decides an ambiguous one.
    """
    if not by.strip() or not by.isprintable():
        raise typer.BadParameter("a name is needed", param_hint="--by")
    with stopping(json):
        saved = read_report(report)
        path = activation or Path(saved.file)
        ready = open_activation(path, root, database)
        with Watch(Console(stderr=True)) as watch:
            done = adopt_matched(ready, saved, by, probable=probable, progress=watch)
    if json:
        print_json({"activation": ready.name, "by": by, "entities": done})
        return
    _show_counts(Console(), f"Adopted: {ready.name}", done)


@commands.command()
def drift(
    activation: ACTIVATION,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Let the next sync send again what is missing or changed."
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Save the findings as JSON.")
    ] = None,
    json: JSON = False,
    database: STATE = None,
    root: ROOT = None,
) -> None:
    """
    Read the partner back and say what differs from what it accepted.

    Exit code 1 if anything does. Personal values are shown as ***.
    """
    with stopping(json):
        if out is not None:
            need_writable(out, ".json")
        ready = open_activation(activation, root, database)
        watch = Watch(Console(stderr=True))
        with watch, drifted(ready, watch, repair=repair) as found:
            watch.close()
            if out is not None:
                with out.open("wb") as file:
                    found.write(file.write)
            if json:
                found.write(sys.stdout.buffer.write)
                sys.stdout.flush()
            else:
                _show_drift(Console(), found)
            code = 1 if found.has_drift else 0
    raise typer.Exit(code)


def _show_match(console: Console, header: dict[str, Any]) -> None:
    entities = header["entities"]
    counts = {name: {c: e[c] for c in COUNTS} for name, e in entities.items()}
    _show_counts(console, f"Match: {header['activation']}", counts)
    for name, entity in entities.items():
        if entity["cannot_be_read"]:
            console.print(f"{name}: cannot be known, {entity['cannot_be_read']}")
        elif entity["named_by_us"] and entity["probable"] + entity["ambiguous"]:
            console.print(
                f"{name}: kept under our IDs; records there under other IDs cannot be "
                "renamed, a sync creates ours beside them"
            )


def _show_drift(console: Console, found: Drift) -> None:
    _show_counts(console, f"Drift: {found.activation}", found.counts)
    for name, reason in found.unreadable.items():
        console.print(f"{name}: cannot be known, {reason}")
    for name, fields in found.not_shown.items():
        if fields:
            console.print(f"{name}: not shown by the partner: {', '.join(fields)}")
    shown: dict[tuple[str, str], int] = {}
    for item in found.findings():
        kind = (item["entity"], item["state"])
        shown[kind] = shown.get(kind, 0) + 1
        if shown[kind] <= _SHOWN:
            what = ", ".join(field["field"] for field in item.get("fields", ()))
            known = item.get("our_id") or item.get("partner_id")
            line = f"  {item['entity']} {known}: {item['state'].replace('_', ' ')}"
            console.print(f"{line}: {what}" if what else line, soft_wrap=True)


def _show_counts(
    console: Console, title: str, counts: dict[str, dict[str, int]]
) -> None:
    known = list(next(iter(counts.values()), {}))
    columns = [c for c in known if any(row[c] for row in counts.values())]
    console.print(title, style="italic", soft_wrap=True)
    table = Table(box=SIMPLE_HEAD)
    table.add_column("entity", no_wrap=True)
    for name in columns:
        table.add_column(name.replace("_", " "), justify="right")
    for name, row in counts.items():
        table.add_row(name, *(f"{row[c]:,}" if row[c] else "·" for c in columns))
    console.print(table)


_SHOWN = 3
