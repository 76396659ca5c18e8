"""Columns as NumPy arrays, pandas and Polars frames, Arrow tables."""

# The border to libraries that come without complete types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from datajoint.heading.attribute import Attribute
from datajoint.heading.heading import Heading
from datajoint.heading.types import FLOATS, INTEGERS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl
    import pyarrow as pa

__all__ = ["array", "arrow_table", "pandas_frame", "polars_frame", "squeezed", "structured"]

Columns = Sequence[Sequence[Any]]


def array(attribute: Attribute, values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return a column as an array: numbers and bools where none is missing, NaN for a missing float."""
    import numpy as np

    kind = attribute.dtype.kind
    if kind in FLOATS:
        return np.array(values, dtype="f8")  # None becomes NaN
    if kind in INTEGERS or kind == "bool":
        dtype = "?" if kind == "bool" else "u8" if kind == "uint64" else "i8"
        if None not in values:
            return np.array(values, dtype=dtype)
    result = np.empty(len(values), dtype=object)
    result[:] = list(values) if not _nested(values) else None
    if _nested(values):
        for n, value in enumerate(values):
            result[n] = value
    return result


def _nested(values: Sequence[Any]) -> bool:
    """Whether NumPy would take the values apart."""
    return any(hasattr(value, "__len__") and not isinstance(value, (str, bytes)) for value in values)


def squeezed(values: Sequence[Any]) -> list[Any]:
    """Remove the unit dimensions of array values (FET-3)."""
    return [
        value.squeeze() if type(value).__module__ == "numpy" and hasattr(value, "squeeze") else value
        for value in values
    ]


def structured(heading: Heading, columns: Columns) -> np.ndarray[Any, Any]:
    """Return a structured array, a field per attribute."""
    import numpy as np

    arrays = [array(a, column) for a, column in zip(heading.values(), columns, strict=True)]
    result = np.empty(
        len(arrays[0]) if arrays else 0,
        dtype=[(n, a.dtype) for n, a in zip(heading.order, arrays, strict=True)],
    )
    for name, values in zip(heading.order, arrays, strict=True):
        result[name] = values
    return result


def _extra(package: str, extra: str) -> ImportError:
    return ImportError(f"{package} is not installed; run: pip install 'datajoint[{extra}]'")


def pandas_frame(heading: Heading, columns: Columns) -> pd.DataFrame:
    """Return a pandas frame indexed by the key; an empty one keeps its columns (FET-7)."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _extra("pandas", "pandas") from error
    data = {a.name: _series(pd, a, column) for a, column in zip(heading.values(), columns, strict=True)}
    frame = pd.DataFrame(data, columns=list(heading.order))
    return frame.set_index(list(heading.key)) if heading.key else frame


def _series(pd: Any, attribute: Attribute, values: Sequence[Any]) -> Any:
    kind = attribute.dtype.kind
    if kind in INTEGERS and None in values:
        return pd.array(list(values), dtype="UInt64" if kind == "uint64" else "Int64")
    if kind == "bool" and None in values:
        return pd.array(list(values), dtype="boolean")
    if kind in ("datetime", "timestamp"):
        return pd.Series(pd.to_datetime(pd.Series(list(values), dtype=object)), dtype="datetime64[us]")
    return array(attribute, values)


def _plain(heading: Heading, columns: Columns) -> Mapping[str, list[Any]]:
    """Values as Arrow can hold them."""
    plain: dict[str, list[Any]] = {}
    for a, column in zip(heading.values(), columns, strict=True):
        plain[a.name] = (
            [str(v) if v is not None else None for v in column] if a.dtype.kind == "uuid" else list(column)
        )
    return plain


def polars_frame(heading: Heading, columns: Columns) -> pl.DataFrame:
    """Return a Polars frame with a column per attribute."""
    try:
        import polars as pl
    except ImportError as error:
        raise _extra("polars", "polars") from error
    plain = _plain(heading, columns)
    types = {a.name: _polars_type(pl, a) for a in heading.values()}
    return pl.DataFrame({name: pl.Series(name, values, dtype=types[name]) for name, values in plain.items()})


def _polars_type(pl: Any, attribute: Attribute) -> Any:
    kind = attribute.dtype.kind
    if kind in INTEGERS:
        return getattr(pl, kind.replace("u", "U", 1).replace("int", "Int").replace("UInt", "UInt"))
    simple = {
        "float32": pl.Float32, "float64": pl.Float64, "bool": pl.Boolean, "date": pl.Date, "uuid": pl.String,
        "datetime": pl.Datetime("us"), "timestamp": pl.Datetime("us"), "bytes": pl.Binary, "char": pl.String,
        "varchar": pl.String, "text": pl.String, "enum": pl.String,
    }  # fmt: skip
    if kind == "decimal":
        return pl.Decimal(min(attribute.dtype.length or 38, 38), attribute.dtype.scale or 0)
    return simple.get(kind, pl.Object)


def arrow_table(heading: Heading, columns: Columns) -> pa.Table:
    """Return an Arrow table with a column per attribute."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise _extra("pyarrow", "arrow") from error
    plain = _plain(heading, columns)
    arrays = [pa.array(plain[a.name], type=_arrow_type(pa, a)) for a in heading.values()]
    return pa.table(arrays, names=list(heading.order))


def _arrow_type(pa: Any, attribute: Attribute) -> Any:
    kind = attribute.dtype.kind
    if kind in INTEGERS:
        return getattr(pa, kind)()
    if kind == "decimal":
        p, s = attribute.dtype.length or 10, attribute.dtype.scale or 0
        return pa.decimal128(p, s) if p <= 38 else pa.decimal256(p, s)
    simple = {
        "float32": pa.float32(), "float64": pa.float64(), "bool": pa.bool_(), "date": pa.date32(),
        "uuid": pa.string(),        "datetime": pa.timestamp("us"), "timestamp": pa.timestamp("us"), "bytes": pa.binary(), "char": pa.string(),
        "varchar": pa.string(), "text": pa.string(), "enum": pa.string(),
    }  # fmt: skip
    return simple.get(kind)
