"""The models of how a partner knows us: a key, or a login that gives a token."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, PositiveFloat, model_validator

from connectors.request import DottedPath, Part, RepeatableRequest, Template


class Send(Part):
    """How a call shows that it is allowed: in a header or in the query."""

    header: str | None = Field(default=None, description="Name of the header.")
    query: str | None = Field(default=None, description="Name of the query parameter.")
    value: Template = Field(description="Knows `token`, `credentials`, `settings`.")

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("give exactly one of header, query")
        return self


class Expiry(Part):
    """Where the end of a token's life stands; `after_seconds` alone or beside one."""

    model_config = ConfigDict(
        json_schema_extra={"minProperties": 1, "maxProperties": 2}
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
        default=None, description="The life in seconds, if nothing else says it."
    )

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        said = sum(place is not None for place in (self.jwt, self.in_seconds, self.at))
        if said > 1 or (said == 0 and self.after_seconds is None):
            raise ValueError(
                "give one of jwt, in_seconds, at, or after_seconds; "
                "only after_seconds may stand beside another one"
            )
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
    keep: bool = Field(
        default=False,
        description="The token outlives the run: it is kept in the state, sealed "
        "with a key made of the credentials.",
    )
    send: Send = Field(description="How calls carry it.")


AnyAuthenticator = Annotated[
    StaticAuthenticator | LoginAuthenticator, Field(discriminator="type")
]
