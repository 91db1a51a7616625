"""Typed values of a source: a workbook's cell or a JSON value in, a plain value out."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from engine.runtime.source.dates import iso_datetime
from engine.runtime.source.texts import refusal
from engine.standard import Field, FieldType

Take = Callable[[Field, Any], Any]

_EXACT = 2**53  # the first float that may stand for two integers


def integer_text(field: Field, value: float) -> str:
    """Return a numeric cell as text: `1001`, never `1001.0` or `True`."""
    if isinstance(value, bool) or value != value // 1 or abs(value) >= _EXACT:
        raise refusal(field, value, "a text; format the cell as text")
    return str(int(value))


def _native_number(field: Field, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refusal(field, value)
    if not isfinite(value):
        raise refusal(field, value)
    return float(value)


def _native_integer(field: Field, value: Any) -> int:
    number = _native_number(field, value)
    if isinstance(value, int):
        return value
    if not number.is_integer() or abs(number) >= _EXACT:
        raise refusal(field, value)
    return int(number)


def _native_boolean(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise refusal(field, value)
    return value


def _native_date(field: Field, value: Any) -> str:
    if isinstance(value, datetime) and value.time() == time():
        return value.date().isoformat()
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise refusal(field, value)


def _native_datetime(field: Field, value: Any) -> str | None:
    if not isinstance(value, datetime):
        raise refusal(field, value)
    return iso_datetime(value.isoformat())


def _never(field: Field, value: Any) -> Any:
    raise refusal(field, value)


NATIVE: Mapping[FieldType, Take] = {
    "text": _never,
    "integer": _native_integer,
    "number": _native_number,
    "boolean": _native_boolean,
    "date": _native_date,
    "datetime": _native_datetime,
}
