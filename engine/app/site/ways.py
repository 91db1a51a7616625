"""Where the path of a cell leads: a cell in, German labels and a field out."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.language import FieldPath, LanguageError, Segment, parse_path
from engine.model import Related, Setting
from engine.standard import Entity, Field, Standard

TODAY = "Tag des Laufs"


@dataclass(frozen=True)
class Way:
    """The labels along a path; `entity` and `field` name a row of the Standard."""

    labels: tuple[str, ...]
    entity: str = ""
    field: str = ""
    type: str = ""

    @property
    def text(self) -> str:
        return " › ".join(self.labels)


@dataclass(frozen=True)
class Ways:
    """What paths of one use case may lead through."""

    standard: Standard
    related: tuple[Related, ...]
    settings: Mapping[str, Setting]

    def follow(self, start: str, written: str | FieldPath) -> Way:
        """
        Follow a path from a Standard entity; what it does not know it shows as is.

        Specs are checked before, so that an unknown name is a word of the language
        that has no German one here.
        """
        if isinstance(written, FieldPath):
            return self._path(start, written)
        if written.strip().startswith("$"):
            return self._json_path(start, written.strip())
        try:
            return self._path(start, parse_path(written))
        except LanguageError:
            return Way((written,))

    def _path(self, start: str, path: FieldPath) -> Way:
        names = path.names
        if names in (("today",), ("settings", "today")):
            return Way((TODAY,), type="date")
        if names[:1] == ("settings",):
            setting = self.settings.get(".".join(names[1:]))
            title = setting.title if setting else ".".join(names[1:])
            return Way((f"Einstellung „{title}“",))
        return self._walk(self.standard.entities[start], path)

    def _walk(self, entity: Entity, path: FieldPath) -> Way:
        labels: list[str] = []
        for position, segment in enumerate(path.segments):
            step = self._step(entity, segment)
            if step is None:
                rest = FieldPath(path.segments[position:])
                return self._inside(entity, rest, labels)
            label, entity = step
            labels.append(label)
        return Way(tuple(labels) or (entity.title,), self.standard.base(entity.name))

    def _step(self, entity: Entity, segment: Segment) -> tuple[str, Entity] | None:
        """Return the next entity and what the step to it is called."""
        base = self.standard.base(entity.name)
        for related in self.related:
            if related.name == segment.name and related.of in (entity.name, base):
                child = self._child(entity, related.source)
                return related.name, self.standard.entities[child]
        if segment.many and segment.name in self.standard.children(entity.name):
            child = self._child(entity, segment.name)
            return self.standard.entities[child].plural, self.standard.entities[child]
        reference = entity.references.get(segment.name)
        if reference is None:
            return None
        target = self.standard.entities[reference.entity]
        named = segment.name == reference.entity
        return target.title if named else segment.name.capitalize(), target

    def _child(self, entity: Entity, name: str) -> str:
        children = self.standard.children(entity.name)
        return children[name][0] if name in children else name

    def _inside(self, entity: Entity, rest: FieldPath, labels: list[str]) -> Way:
        """Follow the last part of a path, within the fields of one entity."""
        fields: Mapping[str, Field] = entity.fields
        kind, where = "", []
        for segment in rest.segments:
            field = fields.get(segment.name)
            if field is None:
                labels.append(segment.name)
                continue
            labels.append(field.title)
            where.append(segment.name + "[]" * (field.type == "list"))
            kind, fields = field.type, field.item_fields or {}
        base = self.standard.base(entity.name)
        return Way(tuple(labels), base, _row(where), kind)

    def _json_path(self, start: str, written: str) -> Way:
        entity = self.standard.entities[start]
        name = "".join(c if c.isalnum() or c == "_" else " " for c in written).split()
        field = entity.fields.get(name[0]) if name else None
        if field is None:
            return Way((written,))
        row = _row([field.name + "[]" * (field.type == "list")])
        return Way((field.title,), self.standard.base(start), row, field.type)


def _row(parts: list[str]) -> str:
    """Name a row of the matrix: a whole list goes by its own name."""
    return ".".join(parts).removesuffix("[]")
