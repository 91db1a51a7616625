"""The model of a connector file: the data of `partners/<partner>.yaml` in, checked.

Its JSON Schema is the reference of the format. Its parts stand in `request.py`,
`login.py`, `paginators.py`, `error_handler.py` and `entities.py`; meaning stands in
the other modules.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from connectors.entities import CreateUpdate, Entity, Ids, Upsert
from connectors.error_handler import ErrorHandler
from connectors.login import AnyAuthenticator, StaticAuthenticator
from connectors.paginators import Paginator
from connectors.request import Part, Request, Template
from connectors.templates import variables_of

__all__ = ["ApiBudget", "BudgetHeaders", "Connector", "CreateUpdate", "Ids", "Upsert"]

Url = Annotated[Template, Field(pattern=r"^https://([^\s?#{}]|\{\{[^{}]*\}\})+$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
_PATH = "path."


class BudgetHeaders(Part):
    """Headers in which the partner says what is left of its budget."""

    remaining: str = Field(description="Header with the calls that are left.")
    reset: str = Field(description="Header with the time when there are new ones.")
    reset_in: Literal["seconds", "epoch"] = Field(
        default="seconds",
        description="`seconds` from the answer on, or since the `epoch`.",
    )


class ApiBudget(Part):
    """What the partner allows us to ask of it."""

    concurrency: PositiveInt = Field(description="Requests at the same time.")
    per_minute: PositiveInt | None = Field(
        default=None, description="Requests in a minute, evenly spread."
    )
    per_day: PositiveInt | Template | None = Field(
        default=None,
        description="Requests on a day, logins aside: a number, or a template of "
        "`settings` that gives one.",
    )
    headers: BudgetHeaders | None = Field(
        default=None, description="Where answers say what is left."
    )


class Connector(Part, defer_build=False):
    """How to reach one partner."""

    partner: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="Its name.")
    documentation: str = Field(description="Address of the partner's documentation.")
    evidence: Literal["seen", "doc", "inferred", "proposed"] = Field(
        description="How well the file is founded; comments say it line by line."
    )
    settings: tuple[Name, ...] = Field(
        default=(),
        description="Settings of the use case that templates read as `settings.NAME`.",
    )
    base_url: Mapping[str, Url] = Field(
        min_length=1,
        description="Environment to the address that all paths go on; a template of "
        "`settings`, each of them one label of a host name.",
    )
    hosts: Mapping[str, Url] = Field(
        default_factory=dict,
        description="Further addresses, by the name that requests give as `host`. "
        "An activation's `base_url` stands for them too.",
    )
    credentials: Mapping[str, str] = Field(
        min_length=1, description="Name to the German label that people see."
    )
    headers: Mapping[str, Template] = Field(
        default_factory=dict, description="Headers of every request."
    )
    authenticator: AnyAuthenticator = Field(description="How the partner knows us.")
    api_budget: ApiBudget = Field(description="What the partner allows.")
    paginator: Paginator | None = Field(
        default=None, description="How lists are read; without it they have one page."
    )
    error_handler: ErrorHandler = Field(
        default_factory=ErrorHandler, description="How errors are read and repeated."
    )
    ids: Ids = Field(
        default_factory=Ids, description="Where answers carry the partner's ids."
    )
    timeout_seconds: PositiveFloat = Field(
        default=30, description="How long to wait for the partner's next sign of life."
    )
    entities: Mapping[str, Entity] = Field(
        min_length=1,
        description="Entity to how its records are written: with `upsert` they are "
        "named by us, with `create` and `update` by the partner. Beside what each "
        "request says, templates know `credentials`, `settings` and `now` (UTC, ISO).",
    )

    def named_by_us(self, entity: str) -> bool:
        """Say whether records of an entity are put under our id."""
        return isinstance(self.entities[entity], Upsert)

    def can_remove(self, entity: str) -> bool:
        """Say whether the file knows a request that takes a record away."""
        return self.entities[entity].remove is not None

    def can_list(self, entity: str) -> bool:
        """Say whether the file knows a request that reads all records."""
        return self.entities[entity].lists() is not None

    def path_fields(self, entity: str) -> frozenset[str]:
        """Return the names that the entity's templates read as `path.NAME`."""
        requests = self.entities[entity].requests()
        names = {name for _, r, _ in requests for name in variables_of(r.templates)}
        return frozenset(n.removeprefix(_PATH) for n in names if n.startswith(_PATH))

    @model_validator(mode="after")
    def _gives_every_variable(self) -> Self:
        settings = {f"settings.{name}" for name in self.settings}
        always = settings | {f"credentials.{name}" for name in self.credentials}
        for place, templates in self._settings_only():
            _need(place, templates, settings)
        for place, templates, more in self._texts():
            _need(place, templates, always | more)
        for place, request, given in self._requests():
            _need(place, request.templates, always | given | {"now"})
        return self

    @model_validator(mode="after")
    def _knows_every_host(self) -> Self:
        for place, request, _ in self._requests():
            if request.host is not None and request.host not in self.hosts:
                raise ValueError(f"{place}: hosts has no '{request.host}'")
        return self

    def _settings_only(self) -> Iterator[tuple[str, Any]]:
        for environment, url in self.base_url.items():
            yield f"base_url.{environment}", url
        for name, url in self.hosts.items():
            yield f"hosts.{name}", url
        yield "api_budget.per_day", self.api_budget.per_day

    def _texts(self) -> Iterator[tuple[str, Any, set[str]]]:
        """Yield the templates outside of requests, and what they are given."""
        yield "headers", self.headers, {"now"}
        send = self.authenticator.send.value
        static = isinstance(self.authenticator, StaticAuthenticator)
        yield "authenticator.send", send, set() if static else {"token"}

    def _requests(self) -> Iterator[tuple[str, Request, frozenset[str]]]:
        """Yield every request, its place, and the variables that only it is given."""
        authenticator = self.authenticator
        if not isinstance(authenticator, StaticAuthenticator):
            yield "authenticator.login", authenticator.login, frozenset()
            if authenticator.refresh is not None:
                given = frozenset({"answer"})
                yield "authenticator.refresh", authenticator.refresh, given
        for name, entity in self.entities.items():
            for place, request, given in entity.requests():
                yield f"entities.{name}.{place}", request, given


def _need(place: str, templates: Any, given: set[str] | frozenset[str]) -> None:
    unknown = {
        name
        for name in variables_of(templates) - (given - {"path"})
        if not ("path" in given and name.startswith(_PATH))
    }
    if unknown:
        raise ValueError(f"{place}: no value for {', '.join(sorted(unknown))}")
