"""Sources of rows, as chunks of columns: dicts, records, tuples, frames, CSV, iterables."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from datajoint._value import Value
from datajoint.errors import ArgumentTypeError, DataJointDeprecationWarning, DataJointError, QueryError
from datajoint.heading.heading import Heading
from datajoint.heading.types import TEXTS
from datajoint.heading.values import show
from datajoint.query.frames import ARROW_TYPE

__all__ = ["ABSENT", "Absent", "Chunk", "caller_depth", "one", "read", "with_index"]

CHUNK = 1000
"""Rows checked together: columns of this length stay in the cache of the processor."""


_HOLD_DICTS = frozenset(("json", "codec", "blob"))


class Absent:
    """Stands for a field that a row does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


class Chunk(Value):
    """Some rows of an insert, by column.

    Attributes
    ----------
    first
        Number of the first row within the call, from 0; None for the only row of `insert1`.
    names, columns
        Fields as given; `ABSENT` where a row lacks one that others have.
    size
        Number of rows.
    """

    first: int | None
    names: tuple[str, ...]
    columns: tuple[Sequence[Any], ...]
    size: int


def read(rows: Any, heading: Heading, label: str = "") -> Iterator[Chunk]:
    """Yield what is given as chunks; positional rows take the attributes in the order of the heading.

    Examples
    --------
    >>> list(read([{"a": 1}, {"a": 2}], Heading([])))
    [Chunk(first=0, names=('a',), columns=([1, 2],), size=2)]
    """
    columns = _columnar(rows, label)
    if columns is not None:
        yield from _slices(*columns)
        return
    if isinstance(rows, Path):
        rows = _csv(rows, heading)
    if isinstance(rows, (str, bytes, Mapping)) or not isinstance(rows, Iterable):
        raise QueryError(
            f"{_at(label)}rows cannot be read from {_named(rows)}.",
            hint="Give a list of dicts, a frame, a query, a pathlib.Path of a CSV; insert1 takes one row.",
        )
    remaining = iter(cast(Iterable[Any], rows))
    first = 0
    while chunk := list(islice(remaining, CHUNK)):
        yield _by_column(chunk, heading, label, first)
        first += len(chunk)


def one(row: Any, heading: Heading, label: str = "") -> Chunk:
    """Return a single row as a chunk.

    Examples
    --------
    >>> one({"a": 1}, Heading([]))
    Chunk(first=None, names=('a',), columns=((1,),), size=1)
    """
    if type(row) is dict:
        row = cast(dict[str, Any], row)
        return Chunk(None, tuple(row), tuple([(value,) for value in row.values()]), 1)
    chunk = _by_column([row], heading, label, None)
    return Chunk(None, chunk.names, chunk.columns, 1)


# --------------------------------------------------------------------------------------- row by row


def _by_column(rows: list[Any], heading: Heading, label: str, first: int | None) -> Chunk:
    kinds = set(map(type, rows))
    if kinds == {dict}:
        return _dicts(rows, first)
    if kinds <= {tuple, list}:
        _warn_positional()
        return _positional(rows, heading, label, first)
    named = [_as_dict(row, heading, _at(label, n, first)) for n, row in enumerate(rows)]
    if not all(map(_has_names, rows)):
        _warn_positional()
    return _dicts(named, first)


def _dicts(rows: Sequence[Mapping[str, Any]], first: int | None) -> Chunk:
    names = tuple(rows[0])
    if set(map(len, rows)) == {len(names)}:
        try:
            columns = tuple([list(map(itemgetter(name), rows)) for name in names])
            return Chunk(first, names, columns, len(rows))
        except KeyError:  # other fields, as many
            pass
    names = tuple(dict.fromkeys(name for row in rows for name in row))
    return Chunk(first, names, tuple([row.get(name, ABSENT) for row in rows] for name in names), len(rows))


def _positional(rows: list[Any], heading: Heading, label: str, first: int | None) -> Chunk:
    width = len(heading)
    for n, row in enumerate(rows):
        if first is None and _is_row_of_rows(row, heading):
            raise QueryError(f"{_at(label)}insert1 takes one row.", hint="Use insert for a list of rows.")
        if len(row) != width:
            _refuse_length(len(row), heading, _at(label, n, first))
    return Chunk(first, heading.order, tuple(zip(*rows, strict=True)), len(rows))


