"""Conversion of the values of a column to another type, without loss."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, time
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import partial
from typing import Any

from datajoint.heading import float32
from datajoint.heading.types import FLOATS, INTEGER_RANGES, INTEGERS, AttributeType
from datajoint.heading.values import normaliser

__all__ = ["converter", "family", "is_convertible", "is_same_values", "losing"]

Convert = Callable[[Any], Any]

_EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN)
_WHOLE = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_WIDEST = {"float32": 1 << 24, "float64": 1 << 53}
"""Up to here a float holds every whole number."""


def family(dtype: AttributeType) -> str:
    """Return what kinds of types have in common; "" where their values are not converted.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> family(parse_type("uint8")), family(parse_type("varchar(9)")), family(parse_type("json"))
    ('int', 'text', '')
    """
    kind = dtype.kind
    if dtype.autoincrement:
        return ""
    if kind in INTEGERS:
        return "int"
    if kind in FLOATS:
        return "float"
    if kind in ("char", "varchar", "text"):
        return "text"
    if kind in ("datetime", "timestamp"):
        return "datetime"
    return kind if kind in ("bool", "decimal", "enum", "date") else ""


def is_convertible(old: AttributeType, new: AttributeType) -> bool:
    """Whether values of one type can be those of another, as far as the types tell.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> is_convertible(parse_type("int8"), parse_type("varchar(4)"))
    True
    >>> is_convertible(parse_type("json"), parse_type("varchar(4)"))
    False
    """
    pair = (family(old), family(new))
    if pair == ("datetime", "datetime"):
        return old.kind == new.kind
    if pair == ("decimal", "text"):
        return new.length is None or new.length >= (old.length or 10) + 3
    return pair in _CONVERTERS


def is_same_values(old: AttributeType, new: AttributeType) -> bool:
    """Whether what is converted is still the same value: a whole number, a text.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> is_same_values(parse_type("int8"), parse_type("int64"))
    True
    >>> is_same_values(parse_type("int8"), parse_type("varchar(4)"))
    False
    """
    alike = {"enum": "text"}
    one, other = family(old), family(new)
    return alike.get(one, one) == alike.get(other, other) != "float" or old.kind == new.kind


def converter(old: AttributeType, new: AttributeType) -> Convert:
    """Return the function that converts a value, which raises ValueError where something would be lost.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> converter(parse_type("float64"), parse_type("int8"))(3.0)
    3
    """
    convert = partial(_CONVERTERS[family(old), family(new)], new)
    check = None if new.kind in FLOATS or family(new) == "datetime" else normaliser(new)

    def converted(value: Any) -> Any:
        if value is None:
            return None
        result = convert(value)
        return check(result) if check else result

    return converted


def _fail(value: Any) -> Any:
    raise ValueError(f"{value!r} would be lost")


def _to_bool(_: AttributeType, value: Any) -> bool:
    return bool(value) if value in (0, 1) else _fail(value)


def _to_int(_: AttributeType, value: Any) -> int:
    whole = int(value) if value == value and abs(value) != float("inf") else _fail(value)  # noqa: PLR0124 - NaN
    return whole if whole == value else _fail(value)


def _text_to_int(_: AttributeType, value: str) -> int:
    return int(value) if _WHOLE.fullmatch(value) else _fail(value)


def _to_decimal(new: AttributeType, value: Any) -> Decimal:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite():
        _fail(value)
    found = exact.quantize(Decimal(1).scaleb(-(new.scale or 0)), context=_EXACT)
    return found if found == exact else _fail(value)


def _to_float(new: AttributeType, value: Any) -> float:
    if isinstance(value, float):
        return _float_to_float(new, value)
    found = float(value)
    if new.kind == "float32":
        found = float32.shortest(float32.rounded(found))
    return found if Decimal(repr(found)) == value else _fail(value)


def _float_to_float(new: AttributeType, value: float) -> float:
    if new.kind == "float64":
        return value
    found = float32.rounded(value)
    return found if float32.shortest(found) == value or value != value else _fail(value)  # noqa: PLR0124 - NaN


def _to_text(_: AttributeType, value: Any) -> str:
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _same(_: AttributeType, value: Any) -> Any:
    return value


def _to_datetime(_: AttributeType, value: Any) -> datetime:
    return datetime.combine(value, time())


def _to_date(_: AttributeType, value: datetime) -> Any:
    return value.date() if value.time() == time() else _fail(value)


def _moment(new: AttributeType, value: datetime) -> datetime:
    return value if value.microsecond % 10 ** (6 - (new.length or 0)) == 0 else _fail(value)


_CONVERTERS: dict[tuple[str, str], Callable[[AttributeType, Any], Any]] = {
    **{(one, "int"): _to_int for one in ("int", "bool", "decimal", "float")},
    ("text", "int"): _text_to_int,
    ("int", "bool"): _to_bool, ("bool", "bool"): _same,
    **{(one, "decimal"): _to_decimal for one in ("int", "decimal", "float")},
    **{(one, "float"): _to_float for one in ("int", "decimal", "float")},
    **{(one, "text"): _to_text for one in ("int", "decimal", "text", "enum")},
    ("text", "enum"): _same, ("enum", "enum"): _same,
    ("date", "date"): _same, ("date", "datetime"): _to_datetime,
    ("datetime", "date"): _to_date, ("datetime", "datetime"): _moment,
}  # fmt: skip


# --------------------------------------------------------------------------------------- what would be lost


def losing(name: str, old: AttributeType, new: AttributeType) -> str | Convert | None:
    """Return how to find the values that the new type cannot hold; None where it holds all of them.

    Returns
    -------
    str, function or None
        A condition of the query language, or the function that converts and refuses.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> losing("x", parse_type("int16"), parse_type("int8"))
    'x < -128 or x > 127'
    >>> losing("x", parse_type("int8"), parse_type("int16")) is None
    True
    """
    pair = (family(old), family(new))
    match pair:
        case ("int", "int" | "float" | "decimal" | "bool" | "text"):
            return _outside(name, old, *_range(new))
        case ("bool", _) | ("date", _) | ("bool" | "enum" | "decimal", "text") if pair[0] != "enum":
            return None
        case ("text", "text"):
            return _too_long(name, old, new)
        case ("enum", "text"):
            return _labels(name, [label for label in old.labels if len(label) > (new.length or len(label))])
        case ("enum", "enum"):
            return _labels(name, [label for label in old.labels if label not in new.labels])
        case ("text", "enum"):
            return f"{name} not in ({', '.join(map(_quoted, new.labels))})"
        case ("datetime", "datetime") if (new.length or 0) >= (old.length or 0):
            return None
        case ("float", "float") if new.kind in ("float64", old.kind):
            return None
        case ("decimal", "decimal") if _holds(old, new):
            return None
        case _:
            return converter(old, new)


def _holds(old: AttributeType, new: AttributeType) -> bool:
    scales = (old.scale or 0), (new.scale or 0)
    return scales[0] <= scales[1] and (old.length or 10) - scales[0] <= (new.length or 10) - scales[1]


def _range(new: AttributeType) -> tuple[int, int]:
    kind = family(new)
    if kind == "int":
        return INTEGER_RANGES[new.kind]
    if kind == "float":
        return -_WIDEST[new.kind], _WIDEST[new.kind]
    if kind == "decimal":
        most = 10 ** ((new.length or 10) - (new.scale or 0)) - 1
        return -most, most
    if kind == "bool":
        return 0, 1
    length = new.length or 20
    return (-(10 ** (length - 1)) + 1 if length > 1 else 0), 10**length - 1


def _outside(name: str, old: AttributeType, low: int, high: int) -> str | None:
    least, most = INTEGER_RANGES[old.kind]
    terms = [f"{name} < {low}"] if low > least else []
    terms += [f"{name} > {high}"] if high < most else []
    return " or ".join(terms) or None


def _too_long(name: str, old: AttributeType, new: AttributeType) -> str | Convert | None:
    if new.kind == "char" and old.kind != "char":  # databases do not keep the blanks at its end
        return converter(old, new)
    if new.length is None or (old.length is not None and old.length <= new.length):
        return None
    return f"char_length({name}) > {new.length}"


def _labels(name: str, lost: list[str]) -> str | None:
    return f"{name} in ({', '.join(map(_quoted, lost))})" if lost else None


def _quoted(label: str) -> str:
    return "'" + label.replace("\\", "\\\\").replace("'", "''") + "'"
