"""Which rows of a table a query makes use of: one question for each place where it reads the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datajoint.algebra.plans.nodes import (
    Aggregate,
    All,
    Any_,
    Condition,
    Distinct,
    GroupBy,
    Join,
    Matches,
    Not,
    Plan,
    Project,
    Query,
    Restrict,
    Source,
    Top,
    Union,
)
from datajoint.heading.names import TableName

__all__ = ["uses"]


def uses(query: Query, name: TableName, rows: Query) -> Iterator[Query]:
    """Yield, for each place where a query reads a table, one that has rows only if some of these take part.

    A row takes part by its values, or as what other rows are matched with, whether they are kept for it or
    left out.

    Parameters
    ----------
    name, rows
        The table, and some of its rows.

    Examples
    --------
    >>> from datajoint.heading.attribute import Attribute
    >>> from datajoint.heading.heading import Heading
    >>> from datajoint.heading.types import parse_type
    >>> key = Attribute("a", parse_type("int32"), in_key=True)
    >>> table = Source(TableName("lab", "t"), Heading([key]))
    >>> some = Query(Restrict(table, Not(Matches(table, ()))))
    >>> len(list(uses(Query(Restrict(table, Matches(table, ("a",)))), table.name, some)))
    2
    """
    plan, values = query.plan, query.values
    match plan:
        case Source():
            yield from [rows] if plan.name == name else ()
        case Restrict():
            yield from _restricted(plan, values, name, rows)
        case Project() | GroupBy() | Distinct() | Top():
            inside = Query(plan.operand, values[: plan.operand.arity])
            for part in uses(inside, name, rows):
                yield _of_one(plan, values, part)
        case Join() | Aggregate() | Union():
            yield from _of_two(plan, values, name, rows)
        case _:
            raise TypeError(f"no such plan: {plan!r}")


def _of_one(plan: Project | GroupBy | Distinct | Top, values: tuple[Any, ...], part: Query) -> Query:
    match plan:
        case Project():
            node = Project(part.plan, plan.columns)
            node.heading = plan.heading
            return Query(node, part.values)
        case Distinct():
            return Query(Distinct(part.plan, plan.names, plan.heading), part.values)
        case _:
            on = plan.names if isinstance(plan, GroupBy) else plan.heading.key
            return Query(Restrict(plan, Matches(part.plan, on)), values + part.values)


def _restricted(plan: Restrict, values: tuple[Any, ...], name: TableName, rows: Query) -> Iterator[Query]:
    inside, own = values[: plan.operand.arity], values[plan.operand.arity :]
    for part in uses(Query(plan.operand, inside), name, rows):
        yield Query(Restrict(part.plan, plan.condition), part.values + own)
    for condition, taken in _conditions(plan.condition, own, name, rows):
        yield Query(Restrict(plan.operand, condition), inside + taken)


def _conditions(
    condition: Condition, values: tuple[Any, ...], name: TableName, rows: Query
) -> Iterator[tuple[Condition, tuple[Any, ...]]]:
    """Yield conditions that hold where rows are compared with some of these; what else must hold is kept."""
    match condition:
        case Matches(plan, on):
            for part in uses(Query(plan, values), name, rows):
                yield Matches(part.plan, on), part.values
        case All(terms) | Any_(terms):
            before: tuple[Any, ...] = ()
            for n, term in enumerate(terms):
                own, after = values[: term.arity], values[term.arity :]
                for one, taken in _conditions(term, own, name, rows):
                    if isinstance(condition, All):
                        yield All((*terms[:n], one, *terms[n + 1 :])), before + taken + after
                    else:
                        yield one, taken
                before, values = before + own, after
        case Not(term):
            yield from _conditions(term, values, name, rows)
        case _:
            pass


def _of_two(
    plan: Join | Aggregate | Union, values: tuple[Any, ...], name: TableName, rows: Query
) -> Iterator[Query]:
    left, right = (plan.operand, plan.group) if isinstance(plan, Aggregate) else (plan.left, plan.right)
    one, other = Query(left, values[: left.arity]), Query(right, values[left.arity :])
    for part in uses(one, name, rows):
        match plan:
            case Union():
                yield part
            case Join():
                kind = "left" if plan.kind == "outer" else plan.kind
                yield Query(Join(part.plan, right, plan.on, kind, plan.heading), part.values + other.values)
            case Aggregate():
                yield Query(_aggregated(plan, part.plan), part.values + other.values)
    for part in uses(other, name, rows):
        match plan:
            case Union():
                yield part
            case Join() if plan.kind == "outer":
                yield Query(Join(part.plan, left, plan.on, "left", plan.heading), part.values + one.values)
            case Join():
                yield Query(Join(left, part.plan, plan.on, "inner", plan.heading), one.values + part.values)
            case Aggregate():
                having = Restrict(left, Matches(part.plan, plan.on))
                yield Query(_aggregated(plan, having), one.values + part.values + other.values)


def _aggregated(plan: Aggregate, operand: Plan) -> Aggregate:
    node = Aggregate(operand, plan.group, plan.on, plan.kept, plan.aggregates, plan.keep_unmatched)
    node.heading = plan.heading
    return node
