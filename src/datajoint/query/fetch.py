"""Running queries: rows as dicts, tuples, arrays, keys; lengths and truth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from datajoint._edge import edge
from datajoint.algebra.plans import build, nodes
from datajoint.algebra.plans.nodes import Plan, Query, Text
from datajoint.algebra.text import fragment as fragments
from datajoint.engine import observe
from datajoint.engine.connection import Connection
from datajoint.engine.rows import RowDecoder
from datajoint.errors import DataJointError
from datajoint.heading.types import INTEGERS, TEXTS
from datajoint.query import where
from datajoint.query.restriction import Top, read_order
from datajoint.sql.select import count_rows, exists_row, select_rows
from datajoint.sql.statement import Statement

__all__ = ["compiled", "count", "dicts", "exists", "first_row", "limited", "raw_rows", "stream"]

_ORDERED = INTEGERS | TEXTS | {"date", "datetime", "timestamp", "decimal"}
"""Types of key attributes that conditions compare as ORDER BY sorts them."""

Row = dict[str, Any]

_PAGE = 10_000


def compiled(plan: Plan, connection: Connection, names: tuple[str, ...] = ()) -> tuple[Statement, RowDecoder]:
    """Return the SELECT of a plan, or of some attributes of it, and the decoder of its rows; made once."""
    key = ("rows", names)
    found = plan.statements.get(key)
    if found is None:
        wanted = [plan.heading[name] for name in names] or plan.heading.values()
        dialect = connection.dialect
        decoder = RowDecoder(wanted, dialect, connection.config, connection)
        found = plan.statements[key] = (select_rows(plan, dialect, names), decoder)
    return found


def limited(query: Query, order_by: Any = None, limit: int | None = None, offset: int | None = None) -> Query:
    """Order and cut an expression the way the fetch methods take it (FET-2)."""
    if order_by is None and limit is None and not offset:
        return query
    checked = Top(limit, order_by, offset or 0)
    order = read_order(order_by, query.heading)
    return build.top(query, order, checked.limit, checked.offset)


def raw_rows(
    query: Query, connection: Connection, names: tuple[str, ...] = ()
) -> tuple[list[Any], RowDecoder]:
    """Return all rows, or some attributes of them, as the driver gives them, and what decodes them."""
    watcher = observe.reading(connection, query.plan)
    if watcher is not None:
        return watcher.rows(query, connection, names)
    statement, decoder = compiled(query.plan, connection, names)
    return connection.fetch_all(statement.text, statement.bind(query.values), decoder.core), decoder


def dicts(query: Query, connection: Connection) -> list[dict[str, Any]]:
    """Return all rows as dicts."""
    rows, decoder = raw_rows(query, connection)
    return decoder.dicts(rows)


@edge
def stream(query: Query, connection: Connection) -> Iterator[dict[str, Any]]:
    """Yield rows as dicts, holding a chunk at a time (QRY-4, FET-10)."""
    watcher = observe.reading(connection, query.plan)
    if connection.in_transaction and not connection.dialect.features.open_cursors and _can_page(query):
        for page in _pages(query, _PAGE, lambda page: dicts(page, connection)):
            yield from page
        return
    if watcher is not None:
        yield from watcher.stream(query, connection)
        return
    statement, decoder = compiled(query.plan, connection)
    values = statement.bind(query.values)
    for rows in connection.stream(statement.text, values, decoder.part, decoder.core):
        yield from decoder.few_dicts(rows)


def first_row(query: Query, connection: Connection, names: tuple[str, ...] = ()) -> Sequence[Any]:
    """Return the only row, or some attributes of it, decoded.

    Raises
    ------
    DataJointError
        When there is none, or more than one.
    """
    watcher = observe.reading(connection, query.plan)
    if watcher is not None:
        rows, decoder = watcher.rows(query, connection, names)
    else:
        statement, decoder = compiled(query.plan, connection, names)
        rows = connection.fetch_few(statement.text, statement.bind(query.values), 2, decoder.core)
    if len(rows) != 1:
        raise _not_one(query, connection, count(query, connection) if rows else 0)
    return decoder.row(rows[0])


def _not_one(query: Query, connection: Connection, n: int) -> DataJointError:
    """Return the error for more than one row, or none."""
    key = query.heading.key
    if n:
        hint = f"Restrict by all of the key: {', '.join(key)}." if key else None
    else:
        conditions = [str(one) for one in where.restriction(query, connection)]
        hint = (
            f"There is no row with {' and '.join(conditions)}." if conditions else "There is no row at all."
        )
    return DataJointError(
        f"fetch1 requires exactly one tuple (row) in the input set; {n} tuples found.", hint=hint
    )


def count(query: Query, connection: Connection) -> int:
    """Return the number of rows."""
    watcher = observe.reading(connection, query.plan)
    if watcher is not None:
        return watcher.count(query, connection)
    return int(_scalar(query, connection, "count", count_rows)[0][0])


def exists(query: Query, connection: Connection) -> bool:
    """Return whether there is any row."""
    watcher = observe.reading(connection, query.plan)
    if watcher is not None:
        return watcher.exists(query, connection)
    return bool(_scalar(query, connection, "exists", exists_row))


def _scalar(query: Query, connection: Connection, purpose: str, write: Any) -> list[Any]:
    statement = query.plan.statements.get(purpose)
    if statement is None:
        statement = query.plan.statements[purpose] = write(query.plan, connection.dialect)
    return connection.fetch_all(statement.text, statement.bind(query.values))


# Reading by pages in key order, where a connection keeps no cursor open beside other statements (QRY-4).


def _can_page(query: Query) -> bool:
    """Whether the rows of a query can be told before and after each other by their keys."""
    heading = query.heading
    ordered = all(heading[name].dtype.kind in _ORDERED for name in heading.key)
    return (
        bool(heading.key) and ordered and not heading.nullable_key and not isinstance(query.plan, nodes.Top)
    )


def _pages(query: Query, size: int, read: Callable[[Query], list[Row]]) -> Iterator[list[Row]]:
    """Yield the rows in key order, `size` at a time; a page begins after the last key of the one before."""
    order = tuple((name, False) for name in query.heading.key)
    page = build.top(query, order, size, 0)
    while rows := read(page):
        yield rows
        if len(rows) < size:
            return
        page = build.top(_after(query, rows[-1]), order, size, 0)


def _after(query: Query, row: Row) -> Query:
    """Return the rows whose key is greater than that of a row."""
    terms: list[str] = []
    equal = ""
    for name in query.heading.key:
        labels = query.heading[name].dtype.labels
        if not labels:
            terms.append(f"{equal}`{name}` > {_literal(row[name])}")
        elif later := labels[labels.index(row[name]) + 1 :]:
            terms.append(f"{equal}`{name}` in ({', '.join(map(_literal, later))})")
        equal += f"`{name}` = {_literal(row[name])} and "
    fragment, values = fragments.parse_condition(" or ".join(terms or ["false"]), query.heading, "")
    return build.restrict(query, Text(fragment), values)


def _literal(value: Any) -> str:
    if isinstance(value, (str, UUID, date)):
        return "'" + str(value).replace("'", "''") + "'"
    return str(value)
