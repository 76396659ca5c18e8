"""What an insert changes of a value without refusing it, and says once (TYP-24, TYP-25)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import Any

from datajoint.heading.moments import moment, without_zone
from datajoint.heading.types import NUMBERS, ZONED, AttributeType

__all__ = ["conversions"]


def conversions(
    dtype: AttributeType, given: Sequence[Any], stored: Sequence[Any]
) -> Iterator[tuple[str, str]]:
    """Yield what happened to some of the values of a column: a word for it, and a sentence.

    Parameters
    ----------
    given, stored
        Values as users gave them, and as they are stored.

    Examples
    --------
    >>> from datajoint.heading.types import parse_type
    >>> dict(conversions(parse_type("int32"), [1, ""], [1, None]))
    {'empty': 'empty text is stored as NULL'}
    """
    if dtype.kind in NUMBERS or dtype.kind == "year":
        if any(type(value) is str and not value.strip() for value in given):
            yield "empty", "empty text is stored as NULL"
    elif dtype.kind in ZONED:
        values = [value for value, found in zip(given, stored, strict=True) if found is not None]
        cut = _dates(values) if dtype.kind == "date" else _fractions(dtype, values)
        yield from cut
        yield from _zones(values)


def _dates(values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Of values for a date: times within a day."""
    for value in values:
        if isinstance(value, datetime) or len(str(value)) > len("2024-12-31"):
            found, nanoseconds = moment(value)
            if nanoseconds or found.time() != time():
                yield "time", f"it holds dates: the time of day is cut, of {value} and of others"
                return


def _fractions(dtype: AttributeType, values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    """Of values for a datetime: fractions of a second that it has no digits for."""
    digits = dtype.length or 0
    unit = 10 ** (9 - digits)
    for value in values:
        if isinstance(value, str) and "." not in value and "," not in value:
            continue
        if moment(value)[1] % unit:
            holds = f"{digits} digits of a second" if digits else "whole seconds"
            advice = "" if digits == 6 else f"; declare {dtype.kind}(6) to store microseconds"
            yield "fraction", f"it holds {holds}: the rest is cut, of {value} and of others{advice}"
            return


def _zones(values: Sequence[Any]) -> Iterator[tuple[str, str]]:
    for value in values:
        wall = without_zone(value)
        if wall is not value and moment(wall) != moment(value):
            yield (
                "zone",
                (
                    f"times with a zone, such as {value}, are stored as UTC; to store what the clock there "
                    "shows, set dj.config.interop.zones = 'keep'"
                ),
            )
            return
