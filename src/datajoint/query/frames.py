"""Columns as NumPy arrays, pandas and Polars frames, Arrow tables."""

# The border to libraries that come without complete types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Container, Generator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from datajoint.codecs.blob import squeeze
from datajoint.errors import DataJointError
from datajoint.heading import float32
from datajoint.heading.attribute import Attribute
from datajoint.heading.core_types import KINDS
from datajoint.heading.heading import Heading
from datajoint.heading.types import FLOATS, INTEGERS, NUMPY_TYPES
from datajoint.heading.values import json_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import polars as pl

    from datajoint.engine.rows import RowDecoder

__all__ = [
    "ARROW_TYPE", "array", "arrow_table", "pandas_frame", "polars_frame", "squeezed", "structured",
    "structured_columns",
]  # fmt: skip

Columns = Sequence[Sequence[Any]]

ARROW_TYPE = b"datajoint.type"
"""Metadata of an Arrow field: the type of the attribute."""

WHOLE = INTEGERS | {"year"}
POLARS_DIGITS = 38


def array(attribute: Attribute, values: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Return a column as an array: numbers and bools where none is missing, NaN for a missing float."""
    import numpy as np

    kind = attribute.dtype.kind
    dtype = NUMPY_TYPES.get(kind)
    if dtype == "f8" or (dtype and None not in values):
        return np.array(values, dtype=dtype)  # None becomes NaN
    return np.fromiter(values, dtype=object, count=len(values))  # which takes no list or array apart


def squeezed(values: Sequence[Any]) -> list[Any]:
    """Remove the unit dimensions of array values, and of those in cells and structures (FET-3)."""
    return [squeeze.squeezed(value) for value in values]


def structured(heading: Heading, rows: Sequence[Any], decoder: RowDecoder) -> np.ndarray[Any, Any]:
    """Return rows as the driver gives them as a structured array, a field per attribute."""
    import numpy as np

    fields = _fields(heading, {n for n, _ in decoder.decoders})
    if fields is None:
        return structured_columns(heading, decoder.columns(rows))
    result = np.array(list(rows), dtype=fields)
    for n, decode in decoder.decoders:
        name = heading.order[n]
        if heading[name].dtype.kind == "float32":
            result[name] = float32.shortest_array(np.ascontiguousarray(result[name]))
            continue
        result[name] = np.fromiter(decode(list(result[name])), dtype=object, count=len(rows))
    return result


def _fields(heading: Heading, decoded: Container[int]) -> list[tuple[str, str]] | None:
    """Return the fields of an array that NumPy can make from rows; None where it must be made by column."""
    fields: list[tuple[str, str]] = []
    for n, a in enumerate(heading.values()):
        dtype = NUMPY_TYPES.get(a.dtype.kind, "O")
        decode = n in decoded and a.dtype.kind != "float32"  # which is made shorter as an array
        if dtype != "O" and (decode or (dtype != "f8" and _may_be_null(heading, a))):
            return None
        fields.append((a.name, dtype))
    return fields or None


def structured_columns(heading: Heading, columns: Columns) -> np.ndarray[Any, Any]:
    """Return decoded columns as a structured array, a field per attribute."""
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
    """Return a pandas frame indexed by the key; its dtypes follow from the heading alone (FET-7)."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _extra("pandas", "pandas") from error
    data = {
        a.name: _series(pd, a, column, _may_be_null(heading, a))
        for a, column in zip(heading.values(), columns, strict=True)
    }
    frame = pd.DataFrame(data, columns=pd.Index(heading.order, dtype=object))
    return frame.set_index(list(heading.key)) if heading.key else frame


def _may_be_null(heading: Heading, attribute: Attribute) -> bool:
    return attribute.nullable or (heading.nullable_key and attribute.in_key)


def _series(pd: Any, attribute: Attribute, values: Sequence[Any], nullable: bool) -> Any:
    """Return a column: int64, uint64, bool, their nullable forms, float64, datetime64[us], else objects."""
    kind = attribute.dtype.kind
    if kind in WHOLE or kind == "bool":  # of others arrays may be there, which cannot be compared with None
        nullable = nullable or None in values
    if kind in WHOLE:
        name = "uint64" if kind == "uint64" else "int64"
        nullable_name = "UInt64" if kind == "uint64" else "Int64"
        return pd.Series(pd.array(list(values), dtype=nullable_name if nullable else name))
    if kind == "bool":
        return pd.Series(pd.array(list(values), dtype="boolean" if nullable else "bool"))
    if kind in ("datetime", "timestamp"):
        return pd.Series(pd.to_datetime(pd.Series(list(values), dtype=object)), dtype="datetime64[us]")
    return pd.Series(array(attribute, values), dtype="float64" if kind in FLOATS else object)


# ----------------------------------------------------------------------------------- Polars and Arrow


def polars_frame(heading: Heading, columns: Columns) -> pl.DataFrame:
    """Return a Polars frame with a column per attribute; values of json and codecs are objects."""
    try:
        import polars as pl
    except ImportError as error:
        raise _extra("polars", "polars") from error
    series: list[Any] = []
    for a, column in zip(heading.values(), columns, strict=True):
        with _named(a, "Polars"):
            series.append(pl.Series(a.name, _texts(a, column), dtype=_polars_type(pl, a)))
    return pl.DataFrame(series)


def _texts(attribute: Attribute, values: Sequence[Any]) -> list[Any]:
    """Return values for libraries that lack their class, such as UUID: their text."""
    record = KINDS.get(attribute.dtype.kind)
    if record is not None and record.polars == "String" and record.python is not str:
        return [None if value is None else str(value) for value in values]
    return list(values)


@contextmanager
def _named(attribute: Attribute, library: str) -> Generator[None]:
    """Name the attribute whose values a library refuses."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError) as error:
        raise DataJointError(
            f"The values of `{attribute.name}` ({attribute.type}) do not fit into {library}: {error}",
            hint="Leave the attribute out by proj, or take to_pandas() or to_dicts().",
            attribute=attribute.name,
        ) from error


def _polars_type(pl: Any, attribute: Attribute) -> Any:
    dtype = attribute.dtype
    name = KINDS[dtype.kind].polars if dtype.kind in KINDS and not dtype.codec else ""
    if name == "Decimal":
        return pl.Decimal(min(dtype.length or 10, POLARS_DIGITS), dtype.scale or 0)
    if name == "Datetime":
        return pl.Datetime("us")
    return getattr(pl, name or "Object")


def arrow_table(heading: Heading, columns: Columns) -> Any:
    """Return an Arrow table with a column per attribute, whose type is in the metadata of the field."""
    try:
        import pyarrow as pa
    except ImportError as error:
        raise _extra("pyarrow", "arrow") from error
    arrays: list[Any] = []
    fields: list[Any] = []
    for a, column in zip(heading.values(), columns, strict=True):
        with _named(a, "Arrow"):
            arrays.append(pa.array(_plain(a, column), type=_arrow_type(pa, a)))
        fields.append(pa.field(a.name, arrays[-1].type, metadata={ARROW_TYPE: a.dtype.text.encode()}))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _plain(attribute: Attribute, values: Sequence[Any]) -> list[Any]:
    """Return values as Arrow can hold them: json as its text, arrays of codecs as lists."""
    kind = attribute.dtype.kind
    if kind == "json":
        return [None if value is None else json_text(value) for value in values]
    if attribute.dtype.codec is not None:
        return [value.tolist() if type(value).__module__ == "numpy" else value for value in values]
    return _texts(attribute, values)


def _arrow_type(pa: Any, attribute: Attribute) -> Any:
    dtype = attribute.dtype
    name = KINDS[dtype.kind].arrow if dtype.kind in KINDS and not dtype.codec else ""
    if name == "decimal":
        p, s = dtype.length or 10, dtype.scale or 0
        return pa.decimal128(p, s) if p <= 38 else pa.decimal256(p, s)
    if name == "timestamp":
        return pa.timestamp("us")
    return getattr(pa, name)() if name else None  # None: found from the values
