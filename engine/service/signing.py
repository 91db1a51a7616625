"""Sign calls of hooks and alerts, and read who may call: texts in, texts out.

A signature is HMAC-SHA256 over the moment, a dot and the raw body. Each activation has
a key of its own, made of one secret, so that who may call one hook calls no other.
"""

import hashlib
import hmac

TIMESTAMP = "X-Feldwerk-Timestamp"
SIGNATURE = "X-Feldwerk-Signature"
WINDOW_SECONDS = 300.0
"""So far the moment of a call may be from ours."""

_LONGEST_DIGITS = 15


def hook_key(secret: str, activation: str) -> str:
    """Return the key that calls of one activation's hook are signed with."""
    name = f"feldwerk hook {activation}".encode()
    return hmac.new(secret.encode(), name, hashlib.sha256).hexdigest()


def sign(key: str, timestamp: str, body: bytes) -> str:
    """
    Return the signature of a body.

    >>> sign("k", "1700000000", b"{}")[:14]
    'sha256=c6ef473'
    """
    signed = timestamp.encode() + b"." + body
    return "sha256=" + hmac.new(key.encode(), signed, hashlib.sha256).hexdigest()


def is_signed(key: str, timestamp: str, body: bytes, signature: str) -> bool:
    """Say whether a signature is right, in constant time."""
    return is_same(sign(key, timestamp, body), signature)


def is_recent(timestamp: str, now: float) -> bool:
    """Say whether a moment, seconds of the epoch as text, is within the window."""
    if not (timestamp.isascii() and timestamp.isdecimal()):
        return False
    if len(timestamp) > _LONGEST_DIGITS:
        return False
    return abs(now - int(timestamp)) <= WINDOW_SECONDS


def is_same(known: str, given: str) -> bool:
    """Compare a secret with what somebody gives, in constant time."""
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "replace"))
