"""Equality of two fetched values, including arrays and NaN."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["same"]

_NUMBERS = (int, float, complex, bool)


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal in type and content.

    Examples
    --------
    >>> same([1, float("nan")], [1, float("nan")]), same((1,), [1])
    (True, False)
    >>> import numpy as np
    >>> same({"x": np.arange(3)}, {"x": np.arange(3)}), same(np.zeros(2), np.zeros(3))
    (True, False)
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS) and one == other
    if isinstance(one, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    if isinstance(one, (list, tuple)):
        return _same_items(cast("Sequence[Any]", one), other)
    if isinstance(one, Mapping):
        return _same_fields(cast("Mapping[Any, Any]", one), other)
    return _same_object(one, other)


def _same_items(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return len(one) == len(other) and all(map(same, one, other))


def _same_fields(one: Mapping[Any, Any], other: Mapping[Any, Any]) -> bool:
    return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())


def _same_object(one: Any, other: Any) -> bool:
    module = type(one).__module__.partition(".")[0]
    if module == "numpy":
        return _same_array(one, other)
    if module in ("pandas", "polars", "pyarrow"):
        return bool(one.equals(other))
    try:
        if bool(one == other):
            return True
    except (TypeError, ValueError):  # compares by element, or not at all
        pass
    if type(one).__eq__ is object.__eq__:  # equal only to itself: look inside
        return _same_inside(one, other)
    return False


def _same_array(one: Any, other: Any) -> bool:
    if getattr(one, "dtype", None) != getattr(other, "dtype", None) or one.shape != other.shape:
        return False
    if one.dtype.names:
        return all(_same_array(one[name], other[name]) for name in one.dtype.names)
    if one.dtype.hasobject:
        return all(map(same, one.ravel().tolist(), other.ravel().tolist()))
    if one.dtype.kind in "fcmM":
        return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN and NaT
    return bool((one == other).all())


def _same_inside(one: Any, other: Any) -> bool:
    inside = getattr(one, "__dict__", None)
    if inside is not None:
        return same(dict(inside), dict(other.__dict__))
    names = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
    return bool(names) and all(same(getattr(one, n, None), getattr(other, n, None)) for n in names)
