"""Check the pipe of a row: a `transform` cell in, bound steps and problems out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2.sandbox import SandboxedEnvironment

from engine.contract import typed
from engine.language import Call, LanguageError, parse_pipe
from engine.model import Setting
from engine.paths import resolve
from engine.problems import Problem, did_you_mean
from engine.spec import FieldRule, ValueList
from engine.standard import Standard
from engine.transforms import TRANSFORMS, Kind, Transform
from engine.work import FromFields, FromJsonPath, FromSetting, Source, Step


@dataclass
class PipeCheck:
    """Check the pipe of one row; the problems found gather in `problems`."""

    rule: FieldRule
    lists: Mapping[str, ValueList]
    settings: Mapping[str, Setting]
    standard: Standard
    start: str
    problems: list[Problem]

    def problem(self, code: str, message: str, hint: str = "") -> None:
        self.problems.append(Problem(self.rule.at("transform"), code, message, hint))

    def steps(
        self, source: Source, contract: Mapping[str, Any]
    ) -> tuple[Step, ...] | None:
        """Return the steps of the row; None if any of them cannot run."""
        text = self.rule.row.transform
        if not text:
            if isinstance(source, FromFields) and self._gives_several(source):
                message = (
                    "several fields need a transform that takes several: join, first."
                )
                self.problem("M107", message)
                return None
            return ()
        if not isinstance(source, FromFields | FromJsonPath):
            return None
        try:
            calls = parse_pipe(text)
        except LanguageError as error:
            self.problem("M103", f"{error}.")
            return None
        steps = []
        for position, call in enumerate(calls):
            last = position == len(calls) - 1
            step = self._step(call, source, position, contract if last else {})
            if step is None:
                return None
            steps.append(step)
        return tuple(steps)

    def check_names(self) -> None:
        """Name every unknown transform of a row that has no source to run on."""
        try:
            calls = parse_pipe(self.rule.row.transform or "trim")
        except LanguageError as error:
            self.problem("M103", f"{error}.")
            return
        for call in calls:
            if call.name != "template":
                self._transform(call)

    def _transform(self, call: Call) -> Transform | None:
        transform = TRANSFORMS.get(call.name)
        if transform is None:
            hint = did_you_mean(call.name, [*TRANSFORMS, "template"])
            message = f"no transform is named '{call.name}'."
            self.problem("M104", message, hint)
        return transform

    def _step(
        self, call: Call, source: Source, position: int, contract: Mapping[str, Any]
    ) -> Step | None:
        if call.name == "template":
            return self._template(call, source, position)
        transform = self._transform(call)
        if transform is None:
            return None
        if position and transform.several:
            message = f"'{call.name}' takes several values and can only come first."
            self.problem("M107", message)
            return None
        if not position and not transform.several and not self._one_value(source):
            message = f"'{call.name}' takes one value, the source gives several."
            self.problem("M107", message, "Begin with join or first.")
            return None
        arguments = self._arguments(call, transform, contract)
        if arguments is None:
            return None
        if transform.dated:
            arguments = (*arguments, FromSetting("today"))
        return Step(
            call.name,
            transform.function,
            arguments,
            several=transform.several,
            remembered=transform.remembered,
        )

    def _gives_several(self, source: FromFields) -> bool:
        each = "[]" in self.rule.row.partner_field
        return not source.single or (source.paths[0].many and not each)

    def _one_value(self, source: Source) -> bool:
        if not isinstance(source, FromFields) or not source.single:
            return False
        path = source.paths[0]
        if path.setting is not None:
            return True
        found = resolve(self.standard, self.start, str(path))
        is_list = found.field is not None and found.field.type == "list"
        return not is_list and not self._gives_several(source)

    def _arguments(
        self, call: Call, transform: Transform, contract: Mapping[str, Any]
    ) -> tuple[Any, ...] | None:
        count = len(call.arguments)
        if not transform.required <= count <= len(transform.parameters):
            wanted = ", ".join(transform.parameters) or "none"
            message = f"'{call.name}' takes {wanted} as arguments, not {count}."
            self.problem("M105", message)
            return None
        bound: list[Any] = []
        for argument, kind in zip(call.arguments, transform.parameters, strict=False):
            if kind == "list":
                entries = self._list(argument, contract)
                if entries is None:
                    return None
                bound.append(entries)
            elif kind == "setting":
                setting = self._mapping(argument)
                if setting is None:
                    return None
                bound.append(setting)
            elif _is_of(kind, argument):
                bound.append(argument)
            else:
                message = f"'{call.name}' takes a {kind} here."
                self.problem("M105", message)
                return None
        return tuple(bound)

    def _list(self, argument: Any, contract: Mapping[str, Any]) -> Any:
        name = str(argument)
        if name not in self.lists:
            hint = did_you_mean(name, self.lists)
            self.problem("M106", f"no list is named '{name}'.", hint)
            return None
        entries: dict[str, Any] = {}
        known, field = self.lists[name], self.rule.row.partner_field
        for erp_value, partner_value in known.entries.items():
            if partner_value == "":
                entries[erp_value] = None
                continue
            try:
                entries[erp_value] = typed(partner_value, contract)
            except ValueError as error:
                place = known.origins.get(erp_value, self.rule.at("transform"))
                message = f"'{erp_value}' for the field '{field}': {error}."
                self.problems.append(Problem(place, "C103", message))
        return entries

    def _mapping(self, argument: Any) -> FromSetting | None:
        name = str(argument)
        known = [n for n, s in self.settings.items() if s.type == "mapping"]
        if name not in known:
            hint = did_you_mean(name, known)
            self.problem("M113", f"no setting of type mapping is named '{name}'.", hint)
            return None
        return FromSetting(name)

    def _template(self, call: Call, source: Source, position: int) -> Step | None:
        if position or not isinstance(source, FromFields) or len(call.arguments) != 1:
            message = "template comes first, takes one text, and reads erp_field."
            self.problem("M118", message)
            return None
        text = str(call.arguments[0])
        names = ["_".join(path.names) for path in source.paths]
        try:
            used = meta.find_undeclared_variables(TEMPLATES.parse(text))
        except TemplateSyntaxError as error:
            self.problem("M118", f"{error.message}.")
            return None
        for name in sorted(used - set(names)):
            hint = did_you_mean(name, names)
            message = f"'{name}' does not stand in erp_field."
            self.problem("M118", message, hint)
            return None
        return Step("template", template(text, names), several=True)


def _is_of(kind: Kind, argument: Any) -> bool:
    """Say whether an argument is of a kind; a number counts something."""
    if kind == "text":
        return isinstance(argument, str)
    if kind == "date form":
        tokens = ("DD", "MM", "YYYY")
        return isinstance(argument, str) and all(argument.count(t) == 1 for t in tokens)
    return isinstance(argument, int) and argument >= 0


TEMPLATES = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


def template(text: str, names: Sequence[str]) -> Callable[[Sequence[Any]], str | None]:
    """Return a function from the values of the named fields to the filled template."""
    compiled = TEMPLATES.from_string(text)

    def fill(several: Sequence[Any]) -> str | None:
        if all(value is None for value in several):
            return None
        variables = {
            name: "" if value is None else value
            for name, value in zip(names, several, strict=True)
        }
        return " ".join(compiled.render(variables).split()) or None

    return fill
