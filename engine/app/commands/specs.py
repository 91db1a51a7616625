"""Commands about specs: check them, show them, document them, add one."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.catalogue import read_partners
from engine.app.options import JSON, ROOT, get_folders, print_json, report, stopping
from engine.app.partners import partner_figures, show_partners
from engine.app.report import show_problems
from engine.app.scaffold import scaffold
from engine.app.site.writer import write_site
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime.library import check_partner
from engine.spec import Folders

commands = typer.Typer()
new = typer.Typer(help="Add something by files.", no_args_is_help=True)
commands.add_typer(new, name="new")


@commands.command()
def check(
    specs: Annotated[
        list[str] | None,
        typer.Argument(help="Partners, or files of their specs; all if left out."),
    ] = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Check specs: every problem of every file, and every example."""
    folders = get_folders(root)
    problems: list[Problem] = []
    partners = folders.partners()
    chosen = [_partner_of(folders, spec) for spec in specs or partners]
    for name in dict.fromkeys(chosen):
        if name in partners:
            problems += check_partner(folders, name)
        else:
            hint = did_you_mean(name, partners)
            message = f"no partner is named '{name}'."
            problems.append(Problem(Origin(name), "T301", message, hint))
    found = sort(problems)
    code = 2 if errors(found) else 0
    if json:
        report(found, as_json=True, exit_code=code)
    else:
        show_problems(Console(), found)
        wrong = len(errors(found))
        print(f"{len(chosen)} specs, {wrong} errors, {len(found) - wrong} warnings")
    raise typer.Exit(code)


def _partner_of(folders: Folders, spec: str) -> str:
    """Return the partner that a name or a path of a spec stands for."""
    path = Path(spec)
    if not path.exists() or spec in folders.partners():
        return spec
    parts = path.resolve().parts
    if "partners" in parts[:-1]:
        position = len(parts) - 1 - parts[::-1].index("partners")
        return Path(parts[position + 1]).stem
    return path.stem


@commands.command()
def partners(json: JSON = False, root: ROOT = None) -> None:
    """
    Show each partner, and how well the fields of its payloads are founded.

    Counted are the leaves of all its payload schemas that may be written: nested ones
    count, the objects that hold them and read-only fields do not. `mapped` are those
    that a row of a table fills. A field is seen, from a documentation, inferred or
    proposed; a share is a part of all counted. `connector` is the mark of the
    connector file.
    """
    with stopping(json):
        found = [
            partner_figures(partner) for partner in read_partners(get_folders(root))
        ]
    if json:
        print_json({"partners": found})
    else:
        show_partners(_wide_console(), found)


def _wide_console() -> Console:
    """Return a console of the terminal's width, or wide enough where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=100)


@commands.command()
def docs(
    out: Annotated[
        Path, typer.Option("--out", help="The folder; Feldwerk's own, or a new one.")
    ] = Path("site"),
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Write the documentation of all partners in German, for GitBook and MkDocs."""
    with stopping(json):
        written = write_site(get_folders(root), out)
    if json:
        print_json({"out": str(out), "files": written})
    else:
        print(f"{len(written)} files in {out}")
        print(f"\nNext: mkdocs serve -f {out / 'mkdocs.yml'}")


@new.command("partner")
def new_partner(
    name: Annotated[str, typer.Argument(help="Lower case, digits and underscores.")],
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Write the files of a new partner, which pass the check, to be filled in."""
    with stopping(json):
        written = scaffold(get_folders(root), name)
    if json:
        print_json({"files": written})
    else:
        for path in written:
            print(path)
        print(f"\nNext: edit them, then feldwerk check {name}")
