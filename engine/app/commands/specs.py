"""Commands about specs: show them, document them, add one."""

from pathlib import Path
from typing import Annotated

import typer

from engine.app.catalogue import read_partners
from engine.app.lines import wide_console
from engine.app.options import JSON, ROOT, get_folders, print_json, stopping
from engine.app.partners import partner_figures, show_partners
from engine.app.scaffold import scaffold
from engine.app.site.writer import write_site

commands = typer.Typer()
new = typer.Typer(help="Add something by files.", no_args_is_help=True)
commands.add_typer(new, name="new")


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
        show_partners(wide_console(), found)


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
