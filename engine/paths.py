"""Follow a path of a table through the Standard: names in, the field or record out."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.language import FieldPath, LanguageError, Segment, parse_path
from engine.problems import did_you_mean
from engine.standard import Entity, Field, Standard


@dataclass(frozen=True)
class Resolved:
    """Where a path of a table leads: the path itself, its last field or entity."""

    path: FieldPath
    entity: str
    field: Field | None


def resolve(standard: Standard, start: str, text: str) -> Resolved:
    """
    Follow a path from a Standard entity; raises LanguageError with a suggestion.

    A key part of a related record that stands in the record itself is read there:
    `gebaeude.geb_nr` of a Verwaltungseinheit needs no second record.
    """
    path = parse_path(text)
    segments: list[Segment] = []
    entity = standard.entities[start]
    for position, segment in enumerate(path.segments):
        last = position == len(path.segments) - 1
        field = entity.fields.get(segment.name)
        related = standard.leads_to(entity.name, segment)
        if related is not None:
            own = _own_part(entity, segment, path.segments[position + 1 :])
            if own is not None:
                return Resolved(
                    FieldPath((*segments, Segment(own))),
                    entity.name,
                    entity.fields[own],
                )
            entity = standard.entities[related]
        elif segment.many and field is not None and field.type == "list":
            return _inside(path, entity, field)
        elif field is not None and not segment.many and last:
            return Resolved(FieldPath((*segments, segment)), entity.name, field)
        elif field is not None and field.type == "object":
            return _inside(path, entity, field)
        else:
            raise LanguageError(_unknown(standard, entity, segment))
        segments.append(segment)
    return Resolved(FieldPath(tuple(segments)), entity.name, None)


def _own_part(entity: Entity, segment: Segment, rest: Sequence[Segment]) -> str | None:
    reference = entity.references.get(segment.name)
    if reference is None or segment.many or len(rest) != 1 or rest[0].many:
        return None
    return reference.fields.get(rest[0].name)


def _inside(path: FieldPath, entity: Entity, field: Field) -> Resolved:
    name = path.segments[-1].name
    inner = (field.item_fields or {}).get(name)
    if inner is None and name != field.name:
        hint = did_you_mean(name, field.item_fields or {})
        raise LanguageError(f"{field.name} has no part '{name}'. {hint}".strip())
    return Resolved(path, entity.name, inner or field)


def _unknown(standard: Standard, entity: Entity, segment: Segment) -> str:
    children = standard.children(entity.name)
    chosen = [s.name + "[]" * s.many for s in entity.selections.values()]
    known = [*entity.fields, *entity.references, *(f"{c}[]" for c in children), *chosen]
    name = segment.name + "[]" * segment.many
    hint = did_you_mean(name, known)
    return f"{entity.name} has no field '{name}'. {hint}".strip()
