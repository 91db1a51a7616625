"""Turn a checked condition into a Python expression; settings are decided now."""

from typing import Any, Protocol

from engine.conditions import compare, members
from engine.language import (
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Empty,
    FieldPath,
    Literal,
    Member,
    Not,
    Predicate,
)
from engine.transforms import PREDICATES
from engine.work import Settings


class Code(Protocol):
    """The function that the expression becomes a part of."""

    settings: Settings
    constants: dict[str, Any]

    def bind(self, value: Any, prefix: str = "k") -> str: ...
    def read(self, path: FieldPath, get: str) -> str: ...


def condition_text(code: Code, node: Condition | Any, get: str) -> str:
    """Return a Python expression; what only settings decide is decided now."""
    match node:
        case AllOf(operands):
            parts = [condition_text(code, item, get) for item in operands]
            if "False" in parts:
                return "False"
            parts = [part for part in parts if part != "True"]
            return f"({' and '.join(parts)})" if parts else "True"
        case AnyOf(operands):
            parts = [condition_text(code, item, get) for item in operands]
            if "True" in parts:
                return "True"
            parts = [part for part in parts if part != "False"]
            return f"({' or '.join(parts)})" if parts else "False"
        case Not(operand):
            inner = condition_text(code, operand, get)
            return {"True": "False", "False": "True"}.get(inner, f"(not {inner})")
        case Compare(sign, left, right):
            texts = (_operand(code, left, get), _operand(code, right, get))
            if sign in ("=", "!="):
                return f"({texts[0]} {'==' if sign == '=' else '!='} {texts[1]})"
            code.constants["compare"] = compare
            return f"compare({sign!r}, {texts[0]}, {texts[1]})"
        case Member(left, items):
            return f"({_operand(code, left, get)} in {_members(code, items, get)})"
        case Empty(operand):
            value = _operand(code, operand, get)
            code.constants["EMPTY"] = (str, list, tuple)
            return f"({value} is None or not {value} and {value}.__class__ in EMPTY)"
        case Literal(value):
            return str(bool(value))
        case FieldPath() if node.setting is not None:
            return str(bool(code.settings.get(node.setting)))
        case _:
            return f"bool({_operand(code, node, get)})"


def _operand(code: Code, node: Any, get: str) -> str:
    match node:
        case Literal(value):
            return repr(value)
        case FieldPath():
            return code.read(node, get)
        case Predicate(name, arguments):
            function = code.bind(PREDICATES[name].function, name)
            texts = [_operand(code, argument, get) for argument in arguments]
            return f"{function}({', '.join(texts)})"
        case _:
            return condition_text(code, node, get)


def _members(code: Code, items: Any, get: str) -> str:
    if isinstance(items, FieldPath):
        if items.setting is not None:
            return code.bind(code.settings.get(items.setting) or (), "setting")
        code.constants["members"] = members
        return f"members({_operand(code, items, get)})"
    return f"({', '.join(_operand(code, item, get) for item in items)},)"
