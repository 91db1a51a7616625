"""Read a YAML file: text in, plain data and the place of every value out.

Only what is certainly a number, a truth value or nothing gets a type: `0081`, `1E5`,
`01.02` and `no` stay text.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from engine.problems import Origin, Problem, did_you_mean

Position = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML declares it so


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile(r"^(?:~|null|)$"), ["~", "n", ""]
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^(?:0|-?[1-9][0-9]*)$"), list("-0123456789")
)
# Only what prints as it was written: 0.5 is a number, 1.50 and 01.02 stay text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^-?(?:0|[1-9][0-9]*)\.[0-9]*[1-9]$"),
    list("-0123456789"),
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile(r"^(?:<<)$"), ["<"])


@dataclass(frozen=True)
class YamlFile:
    """The content of a YAML file, and where each value stands."""

    name: str
    data: Any
    lines: Mapping[Position, int] = field(default_factory=dict)

    def origin(self, position: Sequence[str | int]) -> Origin:
        """Return the place of the value at a position, or of its nearest parent."""
        path = tuple(position)
        column = ".".join(map(str, path))
        while path and path not in self.lines:
            path = path[:-1]
        return Origin(self.name, self.lines.get(path, 1), column)


def read_yaml(path: Path, name: str) -> tuple[YamlFile, list[Problem]]:
    """Read a file; what cannot be read is a problem and leaves the data empty."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        return YamlFile(name, None), [Problem(Origin(name), "T001", "not found.")]
    except (UnicodeDecodeError, OSError) as error:
        return YamlFile(name, None), [Problem(Origin(name), "T002", f"{error}.")]
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if _size(node, {}) > _MOST_NODES:
            raise ValueError("its aliases make it too large")  # noqa: TRY301 - as its kind
        lines = dict(_lines(node))  # before the data, which resolves `<<` in place
        data = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        origin = Origin(name, mark.line + 1 if mark else 0)
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        return YamlFile(name, None), [Problem(origin, "T003", f"{what}.")]
    return YamlFile(name, data, lines), []


_MOST_NODES = 200_000
"""Aliases can make a short file endless."""


def _size(node: yaml.Node | None, known: dict[int, int]) -> int:
    """Return the nodes of a file with its aliases written out."""
    if node is None:
        return 0
    if id(node) not in known:
        known[id(node)] = 1
        parts: list[yaml.Node] = []
        if isinstance(node, yaml.MappingNode):
            parts = [value for _, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        known[id(node)] += sum(_size(part, known) for part in parts)
    return known[id(node)]


def _lines(node: yaml.Node | None, path: Position = ()) -> list[tuple[Position, int]]:
    if node is None:
        return []
    found = [(path, node.start_mark.line + 1)]
    if isinstance(node, yaml.MappingNode):
        known: set[str] = set()
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                what = "a key must be a plain text"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            if key.value in known:
                what = f"the key '{key.value}' stands here twice"
                raise yaml.MarkedYAMLError(problem=what, problem_mark=key.start_mark)
            known.add(key.value)
            found.append(((*path, key.value), key.start_mark.line + 1))
            found.extend(_lines(value, (*path, key.value))[1:])
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            found.extend(_lines(value, (*path, index)))
    return found


def parse_model(
    file: YamlFile, model: type[Model]
) -> tuple[Model | None, list[Problem]]:
    """Turn a file's data into a model; every misfit is a problem with its line."""
    try:
        return model.model_validate(file.data), []
    except ValidationError as error:
        return None, [_misfit(file, model, details) for details in error.errors()]


def _misfit(file: YamlFile, model: type[BaseModel], details: Any) -> Problem:
    position = [
        part
        for part in details["loc"]
        if not (isinstance(part, str) and part.startswith("function-"))
    ]
    suggestion = ""
    message = details["msg"].removeprefix("Value error, ")
    if details["type"] == "extra_forbidden":
        known = _keys_of(model, position[:-1])
        suggestion = did_you_mean(str(position[-1]), known)
        message = f"unknown key '{position[-1]}'"
    elif details["type"] == "missing":
        message = f"'{position[-1]}' is missing"
    return Problem(file.origin(position), "T004", f"{message}.", suggestion)


def _keys_of(model: type[BaseModel], position: Sequence[str | int]) -> list[str]:
    """Return the keys that a model knows, at any depth when the place is nested."""
    if not position:
        return list(model.model_fields)
    definitions = model.model_json_schema().get("$defs", {})
    return [
        key for schema in definitions.values() for key in schema.get("properties", {})
    ]
