"""Compile a plan of work into one generated Python function per entity.

The function is the straight way for a record that is in order: each ERP field is read
once, conditions on settings are decided now, dates and lookups are remembered. At
anything unusual it raises, and the interpreter, which says what is wrong, takes over.
The code stands in `linecache`, so that a traceback shows the generated line.
"""

import linecache
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from engine.condition_code import condition_text
from engine.conditions import holds
from engine.id_code import TOP, id_text, reference_text
from engine.interpreter import Outcome, bound, interpret, merged_by
from engine.language import (
    Condition,
    FieldPath,
)
from engine.records import Record, value_at
from engine.work import (
    Constant,
    EntityWork,
    FieldWork,
    FromFields,
    FromJsonPath,
    IdParts,
    ListWork,
    ReferenceTo,
    Settings,
    Step,
)

Transformer = Callable[[Record], Outcome]

_BODY, _ITEM = "body", "item"


def compile_entity(work: EntityWork, settings: Settings) -> Transformer:
    """Return the transformer of an entity under the settings of an activation."""
    code = _Code(settings)
    source = code.function(work)
    name = f"<feldwerk {work.name}>"
    linecache.cache[name] = (len(source), None, source.splitlines(True), name)
    namespace = {
        **code.constants,
        "Outcome": Outcome,
        "new": tuple.__new__,
        "interpret": lambda record: interpret(work, record, settings),
    }
    exec(compile(source, name, "exec"), namespace)  # noqa: S102 - our own generated code
    transform: Transformer = namespace["transform"]
    transform.__doc__ = source
    return transform


def generated_code(work: EntityWork, settings: Settings) -> str:
    """Return the Python text that an entity compiles to."""
    return _Code(settings).function(work)


def compile_condition(
    condition: Condition, settings: Settings
) -> Callable[[Record], bool]:
    """Return a function that decides a condition for a record."""
    code = _Code(settings)
    code.indent = TOP
    code.emit("get = record.get")
    code.emit(f"return {condition_text(code, condition, 'get')}")
    lines = ["def decide(record):", "    try:", *code.lines, "    except Exception:"]
    source = "\n".join([*lines, "        return holds(record)", ""])
    namespace: dict[str, Any] = {
        **code.constants,
        "holds": lambda record: holds(condition, record, settings),
    }
    exec(compile(source, "<feldwerk condition>", "exec"), namespace)  # noqa: S102 - our own generated code
    decide: Callable[[Record], bool] = namespace["decide"]
    return decide


def condition_source(condition: Condition, settings: Settings) -> str:
    """Return the Python text of a condition; `False` if settings alone decide it."""
    return condition_text(_Code(settings), condition, "get")


