"""Canonical values of attribute types: what a user may give, and what it becomes (TYP-1…25, QRY-64).

A canonical value is an int, float, bool, quantised Decimal, str, date, naive datetime (UTC), timedelta
(native ``time``), UUID, bytes, or whatever JSON can hold. Messages name neither table nor attribute: the
caller knows them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException
from functools import cache, partial
from reprlib import Repr
from typing import Any, cast
from uuid import UUID

from datajoint import _printed
from datajoint.heading import float32, moments
from datajoint.heading.core_types import KINDS
from datajoint.heading.plain import PLAIN, is_plain
from datajoint.heading.types import INTEGER_RANGES, NUMBERS, AttributeType

__all__ = ["ColumnError", "check_column", "json_text", "key_text", "normaliser", "operand"]

Normaliser = Callable[[Any], Any]


_LONGEST_INTEGER = 1000


class _Short(Repr):
    """Shortens values; arrays take one line, too."""

    def repr_int(self, x: int, level: int) -> str:
        # Python writes no more than 4300 digits
        if x.bit_length() > _LONGEST_INTEGER:
            return f"an integer of {round(x.bit_length() * math.log10(2))} digits"
        return super().repr_int(x, level)

    def repr_ndarray(self, array: Any, level: int) -> str:
        text = " ".join(repr(array).split())
        return text if len(text) <= self.maxother else f"{text[: self.maxother - 3]}..."


_short = _Short()
_short.maxstring = _short.maxother = 60
_EXACT = Context(prec=80)
_HUGE = 1 << 63
_TIME = re.compile(r"(?P<sign>-)?(?P<h>\d{1,3}):(?P<m>\d{2})(?::(?P<s>\d{2})(?:\.(?P<f>\d+))?)?")


class ColumnError(ValueError):
    """A value of a column is refused; `index` is its row in the chunk."""

    def __init__(self, index: int, value: object, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.value = value
        self.reason = reason


def show(value: object) -> str:
    """Return a value as short text for a message."""
    return _short.repr(value)


@cache
def normaliser(dtype: AttributeType) -> Normaliser | None:
    """Return the function that makes one value canonical for a type; None: any value is taken as it is.

    The function raises ValueError with the reason. It returns None for what means *missing* (NaN, NaT, NA):
    the caller stores NULL or refuses, and never puts the default in its place (TYP-24).

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> normaliser(parse_type("decimal(4,1)"))("2.25")
    Decimal('2.3')
    >>> normaliser(parse_type("int8"))(300)
    Traceback (most recent call last):
    ValueError: 300 is outside the range of int8: -128 to 127.
    """
    found = _strict(dtype)
    if found is not None and (dtype.kind in NUMBERS or dtype.kind == "year"):
        return partial(_unless_empty, found)
    return found


def _strict(dtype: AttributeType) -> Normaliser | None:
    """Return the function that makes one value canonical, and takes no empty text for a missing number."""
    kind = dtype.kind
    if kind in INTEGER_RANGES:
        low, high = INTEGER_RANGES[kind]
        return partial(_integer, dtype.text, low, high)
    if kind in ("char", "varchar", "text"):
        return partial(_text, dtype.length, kind == "char")
    if kind in ("datetime", "timestamp"):
        return partial(_datetime, dtype.length or 0)
    special: dict[str, Normaliser] = {
        "float64": _float, "float32": _float32, "bool": _bool, "date": _date, "uuid": _uuid, "json": _json,
        "bytes": partial(_bytes, dtype.length), "enum": partial(_enum, dtype.labels),
        "decimal": partial(_decimal, dtype.length or 10, dtype.scale or 0),
        "time": partial(_time, dtype.length or 0), "year": partial(_integer, "year", 0, 2155),
    }  # fmt: skip
    if kind in special:
        return special[kind]
    return KINDS[kind].normalise if kind in KINDS else None


@cache
def operand(dtype: AttributeType) -> Normaliser | None:
    """Return the function that reads a value compared with an attribute; what insert would round is kept.

    Numbers may lie outside the range of the type and have more digits; a text may be longer. Text for a
    number is taken where it reads as one; a number for text is refused.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> operand(parse_type("int8"))("1000")
    1000
    """
    kind = dtype.kind
    if kind in INTEGER_RANGES or kind == "year":
        return _exact_number
    if kind == "decimal":
        return _number
    if kind in ("char", "varchar", "text"):
        return partial(_only_text, kind == "char")
    if kind in ("datetime", "timestamp"):
        return partial(_datetime, 6)
    if kind == "time":
        return partial(_time, 6)
    if kind == "date":
        return _date_or_datetime
    return _strict(dtype)


# ------------------------------------------------------------------------------------------------------
# numbers


def _missing(value: object) -> bool:
    """Whether a value means "missing" for NumPy or pandas: NaN, NaT, NA."""
    if type(value).__name__ in ("NAType", "NaTType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    try:
        return bool(value != value)  # noqa: PLR0124 - true for NaN and NaT only
    except (TypeError, ValueError, ArithmeticError, RuntimeError):  # arrays have no truth
        return False


def _scalar(value: Any) -> Any:
    """Return a NumPy scalar or 0-d array as a Python value, but for times."""
    if isinstance(value, Decimal):  # the signalling NaN cannot even be compared
        return Decimal("NaN") if value.is_snan() else value
    if type(value).__module__ == "numpy" and getattr(value, "shape", None) == ():
        return value if value.dtype.kind in "mM" else value.item()
    return value


def _unless_empty(normalise: Normaliser, value: object) -> Any:
    """Read an empty text, as files hold it where a number is missing, as missing."""
    return None if type(value) is str and not value.strip() else normalise(value)


def _integer(name: str, low: int, high: int, value: object) -> int | None:
    number = value if type(value) is int else _whole(name, value)
    if number is not None and not low <= number <= high:
        raise ValueError(f"{show(value)} is outside the range of {name}: {low} to {high}.")
    return number


def _whole(name: str, value: object) -> int | None:
    value = _scalar(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        value = _read_number(value, name)
    if isinstance(value, (float, Decimal)):
        if math.isnan(value):
            return None
        if math.isfinite(value) and value == int(value):
            return int(value)
        raise ValueError(f"{show(value)} is not a whole number.")
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} ({type(value).__name__}) is no {name}.")


def _read_number(text: str, name: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except DecimalException:
        raise ValueError(f"{show(text)} does not read as {name}.") from None


def _float(value: object) -> float | None:
    if type(value) is not float:
        value = _scalar(value)
        if isinstance(value, str):
            value = _read_number(value, "a number")
        if not isinstance(value, (int, float, Decimal)):
            if _missing(value):
                return None
            raise ValueError(f"{show(value)} ({type(value).__name__}) is no number.")
        exact = value
        try:
            value = float(exact)
        except (OverflowError, ValueError):
            raise ValueError(f"{show(exact)} is too large for float64.") from None
        if math.isinf(value) and isinstance(exact, Decimal) and exact.is_finite():
            raise ValueError(f"{show(exact)} is too large for float64.")
    return None if math.isnan(value) else value


def _float32(value: object) -> float | None:
    number = _float(value)
    try:
        return None if number is None else float32.shortest(float32.rounded(number))
    except OverflowError:
        raise ValueError(f"{show(value)} is outside the range of float32.") from None


def _bool(value: object) -> bool | None:
    value = _scalar(value)
    if isinstance(value, str):
        value = {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower(), value)
    if isinstance(value, (bool, int, float, Decimal)) and value in (0, 1):
        return bool(value)
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} is no bool: use True, False, 1 or 0.")


def _number(value: object) -> int | float | Decimal | None:
    """Read any number as it is."""
    value = _scalar(value)
    if isinstance(value, str):
        value = _read_number(value, "a number")
        if value.is_finite() and value == int(value):
            return int(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, (float, Decimal)):
        return None if math.isnan(value) else value
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} ({type(value).__name__}) is no number.")


def _exact_number(value: object) -> int | float | Decimal | None:
    """Read a number compared with integers: servers would compare a float only as precisely as it is."""
    number = _number(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    return number


def _decimal(precision: int, scale: int, value: object) -> Decimal | None:
    if type(value) is not Decimal:
        value = _scalar(value)
        if isinstance(value, float):
            value = repr(value)
        if isinstance(value, (str, int)):
            value = _read_number(str(int(value) if isinstance(value, int) else value), "decimal")
        if not isinstance(value, Decimal):
            if _missing(value):
                return None
            raise ValueError(f"{show(value)} ({type(value).__name__}) is no decimal.")
    if value.is_nan():
        return None
    if value.is_finite() and value.adjusted() < precision:
        rounded = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP, _EXACT)
        if rounded.adjusted() < precision - scale or not rounded:
            return rounded or abs(rounded)
    raise ValueError(f"{value} does not fit into decimal({precision},{scale}).")


# ------------------------------------------------------------------------------------------------------
# text


def _checked_text(value: str) -> str:
    if "\0" in value:
        raise ValueError(f"{show(value)} contains a NUL character.")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{show(value)} is no valid Unicode text.") from None
    return value


def _only_text(strip: bool, value: object) -> str | None:
    value = _scalar(value)
    if isinstance(value, UUID):
        value = str(value)
    if isinstance(value, str):
        text = _checked_text(str(value))
        return text.rstrip(" ") if strip else text
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} ({type(value).__name__}) is no text.")


def _text(length: int | None, strip: bool, value: object) -> str | None:
    if type(value).__name__ in ("float16", "float32"):  # their digits, not those of a float64
        value = float(str(value))
    value = _scalar(value)
    if isinstance(value, (int, float, Decimal)):
        value = _number_text(value)
    elif isinstance(value, (date, time)):
        value = str(value)
    text = None if value is None else _only_text(strip, value)
    if text is not None and length is not None and len(text) > length:
        raise ValueError(f"{show(text)} has {len(text)} characters; at most {length} fit.")
    return text


def _number_text(value: float | Decimal) -> str | None:
    """Return a number as text, as databases write it: True is 1, 5.0 is 5."""
    if isinstance(value, Decimal):
        return None if value.is_nan() else str(value)
    if isinstance(value, int):
        return str(int(value))
    text = repr(float(value)).removesuffix(".0").replace("e+", "e")
    return None if text == "nan" else text


def _enum(labels: tuple[str, ...], value: object) -> str | None:
    value = _scalar(value)
    if isinstance(value, str) and value in labels:
        return str(value)
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} is none of {', '.join(map(repr, labels))}.")


def _uuid(value: object) -> UUID | None:
    if isinstance(value, UUID):
        return value
    value = _scalar(value)
    try:
        if isinstance(value, str):
            return UUID(value)
        if isinstance(value, (bytes, bytearray)):
            return UUID(bytes=bytes(value))
    except ValueError:
        raise ValueError(f"{show(value)} is no UUID.") from None
    if _missing(value):
        return None
    raise ValueError(f"{show(value)} ({type(value).__name__}) is no UUID.")


def _bytes(length: int | None, value: object) -> bytes | None:
    if isinstance(value, (bytes, bytearray, memoryview)):
        data = bytes(cast(bytes, value))
        if length is not None and len(data) > length:
            raise ValueError(f"the value has {len(data)} bytes; at most {length} fit.")
        return data
    if _missing(value):
        return None
    raise ValueError(
        f"{type(value).__name__} is not bytes; declare the attribute as `<blob>` to store objects."
    )


def key_text(key: Mapping[str, Any]) -> str:
    """Return a key in short.

    Examples
    --------
    >>> key_text({"subject": 1, "day": "monday"})
    'subject=1 day=monday'
    """
    return " ".join(f"{name}={_printed.cell(str(value))}" for name, value in key.items())


def json_text(value: object) -> str:
    """Return a value as JSON text, or raise ValueError with the reason (TYP-12).

    Examples
    --------
    >>> json_text({"a": [1, None]})
    '{"a":[1,null]}'
    """
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"{show(value)} cannot be written as JSON: {error}.") from None
    return _checked_text(text) if "\\u0000" not in text else _refuse_nul(text)


def _refuse_nul(text: str) -> str:
    if re.search(r"(?<!\\)(?:\\\\)*\\u0000", text):
        raise ValueError("JSON text with a NUL character cannot be stored on every database.")
    return text


_AS_JSON = {
    "DataFrame": "frame.to_dict('list')", "Series": "series.to_dict()", "ndarray": "array.tolist()",
    "set": "sorted(values)", "bytes": "text, or use a bytes attribute",
}  # fmt: skip


def _plain(value: Any) -> Any:
    plain = _scalar(value)
    if plain is value:
        instead = _AS_JSON.get(type(value).__name__)
        advice = f": give {instead}" if instead else ""
        raise TypeError(f"{type(value).__name__} has no counterpart in JSON{advice}")
    return plain


def _json(value: object) -> object:
    if isinstance(value, float) and math.isnan(value):
        return None
    json_text(value)
    return value


# ------------------------------------------------------------------------------------------------------
# times


def _datetime(digits: int, value: object) -> datetime | None:
    if type(value) is datetime and value.tzinfo is None:
        micro = value.microsecond
        return value if not micro or digits == 6 else moments.cut(value, micro * 1000, digits)
    value = _scalar(value)
    return None if _missing(value) else moments.cut(*moments.moment(value), digits)


def _date(value: object) -> date | None:
    if type(value) is date:
        return value
    found = _moment_of_date(value)
    return None if found is None else found.date()


def _moment_of_date(value: object) -> datetime | None:
    """Read a date, which may come as a time, with what a date looks like in the message."""
    try:
        return _datetime(6, value)
    except ValueError as error:
        if "read as a time" in str(error):
            raise ValueError(f"{show(value)} does not read as a date: write 2024-12-31.") from None
        raise


def _date_or_datetime(value: object) -> date | datetime | None:
    """Read what a date is compared with; a time within a day stays one."""
    found = value if type(value) is date else _moment_of_date(value)
    if isinstance(found, datetime) and found.time() == time():
        return found.date()
    return found


def _time(digits: int, value: object) -> timedelta | None:
    value = _scalar(value)
    if isinstance(value, time):
        value = value.isoformat()
    if isinstance(value, str):
        match = _TIME.fullmatch(value.strip())
        if match is None:
            raise ValueError(f"{show(value)} does not read as a time of day: write 23:59:59.")
        micro = int((match["f"] or "").ljust(7, "0")[:7]) / 10
        span = timedelta(hours=int(match["h"]), minutes=int(match["m"]), seconds=int(match["s"] or 0))
        span += timedelta(microseconds=int(micro + 0.5))
        value = -span if match["sign"] else span
    if not isinstance(value, timedelta):
        if _missing(value):
            return None
        raise ValueError(f"{show(value)} ({type(value).__name__}) is no time of day.")
    unit = timedelta(microseconds=10 ** (6 - digits))
    rounded = (value + unit / 2) // unit * unit
    if abs(rounded) >= timedelta(hours=839):
        raise ValueError(f"{value} is outside the range of time.")
    return rounded


# ------------------------------------------------------------------------------------------------------
# columns


def check_column(
    dtype: AttributeType, values: Sequence[Any], types: AbstractSet[type] | None = None
) -> Sequence[Any]:
    """Return a chunk of a column as canonical values; None stays None, NaN becomes None.

    Parameters
    ----------
    types
        Those of the values, where they are known.

    Returns
    -------
    Sequence
        `values` itself where all of it is canonical already, which costs next to nothing per value.

    Raises
    ------
    ColumnError
        For the first value that is refused.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> check_column(parse_type("int16"), [1, None, 2])
    [1, None, 2]
    """
    types = set(map(type, values)) if types is None else types
    present = values
    if type(None) in types:
        types = types - {type(None)}
        present = [value for value in values if value is not None]
    if not types:
        return values
    plain = PLAIN.get(dtype.kind)
    if plain is not None and types == {plain} and is_plain(dtype, present):
        return values
    normalise = normaliser(dtype)
    if normalise is None:
        return values
    if types == {float} and dtype.kind == "float32" and len(present) == len(values):
        try:
            short = float32.shortest_column(float32.rounded_column(values))
        except OverflowError:
            short = [math.nan]
        if not math.isnan(sum(cast("list[float]", short))):
            return values if short == values else short
    return _one_by_one(normalise, values)


def _one_by_one(normalise: Normaliser, values: Sequence[Any]) -> list[Any]:
    result: list[Any] = []
    for index, value in enumerate(values):
        try:
            result.append(None if value is None else normalise(value))
        except ValueError as error:
            raise ColumnError(index, value, str(error)) from None
    return result
