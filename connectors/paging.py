"""Read a list of a partner through all its pages: a request in, its items out.

A list that ends too early makes duplicates, so a short page ends it only if the
partner says nothing better.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from connectors.answers import at
from connectors.errors import AnswerError
from connectors.message import Page
from connectors.paginators import (
    CursorPaginator,
    NextLinkPaginator,
    OffsetPaginator,
    PageNumberPaginator,
    Paginator,
)
from connectors.request import Request
from connectors.templates import Variables
from connectors.transport import Session


@dataclass(frozen=True)
class _Read:
    """What has been read so far: pages, items, those of the last and longest page."""

    pages: int = 0
    items: int = 0
    last: int = 0
    longest: int = 0

    def then(self, length: int) -> "_Read":
        longest = max(self.longest, length)
        return _Read(self.pages + 1, self.items + length, length, longest)


def items(
    session: Session,
    request: Request,
    variables: Variables,
    paginator: Paginator | None = None,
) -> Iterator[Any]:
    """
    Yield the items of all pages; an answer that is a plain list is the only page.

    The connector's paginator counts if none is given.

    Raises AnswerError if there is no list, if a page comes a second time, or if its
    link leads to another host.
    """
    paginator = paginator or session.connector.paginator
    if paginator is None:
        yield from _list(session.send(request, variables).json, request)
        return
    seen: set[bytes] = set()
    read = _Read()
    page: Page | None = _first(paginator)
    while page is not None:
        document = session.send(request, variables, page).json
        if isinstance(document, list):
            yield from document
            return
        found = _list(at(document, paginator.items), request)
        read = read.then(len(found))
        yield from found
        page = _next(paginator, document, read, request)
        # An empty page may have a successor, but no two have the same one.
        linked = isinstance(paginator, CursorPaginator | NextLinkPaginator)
        if page is not None:
            mark = [page.query, page.body, page.link] if linked else found
            _remember(mark, seen, request)


def _first(paginator: Paginator) -> Page:
    match paginator:
        case PageNumberPaginator():
            return _numbered(paginator, 0)
        case OffsetPaginator():
            return _counted(paginator, 0)
        case CursorPaginator() | NextLinkPaginator():
            return Page()


def _next(
    paginator: Paginator, document: Any, read: _Read, request: Request
) -> Page | None:
    """Return what asks for the next page; None after the last one."""
    match paginator:
        case PageNumberPaginator():
            last = _is_last_number(paginator, document, read)
            return None if last else _numbered(paginator, read.pages)
        case OffsetPaginator():
            last = _is_last_offset(paginator, document, read)
            return None if last else _counted(paginator, read.items)
        case CursorPaginator():
            cursor = _pointer(document, paginator.cursor, request)
            if cursor is None:
                return None
            return _asking(paginator.place, {paginator.parameter: cursor})
        case NextLinkPaginator():
            link = _pointer(document, paginator.next, request)
            return None if link is None else Page(link=str(link))


def _numbered(paginator: PageNumberPaginator, pages: int) -> Page:
    number, size = paginator.page, paginator.size
    return Page({number.parameter: number.start + pages, size.parameter: size.value})


def _counted(paginator: OffsetPaginator, items: int) -> Page:
    offset, limit = paginator.offset, paginator.limit
    asked = {offset.parameter: items, limit.parameter: limit.value}
    return _asking(paginator.place, asked)


def _asking(
    place: Literal["query", "body"], parameters: Mapping[str, int | str]
) -> Page:
    if place == "query":
        return Page(query=parameters)
    body: dict[str, Any] = {}
    for path, value in parameters.items():
        *outer, name = path.split(".")
        inner = body
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[name] = value
    return Page(body=body)


def _is_last_number(paginator: PageNumberPaginator, document: Any, read: _Read) -> bool:
    """Ask the answer itself, then its total, then the size of the page."""
    has_next = at(document, paginator.has_next) if paginator.has_next else None
    if isinstance(has_next, bool):
        return not has_next
    if read.last == 0:
        return True
    total = _count(document, paginator.total)
    if total is not None:
        return read.items >= total
    # The partner may cap the size that was asked for: only what it used counts.
    used = _count(document, paginator.size.reported)
    return read.last < (read.longest if used is None else used)


def _is_last_offset(paginator: OffsetPaginator, document: Any, read: _Read) -> bool:
    """Ask the total, then the size that was used; else an empty page is the last."""
    if read.last == 0:
        return True
    total = _count(document, paginator.total)
    if total is not None:
        return read.items >= total
    used = _count(document, paginator.limit.reported)
    return used is not None and read.last < used


def _pointer(document: Any, path: str, request: Request) -> str | int | None:
    """Return the cursor or the link to the next page; None if there is none."""
    value = at(document, path)
    if value in (None, "", False):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int):
        what = f"{request.method} {request.path}"
        raise AnswerError(f"{what}: '{path}' does not say where the next page is.")
    return value


def _count(document: Any, path: str | None) -> int | None:
    value = at(document, path) if path else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _list(value: Any, request: Request) -> list[Any]:
    if not isinstance(value, list):
        raise AnswerError(f"{request.method} {request.path}: the answer has no list.")
    return value


def _remember(mark: Any, seen: set[bytes], request: Request) -> None:
    digest = sha256(json.dumps(mark, sort_keys=True).encode()).digest()
    if digest in seen:
        what = f"{request.method} {request.path}"
        raise AnswerError(f"{what}: the same page comes twice.")
    seen.add(digest)
