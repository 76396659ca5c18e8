"""Which values are canonical as they are: seen at a glance, of a column or of a single value."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from datajoint.heading.core_types import KINDS
from datajoint.heading.types import FLOATS, INTEGER_RANGES, TEXTS, AttributeType

__all__ = ["PLAIN", "is_plain", "plain_test"]

_NEVER = ("float32", "decimal", "time", "year")
"""Kinds of which no value is canonical at a glance: they are rounded, scaled or have a range."""

PLAIN: dict[str, type] = {
    kind: record.python
    for kind, record in KINDS.items()
    if record.python is not None and record.normalise is None and kind not in _NEVER
}
"""Class of the canonical values of a kind."""


def is_plain(dtype: AttributeType, values: Sequence[Any]) -> bool:
    """Whether values, at least one and all of the canonical class, are canonical as they are.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> is_plain(parse_type("int8"), [1, 127]), is_plain(parse_type("int8"), [1, 128])
    (True, False)
    """
    kind = dtype.kind
    if kind in INTEGER_RANGES:
        low, high = INTEGER_RANGES[kind]
        return low <= min(values) and max(values) <= high
    if kind in FLOATS:
        return not math.isnan(sum(values))
    if kind == "enum":
        return set(values) <= set(dtype.labels)
    if kind in TEXTS:
        return _plain_texts(dtype, values)
    if kind in ("datetime", "timestamp"):
        unit = 10 ** (6 - (dtype.length or 0))
        return not any(value.tzinfo or value.microsecond % unit for value in values)
    if kind == "bytes":
        return dtype.length is None or max(map(len, values)) <= dtype.length
    return True


def _plain_texts(dtype: AttributeType, values: Sequence[str]) -> bool:
    if dtype.length is not None and max(map(len, values)) > dtype.length:
        return False
    joined = "".join(values)
    if "\0" in joined or (dtype.kind == "char" and any(value.endswith(" ") for value in values)):
        return False
    return joined.isascii() or joined.isprintable() or _valid(joined)


def _valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def plain_test(dtype: AttributeType) -> Callable[[Any], bool] | None:
    """Return the function that says of one value that it is canonical as it is, and fits into any database.

    Those that it says no to want a closer look. None where all do.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> test = plain_test(parse_type("varchar(4)"))
    >>> [test(value) for value in ("abc", "abcde", 1, None)]
    [True, False, False, False]
    """
    kind = dtype.kind
    if kind in INTEGER_RANGES:
        low, high = INTEGER_RANGES[kind]
        return lambda value: type(value) is int and low <= value <= high
    if kind == "float64":
        return lambda value: type(value) is float and math.isfinite(value)
    if kind in ("varchar", "text"):
        longest = dtype.length or sys.maxsize
        return lambda value: (
            type(value) is str and len(value) <= longest and value.isascii() and "\0" not in value
        )
    plain = PLAIN.get(kind)
    if plain is None or kind == "timestamp" or dtype.codec is not None:
        return None
    return lambda value: type(value) is plain and is_plain(dtype, (value,))
