"""Which fields of the Standard are used by whom: partners in, their Users out."""

from collections.abc import Mapping, Sequence

from engine.app.catalogue import Partner
from engine.app.site.matrix import matrix
from engine.runtime.library import UseCase

Users = Mapping[str, Mapping[str, tuple[str, ...]]]
"""Standard entity -> its fields -> the partners whose tables or rules read them."""


def users_of(partners: Sequence[Partner]) -> Users:
    """Return the fields of the Standard, and the partners that read each of them."""
    if not partners:
        return {}
    standard = partners[0].use_cases[0].standard
    names = [partner.name for partner in partners]
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in matrix(tuple(partners), standard):
        fields: dict[str, dict[str, None]] = {}
        for row in part.rows:
            if row.key:
                continue  # whoever reads a record reads its key
            # A part of a list or of an object is used with it.
            users = fields.setdefault(row.name.partition(".")[0].removesuffix("[]"), {})
            pairs = zip(names, row.cells, strict=True)
            users.update({name: None for name, cell in pairs if cell})
        found[part.name] = {name: tuple(users) for name, users in fields.items()}
    return found


def nobody_uses(users: Users) -> dict[str, list[str]]:
    """Return the fields of the Standard that no partner reads, by entity."""
    found = {
        entity: [name for name, partners in fields.items() if not partners]
        for entity, fields in users.items()
    }
    return {entity: names for entity, names in found.items() if names}


def unused_by(use_case: UseCase, users: Users) -> Users:
    """Return what others read of the entities that a use case reads, too."""
    work = use_case.work
    bases = {work.standard.base(node) for node in work.nodes}
    found = {
        entity: {
            name: partners
            for name, partners in fields.items()
            if partners and use_case.spec.partner not in partners
        }
        for entity, fields in users.items()
        if entity in bases
    }
    return {entity: fields for entity, fields in found.items() if fields}
