"""What the files say of one partner: a folder and a name in, its description out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

from tools.simulator.templates import render

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Entity:
    """
    One kind of record: its part of the connector file and its payload schema.

    `xsd` is the XML Schema of its documents, if there is such a file.
    """

    name: str
    requests: Mapping[str, Any]
    schema: Mapping[str, Any]
    xsd: Path | None = None


@dataclass(frozen=True)
class Partner:
    """A partner as its files describe it; `prefix` is the path of its base URL."""

    name: str
    connector: Mapping[str, Any]
    entities: Mapping[str, Entity]
    prefix: str
    credentials: Mapping[str, str]
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def known(self) -> dict[str, Any]:
        """What the templates of the connector file know at every place."""
        return {"credentials": self.credentials, "settings": self.settings}


def read(
    name: str, root: Path = REPOSITORY, settings: Mapping[str, Any] | None = None
) -> Partner:
    """
    Read the files of a partner; `settings` go before those of its use cases.

    Raises FileNotFoundError if a file is missing, ValueError if a setting that the
    connector file reads has no value.
    """
    path = root / "connectors" / "partners" / f"{name}.yaml"
    connector = yaml.safe_load(path.read_text(encoding="utf-8"))
    folder = root / "schemas" / "partners" / name
    entities = {
        entity: _entity(folder, entity, requests)
        for entity, requests in connector["entities"].items()
    }
    base_url = connector["base_url"]
    chosen = _settings(root / "mappings" / "partners" / name, connector, settings or {})
    production = base_url.get("production") or next(iter(base_url.values()))
    production = render(production, {"settings": chosen})
    return Partner(
        name=connector["partner"],
        connector=connector,
        entities=entities,
        prefix=urlsplit(production).path.rstrip("/"),
        credentials={key: f"simulated-{key}" for key in connector["credentials"]},
        settings=chosen,
    )


def _entity(folder: Path, name: str, requests: Mapping[str, Any]) -> Entity:
    schema: dict[str, Any] = orjson.loads((folder / f"{name}.json").read_bytes())
    xsd = folder / f"{name}.xsd"
    return Entity(name, requests, schema, xsd if xsd.exists() else None)


def _settings(
    folder: Path, connector: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings: those given, then the default, then the example."""
    chosen: dict[str, Any] = {}
    for path in sorted(folder.glob("*/use_case.yaml")):
        use_case = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, setting in (use_case.get("settings") or {}).items():
            value = setting.get("default")
            chosen[name] = setting.get("example") if value is None else value
    chosen |= given
    missing = [
        name for name in connector.get("settings") or () if chosen.get(name) is None
    ]
    if missing:
        raise ValueError(f"no value for the settings {', '.join(missing)}")
    return chosen
