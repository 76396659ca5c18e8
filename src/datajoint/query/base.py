"""What every query has: a plan with its values, a connection, a heading, and its SQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.heading.heading import Heading
from datajoint.query import fetch, where

if TYPE_CHECKING:
    from datajoint.query.restriction import AndList

__all__ = ["Queried"]


class Queried:
    """A plan with its values on a connection, which nothing changes."""

    _query: Query | None = None
    _connection: Connection | None = None

    @property
    def query(self) -> Query:
        """Plan and values of the expression."""
        return self._query  # type: ignore[return-value] # pyright: ignore[reportReturnType] - given by `_of`

    @property
    def connection(self) -> Connection:
        """The connection that answers."""
        return self._connection  # type: ignore[return-value] # pyright: ignore[reportReturnType] - given by `_of`

    @property
    def heading(self) -> Heading:
        """Attributes of the rows."""
        return self.query.plan.heading

    @property
    def primary_key(self) -> list[str]:
        """Names of the key attributes."""
        return self.heading.primary_key

    def make_sql(self, fields: Iterable[str] | None = None) -> str:
        """Return the SELECT of the expression without running it (QRY-5).

        Parameters
        ----------
        fields
            Attributes to select; default is all.
        """
        names = () if fields is None else tuple(fields)
        return fetch.compiled(self.query.plan, self.connection, names)[0].text

    @property
    def restriction(self) -> AndList:
        """The conditions that the expression was restricted by, as texts that restrict to the same rows.

        A condition by another query is SQL of this database: to show, not to restrict by again.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> (Subject & {"subject_id": 1} & "subject_id < 5").restriction
        AndList(['`subject_id`=1', 'subject_id < 5'])
        """
        return where.restriction(self.query, self.connection)

    @property
    def restriction_attributes(self) -> set[str]:
        """Names of the attributes that the restriction uses."""
        return where.names(self.query)

    def where_clause(self) -> str:
        """Return the restriction as the WHERE of a statement; "" where there is none."""
        return where.clause(self.query, self.connection)

    @property
    def _backend(self) -> str:
        return self.connection.dialect.name

    def _remark(self) -> str:
        """Return what else is known of the rows, for a preview."""
        return ""
