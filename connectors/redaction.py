"""Take credentials and tokens out of what a partner says: a text in, a text out."""

import base64
import html
import json
import re
import threading
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

# What cannot be printed is read as a blank.
_BLANKS = r"[\s\x00-\x1f\x7f-\x9f]+"
_PARTS = re.compile(rf"({_BLANKS}|%[0-9A-Fa-f]{{2}}|\\u[0-9a-f]{{4}})")
_LEAST = 4
"""Base64 of less than this is a piece of any text."""


class Secrets:
    """Everything that no message may show; several threads may share it."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._texts: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(texts)

    def add(self, texts: Iterable[str]) -> None:
        """Remember more of them."""
        with self._lock:
            known = self._texts | (frozenset(texts) - {""})
            if known != self._texts:
                self._texts, self._pattern = known, _any_of(known)

    def redact(self, text: str) -> str:
        """Return the text with *** for every secret, however it is written."""
        return self._pattern.sub("***", text) if self._pattern else text


def _any_of(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Return the pattern of every form of every secret, the longest first."""
    forms = {form for secret in secrets for form in _forms(secret)}
    patterns = [_loosely(form) for form in sorted(forms, key=len, reverse=True)]
    return re.compile("|".join(patterns)) if patterns else None


def _loosely(form: str) -> str:
    """Return the pattern of a form: blanks in any number, %C3 as well as %c3."""
    return "".join(map(_part, _PARTS.split(form)))


def _part(text: str) -> str:
    if re.fullmatch(_BLANKS, text):
        return _BLANKS
    pattern = re.escape(text)
    return f"(?i:{pattern})" if _PARTS.fullmatch(text) else pattern


def _forms(secret: str) -> Iterator[str]:
    """Yield a secret as it may come back: plain, in addresses, JSON, XML, base64."""
    for text in {secret, secret.strip()} - {""}:
        yield text
        yield quote(text)
        yield quote(text, safe="")
        yield quote_plus(text)
        yield json.dumps(text)[1:-1]
        yield json.dumps(text, ensure_ascii=False)[1:-1]
        yield json.dumps(text)[1:-1].replace("/", r"\/")
        yield html.escape(text, quote=False)
        yield html.escape(text)
        yield html.escape(text).replace("&#x27;", "&apos;")
        yield html.escape(text).replace("&#x27;", "&#39;")
        yield html.escape(text).encode("ascii", "xmlcharrefreplace").decode()
        yield text.encode().decode("latin-1")  # read in the wrong encoding
    if len(secret) >= _LEAST:
        yield from _base64(secret.encode())


def _base64(secret: bytes) -> Iterator[str]:
    """
    Yield what of a secret shows in base64, alone or inside of a longer text.

    The first and the last letters depend on what stands around it.
    """
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + secret).rstrip(b"=").decode()
        first = -(-before * 8 // 6)
        whole = (before + len(secret)) * 8 // 6
        inner = coded[first:whole]
        yield inner
        yield inner.replace("+", "-").replace("/", "_")
