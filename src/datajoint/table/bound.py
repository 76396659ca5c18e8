"""Common base of tables: the connection and the name that a class is bound to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from types import MappingProxyType
from typing import Any, Protocol

from datajoint.algebra.plans import hidden
from datajoint.algebra.plans.nodes import Query, Source
from datajoint.declare import describe
from datajoint.declare.spec import TableSpec
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError
from datajoint.heading.names import TableName
from datajoint.query.base import Queried
from datajoint.query.expression import QueryExpression
from datajoint.query.rows import Fetchable
from datajoint.sql.system import EVENTS
from datajoint.table.meta import TableMeta, class_level

__all__ = ["Binding", "BoundTable", "Redefine"]


class Redefine(Protocol):
    """Reads the definition of a class again."""

    def __call__(
        self, context: Mapping[str, Any] | None, pending: MutableMapping[TableName, TableSpec] | None = None
    ) -> TableSpec:
        """Return the table as the class defines it.

        Parameters
        ----------
        context
            Names that are looked up before those that the class was declared with.
        pending
            Tables that are not in the database as they will be: references find them here.
        """
        ...


class_level(Queried)
class_level(Fetchable)
class_level(QueryExpression)


class Binding:
    """A table of a connection."""

    __slots__ = ("_query", "_version", "attach", "connection", "name", "redefine")

    def __init__(self, connection: Connection, name: TableName) -> None:
        self.connection = connection
        self.name = name
        self.redefine: Redefine | None = None
        """Reads the definition of the class again; None where the database alone defines the table."""
        self.attach: Callable[[], None] | None = None
        """Attaches the class again, which declares what is missing; None for parts and without a class."""
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


@class_level
class BoundTable(QueryExpression, metaclass=TableMeta):
    """A table of a connection, and what its class declares about it.

    The classes that insert, update and delete build on it; `datajoint.table.table.Table` joins them.
    """

    _binding: Binding | None = None

    definition: Any = None
    """Definition text of the table."""

    checks: Any = ()
    """Rules that rows keep: a list of `datajoint.Check`."""

    min_parts: Mapping[str, int] = MappingProxyType({})
    """Least number of rows of parts that each row has, such as ``{"Cell": 1}``: with fewer it is refused."""

    @property
    def binding(self) -> Binding:
        """Connection and name of the table.

        Raises
        ------
        DataJointError
            When the class is not attached to an activated schema (TAB-16).
        """
        if self._binding is None:
            raise DataJointError(
                f"Class `{type(self).__name__}` is not attached to a schema.",
                hint="Decorate it with @schema, schema = dj.Schema('name'); activate a deferred one first.",
            )
        return self._binding

    @property
    def query(self) -> Query:
        """Plan and values: the whole table, or what it was restricted to."""
        query = self._query
        return (self._binding or self.binding).query if query is None else query

    @property
    def connection(self) -> Connection:
        """The connection of the schema."""
        return (self._binding or self.binding).connection

    @property
    def name(self) -> TableName:
        """Schema and table name."""
        return self.binding.name

    @property
    def spec(self) -> TableSpec:
        """The table as the database has it."""
        return self.binding.spec

    @property
    def table_name(self) -> str:
        """Name of the table in its schema, with the prefix of the tier."""
        return self.binding.name.name

    @property
    def database(self) -> str:
        """Name of the schema."""
        return self.binding.name.schema

    @property
    def full_table_name(self) -> str:
        """Quoted name for use in SQL on this database."""
        return self.connection.dialect.table(self.binding.name)

    @property
    def class_name(self) -> str:
        """Name of the class: ``Session`` or ``Session.Trial``."""
        return self.binding.name.class_name

    @property
    def is_declared(self) -> bool:
        """Whether the table exists in the database."""
        return self.connection.catalog.find(self.binding.name) is not None

    @property
    def is_restricted(self) -> bool:
        """Whether this stands for a part of the table only."""
        return self._query is not None and self._query.plan is not self.binding.source

    def describe(self, printout: bool = False, *, context: Any = None) -> str:
        """Return the definition of the table as the database has it (DEF-26).

        Parameters
        ----------
        printout
            Print it, too.
        context
            Not needed: names come from the database. Older code gives it.
        """
        text = describe.describe(self.spec, self._reference_name)
        if printout:
            print(text)  # noqa: T201 - asked for
        return text

    def _dated(self) -> QueryExpression:
        """Return the key of the rows with `WRITTEN`, the event that wrote each."""
        return self._derived(hidden.dated(self.query, f"{self.database}.{EVENTS}.event"))

    def _sibling(self, name: TableName) -> BoundTable:
        """Return another table of the connection, without its class."""
        table = BoundTable()
        table._binding = Binding(self.connection, name)
        return table

    def _reference_name(self, name: TableName) -> str:
        return name.class_name if name.schema == self.database else f"{name.schema}.{name.class_name}"
