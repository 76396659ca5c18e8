"""What a change of a table costs: whether its rows are written again, how many bytes, who waits."""

from __future__ import annotations

from datajoint.backends.base import Dialect
from datajoint.declare.alteration import Alteration
from datajoint.heading.names import TableName
from datajoint.sql.alter.sqlite import is_rebuilt
from datajoint.sql.ddl import Statement

__all__ = ["copies_rows", "lock_text", "table_size"]

_SIZES = {
    "sqlite": "SELECT SUM(pgsize) FROM dbstat WHERE name = ? AND aggregate = TRUE",
    "postgresql": "SELECT pg_table_size($1::text::regclass)",
    "mysql": "SELECT data_length FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
}


def table_size(name: TableName, dialect: Dialect) -> Statement:
    """Return the SELECT of the bytes of a table, without its indexes.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> table_size(TableName("lab", "a"), get_backend("sqlite").dialect)[1]
    ('lab.a',)
    """
    if dialect.name == "postgresql":
        return _SIZES[dialect.name], (dialect.table(name),)
    whole = (f"{name.schema}.{name.name}",) if dialect.name == "sqlite" else (name.schema, name.name)
    return _SIZES[dialect.name], whole


def copies_rows(change: Alteration, dialect: Dialect) -> bool:
    """Whether the database writes all rows of a table again.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.declare.alteration import between
    >>> from datajoint.declare.spec import TableSpec
    >>> one = TableSpec(TableName("lab", "a"), (), ())
    >>> copies_rows(between(one, one, {}), get_backend("mysql").dialect)
    False
    """
    return is_rebuilt(change) if dialect.name == "sqlite" else bool(change.retyped)


def lock_text(dialect: Dialect, copies: bool) -> str:
    """Say who waits while a table is changed.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> lock_text(get_backend("mysql").dialect, copies=False)
    'reads and writes of the table wait for a moment'
    """
    if dialect.name == "sqlite":
        return "writes to the file wait"
    what = "reads and writes of the table wait"
    if not copies:
        return f"{what} for a moment"
    return f"{what} until its rows are copied" if dialect.name == "postgresql" else "writes of the table wait"