@dataclass
class _Code:
    settings: Settings
    constants: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    reads: dict[tuple[str, FieldPath], str] = field(default_factory=dict)
    indent: int = 1
    checked: set[str] = field(default_factory=set)
    """Variables that are known to be fit for an ID in the rest of the function."""

    def function(self, work: EntityWork) -> str:
        self.indent = TOP
        self.emit("get = record.get")
        id_text(self, work.id, "get", "identity")
        self._containers(work)
        seen: set[tuple[str, tuple[str, ...]]] = set()
        for item in work.fields:
            if isinstance(item, ListWork):
                self._list(item)
            else:
                container = _container(item)
                self._field(item, "get", container, (container, item.target) in seen)
                seen.add((container, item.target))
        self._close_containers(work)
        self.emit(f"return new(Outcome, (identity, body, {self._only(work)}, (), ()))")
        return "\n".join(
            [
                "def transform(record):",
                "    try:",
                *self.lines,
                "    except Exception:",
                "        return interpret(record)",
                "",
            ]
        )

    def emit(self, line: str) -> None:
        self.lines.append("    " * self.indent + line)

    def bind(self, value: Any, prefix: str = "k") -> str:
        """Give a value a name in the function's namespace."""
        name = f"{prefix}{len(self.constants)}"
        self.constants[name] = value
        return name

    # -- containers: nested objects are filled first and put in if not empty

    def _containers(self, work: EntityWork) -> None:
        for operation in (_BODY, *_operations(work)):
            self.emit(f"{operation} = {{}}")
        for container, path in _nested(work):
            self.emit(f"{_name(container, path)} = {{}}")

    def _close_containers(self, work: EntityWork) -> None:
        for container, path in reversed(_nested(work)):
            name, parent = _name(container, path), _name(container, path[:-1])
            self.emit(f"if {name}: {parent}[{path[-1]!r}] = {name}")

    def _only(self, work: EntityWork) -> str:
        """Return the parts for single operations that are not empty, as a dict."""
        operations = _operations(work)
        if not operations:
            return self.bind({}, "none")
        parts = ", ".join(f"({name!r}, {name})" for name in operations)
        return f"{{name: part for name, part in ({parts},) if part}}"

    # -- reading

    def read(self, path: FieldPath, get: str) -> str:
        """Return the name of a local variable that holds the value of a path."""
        if path.setting is not None:
            return self.bind(self.settings.get(path.setting), "setting")
        known = self.reads.get((get, path))
        if known:
            return known
        if path.many:
            way = self.bind(path, "path")
            self.constants["value_at"] = value_at
            owner = "record" if get == "get" else "element"
            name = self.assign_new(f"value_at({owner}, {way})")
        elif len(path.segments) == 1:
            name = self.assign_new(f"{get}({path.segments[0].name!r})")
        else:
            parent = self.read(FieldPath(path.segments[:-1]), get)
            last = path.segments[-1].name
            inner = f"None if {parent} is None else {parent}.get({last!r})"
            name = self.assign_new(inner)
        self.reads[(get, path)] = name
        return name

    # -- one row

    def _field(self, work: FieldWork, get: str, container: str, repeated: bool) -> None:
        target = f"{_name(container, work.target[:-1])}[{work.target[-1]!r}]"
        outer = self.indent
        known = dict(self.reads)
        if work.when is not None:
            condition = condition_text(self, work.when, get)
            if condition == "False":
                return
            if condition != "True":
                self.emit(f"if {condition}:")
                self.indent += 1
        if repeated:
            holder, last = _name(container, work.target[:-1]), work.target[-1]
            self.emit(f"if {last!r} not in {holder}:")
            self.indent += 1
        if isinstance(work.source, Constant):
            self.emit(f"{target} = {self.bind(work.default)}")
        else:
            self._assign(work, get, target)
        if self.indent != outer:
            # What was read below a condition is not known outside of it.
            self.indent, self.reads = outer, known

    def _assign(self, work: FieldWork, get: str, target: str) -> None:
        value = self._value(work, get)
        if isinstance(work.source, IdParts):
            self.emit(f"{target} = {value}")
            return
        one_id = isinstance(work.source, ReferenceTo) and not work.many
        filled = value if one_id else f"{value} or {value} == 0"
        self.emit(f"if {filled}: {target} = {value}")
        if work.default is not None:
            self.emit(f"else: {target} = {self.bind(work.default)}")
        elif work.if_empty == "clear":
            self.emit(f"else: {target} = None")
        elif work.if_empty == "reject":
            self.emit("else: raise ValueError")

    def _value(self, work: FieldWork, get: str) -> str:
        source = work.source
        match source:
            case IdParts():
                return "identity"
            case ReferenceTo():
                return reference_text(self, source, get)
            case FromJsonPath(_, find):
                owner = "record" if get == "get" else "element"
                value = self.assign_new(f"{self.bind(find, 'find')}({owner})")
            case FromFields(paths) if len(paths) == 1:
                value = self.read(paths[0], get)
                if work.many and source.each:
                    return self._each(work, value)
                if work.steps and not work.steps[0].several:
                    return self._pipe(work.steps, value)
                if work.steps:
                    value = self.assign_new(
                        f"{value} if {value} is None or {value}.__class__ is list "
                        f"or {value}.__class__ is tuple else ({value},)"
                    )
            case FromFields(paths):
                names = [self.read(path, get) for path in paths]
                value = self.assign_new(self._gather(work.steps[0], names))
                return self._pipe(work.steps[1:], value)
        return self._pipe(work.steps, value)

    def _gather(self, step: Step, names: list[str]) -> str:
        """Return the call of a step that takes several values; common ones inline."""
        if step.name == "first":
            firsts = [f"{n} if {n} is not None and {n} != '' else " for n in names[:-1]]
            return f"{''.join(firsts)}{names[-1]} if {names[-1]} != '' else None"
        call = self._call(step, f"({', '.join(names)},)")
        if step.name == "join":
            separator = repr(step.arguments[0] if step.arguments else " ")
            texts = " and ".join(f"{n}.__class__ is str and {n}" for n in names)
            return f"{separator}.join(({', '.join(names)},)) if {texts} else {call}"
        return call

    def assign_new(self, expression: str) -> str:
        name = f"x{len(self.lines)}"
        self.emit(f"{name} = {expression}")
        return name

    def _pipe(self, steps: tuple[Step, ...], value: str) -> str:
        for step in steps:
            call = self._call(step, value)
            value = self.assign_new(f"None if {value} is None else {call}")
        return value

    def _call(self, step: Step, value: str) -> str:
        given = bound(step.arguments, self.settings)
        if step.remembered:
            swapped = partial(_swapped, step.function, given)
            remembered = lru_cache(maxsize=8192, typed=True)(swapped)
            return f"{self.bind(remembered, step.name)}({value})"
        function = self.bind(step.function, step.name)
        arguments = "".join(f", {self.bind(argument)}" for argument in given)
        return f"{function}({value}{arguments})"

    def _each(self, work: FieldWork, value: str) -> str:
        many = self.assign_new(f"{value} if {value}.__class__ is list else [{value}]")
        found = self.assign_new("[]")
        self.emit(f"for one in {many}:")
        self.indent += 1
        result = self._pipe(work.steps, "one")
        self.emit(f"if {result} or {result} == 0: {found}.append({result})")
        self.indent -= 1
        return found

    # -- lists of objects

    def _list(self, work: ListWork) -> None:
        items = self.assign_new("[]")
        targets = [inner.target for inner in work.fields]
        self.emit(f"for element in {self._collection(work.collection)}:")
        self.indent += 1
        self.emit("if element.__class__ is not dict: continue")
        known = dict(self.reads)
        self.emit("of_element = element.get")
        nested = sorted({t[:n] for t in targets for n in range(1, len(t))})
        for path in [(), *nested]:
            self.emit(f"{_name(_ITEM, path)} = {{}}")
        for inner in work.fields:
            repeated = targets.count(inner.target) > 1
            self._field(inner, "of_element", _ITEM, repeated)
        for path in reversed(nested):
            name, parent = _name(_ITEM, path), _name(_ITEM, path[:-1])
            self.emit(f"if {name}: {parent}[{path[-1]!r}] = {name}")
        self.emit(f"if {_ITEM}: {items}.append({_ITEM})")
        self.indent, self.reads = self.indent - 1, known
        target = f"{_name(_BODY, work.target[:-1])}[{work.target[-1]!r}]"
        if work.merge_by is not None:
            merge = self.bind(partial(merged_by, work.merge_by), "merge")
            self.emit(f"{items} = {merge}({items})")
        self.emit(f"if {items}: {target} = {items}")

    def _collection(self, collection: FieldPath) -> str:
        if not collection.segments:
            return "(record,)"
        self.constants["value_at"] = value_at
        return f"value_at(record, {self.bind(collection, 'path')})"


def _container(item: FieldWork | ListWork) -> str:
    """Return the variable of the payload, or of its part for one operation."""
    return getattr(item, "only_in", None) or _BODY


def _operations(work: EntityWork) -> list[str]:
    return sorted({_container(item) for item in work.fields} - {_BODY})


def _swapped(
    function: Callable[..., Any], arguments: tuple[Any, ...], value: Any
) -> Any:
    return function(value, *arguments)


def _nested(work: EntityWork) -> list[tuple[str, tuple[str, ...]]]:
    """Return the nested objects of a payload, outer ones first."""
    found: Mapping[tuple[str, tuple[str, ...]], None] = {
        (_container(item), item.target[:n]): None
        for item in work.fields
        for n in range(1, len(item.target))
    }
    return sorted(found, key=lambda pair: (len(pair[1]), pair))


def _name(container: str, path: tuple[str, ...]) -> str:
    """Name the variable of a nested object; a.b, a_b, a-b and @a stay apart."""
    signs = str.maketrans({"_": "_u", "-": "_h", "@": "_a"})
    return "__".join((container, *(part.translate(signs) for part in path)))
