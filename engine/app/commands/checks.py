"""The command that checks specs: names or files in, their problems out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from engine.app.options import JSON, ROOT, get_folders, report, show_problems, stopping
from engine.problems import Origin, Problem, errors, sort
from engine.runtime.library import check_partner, unknown_partner
from engine.spec import Folders

commands = typer.Typer()


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
    partners = folders.partners()
    named = [_partners_of(folders, partners, spec) for spec in specs or [*partners]]
    chosen = dict.fromkeys(name for names in named for name in names)
    problems: list[Problem] = []
    for name in chosen:
        if name in partners:
            with stopping(json):
                problems += check_partner(folders, name)
        else:
            problems.append(unknown_partner(name, partners, Origin(name)))
    found = sort(problems)
    code = 2 if errors(found) else 0
    if json:
        report(found, as_json=True, exit_code=code)
    else:
        show_problems(found)
        wrong = len(errors(found))
        print(f"{len(chosen)} specs, {wrong} errors, {len(found) - wrong} warnings")
    raise typer.Exit(code)


def _partners_of(folders: Folders, partners: Sequence[str], spec: str) -> Sequence[str]:
    """
    Return the partners that a name or a path stands for.

    A file that belongs to none of them, such as an entity of the Standard, belongs to
    all.
    """
    path = Path(spec)
    if spec in partners or not (path.exists() or len(path.parts) > 1):
        return [spec]
    parts = path.resolve().parts
    if "partners" in parts[:-1]:
        position = len(parts) - 1 - parts[::-1].index("partners")
        return [Path(parts[position + 1]).stem]
    shared = (folders.root / "mappings", folders.root / "schemas")
    if any(path.resolve().is_relative_to(folder) for folder in shared):
        return partners
    return [path.stem]
