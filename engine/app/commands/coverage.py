"""Commands about what tables leave open: what lacks a rule, and rows to propose."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from engine.app.catalogue import (
    Checked,
    chosen,
    read_all,
    readable,
    sound_partners,
)
from engine.app.lines import show_csv, wide_console
from engine.app.options import (
    JSON,
    ROOT,
    get_folders,
    is_file,
    open_activation,
    print_json,
    stopping,
)
from engine.app.report import Watch
from engine.app.workbench.coverage.findings import SpecCoverage, spec_coverage
from engine.app.workbench.coverage.lists import every_row
from engine.app.workbench.coverage.report import show_source, show_specs
from engine.app.workbench.coverage.source import SourceCoverage, source_coverage
from engine.app.workbench.coverage.standard import nobody_uses, users_of
from engine.app.workbench.pasting import to_paste
from engine.app.workbench.suggest.lessons import lessons_of
from engine.app.workbench.suggest.proposing import suggest
from engine.app.workbench.suggest.report import show_suggestions
from engine.errors import SpecError
from engine.model import EntityFile, FieldRow, ListRow
from engine.problems import Origin, Problem, errors
from engine.runtime.activation import Activation
from engine.runtime.library import UseCase, unknown_entity, unknown_use_case

commands = typer.Typer()


@commands.command()
def coverage(
    specs: Annotated[
        list[str] | None,
        typer.Argument(help="Partners, or activation files; all if left out."),
    ] = None,
    every_row: Annotated[
        bool, typer.Option("--all", help="Show the counts of every row, too.")
    ] = False,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate",
            help="End with exit code 1 if a required field has no row, or a value of "
            "the source no entry in its list.",
        ),
    ] = False,
    only_tsv: Annotated[
        bool,
        typer.Option(
            "--tsv",
            help="Print nothing but the rows for value lists, to paste from the column "
            "ERP-Wert on below each list in a workbook; needs an activation.",
        ),
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Show what tables leave open: fields, list entries, examples, rows that never fire.

    Of a partner its tables alone are looked at. Of an activation the source is read,
    too: which rows, conditions and prerequisites its records never met, and which of
    its values have no entry in a list, as rows to paste. Nothing is sent.
    """
    folders = get_folders(root)
    words = specs or []
    with stopping(json):
        if only_tsv and (json or not any(map(is_file, words))):
            message = "needs an activation's file, and cannot go with --json."
            raise SpecError([Problem(Origin("--tsv"), "S051", message)])
        ready = [open_activation(Path(w), root, None) for w in words if is_file(w)]
        named = [word for word in words if not is_file(word)]
        known = read_all(folders)
        partners = [*named, *(one.file.partner for one in ready)]
        cases = readable(chosen(known, partners, folders))
        users = users_of(sound_partners(known))
        found = [spec_coverage(case, users) for case in cases]
        sources = _sources(ready)
    lacking = any(one.required_missing for one in found)
    unknown = any(one.has_missing for source in sources for one in source.lists)
    code = 1 if gate and (lacking or unknown) else 0
    nobody = nobody_uses(users)
    if only_tsv:
        _print_rows(sources)
    elif json:
        print_json(_answer(code, found, nobody, sources, known))
    else:
        console = wide_console()
        show_specs(console, found, nobody)
        for source in sources:
            show_source(console, source, every_row=every_row)
        for partner in sorted({one.partner for one in known if not one.is_sound}):
            message = f"{partner} has problems and is not compared: feldwerk check"
            print(f"{message} {partner}", file=sys.stderr)
    raise typer.Exit(code)


def _print_rows(sources: Sequence[SourceCoverage]) -> None:
    """Print the rows that lists lack, each block below the name of its list."""
    for one in (count for source in sources for count in source.lists):
        for values in (one.missing, one.others):
            rows = every_row(values)
            if not rows:
                continue
            why = "" if values is one.missing else ", taken by '*' so far"
            print(f"\n{one.path}{why}:", file=sys.stderr, flush=True)
            print(to_paste(tuple(ListRow.model_fields), rows), flush=True)


def _sources(ready: Sequence[Activation]) -> list[SourceCoverage]:
    """Read and count the sources of activations, if there are any."""
    if not ready:
        return []
    with Watch(Console(stderr=True)) as watch:
        return [source_coverage(one, watch) for one in ready]


def _answer(
    code: int,
    found: Sequence[SpecCoverage],
    nobody: Mapping[str, Sequence[str]],
    sources: Sequence[SourceCoverage],
    known: Sequence[Checked],
) -> dict[str, Any]:
    problems = [problem for one in known for problem in one.problems]
    unsound = {one.partner for one in known if not one.is_sound}
    return {
        "exit_code": code,
        "specs": [one.as_json() for one in found],
        "standard_used_by_nobody": nobody,
        "sources": [one.as_json() for one in sources],
        "not_compared": sorted(unsound),
        "problems": [problem.as_json() for problem in errors(problems)],
    }


@commands.command("suggest")
def suggest_rows(
    partner: Annotated[str, typer.Argument(help="The partner.")],
    entity: Annotated[str, typer.Argument(help="The entity of the partner.")],
    use_case: Annotated[
        str, typer.Option("--use-case", help="The use case of the partner.")
    ] = "stammdaten",
    only_csv: Annotated[
        bool, typer.Option("--csv", help="Print nothing but the rows.")
    ] = False,
    only_tsv: Annotated[
        bool,
        typer.Option(
            "--tsv",
            help="Print nothing but the rows, to paste from the column Partnerfeld on "
            "below the table in a workbook.",
        ),
    ] = False,
    json: JSON = False,
    root: ROOT = None,
) -> None:
    """
    Propose rows for partner fields that have none; nothing is changed.

    By their names and types, and by how the other partners' tables fill fields like
    them; each with its reason. Rows that do not pass the check are not proposed.
    """
    folders = get_folders(root)
    with stopping(json):
        if only_tsv and (json or only_csv):
            message = "cannot go with --csv or --json."
            raise SpecError([Problem(Origin("--tsv"), "S051", message)])
        known = read_all(folders)
        cases = readable(chosen(known, [partner], folders))
        case, file = _entity(cases, use_case, entity)
        sound = [one.use_case for one in known if one.is_sound and one.use_case]
        others = [one for one in sound if one.spec.partner != partner]
        lessons = list(lessons_of([*others, *cases]))
        found = suggest(case, file, lessons, folders)
    if json:
        print_json(found.as_json())
    elif only_tsv:
        rows = to_paste(tuple(FieldRow.model_fields), found.to_paste())
        print(rows, end="")
    elif only_csv:
        show_csv(Console(), found.columns, found.to_paste())
    else:
        show_suggestions(wide_console(), found)


def _entity(
    cases: Sequence[UseCase], use_case: str, entity: str
) -> tuple[UseCase, EntityFile]:
    """Return a use case and its entity; raises SpecError if there is no such."""
    by_name = {case.spec.name: case for case in cases}
    if use_case not in by_name:
        partner, place = cases[0].spec.partner, Origin(use_case)
        raise SpecError([unknown_use_case(partner, use_case, by_name, place)])
    case = by_name[use_case]
    entities = {one.name: one for one in case.spec.use_case.entities}
    if entity not in entities:
        place = Origin(case.spec.use_case_yaml.name)
        raise SpecError([unknown_entity(case.work, entity, entities, place)])
    return case, entities[entity]
