"""Commands about changes of specs: two versions in, what differs and what it does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from engine.app.options import (
    ACTIVATION,
    JSON,
    ROOT,
    get_folders,
    print_json,
    stopping,
)
from engine.app.report import Watch
from engine.app.workbench.diff import report as diff_report
from engine.app.workbench.diff.spec_diff import diff as compared
from engine.app.workbench.impact import comment as impact_review
from engine.app.workbench.impact.both_versions import opened_by
from engine.app.workbench.impact.figures import Class
from engine.app.workbench.impact.report import OPTIONS, show_impact
from engine.app.workbench.impact.run import impact_of
from engine.app.workbench.versions import Version, opened
from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean
from engine.runtime.activation import Activation
from engine.spec import Folders

commands = typer.Typer()

WORKING = "the working folder"
UNMASKED = "is for the terminal: what is kept holds no personal values."

MARKDOWN = Annotated[
    str | None,
    typer.Option(
        "--markdown",
        metavar="FILE",
        help="Write it as a comment for a review; `-` is standard output.",
    ),
]
DATABASE = Annotated[
    str | None,
    typer.Option(
        "--database",
        envvar="FELDWERK_DATABASE",
        help="The service's database, for `deployed:ACTIVATION`.",
    ),
]


@commands.command()
def diff(
    old: Annotated[
        str,
        typer.Argument(
            help="A folder, a git revision, a workbook, or `deployed:ACTIVATION`."
        ),
    ],
    new: Annotated[
        str | None, typer.Argument(help="The same; the working folder if left out.")
    ] = None,
    partner: Annotated[
        str | None, typer.Option("--partner", help="Compare this partner only.")
    ] = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 1 if anything differs.")
    ] = False,
    markdown: MARKDOWN = None,
    json: JSON = False,
    database: DATABASE = None,
    root: ROOT = None,
) -> None:
    """
    Say in plain words what two versions of the specs differ in, by row.

    Pure re-formatting is no difference. The version number that is due is proposed:
    major if IDs change or records are removed, minor if what a run does changes, else
    a patch.
    """
    with stopping(json):
        _need_output(json, markdown)
        folders = get_folders(root)
        with (
            _version(old, folders, database) as before,
            _version(new, folders, database) as after,
        ):
            _need_two(before, after)
            found = compared(before, after, partner)
        if markdown is not None:
            _write(markdown, diff_report.markdown(found))
    code = 1 if exit_code and found else 0
    if json:
        print_json({"exit_code": code, **found.as_json()})
    elif markdown != "-":
        diff_report.show_diff(Console(), found)
    raise typer.Exit(code)


@commands.command()
def impact(
    change: Annotated[
        str,
        typer.Argument(help="The new spec: a folder, a git revision or a workbook."),
    ],
    activation: ACTIVATION,
    against: Annotated[
        str | None,
        typer.Option("--against", help="The old spec; the working folder if left out."),
    ] = None,
    allow: Annotated[
        str,
        typer.Option(
            "--allow",
            metavar="CLASSES",
            help="What does not count for the exit code, parted by commas: "
            + ", ".join(OPTIONS.values())
            + ".",
        ),
    ] = "",
    unmasked: Annotated[
        bool,
        typer.Option("--unmasked", help="Show personal values; in the terminal only."),
    ] = False,
    markdown: MARKDOWN = None,
    json: JSON = False,
    database: DATABASE = None,
    root: ROOT = None,
) -> None:
    """
    Run the old and the new spec over the source and show what changes. Sends nothing.

    Each record counts in its worst class. Exit code 0: nothing changes, or the spelling
    of values only; 1: values change, or more records are sent; 3: IDs change, or
    records are made anew, newly left out or newly rejected, and a person has to decide.
    """
    with stopping(json):
        allowed = _classes(allow)
        _need_output(json, markdown)
        if unmasked and (json or markdown is not None):
            raise SpecError([Problem(Origin("--unmasked"), "S051", UNMASKED)])
        folders = get_folders(root)
        with (
            Watch(Console(stderr=True)) as watch,
            _version(against, folders, database) as old,
            _version(change, folders, database) as new,
        ):
            _need_two(old, new)
            before, after, unknown = opened_by(activation, old, new)
            labels = (_label(old, before), _label(new, after))
            found = impact_of(before, after, labels, watch, unmasked=unmasked)
        found.warnings += [
            f"the new version has no setting '{name}': the activation is refused"
            for name in unknown
        ]
        if markdown is not None:
            _write(markdown, impact_review.markdown(found, allowed))
    code = found.exit_code(allowed)
    if json:
        print_json({"exit_code": code, **found.as_json()})
    elif markdown != "-":
        show_impact(Console(), found, allowed)
    raise typer.Exit(code)


@contextmanager
def _version(
    version: str | None, folders: Folders, database: str | None
) -> Iterator[Version]:
    """Open a version; without a name the working folder."""
    if version is None:
        yield Version(WORKING, folders, tuple(folders.partners()), at_home=True)
    else:
        with opened(version, folders, database) as found:
            yield found


def _need_two(old: Version, new: Version) -> None:
    """Refuse to compare a folder with itself: a gate would let everything pass."""
    if old.folders.root == new.folders.root:
        message = "is compared with itself."
        hint = "Name the old version: HEAD, another revision or a folder."
        raise SpecError([Problem(Origin(new.label), "S051", message, hint)])


def _label(version: Version, activation: Activation) -> str:
    return f"{version.label} ({activation.use_case.work.version})"


def _classes(text: str) -> frozenset[Class]:
    """Read the classes that are allowed."""
    by_name = {option: kind for kind, option in OPTIONS.items()}
    words = [word.strip() for word in text.split(",") if word.strip()]
    problems = [
        Problem(
            Origin("--allow"),
            "S051",
            f"no class is named '{word}', only {', '.join(by_name)}.",
            did_you_mean(word, by_name),
        )
        for word in words
        if word not in by_name
    ]
    if problems:
        raise SpecError(problems)
    return frozenset(by_name[word] for word in words)


def _need_output(json: bool, markdown: str | None) -> None:
    if json and markdown == "-":
        message = "and --json both write to standard output."
        raise SpecError([Problem(Origin("--markdown"), "S051", message)])
    if markdown is not None and not Path(markdown).parent.is_dir():
        message = "its folder is not there."
        raise SpecError([Problem(Origin(markdown), "P004", message)])


def _write(path: str, text: str) -> None:
    if path == "-":
        sys.stdout.write(text)
        return
    try:
        Path(path).write_text(text, "utf-8")
    except OSError as error:
        message = f"{error.strerror}."
        raise SpecError([Problem(Origin(path), "P004", message)]) from None
