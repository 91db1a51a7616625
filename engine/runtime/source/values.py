"""
Values of a source: a cell or a JSON value in, the Standard's value or None out.

A converter is built once per column and raises RecordError for what it refuses. None
is what means nothing: it stays out of the record.
"""

from collections.abc import Callable
from typing import Any

import orjson
from openpyxl.cell.cell import ERROR_CODES

from engine.errors import RecordError
from engine.runtime.source.declaration import SourceDeclaration
from engine.runtime.source.natives import NATIVE, Take, integer_text
from engine.runtime.source.scalars import Convert, Scalars, allowed
from engine.runtime.source.texts import clean_json, cleaned, refusal
from engine.standard import Entity, Field

Warn = Callable[[str], None]


class Converters:
    """
    Builds the converters of one entity by what the source declares.

    `warn` hears of each unknown field inside a list or an object.
    """

    def __init__(
        self, declaration: SourceDeclaration, entity: Entity, warn: Warn
    ) -> None:
        self._scalars = Scalars(declaration, entity)
        self._warn = warn

    def text_converter(self, field: Field, *, iso: bool = False) -> Convert:
        """Return the converter of a CSV cell; with `iso`, dates may be ISO as well."""
        if field.type == "list":
            parse: Convert | None = self._list_parser(field)
        elif field.type == "object":
            parse = self._object_parser(field)
        else:
            parse = self._scalars.parser(field, iso=iso)
        empty, longest = self._scalars.empty, self._scalars.longest_empty

        def convert(raw: str) -> Any:
            if raw.isascii() and raw.isprintable():
                text = raw.strip()
            else:
                text = cleaned(field, raw)
            if not text or (len(text) <= longest and text.casefold() in empty):
                return None
            return parse(text) if parse else text

        return convert

    def cell_converter(self, field: Field) -> Convert:
        """Return the converter of a workbook's cell; its texts are read as in CSV."""
        from_text = self.text_converter(field)
        from_native = self._native_converter(field, strict=False)

        def convert(value: Any) -> Any:
            if isinstance(value, str):
                if value in ERROR_CODES:
                    raise refusal(field, value)
                return from_text(value)
            if field.type in ("text", "list") and isinstance(value, int | float):
                return from_text(integer_text(field, value))
            if field.type == "boolean" and value in (0, 1):
                return bool(value)
            return from_native(value)

        return convert

    def json_converter(self, field: Field, *, strict: bool) -> Convert:
        """
        Return the converter of a JSON value.

        `strict` is a line of an NDJSON file, where a number is a number; else the
        value stands in a cell, and its texts are read as a cell would be.
        """
        from_text = self.text_converter(field, iso=True)
        from_native = self._native_converter(field, strict=strict)
        takes_text = not strict or field.type in ("text", "date", "datetime")
        empty = self._scalars.empty

        def convert(value: Any) -> Any:
            if not isinstance(value, str):
                return from_native(value)
            if takes_text:
                return from_text(value)
            text = cleaned(field, value)
            if text and text.casefold() not in empty:
                raise refusal(field, value)
            return None

        return convert

    def _native_converter(self, field: Field, *, strict: bool) -> Convert:
        if field.type == "list":
            take = self._items(field, strict=strict)
        elif field.type == "object":
            take = self._members(field, strict=strict)
        else:
            take = NATIVE[field.type]
        ends = self._scalars.ends(field)

        def convert(value: Any) -> Any:
            taken = None if value is None else take(field, value)
            return None if ends and str(taken)[:10] in ends else taken

        listed = field.enum and field.type not in ("list", "object")
        return allowed(field, convert) if listed else convert

    def _list_parser(self, field: Field) -> Convert:
        from_items = self._items(field, strict=False)

        def parse(text: str) -> Any:
            if text[0] == "[":
                return from_items(field, _json(field, text))
            if text[0] == "{" or (field.item_fields and not field.item_value):
                raise refusal(field, text, "a JSON list of objects")
            return from_items(field, text.split(";"))

        return parse

    def _object_parser(self, field: Field) -> Convert:
        from_members = self._members(field, strict=False)
        return lambda text: from_members(field, _json(field, text))

    def _items(self, field: Field, *, strict: bool) -> Take:
        """Return what turns a JSON list into entries, without the empty ones."""
        convert = self._item(field, strict=strict)

        def take(field: Field, value: Any) -> Any:
            if not isinstance(value, list):
                raise refusal(field, value)
            items = []
            for number, written in enumerate(value, 1):
                try:
                    item = convert(written)
                except RecordError as error:
                    message = f"entry {number} {error.message}"
                    raise RecordError(error.code, message) from None
                if item is not None:
                    items.append(item)
            return items or None

        return take

    def _item(self, field: Field, *, strict: bool) -> Convert:
        if field.item_fields is None:
            return self._anything(field)
        members = self._members(field, strict=strict)
        scalar: Convert | None = None
        if field.item_value:
            scalar = self.json_converter(
                field.item_fields[field.item_value], strict=strict
            )

        def convert(written: Any) -> Any:
            if isinstance(written, dict):
                return members(field, written)
            if scalar is None or isinstance(written, list):
                raise refusal(field, written, "an object")
            value = scalar(written)
            return None if value is None else {field.item_value: value}

        return convert

    def _members(self, field: Field, *, strict: bool) -> Take:
        """Return what turns a JSON object into a dict, without the empty members."""
        converters = {
            name: self.json_converter(member, strict=strict)
            for name, member in (field.item_fields or {}).items()
        }
        anything = self._anything(field)

        def take(field: Field, value: Any) -> Any:
            if not isinstance(value, dict):
                raise refusal(field, value)
            if field.item_fields is None:
                return anything(value)
            members = {}
            for name, written in value.items():
                if name not in converters:
                    self._warn(f"{field.name}.{name}")
                    continue
                try:
                    member = converters[name](written)
                except RecordError as error:
                    message = f"'{name}' {error.message}"
                    raise RecordError(error.code, message) from None
                if member is not None:
                    members[name] = member
            return members or None

        return take

    def _anything(self, field: Field) -> Convert:
        def convert(value: Any) -> Any:
            if isinstance(value, str):
                text = cleaned(field, value)
                return (
                    None if not text or text.casefold() in self._scalars.empty else text
                )
            taken = clean_json(value)
            return None if taken in ([], {}) else taken

        return convert


def _json(field: Field, text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        raise refusal(field, text, "valid JSON") from None
