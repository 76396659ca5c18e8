"""DELETE statements over the rows of a query."""

from __future__ import annotations

from datajoint.algebra.plans.nodes import Plan, Restrict, Source
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
    'DELETE FROM "lab"."a"'
    """
    source = plan.operand if isinstance(plan, Restrict) else plan
    if not isinstance(source, Source):
        raise TypeError(f"rows of one table are deleted, not of {plan!r}")
    name = source.name
    table = dialect.table(name)
    if dialect.name != "mysql":
        return assemble(["DELETE", *write_tail(plan, dialect, table)], dialect)
    # The form for several tables may use the indexes of both sides; an alias in it needs a default database.
    return assemble([f"DELETE {table}", *write_tail(plan, dialect, dialect.quote(name.name))], dialect)
