"""Read an activation: a YAML file in, a checked Activation out."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors.addresses import Addresses, addresses
from engine.errors import CredentialsError, SpecError
from engine.model import ActivationFile, setting_value
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime.library import UseCase, get_use_case
from engine.spec import Folders
from engine.work import Settings
from engine.yamlfile import YamlFile, parse_model, read_yaml

_ZONE = ZoneInfo("Europe/Berlin")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


@dataclass(frozen=True)
class Activation:
    """One customer x one partner x one use case, ready to plan."""

    file: ActivationFile
    origin: Origin
    use_case: UseCase
    settings: Settings
    addresses: Addresses
    source: Path
    state_url: str

    @property
    def name(self) -> str:
        parts = (self.file.customer, self.file.partner)
        return "/".join((*parts, self.file.use_case, self.file.environment))

    @property
    def account(self) -> str:
        """The account at the partner, which several use cases may share."""
        file = self.file
        return f"{file.customer}/{file.partner}/{file.environment}"

    def secrets(self) -> dict[str, str]:
        """
        Fetch the credentials; raises CredentialsError naming what is not there.

        `env:NAME` reads the environment, `file:PATH` a file of a secrets directory.
        """
        problems = []
        secrets = {}
        for name, reference in self.file.credentials.items():
            kind, _, where = reference.partition(":")
            try:
                value = os.environ[where] if kind == "env" else self._file(where)
            except (KeyError, OSError, UnicodeDecodeError):
                # What is no variable's name may be the secret itself.
                hidden = kind == "env" and not _VARIABLE.fullmatch(where)
                place = "the environment" if hidden else reference
                message = f"{self.name}: the credential '{name}' is not in {place}."
                problems.append(Problem(self.origin, "D101", message))
                continue
            if not value:
                message = f"{self.name}: the credential '{name}' is empty."
                problems.append(Problem(self.origin, "D101", message))
            secrets[name] = value
        if problems:
            raise CredentialsError(problems)
        return secrets

    def _file(self, path: str) -> str:
        return (Path(self.origin.file).parent / path).read_text("utf-8").strip()


def read_activation(
    path: Path, folders: Folders, today: date | None = None
) -> Activation:
    """
    Read an activation; raises SpecError with every problem found.

    `today` is the day of the run, in Germany's time if left out.
    """
    yaml, problems = read_yaml(path, str(path))
    if problems:
        raise SpecError(problems)
    file, problems = parse_model(yaml, ActivationFile)
    if file is None:
        raise SpecError(sort(problems))
    try:
        use_case = get_use_case(
            folders, file.partner, file.use_case, yaml.origin(["partner"])
        )
    except SpecError as error:
        raise SpecError([*problems, *error.problems]) from None
    day = today or datetime.now(_ZONE).date()
    settings = _settings(yaml, file, use_case, day, problems)
    _check_credentials(yaml, file, use_case, problems)
    reached_at = _addresses(yaml, file, use_case, settings, problems)
    if reached_at is None or errors(problems):
        raise SpecError(sort(problems))
    return Activation(
        file=file,
        origin=Origin(str(path)),
        use_case=use_case,
        settings=settings,
        addresses=reached_at,
        source=(path.parent / file.source.path).resolve(),
        state_url=_state_url(path.parent, file.state),
    )


def _settings(
    yaml: YamlFile,
    file: ActivationFile,
    use_case: UseCase,
    today: date,
    problems: list[Problem],
) -> Settings:
    known = use_case.spec.use_case.settings
    for name in file.settings:
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"{file.partner} has no setting '{name}'."
            problems.append(
                Problem(yaml.origin(["settings", name]), "T303", message, hint)
            )
    values: dict[str, Any] = {}
    for name, setting in known.items():
        if setting.must_be_chosen and file.settings.get(name) is None:
            origin = yaml.origin(["settings", name])
            message = f"{name} ({setting.title}) has to be chosen."
            problems.append(Problem(origin, "T304", message))
            continue
        try:
            values[name] = setting_value(setting, file.settings.get(name))
        except ValueError as error:
            origin = yaml.origin(["settings", name])
            problems.append(Problem(origin, "T304", f"{name}: {error}."))
    return Settings({**values, "today": today.isoformat()})


def _check_credentials(
    yaml: YamlFile, file: ActivationFile, use_case: UseCase, problems: list[Problem]
) -> None:
    known: Mapping[str, str] = use_case.connector.credentials
    for name, reference in file.credentials.items():
        origin = yaml.origin(["credentials", name])
        if name not in known:
            hint = did_you_mean(name, known)
            message = f"{file.partner} has no credential '{name}'."
            problems.append(Problem(origin, "T306", message, hint))
        elif reference.partition(":")[0] not in ("env", "file"):
            message = f"'{name}' must be a reference, env:NAME or file:PATH."
            problems.append(Problem(origin, "T306", message))
    problems.extend(
        Problem(yaml.origin(["credentials"]), "T306", f"'{name}' ({label}) is missing.")
        for name, label in known.items()
        if name not in file.credentials
    )


def _addresses(
    yaml: YamlFile,
    file: ActivationFile,
    use_case: UseCase,
    settings: Settings,
    problems: list[Problem],
) -> Addresses | None:
    """Return where the partner is reached, or None with the problem added."""
    if file.base_url is not None:
        try:
            parts = urlsplit(file.base_url)
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        except ValueError:
            usable = False
        if not usable:
            message = "base_url is no http or https address."
            problems.append(Problem(yaml.origin(["base_url"]), "T305", message))
            return None
    elif file.environment not in use_case.connector.base_url:
        hint = did_you_mean(file.environment, use_case.connector.base_url)
        message = f"{file.partner} has no environment '{file.environment}'."
        origin = yaml.origin(["environment"])
        problems.append(Problem(origin, "T305", message, hint))
        return None
    try:
        return addresses(use_case.connector, file.environment, settings, file.base_url)
    except ValueError as error:
        problems.append(Problem(yaml.origin(["settings"]), "T305", f"{error}."))
        return None


def _state_url(folder: Path, state: str) -> str:
    if state.startswith("env:"):
        state = os.environ.get(state.removeprefix("env:"), "")
    if "://" in state:
        return state
    return f"sqlite:///{(folder / state).resolve()}"
