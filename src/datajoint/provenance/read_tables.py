"""Tables that the latest makes of a table have read."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.engine.observe import tables_of
from datajoint.heading.names import TableName
from datajoint.journal.reads.recording import BLIND, NOTHING
from datajoint.provenance.reuse import kept_shape, rows_of
from datajoint.query.expression import QueryExpression
from datajoint.sql.system import EVENTS
from datajoint.sql.system_tables.reads import READS

__all__ = ["recorded_tables"]

_KINDS = ("make", "confirm", "reuse")
_LATEST = 50
"""Makes of which the reads are looked at."""


def recorded_tables(
    connection: Connection, name: TableName, more: Sequence[int] = ()
) -> frozenset[TableName]:  # fmt: skip
    """Return the tables that the latest makes of a table have read, as far as that is recorded.

    Parameters
    ----------
    more
        Further events whose reads count.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> recorded_tables(schema.connection, TableName("lab", "__fit"))
    frozenset()
    """
    schema = name.schema
    if any(connection.catalog.find(TableName(schema, one)) is None for one in (EVENTS, READS)):
        return frozenset()
    source = connection.catalog.source(TableName(schema, EVENTS))
    made = QueryExpression._of(Query(source), connection) & {"table_name": name.name[:64]}
    made &= [{"kind": kind} for kind in _KINDS]
    events = [*made.to_arrays("event", order_by="finished DESC", limit=_LATEST).tolist(), *more]
    shapes = {row["shape"] for row in rows_of(connection, schema, READS, "event", events, ("shape",))}
    found: set[TableName] = set()
    for digest in shapes - {NOTHING, *BLIND}:
        shape = kept_shape(connection, schema, digest)
        found |= tables_of(shape.plan) if shape is not None else frozenset[TableName]()
    return frozenset(found)
