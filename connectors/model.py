"""The model of a connector file: the data of `partners/<partner>.yaml` in, checked.

Its JSON Schema is the reference of the format. Meaning stands in the other modules.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    PositiveFloat,
    PositiveInt,
    Tag,
    model_validator,
)

from connectors.request import (
    DottedPath,
    LoginAuthenticator,
    Lookup,
    Part,
    RepeatableRequest,
    Request,
    StaticAuthenticator,
    Template,
)
from connectors.templates import variables_of

Url = Annotated[str, Field(pattern=r"^https://[^\s?#]+$")]


class ApiBudget(Part):
    """What the partner allows us to ask of it."""

    concurrency: PositiveInt = Field(description="Requests at the same time.")


class PageParameter(Part):
    parameter: str = Field(description="Name of the query parameter.")
    start: int = Field(description="Number of the first page.")


class SizeParameter(Part):
    parameter: str = Field(description="Name of the query parameter.")
    value: PositiveInt = Field(description="The size to ask for.")
    reported: DottedPath | None = Field(
        default=None, description="Where the answer says the size that was used."
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


class FieldList(Part):
    """Problems of fields, as a list of objects."""

    items: DottedPath = Field(description="Path to the list.")
    field: DottedPath = Field(description="Path in an item to the field's name.")
    message: DottedPath = Field(description="Path in an item to the message.")


class FieldMap(Part):
    """Problems of fields, as an object from field to message or messages."""

    map: DottedPath = Field(description="Path to the object.")


def _has(value: Any, name: str) -> bool:
    """Say whether a mapping, or a part made of one, has a key."""
    return name in value if isinstance(value, Mapping) else hasattr(value, name)


def _kind_of_fields(value: Any) -> str:
    return "map" if _has(value, "map") else "list"


class Backoff(Part):
    """The waits between attempts: doubled each time, with a random part."""

    initial_seconds: PositiveFloat = Field(default=0.5, description="The first wait.")
    max_seconds: PositiveFloat = Field(default=30, description="The longest wait.")


class ErrorHandler(Part):
    """How an error answer is read, and how often a request is attempted."""

    message: tuple[DottedPath, ...] = Field(
        default=(),
        description="Paths to the message; the first that holds a text counts.",
    )
    fields: (
        Annotated[
            Annotated[FieldList, Tag("list")] | Annotated[FieldMap, Tag("map")],
            Discriminator(_kind_of_fields),
        ]
        | None
    ) = Field(
        default=None, description="Where the answer says what is wrong with fields."
    )
    max_attempts: PositiveInt = Field(default=5, description="Attempts in all.")
    backoff: Backoff = Field(
        default_factory=Backoff, description="The waits between attempts."
    )


class Ids(Part):
    """Who names the records, and where a partner's answer carries its name."""

    assigned_by: Literal["us", "partner"] = Field(
        default="us",
        description="`us`: PUT by our id; `partner`: created, then linked.",
    )
    path: DottedPath = Field(
        default="id", description="Where an answer carries the id."
    )
    deleted: DottedPath | None = Field(
        default=None, description="An item with a value here is deleted at the partner."
    )


class Upsert(Part):
    """A record that is created or replaced under our id."""

    upsert: RepeatableRequest = Field(description="Knows `id` and `body`.")


class ExternalIds(Part):
    """A list of ids of many systems that the partner keeps beside a record."""

    read: RepeatableRequest = Field(description="Knows `partner_id`.")
    replace: RepeatableRequest = Field(
        description="Replaces the whole list, which is the `body`."
    )


class CreateUpdate(Part):
    """A record that the partner names when it is created."""

    create: Request = Field(description="Knows `id` and `body`.")
    update: RepeatableRequest = Field(
        description="Knows `id`, `partner_id` and `body`."
    )
    lookup: Lookup | None = Field(
        default=None, description="Knows `ids`, a list of ours."
    )
    external_ids: ExternalIds | None = Field(
        default=None, description="If our id stands in a list beside the record."
    )

    @model_validator(mode="after")
    def _can_look_up(self) -> Self:
        if self.external_ids is not None and self.lookup is None:
            raise ValueError("external_ids need a lookup")
        return self


