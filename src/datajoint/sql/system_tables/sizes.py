"""How many values a column has, and how many bytes they take; which of them are packed blobs."""

from __future__ import annotations

from datajoint.backends.base import Dialect
from datajoint.heading.names import TableName
from datajoint.sql.system_tables.external import EXTERNAL

__all__ = ["blob_sizes", "job_counts", "object_sizes", "row_count"]

_HEADERS = ("6D596D00", "646A3000", "5A4C3132")
"""The first four bytes of a packed blob, in hexadecimal: mYm, dj0, ZL12(3)."""


def row_count(table: TableName, dialect: Dialect) -> str:
    """Return the SELECT of the number of rows.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> row_count(TableName("lab", "scan"), get_backend("mysql").dialect)
    'SELECT COUNT(*) FROM `lab`.`scan`'
    """
    return dialect.escape(f"SELECT COUNT(*) FROM {dialect.table(table)}")


def blob_sizes(table: TableName, column: str, dialect: Dialect) -> str:
    """Return the SELECT of the number of values of a binary column, their bytes, and how many are packed.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> blob_sizes(TableName("lab", "scan"), "trace", get_backend("mysql").dialect)  # doctest: +ELLIPSIS
    "SELECT COUNT(`trace`), ... FROM `lab`.`scan`"
    """
    value = dialect.quote(column)
    start = f"SUBSTR({value}, 1, 4)"
    digits = f"UPPER(ENCODE({start}, 'hex'))" if dialect.name == "postgresql" else f"HEX({start})"
    packed = ", ".join(f"'{header}'" for header in _HEADERS)
    length = f"LENGTH(CAST({value} AS BLOB))" if dialect.name == "sqlite" else f"LENGTH({value})"
    return dialect.escape(
        f"SELECT COUNT({value}), COALESCE(SUM({length}), 0), "
        f"COALESCE(SUM(CASE WHEN {digits} IN ({packed}) THEN 1 ELSE 0 END), 0) FROM {dialect.table(table)}"
    )


def object_sizes(table: TableName, column: str, store: str, dialect: Dialect) -> str:
    """Return the SELECT of the number of values of a store column of 0.14, and the bytes of their objects.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> object_sizes(TableName("lab", "scan"), "b", "raw", get_backend("mysql").dialect)  # doctest: +ELLIPSIS
    'SELECT COUNT(*), ... FROM `lab`.`scan` t JOIN `lab`.`~external_raw` e ON e.hash = t.`b`'
    """
    objects = dialect.table(TableName(table.schema, EXTERNAL + store))
    return dialect.escape(
        f"SELECT COUNT(*), COALESCE(SUM(e.size), 0) FROM {dialect.table(table)} t "
        f"JOIN {objects} e ON e.hash = t.{dialect.quote(column)}"
    )


def job_counts(table: TableName, dialect: Dialect) -> str:
    """Return the SELECT of the number of jobs of each status in a table `~jobs` of 0.14.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> job_counts(TableName("lab", "~jobs"), get_backend("mysql").dialect)
    'SELECT status, COUNT(*) FROM `lab`.`~jobs` GROUP BY status ORDER BY status'
    """
    return dialect.escape(
        f"SELECT status, COUNT(*) FROM {dialect.table(table)} GROUP BY status ORDER BY status"
    )
