"""The oracle: evaluates plans over rows held in Python, in the plainest way.

Nothing here is fast, and nothing is shared with the lowering to SQL: where a database and this module
disagree, one of the two is wrong about the language.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.aggregates import OUTER
from datajoint.algebra.plans.nodes import Condition, Plan, Query
from datajoint.heading.names import TableName
from datajoint.testing.expressions import aggregate, evaluate

__all__ = ["rows_of"]

Row = dict[str, Any]
Tables = Mapping[TableName, Sequence[Row]]


def rows_of(query: Query, tables: Tables) -> list[Row]:
    """Return the rows of a query.

    Parameters
    ----------
    tables
        Rows of each table, canonical values by attribute, hidden columns included where they are named.

    Examples
    --------
    >>> from datajoint.heading.heading import Heading
    >>> name = TableName("lab", "a")
    >>> rows_of(Query(nodes.Source(name, Heading([]))), {name: []})
    []
    """
    return [
        {name: row[name] for name in query.heading.order}
        for row in _Oracle(tables).rows(query.plan, query.values)
    ]


class _Oracle:
    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    def rows(self, plan: Plan, values: Sequence[Any]) -> list[Row]:
        match plan:
            case nodes.Source():
                return [dict(row) for row in self.tables[plan.name]]
            case nodes.Restrict():
                inner, own = self.split(plan.operand, values)
                return [row for row in inner if self.holds(plan.condition, own, row) is True]
            case nodes.Project():
                return [self.projected(plan, row) for row in self.rows(plan.operand, values)]
            case nodes.Join():
                return self.join(plan, values)
            case nodes.Aggregate():
                return self.aggregate(plan, values)
            case nodes.GroupBy():
                return self.group_by(plan, values)
            case nodes.Distinct():
                return self.distinct(plan, self.rows(plan.operand, values))
            case nodes.Union():
                return self.union(plan, values)
            case nodes.Top():
                return self.top(plan, values)
            case _:
                raise TypeError(f"no such plan: {plan!r}")

    def split(self, operand: Plan, values: Sequence[Any]) -> tuple[list[Row], Sequence[Any]]:
        return self.rows(operand, values[: operand.arity]), values[operand.arity :]

    # --------------------------------------------------------------------------------------- conditions

    def holds(self, condition: Condition, values: Sequence[Any], row: Row) -> bool | None:
        """Truth of a condition: True, False, or None for unknown."""
        match condition:
            case nodes.Const(value):
                return value
            case nodes.Equals(name):
                return None if row[name] is None else bool(row[name] == values[0])
            case nodes.IsNull(name):
                return row[name] is None
            case nodes.InValues(names):
                return self.listed([row[name] for name in names], values[0])
            case nodes.Matches(plan, on):
                return any(_equal(row, other, on) for other in self.rows(plan, values))
            case nodes.Text(fragment):
                result = evaluate(fragment.expression, row, values)
                return None if result is None else bool(result)
            case nodes.Not(term):
                inner = self.holds(term, values, row)
                return None if inner is None else not inner
            case nodes.All(terms):
                return _conjunction(self.each(terms, values, row))
            case nodes.Any_(terms):
                inverted = [None if term is None else not term for term in self.each(terms, values, row)]
                result = _conjunction(inverted)
                return None if result is None else not result
            case _:
                raise TypeError(f"no such condition: {condition!r}")

    @staticmethod
    def listed(given: list[Any], items: Sequence[Sequence[Any]]) -> bool | None:
        tests = [
            _conjunction([None if g is None else bool(g == i) for g, i in zip(given, item, strict=True)])
            for item in items
        ]
        if True in tests:
            return True
        return None if None in tests else False

    def each(self, terms: Sequence[Condition], values: Sequence[Any], row: Row) -> list[bool | None]:
        results: list[bool | None] = []
        at = 0
        for term in terms:
            results.append(self.holds(term, values[at : at + term.arity], row))
            at += term.arity
        return results

    # -------------------------------------------------------------------------------------------- plans

    @staticmethod
    def projected(plan: nodes.Project, row: Row) -> Row:
        return {
            new: row[old] if isinstance(old, str) else evaluate(old.expression, row, ())
            for new, old in plan.columns
        }

    def join(self, plan: nodes.Join, values: Sequence[Any]) -> list[Row]:
        left, own = self.split(plan.left, values)
        right = self.rows(plan.right, own)
        found: list[Row] = []
        for row in left:
            partners = [other for other in right if _equal(row, other, plan.on)]
            if not partners and plan.kind != "inner":
                partners = [dict.fromkeys(plan.right.heading.order)]
            found += [{**other, **row} for other in partners]
        if plan.kind == "outer":
            empty: Row = dict.fromkeys(plan.heading.order)
            alone = [row for row in right if not any(_equal(row, other, plan.on) for other in left)]
            found += [{**empty, **row} for row in alone]
        return found

    def aggregate(self, plan: nodes.Aggregate, values: Sequence[Any]) -> list[Row]:
        left, own = self.split(plan.operand, values)
        group = self.rows(plan.group, own)
        found: list[Row] = []
        for row in left:
            partners = [other for other in group if _equal(row, other, plan.on)]
            if not partners and not plan.keep_unmatched:
                continue
            # A row without a match still has one row to aggregate over, of NULLs on the other side.
            outer = {OUTER + name: value for name, value in row.items()}
            nothing: list[Row] = [dict.fromkeys(plan.group.heading.order)]
            members = [{**row, **other, **outer} for other in partners or nothing]
            kept = {new: row[old] for new, old in plan.kept}
            found.append(
                {**kept, **{new: aggregate(f.expression, members, ()) for new, f in plan.aggregates}}
            )
        return found

    def group_by(self, plan: nodes.GroupBy, values: Sequence[Any]) -> list[Row]:
        groups: dict[tuple[Any, ...], list[Row]] = {} if plan.names else {(): []}
        for row in self.rows(plan.operand, values):
            groups.setdefault(tuple(row[name] for name in plan.names), []).append(row)
        return [
            {
                **dict(zip(plan.names, key, strict=True)),
                **{new: aggregate(f.expression, members, ()) for new, f in plan.aggregates},
            }
            for key, members in groups.items()
        ]

    @staticmethod
    def distinct(plan: nodes.Distinct, rows: list[Row]) -> list[Row]:
        found = {tuple(row[name] for name in plan.names): row for row in rows}
        return [{name: row[name] for name in plan.names} for row in found.values()]

    def union(self, plan: nodes.Union, values: Sequence[Any]) -> list[Row]:
        left, own = self.split(plan.left, values)
        key = plan.heading.key
        right = {tuple(row[name] for name in key): row for row in self.rows(plan.right, own)}
        empty: Row = dict.fromkeys(plan.heading.order)
        found = [{**empty, **right.pop(tuple(row[name] for name in key), {}), **row} for row in left]
        return [*found, *({**empty, **row} for row in right.values())]

    def top(self, plan: nodes.Top, values: Sequence[Any]) -> list[Row]:
        rows, own = self.split(plan.operand, values)
        heading = plan.operand.heading
        types = {a.name: a.dtype for a in (*heading.hidden.values(), *heading.values())}
        for name, descending in reversed(plan.order):  # stable: the last criterion first
            rows.sort(key=lambda row: _rank(row[name], types[name].labels), reverse=descending)
        limit = own[0] if plan.limited else None
        offset = own[int(plan.limited)] if plan.shifted else 0
        return rows[offset:] if limit is None else rows[offset : offset + limit]


def _rank(value: Any, labels: Sequence[str]) -> tuple[bool, Any]:
    """Return what sorts as a value does: NULL first, values of an enum by their place in its list."""
    if value is None:
        return False, 0
    return True, labels.index(value) if labels else value


def _equal(row: Row, other: Row, on: Sequence[str]) -> bool:
    return all(row[name] is not None and row[name] == other[name] for name in on)


def _conjunction(terms: Sequence[bool | None]) -> bool | None:
    if False in terms:
        return False
    return None if None in terms else True
