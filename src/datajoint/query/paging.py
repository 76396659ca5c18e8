"""Reading by pages in key order, where a connection keeps no cursor open beside other statements (QRY-4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from uuid import UUID

from datajoint.algebra.plans import build
from datajoint.algebra.plans.nodes import Query, Text, Top
from datajoint.algebra.text import fragment as fragments
from datajoint.heading.types import INTEGERS, TEXTS

__all__ = ["can_page", "pages"]

_ORDERED = INTEGERS | TEXTS | {"date", "datetime", "timestamp", "decimal"}
"""Types of key attributes that conditions compare as ORDER BY sorts them."""

Row = dict[str, Any]


def can_page(query: Query) -> bool:
    """Whether the rows of a query can be told before and after each other by their keys."""
    heading = query.heading
    ordered = all(heading[name].dtype.kind in _ORDERED for name in heading.key)
    return bool(heading.key) and ordered and not heading.nullable_key and not isinstance(query.plan, Top)


def pages(query: Query, size: int, read: Callable[[Query], list[Row]]) -> Iterator[list[Row]]:
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
