"""Literals of SQL text read as values of a type (QRY-64)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Context, Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from datajoint.algebra.expr.types import FLOAT64, INT64, TEXT, datetime_type, decimal_type, digits, family
from datajoint.heading import moments
from datajoint.heading.types import INTEGER_RANGES, AttributeType

__all__ = ["Misfit", "check_pattern", "closed", "own_type", "read", "widest"]


class Misfit(Exception):  # noqa: N818 - a signal, never seen outside
    """The literal can be read, but is no value of the type: 2.5 for an integer, a time for a date."""


_WIDE = Context(prec=140)
_DATETIME = re.compile(
    r"\s*(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?)?"
    r"\s*(Z|[+-]\d{2}(?::?\d{2})?)?\s*",
    re.IGNORECASE,
)
_TIME = re.compile(r"\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*")
_BOOLS = {
    "true": True,
    "t": True,
    "1": True,
    "yes": True,
    "false": False,
    "f": False,
    "0": False,
    "no": False,
}
_WHAT = {"int": "a number", "decimal": "a number", "float": "a number"}


_UNPORTABLE = re.compile(r"\\[a-zA-Z0-9]|\(\?.?|[*+?}][+?]|\[[:.=]")
_PORTABLE = (r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", "(?:")


def check_pattern(pattern: str) -> None:
    r"""Refuse what regular expressions of the databases do not have in common (QRY-66), by ValueError.

    Examples
    --------
    >>> check_pattern(r"^m[0-9]+|\d{2}$")
    >>> check_pattern(r"\bmouse")
    Traceback (most recent call last):
    ValueError: `\b` in a regular expression does not mean the same on all databases
    """
    for found in _UNPORTABLE.finditer(pattern):
        if found.group() not in _PORTABLE:
            raise ValueError(
                f"`{found.group()}` in a regular expression does not mean the same on all databases"
            )
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"the regular expression cannot be read: {error}") from None


def closed(pattern: str, escape: str = "\\") -> str:
    r"""Double an escape character at the end of a LIKE pattern, where it means itself.

    Examples
    --------
    >>> print(closed("a\\"), closed("a\\\\"))
    a\\ a\\
    """
    dangling = (len(pattern) - len(pattern.rstrip(escape))) % 2
    return pattern + escape * dangling


def own_type(kind: str, text: str) -> AttributeType:
    """Return the type of a literal by itself: integers int64, with a point decimal, with an exponent float64.

    Examples
    --------
    >>> own_type("number", "12").text, own_type("number", "1.50").text, own_type("number", "1e3").text
    ('int64', 'decimal(3,2)', 'float64')
    """
    if kind != "number":
        return TEXT
    if "e" in text.lower():
        return FLOAT64
    whole, _, fraction = text.partition(".")
    if not fraction and len(whole) <= 19 and int(whole) <= INTEGER_RANGES["int64"][1]:
        return INT64
    return decimal_type(len(whole.lstrip("0")) + len(fraction), len(fraction))


def widest(kind: str, text: str, dtype: AttributeType) -> AttributeType:
    """Return the type as which a literal that misfits `dtype` is compared with it."""
    if family(dtype) in ("date", "datetime"):
        return datetime_type(6)
    number = text.strip().lstrip("+-")
    if family(dtype) in ("int", "decimal") and (value := _decimal_form(number)):
        return own_type("number", value)
    return own_type("number", number)


def _decimal_form(text: str) -> str:
    """Return a number without its exponent, where that is short: it is compared with integers exactly."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        return ""
    return f"{value:f}" if value.is_finite() and abs(value.adjusted()) < 30 else ""


def read(kind: str, text: str, negative: bool, dtype: AttributeType) -> Any:
    """Return the value of a literal as a value of `dtype`.

    Raises
    ------
    Misfit
        When it is a value, but not one of this type.
    ValueError
        When it cannot be read; the message completes "… cannot be compared with `attribute`: ".

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> read("string", "2024-05-01T12:30", False, parse_type("datetime"))
    datetime.datetime(2024, 5, 1, 12, 30)
    >>> read("number", "5", True, parse_type("int8"))
    -5
    """
    reader = _READERS.get(family(dtype))
    if reader is None:
        raise ValueError(f"values of type `{dtype.text}` cannot be compared with a literal")
    return reader(kind, "-" + text if negative else text, dtype)


def _number(kind: str, text: str, dtype: AttributeType) -> Decimal:
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        value = Decimal("nan")
    if kind == "hex" or value.is_nan():
        raise ValueError(f"it is not a number, as type `{dtype.text}` needs")
    return value


