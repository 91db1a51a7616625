"""Read every partner at once: folders in, checked partners or all problems out."""

from dataclasses import dataclass

from connectors.model import Connector
from engine.errors import SpecError
from engine.model import PartnerFile
from engine.problems import Origin, Problem, errors, sort
from engine.runtime.library import UseCase, check_use_case
from engine.spec import Folders


@dataclass(frozen=True)
class Partner:
    """One partner with all its use cases; `name` is its folder."""

    name: str
    page: PartnerFile
    connector: Connector
    use_cases: tuple[UseCase, ...]


def read_partners(folders: Folders) -> tuple[Partner, ...]:
    """
    Read all partners of a root, in the order of their names as they write them.

    Raises SpecError with every problem of every partner: a page of a spec that does not
    pass the check would say what is not so.
    """
    problems: list[Problem] = []
    partners = []
    names = folders.partners()
    if not names:
        origin = Origin(str(folders.root))
        problems.append(Problem(origin, "T001", "there is no partner here."))
    for name in names:
        partner = _partner(folders, name, problems)
        if partner is not None:
            partners.append(partner)
    if found := errors(problems):
        raise SpecError(sort(found))
    return tuple(sorted(partners, key=lambda p: (p.page.name.casefold(), p.name)))


def _partner(folders: Folders, name: str, problems: list[Problem]) -> Partner | None:
    use_cases = []
    for use_case in folders.use_cases(name):
        found, wrong = check_use_case(folders, name, use_case)
        problems.extend(wrong)
        if found is not None:
            use_cases.append(found)
    if not folders.use_cases(name):
        origin = Origin(folders.name(folders.mappings(name)))
        problems.append(Problem(origin, "T001", f"'{name}' has no use case."))
    if not use_cases:
        return None
    first = use_cases[0]
    return Partner(name, first.spec.page, first.connector, tuple(use_cases))
