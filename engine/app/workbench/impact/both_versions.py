"""Read one activation under two versions of its spec: a file in, two activations out.

A setting or credential that only one of the versions knows is left out for the other
one, so that one file fits both.
"""

from dataclasses import replace
from datetime import date
from pathlib import Path

from engine.app.workbench.versions import Version
from engine.errors import SpecError
from engine.problems import Origin, Problem
from engine.runtime.activation import Activation, make_activation
from engine.runtime.library import UseCase, get_use_case
from engine.yamlfile import YamlFile, read_yaml

IN_MEMORY = "sqlite://"
"""The state of both: nothing is written to the activation's own."""


def opened_by(
    path: Path, old: Version, new: Version
) -> tuple[Activation, Activation, list[str]]:
    """
    Read an activation under both versions; with its settings that the new one lacks.

    Raises SpecError with all that is wrong with the file or with a version.
    """
    yaml, problems = read_yaml(path, str(path))
    if problems or not isinstance(yaml.data, dict):
        no_file = Problem(Origin(str(path)), "T004", "is no activation.")
        raise SpecError(problems or [no_file])
    before, after = _use_case(yaml, old), _use_case(yaml, new)
    first = _activation(yaml, path, old, before, after)
    today = date.fromisoformat(first.settings["today"])
    second = _activation(yaml, path, new, after, before, today)
    settings = yaml.data.get("settings") or {}
    known = after.spec.use_case.settings
    return first, second, [name for name in settings if name not in known]


def _use_case(yaml: YamlFile, version: Version) -> UseCase:
    """Return the use case in a version; its problems are told with its label."""
    partner, name = (str(yaml.data.get(key, "")) for key in ("partner", "use_case"))
    if not version.whole and partner not in version.partners:
        message = f"has nothing of {partner}, which {yaml.name} is about."
        raise SpecError([Problem(Origin(version.label), "S050", message)])
    origin = yaml.origin(["partner"])
    try:
        return get_use_case(version.folders, partner, name, origin)
    except SpecError as error:
        own = [p for p in error.problems if p.origin == origin]
        inside = [p for p in error.problems if p.origin != origin]
        raise SpecError([*own, *version.told(inside)]) from None


def _activation(
    yaml: YamlFile,
    path: Path,
    version: Version,
    own: UseCase,
    other: UseCase,
    today: date | None = None,
) -> Activation:
    """Read an activation under a version, without what only the other one knows."""
    foreign = {
        "settings": other.spec.use_case.settings.keys()
        - own.spec.use_case.settings.keys(),
        "credentials": other.connector.credentials.keys()
        - own.connector.credentials.keys(),
    }
    data = dict(yaml.data)
    for key, names in foreign.items():
        if isinstance(data.get(key), dict):
            data[key] = {n: v for n, v in data[key].items() if n not in names}
    file = replace(yaml, data=data)
    return make_activation(
        file, path, version.folders, today, IN_MEMORY, lambda *_: own
    )
