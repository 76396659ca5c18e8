"""What ties a class to its table: a connection and a name, set once."""

from __future__ import annotations

from datajoint.algebra.plans.nodes import Query, Source
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName

__all__ = ["Binding"]


class Binding:
    """A table of a connection."""

    __slots__ = ("_query", "_version", "connection", "name")

    def __init__(self, connection: Connection, name: TableName) -> None:
        self.connection = connection
        self.name = name
        self._version = -1
        self._query: Query | None = None

    @property
    def query(self) -> Query:
        """The whole table as a query; the same object until the catalog changes."""
        version = self.connection.catalog.version
        if self._query is None or self._version != version:
            self._query = Query(self.source)
            self._version = version
        return self._query

    @property
    def spec(self) -> TableSpec:
        """The table as the database has it."""
        return self.connection.catalog.spec(self.name)

    @property
    def source(self) -> Source:
        """The plan of the whole table."""
        return self.connection.catalog.source(self.name)
