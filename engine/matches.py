"""Check `match` of an entity: names of payload fields in, their places out."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.contract import field_names
from engine.problems import Origin, Problem, did_you_mean
from engine.work import FieldWork, IdParts, ListWork

Match = tuple[tuple[tuple[str, ...], ...], ...]


def check_matches(
    wanted: Sequence[Sequence[str]],
    at: Callable[..., Origin],
    schema: Mapping[str, Any],
    fields: Iterable[FieldWork | ListWork],
    problems: list[Problem],
) -> Match:
    """
    Return the places of the fields of each alternative; what is wrong is added.

    A field of a list, our ID, and a field that no row fills match nothing.
    """
    plain = {
        work.name: work.source
        for work in fields
        if isinstance(work, FieldWork) and not work.many and work.only_in is None
    }
    filled = {name for name, source in plain.items() if not isinstance(source, IdParts)}
    known = field_names(schema)
    found = []
    for number, alternative in enumerate(wanted):
        place = at(number)
        said = [_wrong(name, filled, known) for name in alternative]
        if not alternative:
            said = [("an alternative names one field at least.", "")]
        elif len(set(alternative)) < len(alternative):
            said.append(("a field is named twice.", ""))
        wrong = [pair for pair in said if pair is not None]
        problems += [Problem(place, "M125", text, hint) for text, hint in wrong]
        if not wrong:
            found.append(tuple(tuple(name.split(".")) for name in alternative))
    return tuple(found)


def _wrong(
    name: str, filled: Collection[str], known: Collection[str]
) -> tuple[str, str] | None:
    """Return what is wrong with a name, and what may be meant; None if it is right."""
    if name in filled:
        return None
    if name not in known:
        return f"the payload has no field '{name}'.", did_you_mean(name, filled)
    return (
        f"'{name}' cannot tell records apart: a list, our ID, or no row fills it.",
        "",
    )
