"""Turn IDs and references into lines of Python; what is missing or unfit raises."""

from typing import Any, Protocol

from engine.language import FieldPath
from engine.records import value_at
from engine.work import IdParts, ReferenceTo, Settings

TOP = 2
"""The indent of what always runs: below `def` and `try`."""


class Code(Protocol):
    """The function that the lines become a part of."""

    settings: Settings
    constants: dict[str, Any]
    reads: dict[tuple[str, FieldPath], str]
    indent: int
    checked: set[str]

    def emit(self, line: str) -> None: ...
    def bind(self, value: Any, prefix: str = "k") -> str: ...
    def read(self, path: FieldPath, get: str) -> str: ...
    def assign_new(self, expression: str) -> str: ...


def id_text(code: Code, source: IdParts, get: str, name: str) -> None:
    """Compose an ID, or raise: what is missing the interpreter says."""
    parts = [
        repr(part) if isinstance(part, str) else code.read(part, get)
        for part in source.parts
    ]
    _compose(code, source, parts, name)


def _compose(code: Code, source: IdParts, parts: list[str], name: str) -> None:
    """Join the parts; a missing part, no text, or a separator in one raises."""
    optional = [
        text
        for part, text in zip(source.parts, parts, strict=True)
        if _is_optional(part, source)
    ]
    _check_parts(code, [text for text in parts if text not in optional])
    if not optional:
        _join(code, parts, name)
        return
    code.emit(f"if {' and '.join(optional)}:")
    code.indent += 1
    _check_parts(code, optional)
    _join(code, parts, name)
    code.indent -= 1
    if len(optional) == 1:
        rest = [text for text in parts if text not in optional]
        code.emit("else:")
        code.indent += 1
        # A part that is 0 or false is a value: leave it to the interpreter.
        code.emit(f"if {optional[0]} == 0: raise ValueError")
        _join(code, rest, name)
        code.indent -= 1
    else:
        code.emit("else: raise ValueError")
    if code.indent == TOP:
        code.checked |= set(parts)


def _check_parts(code: Code, parts: list[str]) -> None:
    separator = code.settings.separator
    names = [t for t in parts if t.isidentifier() and t not in code.checked]
    tests = [f"not {t} or {separator!r} in {t}" for t in names]
    literals = [t for t in parts if not t.isidentifier()]
    if any(separator in literal for literal in literals):
        tests = ["True"]
    if tests:
        code.emit(f"if {' or '.join(tests)}: raise ValueError")
    if code.indent == TOP:
        code.checked |= set(names)


def _join(code: Code, parts: list[str], name: str) -> None:
    code.emit(f"{name} = {code.settings.separator!r}.join(({', '.join(parts)},))")


def reference_text(code: Code, source: ReferenceTo, get: str) -> str:
    if source.collection.segments:
        found = code.assign_new("set()")
        way = code.bind(source.collection, "path")
        code.constants["value_at"] = value_at
        owner = "record" if get == "get" else "element"
        code.emit(f"for member in value_at({owner}, {way}):")
        code.indent += 1
        known = dict(code.reads)
        code.emit("of = member.get")
        name = _reference_id(code, source.id, "of")
        code.emit(f"if {name}: {found}.add({name})")
        code.indent, code.reads = code.indent - 1, known
        return code.assign_new(f"sorted({found})")
    return _reference_id(code, source.id, get)


def _reference_id(code: Code, source: IdParts, get: str) -> str:
    parts = [
        repr(part) if isinstance(part, str) else code.read(part, get)
        for part in source.parts
    ]
    required = [
        text
        for part, text in zip(source.parts, parts, strict=True)
        if isinstance(part, FieldPath) and not _is_optional(part, source)
    ]
    name = code.assign_new("None")
    code.emit(f"if {' and '.join(required) or 'True'}:")
    code.indent += 1
    _compose(code, source, parts, name)
    code.indent -= 1
    # A part that is 0 or false is a value: leave it to the interpreter.
    doubtful = " or ".join(f"{text} == 0" for text in required)
    if doubtful:
        code.emit(f"elif {doubtful}: raise ValueError")
    return name


def _is_optional(part: FieldPath | str, source: IdParts) -> bool:
    return isinstance(part, FieldPath) and part.segments[-1].name in source.optional
