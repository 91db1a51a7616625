"""Write a payload as an XML document: a JSON value in, bytes out.

The tree has one root. Keys are elements in the order given, `@x` an attribute, `#text`
the text; a list repeats its element; null is left out. `@xmlns` and `@xmlns:p` declare
namespaces. Nothing is ever read here, so there are no entities to expand.
"""

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from lxml import etree

from connectors.errors import DocumentError

_XML = "http://www.w3.org/XML/1998/namespace"
Namespaces = Mapping[str | None, str]


def write_xml(tree: Any) -> bytes:
    """
    Return the document in UTF-8, with its declaration.

    Raises DocumentError for what XML cannot hold: control characters, strange names.

    >>> write_xml({"a": {"@n": 1, "b": ["x & y", True], "c": None}}).splitlines()[1]
    b'<a n="1"><b>x &amp; y</b><b>true</b></a>'
    """
    if not isinstance(tree, Mapping) or len(tree) != 1:
        raise DocumentError("An XML document has exactly one root.")
    ((name, value),) = tree.items()
    if value is None or isinstance(value, list):
        raise DocumentError(f"The root '{name}' of an XML document is one element.")
    try:
        root = _element(None, name, value, {"xml": _XML})
    except RecursionError:
        raise DocumentError(f"'{name}' is nested too deeply.") from None
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _element(
    parent: etree._Element | None, name: str, value: Any, known: Namespaces
) -> etree._Element:
    content = value if isinstance(value, Mapping) else {"#text": value}
    declared = dict(_declared(content))
    known = {**known, **declared}
    tag = _qualified(name, known, known.get(None))
    try:
        if parent is None:
            element = etree.Element(tag, None, declared)  # type: ignore[arg-type]
        else:
            element = etree.SubElement(parent, tag, None, declared)  # type: ignore[arg-type]
    except ValueError:
        raise DocumentError(f"'{name}' is no name of an XML element.") from None
    for key, inner in content.items():
        if inner is None or _prefix(key) is not _NO_PREFIX:
            continue
        if key == "#text":
            element.text = _checked(name, _text(name, inner))
        elif key.startswith("@"):
            _set(element, key[1:], inner, known)
        else:
            for item in inner if isinstance(inner, list) else [inner]:
                if item is not None:
                    _element(element, key, item, known)
    return element


def _set(element: etree._Element, name: str, value: Any, known: Namespaces) -> None:
    text = _checked(name, _text(name, value))
    try:
        element.set(_qualified(name, known, None), text)
    except ValueError:
        raise DocumentError(f"'{name}' is no name of an XML attribute.") from None


_NO_PREFIX = object()


def _prefix(key: str) -> object:
    """Return the prefix that a key declares, None for the default one."""
    if key == "@xmlns":
        return None
    return key[7:] if key.startswith("@xmlns:") else _NO_PREFIX


def _declared(content: Mapping[str, Any]) -> Iterator[tuple[str | None, str]]:
    for key, value in content.items():
        prefix = _prefix(key)
        if prefix is not _NO_PREFIX and value is not None:
            yield (None if prefix is None else str(prefix)), _text(key, value)


def _qualified(name: str, known: Namespaces, default: str | None) -> str:
    """Return a name as lxml wants it: `{namespace}local`."""
    prefix, colon, local = name.rpartition(":")
    if colon and prefix not in known:
        raise DocumentError(f"The namespace of '{name}' is not declared.")
    namespace = known[prefix] if colon else default
    return f"{{{namespace}}}{local}" if namespace else local


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise DocumentError(f"'{name}' is no number that XML can hold.")
        return format(Decimal(repr(value)), "f")
    if isinstance(value, str | int):
        return str(value)
    raise DocumentError(f"'{name}' holds a list or an object where a text is due.")


def _checked(name: str, text: str) -> str:
    """Return a text that lxml takes: no control characters, no half characters."""
    if any(not _is_character(ord(character)) for character in text):
        raise DocumentError(f"'{name}' holds a character that XML cannot hold.")
    return text


def _is_character(code: int) -> bool:
    """Say whether a code point may stand in XML 1.0."""
    return (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF  # noqa: PLR2004 - the ranges of the standard
        or 0xE000 <= code <= 0xFFFD  # noqa: PLR2004
        or code >= 0x10000  # noqa: PLR2004
    )
