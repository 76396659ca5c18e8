"""What NumPy arrays are made of that have no bytes in earlier releases."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import prod
from typing import Any, cast

from datajoint.codecs.blob.arrays import TYPE_IDS

__all__ = ["BUILT", "describe", "duration", "moment"]

_PLAIN = re.compile(r"[<>|=]?(?:[biufcSUV?]\d*|[mM]\d+(?:\[\d*[a-z]+(?:/\d+)?\])?)", re.ASCII | re.IGNORECASE)
_MOST_ITEM = 1 << 31  # bytes of an item, as NumPy has it
_MOST_NESTED = 32
_MOST_EMPTY = 1 << 20  # items without bytes: nothing else bounds their number


def describe(value: Any) -> tuple[str, Any] | None:
    """Return kind and parts of an array or scalar that needs the extension, or None."""
    import numpy as np

    if isinstance(value, np.generic):
        return _scalar(value)
    if not isinstance(value, np.ndarray):
        return None
    array = cast("Any", value)
    kind = cast("Any", type(array))
    if kind is np.ma.MaskedArray:
        return _masked(array)
    return _array(array) if kind is np.recarray or kind is np.ndarray else None


def _scalar(value: Any) -> tuple[str, Any] | None:
    """Text and bytes of NumPy are written as scalars, so that they do not become those of Python."""
    import numpy as np

    if value.dtype.str in TYPE_IDS and value.dtype.kind != "V":
        return None
    array = np.asarray(value)
    return "scalar", (_dtype_parts(array.dtype), _bytes(array))


def _array(value: Any) -> tuple[str, Any] | None:
    dtype = value.dtype
    if dtype.str in TYPE_IDS and value.ndim and not dtype.metadata:
        return None
    if dtype.char == "O":
        return None if value.ndim else ("object", value.item())
    if dtype.kind == "T":
        return "text", (value.shape, _order(value), value.ravel(order=_order(value)).tolist())
    if dtype.hasobject:
        return _columns(value)
    name = "recarray" if hasattr(value, "field") and value.dtype.names else "array"
    return name, (_dtype_parts(dtype), value.shape, _order(value), _bytes(value))


def _columns(value: Any) -> tuple[str, Any]:
    """A structured array with objects: its columns beside its dtype."""
    import numpy as np

    fields: list[Any] = [value.dtype[name] for name in value.dtype.names]
    if any(dtype.subdtype or (dtype.names and dtype.hasobject) for dtype in fields):
        raise TypeError(f"a structured array with objects in nested fields: {value.dtype}")
    columns = {name: np.array(value[name]) for name in value.dtype.names}
    return "columns", (_dtype_parts(value.dtype), value.shape, type(value) is np.recarray, columns)


def _masked(value: Any) -> tuple[str, Any]:
    import numpy as np

    mask: Any = value.mask if value.mask is not np.ma.nomask else None
    if value.dtype.hasobject:
        raise TypeError("a masked array of objects")
    return "masked", (
        np.array(value.data, copy=True, subok=False),
        None if mask is None else np.array(mask),
        np.array(value.fill_value) if value._fill_value is not None else None,
        bool(value.hardmask),
    )


def _order(value: Any) -> str:
    return "F" if value.flags.f_contiguous and not value.flags.c_contiguous else "C"


def _bytes(value: Any) -> bytes:
    return value.tobytes(_order(value))


# dtypes


def _dtype_parts(dtype: Any) -> Any:
    """Return a dtype as text, or as size, alignment and fields."""
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return ("sub", _dtype_parts(base), shape)
    if dtype.names is None:
        if not (dtype.char == "O" or _PLAIN.fullmatch(dtype.str)):
            raise TypeError(f"an array of dtype {dtype}")
        return dtype.str
    fields = [_field(name, *dtype.fields[name]) for name in dtype.names]
    return ("fields", dtype.itemsize, dtype.isalignedstruct, fields, dtype.type.__name__ == "record")


def _field(name: str, dtype: Any, offset: int, title: Any = None) -> tuple[Any, ...]:
    if title is not None and not isinstance(title, str):
        raise TypeError(f"a structured array whose field {name!r} has the title {title!r}, which is no text")
    return (name, _dtype_parts(dtype), offset, title)


def _dtype(parts: Any, depth: int = 0) -> Any:
    import numpy as np

    if depth > _MOST_NESTED:
        raise ValueError("an array has a dtype that is nested too deeply")
    if isinstance(parts, str):
        if parts != "|O" and not _PLAIN.fullmatch(parts):
            raise ValueError(f"an array has the unknown dtype {parts!r}")
        return np.dtype(parts)
    if parts[0] == "sub":
        _, base, shape = parts
        return _small(np.dtype((_dtype(base, depth + 1), _shape(shape))))
    _, itemsize, is_aligned, fields, is_record = parts
    names, dtypes, offsets, titles = zip(*fields, strict=True) if fields else ((), (), (), ())
    found = np.dtype(
        {
            "names": list(names),
            "formats": [_dtype(one, depth + 1) for one in dtypes],
            "offsets": list(offsets),
            "titles": list(titles),
            "itemsize": itemsize,
        },
        align=bool(is_aligned),
    )
    return _small(np.dtype((np.record, found)) if is_record else found)


def _small(dtype: Any) -> Any:
    if dtype.itemsize > _MOST_ITEM:
        raise ValueError("an item of an array is larger than arrays can have")
    return dtype


def _shape(shape: Any) -> tuple[int, ...]:
    if len(shape) > 64 or not all(type(size) is int and 0 <= size < 1 << 62 for size in shape):
        raise ValueError(f"an array cannot have the shape {shape!r}")
    return tuple(shape)


# building


def _build_array(parts: Any) -> Any:
    import numpy as np

    dtype, shape, order, data = _dtype(parts[0]), _shape(parts[1]), parts[2], parts[3]
    if dtype.hasobject or len(data) != prod(shape) * dtype.itemsize or order not in ("C", "F"):
        raise ValueError("an array does not fit its bytes")
    if not dtype.itemsize:
        if prod(shape) > _MOST_EMPTY:
            raise ValueError(f"an array of empty items cannot have the shape {shape!r}")
        return np.ndarray(shape, dtype, order=order)
    return np.frombuffer(data, dtype).copy().reshape(shape, order=order)


def _build_records(parts: Any) -> Any:
    import numpy as np

    return _build_array(parts).view(np.recarray)


def _build_scalar(parts: Any) -> Any:
    return _build_array((parts[0], (), "C", parts[1]))[()]


def _build_text(parts: Any) -> Any:
    import numpy as np

    shape, order, values = parts
    if not all(isinstance(value, str) for value in values):
        raise ValueError("an array of text holds something else")
    return np.array(values, np.dtypes.StringDType()).reshape(_shape(shape), order=order)


def _build_object(value: Any) -> Any:
    import numpy as np

    found = np.empty((), object)
    found[()] = value
    return found


def _build_columns(parts: Any) -> Any:
    import numpy as np

    dtype, shape, is_records, columns = parts
    dtype, shape = _dtype(dtype), _shape(shape)
    if not columns or any(np.shape(column) != shape for column in columns.values()):
        raise ValueError("the fields of a structured array do not fit together")
    found: Any = np.empty(shape, dtype)
    for name, column in columns.items():
        found[name] = column
    return found.view(np.recarray) if is_records else found


def _build_masked(parts: Any) -> Any:
    import numpy as np

    data, mask, fill, is_hard = parts
    if not hasattr(data, "dtype"):
        raise ValueError("a masked array is not made of an array")
    make: Any = np.ma.MaskedArray
    return make(
        data,
        mask=np.ma.nomask if mask is None else mask,
        fill_value=None if fill is None else fill[()],
        hard_mask=is_hard,
    )


def moment(number: int, unit: str) -> Any:
    """Return a `numpy.datetime64` from its number."""
    import numpy as np

    return np.int64(number).view(f"M8[{_unit(unit)}]")


def duration(number: int, unit: str) -> Any:
    """Return a `numpy.timedelta64` from its number."""
    import numpy as np

    return np.int64(number).view(f"m8[{_unit(unit)}]")


def _unit(unit: Any) -> str:
    if unit not in ("s", "ms", "us", "ns"):
        raise ValueError(f"a time of pandas has the unknown unit {unit!r}")
    return unit


BUILT: dict[str, Callable[[Any], Any]] = {
    "array": _build_array,
    "recarray": _build_records,
    "text": _build_text,
    "masked": _build_masked,
    "scalar": _build_scalar,
    "object": _build_object,
    "columns": _build_columns,
}
