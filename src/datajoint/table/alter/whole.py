"""All rows of a table, as a query."""

from __future__ import annotations

from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression

__all__ = ["all_rows"]


def all_rows(connection: Connection, name: TableName) -> QueryExpression:
    """Return the rows of a table, whatever class it may have."""
    return QueryExpression._of(Query(connection.catalog.source(name)), connection)
