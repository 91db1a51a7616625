"""Rules in plain German: cells of a table and conditions in, half sentences out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.app.site.markdown import code, without_braces
from engine.app.site.ways import TODAY, Ways
from engine.language import (
    AllOf,
    AnyOf,
    Call,
    Compare,
    Empty,
    FieldPath,
    LanguageError,
    Literal,
    Member,
    Not,
    Predicate,
    Word,
    parse_condition,
    parse_pipe,
)
from engine.model import FieldRow

TRANSFORM_WORDS: Mapping[str, Callable[..., str]] = {
    "boolean": lambda: "als ja oder nein gelesen",
    "count": lambda: "Anzahl der Werte",
    "cut": lambda length: f"auf {length} Zeichen gekürzt",
    "date": lambda form="YYYY-MM-DD": f"Datum als {code(form)}",
    "datetime": lambda: "Beginn des Tages in UTC",
    "decimal": lambda places=2: f"als Text mit {places} Nachkommastellen",
    "email": lambda: "die erste gültige E-Mail-Adresse",
    "first": lambda: "der erste Wert, der nicht leer ist",
    "floor": lambda: "Etage als Zahl, aus dem Text gelesen",
    "integer": lambda: "als ganze Zahl",
    "join": lambda separator=" ": (
        f"verbunden mit {_text(separator)}" if separator else "aneinandergefügt"
    ),
    "landline": lambda: "die erste Nummer, die weder Mobil noch Fax ist, als E.164",
    "lookup": lambda entries: f"nach der Werteliste {code(entries)}",
    "lower": lambda: "in Kleinbuchstaben",
    "max_length": lambda length: f"höchstens {length} Zeichen",
    "mobile": lambda: "die erste Mobilnummer, als E.164",
    "number": lambda: "als Zahl",
    "prefix": lambda before: f"mit {_text(before)} davor",
    "present": lambda: "ja, wenn es einen Wert gibt",
    "rent_items": lambda setting, category: (
        f"Summe der heute gültigen Positionen der Kategorie „{category}“ "
        f"(Einstellung {code(setting)})"
    ),
    "replace": lambda old, new: f"{_text(old)} wird durch {_text(new)} ersetzt",
    "round": lambda places: f"auf {places} Stellen gerundet",
    "suffix": lambda after: f"mit {_text(after)} dahinter",
    "template": lambda text: f"Vorlage {code(without_braces(text))}",
    "text": lambda: "als Text",
    "trim": lambda: "ohne überflüssige Leerzeichen",
    "upper": lambda: "in Großbuchstaben",
    "year_start": lambda: "1. Januar des Jahres",
}
"""What each transform does, in words; its arguments are those of the cell."""

PREDICATE_WORDS: Mapping[str, Callable[..., str]] = {
    "consents": lambda field, purpose: f"{field}: {purpose} ist erteilt",
    "has_mobile": lambda field: f"{field}: eine davon ist eine Mobilnummer",
    "has_phone": lambda field: f"{field}: eine davon ist eine Telefonnummer",
    "valid_email": lambda field: f"{field}: eine davon ist gültig",
}
"""What each yes-or-no function says; its arguments are in words already."""

IF_EMPTY = {
    "clear": "leer: das Feld wird geleert",
    "keep": "leer: bleibt beim Partner, wie es ist",
    "reject": "leer: der Datensatz wird abgewiesen",
}
WRITE = {
    "create": "nur beim Anlegen",
    "update": "nur beim Ändern",
    "remove": "nur beim Entfernen",
    "later": "wird nachgereicht, sobald die anderen Datensätze da sind",
}
_COMPARE = {
    "=": "ist",
    "!=": "ist nicht",
    "<": "ist kleiner als",
    "<=": "ist höchstens",
    ">": "ist größer als",
    ">=": "ist mindestens",
}
_COMPARE_DATES = {
    "<": "liegt vor",
    "<=": "liegt nicht nach",
    ">": "liegt nach",
    ">=": "liegt nicht vor",
}


@dataclass(frozen=True)
class Words:
    """Says the rules of one use case; `titles` are the pages' words for entities."""

    ways: Ways
    titles: Mapping[str, str]
    anchors: Mapping[str, str]

    def source(self, start: str, row: FieldRow) -> str:
        """Say where the value of a row comes from, with the names of the tables."""
        if row.id_parts:
            return ", ".join(self._part(start, p) for p in _parted(row.id_parts))
        if row.reference:
            entity, _, way = row.reference.partition("(")
            title = self.titles.get(entity.strip(), entity.strip())
            anchor = self.anchors.get(entity.strip())
            target = f"[{title}](#{anchor})" if anchor else title
            along = way.strip().removesuffix(")").strip()
            return f"ID von {target}" + (f" über {code(along)}" if along else "")
        return ", ".join(self._part(start, p) for p in _parted(row.erp_field))

    def _part(self, start: str, part: str) -> str:
        if part[:1] in ("'", '"'):
            return _text(part[1:-1])
        return f"{self.ways.follow(start, part).text} ({code(part)})"

    def rule(self, start: str, row: FieldRow) -> str:
        """Say what happens to the value of a row on its way."""
        said = [self._how(row)]
        if row.when:
            said.append(f"Bedingung: {self.condition(start, row.when)}")
        if row.default and (row.erp_field or row.reference):
            said.append(f"sonst {code(row.default)}")
        said.append(IF_EMPTY.get(row.if_empty, ""))
        if row.if_wrong == "omit":
            said.append("ungültig: das Feld bleibt weg, mit einer Warnung")
        said.append(WRITE.get(row.write, ""))
        return "; ".join(filter(None, said))

    def _how(self, row: FieldRow) -> str:
        if row.id_parts:
            several = len(_parted(row.id_parts)) > 1
            return "verbunden mit dem Separator" if several else "unverändert"
        if row.transform:
            return self.pipe(row.transform)
        if row.reference:
            return ""
        if not row.erp_field:
            return f"immer {code(row.default)}"
        return "unverändert"

    def pipe(self, written: str) -> str:
        """Say what a `transform` cell does, step by step."""
        try:
            calls = parse_pipe(written)
        except LanguageError:
            return code(written)
        return ", dann ".join(_call(call) for call in calls)

    def condition(self, start: str, written: str) -> str:
        """Say when a condition holds."""
        return self._node(start, parse_condition(written))

    def _node(self, start: str, node: Any) -> str:
        match node:
            case AllOf():
                return " und ".join(self._inner(start, n) for n in node.operands)
            case AnyOf():
                return " oder ".join(self._inner(start, n) for n in node.operands)
            case Not(Member() as member):
                return self._member(start, member, "ist keines von", "steht nicht in")
            case Not(Empty(operand)):
                return f"{self._operand(start, operand)} ist nicht leer"
            case Not(FieldPath() as path):
                return f"{self._operand(start, path)}: nein"
            case Not(operand):
                return f"nicht ({self._node(start, operand)})"
            case Member():
                return self._member(start, node, "ist eines von", "steht in")
            case Empty(operand):
                return f"{self._operand(start, operand)} ist leer"
            case Compare():
                return self._comparison(start, node)
            case FieldPath():
                return f"{self._operand(start, node)}: ja"
            case _:
                return self._operand(start, node)

    def _inner(self, start: str, node: Any) -> str:
        said = self._node(start, node)
        return f"({said})" if isinstance(node, AllOf | AnyOf) else said

    def _member(self, start: str, node: Member, one_of: str, stands_in: str) -> str:
        left = self._operand(start, node.left)
        if isinstance(node.items, FieldPath):
            return f"{left} {stands_in} {self._operand(start, node.items)}"
        several = [self._operand(start, item) for item in node.items]
        if len(several) == 1:
            is_ = "ist" if one_of == "ist eines von" else "ist nicht"
            return f"{left} {is_} {several[0]}"
        return f"{left} {one_of} {', '.join(several)}"

    def _comparison(self, start: str, node: Compare) -> str:
        sides = (node.left, node.right)
        dated = any(
            isinstance(side, FieldPath)
            and self.ways.follow(start, side).type in ("date", "datetime")
            for side in sides
        )
        words = {**_COMPARE, **(_COMPARE_DATES if dated else {})}
        left, right = (self._operand(start, side) for side in sides)
        if right == TODAY and words[node.operator] in _COMPARE_DATES.values():
            right = "dem Tag des Laufs"
        return f"{left} {words[node.operator]} {right}"

    def _operand(self, start: str, node: Any) -> str:
        match node:
            case FieldPath():
                return self.ways.follow(start, node).text
            case Literal(bool() as value):
                return "ja" if value else "nein"
            case Literal(value):
                return code(value)
            case Predicate(name, arguments):
                said = [self._operand(start, argument) for argument in arguments]
                words = PREDICATE_WORDS.get(name)
                return words(*said) if words else f"{code(name)} ({', '.join(said)})"
            case _:
                return code(node)


def _call(call: Call) -> str:
    arguments = [a.name if isinstance(a, Word) else a for a in call.arguments]
    words = TRANSFORM_WORDS.get(call.name)
    if words is None:
        return code(f"{call.name}({', '.join(map(str, arguments))})")
    return words(*arguments)


def _text(text: object) -> str:
    return {" ": "einem Leerzeichen", "": "nichts"}.get(str(text)) or code(text)


def _parted(written: str) -> list[str]:
    return [part.strip() for part in written.split(";") if part.strip()]


def paths_of_cell(written: str) -> list[str]:
    """Return the paths of an `erp_field` or `id_parts` cell, without quoted texts."""
    return [part for part in _parted(written) if part[:1] not in ("'", '"')]
