"""UPDATE statements over the rows of a query."""

from __future__ import annotations

from collections.abc import Sequence

from datajoint.algebra.plans.nodes import Plan, Restrict, Source
from datajoint.backends.base import Dialect
from datajoint.sql.dml import Column
from datajoint.sql.select import write_condition
from datajoint.sql.statement import Statement, assemble

__all__ = ["update_rows"]


def update_rows(
    plan: Plan, columns: Sequence[Column], fixed: Sequence[tuple[str, str]], dialect: Dialect
) -> Statement:
    """Return the UPDATE of the rows of a table, or of those that fulfil a condition on their own attributes.

    Its parameters are the new values, then those that `bind` gives.

    Parameters
    ----------
    columns
        Columns that take a parameter.
    fixed
        Columns that take an expression.

    Examples
    --------
    >>> from datajoint.backends.registry import get_backend
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> from datajoint.heading.types import parse_type
    >>> table = Source(TableName("lab", "a"), Heading([]))
    >>> update_rows(table, [("x", parse_type("int8"))], [("y", "NULL")], get_backend("sqlite").dialect).text
    'UPDATE "lab.a" SET "x" = ?, "y" = NULL'
    """
    source = plan.operand if isinstance(plan, Restrict) else plan
    if not isinstance(source, Source):
        raise TypeError(f"rows of one table are updated, not of {plan!r}")
    table, escape = dialect.table(source.name), dialect.escape
    assigned = [
        escape(f"{dialect.quote(name)} = ") + dialect.write(dtype, dialect.parameter(n, dtype))
        for n, (name, dtype) in enumerate(columns, 1)
    ]
    assigned += [escape(f"{dialect.quote(name)} = {expression}") for name, expression in fixed]
    where = assemble(write_condition(plan, dialect, table), dialect, len(columns))
    return Statement(f"{escape(f'UPDATE {table} SET ')}{', '.join(assigned)}{where.text}", where.bind)
