"""The models of how a refusal is read and how often a request is attempted."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
)

from connectors.request import DottedPath, Part, PathOrAll


def _names_the_field(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    if not {"field", "message"} <= set(groups):
        raise ValueError("the pattern needs the groups `field` and `message`")
    return pattern


class FieldList(Part):
    """Problems of fields, as a list of objects or as one object."""

    items: PathOrAll = Field(
        description='Path to the list, or to one object; "" is the whole answer.'
    )
    field: DottedPath = Field(description="Path in an item to the field's name.")
    message: DottedPath = Field(description="Path in an item to the message.")


class FieldMap(Part):
    """Problems of fields, as an object from field to message or messages."""

    map: PathOrAll = Field(description='Path to the object; "" is the whole answer.')


class FieldPattern(Part):
    """Problems of fields, named in the text of the message."""

    pattern: Annotated[str, AfterValidator(_names_the_field)] = Field(
        description="Regular expression with the groups `field` and `message`."
    )


def _kind(value: Any) -> str:
    for name in ("map", "pattern"):
        if name in value if isinstance(value, Mapping) else hasattr(value, name):
            return name
    return "list"


Fields = Annotated[
    Annotated[FieldList, Tag("list")]
    | Annotated[FieldMap, Tag("map")]
    | Annotated[FieldPattern, Tag("pattern")],
    Discriminator(_kind),
]


class Backoff(Part):
    """The waits between attempts: doubled each time, with a random part."""

    initial_seconds: PositiveFloat = Field(default=0.5, description="The first wait.")
    max_seconds: PositiveFloat = Field(default=30, description="The longest wait.")


class Marker(Part):
    """A place in an answer, and the texts there that mean something."""

    path: DottedPath = Field(description="Path to the text.")
    texts: tuple[str, ...] = Field(
        min_length=1, description="The texts; any of them counts."
    )


class ErrorHandler(Part):
    """How an error answer is read, and how often a request is attempted."""

    message: tuple[DottedPath, ...] = Field(
        default=(),
        description="Paths to the message; the first that holds a text counts.",
    )
    fields: Fields | None = Field(
        default=None, description="Where the answer says what is wrong with fields."
    )
    refused_by: DottedPath | None = Field(
        default=None,
        description="A success with something at this path is a refusal (GraphQL).",
    )
    not_logged_in: Marker | None = Field(
        default=None,
        description="What says that the token does not hold, whatever the status "
        "(GraphQL); a 401 always says so.",
    )
    max_attempts: PositiveInt = Field(default=5, description="Attempts in all.")
    backoff: Backoff = Field(
        default_factory=Backoff, description="The waits between attempts."
    )
