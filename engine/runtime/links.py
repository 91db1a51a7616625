"""What the partner has of a record, as Feldwerk remembers it."""

from dataclasses import dataclass
from typing import Any

REMOVED = "removed"
"""The hash of a record that was ended or blocked at the partner and still is there."""


@dataclass(frozen=True)
class Link:
    """
    Our key of a record, our ID, the partner's id, and the hash last accepted.

    `fixed` is the hash of the fields that the partner cannot change, `fields` the
    fingerprint of all.
    """

    key: str
    our_id: str
    partner_id: Any
    digest: str
    fixed: str = ""
    fields: bytes = b""


@dataclass(frozen=True)
class Reject:
    """A record that was not sent or not taken, and why."""

    entity: str
    key: str
    code: str
    message: str
    origin: str = ""