def _is_row_of_rows(row: Sequence[Any], heading: Heading) -> bool:
    """Whether dicts stand where no attribute can hold one: then they are meant as rows."""
    dicts = [isinstance(value, Mapping) for value in row]
    kinds = [attribute.dtype.kind for attribute in heading.values()]
    return (
        any(dicts)
        if len(row) != len(kinds)
        else any(is_dict and kind not in _HOLD_DICTS for is_dict, kind in zip(dicts, kinds, strict=True))
    )


def _at(label: str, n: int = 0, first: int | None = None) -> str:
    """Phrase whose rows, or which of them, is spoken of."""
    table = f"`{label}`" if label else "A table"
    return f"{table}: " if first is None else f"{table}, row {first + n}: "


def _named(value: Any) -> str:
    """Phrase what was given: its type, and what it looks like where that is short."""
    shown, kind = show(value), type(value).__name__
    if isinstance(value, type):
        return f"the class `{value.__name__}`"
    return f"an object of type {kind}" if "\n" in shown or "object at 0x" in shown else f"{shown} ({kind})"


def _refuse_length(given: int, heading: Heading, where: str) -> None:
    raise QueryError(
        f"{where}incorrect number of attributes: {given} given; {len(heading)} expected "
        f"({', '.join(heading.order)}).",
        hint="Give rows as dicts to leave attributes out.",
    )


def _has_names(row: Any) -> bool:
    return isinstance(row, Mapping) or _is_series(row) or bool(_field_names(row))


def _field_names(row: Any) -> Any:
    return getattr(getattr(row, "dtype", None), "names", None)


def _is_series(row: Any) -> bool:
    """Whether it is a row of a pandas frame, by the names of the columns."""
    return type(row).__module__.partition(".")[0] == "pandas" and type(row).__name__ == "Series"


def _as_dict(row: Any, heading: Heading, where: str) -> dict[str, Any]:
    if isinstance(row, Mapping):
        return dict(row)  # pyright: ignore[reportUnknownArgumentType]
    if _is_series(row):
        return {str(name): value for name, value in row.items()}
    if names := _field_names(row):
        return {name: row[name] for name in names}
    if not _is_sequence(row):
        raise QueryError(
            f"{where}{_named(row)} is no row.",
            hint="Give rows as dicts {attribute: value}; insert1 takes one row, insert a list of rows.",
        )
    values = list(row)
    if len(values) != len(heading):
        _refuse_length(len(values), heading, where)
    return dict(zip(heading.order, values, strict=True))


def _is_sequence(row: Any) -> bool:
    """Whether it holds values in an order; a frame, a query or a class has rows."""
    if isinstance(row, (str, bytes, type)) or hasattr(row, "columns") or hasattr(row, "query"):
        return False
    return hasattr(row, "__len__") and hasattr(row, "__getitem__")


def _warn_positional() -> None:
    warnings.warn(
        "Positional rows (tuples, lists) are deprecated: they break when the definition changes. "
        "Give dicts: table.insert1({'attribute': value, ...}).",
        DataJointDeprecationWarning,
        stacklevel=caller_depth(),
    )


def caller_depth() -> int:
    """Return how many frames up the code lies that called the library, seen from the caller.

    Examples
    --------
    >>> caller_depth() > 0
    True
    """
    frame, depth = sys._getframe(1), 1
    while frame.f_back and str(frame.f_globals.get("__name__", "")).startswith("datajoint."):
        frame, depth = frame.f_back, depth + 1
    return depth


# ------------------------------------------------------------------------------------ whole columns


