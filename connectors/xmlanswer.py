"""Read an answer in XML: bytes in, the tree that `xmlbody` would write as them out.

Namespaces are left out. Nothing is fetched, and no entity is filled in.
"""

from typing import Any

from lxml import etree


def read_xml(body: bytes) -> Any:
    """
    Return the document as JSON values, or None if it is none.

    >>> read_xml(b'<a n="1"><b>x</b><b>y</b><c/></a>')
    {'a': {'@n': '1', 'b': ['x', 'y'], 'c': ''}}
    """
    parser = etree.XMLParser(
        resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
    )
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    return {_name(root.tag): _value(root)}


def _value(element: etree._Element) -> Any:
    """Return the text of an element that holds nothing else, or an object."""
    text = (element.text or "").strip()
    parts: dict[str, Any] = {
        f"@{_name(name)}": value for name, value in element.attrib.items()
    }
    for inner in element:
        if not isinstance(inner.tag, str):
            continue  # a comment or the like
        name, value = _name(inner.tag), _value(inner)
        if name not in parts:
            parts[name] = value
        elif isinstance(parts[name], list):
            parts[name].append(value)
        else:
            parts[name] = [parts[name], value]
    if not parts:
        return text
    return {**parts, "#text": text} if text else parts


def _name(tag: str | bytes) -> str:
    return etree.QName(tag).localname
