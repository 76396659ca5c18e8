"""The universal set `U`: grouping by any attributes."""

from __future__ import annotations

from typing import Any

from datajoint._edge import edge
from datajoint.algebra.plans import build
from datajoint.errors import QueryError
from datajoint.query.expression import QueryExpression, as_expression
from datajoint.query.operand import is_universal

__all__ = ["U"]


@edge
class U:
    """All possible values of the named attributes.

    ``U("a", "b") & A`` gives the distinct combinations in A; ``U("a").aggr(A, n="count(*)")`` groups by them;
    ``U().aggr(A, …)`` is one row for all of A (QRY-50 … 55).

    Examples
    --------
    >>> U("species")
    U('species')
    """

    is_universal = True

    def __init__(self, *primary_key: Any) -> None:
        for name in primary_key:
            if not isinstance(name, str):
                raise QueryError(f"dj.U takes names of attributes, not {name!r}.")
        self.primary_key = list(primary_key)

    def __and__(self, other: Any) -> QueryExpression:
        if is_universal(other):
            raise QueryError(
                "dj.U cannot be restricted by dj.U.", hint="Restrict it by a table or expression."
            )
        expression = as_expression(other, "used to restrict U by")
        return QueryExpression._of(
            build.distinct(expression.query, tuple(self.primary_key)), expression.connection
        )

    restrict = __and__

    def aggr(self, group: Any, **named_attributes: Any) -> QueryExpression:
        """Aggregate per distinct combination of the attributes.

        Parameters
        ----------
        group
            Expression whose rows are aggregated.
        **named_attributes
            ``name="aggregate expression"``.
        """
        if named_attributes.pop("exclude_nonmatching", True) is False:
            raise QueryError(
                "dj.U has no rows without a match: exclude_nonmatching=False is not possible.",
                hint="Aggregate from a table that lists all groups: T.aggr(group, ...).",
            )
        expression = as_expression(group, "aggregated over")
        query = build.group_by(
            expression.query, tuple(self.primary_key), named_attributes, expression.connection.dialect.name
        )
        expression.connection.catalog.know(named_attributes)
        return QueryExpression._of(query, expression.connection)

    aggregate = aggr

    def join(self, other: Any, **_: Any) -> None:
        """Refuse: the universal set has no rows to join."""
        raise QueryError("dj.U cannot be joined.", hint="Use dj.U(...) & A for distinct values.")

    __mul__ = join

    def __sub__(self, other: Any) -> None:
        raise QueryError(
            "Nothing can be subtracted from dj.U: it is infinite.",
            hint="Subtract from a table or expression.",
        )

    def __add__(self, other: Any) -> None:
        raise QueryError("dj.U cannot be united.", hint="Unite tables or expressions.")

    def proj(self, *_: Any, **__: Any) -> None:
        """Refuse: the universal set has no attributes but its own."""
        raise QueryError("dj.U cannot be projected.", hint="Use dj.U(...) & A.")

    def __repr__(self) -> str:
        return f"U({', '.join(map(repr, self.primary_key))})"
