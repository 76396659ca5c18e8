"""DELETE statements over the rows of a query."""

from __future__ import annotations

from datajoint.algebra.nodes import Plan, Restrict, Source
from datajoint.backends.base import Dialect
from datajoint.sql.select import write_tail
from datajoint.sql.statement import Statement, assemble

__all__ = ["delete_rows"]


def delete_rows(plan: Plan, dialect: Dialect) -> Statement:
    """Return the DELETE of the rows of a table, or of those that fulfil a condition.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> delete_rows(Source(TableName("lab", "a"), Heading([])), get_backend("postgresql").dialect).text
    'DELETE FROM "lab"."a" AS t1'
    """
    assert isinstance(plan, Source) or (isinstance(plan, Restrict) and isinstance(plan.operand, Source))
    alias, tail = write_tail(plan, dialect)
    # MySQL before 8.0.16 and MariaDB before 11.6 know an alias in this form only, and may use indexes of both sides.
    head = f"DELETE {alias}" if dialect.name == "mysql" else "DELETE"
    return assemble([head, *tail], dialect)
