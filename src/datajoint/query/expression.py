"""Query expressions: the algebra as its users see it."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any, Never, NoReturn, Self, cast

from datajoint import logging
from datajoint._edge import is_ours
from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import Query
from datajoint.engine.connection import Connection
from datajoint.errors import DataJointError, DataJointWarning, QueryError
from datajoint.heading.keys import Semantic
from datajoint.query import along, misplaced, preview
from datajoint.query.operand import check_connection, is_universal, matched, quick, restrict as restrict_query
from datajoint.query.rows import Fetchable

__all__ = ["QueryExpression", "as_expression"]

_QUICK = (str, dict)
_COUNT_ALL = re.compile(r"\bcount\s*\(\s*\*\s*\)", re.IGNORECASE)


class QueryExpression(Fetchable):
    """A query: a value that knows its heading, and gives its rows when asked.

    Operators return new expressions and run nothing: ``&`` and ``-`` restrict, ``*`` joins, ``+`` unites.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = '''
    ...     subject_id : int32
    ...     ---
    ...     species : varchar(20)
    ...     '''
    >>> Subject.insert([{"subject_id": 1, "species": "mouse"}, {"subject_id": 2, "species": "rat"}])
    >>> (Subject & {"species": "rat"}).fetch1("subject_id")
    2
    """

    @classmethod
    def _of(cls, query: Query, connection: Connection) -> QueryExpression:
        expression = QueryExpression.__new__(QueryExpression)
        expression._query = query
        expression._connection = connection
        return expression

    # --------------------------------------------------------------------------------------- what it is

    if not TYPE_CHECKING:  # else any name would do for a type checker

        def __getattr__(self, name: str) -> Any:
            """Say what to do about methods that only tables have."""
            if any(name in kind.__dict__ for kind in type(self).__mro__):
                return object.__getattribute__(self, name)  # a property that failed fails again, as itself
            raise misplaced.error(self, name, advise=not is_ours(sys._getframe(1)))

        @classmethod
        def __class_getitem__(cls, name: object) -> Any:
            raise misplaced.subscripted(cls.__name__, name)

        def __or__(self, other: Any) -> Any:
            if isinstance(other, QueryExpression) or _is_table(other):
                raise QueryError("There is no operator | of queries.", hint="The union is A + B.")
            return NotImplemented

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self  # it never changes

    def _derived(self, query: Query) -> QueryExpression:
        return QueryExpression._of(query, self.connection)

    def _restricted(self, query: Query) -> Self:
        """Return the same kind of expression with another query: methods of the user's class stay at hand."""
        result = object.__new__(type(self))
        if own := self.__dict__:  # a table as it is has nothing of its own
            result.__dict__.update(own)
        result._query = query
        return result

    # -------------------------------------------------------------------------------------- restriction

    def restrict(self, restriction: Any, semantic_check: bool = True) -> Self:
        """Return the rows that fulfil a condition; ``A & c`` is the same.

        Parameters
        ----------
        restriction
            Text, dict, expression, list (or), `AndList`, `Not`, `Top`, bool, array or frame of keys.
        semantic_check
            False matches all shared names whatever their lineage (LIN-4).
        """
        query = quick(self.query, restriction, self.connection) if type(restriction) in _QUICK else None  # pyright: ignore[reportUnknownArgumentType]
        if query is None:
            query = restrict_query(self.query, restriction, self.connection, semantic_check)
        return self._restricted(query)

    def restrict_along(self, other: Any, via: Any = None) -> Self:
        """Return the rows that belong to rows of another table, any number of references away.

        Foreign keys are followed by the shortest path: straight up to an ancestor or down to a descendant;
        where there is none, up to a common ancestor and down, or down to a common descendant and up. They are
        followed exactly, through renamed and secondary references, whatever attributes the tables share.

        Parameters
        ----------
        other
            The other table, restricted, projected or aggregated.
        via
            What the path leads through: a table or its name, an attribute of a reference, or a list of these.

        Raises
        ------
        QueryError
            When there is no path, or more than one shortest path: then all of them are listed.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Person(dj.Manual):
        ...     definition = '''
        ...     person : varchar(20)
        ...     ---
        ...     city : varchar(20)
        ...     '''
        >>> @schema
        ... class Session(dj.Manual):
        ...     definition = '''
        ...     session : int32
        ...     ---
        ...     -> Person.proj(experimenter='person')
        ...     '''
        >>> @schema
        ... class Trial(dj.Manual):
        ...     definition = '''
        ...     -> Session
        ...     trial : int32
        ...     '''
        >>> Person.insert([{"person": "ann", "city": "Bonn"}, {"person": "bob", "city": "Rome"}])
        >>> Session.insert([{"session": 1, "experimenter": "ann"}, {"session": 2, "experimenter": "bob"}])
        >>> Trial.insert([{"session": n, "trial": 1} for n in (1, 2)])
        >>> Trial.restrict_along(Person & {"city": "Rome"}).keys()
        [{'session': 2, 'trial': 1}]
        >>> Person.restrict_along(Trial & {"session": 1}).keys()
        [{'person': 'ann'}]
        """
        other = self._operand(other, "restricted along foreign keys by")
        return self._restricted(along.restrict_along(self.query, other.query, self.connection, via))

    def __and__(self, restriction: Any) -> Self:
        return self.restrict(restriction)

    def __sub__(self, restriction: Any) -> Self:
        return self._restricted(restrict_query(self.query, restriction, self.connection, negated=True))

    def __xor__(self, other: Never) -> NoReturn:
        raise DataJointError("There is no operator ^.", hint="Use A.restrict(B, semantic_check=False).")

    def __matmul__(self, other: Never) -> NoReturn:
        raise DataJointError("There is no operator @.", hint="Use A.join(B, semantic_check=False).")

    def _operand(self, operand: Any, purpose: str) -> QueryExpression:
        other = operand if isinstance(operand, QueryExpression) else as_expression(operand, purpose)
        check_connection(other, self.connection)
        return other

    # -------------------------------------------------------------------------- projection, join, union

    def proj(self, *attributes: Any, **named_attributes: Any) -> QueryExpression:
        """Choose, rename and compute attributes; the key always stays (QRY-27 … 29).

        Parameters
        ----------
        *attributes
            Names to keep, ``...`` for all, ``"-name"`` to leave one out.
        **named_attributes
            ``new="old"`` renames, ``new="(old)"`` duplicates, ``new="expression"`` computes.
        """
        query = build.project(self.query, attributes, named_attributes, self._backend)
        if named_attributes:
            self.connection.catalog.know(named_attributes)
        return self._derived(query)

    def join(
        self,
        other: Any,
        semantic_check: bool = True,
        left: bool = False,
        allow_nullable_pk: bool = False,
        outer: bool = False,
    ) -> QueryExpression:
        """Pair the rows equal on all shared attributes; ``A * B`` is the same (QRY-30 … 36).

        Parameters
        ----------
        semantic_check
            False matches all shared names whatever their lineage.
        left
            Keep every row of the left operand.
        allow_nullable_pk
            Allow a left join in which the left operand does not determine the right one; the key is that of
            both, and may be NULL.
        outer
            Keep every row of both operands; the key is that of both, and may be NULL.

        Examples
        --------
        >>> import datajoint as dj
        >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
        >>> @schema
        ... class Subject(dj.Manual):
        ...     definition = "subject_id : int32"
        >>> @schema
        ... class Weight(dj.Manual):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     weight : float64
        ...     '''
        >>> @schema
        ... class Cage(dj.Manual):
        ...     definition = '''
        ...     -> Subject
        ...     ---
        ...     cage : int16
        ...     '''
        >>> Subject.insert([{"subject_id": 1}, {"subject_id": 2}])
        >>> Weight.insert1({"subject_id": 1, "weight": 20.5})
        >>> Cage.insert1({"subject_id": 2, "cage": 7})
        >>> for row in Weight.join(Cage, outer=True).to_dicts(order_by="KEY"):
        ...     print(row)
        {'subject_id': 1, 'weight': 20.5, 'cage': None}
        {'subject_id': 2, 'weight': None, 'cage': 7}
        """
        other = self._operand(other, "joined with")
        if left and outer:
            raise QueryError("A join is left or outer, not both.", hint="outer=True keeps every row of both.")
        kind = "outer" if outer else "left" if left else "inner"

        def combine(one: Query, two: Query, semantic: Semantic) -> Query:
            return build.join(one, two, kind, semantic, allow_nullable_pk)

        return self._derived(matched(combine, self.query, other.query, self.connection, semantic_check))

    def __mul__(self, other: Any) -> QueryExpression:
        return self.join(other)

    def extend(self, other: Any, semantic_check: bool = True) -> QueryExpression:
        """Add the attributes of an expression that this one determines; every row stays (QRY-35)."""
        other = self._operand(other, "extended by")
        return self.join(other, semantic_check, left=True)

    def __add__(self, other: Any) -> QueryExpression:
        other = self._operand(other, "united with")
        return self._derived(matched(build.union, self.query, other.query, self.connection))

    def aggr(
        self,
        group: Any,
        *attributes: Any,
        exclude_nonmatching: bool = False,
        keep_all_rows: bool | None = None,
        **named: Any,
    ) -> QueryExpression:
        """Aggregate the rows of another expression per row of this one (QRY-39 … 43).

        Parameters
        ----------
        group
            Expression that contains the key of this one.
        *attributes
            Attributes of this expression to keep beside the key.
        exclude_nonmatching
            Leave out rows without a match.
        **named
            ``name="aggregate expression"``, for example ``n="count(session)"``.
        """
        group = self._operand(group, "aggregated over")
        keep = not exclude_nonmatching if keep_all_rows is None else keep_all_rows

        def combine(one: Query, two: Query, semantic: Semantic) -> Query:
            return build.aggregate(one, two, attributes, named, keep, self._backend, semantic)

        query = matched(combine, self.query, group.query, self.connection)
        if keep and any(isinstance(text, str) and _COUNT_ALL.search(text) for text in named.values()):
            logging.warn(
                "count(*) is 1 for rows without a match: count an attribute of the group expression instead, "
                "for example count(" + next(iter(group.heading.order), "attribute") + ").",
                DataJointWarning,
            )
        self.connection.catalog.know(named)
        return self._derived(query)

    aggregate = aggr

    def __contains__(self, item: Any) -> bool:
        return bool(self & item)

    # ------------------------------------------------------------------------------------------ display

    def preview(self, limit: int | None = None, width: int | None = None) -> str:
        """Return the text table of the first rows in key order."""
        return preview.as_text(self, limit, width)

    def __repr__(self) -> str:
        return self.preview()

    def _repr_html_(self) -> str:
        return preview.as_html(self)


def _is_table(given: object) -> bool:
    return isinstance(given, type) and issubclass(given, QueryExpression)


def as_expression(operand: Any, purpose: str) -> QueryExpression:
    """Return an operand as an expression, a class as its instance.

    Raises
    ------
    QueryError
        When it is neither.
    """
    given = operand
    if isinstance(operand, type) and issubclass(operand, QueryExpression):
        given = cast("Any", operand)()
    if isinstance(given, QueryExpression):
        return given
    if is_universal(given):
        raise QueryError(
            f"An expression cannot be {purpose} dj.U.", hint="Use dj.U(...) & A, or dj.U(...).aggr(A, ...)."
        )
    raise QueryError(f"An expression cannot be {purpose} {type(given).__name__}: {given!r:.60}.",
                     hint="Give a table or another expression.")  # fmt: skip
