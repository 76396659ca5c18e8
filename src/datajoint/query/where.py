"""Conditions as text, as older code passes them on: `make_condition`, `restriction`, `where_clause`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from numbers import Number
from typing import Any

from datajoint.algebra.plans.nodes import (
    All,
    Any_,
    Condition,
    Const,
    Equals,
    InValues,
    IsNull,
    Matches,
    Not,
    Query,
    Restrict,
    Text,
)
from datajoint.engine.connection import Connection
from datajoint.query import operand as operands
from datajoint.query.restriction import AndList
from datajoint.sql.select import select_keys
from datajoint.sql.statement import Slot

__all__ = ["clause", "make_condition", "names", "restriction"]

_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\?")


def make_condition(query_expression: Any, condition: Any, columns: set[str]) -> str | bool:
    """Return a condition as text, or True or False where it keeps all rows or none.

    Parameters
    ----------
    query_expression
        The table or query that is to be restricted.
    condition
        Anything that restricts.
    columns
        A set, to which the names of the attributes are added that the condition uses.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> used = set()
    >>> make_condition(Subject, [{"subject_id": 1}, "subject_id > 5"], used), used
    ('(`subject_id`=1) OR (subject_id > 5)', {'subject_id'})
    """
    expression = query_expression() if isinstance(query_expression, type) else query_expression
    found, values = operands.condition(expression.query, condition, expression.connection)
    columns.update(_names(found))
    return _Texts(expression.connection).text(found, values)


def restriction(query: Query, connection: Connection) -> AndList:
    """Return the conditions that a query was restricted by, as texts that restrict to the same rows.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> restriction((Subject & {"subject_id": 1}).query, schema.connection)
    AndList(['`subject_id`=1'])
    """
    texts = _Texts(connection)
    return AndList([texts.text(*step) for step in _steps(query)])


def names(query: Query) -> set[str]:
    """Return the names of the attributes that a query was restricted by.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> names((Subject & {"subject_id": 1}).query)
    {'subject_id'}
    """
    return {name for condition, _ in _steps(query) for name in _names(condition)}


def clause(query: Query, connection: Connection) -> str:
    """Return what a query was restricted by as the WHERE of a statement; "" where there is nothing.

    Examples
    --------
    >>> import datajoint as dj
    >>> schema = dj.Instance(backend="sqlite", database__name=":memory:").Schema("lab")
    >>> @schema
    ... class Subject(dj.Manual):
    ...     definition = "subject_id : int32"
    >>> clause((Subject & {"subject_id": 1}).query, schema.connection)
    ' WHERE (`subject_id`=1)'
    """
    terms = [f"({_as_sql(term)})" for term in restriction(query, connection) if term is not True]
    return " WHERE " + "AND".join(terms) if terms else ""


def _steps(query: Query) -> list[tuple[Condition, Sequence[Any]]]:
    """Return the conditions on top of a plan with their values, in the order in which they were written."""
    steps: list[tuple[Condition, Sequence[Any]]] = []
    plan, values = query.plan, query.values
    while isinstance(plan, Restrict):
        arity = plan.operand.arity
        steps.append((plan.condition, values[arity : plan.arity]))
        plan = plan.operand
    return [term for condition, given in reversed(steps) for term in _terms(condition, given)]


def _terms(condition: Condition, values: Sequence[Any]) -> Iterator[tuple[Condition, Sequence[Any]]]:
    """Give the conditions that all must hold, one by one; those of a dict belong together."""
    if isinstance(condition, All) and not all(isinstance(term, Equals | IsNull) for term in condition.terms):
        start = 0
        for term in condition.terms:
            yield from _terms(term, values[start : start + term.arity])
            start += term.arity
    else:
        yield condition, values


def _names(condition: Condition) -> Iterator[str]:
    """Give the names of the attributes that a condition uses."""
    match condition:
        case Equals(name) | IsNull(name):
            yield name
        case InValues(names) | Matches(_, names):
            yield from names
        case Text(fragment):
            yield from fragment.names
        case All(terms) | Any_(terms):
            for term in terms:
                yield from _names(term)
        case Not(term):
            yield from _names(term)
        case _:
            pass


class _Texts:
    """Writes conditions in the language of restrictions, values included."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def text(self, condition: Condition, values: Sequence[Any]) -> str | bool:
        match condition:
            case Const(value):
                return value
            case Equals(name):
                return f"{_quoted(name)}={_literal(values[0])}"
            case IsNull(name):
                return f"{_quoted(name)} IS NULL"
            case InValues(names):
                return self.listed(names, values[0])
            case Text(fragment):
                return _filled(fragment.text, values)
            case Matches():
                return self.matching(condition, values)
            case All(terms) | Any_(terms):
                return self.several(isinstance(condition, All), terms, values)
            case Not(term):
                found = self.text(term, values)
                return not found if isinstance(found, bool) else f"NOT ({found})"
            case _:
                raise TypeError(type(condition).__name__)

    def several(self, every: bool, terms: Sequence[Condition], values: Sequence[Any]) -> str | bool:
        texts: list[str] = []
        start = 0
        for term in terms:
            found = self.text(term, values[start : start + term.arity])
            start += term.arity
            if isinstance(found, str):
                texts.append(found)
            elif found is not every:
                return found  # one that is false among those that all must hold, or the reverse
        if len(texts) < 2:
            return texts[0] if texts else every
        return (" AND " if every else " OR ").join(f"({text})" for text in texts)

    def listed(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> str | bool:
        if not rows:
            return False
        if len(names) == 1:
            return f"{_quoted(names[0])} IN ({', '.join(_literal(row[0]) for row in rows)})"
        return " OR ".join(
            "(" + " AND ".join(f"{_quoted(n)}={_literal(v)}" for n, v in zip(names, row, strict=True)) + ")"
            for row in rows
        )

    def matching(self, condition: Matches, values: Sequence[Any]) -> str:
        """Write a condition by a query, in the SQL of the database."""
        dialect = self.connection.dialect
        pieces = select_keys(condition.plan, condition.on, dialect) if condition.on else []
        query = "".join(self.piece(piece, values) for piece in pieces) or "SELECT 1"
        names = ", ".join(dialect.quote(name) for name in condition.on) or "1"
        return f"({names}) IN ({query})"

    def piece(self, piece: str | Slot, values: Sequence[Any]) -> str:
        if isinstance(piece, str):
            return piece
        literal, value = self.connection.dialect.literal, values[piece.index]
        if not piece.is_list:
            return literal(value)
        return ", ".join(
            literal(row[0]) if len(row) == 1 else f"({', '.join(map(literal, row))})" for row in value
        )


def _as_sql(term: str | bool) -> str:
    return "1=0" if term is False else str(term)


def _quoted(name: str) -> str:
    return f"`{name}`"


def _filled(text: str, values: Sequence[Any]) -> str:
    """Return a text of a fragment with its values in their places."""
    given = iter(values)
    return _PLACEHOLDER.sub(lambda found: _literal(next(given)) if found[0] == "?" else found[0], text)


def _literal(value: Any) -> str:
    """Write a value as restrictions take it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        return f"'{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}'"
    return "'" + str(value).replace("'", "''") + "'"
