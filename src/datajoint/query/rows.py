"""The rows of a query, as dicts, arrays and frames."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from datajoint import logging
from datajoint.algebra.plans import build
from datajoint.errors import DataJointDeprecationWarning, DataJointError
from datajoint.heading.heading import Heading
from datajoint.query import fetch, frames
from datajoint.query.base import Queried

if TYPE_CHECKING:
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]
    import polars as pl

__all__ = ["Fetchable"]


class Fetchable(Queried):
    """A query whose rows can be fetched."""

    def to_dicts(
        self, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> list[dict[str, Any]]:
        """Return all rows as dicts.

        Parameters
        ----------
        order_by
            Attribute, ``"attribute DESC"``, ``"KEY"`` or a list of these; without it rows come in any order.
        limit, offset
            Number of rows to return, to skip.
        squeeze
            Remove the unit dimensions of array values.
        """
        rows = fetch.dicts(fetch.limited(self.query, order_by, limit, offset), self.connection)
        if squeeze:
            rows = [dict(zip(row, frames.squeezed(list(row.values())), strict=True)) for row in rows]
        return rows

    def keys(
        self, order_by: Any = None, limit: int | None = None, offset: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the keys of all rows as dicts."""
        query = fetch.limited(self.query, order_by, limit, offset)
        return fetch.dicts(build.project(query, (), {}), self.connection)

    def _columns(
        self, names: Sequence[str], order_by: Any, limit: int | None, offset: int | None
    ) -> tuple[Heading, list[Any]]:
        query = fetch.limited(self.query, order_by, limit, offset)
        rows, decoder = fetch.raw_rows(query, self.connection, tuple(dict.fromkeys(names)))
        return query.heading, decoder.columns(rows)

    def to_arrays(
        self, *attrs: str, include_key: bool = False, order_by: Any = None, limit: int | None = None,
        offset: int | None = None, squeeze: bool = False,
    ) -> Any:  # fmt: skip
        """Return a structured array, or one array per named attribute.

        Parameters
        ----------
        *attrs
            Attributes; one gives an array, several a tuple of arrays, none a structured array of all.
        include_key
            Put the list of keys first.

        Returns
        -------
        numpy.ndarray or tuple
            Arrays of shape (n rows,).
        """
        for name in attrs:
            if name not in self.heading:
                raise self.heading.unknown(name)
        if not attrs and not squeeze:
            query = fetch.limited(self.query, order_by, limit, offset)
            return frames.structured(query.heading, *fetch.raw_rows(query, self.connection))
        names = dict.fromkeys((*self.heading.key, *attrs) if include_key else attrs)
        heading, columns = self._columns(tuple(names), order_by, limit, offset)
        if squeeze:
            columns = [frames.squeezed(column) for column in columns]
        if not attrs:
            return frames.structured_columns(heading, columns)
        by_name = dict(zip(names, columns, strict=True))
        arrays = tuple(frames.array(heading[name], by_name[name]) for name in attrs)
        if include_key:
            rows = zip(*(by_name[name] for name in heading.key), strict=True)
            return ([dict(zip(heading.key, row, strict=True)) for row in rows], *arrays)
        return arrays[0] if len(arrays) == 1 else arrays

    def to_pandas(
        self, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> pd.DataFrame:
        """Return a pandas frame indexed by the key; arguments as for `to_dicts`.

        Dtypes follow from the heading, whatever the rows: int64 or uint64, bool, float64, datetime64[us];
        Int64, UInt64 and boolean where NULL is allowed; objects for all else, None for NULL.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = '''
        ...     subject_id : int32
        ...     ---
        ...     litter=null : int16
        ...     born : datetime
        ...     '''
        >>> [str(dtype) for dtype in Subject.to_pandas().dtypes]
        ['Int64', 'datetime64[us]']
        """
        heading, columns = self._columns((), order_by, limit, offset)
        return frames.pandas_frame(heading, [frames.squeezed(c) for c in columns] if squeeze else columns)

    def to_polars(
        self, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> pl.DataFrame:
        """Return a Polars frame; arguments as for `to_dicts`.

        Types are those of the attributes (Int8 … UInt64, Decimal, Datetime in µs); a uuid is a text, a value
        of json or of a codec an object.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.to_polars().schema["subject_id"]
        Int32
        """
        heading, columns = self._columns((), order_by, limit, offset)
        return frames.polars_frame(heading, [frames.squeezed(c) for c in columns] if squeeze else columns)

    def to_arrow(
        self, order_by: Any = None, limit: int | None = None, offset: int | None = None, squeeze: bool = False
    ) -> Any:
        """Return an Arrow table; arguments as for `to_dicts`.

        Types are those of the attributes; a uuid is a text, json its text; the values of a codec have the
        type that Arrow finds for them, arrays as lists. The type of an attribute is in the metadata of its
        field.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> Subject.to_arrow().schema.field("subject_id").type
        DataType(int32)
        """
        heading, columns = self._columns((), order_by, limit, offset)
        return frames.arrow_table(heading, [frames.squeezed(c) for c in columns] if squeeze else columns)

    @overload
    def fetch1(self, *, squeeze: bool = False) -> dict[str, Any]: ...

    @overload
    def fetch1(self, attr: str, /, *, squeeze: bool = False) -> Any: ...

    @overload
    def fetch1(self, attr: str, other: str, /, *attrs: str, squeeze: bool = False) -> tuple[Any, ...]: ...

    def fetch1(self, *attrs: str, squeeze: bool = False) -> Any:
        """Return the only row as a dict, or the named values (``"KEY"``: the key as a dict).

        Raises
        ------
        DataJointError
            When there is no row, or more than one.
        """
        if not attrs:
            query = self.query
            row = dict(zip(query.plan.heading.order, fetch.first_row(query, self.connection), strict=True))
            return dict(zip(row, frames.squeezed(list(row.values())), strict=True)) if squeeze else row
        if len(attrs) == 1 and type(attrs[0]) is str and attrs[0] != "KEY" and not squeeze:
            return fetch.first_row(self.query, self.connection, attrs)[0]
        values = self._one(attrs)
        values = frames.squeezed(values) if squeeze else values
        return values[0] if len(attrs) == 1 else tuple(values)

    def _one(self, attrs: tuple[str, ...]) -> Sequence[Any]:
        """Return some values of the only row."""
        query = self.query
        heading, key = query.plan.heading, query.plan.heading.key
        for name in attrs:
            if name not in heading and name != "KEY":
                raise heading.unknown(name)
        names = tuple(dict.fromkeys(name for attr in attrs for name in (key if attr == "KEY" else (attr,))))
        row = dict(zip(names, fetch.first_row(query, self.connection, names), strict=False))
        return [{name: row[name] for name in key} if attr == "KEY" else row[attr] for attr in attrs]

    def head(self, limit: int = 25, **options: Any) -> list[dict[str, Any]]:
        """Return the first rows in key order."""
        return self.to_dicts(order_by="KEY", limit=limit, **options)

    def tail(self, limit: int = 25, **options: Any) -> list[dict[str, Any]]:
        """Return the last rows, in ascending key order."""
        return self.to_dicts(order_by="KEY DESC", limit=limit, **options)[::-1]

    def cursor(self, as_dict: bool = False) -> Any:
        """Return the cursor of the driver over all rows, not decoded."""
        statement, _ = fetch.compiled(self.query.plan, self.connection)
        return self.connection.query(statement.text, statement.bind(self.query.values), as_dict=as_dict)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return fetch.stream(self.query, self.connection)

    def __len__(self) -> int:
        return fetch.count(self.query, self.connection)

    def __bool__(self) -> bool:
        return fetch.exists(self.query, self.connection)

    def fetch(
        self, *attrs: str, offset: int | None = None, limit: int | None = None, order_by: Any = None,
        format: str | None = None, as_dict: bool | None = None, squeeze: bool = False,
    ) -> Any:  # fmt: skip
        """Fetch rows; `to_dicts`, `to_arrays`, `keys` and `to_pandas` are the present spelling.

        Parameters
        ----------
        *attrs
            Attributes, ``"KEY"`` for key dicts; none for all.
        format
            ``"array"`` or ``"frame"``, when no attributes are given.
        as_dict
            Return a list of dicts.
        """
        logging.warn(
            "fetch() is the older spelling; use to_dicts(), to_arrays(), keys() or to_pandas().",
            DataJointDeprecationWarning,
        )
        options: dict[str, Any] = {"order_by": order_by, "limit": limit, "offset": offset}
        if format not in (None, "array", "frame"):
            raise DataJointError(f"Unknown fetch format {format!r}.", hint="Use 'array' or 'frame'.")
        if not attrs:
            if as_dict:
                return self.to_dicts(squeeze=squeeze, **options)
            if format == "frame":
                return self.to_pandas(squeeze=squeeze, **options)
            return self.to_arrays(squeeze=squeeze, **options)
        if as_dict:
            return _dicts(self, attrs, squeeze, options)
        return _columns(self, attrs, squeeze, options)


def _dicts(
    expression: Fetchable, attrs: tuple[str, ...], squeeze: bool, options: dict[str, Any]
) -> list[dict[str, Any]]:
    """Fetch some attributes as dicts; the order may use others, which are not read."""
    names = [name for name in attrs if name != "KEY"]
    for name in names:
        if name not in expression.heading:
            raise expression.heading.unknown(name)
    wanted = dict.fromkeys([*(expression.primary_key if "KEY" in attrs else ()), *names])
    _, columns = expression._columns(tuple(wanted), **options)
    by_name = dict(zip(wanted, columns, strict=True))
    chosen = [frames.squeezed(by_name[name]) if squeeze else by_name[name] for name in wanted]
    return [dict(zip(wanted, row, strict=True)) for row in zip(*chosen, strict=True)]


def _columns(expression: Fetchable, attrs: tuple[str, ...], squeeze: bool, options: dict[str, Any]) -> Any:
    names = [name for name in attrs if name != "KEY"]
    if not names:
        keys = expression.keys(**options)
        return keys if len(attrs) == 1 else tuple(keys for _ in attrs)
    if "KEY" in attrs:
        keys, *arrays = expression.to_arrays(*names, include_key=True, squeeze=squeeze, **options)
    else:
        keys, found = [], expression.to_arrays(*names, squeeze=squeeze, **options)
        arrays = [found] if len(names) == 1 else list(found)
    by_name = dict(zip(names, arrays, strict=True))
    result: list[Any] = [keys if name == "KEY" else by_name[name] for name in attrs]
    return result[0] if len(result) == 1 else result
