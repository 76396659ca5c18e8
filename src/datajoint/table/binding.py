"""What ties a class to its table: a connection and a name, set once."""

from __future__ import annotations

from datajoint.algebra.nodes import Source
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName

__all__ = ["Binding"]


class Binding:
    """A table of a connection."""

    __slots__ = ("connection", "name")

    def __init__(self, connection: Connection, name: TableName) -> None:
        self.connection = connection
        self.name = name

    @property
    def spec(self) -> TableSpec:
        """The table as the database has it."""
        return self.connection.catalog.spec(self.name)

    @property
    def source(self) -> Source:
        """The plan of the whole table."""
        return self.connection.catalog.source(self.name)
