"""Texts that somebody else has written: any text in, one visible line of it out."""


def plain(text: str) -> str:
    r"""
    Return a text as one visible line: what cannot be seen is spelled out.

    >>> plain("a\nb\u00a0c")
    'a\\u000ab\\u00a0c'
    """
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
