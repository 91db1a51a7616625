"""
XML bodies, read backwards: a template and a document in, the variables in it out.

A record comes back in the JSON form of its schema: "@x" for attributes, "#text" for a
text beside them, lists and numbers where the schema has them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from tools.simulator.annotations import types_of
from tools.simulator.answers import Refusal
from tools.simulator.partner import Entity
from tools.simulator.schemas import FieldProblem, converted
from tools.simulator.templates import hole_of, pattern

_MOST_PROBLEMS = 10
_XML = "http://www.w3.org/XML/1998/namespace"


class Document:
    """The documents of one request: an envelope around one record or several."""

    def __init__(self, template: Any, entity: Entity | None, invalid: int) -> None:
        ((self._root, self._template),) = template.items()
        self._schema: Mapping[str, Any] = entity.schema if entity else {}
        self._invalid = invalid
        self._xsd: etree.XMLSchema | None = None
        if entity is not None and entity.xsd is not None:
            self._xsd = etree.XMLSchema(etree.parse(entity.xsd))

    def fits(self, raw: bytes) -> bool:
        """Return whether a document has the envelope of this request."""
        try:
            root = _parsed(raw)
            dict(self._read(self._template, root, self._root))
        except Refusal:
            return False
        return bool(_name(root) == self._root)

    def read(self, raw: bytes) -> Iterator[tuple[str, Any]]:
        """Yield the variables; raises Refusal for what is not the partner's."""
        root = _parsed(raw)
        if _name(root) != self._root:
            raise _refusal(_name(root), f"is not {self._root}")
        yield from list(self._read(self._template, root, self._root))
        self._validate(root)

    def _validate(self, root: Any) -> None:
        if self._xsd is None or self._xsd.validate(root):
            return
        log = list(self._xsd.error_log)[:_MOST_PROBLEMS]  # type: ignore[call-overload]
        problems = tuple(FieldProblem(_field(one), one.message) for one in log)
        told = "; ".join(f"{field}: {message}" for field, message in problems)
        raise Refusal(self._invalid, "VALIDATION_FAILED", told, problems)

    def _read(
        self, template: Any, element: Any, place: str
    ) -> Iterator[tuple[str, Any]]:
        if isinstance(template, Mapping):
            yield from self._read_parts(template, element, place)
            return
        hole = hole_of(template) if isinstance(template, str) else None
        if hole is not None and hole.variable in ("body", "bodies"):
            yield hole.variable, _value(element, self._schema)
        elif len(element):
            raise _refusal(place, "has elements in it")
        else:
            yield from _read_text(template, element.text or "", place)

    def _read_parts(
        self, template: Mapping[str, Any], element: Any, place: str
    ) -> Iterator[tuple[str, Any]]:
        attributes = dict(_attributes(element))
        children: dict[str, list[Any]] = {}
        for child in element:
            children.setdefault(_name(child), []).append(child)
        wanted = [name for name in template if name in children]
        if wanted != [name for name in children if name in template]:
            raise _refusal(place, f"its elements are not in the order {wanted}")
        for name in (*attributes, *children):
            if name not in template:
                raise _refusal(f"{place}.{name}", "is unknown")
        for name, part in template.items():
            if part is None:
                continue
            if name == "#text":
                yield from _read_text(part, element.text or "", place)
            elif name.startswith("@"):
                if name not in attributes:
                    raise _refusal(f"{place}.{name}", "is required")
                yield from _read_text(part, attributes[name], f"{place}.{name}")
            else:
                yield from self._read_children(
                    part, children.get(name, []), f"{place}.{name}"
                )

    def _read_children(
        self, template: Any, children: list[Any], place: str
    ) -> Iterator[tuple[str, Any]]:
        hole = hole_of(template) if isinstance(template, str) else None
        if hole is not None and hole.variable == "bodies":
            yield "bodies", [_value(child, self._schema) for child in children]
            return
        parts = template if isinstance(template, list) else [template]
        if len(children) != len(parts):
            raise _refusal(place, "is required" if not children else "is repeated")
        for part, child in zip(parts, children, strict=True):
            yield from self._read(part, child, place)


def _parsed(raw: bytes) -> Any:
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True
    )
    root: Any
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError as error:
        raise Refusal(400, "MALFORMED", f"The body is not XML: {error}") from None
    if root.getroottree().docinfo.doctype:
        raise Refusal(400, "MALFORMED", "The document has a DOCTYPE.")
    return root


def _read_text(template: Any, text: str, place: str) -> Iterator[tuple[str, Any]]:
    """Yield the variables in a text; a constant must be as the template has it."""
    if isinstance(template, str) and "{{" in template:
        found = pattern(template, "(?:.|\n)*").read(text)
        if found is None:
            raise _refusal(place, f"is not like '{template}'")
        yield from found.items()
        return
    wanted = str(template).lower() if isinstance(template, bool) else str(template)
    if text.strip() != wanted.strip():
        raise _refusal(place, f"is not '{wanted}'")


def _value(element: Any, schema: Mapping[str, Any]) -> Any:
    """Return an element as the JSON value of a schema."""
    properties: Mapping[str, Any] = schema.get("properties", {})
    attributes = dict(_attributes(element))
    if not (len(element) or attributes or properties or "object" in types_of(schema)):
        return converted(element.text or "", schema)
    value: dict[str, Any] = {
        name: converted(text, properties.get(name, {}))
        for name, text in attributes.items()
    }
    for child in element:
        name = _name(child)
        part = properties.get(name, {})
        if "array" in types_of(part):
            items = part.get("items") or {}
            value.setdefault(name, []).append(_value(child, items))
        elif name in value:  # the schema will say that this is not one value
            value[name] = [value[name], _value(child, part)]
        else:
            value[name] = _value(child, part)
    text = element.text or ""
    if text.strip():
        value["#text"] = converted(text, properties.get("#text", {}))
    return value


def _attributes(element: Any) -> Iterator[tuple[str, str]]:
    """Yield the attributes as templates name them, its own namespaces too."""
    parent = element.getparent()
    outer = {} if parent is None else parent.nsmap
    for prefix, address in element.nsmap.items():
        if outer.get(prefix) != address:
            yield (f"@xmlns:{prefix}" if prefix else "@xmlns"), address
    prefixes = {address: prefix for prefix, address in element.nsmap.items() if prefix}
    prefixes[_XML] = "xml"
    for name, value in element.attrib.items():
        qualified = etree.QName(name)
        prefix = prefixes.get(qualified.namespace or "")
        yield f"@{prefix}:{qualified.localname}" if prefix else f"@{name}", value


def _name(element: Any) -> str:
    local = etree.QName(element).localname
    return f"{element.prefix}:{local}" if element.prefix else local


def _field(error: Any) -> str:
    """Return the element that an error of the XML Schema is about, by its names."""
    parts = [part.partition("[")[0] for part in (error.path or "").split("/")]
    return ".".join(part for part in parts if part)


def _refusal(place: str, message: str) -> Refusal:
    problem = FieldProblem(place, message)
    return Refusal(400, "MALFORMED", f"{place} {message}.", (problem,))
