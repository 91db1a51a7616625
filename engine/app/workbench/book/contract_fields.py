"""Say in German what a partner takes in a field: a payload schema in, fields out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.app.payload_fields import (
    PayloadField,
    every_field,
    payload_fields,
    writable,
)
from engine.app.site.markdown import EVIDENCE
from engine.app.workbench.tables.layout import REQUIRED_MARK
from engine.contract import kinds

MOST_VALUES = 12
"""So many values of a choice are listed."""

_TYPES: Mapping[str, str] = {
    "string": "Text",
    "integer": "Ganzzahl",
    "number": "Zahl",
    "boolean": "Ja/Nein",
    "object": "Objekt",
    "array": "Liste",
}
_FORMATS: Mapping[str, str] = {
    "date": "Datum (JJJJ-MM-TT)",
    "date-time": "Zeitpunkt",
    "email": "E-Mail-Adresse",
    "uri": "Internetadresse",
}


@dataclass(frozen=True)
class ContractField:
    """A field of a payload as a tab shows it."""

    name: str
    required: bool
    type: str
    evidence: str

    @property
    def shown(self) -> str:
        """Return the name, with its mark if the partner requires the field."""
        return self.name + REQUIRED_MARK * self.required


def contract_fields(schema: Mapping[str, Any]) -> dict[str, ContractField]:
    """Return all fields of a payload schema by name, those that hold others too."""
    return {field.name: _shown(field) for field in every_field(schema)}


def to_fill(schema: Mapping[str, Any]) -> list[ContractField]:
    """Return the fields that a table may fill, in the order of the schema."""
    return [_shown(field) for field in writable(payload_fields(schema))]


def _shown(field: PayloadField) -> ContractField:
    said = [type_text(field.schema)]
    if field.read_only:
        said.append("nur lesbar")
    if field.schema.get("x-immutable"):
        said.append("beim Partner unveränderlich")
    if field.schema.get("x-in") == "path":
        said.append("steht in der Adresse")
    evidence = EVIDENCE[field.evidence]
    return ContractField(field.name, field.required, ", ".join(said), evidence)


def type_text(schema: Mapping[str, Any]) -> str:
    """
    Say what values a schema takes.

    >>> type_text({"type": ["string", "null"], "maxLength": 50})
    'Text, höchstens 50 Zeichen'
    """
    inner = schema.get("items")
    if isinstance(inner, Mapping):
        return f"Liste: {type_text(inner)}"
    if reference := schema.get("x-reference"):
        return f"Verweis auf {reference}"
    values = [str(value) for value in schema.get("enum", ()) if value is not None]
    if values:
        more = ", …" * (len(values) > MOST_VALUES)
        return f"Auswahl: {', '.join(values[:MOST_VALUES])}{more}"
    if "const" in schema:
        return f"immer {schema['const']}"
    names = [kind for kind in kinds(schema) if kind != "null"]
    found = " oder ".join(_TYPES.get(name, name) for name in names) or "beliebig"
    found = _FORMATS.get(str(schema.get("format")), found)
    return f"{found}{_limits(schema)}"


def _limits(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if "maxLength" in schema:
        return f", höchstens {schema['maxLength']} Zeichen"
    if low is not None and high is not None:
        return f", {low} bis {high}"
    if low is not None:
        return f", mindestens {low}"
    return f", höchstens {high}" if high is not None else ""
