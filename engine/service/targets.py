"""The file `alerts.yaml`: whom alerts are sent to, and which of them.

Addresses that may hold a token, and all secrets, are references.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from engine.model import Part
from engine.runtime.secrets import wrong

EventLevel = Literal["warning", "critical", "recovered"]
LEVELS: tuple[EventLevel, ...] = ("warning", "critical", "recovered")


def _is_reference(text: str) -> str:
    if what := wrong(text):
        raise ValueError(what)
    return text


def _is_address(text: str) -> str:
    name, _, host = text.rpartition("@")
    if not name or not host or not text.isprintable() or " " in text:
        raise ValueError("is no mail address")
    return text


Reference = Annotated[str, AfterValidator(_is_reference)]
Address = Annotated[str, AfterValidator(_is_address)]
Levels = Annotated[
    tuple[EventLevel, ...],
    Field(min_length=1, description="Which of `warning`, `critical`, `recovered`."),
]


class WebhookFile(Part):
    """A URL that gets each alert as a signed JSON object."""

    url: Reference = Field(
        description="Reference to the address, `env:ALERT_URL`: it may hold a token. "
        "https, or http on this machine."
    )
    secret: Reference = Field(
        description="Reference to the secret that the calls are signed with: "
        "`X-Feldwerk-Signature` is HMAC-SHA256 over `X-Feldwerk-Timestamp`, a dot and "
        "the body."
    )
    levels: Levels = LEVELS


class MailFile(Part):
    """A mail server, and who gets a mail for each alert."""

    host: str = Field(description="The mail server.")
    port: int = Field(default=587, ge=1, le=65535, description="Its port.")
    encryption: Literal["starttls", "tls"] = Field(
        default="starttls",
        description="`tls` from the beginning is usual on port 465. Its certificate is "
        "verified; without encryption nothing is sent.",
    )
    username: Reference | None = Field(
        default=None, description="Reference to the user."
    )
    password: Reference | None = Field(
        default=None, description="Reference to the password."
    )
    sender: Address = Field(description="The address that mails come from.")
    recipients: tuple[Address, ...] = Field(
        min_length=1, description="The addresses that mails go to."
    )
    levels: Levels = LEVELS

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("give both of username, password, or none")
        return self


class AlertsFile(Part, defer_build=False):
    """`alerts.yaml`: whom `feldwerk serve` tells that runs do not go well, or do."""

    webhooks: dict[str, WebhookFile] = Field(default={}, description="By name.")
    mails: dict[str, MailFile] = Field(default={}, description="By name.")

    @model_validator(mode="after")
    def _names_occur_once(self) -> Self:
        if twice := sorted(set(self.webhooks) & set(self.mails)):
            raise ValueError(f"the name {twice[0]} is used twice")
        return self
