"""Events as query expressions: user, time, host and code of each write."""

from __future__ import annotations

from datajoint.algebra.plans.hidden import WRITTEN
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import MissingTableError
from datajoint.heading.names import TableName
from datajoint.query.expression import QueryExpression
from datajoint.sql.system import CODE, ENVIRONMENTS, EVENTS
from datajoint.table.table import Table

__all__ = ["code_of", "environments_of", "events_of", "events_of_rows", "events_of_table"]


def events_of(connection: Connection, schema: str) -> QueryExpression:
    """Return the events of a schema.

    Raises
    ------
    MissingTableError
        When none are kept.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> len(events_of(schema.connection, "lab"))
    0
    """
    return _system_table(connection, TableName(schema, EVENTS), "Events are recorded once they are on.")


def code_of(connection: Connection, schema: str) -> QueryExpression:
    """Return the code that makes of a schema ran."""
    return _system_table(connection, TableName(schema, CODE), "Code is recorded by the first populate.")


def environments_of(connection: Connection, schema: str) -> QueryExpression:
    """Return the environments that makes of a schema ran in."""
    hint = "Environments are recorded by the first populate."
    return _system_table(connection, TableName(schema, ENVIRONMENTS), hint)


def events_of_table(table: Table) -> QueryExpression:
    """Return all events of a table, those that took rows away too."""
    return events_of(table.connection, table.database) & {"table_name": table.table_name[:64]}


def events_of_rows(table: Table) -> QueryExpression:
    """Return the rows of a table, each with the event that wrote it; rows of unknown origin are not there."""
    events = events_of(table.connection, table.database)
    own = "event_event" if "event" in table.heading.key else "event"
    taken = [name for name in events.heading.names if name != "event" and name in table.heading]
    renamed = {f"event_{name}": name for name in taken} | ({} if own == "event" else {own: "event"})
    return table._dated().proj(**{own: WRITTEN}) * events.proj(..., **renamed)


def _system_table(connection: Connection, name: TableName, hint: str) -> QueryExpression:
    if connection.catalog.look(name) is None:
        raise MissingTableError(f"Schema `{name.schema}` has no table `{name.name}`.", hint=hint)
    return QueryExpression._of(Query(connection.catalog.source(name)), connection)
