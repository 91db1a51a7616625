"""Put the site together: folders in, every file of the site out, then on the disk."""

import html
import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from engine.app.catalogue import Partner, read_partners
from engine.app.partners import partner_figures
from engine.app.payload_fields import MARKS
from engine.app.site.markdown import (
    EVIDENCE,
    LETTERS,
    MEANINGS,
    cell,
    code,
    html_code,
)
from engine.app.site.matrix import RULE, matrix
from engine.app.site.page import partner_page
from engine.app.site.usecase import UseCasePage, use_case_names, use_case_page
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.library import standard_of
from engine.spec import Folders

MARK = "# Erzeugt mit `feldwerk docs`; nicht von Hand ändern."
"""The first line of the files by which a folder is known as ours."""

REMOVALS = {
    "nothing": "Beim Partner wird nichts entfernt.",
    "end_date": "Entfernen heißt: der Datensatz bekommt beim Partner ein Enddatum.",
    "block": "Entfernen heißt: der Datensatz wird beim Partner gesperrt.",
    "detach": "Entfernen heißt: die Verbindung wird beim Partner gelöst.",
    "delete": "Entfernen heißt: der Datensatz wird beim Partner gelöscht.",
}
"""What the removal of a use case means."""

_OWNED = ("docs/partner-and-apps", "docs/use-cases")
_BLANK_LINES = re.compile(r"\n{3,}")
_LINE_ENDS = re.compile(r"[ \t]+$", re.MULTILINE)


def write_site(folders: Folders, out: Path) -> list[str]:
    """
    Write the whole site into a folder and return the paths of its files.

    Pages of partners that are gone are taken out. Raises SpecError if a spec does not
    pass the check, or if the folder holds a site or documents that are not ours;
    nothing is written then.
    """
    files = site_files(folders)
    marked = out / "mkdocs.yml"
    is_ours = marked.is_file() and marked.read_text("utf-8").startswith(MARK)
    if not is_ours and (marked.exists() or (out / "docs").exists()):
        message = "holds documents that `feldwerk docs` did not write."
        raise SpecError([Problem(Origin(str(out)), "T203", message)])
    for folder in _OWNED:
        for path in (out / folder).glob("*.md"):
            if f"{folder}/{path.name}" not in files:
                path.unlink()
    for name, text in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8", newline="\n")
    return sorted(files)


def site_files(folders: Folders) -> dict[str, str]:
    """
    Return every file of the site by its path in it; the same specs give the same text.

    The Markdown stands in `docs`, where `mkdocs.yml` and `.gitbook.yaml` look for it.
    Raises SpecError with the problems of all specs.
    """
    partners = read_partners(folders)
    standard = standard_of(folders)
    names = use_case_names(partners)
    use_cases = [use_case_page(folders, n, partners, standard) for n in names]
    titles = {page.name: page.text.title for page in use_cases}
    templates = _environment()

    def render(template: str, **values: Any) -> str:
        text = templates.get_template(template).render(**values)
        return _BLANK_LINES.sub("\n\n", _LINE_ENDS.sub("", text)).strip("\n") + "\n"

    everything = {"use_cases": use_cases, "partners": partners, "mark": MARK}
    files = {
        ".gitbook.yaml": render("gitbook.yaml.jinja", mark=MARK),
        "mkdocs.yml": render("mkdocs.yml.jinja", **everything),
        "docs/README.md": render(
            "start.md.jinja",
            use_cases=use_cases,
            titles=titles,
            rows=[(partner, partner_figures(partner)) for partner in partners],
        ),
        "docs/SUMMARY.md": render("SUMMARY.md.jinja", **everything),
        "docs/felder.md": render(
            "matrix.md.jinja",
            partners=partners,
            entities=matrix(partners, standard),
            unmapped=[p.page.name for p in partners if not _is_mapped(p)],
            legend=[(LETTERS[m], EVIDENCE[m], MEANINGS[m]) for m in MARKS],
            rule=RULE,
        ),
    }
    files |= {_use_case(p): render("usecase.md.jinja", page=p) for p in use_cases}
    for partner in partners:
        page = partner_page(partner, titles)
        name = f"docs/partner-and-apps/{partner.name}.md"
        files[name] = render("partner.md.jinja", page=page, removals=REMOVALS)
    return files


def _use_case(page: UseCasePage) -> str:
    return f"docs/use-cases/{page.name}.md"


def _is_mapped(partner: Partner) -> bool:
    return any(use_case.spec.use_case.entities for use_case in partner.use_cases)


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        autoescape=False,  # noqa: S701 - Markdown of our own files, no web page
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "cell": cell,
        "code": code,
        "default_value": _default_value,
        "html": _html,
        "html_code": html_code,
        "one_line": _one_line,
        "quoted": _quoted,
    }
    environment.globals |= {
        "evidence": EVIDENCE,
        "marks": [EVIDENCE[mark] for mark in MARKS],
        "meanings": [(EVIDENCE[mark], MEANINGS[mark]) for mark in MARKS],
    }
    return environment


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _html(text: str) -> str:
    return html.escape(text, quote=False)


def _quoted(text: str) -> str:
    """Write a text as YAML and JSON quote it."""
    return json.dumps(text, ensure_ascii=False)


def _default_value(value: Any) -> str:
    """Write what a setting is if nobody chooses."""
    if isinstance(value, bool):
        return "ja" if value else "nein"
    if isinstance(value, dict):
        pairs = (f"{html_code(k)}: {html_code(v)}" for k, v in value.items())
        return "<br>".join(pairs)
    return "" if value is None else html_code(value)
