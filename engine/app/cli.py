"""The command line: words in, exit codes out.

Results go to standard output, progress and problems to standard error. Exit codes:
0 done, 1 done but records were rejected, 2 wrong use or wrong spec, 3 stopped by a
brake, 4 partner or source unreachable.
"""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import typer
from rich.console import Console

from engine.app.catalogue import read_partners
from engine.app.explain import explain as explain_record
from engine.app.partners import partner_figures, show_partners
from engine.app.report import (
    Watch,
    show_explanation,
    show_plan,
    show_problems,
    show_status,
)
from engine.app.scaffold import scaffold
from engine.app.site.writer import write_site
from engine.errors import SpecError, StopError
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime.activation import Activation, read_activation
from engine.runtime.library import INSTALLED, check_partner
from engine.runtime.plan import Plan
from engine.runtime.run import planned, synced
from engine.runtime.state import State
from engine.spec import Folders

app = typer.Typer(
    help="Keep ERPs and partner systems in step, driven by mapping tables.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
new = typer.Typer(help="Add something by files.", no_args_is_help=True)
app.add_typer(new, name="new")

JSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
ROOT = Annotated[
    Path | None,
    typer.Option(
        "--root",
        envvar="FELDWERK_ROOT",
        help="The folder with connectors, mappings and schemas; by default the current "
        "one if it has mappings, else the one that Feldwerk is installed from.",
    ),
]
BRIEF = Annotated[bool, typer.Option("--brief", help="Print the figures only.")]
ACTIVATION = Annotated[Path, typer.Argument(help="The activation's YAML file.")]


def _folders(root: Path | None) -> Folders:
    here = Path.cwd()
    if root is None:
        root = here if (here / "mappings" / "partners").is_dir() else INSTALLED
    return Folders(root.resolve())


def _print_json(value: Any) -> None:
    option = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    sys.stdout.buffer.write(orjson.dumps(value, option=option, default=str))
    sys.stdout.flush()


@contextmanager
def _stopping(as_json: bool) -> Iterator[None]:
    """Turn an error that ends the run into its message and its exit code."""
    try:
        yield
    except StopError as error:
        _report(error.problems, as_json, error.exit_code)
        raise typer.Exit(error.exit_code) from None
    except BrokenPipeError:
        raise typer.Exit(0) from None


def _report(problems: Sequence[Problem], as_json: bool, exit_code: int) -> None:
    if as_json:
        found = [problem.as_json() for problem in problems]
        _print_json({"exit_code": exit_code, "problems": found})
    else:
        show_problems(Console(stderr=True), problems)


@app.command()
def check(
    specs: Annotated[
        list[str] | None,
        typer.Argument(help="Partners, or files of their specs; all if left out."),
    ] = None,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Check specs: every problem of every file, and every example."""
    folders = _folders(root)
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
        _report(found, as_json=True, exit_code=code)
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


@app.command()
def plan(
    activation: ACTIVATION,
    brief: BRIEF = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show what a sync would send, and what is left out and why. Sends nothing."""
    with _stopping(json):
        ready = read_activation(activation, _folders(root))
        with Watch(Console(stderr=True)) as watch, planned(ready, watch) as made:
            watch.stage("Reporting")
            raise typer.Exit(_finish(made, ready, json, brief, "Plan", watch))


@app.command()
def sync(
    activation: ACTIVATION,
    brief: BRIEF = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Send what has changed since it was last accepted."""
    with _stopping(json):
        ready = read_activation(activation, _folders(root))
        with Watch(Console(stderr=True)) as watch, synced(ready, watch) as done:
            watch.stage("Reporting")
            raise typer.Exit(_finish(done, ready, json, brief, "Sync", watch))


def _finish(
    made: Plan,
    activation: Activation,
    as_json: bool,
    brief: bool,
    verb: str,
    watch: Watch,
) -> int:
    code = 1 if made.totals["rejected"] else 0
    watch.close()
    if as_json:
        _print_json({"exit_code": code, **made.as_json()})
    else:
        show_plan(Console(), made, verb, brief=brief)
        if not brief and made.totals["left_out"] + made.totals["rejected"]:
            path = activation.origin.file
            print(f"\nWhy one record: feldwerk explain {path} ENTITY KEY")
    return code


@app.command()
def explain(
    activation: ACTIVATION,
    entity: Annotated[str, typer.Argument(help="A partner's or a Standard entity.")],
    key: Annotated[str, typer.Argument(help="Our ID, or the ERP key: 1/1001/01.")],
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show where each field of a record comes from, or why it is not sent."""
    with _stopping(json):
        ready = read_activation(activation, _folders(root))
        found = explain_record(ready, entity, key)
    if json:
        _print_json(found)
    else:
        for item in found:
            show_explanation(Console(), item)


@app.command()
def status(
    activations: Annotated[
        list[Path] | None, typer.Argument(help="Activation files.")
    ] = None,
    state: Annotated[
        str, typer.Option("--state", help="A state database: a path or a URL.")
    ] = "feldwerk.db",
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Show activations, their last run, and their open rejects."""
    found: list[dict[str, Any]] = []
    with _stopping(json):
        if activations:
            for path in activations:
                ready = read_activation(path, _folders(root))
                found += _status(ready.state_url, ready.name)
        else:
            found = _status(state if "://" in state else _state_file(state), None)
    if json:
        _print_json({"activations": found})
    else:
        show_status(Console(), found)


def _state_file(path: str) -> str:
    if not Path(path).is_file():
        message = "not found; name an activation, or a database with --state."
        raise SpecError([Problem(Origin(path), "T307", message)])
    return f"sqlite:///{Path(path).resolve()}"


def _status(url: str, name: str | None) -> list[dict[str, Any]]:
    with State(url) as state:
        names = [name] if name else state.activations()
        found = []
        for known in names:
            own = state.activation(known)
            run = own.last_run()
            rejects = own.rejects()
            hidden = ("activation_id", "id")
            found.append(
                {
                    "activation": known,
                    "last_run": run and _without(run, hidden),
                    "rejects": [_without(reject, hidden) for reject in rejects],
                }
            )
        return found


def _without(row: Mapping[str, Any], hidden: tuple[str, ...]) -> dict[str, Any]:
    shown = {str(name): value for name, value in row.items() if name not in hidden}
    for name in ("started_at", "finished_at"):
        if shown.get(name) is not None:
            # SQLite keeps no zone; what is kept is UTC.
            moment = shown[name].replace(tzinfo=UTC)
            shown[name] = moment.isoformat(timespec="seconds")
    return shown


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def simulate(
    context: typer.Context,
    partner: Annotated[str, typer.Argument(help="A partner with a connector file.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    json: Annotated[
        bool, typer.Option("--json", help="Its one line is JSON in any case.")
    ] = False,
    root: ROOT = None,
) -> None:
    """
    Run a partner as a real HTTP server on this machine; prints its address as JSON.

    More options: `--store FILE` keeps its records, `--fault 500=0.1` lets it fail,
    `--quiet` prints no line for each call.
    """
    del json
    folders = _folders(root)
    if partner not in folders.partners():
        hint = did_you_mean(partner, folders.partners())
        problem = Problem(Origin(partner), "T301", "no such partner.", hint)
        show_problems(Console(stderr=True), [problem])
        raise typer.Exit(2)
    options = ["--port", str(port), "--root", str(folders.root)]
    _become("simulator", [partner, *options, *context.args])


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def demo(context: typer.Context, json: JSON = False) -> None:
    """
    Run the main job against simulated partners, from portfolio to report.

    More words: the partners to take instead of the usual ones, `--units 200`,
    `--folder demo`.
    """
    _become("demo", [*context.args, *["--json"] * json])


def _become(name: str, arguments: Sequence[str]) -> NoReturn:
    """
    Become a tool: nothing imports the tools.

    The process stays the same, so that a signal to it reaches the tool.
    """
    environment = {**os.environ, "PYTHONPATH": str(INSTALLED)}
    command = [sys.executable, "-m", f"tools.{name}", *arguments]
    sys.stdout.flush()
    os.execve(sys.executable, command, environment)  # noqa: S606 - our own tool


@app.command()
def partners(json: JSON = False, root: ROOT = None) -> None:
    """
    Show each partner, and how well the fields of its payloads are founded.

    Counted are the leaves of all its payload schemas that may be written: nested ones
    count, the objects that hold them and read-only fields do not. `mapped` are those
    that a row of a table fills. A field is seen, from a documentation, inferred or
    proposed; a share is a part of all counted. `connector` is the mark of the
    connector file.
    """
    with _stopping(json):
        found = [partner_figures(partner) for partner in read_partners(_folders(root))]
    if json:
        _print_json({"partners": found})
    else:
        show_partners(_wide_console(), found)


def _wide_console() -> Console:
    """Return a console of the terminal's width, or wide enough where there is none."""
    return Console() if sys.stdout.isatty() else Console(width=100)


@app.command()
def docs(
    out: Annotated[
        Path, typer.Option("--out", help="The folder; Feldwerk's own, or a new one.")
    ] = Path("site"),
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """Write the documentation of all partners in German, for GitBook and MkDocs."""
    with _stopping(json):
        written = write_site(_folders(root), out)
    if json:
        _print_json({"out": str(out), "files": written})
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
    with _stopping(json):
        written = scaffold(_folders(root), name)
    if json:
        _print_json({"files": written})
    else:
        for path in written:
            print(path)
        print(f"\nNext: edit them, then feldwerk check {name}")


def main() -> None:
    """Run the command line."""
    app()
