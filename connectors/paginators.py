"""The models of how a partner gives a long list; `paging.py` reads it."""

from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from connectors.request import DottedPath, Part

Place = Literal["query", "body"]


class PageParameter(Part):
    """How a page is asked for by its number."""

    parameter: str = Field(description="Name of the query parameter.")
    start: int = Field(description="Number of the first page.")


class SizeParameter(Part):
    """How many items a page is to have."""

    parameter: str = Field(
        description="Name of the parameter; in a body it may be a dotted path."
    )
    value: PositiveInt = Field(description="The size to ask for.")
    reported: DottedPath | None = Field(
        default=None, description="Where the answer says the size that was used."
    )


class OffsetParameter(Part):
    """How a page is asked for by the number of items before it."""

    parameter: str = Field(
        description="Name of the parameter; in a body it may be a dotted path."
    )


class PageNumberPaginator(Part):
    """Pages by number, asked for in the query."""

    type: Literal["page_number"] = Field(description="Pages have numbers.")
    page: PageParameter = Field(description="How a page is asked for.")
    size: SizeParameter = Field(description="How the size of a page is asked for.")
    items: DottedPath = Field(description="Where the answer carries the items.")
    has_next: DottedPath | None = Field(
        default=None, description="Where the answer says whether there is another page."
    )
    total: DottedPath | None = Field(
        default=None,
        description="Where the answer says how many items there are in all.",
    )


class OffsetPaginator(Part):
    """Pages by the number of items before them, up to an empty one or the total."""

    type: Literal["offset"] = Field(description="Items are counted.")
    offset: OffsetParameter = Field(description="How many items to pass over.")
    limit: SizeParameter = Field(description="How many items to give.")
    place: Place = Field(
        default="query", alias="in", description="Where both parameters stand."
    )
    items: DottedPath = Field(description="Where the answer carries the items.")
    total: DottedPath | None = Field(
        default=None,
        description="Where the answer says how many items there are in all.",
    )


class CursorPaginator(Part):
    """Pages that each name a cursor to the next one."""

    type: Literal["cursor"] = Field(description="A page names the next one's cursor.")
    parameter: str = Field(
        description="Name of the parameter; in a body it may be a dotted path."
    )
    place: Place = Field(
        default="query", alias="in", description="Where the parameter stands."
    )
    cursor: DottedPath = Field(
        description="Where the answer carries the cursor; without one it is the last."
    )
    items: DottedPath = Field(description="Where the answer carries the items.")


class NextLinkPaginator(Part):
    """Pages that each carry the address of the next one."""

    type: Literal["next_link"] = Field(description="A page has the next one's address.")
    next: DottedPath = Field(
        description="Where the answer carries the address, absolute or relative; it "
        "is followed only on the same scheme, host and port."
    )
    items: DottedPath = Field(description="Where the answer carries the items.")


Paginator = Annotated[
    PageNumberPaginator | OffsetPaginator | CursorPaginator | NextLinkPaginator,
    Field(discriminator="type"),
]
