"""A record that somebody pastes: JSON in, a record of the Standard or problems out."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import orjson

from engine.errors import SpecError
from engine.ids import key_text
from engine.language import Segment
from engine.problems import Origin, Problem, did_you_mean
from engine.records import Record
from engine.standard import Field, Standard

RECORD = "--record"
"""The place of its problems."""

MOST_TOLD = 100
"""So many problems of a record are told."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "date": (str,),
    "datetime": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "list": (list,),
    "object": (dict,),
}


def read_record(text: str, standard: Standard, entity: str) -> Record:
    """
    Read a record of the Standard, related ones inside it, as an `example` has them.

    Raises SpecError with everything that the Standard does not know.
    """
    try:
        record = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        place = Origin(RECORD, error.lineno)
        raise SpecError([Problem(place, "S070", f"{error.msg}.")]) from None
    if not isinstance(record, dict):
        raise SpecError([Problem(Origin(RECORD), "S070", "is no JSON object.")])
    if problems := list(islice(_misfits(standard, entity, record, ""), MOST_TOLD)):
        raise SpecError(problems)
    return record


def key_of(standard: Standard, entity: str, record: Record) -> str:
    """Return the key of a record as the source would have it, as far as it is told."""
    return key_text(map(record.get, standard.entities[entity].key))


def _misfits(
    standard: Standard, entity: str, record: Mapping[str, Any], before: str
) -> Iterator[Problem]:
    fields = standard.entities[entity].fields
    for name, value in record.items():
        place = before + name
        if name in fields:
            yield from _wrong(fields[name], value, place)
            continue
        several = isinstance(value, list)
        target = standard.leads_to(entity, Segment(name.removesuffix("[]"), several))
        if target is None:
            message = f"{entity} has no field and no relation '{name}'."
            hint = did_you_mean(name, _known(standard, entity))
            yield Problem(Origin(RECORD, 0, place), "S070", message, hint)
            continue
        for item in value if several else [value]:
            if isinstance(item, dict):
                yield from _misfits(standard, target, item, f"{place}.")
            elif item is not None:
                message = f"'{name}' is no {target} as a JSON object."
                yield Problem(Origin(RECORD, 0, place), "S070", message)


def _wrong(field: Field, value: Any, place: str) -> Iterator[Problem]:
    kinds = _KINDS[field.type]
    truth = isinstance(value, bool) and bool not in kinds
    if value is not None and (truth or not isinstance(value, kinds)):
        message = f"is no {field.type}."
        yield Problem(Origin(RECORD, 0, place), "S070", message)
        return
    items = value if isinstance(value, list) else [value]
    for item in items if field.item_fields else ():
        known = field.item_fields or {}
        for name, inner in item.items() if isinstance(item, dict) else ():
            if name in known:
                yield from _wrong(known[name], inner, f"{place}.{name}")
            else:
                message = f"{field.name} has no field '{name}'."
                hint = did_you_mean(name, known)
                origin = Origin(RECORD, 0, f"{place}.{name}")
                yield Problem(origin, "S070", message, hint)


def _known(standard: Standard, entity: str) -> list[str]:
    described = standard.entities[entity]
    return [
        *described.fields,
        *described.references,
        *described.selections,
        *standard.children(entity),
    ]
