"""Read what can be read of every partner: folders in, checked use cases out.

A spec with errors does not hide the others, as it does in `catalogue`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.app.catalogue import Partner
from engine.errors import SpecError
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime.library import UseCase, check_use_case
from engine.spec import Folders


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
) -> list[UseCase]:
    """Return the use cases of some partners; raises SpecError if one has none."""
    problems: list[Problem] = []
    found: list[UseCase] = []
    for name in dict.fromkeys(partners):
        own = [one for one in known if one.partner == name]
        if name not in folders.partners():
            hint = did_you_mean(name, folders.partners())
            message = f"no partner is named '{name}'."
            problems.append(Problem(Origin(name), "T301", message, hint))
        elif not own:
            place = Origin(folders.name(folders.mappings(name)))
            message = f"'{name}' has no use case."
            problems.append(Problem(place, "T001", message))
        for one in own:
            if one.use_case is None:
                problems += errors(one.problems)
            else:
                found.append(one.use_case)
    if problems:
        raise SpecError(sort(problems))
    return found


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
