"""Types of expressions: families, the common type of operands, results of arithmetic (QRY-62, QRY-63)."""

from __future__ import annotations

from functools import lru_cache

from datajoint.heading.core_types import KINDS
from datajoint.heading.types import AttributeType

__all__ = [
    "BOOL",
    "BYTES",
    "DATE",
    "DATETIME",
    "FLOAT64",
    "INT64",
    "INTERVAL",
    "NULL",
    "NUMERIC",
    "TEXT",
    "TIME",
    "UINT64",
    "UUID",
    "arithmetic",
    "common",
    "datetime_type",
    "decimal_type",
    "digits",
    "exact",
    "family",
    "quotient",
]


def _simple(kind: str) -> AttributeType:
    return AttributeType(kind, kind)


BOOL, INT64, UINT64, FLOAT64, DATE, UUID, BYTES = (
    _simple(kind) for kind in ("bool", "int64", "uint64", "float64", "date", "uuid", "bytes")
)
TEXT = AttributeType("text", "text", native=True)
TIME = AttributeType("time", "time", 0, native=True)
NULL = _simple("null")
INTERVAL = _simple("interval")

NUMERIC = frozenset({"bool", "int", "decimal", "float"})
"""Families of numbers."""

_FAMILIES = {**{kind: record.family for kind, record in KINDS.items()}, "null": "null"}
_DIGITS = {
    "bool": 1,
    "year": 4,
    "int8": 3,
    "uint8": 3,
    "int16": 5,
    "uint16": 5,
    "int32": 10,
    "uint32": 10,
    "int64": 19,
    "uint64": 20,
}


def family(dtype: AttributeType) -> str:
    """Return bool, int, decimal, float, text, date, datetime, time, uuid, bytes, json, null, or ``opaque``.

    Examples
    --------
    >>> family(DATE), family(AttributeType("<blob>", "codec"))
    ('date', 'opaque')
    """
    return _FAMILIES.get(dtype.kind, "opaque")


@lru_cache(512)
def decimal_type(precision: int, scale: int) -> AttributeType:
    """Return decimal(precision, scale), within 65 and 30.

    Examples
    --------
    >>> decimal_type(80, 4).text
    'decimal(65,4)'
    """
    scale = min(scale, 30)
    precision = min(65, max(precision, scale, 1))
    return AttributeType(f"decimal({precision},{scale})", "decimal", precision, scale)


@lru_cache(16)
def datetime_type(fraction: int) -> AttributeType:
    """Return datetime with that many digits of a second.

    Examples
    --------
    >>> datetime_type(0).text, datetime_type(6).text
    ('datetime', 'datetime(6)')
    """
    return AttributeType(f"datetime({fraction})" if fraction else "datetime", "datetime", fraction)


DATETIME = datetime_type(0)


def digits(dtype: AttributeType) -> tuple[int, int]:
    """Return precision and scale of an exact number.

    Examples
    --------
    >>> digits(INT64), digits(decimal_type(6, 2))
    ((19, 0), (6, 2))
    """
    if dtype.kind == "decimal":
        return dtype.length or 10, dtype.scale or 0
    return _DIGITS[dtype.kind], 0


def exact(dtype: AttributeType) -> AttributeType:
    """Return the decimal type that holds an exact number.

    Examples
    --------
    >>> exact(INT64).text
    'decimal(19,0)'
    """
    return dtype if dtype.kind == "decimal" else decimal_type(*digits(dtype))


def common(a: AttributeType, b: AttributeType) -> AttributeType | None:
    """Return the type that holds the values of both, or None when they cannot be compared.

    Examples
    --------
    >>> common(INT64, decimal_type(6, 2)).text
    'decimal(21,2)'
    >>> common(DATE, datetime_type(3)).text, common(TEXT, INT64)
    ('datetime(3)', None)
    """
    if a == b or b.kind == "null":
        return a
    if a.kind == "null":
        return b
    one, other = family(a), family(b)
    if one in NUMERIC and other in NUMERIC:
        return _common_number(a, b, {one, other})
    if one == other == "text":
        return TEXT
    if {one, other} <= {"date", "datetime"}:
        return datetime_type(max(_fraction(a), _fraction(b)))
    return a if one == other and one not in ("json", "opaque") else None


def _fraction(dtype: AttributeType) -> int:
    return (dtype.length or 0) if family(dtype) == "datetime" else 0


def _common_number(a: AttributeType, b: AttributeType, families: set[str]) -> AttributeType:
    if "float" in families:
        return FLOAT64
    if "decimal" in families or "uint64" in (a.kind, b.kind):
        (p, s), (q, t) = digits(a), digits(b)
        scale = max(s, t)
        return decimal_type(max(p - s, q - t) + scale, scale)
    return INT64


def arithmetic(op: str, a: AttributeType, b: AttributeType) -> AttributeType:
    """Return the type of ``a op b`` for two numbers.

    Examples
    --------
    >>> arithmetic("*", decimal_type(6, 2), INT64).text, arithmetic("/", INT64, INT64).text
    ('decimal(25,2)', 'float64')
    """
    if op == "div":
        return INT64
    if "float" in (family(a), family(b)):
        return FLOAT64
    if "decimal" not in (a.kind, b.kind) and (op == "/" or "uint64" not in (a.kind, b.kind)):
        return FLOAT64 if op == "/" else INT64
    (p, s), (q, t) = digits(a), digits(b)
    if op == "*":
        return decimal_type(p + q, s + t)
    if op == "/":
        return quotient(p, s, t)
    scale = max(s, t)
    return decimal_type(max(p - s, q - t) + scale + (op != "%"), scale)


def quotient(p: int, s: int, t: int) -> AttributeType:
    """Return the type of decimal(p, s) divided by a number of scale t: six more digits (QRY-62).

    Examples
    --------
    >>> quotient(6, 2, 0).text
    'decimal(12,8)'
    """
    scale = max(s, t) + 6
    return decimal_type(p - s + t + scale, scale)
