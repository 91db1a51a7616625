"""The page of a use case over all partners: its file and the specs in, a page out."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from engine.app.catalogue import Partner
from engine.errors import SpecError
from engine.model import Name, Part
from engine.runtime.library import INSTALLED
from engine.spec import Folders
from engine.standard import Standard
from engine.yamlfile import parse_model, read_yaml

DAYS = {
    "monday": "Montag",
    "tuesday": "Dienstag",
    "wednesday": "Mittwoch",
    "thursday": "Donnerstag",
    "friday": "Freitag",
    "saturday": "Samstag",
    "sunday": "Sonntag",
}
DIRECTIONS = {"erp_to_partner": "ERP -> Partnersystem"}


class PageEntity(Part):
    """An entity as the page of the use case names it."""

    title: str = Field(description="The name on the page, in German.")
    entity: Name = Field(description="The Standard entity.")


class UseCaseText(Part, defer_build=False):
    """`mappings/use_cases/<use case>.yaml`: what no spec says of a use case."""

    title: str = Field(description="The heading, in German.")
    subtitle: str = Field(default="", description="The line below it.")
    entities: tuple[PageEntity, ...] = Field(
        default=(), description="The ERP's entities that take part, in order."
    )
    partners: tuple[Name, ...] = Field(
        default=(), description="Partners in their order; those not named follow."
    )
    description: tuple[str, ...] = Field(default=(), description="Paragraphs.")
    hint: str = Field(default="", description="A note below them.")


@dataclass(frozen=True)
class UseCasePage:
    """What the page of a use case says; `others` have another interval than most."""

    name: str
    text: UseCaseText
    interval: str
    others: tuple[tuple[Partner, str], ...]
    direction: str
    partners: tuple[Partner, ...]


def use_case_names(partners: tuple[Partner, ...]) -> list[str]:
    """Return the use cases of all partners, each once, in order."""
    return sorted({u.spec.name for partner in partners for u in partner.use_cases})


def use_case_page(
    folders: Folders, name: str, partners: tuple[Partner, ...], standard: Standard
) -> UseCasePage:
    """
    Gather the page of a use case; raises SpecError if its file cannot be used.

    The file is that of the root, or the one that comes with the engine; it is not
    required.
    """
    text = _text(folders, name, standard)
    having = {p.name: p for p in partners if name in {u.spec.name for u in p.use_cases}}
    names = [n for n in text.partners if n in having]
    names += [n for n in having if n not in names]
    cases = {
        n: next(u.spec.use_case for u in having[n].use_cases if u.spec.name == name)
        for n in names
    }
    intervals = {n: interval(case.schedule) for n, case in cases.items()}
    usual = Counter(intervals.values()).most_common(1)[0][0]
    directions = dict.fromkeys(DIRECTIONS[case.direction] for case in cases.values())
    return UseCasePage(
        name=name,
        text=text,
        interval=usual,
        others=tuple((having[n], i) for n, i in intervals.items() if i != usual),
        direction=", ".join(directions),
        partners=tuple(having[n] for n in names),
    )


def _text(folders: Folders, name: str, standard: Standard) -> UseCaseText:
    path = next((p for p in _places(folders, name) if p.is_file()), None)
    if path is None:
        return UseCaseText(title=name.replace("_", " ").capitalize())
    file, problems = read_yaml(path, f"mappings/use_cases/{name}.yaml")
    if problems:
        raise SpecError(problems)
    text, problems = parse_model(file, UseCaseText)
    if text is None or problems:
        raise SpecError(problems)
    known = tuple(e for e in text.entities if e.entity in standard.entities)
    return text.model_copy(update={"entities": known})


def _places(folders: Folders, name: str) -> list[Path]:
    roots = (folders.root, INSTALLED)
    return [root / "mappings" / "use_cases" / f"{name}.yaml" for root in roots]


def interval(schedule: tuple[str, ...]) -> str:
    """
    Say on which days of the week a use case runs.

    >>> interval(("tuesday", "sunday"))
    '2x pro Woche (Dienstag, Sonntag)'
    """
    days = [DAYS[day] for day in DAYS if day in schedule]
    if len(days) == len(DAYS):
        return "täglich"
    return f"{len(days)}x pro Woche ({', '.join(days)})"
