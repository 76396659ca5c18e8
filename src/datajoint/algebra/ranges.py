"""Limits of results: one that its type cannot hold is an error on every database, never another value."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from datajoint.heading.types import INTEGER_RANGES, AttributeType

__all__ = ["LONGEST_TEXT", "as_decimal", "as_integer", "as_text", "finite"]

LONGEST_TEXT = 1_000_000
"""Characters of a text that `repeat`, `lpad` and `rpad` make at most."""

_LEAST, _MOST = INTEGER_RANGES["int64"]


def finite(result: Any, arguments: Iterable[Any]) -> Any:
    """Return a result; an infinite one of finite arguments is an error.

    Examples
    --------
    >>> finite(2.5, [1.5, 1.0]), finite(math.inf, [math.inf, 1.0])
    (2.5, inf)
    """
    if not isinstance(result, float) or math.isfinite(result):
        return result
    if all(math.isfinite(x) for x in arguments if isinstance(x, float)):
        raise OverflowError("float out of range")
    return result


def as_integer(value: int) -> int:
    """Return a whole number that fits into int64.

    Examples
    --------
    >>> as_integer(-5)
    -5
    """
    if not _LEAST <= value <= _MOST:
        raise OverflowError("integer out of range")
    return value


def as_decimal(value: Decimal, dtype: AttributeType) -> Decimal:
    """Return a rounded decimal that has no more digits than its type.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> as_decimal(Decimal("99.99"), parse_type("decimal(4,2)"))
    Decimal('99.99')
    """
    if value and value.adjusted() >= (dtype.length or 10) - (dtype.scale or 0):
        raise OverflowError("decimal out of range")
    return value


def as_text(size: int) -> int:
    """Return the size of a text to be made, if it is not too long.

    Examples
    --------
    >>> as_text(12)
    12
    """
    if size > LONGEST_TEXT:
        raise OverflowError("text too long")
    return size