def _columnar(rows: Any, label: str) -> tuple[tuple[str, ...], list[Sequence[Any]]] | None:
    package = type(rows).__module__.partition(".")[0]
    if package == "pandas" and hasattr(rows, "reset_index"):
        frame = rows.reset_index(drop=list(rows.index.names) == [None])
        names = tuple(map(str, frame.columns))
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise QueryError(f"{_at(label)}the frame has two columns `{twice}`.")
        return names, [frame.iloc[:, n].tolist() for n in range(frame.shape[1])]
    if package == "polars" and hasattr(rows, "get_columns"):
        return tuple(rows.columns), [column.to_list() for column in rows.get_columns()]
    if package == "pyarrow" and hasattr(rows, "column_names"):
        return tuple(rows.column_names), [
            _arrow(field, column.to_pylist()) for field, column in zip(rows.schema, rows.columns, strict=True)
        ]
    if package == "numpy" and hasattr(rows, "dtype") and rows.dtype.names and rows.ndim == 1:
        return tuple(rows.dtype.names), [_array(rows[name]) for name in rows.dtype.names]
    return None


def _arrow(field: Any, values: list[Any]) -> list[Any]:
    """Return the values of an Arrow column; json of ours is a text there."""
    if field.metadata and field.metadata.get(ARROW_TYPE) == b"json":
        return [None if value is None else json.loads(value) for value in values]
    return values


def _array(column: Any) -> list[Any]:
    """Return the elements of an array: Python values, but for times, which NumPy would turn into numbers."""
    return list(column) if column.ndim > 1 or column.dtype.kind in "mMV" else column.tolist()


def _slices(names: tuple[str, ...], columns: list[Sequence[Any]]) -> Iterator[Chunk]:
    size = len(columns[0]) if columns else 0
    for first in range(0, size, CHUNK):
        part = tuple(column[first : first + CHUNK] for column in columns)
        yield Chunk(first, names, part, len(part[0]))


def _csv(path: Path, heading: Heading) -> Iterator[dict[str, Any]]:
    """Yield the rows of a CSV file with a header line; an empty field of a number, date … is missing."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            lines = csv.DictReader(file)
            if not lines.fieldnames:
                raise QueryError(f"{path} has no line with the names of the attributes.")
            for row in lines:
                if None in row:
                    raise QueryError(f"A line of {path} has more fields than its header: {row[None]!r:.60}.")
                try:
                    yield {name: _field(name, text, heading) for name, text in row.items()}
                except json.JSONDecodeError as error:
                    raise QueryError(
                        f"{path}, line {lines.line_num}: {show(error.doc)} is no JSON: {error}.",
                        hint='A field of an attribute of type json holds JSON, such as {"a": 1} or "text".',
                    ) from None
    except OSError as error:
        raise DataJointError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataJointError(f"{path} is no text in UTF-8: {error.reason} at byte {error.start}.") from error
    except csv.Error as error:
        raise DataJointError(f"{path} is no CSV file: {error}.") from error


def _field(name: str, text: str | None, heading: Heading) -> Any:
    dtype = heading[name].dtype if name in heading else None
    if text is None or dtype is None:
        return text or None
    if text == "" and (dtype.kind not in TEXTS or (dtype.labels and "" not in dtype.labels)):
        return None
    return json.loads(text) if dtype.kind == "json" else text


def with_index(frame: Any, heading: Heading, index_as_pk: bool | None, label: str) -> Any:
    """Return a pandas frame with its index as the key attributes, or without it (INS-13).

    Examples
    --------
    >>> import pandas
    >>> with_index(pandas.DataFrame({"x": [1]}), Heading([]), False, "Subject").columns.tolist()
    ['x']
    """
    if not hasattr(frame, "reset_index"):
        raise ArgumentTypeError(
            f"`{label}`: insert_dataframe takes a pandas frame, not {_named(frame)}.",
            hint="Give other rows to insert().",
        )
    names = list(frame.index.names)
    if index_as_pk is None:
        index_as_pk = names != [None] and set(names) == set(heading.key)
    if not index_as_pk:
        return frame.reset_index(drop=True)
    if set(names) != set(heading.key) or len(names) != len(heading.key):
        raise QueryError(
            f"The index of the frame ({', '.join(map(str, names))}) is not the primary key of `{label}` "
            f"({', '.join(heading.key)}).",
            hint="Set the index by frame.set_index([...]), or pass index_as_pk=False.",
        )
    return frame.reset_index()
