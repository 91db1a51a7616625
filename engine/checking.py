"""What the parts of a check share: the spec, the Standard, the contract, problems."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.model import EntityFile
from engine.problems import Origin, Problem
from engine.spec import Spec
from engine.standard import Standard


@dataclass(frozen=True)
class Resource:
    """How the connector file says that records of one kind are written."""

    named_by_us: bool = True
    path_fields: frozenset[str] = frozenset()
    can_remove: bool = False
    removal_needs_payload: bool = False


@dataclass(frozen=True)
class Contract:
    """What the check needs to know of the connector file."""

    resources: Mapping[str, Resource]
    settings: frozenset[str] = frozenset()
    """Settings of the use case that the connector file reads."""
    is_known: bool = True
    """Whether the connector file could be read at all."""


@dataclass
class Checking:
    """What all parts of a check share; problems are added as they are found."""

    spec: Spec
    standard: Standard
    contract: Contract
    problems: list[Problem]

    def at(self, *position: str | int) -> Origin:
        return self.spec.use_case_yaml.origin(position)

    def resource(self, entity: EntityFile) -> Resource:
        return self.contract.resources[entity.resource or entity.name]

    def add(self, origin: Origin, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(origin, code, message, hint))
