"""Read values out of a Standard record.

A record is a dict of its filled fields. Related records stand in it under the name of
the reference (`record["gebaeude"]`), those that point to it under their entity's name
with brackets (`record["mietvertrag_mieter[]"]`, a list).
"""

from typing import Any

from engine.language import FieldPath

Record = dict[str, Any]


def value_at(record: Any, path: FieldPath) -> Any:
    """
    Return the value at a path: a list for a path with `[]`, empty ones left out.

    >>> from engine.language import parse_path
    >>> value_at({"gebaeude": {"baujahr": 1968}}, parse_path("gebaeude.baujahr"))
    1968
    """
    values = [record]
    for segment in path.segments:
        if segment.many:
            values = [
                item for value in values for item in _members(value, segment.name)
            ]
        else:
            values = [
                value.get(segment.name) if isinstance(value, dict) else None
                for value in values
            ]
    if path.many:
        return [value for value in values if value is not None]
    return values[0]


def _members(value: Any, name: str) -> list[Any]:
    if not isinstance(value, dict):
        return []
    found = value.get(f"{name}[]", value.get(name))
    return found if isinstance(found, list) else []
