"""Load a use case with everything it stands on: folders in, a checked plan of work out.

The one place where a spec, the Standard and the connector file meet.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from connectors.model import Connector
from connectors.request import Request
from connectors.templates import variables_of
from engine.check import check
from engine.checking import Contract, Resource
from engine.errors import SpecError
from engine.examples import check_examples
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.spec import Folders, Spec, read_schemas, read_spec
from engine.standard import Standard, read_standard
from engine.work import UseCaseWork
from engine.yamlfile import parse_model, read_yaml

INSTALLED = Path(__file__).parents[2]
"""The checkout that this engine runs from; it holds the specs that come with it."""


@dataclass(frozen=True)
class UseCase:
    """One use case of one partner, checked."""

    spec: Spec
    work: UseCaseWork
    connector: Connector

    @property
    def standard(self) -> Standard:
        """The Standard with the relations of the use case."""
        return self.work.standard


def _carries_payload(request: Request | None) -> bool:
    """Say whether a request is made of more than the record's ID and its address."""
    return request is not None and "body" in variables_of(request.templates)


@cache
def standard_of(folders: Folders) -> Standard:
    """
    Return the Standard of a root, or the one that comes with the engine.

    Raises SpecError if one of its files cannot be read.
    """
    folder = folders.standard
    try:
        return read_standard(folder if folder.is_dir() else Folders(INSTALLED).standard)
    except ValueError as error:
        problems: list[Problem] = []
        read_schemas(folders, folder, problems)
        place = Origin(folders.name(folder))
        raise SpecError(problems or [Problem(place, "T004", f"{error}.")]) from None


def read_connector(
    folders: Folders, partner: str
) -> tuple[Connector | None, list[Problem]]:
    """Read and check the connector file of a partner."""
    path = folders.connector(partner)
    file, problems = read_yaml(path, folders.name(path))
    if problems:
        return None, problems
    connector, problems = parse_model(file, Connector)
    if connector is not None and connector.partner != partner:
        message = f"the file is '{partner}.yaml', its partner '{connector.partner}'."
        problems.append(Problem(file.origin(["partner"]), "T004", message))
    return connector, problems


def check_use_case(
    folders: Folders, partner: str, use_case: str
) -> tuple[UseCase | None, tuple[Problem, ...]]:
    """Check one use case: all files, all rows, all examples."""
    connector, problems = read_connector(folders, partner)
    spec, found = read_spec(folders, partner, use_case)
    problems += found
    if spec is None:
        return None, sort(problems)
    work, found = check(spec, standard_of(folders), contract_of(connector, spec))
    problems += found
    problems += check_examples(spec, work)
    if connector is None:
        return None, sort(problems)
    return UseCase(spec, work, connector), sort(problems)


def contract_of(connector: Connector | None, spec: Spec) -> Contract:
    """Return what the check needs to know; of a broken connector file nothing is."""
    if connector is None:
        return Contract({name: Resource() for name in spec.schemas}, is_known=False)
    resources = {
        name: Resource(
            named_by_us=connector.named_by_us(name),
            path_fields=connector.path_fields(name),
            can_remove=connector.can_remove(name),
            removal_needs_payload=_carries_payload(entity.remove),
        )
        for name, entity in connector.entities.items()
    }
    return Contract(resources, frozenset(connector.settings))


def check_partner(folders: Folders, partner: str) -> tuple[Problem, ...]:
    """Check every use case of a partner."""
    use_cases = folders.use_cases(partner)
    if not use_cases:
        connector_problems = read_connector(folders, partner)[1]
        name = folders.name(folders.mappings(partner))
        missing = Problem(Origin(name), "T001", f"'{partner}' has no use case.")
        return sort([*connector_problems, missing])
    found = (check_use_case(folders, partner, use_case)[1] for use_case in use_cases)
    return sort(problem for problems in found for problem in problems)


def unknown_partner(name: str, known: Iterable[str], origin: Origin) -> Problem:
    """Return the problem that a name is no partner's, with the nearest one."""
    message = f"no partner is named '{name}'."
    return Problem(origin, "T301", message, did_you_mean(name, known))


def unknown_use_case(
    partner: str, name: str, known: Iterable[str], origin: Origin
) -> Problem:
    """Return the problem that a partner has no such use case, with the nearest one."""
    message = f"{partner} has no use case '{name}'."
    return Problem(origin, "T302", message, did_you_mean(name, known))


def unknown_entity(
    work: UseCaseWork, name: str, known: Iterable[str], origin: Origin
) -> Problem:
    """Return the problem that a use case has no such entity, with the nearest one."""
    message = f"{work.partner} has no entity '{name}' in {work.use_case}."
    return Problem(origin, "M110", message, did_you_mean(name, known))


def get_use_case(
    folders: Folders, partner: str, use_case: str, origin: Origin
) -> UseCase:
    """Return a use case that is free of errors; raises SpecError with all of them."""
    if partner not in folders.partners():
        raise SpecError([unknown_partner(partner, folders.partners(), origin)])
    if use_case not in folders.use_cases(partner):
        raise SpecError(
            [unknown_use_case(partner, use_case, folders.use_cases(partner), origin)]
        )
    found, problems = check_use_case(folders, partner, use_case)
    if found is None or errors(problems):
        raise SpecError(errors(problems))
    return found
