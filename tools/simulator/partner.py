"""What the files say of one partner: a folder and a name in, its description out."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Entity:
    """One kind of record: its part of the connector file and its payload schema."""

    name: str
    requests: Mapping[str, Any]
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class Partner:
    """A partner as its files describe it; `prefix` is the path of its base URL."""

    name: str
    connector: Mapping[str, Any]
    entities: Mapping[str, Entity]
    prefix: str
    credentials: Mapping[str, str]


def read(name: str, root: Path = REPOSITORY) -> Partner:
    """
    Read the files of a partner.

    Raises FileNotFoundError if a file is missing, ValueError if a schema refers to an
    entity that the connector file does not have.
    """
    path = root / "connectors" / "partners" / f"{name}.yaml"
    connector = yaml.safe_load(path.read_text(encoding="utf-8"))
    folder = root / "schemas" / "partners" / name
    entities = {
        entity: Entity(entity, requests, _schema(folder / f"{entity}.json"))
        for entity, requests in connector["entities"].items()
    }
    base_url = connector["base_url"]
    production = base_url.get("production") or next(iter(base_url.values()))
    return Partner(
        name=connector["partner"],
        connector=connector,
        entities=entities,
        prefix=urlsplit(production).path.rstrip("/"),
        credentials={key: f"simulated-{key}" for key in connector["credentials"]},
    )


def _schema(path: Path) -> dict[str, Any]:
    schema: dict[str, Any] = orjson.loads(path.read_bytes())
    return schema
