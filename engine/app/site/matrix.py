"""The matrix: all fields of the Standard against all partners, cell by cell."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from engine.app.catalogue import Partner
from engine.app.payload_fields import payload_fields
from engine.app.site.markdown import LETTERS, code
from engine.app.site.ways import Ways
from engine.app.site.words import paths_of_cell
from engine.language import parse_condition, paths_of
from engine.model import EntityFile, FieldRow, as_tuple
from engine.runtime.library import UseCase
from engine.standard import Entity, Field, Standard

PERSONAL = {"none": "", "personal": "P", "sensitive": "S"}
RULE = "Regel"
"""What a cell shows of a field that decides only what is sent."""

Place = tuple[str, str]
"""A Standard entity, never a view, and a field of it: `telefone[].art` is one too."""


PartnerFields = tuple[tuple[str, str], ...]
"""The fields of a partner that a value goes to, each with the letter of its mark."""


@dataclass
class Cells:
    """What one partner has for each field of the Standard."""

    fields: dict[Place, dict[tuple[str, str], None]] = field(default_factory=dict)
    rules: set[Place] = field(default_factory=set)

    def at(self, place: Place) -> PartnerFields:
        """Return the partner's fields, else whether a rule reads it."""
        known = self.fields.get(place)
        if known:
            return tuple(known)
        return ((RULE, ""),) if place in self.rules else ()


@dataclass(frozen=True)
class MatrixRow:
    name: str
    title: str
    key: bool
    personal: str
    fields: tuple[PartnerFields, ...]
    """For each partner."""

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the cells as Markdown has them."""
        return tuple("<br>".join(_written(*pair) for pair in f) for f in self.fields)


def _written(name: str, letter: str) -> str:
    return f"{code(name)} {letter}" if letter else name


@dataclass(frozen=True)
class MatrixPart:
    """A Standard entity; `views` share its fields and have an anchor of their own."""

    name: str
    title: str
    views: tuple[tuple[str, str], ...]
    rows: tuple[MatrixRow, ...]


def matrix(partners: tuple[Partner, ...], standard: Standard) -> tuple[MatrixPart, ...]:
    """Return a part for each entity of the Standard, with a row for each field."""
    columns = [_cells(partner) for partner in partners]
    return tuple(
        MatrixPart(
            name=entity.name,
            title=entity.title,
            views=tuple(
                (view.name, view.title)
                for view in standard.entities.values()
                if view.view_of == entity.name
            ),
            rows=tuple(_rows(entity, columns)),
        )
        for entity in standard.entities.values()
        if entity.view_of is None
    )


def _rows(entity: Entity, columns: list[Cells]) -> Iterator[MatrixRow]:
    for name, title, known in _fields_of(entity.fields):
        place = (entity.name, name)
        yield MatrixRow(
            name=name,
            title=title,
            key=name in entity.key,
            personal=PERSONAL[known.personal],
            fields=tuple(column.at(place) for column in columns),
        )


def _fields_of(
    fields: Mapping[str, Field], name: str = "", title: str = ""
) -> Iterator[tuple[str, str, Field]]:
    """Yield fields, and those of the entries of lists behind their list."""
    for known in fields.values():
        path, label = name + known.name, title + known.title
        yield path, label, known
        inner = path + ("[]." if known.type == "list" else ".")
        yield from _fields_of(known.item_fields or {}, inner, f"{label} › ")


def _cells(partner: Partner) -> Cells:
    cells = Cells()
    for found in partner.use_cases:
        ways = Ways(
            found.standard, found.spec.use_case.related, found.spec.use_case.settings
        )
        for entity in found.spec.use_case.entities:
            _add_entity(found, entity, ways, cells)
        for start, written in _conditions(found):
            if not written:
                continue
            for path in paths_of(parse_condition(written)):
                way = ways.follow(start, path)
                cells.rules.add((way.entity, way.field))
    return cells


def _add_entity(found: UseCase, entity: EntityFile, ways: Ways, cells: Cells) -> None:
    schema = found.spec.schemas[entity.resource or entity.name]
    marks = {f.name: LETTERS[f.evidence] for f in payload_fields(schema)}
    start = as_tuple(entity.erp)[0]
    for rule in found.spec.tables[entity.name]:
        name = rule.row.partner_field
        shown = f"{entity.name}.{name}", marks.get(name, "V")
        for origin, written in _read_by(found, start, rule.row):
            way = ways.follow(origin, written)
            cells.fields.setdefault((way.entity, way.field), {})[shown] = None


def _read_by(found: UseCase, start: str, row: FieldRow) -> Iterator[tuple[str, str]]:
    """Yield the paths whose values a row carries; a reference carries another's ID."""
    yield from ((start, path) for path in paths_of_cell(row.erp_field))
    yield from ((start, path) for path in paths_of_cell(row.id_parts))
    name = row.reference.partition("(")[0].strip()
    for entity in found.spec.use_case.entities:
        if entity.name == name:
            origin = as_tuple(entity.erp)[0]
            for rule in found.spec.tables[name]:
                for path in paths_of_cell(rule.row.id_parts):
                    yield origin, path


def _conditions(found: UseCase) -> Iterator[tuple[str, str]]:
    """Yield every condition of a use case and the entity that it starts from."""
    file = found.spec.use_case
    for entity in file.entities:
        start = as_tuple(entity.erp)[0]
        yield start, entity.records
        yield start, entity.adopts.when if entity.adopts else ""
        yield from ((start, rule.row.when) for rule in found.spec.tables[entity.name])
    for rule in file.prerequisites:
        yield from ((start, rule.require) for start in as_tuple(rule.entity))
    for related in file.related:
        children = found.standard.children(related.of)
        if related.source in children:
            yield children[related.source][0], related.where
