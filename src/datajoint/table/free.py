"""Tables without a class."""

from __future__ import annotations

from typing import Any, cast

from datajoint._edge import edge
from datajoint.engine.connection import Connection
from datajoint.engine.instance import default_instance
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName, read_name
from datajoint.table.bound import Binding
from datajoint.table.table import Table

__all__ = ["FreeTable"]


@edge
class FreeTable(Table):
    """Any table of the database, by its name (TAB-14).

    Parameters
    ----------
    connection
        Where the table is; it may be left out, for that of `dj.conn()`.
    full_table_name
        ``"schema.table"``, quoted or not.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> dj.FreeTable(schema.connection, "lab.subject").primary_key
    ['subject_id']
    """

    def __init__(
        self, connection: Connection | str | TableName, full_table_name: str | TableName | None = None
    ) -> None:
        if full_table_name is None and isinstance(connection, (str, TableName)):
            connection, full_table_name = default_instance("dj.FreeTable").connection, connection
        if not _is(connection, Connection) or not _is(full_table_name, (str, TableName)):
            raise DataJointError(
                f"FreeTable takes a connection and the full name of a table, not {connection!r:.60} and "
                f"{full_table_name!r:.60}.",
                hint="For example: dj.FreeTable(dj.conn(), 'schema.table').",
            )
        connection = cast("Connection", connection)
        full_table_name = cast("str | TableName", full_table_name)
        name = full_table_name if isinstance(full_table_name, TableName) else read_name(full_table_name)
        self._binding = Binding(connection, name)

    def __repr__(self) -> str:
        return f"FreeTable({self.name})\n{super().__repr__()}"


def _is(value: object, kind: Any) -> bool:
    return isinstance(value, kind)
