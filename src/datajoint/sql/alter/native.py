"""Names that a database itself knows the indexes and constraints of a table by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datajoint._value import Value
from datajoint.backends.base import Dialect
from datajoint.declare.spec import Index
from datajoint.heading.names import TableName
from datajoint.sql.ddl import Statement

__all__ = ["Native", "find_checks", "find_indexes", "grouped_indexes"]


class Native(Value):
    """Names of a table's indexes, and of the constraints that come with the types of its columns.

    Attributes
    ----------
    indexes
        By columns and uniqueness.
    checks
        By column.
    """

    indexes: Mapping[tuple[tuple[str, ...], bool], str]
    checks: Mapping[str, tuple[str, ...]]

    def index(self, index: Index, former: Mapping[str, str]) -> str | None:
        """Return the name of an index; `former` are the present names of columns by those they will have."""
        return self.indexes.get((tuple(former.get(c, c) for c in index.columns), index.unique))


def find_indexes(name: TableName, dialect: Dialect) -> Statement:
    """Return the SELECT of the secondary indexes of a table: name, whether unique, and each column in order.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> find_indexes(TableName("lab", "a"), get_backend("sqlite").dialect)[1]
    ('lab.a',)
    """
    if dialect.name == "sqlite":
        text = (
            'SELECT i.name, i."unique", c.name FROM pragma_index_list(?) i, pragma_index_info(i.name) c '
            "WHERE i.origin = 'c' ORDER BY i.name, c.seqno"
        )
        return text, (f"{name.schema}.{name.name}",)
    if dialect.name == "postgresql":
        text = (
            "SELECT c.relname, x.indisunique, a.attname FROM pg_index x "
            "JOIN pg_class c ON c.oid = x.indexrelid "
            "CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY u(num, n) "
            "LEFT JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.num "
            "WHERE x.indrelid = $1::text::regclass AND NOT x.indisprimary ORDER BY c.relname, u.n"
        )
        return text, (dialect.table(name),)
    text = (
        "SELECT index_name, non_unique = 0, column_name FROM information_schema.statistics "
        "WHERE table_schema = %s AND table_name = %s AND index_name <> 'PRIMARY' "
        "ORDER BY index_name, seq_in_index"
    )
    return text, (name.schema, name.name)


def find_checks(name: TableName, dialect: Dialect) -> Statement | None:
    """Return the SELECT of the constraints that keep values of a column within its type; None: it has none.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> find_checks(TableName("lab", "a"), get_backend("mysql").dialect) is None
    True
    """
    if dialect.name != "postgresql":
        return None
    text = (
        "SELECT a.attname, k.conname FROM pg_constraint k "
        "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1] "
        "WHERE k.conrelid = $1::text::regclass AND k.contype = 'c' AND array_length(k.conkey, 1) = 1 "
        "AND obj_description(k.oid, 'pg_constraint') IS NULL"
    )
    return text, (dialect.table(name),)


def grouped_indexes(rows: Iterable[Any]) -> dict[tuple[tuple[str, ...], bool], str]:
    """Return the names of indexes by columns and uniqueness, from rows of `find_indexes`.

    Examples
    --------
    >>> grouped_indexes([("i", 1, "a"), ("i", 1, "b")])
    {(('a', 'b'), True): 'i'}
    """
    found: dict[str, tuple[list[str], bool]] = {}
    for name, unique, column in rows:
        found.setdefault(name, ([], bool(unique)))[0].append(column or "")
    return {(tuple(columns), unique): name for name, (columns, unique) in found.items()}