def _kind_of_entity(value: Any) -> str:
    return "upsert" if _has(value, "upsert") else "create"


Entity = Annotated[
    Annotated[Upsert, Tag("upsert")] | Annotated[CreateUpdate, Tag("create")],
    Discriminator(_kind_of_entity),
]


class Connector(Part):
    """How to reach one partner."""

    partner: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Its name.")
    documentation: str = Field(description="Address of the partner's documentation.")
    evidence: Literal["seen", "doc", "inferred", "proposed"] = Field(
        description="How well the file is founded; comments say it line by line."
    )
    base_url: Mapping[str, Url] = Field(
        min_length=1, description="Environment to the address that all paths go on."
    )
    credentials: Mapping[str, str] = Field(
        min_length=1, description="Name to the German label that people see."
    )
    headers: Mapping[str, Template] = Field(
        default_factory=dict, description="Headers of every request."
    )
    authenticator: Annotated[
        StaticAuthenticator | LoginAuthenticator, Field(discriminator="type")
    ] = Field(description="How the partner knows us.")
    api_budget: ApiBudget = Field(description="What the partner allows.")
    paginator: PageNumberPaginator | None = Field(
        default=None, description="How lists are read; without it they have one page."
    )
    error_handler: ErrorHandler = Field(
        default_factory=ErrorHandler, description="How errors are read and repeated."
    )
    ids: Ids = Field(default_factory=Ids, description="Who names the records.")
    timeout_seconds: PositiveFloat = Field(
        default=30, description="How long to wait for the partner's next sign of life."
    )
    entities: Mapping[str, Entity] = Field(
        min_length=1, description="Entity to how its records are written."
    )

    @model_validator(mode="after")
    def _names_records_one_way(self) -> Self:
        wanted = Upsert if self.ids.assigned_by == "us" else CreateUpdate
        needs = "upsert" if wanted is Upsert else "create and update"
        wrong = [name for name, e in self.entities.items() if not isinstance(e, wanted)]
        if wrong:
            by = self.ids.assigned_by
            names = ", ".join(wrong)
            raise ValueError(f"ids.assigned_by is '{by}', so {names} need {needs}")
        return self

    @model_validator(mode="after")
    def _gives_every_variable(self) -> Self:
        always = {"credentials", *(f"credentials.{name}" for name in self.credentials)}
        for place, templates, given in _places_of(self):
            unknown = variables_of(templates) - always - given
            if unknown:
                raise ValueError(f"{place}: no value for {', '.join(sorted(unknown))}")
        return self


def _places_of(connector: Connector) -> Iterator[tuple[str, Any, set[str]]]:
    """Yield every place with templates, and the variables that it is given."""
    yield "headers", connector.headers, set()
    authenticator = connector.authenticator
    if isinstance(authenticator, StaticAuthenticator):
        yield "authenticator.send", authenticator.send.value, set()
    else:
        yield "authenticator.send", authenticator.send.value, {"token"}
        yield "authenticator.login", authenticator.login.templates, set()
        if authenticator.refresh is not None:
            templates = authenticator.refresh.templates
            yield "authenticator.refresh", templates, {"answer"}
    for name, entity in connector.entities.items():
        for place, request, given in _requests_of(entity):
            if request is not None:
                yield f"entities.{name}.{place}", request.templates, given


def _requests_of(
    entity: Upsert | CreateUpdate,
) -> Iterator[tuple[str, Request | None, set[str]]]:
    if isinstance(entity, Upsert):
        yield "upsert", entity.upsert, {"id", "body"}
        return
    yield "create", entity.create, {"id", "body"}
    yield "update", entity.update, {"id", "partner_id", "body"}
    if entity.lookup is not None:
        yield "lookup", entity.lookup, {"ids"}
        yield "lookup.everything", entity.lookup.unfiltered(), set()
    if entity.external_ids is not None:
        yield "external_ids.read", entity.external_ids.read, {"partner_id"}
        given = {"partner_id", "body"}
        yield "external_ids.replace", entity.external_ids.replace, given