def _integer(kind: str, text: str, dtype: AttributeType) -> int:
    value = _number(kind, text, dtype)
    low, high = INTEGER_RANGES.get(dtype.kind, INTEGER_RANGES["int64"])
    if value.is_infinite() or value.adjusted() > 40 or value != int(value) or not low <= int(value) <= high:
        raise Misfit
    return int(value)


def _decimal(kind: str, text: str, dtype: AttributeType) -> Decimal:
    value = _number(kind, text, dtype)
    if value.is_infinite() or value.adjusted() > 66:
        raise Misfit
    precision, scale = digits(dtype)
    unit = Decimal(1).scaleb(-scale)
    fixed = value.quantize(unit, context=_WIDE)
    if fixed != value or (fixed and fixed.adjusted() >= precision - scale):
        raise Misfit
    return fixed


def _float(kind: str, text: str, dtype: AttributeType) -> float:
    value = float(_number(kind, text, dtype))
    if kind == "number" and value in (float("inf"), float("-inf")):
        raise Misfit
    if dtype.kind == "float32":
        try:
            return float(struct.unpack("f", struct.pack("f", value))[0])
        except OverflowError:
            raise Misfit from None
    return value


def _bool(kind: str, text: str, dtype: AttributeType) -> bool:
    found = _BOOLS.get(text.strip().lower())
    if found is None:
        if kind == "number":
            raise Misfit
        raise ValueError("it is neither true nor false")
    return found


def _text(kind: str, text: str, dtype: AttributeType) -> str:
    if kind == "number":
        raise ValueError(
            f"a number is not text, and type `{dtype.text}` is; quote the number to compare it as text"
        )
    if kind == "hex":
        raise ValueError("bytes are not text")
    if "\0" in text:
        raise ValueError("text holds no NUL character")
    if dtype.kind == "char":
        return text.rstrip(" ")
    if dtype.labels and text not in dtype.labels:
        raise ValueError(f"it is none of the values {', '.join(map(repr, dtype.labels))}")
    return text


def _instant(text: str) -> datetime:
    match = _DATETIME.fullmatch(moments.dashed(text))
    if not match:
        raise ValueError("it is no date or time such as '2024-05-01' or '2024-05-01 12:30:00.5'")
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    value = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - naive UTC by convention (TYP-21)
    value += timedelta(microseconds=_microseconds(match[7]))
    zone = match[8]
    if zone and zone.upper() != "Z":
        sign = -1 if zone[0] == "-" else 1
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:].lstrip(":") or 0))
        value = value.replace(tzinfo=timezone(sign * offset)).astimezone(timezone.utc).replace(tzinfo=None)  # noqa: UP017
    return value


def _microseconds(fraction: str | None) -> int:
    digits_ = (fraction or "0").ljust(7, "0")
    return int(digits_[:6]) + (digits_[6] >= "5")


def _datetime(kind: str, text: str, dtype: AttributeType) -> datetime:
    _only_strings(kind, dtype)
    value = _instant(text)
    if value.microsecond % 10 ** (6 - (dtype.length or 0)):
        raise Misfit
    return value


def _date(kind: str, text: str, dtype: AttributeType) -> date:
    _only_strings(kind, dtype)
    value = _instant(text)
    if (value.hour, value.minute, value.second, value.microsecond) != (0, 0, 0, 0):
        raise Misfit
    return value.date()


def _time(kind: str, text: str, dtype: AttributeType) -> timedelta:
    _only_strings(kind, dtype)
    match = _TIME.fullmatch(text)
    if not match:
        raise ValueError("it is no time such as '12:30:00'")
    hour, minute, second = (int(part or 0) for part in match.groups()[:3])
    return timedelta(hours=hour, minutes=minute, seconds=second, microseconds=_microseconds(match[4]))


def _only_strings(kind: str, dtype: AttributeType) -> None:
    if kind not in ("string", "quoted"):
        raise ValueError(f"a value of type `{dtype.text}` is written in quotes")


def _uuid(kind: str, text: str, dtype: AttributeType) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise ValueError("it is no UUID") from None


def _bytes(kind: str, text: str, dtype: AttributeType) -> bytes:
    if kind != "hex":
        raise ValueError("bytes are written as X'00ff'")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise ValueError("bytes have two hexadecimal digits each") from None


_READERS: dict[str, Callable[[str, str, AttributeType], Any]] = {
    "bool": _bool, "int": _integer, "decimal": _decimal, "float": _float, "text": _text, "date": _date,
    "datetime": _datetime, "time": _time, "uuid": _uuid, "bytes": _bytes,
}  # fmt: skip
