"""The command that tries a spec on one record: entity and record in, payload out."""

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console

from engine.app.options import JSON, ROOT, get_folders, print_json, stopping
from engine.app.workbench.tables.layout import TableId
from engine.app.workbench.trial.attempt import Attempt, Choose, Trial
from engine.app.workbench.trial.draft import Draft
from engine.app.workbench.trial.rows import row_change
from engine.app.workbench.trial.source import (
    Pasted,
    Records,
    Sourced,
    Unsaid,
    no_record,
)
from engine.app.workbench.trial.terminal import Terminal
from engine.app.workbench.trial.view import show_attempt
from engine.app.workbench.trial.watching import SETTLED, Watched
from engine.errors import SpecError
from engine.examples import default_settings
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.activation import make_activation
from engine.runtime.library import unknown_partner
from engine.spec import Folders
from engine.yamlfile import read_yaml

commands = typer.Typer()

STDIN = "-"
RACES = 5
"""So often a file may go away while it is copied."""


@commands.command("try")
def try_(
    partner: Annotated[str, typer.Argument(help="The partner.")],
    entity: Annotated[str, typer.Argument(help="One of its entities.")],
    activation: Annotated[
        Path | None,
        typer.Option(
            "--activation",
            help="An activation's YAML file: its source and its settings.",
        ),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--source", help="A folder of the ERP's files, instead of an activation's."
        ),
    ] = None,
    record: Annotated[
        str | None,
        typer.Option(
            "--record",
            help="A record of the Standard as JSON, related ones inside it; "
            "`-` reads it from standard input.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="The record's ERP key, or our ID; else one is picked, and without a "
            "terminal the first that is not left out.",
        ),
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            "--row",
            help="A row to change: `partner_field=title, transform=trim | upper`, or "
            "`line=4, when=`; a field without a row gets one. Not written.",
        ),
    ] = None,
    watch: Annotated[
        bool,
        typer.Option("--watch", help="Try again when a file of the spec is saved."),
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Try a table on one record: the payload, each step, and what a changed row does.

    Values are shown in clear. Without an activation the settings are those of the
    examples. An example that fails is a warning here. Nothing is written, unless `w`
    is typed in the terminal.
    """
    with stopping(json), ExitStack() as stack:
        folders = get_folders(root)
        table = _table(folders, partner, entity)
        watched = Watched(folders, partner)
        draft = stack.enter_context(Draft(folders, table))
        choose, folder = _settings(activation, draft)
        in_terminal = all(end and end.isatty() for end in (sys.stdin, sys.stdout))
        typed = in_terminal and not (watch or json or row)
        given = _records(record, source or folder, key, may_ask=typed)
        records = stack.enter_context(given)
        trial = Trial(draft, choose, records)
        if typed:
            Terminal(trial, Console()).run()
            return
        before = trial.run()
        for text in row or ():
            draft.change(row_change(text))
        attempt = trial.run() if row else before
        _print(attempt, json, watch)
        if not watch:
            raise typer.Exit(attempt.exit_code)
        _watch(trial, watched, json)


def _watch(trial: Trial, watched: Watched, as_json: bool) -> None:
    """Try again at every save, until the person ends it."""
    told = f"Watching {watched.count} files; Ctrl-C ends."
    try:
        print(told, file=sys.stderr, flush=True)
        for names in watched.saves():
            print(f"\nSaved: {', '.join(names)}", file=sys.stderr, flush=True)
            _print(_again(trial), as_json, in_lines=True)
    except KeyboardInterrupt:
        return


def _again(trial: Trial) -> Attempt:
    """Try what stands in the files now; while one is replaced it may be missing."""
    for _ in range(RACES):
        try:
            trial.draft.read()
            return trial.run()
        except SpecError as error:
            return Attempt(error.problems, trial.last.answer)
        except OSError:
            time.sleep(SETTLED)
    return trial.run()


def _print(attempt: Attempt, as_json: bool, in_lines: bool) -> None:
    if not as_json:
        show_attempt(Console(), attempt)
    elif in_lines:
        line = orjson.dumps(attempt.as_json(), default=str)
        print(line.decode(), flush=True)
    else:
        print_json({"exit_code": attempt.exit_code, **attempt.as_json()})


def _table(folders: Folders, partner: str, entity: str) -> TableId:
    """Return the field table of an entity; raises SpecError if there is none."""
    if partner not in folders.partners():
        known = folders.partners()
        raise SpecError([unknown_partner(partner, known, Origin(partner))])
    tables = {
        path.stem: TableId(partner, use_case, path.stem)
        for use_case in reversed(folders.use_cases(partner))
        for path in (folders.mappings(partner) / use_case).glob("*.csv")
    }
    if entity in tables:
        return tables[entity]
    hint = did_you_mean(entity, tables)
    message = f"{partner} has no table for an entity '{entity}'."
    raise SpecError([Problem(Origin(partner), "M110", message, hint)])


def _settings(path: Path | None, draft: Draft) -> tuple[Choose, Path | None]:
    """Return what gives the settings, and the source of the activation."""
    if path is None:
        return lambda use_case: default_settings(use_case.spec.use_case), None
    yaml, problems = read_yaml(path, str(path))
    if problems:
        raise SpecError(problems)
    own = yaml.data.get("partner") if isinstance(yaml.data, dict) else None
    if own != draft.table.partner:
        message = f"is an activation of '{own}', not of '{draft.table.partner}'."
        raise SpecError([Problem(yaml.origin(["partner"]), "S073", message)])
    stated = yaml.data.get("source")
    folder = stated.get("path") if isinstance(stated, dict) else None
    return (
        lambda use_case: (
            make_activation(
                yaml, path, draft.folders, find=lambda *_: use_case
            ).settings
        ),
        path.parent / str(folder) if folder else None,
    )


@contextmanager
def _records(
    record: str | None, folder: Path | None, key: str | None, *, may_ask: bool
) -> Iterator[Records]:
    if record == STDIN and sys.stdin is None:
        raise no_record()
    if record is not None:
        yield Pasted(sys.stdin.read() if record == STDIN else record)
        return
    if folder is None:
        if not may_ask:
            raise no_record()
        yield Unsaid()
        return
    sourced = Sourced(folder.resolve(), key)
    try:
        yield sourced
    finally:
        sourced.close()
