"""Rows that a make has written to the tables listed in `writes` of its class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import unobserved
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.query.universal import U
from datajoint.sql.system import EVENTS
from datajoint.table.declared import writes_of

if TYPE_CHECKING:
    from datajoint.table.bound import BoundTable

__all__ = ["makers_of", "tables_that_write", "written_tables", "written_with"]


def written_tables(table: BoundTable) -> tuple[TableName, ...]:
    """Return the tables that a class lists in `writes`, and their parts, parents first.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> written_tables(Subject())
    ()
    """
    listed = writes_of(table)
    if not listed:
        return ()
    graph = table.connection.catalog.load_family(table.database)
    parts = [part for name in listed for part in graph.parts(name)]
    known = [name for name in {*listed, *parts} if name in graph.specs]
    return (*graph.sorted(known), *sorted({*listed} - {*known}, key=str))


def written_with(table: BoundTable) -> dict[TableName, Any]:
    """Return, for some rows of a computed table, the rows of other tables that their makes wrote.

    Rows that were written again since, by hand or by another make, are not among them.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> written_with(Subject())
    {}
    """
    names = written_tables(table)
    return {name: _written(table, table._sibling(name)) for name in names if _is_dated(table, name)}


def _is_dated(table: BoundTable, name: TableName) -> bool:
    """Whether rows of two tables name the events that wrote them."""
    catalog = table.connection.catalog
    events = catalog.look(TableName(name.schema, EVENTS))
    return events is not None and all(
        "_event" in catalog.source(n).heading.hidden for n in (table.name, name)
    )


def _written(table: BoundTable, other: BoundTable) -> BoundTable:
    events = _events(other.connection, other.database) & {"table_name": other.table_name[:64]}
    makes = (U(WRITTEN) & table._dated()).proj(parent=WRITTEN)
    steps = events.restrict(makes, semantic_check=False).proj(**{WRITTEN: "event"})
    rows = other._dated().restrict(U(WRITTEN) & steps, semantic_check=False)
    return other.restrict(rows.proj(), semantic_check=False)


def _events(connection: Connection, schema: str) -> QueryExpression:
    return QueryExpression._of(Query(connection.catalog.source(TableName(schema, EVENTS))), connection)


def makers_of(connection: Connection, name: TableName) -> Iterator[Any]:
    """Yield the computed tables whose classes list a table, or its master, in `writes`.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> list(makers_of(schema.connection, TableName("lab", "subject")))
    []
    """
    for table in tables_that_write(connection):
        with unobserved():
            listed = writes_of(table)
        if table.name != name and not listed.isdisjoint({name, name.master or name}):
            yield table


def tables_that_write(connection: Connection) -> Iterator[Any]:
    """Yield the tables of a connection whose classes list others in `writes`.

    Examples
    --------
    >>> import datajoint as dj
    >>> list(tables_that_write(dj.Instance(backend="sqlite", database__name=":memory:").connection))
    []
    """
    todo, seen = [QueryExpression], {QueryExpression}
    while todo:
        cls: Any = todo.pop()
        todo += [one for one in cls.__subclasses__() if one not in seen]
        seen.update(todo)
        binding = cls.__dict__.get("_binding")
        if binding is not None and binding.connection is connection and getattr(cls, "writes", None):
            yield cls()
