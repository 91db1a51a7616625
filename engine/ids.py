"""Keys and IDs: the ERP's key parts in, one text out.

A key is the ERP's own, independent of settings; an ID is what the partner shows.
"""

from collections.abc import Iterable, Sequence

from engine.errors import RecordError


def key_text(parts: Iterable[object]) -> str:
    """
    Join key parts into one text that no other key gives.

    >>> key_text(["1", "A/1", None])
    '1/A%2F1/'
    """
    return "/".join(
        "" if part is None else str(part).replace("%", "%25").replace("/", "%2F")
        for part in parts
    )


def key_parts(key: str) -> list[str]:
    """
    Return the parts of a key.

    >>> key_parts("1/A%2F1/")
    ['1', 'A/1', '']
    """
    return [part.replace("%2F", "/").replace("%25", "%") for part in key.split("/")]


def compose(parts: Sequence[str], separator: str) -> str:
    """
    Join ERP numbers into the partner's identifier.

    Raises RecordError if a part contains the separator: the partner shows these
    identifiers to people, so they are never escaped, and an ID must stay unique.

    >>> compose(["1", "1001", "01"], "-")
    '1-1001-01'
    """
    for part in parts:
        if separator in part:
            raise RecordError(
                "R202", f"the ID part '{part}' contains the separator '{separator}'"
            )
    return separator.join(parts)
