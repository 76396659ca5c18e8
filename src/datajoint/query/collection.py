"""What counts as several values or several conditions: lists, sets, iterators, arrays, frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["is_mapping", "is_record", "items_of", "record", "values_of"]

_ONE: Any = (str, bytes, bytearray, memoryview, Mapping)
_ONE_KINDS = frozenset({str, int, float, bool, bytes})


def _is(value: Any, kinds: Any) -> bool:
    """`isinstance` that leaves a value what it was to the type checker: anything."""
    return isinstance(value, kinds)


def is_mapping(value: Any) -> bool:
    """Whether a value is a dict or the like."""
    return isinstance(value, Mapping)


def values_of(value: Any) -> list[Any] | None:
    """Return the items of a value that stands for several ones (QRY-14); None for a single value.

    Examples
    --------
    >>> values_of({1}), values_of("text")
    ([1], None)
    """
    kind = type(value)  # pyright: ignore[reportUnknownVariableType]
    if kind in _ONE_KINDS or _is(value, _ONE) or not hasattr(kind, "__iter__"):  # pyright: ignore[reportUnknownArgumentType]
        return None
    if hasattr(value, "make_sql"):  # a query, whose rows are no values
        return None
    if getattr(value, "shape", None) == ():  # a number of NumPy, or an array around one
        return None
    return list(value)


def is_record(operand: Any) -> bool:
    """Whether an object is one row of a structured array."""
    return bool(getattr(getattr(operand, "dtype", None), "names", None)) and operand.shape == ()


def record(operand: Any) -> dict[str, Any]:
    """Return a row of a structured array as a dict."""
    return {name: operand[name] for name in operand.dtype.names}


def items_of(operand: Any) -> list[Any] | None:
    """Return the conditions in a collection (QRY-15), rows of arrays and frames as dicts; else None."""
    if hasattr(operand, "to_pylist") and hasattr(operand, "column_names"):  # Arrow
        return operand.to_pylist()
    if _is(operand, _ONE) or not _is(operand, Iterable):
        return None
    if hasattr(operand, "iloc") and hasattr(operand, "columns"):  # pandas; a named index takes part
        frame: Any = operand.reset_index() if any(operand.index.names) else operand
        return frame.to_dict("records")
    if hasattr(operand, "to_frame") and hasattr(operand, "items") and not hasattr(operand, "levels"):
        series: Any = operand  # of pandas: a row of a frame has names, a column numbers
        if all(isinstance(name, str) for name in series.index):
            return [dict(series.items())]
    if hasattr(operand, "to_dicts") and hasattr(operand, "columns"):  # Polars
        return operand.to_dicts()
    items = list(operand)
    if not any(hasattr(kind, "dtype") for kind in set(map(type, items))):
        return items
    return [record(item) if is_record(item) else item for item in items]
