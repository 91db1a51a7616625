"""Check the relations of a use case: Relateds in, a Standard that knows them out."""

from engine.conditions import check_condition
from engine.joins import relations
from engine.language import FieldPath, LanguageError, paths_of
from engine.model import Related
from engine.paths import resolve
from engine.problems import Origin, Problem, did_you_mean
from engine.spec import Spec
from engine.standard import Selection, Standard


def relate(spec: Spec, standard: Standard, problems: list[Problem]) -> Standard:
    """Return the Standard with the relations; each may use those before it."""
    for index, related in enumerate(spec.use_case.related):
        selection = _selection(spec, standard, related, index, problems)
        if selection is not None:
            standard = standard.with_selection(related.of, selection)
    return standard


def _selection(
    spec: Spec,
    standard: Standard,
    related: Related,
    index: int,
    problems: list[Problem],
) -> Selection | None:
    def at(key: str) -> Origin:
        return spec.use_case_yaml.origin(("related", index, key))

    if related.of not in standard.entities:
        hint = did_you_mean(related.of, standard.entities)
        message = f"the Standard has no entity '{related.of}'."
        problems.append(Problem(at("of"), "M120", message, hint))
        return None
    owner = standard.entities[related.of]
    children = standard.children(related.of)
    if related.source not in children:
        hint = did_you_mean(related.source, children)
        message = f"no records '{related.source}' point to a {related.of}."
        problems.append(Problem(at("from"), "M124", message, hint))
        return None
    taken = {*owner.fields, *owner.references, *owner.selections, *children}
    if related.name in taken:
        message = f"a {related.of} has '{related.name}' already."
        problems.append(Problem(at("name"), "M124", message))
        return None
    child, reference = children[related.source]
    before = len(problems)
    where = None
    if related.where:
        settings = spec.use_case.settings
        place = at("where")
        where = check_condition(
            related.where, place, standard, child, settings, problems
        )
    order = [
        _order(standard, child, text, at("order"), problems) for text in related.order
    ]
    if len(problems) > before:
        return None
    sorted_by = tuple(pair for pair in order if pair is not None)
    read = [*paths_of(where), *(path for path, _ in sorted_by)]
    ways = {relations(standard, child, p) for p in read if p.setting is None}
    return Selection(
        name=related.name,
        child=child,
        reference=reference,
        where=where,
        order=sorted_by,
        take=related.take,
        joins=frozenset(way for way in ways if way.segments),
    )


def _order(
    standard: Standard,
    child: str,
    text: str,
    place: Origin,
    problems: list[Problem],
) -> tuple[FieldPath, bool] | None:
    name, _, direction = text.strip().partition(" ")
    if direction.strip() not in ("", "desc"):
        message = f"'{text}' is no field, or a field and 'desc'."
        problems.append(Problem(place, "M124", message))
        return None
    try:
        found = resolve(standard, child, name)
    except LanguageError as error:
        problems.append(Problem(place, "M101", f"{error}"))
        return None
    if found.field is None or found.path.many:
        problems.append(Problem(place, "M124", f"'{name}' is not one field."))
        return None
    return found.path, direction.strip() == "desc"
