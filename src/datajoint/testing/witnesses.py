"""The oracle of watched plans: which rows of the tables take part in a result, found in the plainest way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from datajoint.algebra.plans import nodes
from datajoint.algebra.plans.nodes import Condition, Plan, Query
from datajoint.testing.reference import Row, Tables, _Oracle

__all__ = ["witnesses_of"]

_MARK = "~events of "


def witnesses_of(query: Query, tables: Tables) -> list[list[Any]]:
    """Return, for each table that a walk of the plan meets, the events of the rows that take part.

    A row counts as often as it takes part. Tables of conditions are not met.

    Parameters
    ----------
    tables
        As for `reference.rows_of`, with `_event`.

    Examples
    --------
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.names import TableName
    >>> name = TableName("lab", "a")
    >>> witnesses_of(Query(nodes.Source(name, Heading([]))), {name: [{"_event": 5}]})
    [[5]]
    """
    oracle = _Witnesses(tables)
    rows = oracle.rows(query.plan, query.values)
    names = [f"{_MARK}{n}" for n in range(oracle.met)]
    return [[event for row in rows for event in row.get(name, ())] for name in names]


class _Witnesses(_Oracle):
    """Rows carry lists of events, each under the number of the table that a walk has met."""

    def __init__(self, tables: Tables) -> None:
        super().__init__(tables)
        self.met = 0
        self._inside = 0

    def holds(self, condition: Condition, values: Sequence[Any], row: Row) -> bool | None:
        self._inside += 1
        try:
            return super().holds(condition, values, row)
        finally:
            self._inside -= 1

    def rows(self, plan: Plan, values: Sequence[Any]) -> list[Row]:
        if isinstance(plan, nodes.Source) and not self._inside:
            name, self.met = f"{_MARK}{self.met}", self.met + 1
            return [{**row, name: [row["_event"]]} for row in self.tables[plan.name]]
        if isinstance(plan, nodes.Distinct):  # grouped: all rows of a group take part
            rows = self.rows(plan.operand, values)
            return [{**row, **_united(_alike(rows, row, plan.names))} for row in self.distinct(plan, rows)]
        return super().rows(plan, values)

    @staticmethod
    def projected(plan: nodes.Project, row: Row) -> Row:
        return {**_Oracle.projected(plan, row), **_united([row])}

    def aggregate(self, plan: nodes.Aggregate, values: Sequence[Any]) -> list[Row]:
        met = self.met
        left, own = self.split(plan.operand, values)
        group = self.rows(plan.group, own)
        self.met = met
        found = super().aggregate(plan, values)
        key = [new for new, old in plan.kept if old in plan.operand.heading.key]
        olds = [old for new, old in plan.kept if new in key]
        for row in found:
            mine = next(r for r in left if [r[old] for old in olds] == [row[new] for new in key])
            row.update(_united([mine]))
            row.update(
                _united([r for r in group if all(r[n] is not None and r[n] == mine[n] for n in plan.on)])
            )
        return found

    def group_by(self, plan: nodes.GroupBy, values: Sequence[Any]) -> list[Row]:
        met = self.met
        rows = self.rows(plan.operand, values)
        self.met = met
        found = super().group_by(plan, values)
        return [{**row, **_united(_alike(rows, row, plan.names))} for row in found]


def _alike(rows: Sequence[Row], one: Row, names: Sequence[str]) -> list[Row]:
    return [row for row in rows if all(row[name] == one[name] for name in names)]


def _united(rows: Sequence[Row]) -> Row:
    found: Row = {}
    for row in rows:
        for name, value in row.items():
            if name.startswith(_MARK):
                found[name] = [*found.get(name, ()), *value]
    return found
