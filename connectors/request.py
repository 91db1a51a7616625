"""The requests of a connector file, and how they show that they are allowed.

The parts that `model.py` puts together to the whole file.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from connectors.templates import variables_of


def _checked(value: Any) -> Any:
    variables_of(value)
    return value


def _need_exactly_one(part: BaseModel, *names: str) -> None:
    if sum(getattr(part, name) is not None for name in names) != 1:
        raise ValueError(f"give exactly one of {', '.join(names)}")


Template = Annotated[str, AfterValidator(_checked)]
JsonTemplate = Annotated[Any, AfterValidator(_checked)]
DottedPath = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]


class Part(BaseModel):
    """A part of a connector file: nothing unknown in it, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Request(Part):
    """One HTTP request; without json and form it carries the payload as it is."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        description="The HTTP method."
    )
    path: Annotated[Template, Field(pattern=r"^/[^?#]*$")] = Field(
        description="Path under the base URL; values in it are percent-encoded."
    )
    body: JsonTemplate = Field(
        default=None,
        alias="json",
        description="JSON body; `{{ body }}` is the payload.",
    )
    form: Mapping[str, Template] | None = Field(
        default=None, description="Body of form fields, instead of json."
    )
    query: Mapping[str, Template] = Field(
        default={}, description="Parameters of the query."
    )

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does the same as sending it once."""
        return self.method != "POST"

    @property
    def templates(self) -> list[Any]:
        """Everything in it that may hold a template."""
        return [self.path, self.body, self.form, self.query]

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        if self.body is not None and self.form is not None:
            raise ValueError("give json or form, not both")
        return self


class RepeatableRequest(Request):
    """A request that may be sent again when its outcome is unknown."""

    @property
    def repeatable(self) -> bool:
        return True


class Lookup(RepeatableRequest):
    """A search for records by our ids; all pages are read, answers are compared."""

    match: DottedPath = Field(description="Where an item carries our id, or a list.")
    at_once: PositiveInt = Field(
        default=100, description="So many of our ids are asked for in one search."
    )
    everything: JsonTemplate = Field(
        default=None,
        description="The JSON body that asks for all records, without a filter; "
        "`{}` for a POST if left out.",
    )

    @model_validator(mode="after")
    def _asks_for_all_its_ids(self) -> Self:
        one = re.search(r"ids\s*\[", str(self.templates))
        if one is not None and self.at_once != 1:
            raise ValueError("a lookup that takes one of the ids needs at_once: 1")
        return self

    def unfiltered(self) -> Self:
        """Return the same search without its filter."""
        body = self.everything
        if body is None and self.method == "POST":
            body = {}
        return self.model_copy(update={"body": body, "query": {}})


class Send(Part):
    """How a call shows that it is allowed: in a header or in the query."""

    header: str | None = Field(default=None, description="Name of the header.")
    query: str | None = Field(default=None, description="Name of the query parameter.")
    value: Template = Field(description="Knows `token` and `credentials`.")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        _need_exactly_one(self, "header", "query")
        return self


class Expiry(Part):
    """Where the end of a token's life stands; exactly one of them."""

    model_config = ConfigDict(
        json_schema_extra={"minProperties": 1, "maxProperties": 1}
    )

    jwt: str | None = Field(
        default=None, description="Claim of the token, a JWT: `exp`."
    )
    in_seconds: DottedPath | None = Field(
        default=None, description="Path in the answer to the life in seconds."
    )
    at: DottedPath | None = Field(
        default=None, description="Path in the answer to the moment, as ISO 8601."
    )
    after_seconds: PositiveFloat | None = Field(
        default=None, description="The life in seconds, if the answer does not say it."
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        _need_exactly_one(self, "jwt", "in_seconds", "at", "after_seconds")
        return self


class StaticAuthenticator(Part):
    """A key that never changes."""

    type: Literal["static"] = Field(description="A key that never changes.")
    send: Send = Field(description="How calls carry it.")


class LoginAuthenticator(Part):
    """A login that gives a token for some time."""

    type: Literal["login"] = Field(description="A login that gives a token.")
    login: RepeatableRequest = Field(description="Asks for a token.")
    refresh: RepeatableRequest | None = Field(
        default=None,
        description="Renews it; `answer` is what login or refresh said last.",
    )
    token: DottedPath = Field(description="Where the answer carries the token.")
    expires: Expiry = Field(description="When the token ends.")
    send: Send = Field(description="How calls carry it.")
