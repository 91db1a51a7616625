"""Read the body of an answer: its pieces as they come in, so many bytes of it out."""

import zlib
from collections.abc import Iterable

_PACKED = ("gzip", "x-gzip", "deflate")
_EITHER_FORMAT = zlib.MAX_WBITS | 32


class TooLongError(Exception):
    """The body is longer than it may be; `beginning` is what may be read of it."""

    def __init__(self, beginning: bytes) -> None:
        super().__init__()
        self.beginning = beginning


class UnreadableError(Exception):
    """The body is packed, and cannot be unpacked."""


def read_body(pieces: Iterable[bytes], encoding: str, limit: int) -> bytes:
    """
    Return a body unpacked; no more than `limit` bytes are ever held of it.

    `encoding` is the header Content-Encoding. Raises TooLongError, UnreadableError.

    >>> read_body([zlib.compress(b"hello")], "deflate", 9)
    b'hello'
    """
    unpacker = zlib.decompressobj(_EITHER_FORMAT) if encoding in _PACKED else None
    body = bytearray()
    for piece in pieces:
        if unpacker is None:
            body += piece
        else:
            try:
                body += unpacker.decompress(piece, limit + 1 - len(body))
            except zlib.error:
                raise UnreadableError from None
        if len(body) > limit:
            raise TooLongError(bytes(body[:limit]))
    return bytes(body)
