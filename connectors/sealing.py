"""Keep a token from run to run: a token in, bytes out that are useless to others.

The key is made of the credentials, so whoever finds the bytes needs those, and who has
those needs no token. A changed password opens nothing: the next run logs in.
"""

import base64
import json
import math
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from connectors.tokens import Token

_PURPOSE = "feldwerk token 1"


class TokenVault(Protocol):
    """Where sealed bytes outlive the run; asked by one thread at a time."""

    def load(self) -> bytes | None:
        """Return what was saved last."""

    def save(self, sealed: bytes | None) -> None:
        """Keep this instead of what was saved before; None forgets it."""


class KeptToken:
    """
    The token of an account in a vault.

    `place` binds it to where it was given: another address never gets to see it.
    `outside` is held while the vault is asked.
    """

    def __init__(
        self,
        vault: TokenVault,
        credentials: Mapping[str, str],
        place: Sequence[str],
        outside: AbstractContextManager[Any] | None = None,
    ) -> None:
        self._vault = vault
        self._outside = outside or threading.Lock()
        self._fernet = Fernet(_key(credentials, place))

    def load(self) -> Token | None:
        """Return the kept token; None if there is none, or none that we can read."""
        with self._outside:
            sealed = self._vault.load()
        if sealed is None:
            return None
        try:
            return _token(json.loads(self._fernet.decrypt(sealed)))
        except (InvalidToken, ValueError, RecursionError):
            return None

    def save(self, token: Token) -> None:
        """Keep a token, sealed."""
        renew_at = token.renew_at if math.isfinite(token.renew_at) else None
        said = {"text": token.text, "answer": token.answer, "renew_at": renew_at}
        self._save(self._fernet.encrypt(json.dumps(said).encode()))

    def forget(self) -> None:
        """Empty the vault."""
        self._save(None)

    def _save(self, sealed: bytes | None) -> None:
        with self._outside:
            self._vault.save(sealed)


def _key(credentials: Mapping[str, str], place: Sequence[str]) -> bytes:
    """
    Return a key that is slow to guess: a person may have chosen the password.

    The salt need not be secret, only differ from place to place. n, r and p are those
    that RFC 7914 and OWASP give for a login.
    """
    secret = json.dumps(dict(credentials), sort_keys=True).encode()
    salt = json.dumps([_PURPOSE, *place]).encode()
    key = Scrypt(salt=salt, length=32, n=2**15, r=8, p=1).derive(secret)
    return base64.urlsafe_b64encode(key)


def _token(said: Any) -> Token | None:
    if not isinstance(said, dict) or not isinstance(said.get("text"), str):
        return None
    renew_at = said.get("renew_at")
    if renew_at is None:
        renew_at = math.inf
    if isinstance(renew_at, bool) or not isinstance(renew_at, int | float):
        return None
    return Token(said["text"], said.get("answer"), float(renew_at), "vault")
