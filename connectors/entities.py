"""The models of how the records of one entity are written, found and removed."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import Discriminator, Field, PositiveInt, Tag, model_validator

from connectors.error_handler import Fields
from connectors.paginators import Paginator
from connectors.request import (
    DottedPath,
    Lookup,
    Part,
    PathOrAll,
    Removal,
    RepeatableRequest,
    Request,
)
from connectors.templates import variables_of

_RECORD = frozenset({"id", "body", "path"})
_LINKED = _RECORD | {"partner_id"}


class Ids(Part):
    """Where a partner's answer carries its id of a record."""

    path: DottedPath = Field(
        default="id", description="Where an answer carries the id."
    )
    deleted: DottedPath | None = Field(
        default=None, description="An item with a value here is deleted at the partner."
    )


class Listing(RepeatableRequest, defer_build=False):
    """A list of all records of an entity, or of those below some parents."""

    match: DottedPath = Field(description="Where an item carries our id, or a list.")
    id: DottedPath | None = Field(
        default=None,
        description="Where an item carries the partner's id; as in `ids` if left out.",
    )
    paginator: Paginator | None = Field(
        default=None, description="Instead of the connector's `paginator`."
    )


class Rejected(Part):
    """What the answer to a batch says of the records that it did not take."""

    items: PathOrAll = Field(
        description='Path to the list; "" is the whole answer. Without a list all are '
        "taken."
    )
    index: DottedPath = Field(
        description="Path in an item to the place of the record in the batch, from 0."
    )
    message: DottedPath | None = Field(
        default=None, description="Path in an item to the message."
    )
    fields: Fields | None = Field(
        default=None, description="Where an item says what is wrong with fields."
    )


class Batch(Part):
    """Several records in one request."""

    size: PositiveInt = Field(description="So many records at most.")
    rejected: Rejected | None = Field(
        default=None,
        description="Where the answer names what it did not take; "
        "without it a success takes all.",
    )


class Upsert(Part):
    """A record that we name: it is created or replaced under our id."""

    upsert: RepeatableRequest = Field(
        description="Knows `id`, `body` and `path`; as a batch `bodies`, a list."
    )
    batch: Batch | None = Field(
        default=None, description="If one request carries several records."
    )
    listing: Listing | None = Field(
        default=None,
        alias="list",
        description="How all records are read. Knows `path`.",
    )
    remove: Removal | None = Field(
        default=None,
        description="Knows `id`, `partner_id`, `path` and `body`; 404 counts as done.",
    )
    ids: Ids | None = Field(
        default=None, description="Instead of the connector's `ids`."
    )

    @model_validator(mode="after")
    def _sends_the_batch(self) -> Self:
        if self.batch is None:
            return self
        if "bodies" not in variables_of(self.upsert.templates):
            raise ValueError("an upsert with batch needs {{ bodies }}")
        return self

    def requests(self) -> Iterator[tuple[str, Request, frozenset[str]]]:
        """Yield place, request, and the variables that it is given."""
        given = _RECORD if self.batch is None else frozenset({"bodies"})
        yield "upsert", self.upsert, given
        if self.listing is not None:
            yield "list", self.listing, frozenset({"path"})
        if self.remove is not None:
            yield "remove", self.remove, _LINKED

    def lists(self) -> Listing | None:
        """Return the request that lists all records; None if there is none."""
        return self.listing


class ExternalIds(Part):
    """A list of ids of many systems that the partner keeps beside a record."""

    read: RepeatableRequest = Field(description="Knows `partner_id` and `path`.")
    replace: RepeatableRequest = Field(
        description="Replaces the whole list, which is the `body`."
    )


class CreateUpdate(Part):
    """A record that the partner names when it is created."""

    create: Request = Field(description="Knows `id`, `body` and `path`.")
    update: RepeatableRequest = Field(
        description="Knows `id`, `partner_id`, `body` and `path`."
    )
    lookup: Lookup | None = Field(
        default=None, description="Knows `ids`, a list of ours, and `path`."
    )
    external_ids: ExternalIds | None = Field(
        default=None, description="If our id stands in a list beside the record."
    )
    listing: Listing | None = Field(
        default=None,
        alias="list",
        description="How all records are read; if left out, by the `lookup` without "
        "its filter, unless that is `fuzzy`. Knows `path`.",
    )
    remove: Removal | None = Field(
        default=None,
        description="Knows `id`, `partner_id`, `path` and `body`; 404 counts as done.",
    )
    ids: Ids | None = Field(
        default=None, description="Instead of the connector's `ids`."
    )

    @model_validator(mode="after")
    def _can_look_up(self) -> Self:
        if self.external_ids is not None and self.lookup is None:
            raise ValueError("external_ids need a lookup")
        return self

    def requests(self) -> Iterator[tuple[str, Request, frozenset[str]]]:
        """Yield place, request, and the variables that it is given."""
        yield "create", self.create, _RECORD
        yield "update", self.update, _LINKED
        if self.lookup is not None:
            yield "lookup", self.lookup, frozenset({"ids", "path"})
            everything = self.lookup.unfiltered()
            yield "lookup.everything", everything, frozenset({"path"})
        if self.listing is not None:
            yield "list", self.listing, frozenset({"path"})
        if self.external_ids is not None:
            beside = frozenset({"partner_id", "path"})
            yield "external_ids.read", self.external_ids.read, beside
            yield "external_ids.replace", self.external_ids.replace, beside | {"body"}
        if self.remove is not None:
            yield "remove", self.remove, _LINKED

    def lists(self) -> Listing | None:
        """Return the request that lists all records; None if there is none."""
        if self.listing is not None or self.lookup is None or self.lookup.fuzzy:
            return self.listing
        unfiltered = self.lookup.unfiltered().model_dump(by_alias=True)
        shared = {field.alias or name for name, field in Request.model_fields.items()}
        known = {name: unfiltered[name] for name in shared}
        return Listing.model_validate({**known, "match": self.lookup.match})


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "upsert" if "upsert" in value else "create"
    return "upsert" if isinstance(value, Upsert) else "create"


Entity = Annotated[
    Annotated[Upsert, Tag("upsert")] | Annotated[CreateUpdate, Tag("create")],
    Discriminator(_kind),
]
