"""Take credentials and tokens out of what a partner says: a text in, a text out."""

import json
import threading
from collections.abc import Iterable
from urllib.parse import quote, quote_plus


class Secrets:
    """Everything that no message may show; several threads may share it."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._lock = threading.Lock()
        self._texts = frozenset(texts) - {""}

    def add(self, texts: Iterable[str]) -> None:
        """Remember more of them."""
        with self._lock:
            self._texts = self._texts | (frozenset(texts) - {""})

    def redact(self, text: str) -> str:
        """Return the text with *** for every secret, however it is written."""
        forms = {form for secret in self._texts for form in _forms(secret)}
        for form in sorted(forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text


def _forms(secret: str) -> tuple[str, ...]:
    """Return a secret as it may come back: plain, in an address, in JSON, in XML."""
    in_json = json.dumps(secret)[1:-1]
    in_xml = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return secret, quote(secret, safe=""), quote_plus(secret), in_json, in_xml
