"""Read an activation: a YAML file in, a checked Activation out."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from connectors.addresses import Addresses, addresses
from engine.activation_model import ActivationFile
from engine.errors import CredentialsError, SpecError
from engine.model import setting_value
from engine.problems import Origin, Problem, did_you_mean, errors, sort
from engine.runtime import secrets
from engine.runtime.library import UseCase, get_use_case
from engine.spec import Folders
from engine.work import Settings
from engine.yamlfile import YamlFile, parse_model, read_yaml

_ZONE = ZoneInfo("Europe/Berlin")


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
    folders: Folders

    @property
    def name(self) -> str:
        return _name(self.file)

    @property
    def account(self) -> str:
        """The account at the partner, which several use cases may share."""
        file = self.file
        return f"{file.customer}/{file.partner}/{file.environment}"

    def secrets(self) -> dict[str, str]:
        """Fetch the credentials; raises CredentialsError naming what is not there."""
        problems = []
        found = {}
        for name, reference in self.file.credentials.items():
            try:
                found[name] = secrets.fetch(reference, self.folder)
            except secrets.NoSecretError as error:
                message = f"{self.name}: the credential '{name}' is not in {error}."
                problems.append(Problem(self.origin, "D101", message))
                continue
            if not found[name]:
                message = f"{self.name}: the credential '{name}' is empty."
                problems.append(Problem(self.origin, "D101", message))
        if problems:
            raise CredentialsError(problems)
        return found

    def exposed_secrets(self) -> list[str]:
        """Return a warning for each credential that other users can read."""
        references = self.file.credentials
        told = (
            (name, secrets.exposed(r, self.folder)) for name, r in references.items()
        )
        return [f"the credential '{name}': {text}" for name, text in told if text]

    @property
    def folder(self) -> Path:
        """The folder that relative paths start from."""
        return Path(self.origin.file).parent


class FindUseCase(Protocol):
    """Finds a use case that is free of errors, as `get_use_case` does."""

    def __call__(
        self, folders: Folders, partner: str, use_case: str, origin: Origin
    ) -> UseCase: ...


def read_activation(
    path: Path,
    folders: Folders,
    today: date | None = None,
    state_url: str | None = None,
) -> Activation:
    """
    Read an activation; raises SpecError with every problem found.

    `today` is the day of the run, in Germany's time if left out; `state_url` goes
    before the state that the file names.
    """
    yaml, problems = read_yaml(path, str(path))
    if problems:
        raise SpecError(problems)
    return make_activation(yaml, path, folders, today, state_url)


def make_activation(
    yaml: YamlFile,
    path: Path,
    folders: Folders,
    today: date | None = None,
    state_url: str | None = None,
    find: FindUseCase = get_use_case,
) -> Activation:
    """
    Check what stands in an activation's file, which need not be there any more.

    `state_url` goes before the state that the content names.
    """
    file, problems = parse_model(yaml, ActivationFile)
    if file is None:
        raise SpecError(sort(problems))
    try:
        use_case = find(folders, file.partner, file.use_case, yaml.origin(["partner"]))
    except SpecError as error:
        raise SpecError([*problems, *error.problems]) from None
    day = today or datetime.now(_ZONE).date()
    settings = _settings(yaml, file, use_case, day, problems)
    _check_credentials(yaml, file, use_case, problems)
    reached_at = _addresses(yaml, file, use_case, settings, problems)
    state = state_url or _state_url(yaml, path.parent, file.state, problems)
    if reached_at is None or errors(problems):
        raise SpecError(sort(problems))
    return Activation(
        file=file,
        origin=Origin(str(path)),
        use_case=use_case,
        settings=settings,
        addresses=reached_at,
        source=(path.parent / file.source.path).resolve(),
        state_url=state,
        folders=folders,
    )


def runs_of(path: Path, state_url: str | None = None) -> tuple[str, str]:
    """
    Return the name of an activation's file and where the state of its runs is.

    `state_url` goes before the state that the file names. The spec may have errors.
    Raises SpecError with every problem of the file.
    """
    yaml, problems = read_yaml(path, str(path))
    if problems:
        raise SpecError(problems)
    file, problems = parse_model(yaml, ActivationFile)
    if file is None:
        raise SpecError(sort(problems))
    state = state_url or _state_url(yaml, path.parent, file.state, problems)
    if problems:
        raise SpecError(sort(problems))
    return _name(file), state


def _name(file: ActivationFile) -> str:
    return f"{file.customer}/{file.partner}/{file.use_case}/{file.environment}"


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
        elif what := secrets.wrong(reference):
            problems.append(Problem(origin, "T306", f"'{name}' {what}."))
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
        message = "" if usable else "base_url is no http or https address."
        if usable and parts.scheme == "http" and file.environment != "test":
            message = "base_url must begin with https:// outside of `test`."
        if message:
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


def _state_url(
    yaml: YamlFile, folder: Path, state: str, problems: list[Problem]
) -> str:
    if state.startswith("env:"):
        variable = state.removeprefix("env:")
        state = os.environ.get(variable, "")
        if not state:
            message = f"'{variable}' is not in the environment."
            problems.append(Problem(yaml.origin(["state"]), "T307", message))
    return state if "://" in state else f"sqlite:///{(folder / state).resolve()}"
