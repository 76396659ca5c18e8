"""Arrays without their dimensions of length one, as MATLAB users expect them."""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["squeezed"]

_COLLECTIONS: tuple[Any, ...] = (list, tuple, set)


def squeezed(value: Any) -> Any:
    """Squeeze every array in a value; an array of one item becomes the item.

    Examples
    --------
    >>> import numpy
    >>> squeezed({"a": numpy.ones((1, 3)), "b": [numpy.ones((1, 1))]})
    {'a': array([1., 1., 1.]), 'b': [1.0]}
    """
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, (numpy.ndarray, numpy.generic)):
        return _array(value, numpy)
    kind = value.__class__
    if kind is dict:
        return {key: squeezed(item) for key, item in value.items()}
    if kind in _COLLECTIONS:
        return kind(map(squeezed, value))
    return value


def _array(value: Any, numpy: Any) -> Any:
    result = value.squeeze()
    if result.dtype.names:
        for name in result.dtype.names:
            result[name] = _items(result[name], numpy)
        return result
    plain = type(value) is numpy.ndarray or isinstance(value, numpy.generic)
    if result.ndim or not plain:
        return _items(result, numpy)
    # items of a datetime64 would lose their unit
    return squeezed(result.item()) if result.dtype.kind != "M" else result[()]


def _items(array: Any, numpy: Any) -> Any:
    if array.dtype.kind != "O":
        return array
    items = numpy.fromiter(map(squeezed, array.ravel().tolist()), dtype=object, count=array.size)
    return items.reshape(array.shape).view(type(array))
