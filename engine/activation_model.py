"""The model of an activation's file: YAML in, checked values out."""

from typing import Any, Literal

from pydantic import Field

from engine.model import Day, Name, Part


class SourceFile(Part):
    """Where the ERP's records come from."""

    kind: Literal["files"] = Field(description="A folder of files.")
    path: str = Field(
        pattern=r"^[^\x00]+$", description="The folder, relative to the activation."
    )


class ScheduleFile(Part):
    """When a registered activation runs, in Germany's time."""

    at: str | None = Field(
        default=None,
        pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$",
        description="The time of day, `04:30`; `03:30` if left out.",
    )
    days: tuple[Day, ...] | None = Field(
        default=None,
        min_length=1,
        description="The days of the week instead of those of the use case.",
    )


class Limit(Part):
    """How much of an operation may happen at once, of an entity in a Mandant."""

    count: int = Field(
        default=100, ge=0, description="So many records at most, whatever their share."
    )
    share: float = Field(
        default=0.1, ge=0, le=1, description="Of the records that the partner has."
    )
    at_least: int = Field(
        default=6, ge=1, description="Fewer records than these have no share."
    )


class BrakeFile(Part):
    """What the brake holds back until a person releases it, by operation."""

    remove: Limit = Field(default=Limit(), description="Removals.")
    replace: Limit = Field(default=Limit(), description="Removed and made anew.")
    update: Limit | None = Field(
        default=None, description="Updates; without it they are not limited."
    )


class ActivationFile(Part, defer_build=False):
    """An activation: one customer, one partner, one use case."""

    customer: str = Field(
        pattern=r"^[^/\x00-\x1f]+$", description="The housing company, without a slash."
    )
    partner: Name = Field(description="The folder of the partner's spec.")
    use_case: Name = Field(description="The folder of the use case.")
    environment: Name = Field(
        default="production", description="An environment of the connector file."
    )
    base_url: str | None = Field(
        default=None, description="Replaces the connector's whole base URL."
    )
    source: SourceFile = Field(description="Where the ERP's records come from.")
    settings: dict[str, Any] = Field(default={}, description="Chosen settings.")
    credentials: dict[str, str] = Field(
        description="Name -> reference to a secret: `env:NAME`, `file:PATH`, "
        "`dir:NAME` (a file of the folder FELDWERK_SECRETS, else /run/secrets) or "
        "`keyring:SERVICE/NAME`."
    )
    schedule: ScheduleFile = Field(
        default=ScheduleFile(), description="When it runs, if it is registered."
    )
    brake: BrakeFile = Field(
        default=BrakeFile(), description="When a person has to release a plan."
    )
    gone_after_runs: int = Field(
        default=2,
        ge=0,
        description="After so many complete runs in a row without it a record is gone "
        "and removed as the use case says; 0 removes nothing that is gone.",
    )
    state: str = Field(
        default="feldwerk.db",
        description="The state database: a path, relative to the activation, "
        "a URL, or `env:NAME`.",
    )
