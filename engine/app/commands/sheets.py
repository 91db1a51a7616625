"""Commands about workbooks and shared sheets: the tables as analysts edit them."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from engine.app.lines import counted
from engine.app.options import (
    JSON,
    ROOT,
    STATE,
    get_folders,
    print_json,
    show_problems,
    stopping,
)
from engine.app.workbench.book.marks import LEVELS
from engine.app.workbench.book.workbook import make_book, write_book
from engine.app.workbench.sheets.import_report import (
    import_lines,
    import_summary,
    import_values,
)
from engine.app.workbench.sheets.importing import checked, prepared
from engine.app.workbench.sheets.marking import mark_book, unmark_book
from engine.app.workbench.sheets.pulling import pull as pull_sheets
from engine.app.workbench.sheets.rebasing import rebase, saved_at
from engine.app.workbench.sheets.refusals import known_refusals
from engine.app.workbench.sheets.sheet_check import check_book, mark_of
from engine.app.workbench.sheets.three_way_report import (
    pull_summary,
    pull_values,
    show_pull,
)
from engine.app.workbench.tables.writing import locked, write_tables
from engine.errors import SpecError
from engine.problems import errors

commands = typer.Typer()
sheet = typer.Typer(
    help="Take specs into spreadsheets, and what was changed there back.",
    no_args_is_help=True,
)
commands.add_typer(sheet, name="sheet")


@sheet.command()
def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="The workbook: .xlsx.")],
    partners: Annotated[
        list[str] | None, typer.Argument(help="Partners; all if left out.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a workbook that is there.")
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Write specs as a workbook: a tab for each table, a cover and an overview.

    Specs with errors are written too: they can be repaired there. What the workbook
    lacks then is told as a warning.
    """
    with stopping(json):
        found = make_book(get_folders(root), partners or ())
        write_book(out, found.book, force=force)
    if json:
        notices = [notice.as_json() for notice in found.notices]
        tabs = {str(table): tab for table, tab in found.tabs.items()}
        print_json({"out": str(out), "tabs": tabs, "problems": notices})
        return
    show_problems(found.notices, to_stderr=True)
    print(f"{len(found.tabs)} tables in {out}")
    print(f"\nNext: edit them, then feldwerk sheet import {out}")


@sheet.command("import")
def import_(
    book: Annotated[Path, typer.Argument(help="The workbook: .xlsx.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Take what was changed in a workbook into the tables, then check them.

    If a cell is doubtful, or changed in the file as well, nothing is written.
    """
    folders = get_folders(root)
    with stopping(json), locked(folders):
        saved = saved_at(book)
        found = prepared(book, folders)
        files = [] if dry_run else [table.merged.file for table in found.changed]
        written = write_tables(folders, files)
    kept = [*rebase(book, saved, found)] if found.is_behind and not dry_run else []
    kept += unmark_book(book) if found.is_marked and not dry_run else ()
    problems = (*(checked(folders, found.partners) if written else ()), *kept)
    code = 2 if errors(problems) else 0
    if json:
        told = [problem.as_json() for problem in (*found.notices, *problems)]
        outcome = {"exit_code": code, "written": written, "problems": told}
        print_json({**import_values(found), **outcome})
        raise typer.Exit(code)
    show_problems(found.notices, to_stderr=True)
    for line in import_lines(found):
        print(line)
    print(import_summary(found, written, problems, is_dry=dry_run))
    show_problems(problems, to_stderr=True)
    raise typer.Exit(code)


@sheet.command()
def check(
    book: Annotated[Path, typer.Argument(help="The workbook: .xlsx.")],
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write it with marks; BOOK marks itself."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a workbook that is there.")
    ] = False,
    database: STATE = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Check a workbook as it is, and paint what is wrong into its cells.

    With a database also what the last runs could not send, at the row that was behind
    it. Marks are a fill, a note and a tab of problems; the next import removes them.
    """
    folders = get_folders(root)
    with stopping(json):
        refused = known_refusals(database, folders) if database else ()
        found = check_book(book, folders, refused)
    if out is not None:
        try:
            mark_book(book, out, found, force=force)
        except SpecError as error:
            found += [mark_of(problem) for problem in error.problems]
            out = None
    code = 2 if any(mark.level == "error" for mark in found) else 0
    if json:
        told = [mark.as_json() for mark in found]
        print_json({"exit_code": code, "out": out, "problems": told})
        raise typer.Exit(code)
    for mark in found:
        print(mark)
    levels = Counter(mark.level for mark in found)
    counts = (counted(levels[level], *words) for level, words in LEVELS.items())
    print(", ".join(counts) + (f"; marked in {out}" if out else ""))
    raise typer.Exit(code)


@sheet.command()
def pull(
    links: Annotated[
        list[str], typer.Argument(help="Links of shared sheets, as browsers show them.")
    ],
    gid: Annotated[
        list[str] | None,
        typer.Option("--gid", help="Read only the tab with this number; repeatable."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--base", help="The version that the sheet was exported from."),
    ] = None,
    deployed: Annotated[
        str | None,
        typer.Option(
            "--deployed",
            help="The activation whose last run to compare: its name or its file.",
        ),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Take what the sheet alone has changed.")
    ] = False,
    database: STATE = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Compare shared Google Sheets with the tables, and with what is deployed.

    A sheet is read by its link, without an account; all tabs that it lists, or those
    of --gid. A version is a git revision, a folder or a workbook. Conflicts end with
    exit code 2; --write then writes nothing.
    """
    folders = get_folders(root)
    with stopping(json):
        found = pull_sheets(
            links,
            folders,
            gids=gid or (),
            base=base,
            deployed=deployed,
            database=database,
        )
        refused = (*found.conflicts, *(found.undirected if write else ()))
        files = [table.merged.file for table in found.changed]
        with locked(folders):
            written = write_tables(folders, files if write and not refused else [])
    problems = checked(folders, found.partners) if written else refused
    code = 2 if errors(problems) else 0
    if json:
        told = [problem.as_json() for problem in (*found.notices, *problems)]
        outcome = {"exit_code": code, "written": written, "problems": told}
        print_json({**pull_values(found), **outcome})
        raise typer.Exit(code)
    show_problems(found.notices, to_stderr=True)
    show_pull(found)
    print(f"\n{pull_summary(found, written, problems, write=write)}")
    show_problems(problems, to_stderr=True)
    raise typer.Exit(code)
