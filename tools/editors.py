"""What editors need to check our YAML files: schemas in, a catalog and settings out.

The catalog has the format of schemastore.org, its addresses are relative to itself. The
settings are what the YAML extension of VS Code, and others with yaml-language-server,
read in a folder.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

PATTERNS: Mapping[str, tuple[str, ...]] = {
    "use_case": ("mappings/partners/*/*/use_case.yaml",),
    "partner": ("mappings/partners/*/partner.yaml",),
    "use_case_page": ("mappings/use_cases/*.yaml",),
    "connector": ("connectors/partners/*.yaml",),
    "activation": (
        "activation.yaml",
        "*.activation.yaml",
        "activations/*.yaml",
        "demo/*.yaml",
    ),
    "source": ("source.yaml",),
    "alerts": ("alerts.yaml", "*.alerts.yaml"),
}
"""Schema -> the files that it is for, wherever the folder of the specs is."""


def catalog(models: Mapping[str, type[BaseModel]]) -> str:
    """Return the catalog; the models of the files say what each is for."""
    schemas = [
        {
            "name": f"Feldwerk {name.replace('_', ' ')}",
            "description": _first(models[name]).replace("`", ""),
            "fileMatch": list(patterns),
            "url": f"{name}.json",
        }
        for name, patterns in PATTERNS.items()
    ]
    schema = "https://json.schemastore.org/schema-catalog.json"
    return json_text({"$schema": schema, "version": 1, "schemas": schemas})


def vscode() -> str:
    """Return the settings of a workspace: each schema, and the files that it is for."""
    schemas = {
        f"./schemas/feldwerk/{name}.json": [f"**/{pattern}" for pattern in patterns]
        for name, patterns in PATTERNS.items()
    }
    return json_text({"yaml.schemas": schemas})


def _first(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").strip().splitlines()[0]


def json_text(value: Any) -> str:
    """Return a value as the text of a file."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
