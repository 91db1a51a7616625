"""Send one notice to one target: by a signed webhook, or by mail. A notice in.

Whatever goes wrong is a NotSentError that names no address, secret or answer.
"""

import json
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol

import httpx

from engine.problems import CATALOGUE
from engine.runtime.secrets import NoSecretError, fetch
from engine.service.signing import SIGNATURE, TIMESTAMP, sign
from engine.service.targets import AlertsFile, EventLevel, MailFile, WebhookFile

_SECONDS = 10.0
_HERE = ("127.0.0.1", "::1", "localhost")
_WORDS = {
    "warning": "Warning",
    "critical": "Critical",
    "recovered": "Recovered",
}


class NotSentError(Exception):
    """A target did not take a notice; the text says why, and nothing secret."""


@dataclass(frozen=True)
class Notice:
    """
    A change of state, as it is told.

    `id` is the same whenever the same change is told again; `since` is in seconds of
    the epoch.
    """

    id: str
    subject: str
    level: EventLevel
    code: str
    since: float

    @property
    def title(self) -> str:
        return CATALOGUE[self.code].title if self.code in CATALOGUE else ""

    @property
    def what_to_do(self) -> str:
        return CATALOGUE[self.code].remedy if self.code in CATALOGUE else ""

    @property
    def moment(self) -> str:
        """When it began, as people and machines read it."""
        return datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")


class Channel(Protocol):
    """A target: its name, what it wants to hear, and the way to it."""

    name: str
    levels: tuple[EventLevel, ...]

    def send(self, notice: Notice, now: float) -> None:
        """Send a notice; raises NotSentError."""


def channels_of(file: AlertsFile, folder: Path) -> tuple[Channel, ...]:
    """Return the targets of a file; paths of secrets are relative to `folder`."""

    def secret(reference: str) -> str:
        try:
            return fetch(reference, folder)
        except NoSecretError as error:
            raise NotSentError(f"a secret is not in {error}") from None

    webhooks = (Webhook(name, file, secret) for name, file in file.webhooks.items())
    mails = (Mail(name, file, secret) for name, file in file.mails.items())
    return (*webhooks, *mails)


_Secret = Callable[[str], str]


class Webhook:
    """A URL that gets a signed JSON object."""

    def __init__(self, name: str, file: WebhookFile, secret: _Secret) -> None:
        self.name = name
        self.levels = file.levels
        self._file = file
        self._secret = secret

    def send(self, notice: Notice, now: float) -> None:
        """Post a notice; anything but a success is not taken, redirects too."""
        fields = {
            **asdict(notice),
            "since": notice.moment,
            "title": notice.title,
            "what_to_do": notice.what_to_do,
        }
        body = json.dumps(fields, ensure_ascii=False).encode()
        stamp = str(int(now))
        headers = {
            "content-type": "application/json",
            "user-agent": "feldwerk",
            TIMESTAMP: stamp,
            SIGNATURE: sign(self._secret(self._file.secret), stamp, body),
        }
        url = self._url()
        try:
            with (
                httpx.Client(timeout=_SECONDS, follow_redirects=False) as client,
                # What the target answers is of no interest, however long it is.
                client.stream("POST", url, content=body, headers=headers) as answer,
            ):
                status = answer.status_code
        except (httpx.HTTPError, OSError, ValueError) as error:
            raise NotSentError(type(error).__name__) from None
        if not httpx.codes.is_success(status):
            raise NotSentError(f"the target answers {status}")

    def _url(self) -> httpx.URL:
        try:
            url = httpx.URL(self._secret(self._file.url))
        except httpx.InvalidURL:
            raise NotSentError("its address is not valid") from None
        if url.scheme != "https" and not (url.scheme == "http" and url.host in _HERE):
            raise NotSentError("its address is not https")
        return url


class Mail:
    """A mail server that takes a mail for each notice, encrypted."""

    def __init__(self, name: str, file: MailFile, secret: _Secret) -> None:
        self.name = name
        self.levels = file.levels
        self._file = file
        self._secret = secret

    def send(self, notice: Notice, now: float) -> None:
        """Hand a mail to the server; without verified encryption nothing is said."""
        message = self._message(notice, now)
        try:
            with self._connected() as server:
                if self._file.username is not None and self._file.password is not None:
                    name = self._secret(self._file.username)
                    server.login(name, self._secret(self._file.password))
                server.send_message(message)
        except (OSError, ValueError, smtplib.SMTPException) as error:
            raise NotSentError(type(error).__name__) from None

    def _connected(self) -> smtplib.SMTP:
        file, context = self._file, ssl.create_default_context()
        if file.encryption == "tls":
            return smtplib.SMTP_SSL(
                file.host, file.port, timeout=_SECONDS, context=context
            )
        server = smtplib.SMTP(file.host, file.port, timeout=_SECONDS)
        try:
            server.starttls(context=context)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, notice: Notice, now: float) -> EmailMessage:
        word = _WORDS[notice.level]
        message = EmailMessage()
        message["From"] = self._file.sender
        message["To"] = ", ".join(self._file.recipients)
        message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
        message["Subject"] = f"Feldwerk: {word.lower()}: {notice.subject}"
        message["Message-ID"] = f"<{notice.id}@feldwerk.invalid>"
        message["Auto-Submitted"] = "auto-generated"
        lines = [f"{word} since {notice.moment}: {notice.subject}"]
        if notice.title:
            lines += ["", f"{notice.code} {notice.title}", notice.what_to_do]
        message.set_content("\n".join(lines) + "\n")
        return message
