"""Read a list of a partner through all its pages: a request in, its items out.

A list that ends too early makes duplicates, so a short page ends it only if the
partner says nothing better.
"""

import json
from collections.abc import Iterator
from hashlib import sha256
from itertools import count
from typing import Any

from connectors.answers import at
from connectors.errors import AnswerError
from connectors.model import PageNumberPaginator
from connectors.request import Request
from connectors.templates import Variables
from connectors.transport import Session


def items(session: Session, request: Request, variables: Variables) -> Iterator[Any]:
    """
    Yield the items of all pages; an answer that is a plain list is the only page.

    Raises AnswerError if there is no list, or if a page comes a second time.
    """
    paginator = session.connector.paginator
    if paginator is None:
        yield from _list(session.send(request, variables).json, request)
        return
    seen: set[bytes] = set()
    done = longest = 0
    for number in count(paginator.page.start):
        query = {
            paginator.page.parameter: number,
            paginator.size.parameter: paginator.size.value,
        }
        document = session.send(request, variables, query).json
        if isinstance(document, list):
            yield from document
            return
        page = _list(at(document, paginator.items), request)
        done, longest = done + len(page), max(longest, len(page))
        yield from page
        if _is_last(paginator, document, len(page), done, longest):
            return
        _remember(page, seen, request)


def _is_last(
    paginator: PageNumberPaginator,
    document: Any,
    length: int,
    done: int,
    longest: int,
) -> bool:
    """Ask the answer itself, then its total, then the size of the page."""
    has_next = at(document, paginator.has_next) if paginator.has_next else None
    if isinstance(has_next, bool):
        return not has_next
    if length == 0:
        return True
    total = _count(document, paginator.total)
    if total is not None:
        return done >= total
    # The partner may cap the size that was asked for: only what it used counts.
    used = _count(document, paginator.size.reported)
    return length < (longest if used is None else used)


def _count(document: Any, path: str | None) -> int | None:
    value = at(document, path) if path else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: Any, request: Request) -> list[Any]:
    if not isinstance(value, list):
        raise AnswerError(f"{request.method} {request.path}: the answer has no list.")
    return value


def _remember(page: list[Any], seen: set[bytes], request: Request) -> None:
    digest = sha256(json.dumps(page, sort_keys=True).encode()).digest()
    if digest in seen:
        what = f"{request.method} {request.path}"
        raise AnswerError(f"{what}: the same page comes twice.")
    seen.add(digest)
