"""The requests of a connector file: what is sent, and what its templates may read.

The smallest parts that `model.py` puts together to the whole file.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    model_validator,
)

from connectors.templates import variables_of


def _checked(value: Any) -> Any:
    variables_of(value)
    return value


Template = Annotated[str, AfterValidator(_checked)]
JsonTemplate = Annotated[Any, AfterValidator(_checked)]
DottedPath = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)*$")]
PathOrAll = Annotated[str, Field(pattern=r"^([^.\s]+(\.[^.\s]+)*)?$")]


class Part(BaseModel):
    """A part of a connector file: nothing unknown in it, nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Basic(Part):
    """Name and password of one request, as HTTP has them since its beginnings."""

    username: Template = Field(description="The name, often `credentials.client_id`.")
    password: Template = Field(description="The password.")


class Request(Part):
    """One HTTP request; without json, form and xml it carries the payload as it is."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = Field(
        description="The HTTP method."
    )
    host: str | None = Field(
        default=None, description="One of `hosts`; the base URL if left out."
    )
    path: Annotated[Template, Field(pattern=r"^/[^?#]*$")] = Field(
        description="Path under the address; values in it are percent-encoded."
    )
    body: JsonTemplate = Field(
        default=None,
        alias="json",
        description="JSON body; `{{ body }}` is the payload.",
    )
    form: Mapping[str, Template] | None = Field(
        default=None, description="Body of form fields, instead of json."
    )
    xml: JsonTemplate = Field(
        default=None,
        description="XML body, instead of json: one root; `@x` is an attribute, "
        "`#text` the text, a list repeats its element, null is left out.",
    )
    query: Mapping[str, Template] = Field(
        default={}, description="Parameters of the query."
    )
    headers: Mapping[str, Template] = Field(
        default={}, description="Headers of this request, over those of all requests."
    )
    basic: Basic | None = Field(
        default=None, description="Name and password in the header `Authorization`."
    )

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does the same as sending it once."""
        return self.method != "POST"

    @property
    def carries_payload(self) -> bool:
        """Whether the payload is its body if the file names none."""
        return all(body is None for body in (self.body, self.form, self.xml))

    @property
    def templates(self) -> list[Any]:
        """Everything in it that may hold a template."""
        basic = None if self.basic is None else self.basic.model_dump()
        bodies = [self.body, self.form, self.xml]
        return [self.path, *bodies, self.query, self.headers, basic]

    @model_validator(mode="after")
    def _has_one_body(self) -> Self:
        bodies = (self.body, self.form, self.xml)
        if sum(body is not None for body in bodies) > 1:
            raise ValueError("give one of json, form and xml")
        if isinstance(self.xml, Mapping) and len(self.xml) != 1:
            raise ValueError("an XML document has one root")
        return self


class RepeatableRequest(Request):
    """A request that may be sent again when its outcome is unknown."""

    @property
    def repeatable(self) -> bool:
        return True


class Removal(RepeatableRequest):
    """A request that takes a record away; it carries only a body that it names."""

    @property
    def carries_payload(self) -> bool:
        return False


class Lookup(RepeatableRequest):
    """A search for records by our ids; all pages are read, answers are compared."""

    match: DottedPath = Field(description="Where an item carries our id, or a list.")
    at_once: PositiveInt = Field(
        default=100, description="So many of our ids are asked for in one search."
    )
    fuzzy: bool = Field(
        default=False,
        description="The search finds more than what was asked for, although it obeys: "
        "a search in texts. Only exact ids count, and nothing else is asked for.",
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
