"""Estimate, before a delete, of the bytes of history that it will write."""

from __future__ import annotations

from collections.abc import Mapping

from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.journal.events.event import enabled
from datajoint.sql.system_tables.images import EVENT
from datajoint.sql.system_tables.retention import bytes_of_rows

__all__ = ["history_bytes"]

_SAMPLED = 100


def history_bytes(
    connection: Connection, rows: Mapping[TableName, Query], counts: Mapping[TableName, int]
) -> int | None:
    """Return about how many bytes the old versions of some rows take, by a sample; None where none is kept.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> Subject.insert({"subject_id": n} for n in range(1000))
    >>> table = Subject()
    >>> history_bytes(schema.connection, {table.name: table.query}, {table.name: 1000})
    36000
    """
    kept = [name for name, count in counts.items() if count and _is_kept(connection, name)]
    return sum(_bytes(connection, name, rows[name], counts[name]) for name in kept) if kept else None


def _is_kept(connection: Connection, name: TableName) -> bool:
    if connection.config.provenance.history == "off" or not enabled(connection, name.schema):
        return False
    return any(column.name == EVENT for column in connection.catalog.spec(name).hidden)


def _bytes(connection: Connection, name: TableName, query: Query, count: int) -> int:
    statement = bytes_of_rows(query.plan, connection.catalog.spec(name), _SAMPLED, connection.dialect)
    sampled, size = connection.fetch_all(statement.text, statement.bind(query.values))[0]
    return int(size) * count // int(sampled) if sampled else 0
