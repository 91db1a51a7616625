"""Read every partner: folders in, checked use cases out, all of them or the sound ones.

`read_all` keeps those with errors beside the others; `read_partners` refuses them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from connectors.model import Connector
from engine.errors import SpecError
from engine.model import PartnerFile
from engine.problems import Origin, Problem, errors, sort
from engine.runtime.library import UseCase, check_use_case, unknown_partner
from engine.spec import Folders


@dataclass(frozen=True)
class Partner:
    """One partner with all its use cases; `name` is its folder."""

    name: str
    page: PartnerFile
    connector: Connector
    use_cases: tuple[UseCase, ...]


@dataclass(frozen=True)
class Checked:
    """A use case and its problems; None if its files cannot be read at all."""

    partner: str
    name: str
    use_case: UseCase | None
    problems: tuple[Problem, ...]

    @property
    def is_sound(self) -> bool:
        return self.use_case is not None and not errors(self.problems)


def read_all(folders: Folders) -> tuple[Checked, ...]:
    """Check every use case of every partner."""
    return tuple(
        Checked(partner, name, *check_use_case(folders, partner, name))
        for partner in folders.partners()
        for name in folders.use_cases(partner)
    )


def chosen(
    known: Sequence[Checked], partners: Iterable[str], folders: Folders
) -> list[Checked]:
    """
    Return what is known of some partners, or of all if none is named.

    Raises SpecError if there is no such partner, or if one has no use case.
    """
    names = list(dict.fromkeys(partners)) or folders.partners()
    if problems := _absent(names, folders):
        raise SpecError(sort(problems))
    return [one for name in names for one in known if one.partner == name]


def readable(found: Iterable[Checked]) -> list[UseCase]:
    """Return use cases; raises SpecError if files of one cannot be read at all."""
    problems: list[Problem] = []
    cases = []
    for one in found:
        if one.use_case is None:
            problems += errors(one.problems)
        else:
            cases.append(one.use_case)
    if problems:
        raise SpecError(sort(problems))
    return cases


def sound_partners(known: Sequence[Checked]) -> list[Partner]:
    """Return the partners of which at least one use case is free of errors."""
    sound: dict[str, list[UseCase]] = {}
    for one in known:
        if one.use_case is not None and one.is_sound:
            sound.setdefault(one.partner, []).append(one.use_case)
    return [
        Partner(name, cases[0].spec.page, cases[0].connector, tuple(cases))
        for name, cases in sound.items()
    ]


def read_partners(folders: Folders) -> tuple[Partner, ...]:
    """
    Read all partners of a root, in the order of their names as they write them.

    Raises SpecError with every problem of every partner: a page of a spec that does not
    pass the check would say what is not so.
    """
    known = read_all(folders)
    problems = _absent(folders.partners(), folders)
    problems += errors([problem for one in known for problem in one.problems])
    if problems:
        raise SpecError(sort(problems))
    partners = sound_partners(known)
    return tuple(sorted(partners, key=lambda p: (p.page.name.casefold(), p.name)))


def _absent(names: Sequence[str], folders: Folders) -> list[Problem]:
    """Return what is wrong with names: no partner at all, or one without use cases."""
    known = folders.partners()
    problems = []
    if not names:
        place = Origin(str(folders.root))
        problems.append(Problem(place, "T001", "there is no partner here."))
    for name in names:
        if name not in known:
            problems.append(unknown_partner(name, known, Origin(name)))
        elif not folders.use_cases(name):
            place = Origin(folders.name(folders.mappings(name)))
            problems.append(Problem(place, "T001", f"'{name}' has no use case."))
    return problems
