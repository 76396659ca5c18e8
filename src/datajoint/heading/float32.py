"""The shortest number that means a float32, and the float32 that a number means (TYP-3).

A float32 that is read as a float64 has digits that nobody gave: 15.3 becomes 15.300000190734863. Users
give and get the shortest number instead; databases hold and compare the float32.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

__all__ = ["rounded", "rounded_column", "shortest", "shortest_array", "shortest_column"]

_single = struct.Struct("<f")
_NORMAL = 2.0**-126
"""From here on a float32 has all its digits: six of them are always kept."""
_DIGITS = ("%.6g", "%.7g", "%.8g", "%.9g")
_FEWER = tuple(f"%.{digits}g" for digits in range(1, 10))
_FEW = 100
"""Number of values up to which Python is faster than NumPy."""
_SMALLEST, _LARGEST = 1e-13, 1e13
"""Between these, a shortest number is a whole number times, or divided by, an exact power of ten."""
_POWERS = [float(10**n) for n in range(23)]


def rounded(value: float) -> float:
    """Return the float32 that a number means, as Python holds it.

    Raises
    ------
    OverflowError
        When it lies outside the range of float32.

    Examples
    --------
    >>> rounded(15.3)
    15.300000190734863
    """
    return _single.unpack(_single.pack(value))[0]


def rounded_column(values: Sequence[float | None]) -> Sequence[float | None]:
    """Return numbers as the float32 that they mean; None stays None.

    Examples
    --------
    >>> rounded_column([0.5, None, 15.3])
    [0.5, None, 15.300000190734863]
    """
    if None in values:
        return [None if value is None else rounded(value) for value in values]
    code = f"<{len(values)}f"
    return struct.unpack(code, struct.pack(code, *values))


def shortest(value: float) -> float:
    """Return the shortest number that means the same float32.

    Examples
    --------
    >>> shortest(15.300000190734863)
    15.3
    """
    if not math.isfinite(value):
        return value
    packed = _single.pack(value)
    for digits in _DIGITS if abs(value) >= _NORMAL else _FEWER:
        found = float(digits % value)
        if _single.pack(found) == packed:
            return found
    return value


def shortest_column(values: Sequence[float | None]) -> list[float | None]:
    """Return the shortest numbers that mean the same float32; None stays None.

    Examples
    --------
    >>> shortest_column([15.300000190734863, None])
    [15.3, None]
    """
    if len(values) <= _FEW:
        return [None if value is None else shortest(value) for value in values]
    import numpy as np

    found: list[Any] = shortest_array(np.array(values, "f8")).tolist()  # None becomes NaN
    if None in values:
        return [None if value is None else short for value, short in zip(values, found, strict=True)]
    return found


def shortest_array(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the shortest numbers that mean the same float32, of an array of float64.

    Examples
    --------
    >>> import numpy
    >>> shortest_array(numpy.array([15.300000190734863, float("inf")]))
    array([15.3,  inf])
    """
    import numpy as np

    result = values.copy()
    size = np.abs(values)
    ordinary = (size >= _SMALLEST) & (size < _LARGEST)
    for place in np.flatnonzero(~ordinary & (values != 0) & np.isfinite(values)):
        result[place] = shortest(float(values[place]))
    places = np.flatnonzero(ordinary)
    numbers = values[places]
    wanted = numbers.astype("f4")
    exponents = np.floor(np.log10(size[places])).astype(int)
    powers = np.array(_POWERS)
    for digits in range(6, 10):
        shift = digits - 1 - exponents
        unit = powers[np.abs(shift)]
        found = np.where(
            shift >= 0, np.rint(numbers * unit) / unit, np.rint(numbers / unit) * unit
        )  # both are the float64 nearest to the decimal number
        fits = found.astype("f4") == wanted
        result[places[fits]] = found[fits]
        rest = ~fits
        if not rest.any():
            break
        places, numbers, wanted, exponents = places[rest], numbers[rest], wanted[rest], exponents[rest]
    return result
